// Bytes read and written in order, with every bound checked.

import { LispControlError, type LispControlErrorCode } from "./error.js";

/** Bytes of the largest message: what UDP over IPv6 carries. */
export const LISP_CONTROL_MAX = 65527;

/** Reads big-endian fields from `at` up to `end`. Throws LispControlError (TRUNCATED) rather than go past it. */
export class Reader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at: number;
  /** What is being read stops here; narrowed while a part with a length of its own is read. */
  end: number;
  /** LCAFs around the address being read. */
  depth = 0;
  /** Whether records get the reserved bits that are set. They mean nothing to who receives them (RFC 9301, section 5). */
  readonly #keepsReserved: boolean;

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length, keepsReserved = true) {
    this.bytes = bytes;
    this.#keepsReserved = keepsReserved;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  /** Goes past `n` bytes and returns where they begin. */
  skip(n: number, what: string): number {
    const at = this.at;
    if (n > this.end - at)
      throw this.error("TRUNCATED", `${what}: ${n} bytes needed, ${this.end - at} are there`);
    this.at = at + n;
    return at;
  }

  u8(what: string): number {
    return this.#view.getUint8(this.skip(1, what));
  }

  u16(what: string): number {
    return this.#view.getUint16(this.skip(2, what));
  }

  u32(what: string): number {
    return this.#view.getUint32(this.skip(4, what));
  }

  u64(what: string): bigint {
    return this.#view.getBigUint64(this.skip(8, what));
  }

  /** A copy of the next `n` bytes: records outlive the packet they came in. */
  take(n: number, what: string): Uint8Array {
    const at = this.skip(n, what);
    // A Buffer's own slice would be a view of it.
    return Uint8Array.prototype.slice.call(this.bytes, at, at + n);
  }

  /** Whatever is left, as a field of a record; no field where nothing is. */
  trailer(): { trailer?: Uint8Array } {
    return this.left === 0 ? {} : { trailer: this.take(this.left, "trailer") };
  }

  /** The fields whose value is not 0: reserved bits appear in a record only where some are set, and are kept. */
  reserved<K extends string>(fields: { readonly [key in K]: number }): { [key in K]?: number } {
    const kept: { [key in K]?: number } = {};
    if (this.#keepsReserved) for (const key in fields) if (fields[key] !== 0) kept[key] = fields[key];
    return kept;
  }

  error(code: LispControlErrorCode, message: string, offset: number = this.at): LispControlError {
    return new LispControlError(code, offset, message);
  }
}

/** Writes big-endian fields. Throws LispControlError: BAD_FIELD for a value its field cannot hold, TOO_LONG. */
export class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  at = 0;
  /** LCAFs around the address being written. */
  depth = 0;

  #room(n: number): number {
    const at = this.at;
    const need = at + n;
    if (need > LISP_CONTROL_MAX)
      throw this.error("TOO_LONG", `a message of more than ${LISP_CONTROL_MAX} bytes`);
    if (need > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(need, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.at = need;
    return at;
  }

  u8(value: number, what: string): void {
    this.check(value, 0xff, what);
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number, what: string): void {
    this.check(value, 0xffff, what);
    const at = this.#room(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number, what: string): void {
    this.check(value, 0xffffffff, what);
    const at = this.#room(4);
    this.#view.setUint32(at, value);
  }

  u64(value: bigint, what: string): void {
    if (value < 0n || value > 0xffffffffffffffffn)
      throw this.error("BAD_FIELD", `${what} ${value} does not fit in 64 bits`);
    const at = this.#room(8);
    this.#view.setBigUint64(at, value);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** `bytes`, which must be `length` long. */
  fixed(bytes: Uint8Array, length: number, what: string): void {
    if (bytes.length !== length)
      throw this.error("BAD_FIELD", `${what} of ${bytes.length} bytes, ${length} it has`);
    this.raw(bytes);
  }

  /** Fills in a 16-bit length at `at` that was left out: the bytes written since its end. */
  lengthAt(at: number): void {
    const length = this.at - at - 2;
    this.check(length, 0xffff, "length");
    this.#view.setUint16(at, length);
  }

  check(value: number, max: number, what: string): void {
    if (!Number.isInteger(value) || value < 0 || value > max)
      throw this.error("BAD_FIELD", `${what} ${value} is not a whole number from 0 to ${max}`);
  }

  /** The reserved bits of a word, which lie in `mask`. */
  reserved(value: number | undefined, mask: number): number {
    if (value === undefined) return 0;
    this.check(value, 0xffffffff, "reserved bits");
    if ((value & ~mask) !== 0)
      throw this.error(
        "BAD_FIELD",
        `reserved bits 0x${value.toString(16)} where only 0x${mask.toString(16)} are`,
      );
    return value;
  }

  error(code: LispControlErrorCode, message: string): LispControlError {
    return new LispControlError(code, this.at, message);
  }

  /** The bytes written, copied. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.at);
  }
}
