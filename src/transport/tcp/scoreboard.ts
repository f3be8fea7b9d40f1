// What has been sent and is not acknowledged yet, segment by segment (the scoreboard of RFC 6675), with what RACK
// (RFC 8985) needs: when each was sent last, and a list in that order. A ring that grows with the window; nothing is
// allocated in the steady state.

/** The other end has it, says a SACK block. */
export const SACKED = 1;
/** Taken for lost. With RESENT: it was sent again since. */
export const LOST = 2;
export const RESENT = 4;
/** Was ever sent again: says nothing about the round-trip time (Karn's algorithm). */
export const EVER_RESENT = 8;

const NONE = -1;
const FIRST_SIZE = 16;

/** Segments are known by an index that counts on: `head` is the first that is unacknowledged, `tail` follows the last. */
export class Scoreboard {
  head = 0;
  tail = 0;
  /** Segments that are SACKED, LOST, and RESENT. */
  sacked = 0;
  lost = 0;
  resent = 0;
  /** How often a segment was taken for lost, in all. */
  everLost = 0;
  #mask = FIRST_SIZE - 1;
  #start = new Float64Array(FIRST_SIZE);
  #length = new Uint32Array(FIRST_SIZE);
  #sentAt = new Float64Array(FIRST_SIZE);
  #flags = new Uint8Array(FIRST_SIZE);
  /** The list by time of those that may still arrive: places in the ring. */
  #older = new Int32Array(FIRST_SIZE);
  #newer = new Int32Array(FIRST_SIZE);
  #first = NONE;
  #last = NONE;
  /** Before it there is nothing to be sent again. */
  #nextLost = 0;

  get count(): number {
    return this.tail - this.head;
  }

  /** Segments that are in the network, as far as is known (RFC 6675's pipe). */
  get inFlight(): number {
    return this.count - this.sacked - this.lost + this.resent;
  }

  start(index: number): number {
    return this.#start[index & this.#mask];
  }
  /** Sequence numbers that it takes. */
  length(index: number): number {
    return this.#length[index & this.#mask];
  }
  end(index: number): number {
    const place = index & this.#mask;
    return this.#start[place] + this.#length[place];
  }
  /** When it was sent last, steady ns. */
  sentAt(index: number): number {
    return this.#sentAt[index & this.#mask];
  }
  flags(index: number): number {
    return this.#flags[index & this.#mask];
  }

  /** Appends a segment that is sent now. */
  add(start: number, length: number, now: number): void {
    if (this.count > this.#mask) this.#grow();
    const place = this.tail++ & this.#mask;
    this.#start[place] = start;
    this.#length[place] = length;
    this.#sentAt[place] = now;
    this.#flags[place] = 0;
    this.#append(place);
  }

  /** Removes the first segment. */
  shift(): void {
    const place = this.head & this.#mask;
    this.#uncount(place);
    this.#unlink(place);
    this.head++;
    if (this.#nextLost < this.head) this.#nextLost = this.head;
  }

  /** The first segment begins at `position` now: what is before was acknowledged. */
  trim(position: number): void {
    const place = this.head & this.#mask;
    this.#length[place] -= position - this.#start[place];
    this.#start[place] = position;
  }

  /** Index of the segment that holds `position`; that of the first one when it is before, `tail` when it is behind all. */
  find(position: number): number {
    let low = this.head;
    let high = this.tail;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.end(middle) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  markSacked(index: number): void {
    const place = index & this.#mask;
    if ((this.#flags[place] & SACKED) !== 0) return;
    this.#uncount(place);
    this.#unlink(place);
    this.#flags[place] = (this.#flags[place] & EVER_RESENT) | SACKED;
    this.sacked++;
  }

  /** Takes it for lost, or, where it was sent again, that too. */
  markLost(index: number): void {
    const place = index & this.#mask;
    const flags = this.#flags[place];
    if ((flags & SACKED) !== 0) return;
    if ((flags & RESENT) !== 0) this.resent--;
    if ((flags & LOST) === 0) this.lost++;
    if ((flags & LOST) === 0 || (flags & RESENT) !== 0) this.everLost++;
    this.#flags[place] = (flags & EVER_RESENT) | LOST;
    this.#unlink(place);
    if (index < this.#nextLost) this.#nextLost = index;
  }

  /** The other end has dropped what it had said it had (RFC 2018 section 8), or never knew SACK: forgets all of it. */
  forgetSacks(): void {
    for (let index = this.head; index < this.tail; index++) {
      const place = index & this.#mask;
      if ((this.#flags[place] & SACKED) === 0) continue;
      this.#flags[place] &= EVER_RESENT;
      this.sacked--;
      this.#append(place);
    }
  }

  /** It is sent again now. */
  resend(index: number, now: number): void {
    const place = index & this.#mask;
    if ((this.#flags[place] & RESENT) === 0) this.resent++;
    this.#flags[place] |= RESENT | EVER_RESENT;
    this.#sentAt[place] = now;
    this.#unlink(place);
    this.#append(place);
  }

  /** It is sent again though it is not taken for lost. */
  touch(index: number, now: number): void {
    const place = index & this.#mask;
    this.#flags[place] |= EVER_RESENT;
    this.#sentAt[place] = now;
    this.#unlink(place);
    this.#append(place);
  }

  /** Nothing is lost after all. */
  unmarkLost(): void {
    const waiting: number[] = [];
    for (let index = this.head; index < this.tail; index++) {
      const place = index & this.#mask;
      if ((this.#flags[place] & SACKED) !== 0) continue;
      this.#flags[place] &= ~LOST;
      this.#unlink(place);
      waiting.push(index);
    }
    this.lost = 0;
    waiting.sort((a, b) => this.sentAt(a) - this.sentAt(b) || a - b);
    for (const index of waiting) this.#append(index & this.#mask);
  }

  /** Index of the first segment that is lost and was not sent again; `tail` when there is none. */
  nextLost(): number {
    while (
      this.#nextLost < this.tail &&
      (this.#flags[this.#nextLost & this.#mask] & (LOST | RESENT)) !== LOST
    )
      this.#nextLost++;
    return this.#nextLost;
  }

  /** Index of the segment that was sent before all others and may still arrive, and the next after `index`; -1: none. */
  oldest(): number {
    return this.#indexOf(this.#first);
  }
  newer(index: number): number {
    return this.#indexOf(this.#newer[index & this.#mask]);
  }

  /** Cuts what is longer than `most` into segments that are not: the path takes no longer ones. All count as lost. */
  resegment(most: number): void {
    const pieces: number[] = [];
    for (let index = this.head; index < this.tail; index++) {
      const end = this.end(index);
      for (let start = this.start(index); start < end; start += most)
        pieces.push(start, Math.min(most, end - start), this.sentAt(index), this.flags(index));
    }
    while (this.count > 0) this.shift();
    for (let i = 0; i < pieces.length; i += 4) {
      this.add(pieces[i], pieces[i + 1], pieces[i + 2]);
      const index = this.tail - 1;
      if ((pieces[i + 3] & SACKED) !== 0) this.markSacked(index);
      else this.markLost(index);
      this.#flags[index & this.#mask] |= EVER_RESENT;
    }
    this.#nextLost = this.head;
  }

  #uncount(place: number): void {
    const flags = this.#flags[place];
    if ((flags & SACKED) !== 0) this.sacked--;
    if ((flags & LOST) !== 0) this.lost--;
    if ((flags & RESENT) !== 0) this.resent--;
  }

  #indexOf(place: number): number {
    return place === NONE ? NONE : this.head + ((place - this.head) & this.#mask);
  }

  #append(place: number): void {
    this.#older[place] = this.#last;
    this.#newer[place] = NONE;
    if (this.#last === NONE) this.#first = place;
    else this.#newer[this.#last] = place;
    this.#last = place;
  }

  /** Takes it off the list by time; nothing where it is not on it. */
  #unlink(place: number): void {
    const older = this.#older[place];
    const newer = this.#newer[place];
    if (older === NONE && this.#first !== place) return;
    if (older === NONE) this.#first = newer;
    else this.#newer[older] = newer;
    if (newer === NONE) this.#last = older;
    else this.#older[newer] = older;
    this.#older[place] = this.#newer[place] = NONE;
  }

  #grow(): void {
    const old = { mask: this.#mask, older: this.#older, newer: this.#newer };
    const arrays = [this.#start, this.#length, this.#sentAt, this.#flags] as const;
    const size = 2 * (old.mask + 1);
    const mask = size - 1;
    const moved = (place: number): number =>
      place === NONE ? NONE : (this.head + ((place - this.head) & old.mask)) & mask;
    this.#start = new Float64Array(size);
    this.#length = new Uint32Array(size);
    this.#sentAt = new Float64Array(size);
    this.#flags = new Uint8Array(size);
    this.#older = new Int32Array(size).fill(NONE);
    this.#newer = new Int32Array(size).fill(NONE);
    for (let index = this.head; index < this.tail; index++) {
      const from = index & old.mask;
      const to = index & mask;
      this.#start[to] = arrays[0][from];
      this.#length[to] = arrays[1][from];
      this.#sentAt[to] = arrays[2][from];
      this.#flags[to] = arrays[3][from];
      this.#older[to] = moved(old.older[from]);
      this.#newer[to] = moved(old.newer[from]);
    }
    this.#first = moved(this.#first);
    this.#last = moved(this.#last);
    this.#mask = mask;
  }
}
