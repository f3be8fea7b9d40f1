// What the database writes into a store: keys, and values that show when they are not what was written.
//
//   key                                               value, after its CRC-32
//   "r"                                                 u64 revision of the last transaction
//   "e" u24 instance ID, 4 or 16 bytes EID, u8 length   entry (codec.ts)
//   "n" name                                            u64 nonce

import { sameAddress } from "../../net/address.js";
import type { EidPrefix } from "../../net/eid.js";
import { masked } from "../../net/prefix.js";
import { SluiceError } from "../../sluice-error.js";
import { RegistrationError } from "./registration.js";

/** A key or value in a store that this program cannot have written. */
export class RecordError extends SluiceError {
  readonly code = "RECORD";
}

/** Longest name of a nonce, in bytes of UTF-8. */
export const NONCE_NAME_MAX = 255;

const REVISION = 0x72;
const ENTRY = 0x65;
const NONCE = 0x6e;

export type RecordKey =
  | { readonly kind: "revision" }
  | { readonly kind: "entry"; readonly of: EidPrefix }
  | { readonly kind: "nonce"; readonly of: string };

const utf8 = new TextEncoder();

export function revisionKey(): Uint8Array {
  return Uint8Array.of(REVISION);
}

/** The EID-prefix has no bits beyond its length. */
export function entryKey({ iid, eid }: EidPrefix): Uint8Array {
  const size = eid.address.length;
  const key = new Uint8Array(5 + size);
  key[0] = ENTRY;
  key[1] = iid >>> 16;
  key[2] = iid >>> 8;
  key[3] = iid;
  key.set(eid.address, 4);
  key[4 + size] = eid.length;
  return key;
}

/** Throws RegistrationError. */
export function nonceKey(name: string): Uint8Array {
  const bytes = utf8.encode(name);
  if (bytes.length > NONCE_NAME_MAX)
    throw new RegistrationError(
      `the name of a nonce has ${bytes.length} bytes, at most ${NONCE_NAME_MAX} can be`,
    );
  const key = new Uint8Array(1 + bytes.length);
  key[0] = NONCE;
  key.set(bytes, 1);
  return key;
}

/** Throws RecordError. */
export function parseKey(key: Uint8Array): RecordKey {
  if (key[0] === REVISION && key.length === 1) return { kind: "revision" };
  if (key[0] === NONCE) return { kind: "nonce", of: new TextDecoder().decode(key.subarray(1)) };
  const size = key.length - 5;
  const length = key[key.length - 1];
  if (key[0] !== ENTRY || (size !== 4 && size !== 16) || length > size * 8)
    throw new RecordError("an unknown key");
  const address = key.slice(4, 4 + size);
  if (!sameAddress(address, masked(address, length)))
    throw new RecordError("a key with bits beyond its prefix length");
  return { kind: "entry", of: { iid: (key[1] << 16) | (key[2] << 8) | key[3], eid: { address, length } } };
}

const CRC_TABLE: Readonly<Uint32Array> = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc(bytes: Uint8Array, from: number, sum: number): number {
  for (let i = from; i < bytes.length; i++) sum = CRC_TABLE[(sum ^ bytes[i]) & 0xff] ^ (sum >>> 8);
  return sum;
}

function checksum(key: Uint8Array, value: Uint8Array): number {
  return ~crc(value, 4, crc(key, 0, -1)) >>> 0;
}

/** The content with a checksum before it, over key and content: a value can not take another's place. */
export function seal(key: Uint8Array, content: Uint8Array): Uint8Array {
  // From Buffer's pool, as entries are.
  const value = Buffer.allocUnsafe(4 + content.length);
  value.set(content, 4);
  value.writeUInt32BE(checksum(key, value));
  return value;
}

/** The content of a sealed value. Throws RecordError. */
export function unseal(key: Uint8Array, value: Uint8Array): Uint8Array {
  if (value.length < 4) throw new RecordError("a value that is cut short");
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (view.getUint32(0) !== checksum(key, value)) throw new RecordError("a value with a wrong checksum");
  return value.subarray(4);
}

export function encodeNumber(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

/** Throws RecordError. */
export function decodeNumber(bytes: Uint8Array): bigint {
  if (bytes.length !== 8) throw new RecordError(`a number of ${bytes.length} bytes`);
  return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
}
