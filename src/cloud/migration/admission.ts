// How many migrations go on at once: out of a data centre, into one, and between two; the others wait, in order.

export interface Limits {
  readonly out: number;
  readonly in: number;
  /** Between two data centres, both ways together. */
  readonly pair: number;
}

interface Way {
  readonly id: string;
  readonly from: string;
  readonly to: string;
}

/** What is counted, and how many of it there are at most. */
type Need = readonly [name: string, most: number];

/**
 * Takes all that a migration needs or nothing, so that none waits for what another one holds that waits. One that waits
 * keeps its place for all it needs: later ones do not get in before it again and again.
 */
export class Admission<T extends Way> {
  readonly #limits: Limits;
  readonly #taken = new Map<string, number>();
  readonly #holders = new Map<string, T>();
  #waiting: T[] = [];
  /** Of those that wait or hold something, by ID. */
  readonly #needed = new Map<string, readonly Need[]>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get waiting(): readonly T[] {
    return this.#waiting;
  }

  get held(): number {
    return this.#holders.size;
  }

  /** Those that go on out of a data centre. */
  leaving(dc: string): number {
    return this.#taken.get(`out ${dc}`) ?? 0;
  }

  wait(way: T): void {
    this.#waiting.push(way);
  }

  /** Takes what it needs, limits or not: it was let in by somebody before. */
  take(way: T): void {
    if (this.#holders.has(way.id)) return;
    this.#holders.set(way.id, way);
    for (const [name] of this.#needs(way)) this.#taken.set(name, (this.#taken.get(name) ?? 0) + 1);
  }

  /** Gives up its place, or what it has. */
  leave(id: string): void {
    this.#waiting = this.#waiting.filter((other) => other.id !== id);
    const way = this.#holders.get(id);
    if (this.#holders.delete(id)) {
      for (const [name] of this.#needs(way!)) {
        const left = this.#taken.get(name)! - 1;
        if (left > 0) this.#taken.set(name, left);
        else this.#taken.delete(name);
      }
    }
    this.#needed.delete(id);
  }

  /** Leaves what it has to others and waits again, before all others. */
  putBack(way: T): void {
    this.leave(way.id);
    this.#waiting.unshift(way);
  }

  /** Those whose turn it is now: they have what they need. `ready`: whether one may go on at all. */
  admit(ready: (way: T) => boolean): T[] {
    const admitted: T[] = [];
    const kept: T[] = [];
    const places = new Map<string, number>();
    for (const way of this.#waiting) {
      const needs = this.#needs(way);
      const room = needs.every(
        ([name, most]) => (this.#taken.get(name) ?? 0) + (places.get(name) ?? 0) < most,
      );
      if (room && ready(way)) {
        this.take(way);
        admitted.push(way);
        continue;
      }
      kept.push(way);
      for (const [name] of needs) places.set(name, (places.get(name) ?? 0) + 1);
    }
    this.#waiting = kept;
    return admitted;
  }

  #needs({ id, from, to }: Way): readonly Need[] {
    const known = this.#needed.get(id);
    if (known !== undefined) return known;
    const pair = [from, to].sort().join(" ");
    const needs: readonly Need[] = [
      [`out ${from}`, this.#limits.out],
      [`in ${to}`, this.#limits.in],
      [`pair ${pair}`, this.#limits.pair],
    ];
    this.#needed.set(id, needs);
    return needs;
  }
}
