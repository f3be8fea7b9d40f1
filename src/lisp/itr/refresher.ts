// Mappings in use are asked for again before their time is over, so that their flows do not wait for an answer then
// (RFC 9301, section 5.3: a Map-Request that refreshes a map-cache entry has no Source EID).

import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import type { Mapping } from "../mapping.js";
import { SLICE, SLICE_REST } from "../slice.js";
import type { MapCache } from "../tables/map-cache.js";
import type { CachedMapping } from "../tables/mapping-records.js";
import { ASKED, SeenMappings } from "./seen-mappings.js";

/** A mapping lives at least so many times the time before its end at which it is refreshed. */
const LIVES = 4;
/** Looks within that time. */
const LOOKS = 8;

export interface RefresherOptions {
  readonly clock: Clock;
  readonly timers: TimerGroup;
  /** Steady nanoseconds. */
  readonly lead: number;
  readonly cache: () => MapCache;
  /** Asks for the mapping; false: it cannot be asked for now. */
  readonly ask: (mapping: CachedMapping) => boolean;
}

/**
 * Asks for a mapping `lead` before its end, or a quarter of its TTL where that is less, if packets have matched it in
 * as long a time before, or do until its end. Mappings without locators are left to end: who asked for one packet's
 * sake would ask for ever.
 */
export class Refresher {
  readonly #options: RefresherOptions;
  readonly #timer: Timer;
  readonly #seen = new SeenMappings();
  /** Where looking round is to go on; -1: it is over. */
  #at = -1;
  /** The shortest lead of those that may be asked for yet. */
  #shortest = Number.POSITIVE_INFINITY;

  constructor(options: RefresherOptions) {
    this.#options = options;
    this.#timer = options.timers.timer(() => this.#look());
  }

  /** A mapping was put into the map-cache. */
  inserted(mapping: Mapping): void {
    const { lead, clock } = this.#options;
    if (mapping.ttl === null || mapping.locators.length === 0) return;
    const from = clock.now() + mapping.ttl * 1e9 - 2 * leadOf(mapping.ttl, lead);
    if (!this.#timer.scheduled || this.#timer.expiry > from) this.#timer.scheduleAt(from);
  }

  /** The map-cache is another one. */
  swapped(): void {
    this.#at = -1;
    this.#timer.scheduleAfter(0);
  }

  /** Looks at some of those whose time is nearly over; packets have their turn before the next ones. */
  #look(): void {
    const { clock, lead, cache, ask } = this.#options;
    const mappings = cache();
    const now = clock.now();
    if (this.#at < 0) {
      this.#at = 0;
      this.#shortest = Number.POSITIVE_INFINITY;
      this.#seen.begin();
    }
    const ready: number[] = [];
    this.#at = mappings.expiring(this.#at, now + 2 * lead, SLICE, (id, expiry) => {
      if (this.#isReady(mappings, id, expiry, now)) ready.push(id);
    });
    // Read first, then asked: what is asked for may change the map-cache.
    const asked = ready.map((id) => ({ id, mapping: mappings.at(id) }));
    for (const { id, mapping } of asked) if (ask(mapping)) this.#seen.set(id, mapping.expiry!, ASKED);
    if (this.#at >= 0) this.#timer.scheduleAfter(SLICE_REST);
    else this.#rest(mappings, now);
  }

  /** Notes what a mapping has matched when its lead begins to count; whether it is to be asked for now. */
  #isReady(mappings: MapCache, id: number, expiry: number, now: number): boolean {
    const before = this.#seen.get(id, expiry);
    if (before === ASKED || mappings.locatorCount(id) === 0) return false;
    const lead = leadOf(mappings.ttl(id), this.#options.lead);
    this.#shortest = Math.min(this.#shortest, lead);
    if (before === null) {
      if (now >= expiry - 2 * lead) this.#seen.set(id, expiry, mappings.packets(id));
      return false;
    }
    return now >= expiry - lead && mappings.packets(id) > before;
  }

  #rest(mappings: MapCache, now: number): void {
    const { lead } = this.#options;
    this.#seen.end();
    if (this.#shortest < Number.POSITIVE_INFINITY)
      this.#timer.scheduleAt(now + Math.max(this.#shortest, lead / LOOKS) / LOOKS);
    else if (mappings.nextExpiry < Number.POSITIVE_INFINITY)
      this.#timer.scheduleAt(Math.max(mappings.nextExpiry - 2 * lead, now + lead / LOOKS));
  }
}

function leadOf(ttl: number, lead: number): number {
  return Math.min(lead, (ttl * 1e9) / LIVES);
}
