// The receiving half of a connection: what came, what is missing, and when to say so. Data are handed on as they come,
// each byte once, with their position; whoever takes them knows where they belong, so nothing is stored here but
// ranges. Acknowledgements: every second full segment, else delayed (RFC 9293 section 3.8.6.3, RFC 5681 section 4.2);
// at once while there is a hole, with SACK blocks (RFC 2018) and duplicates (RFC 2883).

import { SACK_BLOCKS } from "../../wire/tcp.js";
import type { TcpTimer } from "./contract.js";
import { Ranges } from "./ranges.js";

/** How long an acknowledgement is delayed, ns: Linux's least; RFC 9293 allows 500 ms. */
const ACK_DELAY = 40e6;
/** Segments at the beginning that are acknowledged each by itself, so that slow start gets on. */
const QUICK_ACKS = 16;
/** Least segment that is taken for a full one, bytes. */
const FULL_LEAST = 88;

export class TcpReceiver {
  /** All before it has arrived: a position. */
  next = 0;
  /** Where the stream ends, behind the FIN; Infinity until that has come. */
  end: number = Number.POSITIVE_INFINITY;
  /** Bytes that may be on their way. */
  window = 0;
  /** The edge of the window that was told last. */
  edge = 0;
  /** What was acknowledged last. */
  told = 0;
  /** Data bytes of the longest segment that came. */
  segment = 0;
  /** Bytes that came twice. */
  duplicateBytes = 0;
  /** An acknowledgement is to leave at once. */
  due = false;
  readonly #ranges = new Ranges();
  readonly #timer: TcpTimer;
  readonly #segmentMost: number;
  #quick = QUICK_ACKS;
  #lastCame = 0;
  /** Positions that came last out of turn, latest first: their ranges are told first. */
  readonly #latest = new Float64Array(SACK_BLOCKS);
  #latestCount = 0;
  /** A duplicate to tell of. */
  #twiceStart = 0;
  #twiceEnd = 0;

  /** `segmentMost`: data bytes of a segment, however many a device joins to one. */
  constructor(timer: TcpTimer, segmentMost: number) {
    this.#timer = timer;
    this.#segmentMost = segmentMost;
  }

  /** The SYN came: data begin at position 1, and `window` bytes may be on their way. */
  begin(window: number): void {
    this.window = window;
    this.next = this.told = 1;
    this.edge = 1 + window;
  }

  /** Whether there are holes in what came. */
  get holes(): boolean {
    return this.#ranges.count > 0;
  }

  /**
   * Takes a segment from position `start` to `end`, data and FIN, within the window. `take` is given each range of
   * positions that is new. Returns false where too many holes are open to take it.
   */
  receive(
    start: number,
    end: number,
    now: number,
    timeout: number,
    take: (from: number, to: number) => void,
  ): boolean {
    this.segment = Math.max(this.segment, Math.min(end - start, this.#segmentMost));
    if (now - this.#lastCame > timeout) this.#quick = QUICK_ACKS;
    this.#lastCame = now;
    if (start < this.next) this.duplicate(start, Math.min(end, this.next));
    const from = Math.max(start, this.next);
    if (from >= end) return true;
    const ranges = this.#ranges;
    if (from > this.next) {
      const first = ranges.find(from);
      const known = first < ranges.count && ranges.start(first) <= from && ranges.end(first) >= end;
      if (known) this.duplicate(from, end);
      // What is new is handed on before the ranges say that it came; a full table takes only what joins one of them.
      if (!known && !ranges.takes(from, end)) return false;
      if (!known) this.#handOn(from, end, take);
      ranges.add(from, end);
      this.#remember(from);
      this.due = true;
      return true;
    }
    // What fills a hole is acknowledged at once.
    if (ranges.count > 0) this.due = true;
    this.#handOn(from, end, take);
    this.next = end;
    while (ranges.count > 0 && ranges.start(0) <= this.next) {
      this.next = Math.max(this.next, ranges.end(0));
      ranges.shift();
    }
    this.#delay(now);
    return true;
  }

  /** Gives `take` what of a segment did not come before. */
  #handOn(start: number, end: number, take: (from: number, to: number) => void): void {
    const ranges = this.#ranges;
    let from = start;
    for (let i = ranges.find(start); from < end; i++) {
      const hole = i < ranges.count ? Math.min(end, ranges.start(i)) : end;
      if (hole > from) take(from, hole);
      from = i < ranges.count ? ranges.end(i) : end;
    }
  }

  /** A segment came that had come before, at least from `start` to `end`: told at once. */
  duplicate(start: number, end: number): void {
    this.#twiceStart = start;
    this.#twiceEnd = end;
    this.duplicateBytes += end - start;
    this.due = true;
  }

  #remember(position: number): void {
    const latest = this.#latest;
    const { length } = latest;
    latest.copyWithin(1, 0, length - 1);
    latest[0] = position;
    this.#latestCount = Math.min(this.#latestCount + 1, length);
  }

  /** Decides on the acknowledgement of data that came in turn. */
  #delay(now: number): void {
    const waiting = this.next - this.told;
    if (this.#quick > 0) {
      this.#quick--;
      this.due = true;
    } else if (waiting > Math.max(this.segment, FULL_LEAST) || this.next >= this.end) this.due = true;
    if (!this.due && !this.#timer.scheduled) this.#timer.scheduleAt(now + ACK_DELAY);
  }

  /** An acknowledgement leaves, with data or without. */
  acknowledged(): void {
    this.told = this.next;
    this.due = false;
    this.edge = Math.max(this.edge, this.next + this.window);
    if (this.#timer.scheduled) this.#timer.unschedule();
  }

  /** Writes up to `most` SACK blocks, as positions, into `blocks`; returns how many. The duplicate is told once. */
  sackBlocks(blocks: Float64Array, most: number): number {
    let count = 0;
    if (this.#twiceEnd > this.#twiceStart) {
      blocks[0] = this.#twiceStart;
      blocks[1] = this.#twiceEnd;
      this.#twiceEnd = this.#twiceStart;
      count = 1;
    }
    const ranges = this.#ranges;
    const first = count;
    for (let k = 0; k < this.#latestCount && count < most; k++) {
      const i = ranges.find(this.#latest[k]);
      if (i === ranges.count || ranges.start(i) > this.#latest[k]) continue;
      if (!has(blocks, first, count, ranges.start(i))) {
        blocks[2 * count] = ranges.start(i);
        blocks[2 * count + 1] = ranges.end(i);
        count++;
      }
    }
    return count;
  }
}

function has(blocks: Float64Array, from: number, to: number, start: number): boolean {
  for (let i = from; i < to; i++) if (blocks[2 * i] === start) return true;
  return false;
}
