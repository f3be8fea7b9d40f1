// The LISP data header (RFC 9300, section 5.3): 8 bytes behind UDP port 4341.

import { SluiceError } from "../sluice-error.js";

export const LISP_DATA_PORT = 4341;
export const LISP_CONTROL_PORT = 4342;
export const LISP_DATA_SIZE = 8;

const FLAGS = 0; // N L E V I R K K
const CONTENT = 1; // 24 bits: nonce, or Source and Dest Map-Version of 12 bits each
const SECOND = 4; // 32 bits: Locator-Status-Bits, or instance ID (24) and Locator-Status-Bits (8)

export const N_BIT = 0x80;
export const L_BIT = 0x40;
export const E_BIT = 0x20;
export const V_BIT = 0x10;
export const I_BIT = 0x08;
export const K_BITS = 0x03;

/** What a data header says. Fields that are not in use are null. */
export interface LispDataHeader {
  /** 24 bits (N bit). */
  readonly nonce: number | null;
  /** The nonce is to be echoed (E bit; only with a nonce). */
  readonly echoRequest: boolean;
  /** Source and Destination Map-Version Number, 12 bits each (V bit; not with a nonce). */
  readonly versions: { readonly source: number; readonly destination: number } | null;
  /** Instance ID, 24 bits (I bit). */
  readonly iid: number | null;
  /** Locator-Status-Bits: 32 bits, 8 with an instance ID (L bit). */
  readonly statusBits: number | null;
  /** KK: not 0 when what follows is encrypted (RFC 8061). */
  readonly key: number;
}

/** A header that cannot be read or written. */
export class LispDataError extends SluiceError {
  readonly code = "LISP_DATA";
}

/**
 * Reads the header at `at`. With both N and V the content is a nonce; E without N says nothing; bits not in use
 * are ignored. Throws LispDataError when fewer than 8 bytes are there.
 */
export function readLispData(bytes: Uint8Array, at = 0): LispDataHeader {
  if (at < 0 || at + LISP_DATA_SIZE > bytes.length)
    throw new LispDataError(
      `a LISP data header is ${LISP_DATA_SIZE} bytes, ${Math.max(0, bytes.length - at)} are there`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, LISP_DATA_SIZE);
  const flags = view.getUint8(FLAGS);
  const content = view.getUint32(CONTENT - 1) & 0xffffff;
  const second = view.getUint32(SECOND);
  const nonce = (flags & N_BIT) !== 0 ? content : null;
  const iid = (flags & I_BIT) !== 0 ? second >>> 8 : null;
  return {
    nonce,
    echoRequest: nonce !== null && (flags & E_BIT) !== 0,
    versions:
      nonce === null && (flags & V_BIT) !== 0
        ? { source: content >>> 12, destination: content & 0xfff }
        : null,
    iid,
    statusBits: (flags & L_BIT) === 0 ? null : iid === null ? second : second & 0xff,
    key: flags & K_BITS,
  };
}

/** Writes the header's 8 bytes at `at`; what is not in use is zero. Throws LispDataError for what cannot be said, or no room. */
export function writeLispData(header: LispDataHeader, bytes: Uint8Array, at = 0): void {
  const { nonce, echoRequest, versions, iid, statusBits, key } = header;
  if (nonce !== null && versions !== null)
    throw new LispDataError("a data header has a nonce or Map-Versions, not both");
  if (echoRequest && nonce === null) throw new LispDataError("an echo request needs a nonce");
  if (at < 0 || at + LISP_DATA_SIZE > bytes.length)
    throw new LispDataError(`no room for a LISP data header of ${LISP_DATA_SIZE} bytes`);
  field("nonce", nonce, 0xffffff);
  field("Source Map-Version", versions?.source ?? null, 0xfff);
  field("Dest Map-Version", versions?.destination ?? null, 0xfff);
  field("instance ID", iid, 0xffffff);
  field("Locator-Status-Bits", statusBits, iid === null ? 0xffffffff : 0xff);
  field("key bits", key, K_BITS);
  const flags =
    (nonce === null ? 0 : N_BIT) |
    (statusBits === null ? 0 : L_BIT) |
    (echoRequest ? E_BIT : 0) |
    (versions === null ? 0 : V_BIT) |
    (iid === null ? 0 : I_BIT) |
    key;
  const content = versions === null ? (nonce ?? 0) : (versions.source << 12) | versions.destination;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, LISP_DATA_SIZE);
  view.setUint32(FLAGS, (flags * 0x1000000 + content) >>> 0);
  view.setUint32(SECOND, iid === null ? (statusBits ?? 0) : (iid * 256 + (statusBits ?? 0)) >>> 0);
}

function field(what: string, value: number | null, max: number): void {
  if (value !== null && (!Number.isInteger(value) || value < 0 || value > max))
    throw new LispDataError(`${what} ${value} is not from 0 to ${max}`);
}
