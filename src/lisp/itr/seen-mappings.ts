// What was noted of mappings in one look round, for the next ones: of a million in some 25 MB, and without objects.

/** Stands for a mapping that was asked for. */
export const ASKED = -1;

/** Bytes that no two mappings share: each takes more (MAPPING_LINKS). */
const GRAIN_BITS = 6;
const PAGE_BITS = 10;
const PAGE = 1 << PAGE_BITS;

interface Page {
  /** When the mapping ends: another one at the same place ends at another time. */
  readonly expiries: Float64Array;
  readonly notes: Float64Array;
  /** The last look round in which one of it was looked at. */
  round: number;
}

/** A number of 0 or more, or ASKED, for mappings by the numbers that stand for them (`MapCache.expiring`) and their expiries. */
export class SeenMappings {
  readonly #pages: (Page | undefined)[] = [];
  #round = 0;

  /** A look round begins. */
  begin(): void {
    this.#round++;
  }

  /** A look round is over: what neither it nor the one before has looked at is forgotten. */
  end(): void {
    for (let i = 0; i < this.#pages.length; i++) {
      const page = this.#pages[i];
      if (page !== undefined && page.round < this.#round - 1) this.#pages[i] = undefined;
    }
  }

  /** What was noted; null: nothing. */
  get(id: number, expiry: number): number | null {
    const place = id >>> GRAIN_BITS;
    const page = this.#pages[place >>> PAGE_BITS];
    if (page === undefined) return null;
    page.round = this.#round;
    return page.expiries[place & (PAGE - 1)] === expiry ? page.notes[place & (PAGE - 1)] : null;
  }

  set(id: number, expiry: number, note: number): void {
    const place = id >>> GRAIN_BITS;
    const page = (this.#pages[place >>> PAGE_BITS] ??= {
      expiries: new Float64Array(PAGE),
      notes: new Float64Array(PAGE),
      round: 0,
    });
    page.round = this.#round;
    page.expiries[place & (PAGE - 1)] = expiry;
    page.notes[place & (PAGE - 1)] = note;
  }
}
