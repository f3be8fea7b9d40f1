// Which EID-prefixes are subscribed to. Where more is registered within one than a Map-Notify tells of, its halves are
// subscribed to in its place, and so on: each has nonces of its own, so that what is lost of one is asked for again
// without the others.

import { LargeMap } from "../../collections/large-map.js";
import { canonicalEid, type EidPrefix, eidName } from "../../net/eid.js";
import { masked } from "../../net/prefix.js";

export interface PartEvents {
  /** Subscribes, where it is not subscribed to; called again and again where it cannot be. */
  begin(prefix: EidPrefix): void;
  /** Subscribes no more, where it is. */
  end(prefix: EidPrefix): void;
}

interface Part {
  readonly prefix: EidPrefix;
  /** For itself, not only as a half of another one. */
  wanted: boolean;
  /** The part that it is a half of, where that is split. */
  parent: Part | null;
  halves: readonly [Part, Part] | null;
  /** All of it is known: an answer has told it, or answers of both halves. */
  known: boolean;
}

export class SubscribedParts {
  readonly #events: PartEvents;
  readonly #parts = new LargeMap<string, Part>();

  constructor(events: PartEvents) {
    this.#events = events;
  }

  /** Prefixes that are wanted, and parts of them. */
  get size(): number {
    return this.#parts.size;
  }

  has(prefix: EidPrefix): boolean {
    return this.#parts.has(eidName(prefix));
  }

  want(prefix: EidPrefix): void {
    const part = this.#parts.get(eidName(prefix)) ?? this.#begin(canonicalEid(prefix));
    part.wanted = true;
  }

  /** It is wanted no more, and what is a part of it and nothing else neither. */
  drop(prefix: EidPrefix): void {
    const part = this.#parts.get(eidName(prefix));
    if (part === undefined) return;
    part.wanted = false;
    if (part.parent === null) this.#forget(part);
  }

  /**
   * An answer has come for a prefix; `whole`: it told of all of it. Returns the prefixes of which what they said for
   * themselves counts no more, as all of their halves is known.
   */
  answered(prefix: EidPrefix, whole: boolean): readonly EidPrefix[] {
    const part = this.#parts.get(eidName(prefix));
    if (part === undefined) return [];
    if (!whole) {
      if (part.halves === null) this.#split(part);
      else for (const half of part.halves) if (!half.known) this.#events.begin(half.prefix);
      return [];
    }
    if (part.halves !== null) this.#unsplit(part);
    part.known = true;
    const over: EidPrefix[] = [];
    for (let up = part.parent; up?.halves?.every((half) => half.known) === true; up = up.parent) {
      if (up.known) break;
      up.known = true;
      this.#events.end(up.prefix);
      over.push(up.prefix);
    }
    return over;
  }

  #begin(prefix: EidPrefix): Part {
    const part: Part = { prefix, wanted: false, parent: null, halves: null, known: false };
    this.#parts.set(eidName(prefix), part);
    this.#events.begin(prefix);
    return part;
  }

  #split(part: Part): void {
    const { iid, eid } = part.prefix;
    if (eid.length === eid.address.length * 8) return;
    part.known = false;
    const length = eid.length + 1;
    const low = masked(eid.address, length);
    const high = masked(eid.address, length);
    high[eid.length >> 3] |= 0x80 >> (eid.length & 7);
    const [a, b] = [low, high].map((address) => {
      const prefix = { iid, eid: { address, length } };
      const half = this.#parts.get(eidName(prefix)) ?? this.#begin(prefix);
      half.parent = part;
      return half;
    });
    part.halves = [a, b];
  }

  #unsplit(part: Part): void {
    for (const half of part.halves!) {
      half.parent = null;
      if (!half.wanted) this.#forget(half);
    }
    part.halves = null;
  }

  #forget(part: Part): void {
    this.#parts.delete(eidName(part.prefix));
    this.#events.end(part.prefix);
    if (part.halves !== null) this.#unsplit(part);
  }
}
