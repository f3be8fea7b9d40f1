// Bytes of a stream by their position, from the first that somebody still needs: what may have to be sent again, or came
// before its turn. Its memory grows with the most that there ever was at once, up to its limit.

const FIRST = 65536;

export class ByteRing {
  readonly #most: number;
  #bytes: Uint8Array = new Uint8Array(0);
  #begin = 0;
  #end = 0;

  /** Holds `most` bytes at most. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Position of the first byte that is held. */
  get begin(): number {
    return this.#begin;
  }

  /** Position behind the last one. */
  get end(): number {
    return this.#end;
  }

  /** Puts `length` bytes of `from` at `at` where `position` is. False: they do not fit, or lie before its begin. */
  put(position: number, from: Uint8Array, at: number, length: number): boolean {
    const needed = position + length - this.#begin;
    if (position < this.#begin || needed > this.#most) return false;
    if (needed > this.#bytes.length) this.#grow(needed);
    const size = this.#bytes.length;
    const place = position % size;
    const first = Math.min(length, size - place);
    this.#bytes.set(from.subarray(at, at + first), place);
    this.#bytes.set(from.subarray(at + first, at + length), 0);
    this.#end = Math.max(this.#end, position + length);
    return true;
  }

  /** Copies `length` bytes from `position` on, which are held, to `to` at `at`. */
  get(position: number, length: number, to: Uint8Array, at: number): void {
    const size = this.#bytes.length;
    const place = position % size;
    const first = Math.min(length, size - place);
    to.set(this.#bytes.subarray(place, place + first), at);
    to.set(this.#bytes.subarray(0, length - first), at + first);
  }

  /** The bytes before `position` are needed no more. */
  drop(position: number): void {
    this.#begin = Math.max(this.#begin, position);
    this.#end = Math.max(this.#end, this.#begin);
  }

  #grow(needed: number): void {
    let size = Math.max(FIRST, this.#bytes.length);
    while (size < needed) size *= 2;
    const held = this.#end - this.#begin;
    const bytes = new Uint8Array(held);
    if (held > 0) this.get(this.#begin, held, bytes, 0);
    this.#bytes = new Uint8Array(size);
    const end = this.#end;
    if (held > 0) {
      const place = this.#begin % size;
      const first = Math.min(held, size - place);
      this.#bytes.set(bytes.subarray(0, first), place);
      this.#bytes.set(bytes.subarray(first), 0);
    }
    this.#end = end;
  }
}
