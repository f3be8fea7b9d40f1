// LISP Shared Extension Message (RFC 9304, section 3).
//
//   bits    field
//   0-3     Type = 15
//   4-15    Sub-type
//           extension-specific, from bit 16 on

import { CHANGE_PRIORITY_SUBTYPE, type ChangePriority, readChangePriority } from "./change-priority.js";
import type { Reader, Writer } from "./cursor.js";

/** One of a sub-type without a codec of its own. */
export interface SharedExtension {
  readonly type: "shared-extension";
  /** 12 bits. */
  readonly subtype: number;
  /** What follows, from the third byte on. */
  readonly body: Uint8Array;
}

/** A message of type 15: with the codec of its sub-type, where there is one. */
export function readSharedExtension(r: Reader): SharedExtension | ChangePriority {
  const at = r.at;
  const subtype = r.u16("Shared Extension") & 0xfff;
  if (subtype === CHANGE_PRIORITY_SUBTYPE) {
    r.at = at;
    return readChangePriority(r);
  }
  return { type: "shared-extension", subtype, body: r.take(r.left, "extension") };
}

export function writeSharedExtension(w: Writer, m: SharedExtension): void {
  w.check(m.subtype, 0xfff, "Sub-type");
  if (m.subtype === CHANGE_PRIORITY_SUBTYPE)
    throw w.error(
      "BAD_FIELD",
      `sub-type ${m.subtype} is a Change-Priority message, which has a record of its own`,
    );
  w.u16(0xf000 | m.subtype, "Shared Extension");
  w.raw(m.body);
}
