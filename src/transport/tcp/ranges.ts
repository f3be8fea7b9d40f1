// What has arrived ahead of its turn, as ranges of positions. Bounded: what would make one range too many is not taken,
// and comes again when the other end misses it.

/** Ranges that are kept at most: holes of one window. */
export const RANGES_MOST = 1024;

export class Ranges {
  /** Start and end of each, in order; they neither overlap nor touch. */
  #ends = new Float64Array(16);
  #count = 0;

  get count(): number {
    return this.#count;
  }
  start(i: number): number {
    return this.#ends[2 * i];
  }
  end(i: number): number {
    return this.#ends[2 * i + 1];
  }

  /** The range that holds `position` or, where none does, the next one behind it: its index. */
  find(position: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#ends[2 * middle + 1] <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether there is room for positions `start` to `end`. */
  takes(start: number, end: number): boolean {
    if (this.#count < RANGES_MOST) return true;
    const i = this.find(start);
    return (i > 0 && this.end(i - 1) === start) || (i < this.#count && this.start(i) <= end);
  }

  /** Adds positions `start` to `end`, for which there is room. */
  add(start: number, end: number): void {
    const ends = this.#ends;
    // The first range that it touches, and the one after the last.
    let first = this.find(start);
    if (first > 0 && ends[2 * first - 1] === start) first--;
    let after = first;
    while (after < this.#count && ends[2 * after] <= end) after++;
    if (after === first) {
      this.#insert(first, start, end);
      return;
    }
    ends[2 * first] = Math.min(ends[2 * first], start);
    ends[2 * first + 1] = Math.max(ends[2 * after - 1], end);
    this.#remove(first + 1, after);
  }

  /** Removes the first range. */
  shift(): void {
    this.#remove(0, 1);
  }

  #insert(at: number, start: number, end: number): void {
    if (2 * this.#count === this.#ends.length) {
      const larger = new Float64Array(2 * this.#ends.length);
      larger.set(this.#ends);
      this.#ends = larger;
    }
    this.#ends.copyWithin(2 * at + 2, 2 * at, 2 * this.#count);
    this.#ends[2 * at] = start;
    this.#ends[2 * at + 1] = end;
    this.#count++;
  }

  #remove(from: number, to: number): void {
    if (from === to) return;
    this.#ends.copyWithin(2 * from, 2 * to, 2 * this.#count);
    this.#count -= to - from;
  }
}
