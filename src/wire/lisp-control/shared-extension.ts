// LISP Shared Extension Message (RFC 9304, section 3).
//
//   bits    field
//   0-3     Type = 15
//   4-15    Sub-type
//           extension-specific, from bit 16 on

import type { Reader, Writer } from "./cursor.js";

export interface SharedExtension {
  readonly type: "shared-extension";
  /** 12 bits. */
  readonly subtype: number;
  /** What follows, from the third byte on. */
  readonly body: Uint8Array;
}

export function readSharedExtension(r: Reader): SharedExtension {
  const subtype = r.u16("Shared Extension") & 0xfff;
  return { type: "shared-extension", subtype, body: r.take(r.left, "extension") };
}

export function writeSharedExtension(w: Writer, m: SharedExtension): void {
  w.check(m.subtype, 0xfff, "Sub-type");
  w.u16(0xf000 | m.subtype, "Shared Extension");
  w.raw(m.body);
}
