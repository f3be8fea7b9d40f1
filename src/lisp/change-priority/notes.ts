// What a tunnel router has been told beforehand of EIDs, and what it waits for: in a table that is bounded.

import { addressText } from "../../net/address.js";
import { type EidPrefix, eidName, eidText } from "../../net/eid.js";
import type { Clock } from "../../router/clock.js";
import type { Locator } from "../mapping.js";

/** `expected`: it will come. `armed`: it will leave. `asked`: tunnel routers that had it are asked for its peers. */
export type NoteKind = "expected" | "armed" | "asked";

export interface Note {
  readonly kind: NoteKind;
  readonly eid: EidPrefix;
  /** Where it goes; or the RLOCs that are asked. */
  readonly locators: readonly Locator[];
  /** Steady nanoseconds. */
  readonly until: number;
}

/** Notes at most; and how many of those that are over make room at once. */
const NOTES_MAX = 4096;
const SWEPT = 8;

export class Notes {
  readonly #clock: Clock;
  readonly #notes = new Map<string, Note>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A note that is not over. */
  get(kind: NoteKind, eid: EidPrefix): Note | null {
    const note = this.#notes.get(nameOf(kind, eid));
    return note === undefined || note.until <= this.#clock.now() ? null : note;
  }

  /** Notes it for some nanoseconds, in place of what was noted. False: there is no room. */
  set(kind: NoteKind, eid: EidPrefix, locators: readonly Locator[], wait: number): boolean {
    const now = this.#clock.now();
    const name = nameOf(kind, eid);
    this.#notes.delete(name);
    this.#sweep(now);
    if (this.#notes.size >= NOTES_MAX) return false;
    this.#notes.set(name, { kind, eid, locators, until: now + wait });
    return true;
  }

  delete(kind: NoteKind, eid: EidPrefix): void {
    this.#notes.delete(nameOf(kind, eid));
  }

  /** Takes over those of before a hot swap. */
  takeOver(former: Notes): void {
    for (const [name, note] of former.#notes) this.#notes.set(name, note);
  }

  /** A line for each: EID, kind, seconds left, RLOCs. */
  text(): string {
    const now = this.#clock.now();
    return [...this.#notes.values()]
      .filter(({ until }) => until > now)
      .map(({ kind, eid, locators, until }) => {
        const rlocs = locators.map(({ rloc }) => addressText(rloc));
        return `${[eidText(eid), kind, ((until - now) / 1e9).toFixed(3), ...rlocs].join(" ")}\n`;
      })
      .join("");
  }

  #sweep(now: number): void {
    let left = SWEPT;
    for (const [name, { until }] of this.#notes) {
      if (left-- === 0) break;
      if (until <= now) this.#notes.delete(name);
    }
  }
}

function nameOf(kind: NoteKind, eid: EidPrefix): string {
  return `${kind} ${eidName(eid)}`;
}
