// What the mapping database holds: for each EID-prefix, who registered it and what.

import { type EidPrefix, sameEid } from "../../net/eid.js";
import { SluiceError } from "../../sluice-error.js";
import { checkMapping, type Mapping } from "../mapping.js";

/** What one xTR registered for an EID-prefix (RFC 9301, section 5.6). */
export interface Registration {
  readonly mapping: Mapping;
  /** 16 bytes; null when the Map-Register had none (its I bit). */
  readonly xtrId: Uint8Array | null;
  /** 64 bits; null when the Map-Register had none. */
  readonly siteId: bigint | null;
  /** Where it came from: 4 or 16 bytes. */
  readonly source: Uint8Array;
  /** The site whose key authenticated it: at most 255 bytes of UTF-8. */
  readonly site: string;
  /** Of the Map-Register: 64 bits. */
  readonly nonce: bigint;
  /** Steady nanoseconds of the router's clock; Infinity: never. */
  readonly expiry: number;
  /** The P bit: the Map-Server answers for it. */
  readonly proxy: boolean;
  /** The merge-semantics bit. */
  readonly merge: boolean;
  /** The M bit: it wants Map-Notify messages. */
  readonly notify: boolean;
  /** The EID-Record as it came, for what a Mapping does not say (LCAFs passed on); at most 65,535 bytes. */
  readonly raw: Uint8Array | null;
}

/** An EID-prefix and all that is registered for it. */
export interface Entry extends EidPrefix {
  /** 1 to 255; which of them a new Map-Register replaces is its taker's decision. */
  readonly registrations: readonly Registration[];
}

/** A registration that the database cannot hold. */
export class RegistrationError extends SluiceError {
  readonly code = "REGISTRATION";
}

export const REGISTRATIONS_MAX = 255;
export const RAW_MAX = 0xffff;
const NONCE_MAX = 0xffffffffffffffffn;

/** Checks what the types do not say. Throws RegistrationError or MappingError. */
export function checkEntry(entry: Entry): void {
  const { registrations } = entry;
  if (registrations.length === 0 || registrations.length > REGISTRATIONS_MAX)
    throw new RegistrationError(`${registrations.length} registrations for one EID-prefix, 1 to 255 can be`);
  for (const r of registrations) {
    checkMapping(r.mapping);
    if (!sameEid(entry, r.mapping))
      throw new RegistrationError("a registration whose mapping is for another EID-prefix");
    check(r.source.length === 4 || r.source.length === 16, `a source of ${r.source.length} bytes`);
    check(r.xtrId === null || r.xtrId.length === 16, `an xTR-ID of ${r.xtrId?.length} bytes`);
    check(r.siteId === null || (r.siteId >= 0n && r.siteId <= NONCE_MAX), `Site-ID ${r.siteId}`);
    check(r.nonce >= 0n && r.nonce <= NONCE_MAX, `nonce ${r.nonce}`);
    check(!Number.isNaN(r.expiry), "an expiry that is no number");
    check(Buffer.byteLength(r.site) <= 255, "a site name of more than 255 bytes");
    check((r.raw?.length ?? 0) <= RAW_MAX, `an EID-Record of ${r.raw?.length} bytes`);
  }
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new RegistrationError(`${what} cannot be`);
}
