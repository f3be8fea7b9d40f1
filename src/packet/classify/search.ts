// A run of questions about one word, turned into a table that is searched by
// the word's value instead of being asked one after another.

import type { Test } from "./expr.js";
import type { Target } from "./program.js";
import type { Part } from "./word.js";

/** One question of a run, and where its yes leads. */
export interface Member {
  readonly test: Test;
  readonly target: Target;
}

/** Where one value leads; values not listed lead on. */
export interface Case {
  readonly value: number;
  readonly target: Target;
}

/** From `start` up to the next segment's start; target null: leads on. */
export interface Segment {
  readonly start: number;
  readonly target: Target | null;
}

/**
 * The mask under which both fields are intervals of one number, or 0 where
 * there is none: one mask must be the other's upper bits.
 */
export function commonMask(a: number, b: number): number {
  if (isUpper(a, b)) return b;
  return isUpper(b, a) ? a : 0;
}

function isUpper(upper: number, whole: number): boolean {
  if ((upper & ~whole) !== 0) return false;
  const rest = (whole & ~upper) >>> 0;
  return rest < (upper & -upper) >>> 0;
}

/** Cases by value, for members that ask the same field for values; the first member with a value has it. */
export function cases(members: readonly Member[], stored: (value: number) => number): Case[] {
  const found = new Map<number, Case>();
  for (const { test, target } of members) {
    for (const v of test.values) {
      const value = stored(v);
      if (!found.has(value)) found.set(value, { value, target });
    }
  }
  return [...found.values()].sort((a, b) => a.value - b.value);
}

interface Interval {
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
  /** Place among the members: the lower wins. */
  readonly rank: number;
}

/**
 * Segments of the numbers that `part` makes of words under `mask`, ascending
 * from 0, each led by the first member that holds there.
 */
export function segments(members: readonly Member[], mask: number, part: Part): Segment[] {
  const intervals: Interval[] = [];
  members.forEach(({ test }, rank) => {
    const rest = mask & ~test.mask;
    for (const v of test.values) {
      const last = part.value(v | rest);
      const from = test.kind === "gt" ? last + 1 : part.value(v);
      if (from <= part.full)
        intervals.push({ start: from, end: test.kind === "gt" ? part.full : last, rank });
    }
  });
  intervals.sort((a, b) => a.start - b.start);
  const points = [...new Set([0, ...intervals.map((i) => i.start), ...intervals.map((i) => i.end + 1)])]
    .filter((p) => p <= part.full)
    .sort((a, b) => a - b);

  const active = new Heap();
  const found: Segment[] = [];
  let next = 0;
  for (const start of points) {
    while (next < intervals.length && intervals[next].start <= start) active.push(intervals[next++]);
    while (active.top !== undefined && active.top.end < start) active.pop();
    const target = active.top === undefined ? null : members[active.top.rank].target;
    if (found.length === 0 || found[found.length - 1].target !== target) found.push({ start, target });
  }
  return found;
}

/** A binary heap of intervals, lowest rank on top. */
class Heap {
  readonly #items: Interval[] = [];

  get top(): Interval | undefined {
    return this.#items[0];
  }

  push(item: Interval): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent].rank <= item.rank) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  pop(): void {
    const items = this.#items;
    const item = items.pop();
    if (item === undefined || items.length === 0) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1].rank < items[child].rank) child++;
      if (items[child].rank >= item.rank) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = item;
  }
}
