// Values in order, in pieces: to put one into an array of a million moves what stands behind it.

/** Values of a piece; a fuller one is cut in two, and two that have no more than half of it together become one. */
const PIECE_MAX = 256;

/** Values in order, no two of them the same to `compare`. No call takes longer for what it holds. */
export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  /** None is empty, but for the only one. */
  readonly #pieces: T[][] = [[]];
  #size = 0;

  /** `compare`: below 0 where `a` stands before `b`, 0 where they are the same. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#size;
  }

  /** Puts a value in, in place of the same. */
  add(value: T): void {
    const p = this.#pieceOf(value);
    const piece = this.#pieces[p];
    const at = this.#placeIn(piece, value);
    if (at < piece.length && this.#compare(piece[at], value) === 0) {
      piece[at] = value;
      return;
    }
    piece.splice(at, 0, value);
    this.#size++;
    if (piece.length > PIECE_MAX) this.#pieces.splice(p + 1, 0, piece.splice(PIECE_MAX / 2));
  }

  /** Takes out what is the same as `value`; returns whether there was one. */
  remove(value: T): boolean {
    const p = this.#pieceOf(value);
    const piece = this.#pieces[p];
    const at = this.#placeIn(piece, value);
    if (at === piece.length || this.#compare(piece[at], value) !== 0) return false;
    piece.splice(at, 1);
    this.#size--;
    for (const left of [p - 1, p]) {
      if (left < 0 || left + 1 >= this.#pieces.length) continue;
      const both = this.#pieces[left].length + this.#pieces[left + 1].length;
      if (both > PIECE_MAX / 2 && piece.length > 0) continue;
      this.#pieces[left].push(...this.#pieces[left + 1]);
      this.#pieces.splice(left + 1, 1);
      break;
    }
    return true;
  }

  /** The value that is the same as `value`. */
  get(value: T): T | undefined {
    const piece = this.#pieces[this.#pieceOf(value)];
    const found = piece[this.#placeIn(piece, value)];
    return found !== undefined && this.#compare(found, value) === 0 ? found : undefined;
  }

  /** The last that stands before `value`. */
  before(value: T): T | undefined {
    const p = this.#pieceOf(value);
    const at = this.#placeIn(this.#pieces[p], value);
    return at > 0 ? this.#pieces[p][at - 1] : this.#pieces[p - 1]?.at(-1);
  }

  /** Those from `value` on, which may be in it or not; all without one. Nothing may come or go meanwhile. */
  *from(value?: T): IterableIterator<T> {
    let p = value === undefined ? 0 : this.#pieceOf(value);
    let at = value === undefined ? 0 : this.#placeIn(this.#pieces[p], value);
    for (; p < this.#pieces.length; p++, at = 0) {
      const piece = this.#pieces[p];
      for (; at < piece.length; at++) yield piece[at];
    }
  }

  /** The piece that holds the value, or would: the last whose first value does not stand behind it. */
  #pieceOf(value: T): number {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#compare(this.#pieces[middle][0], value) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #placeIn(piece: readonly T[], value: T): number {
    let low = 0;
    let high = piece.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(piece[middle], value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
