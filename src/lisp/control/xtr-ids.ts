// How an xTR is called (RFC 9301, section 5.6; RFC 9437): xTR-ID and Site-ID.

import { createHash } from "node:crypto";
import { SluiceError } from "../../sluice-error.js";
import type { XtrIds } from "../../wire/lisp-control/record.js";

/** Text that is no xTR-ID or Site-ID. */
export class XtrIdError extends SluiceError {
  readonly code = "XTR_ID";
}

/**
 * An xTR-ID (32 hexadecimal digits) and a Site-ID (16, by default 0). Without an xTR-ID it comes from the xTR's RLOCs,
 * which no two xTRs share: so it is the same after a restart, in every element of the xTR, and another one in each xTR
 * of a site. Throws XtrIdError.
 */
export function xtrIds(
  xtrId: string | undefined,
  siteId: string | undefined,
  rlocs: readonly Uint8Array[],
): XtrIds {
  return {
    xtrId: xtrId === undefined ? derived(rlocs) : read("XTR_ID", xtrId, 32),
    siteId: siteId === undefined ? new Uint8Array(8) : read("SITE_ID", siteId, 16),
  };
}

function read(name: string, text: string, digits: number): Uint8Array {
  if (new RegExp(`^[0-9a-f]{${digits}}$`, "i").test(text)) return Uint8Array.from(Buffer.from(text, "hex"));
  throw new XtrIdError(`${name}: '${text}' is not ${digits} hexadecimal digits`);
}

function derived(rlocs: readonly Uint8Array[]): Uint8Array {
  const sorted = [...rlocs].sort((a, b) => a.length - b.length || Buffer.compare(a, b));
  const parts = sorted.flatMap((rloc) => [Uint8Array.of(rloc.length), rloc]);
  const hash = createHash("sha256").update(Buffer.concat([Buffer.from("xTR-ID"), ...parts]));
  return new Uint8Array(hash.digest().subarray(0, 16));
}
