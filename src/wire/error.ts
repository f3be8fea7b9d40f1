// What a wire format's checked read throws.

import { CodedError } from "../sluice-error.js";

export type WireErrorCode =
  /** The bytes end before the message does. */
  | "TRUNCATED"
  /** A version or type that this format does not have. */
  | "BAD_VERSION"
  /** A length field that contradicts the bytes or itself. */
  | "BAD_LENGTH"
  | "BAD_CHECKSUM"
  /** Any other field with a value it must not have. */
  | "BAD_FIELD";

/** Bytes that are not a message of the format. The message names the format and the field. */
export class WireError extends CodedError<WireErrorCode> {}

/** A view of `bytes`; throws WireError where they are fewer than `least`. */
export function viewOf(bytes: Uint8Array, least: number, format: string): DataView {
  if (bytes.length < least)
    throw new WireError("TRUNCATED", `${format}: ${bytes.length} bytes, a header has ${least}`);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What `read` returns; null where the bytes that it reads are not a message of their format. */
export function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch (e) {
    if (e instanceof WireError) return null;
    throw e;
  }
}
