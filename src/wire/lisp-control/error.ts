// What the codecs of LISP control messages throw.

import { CodedError } from "../../sluice-error.js";

export type LispControlErrorCode =
  /** The bytes end before the message does. */
  | "TRUNCATED"
  /** A message type that LISP does not have. */
  | "BAD_TYPE"
  /** An address family this codec does not know: such a message is dropped (RFC 9301, section 5.1). */
  | "BAD_AFI"
  /** A version of the inner IP header that is neither 4 nor 6. */
  | "BAD_VERSION"
  /** A length or count that contradicts the bytes or itself. */
  | "BAD_LENGTH"
  | "BAD_CHECKSUM"
  /** A field with a value it must not have, or that it cannot hold. */
  | "BAD_FIELD"
  /** Addresses or messages nested deeper than `LCAF_DEPTH_MAX`, or an ECM inside an ECM. */
  | "TOO_DEEP"
  /** More items in one LCAF than `LCAF_ITEMS_MAX`. */
  | "TOO_MANY"
  /** More bytes than a UDP datagram holds. */
  | "TOO_LONG";

/** Bytes that are no LISP control message, or a record that cannot be one. */
export class LispControlError extends CodedError<LispControlErrorCode> {
  /** Byte of the message (for an ECM, of the outer one) at which the trouble stands. */
  readonly offset: number;

  constructor(code: LispControlErrorCode, offset: number, message: string) {
    super(code, `${message} (byte ${offset})`);
    this.offset = offset;
  }
}
