// Mappings in use are asked for again before their time is over, so that their flows do not wait for an answer then
// (RFC 9301, section 5.3: a Map-Request that refreshes a map-cache entry has no Source EID).

import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import type { Mapping } from "../mapping.js";
import type { MapCache } from "../tables/map-cache.js";
import type { CachedMapping } from "../tables/mapping-records.js";

/** A mapping lives at least so many times the time before its end at which it is refreshed. */
const LIVES = 4;
/** Looks within that time. */
const LOOKS = 8;

/** A mapping whose time is nearly over. */
interface Ending {
  readonly expiry: number;
  /** Steady nanoseconds before the end at which it is asked for, if it is in use; null: never. */
  readonly lead: number | null;
  /** What it had matched when it was first looked at; null: not yet. */
  packets: number | null;
  asked: boolean;
}

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
  #ending = new Map<number, Ending>();

  constructor(options: RefresherOptions) {
    this.#options = options;
    this.#timer = options.timers.timer(() => this.#look());
  }

  /** A mapping was put into the map-cache. */
  inserted(mapping: Mapping): void {
    const lead = leadOf(mapping, this.#options.lead);
    if (lead === null) return;
    const from = this.#options.clock.now() + mapping.ttl! * 1e9 - 2 * lead;
    if (!this.#timer.scheduled || this.#timer.expiry > from) this.#timer.scheduleAt(from);
  }

  /** The map-cache is another one. */
  swapped(): void {
    this.#timer.scheduleAfter(0);
  }

  #look(): void {
    const { clock, lead, cache } = this.#options;
    const mappings = cache();
    const now = clock.now();
    const seen = new Map<number, Ending>();
    const ready: number[] = [];
    let shortest = Number.POSITIVE_INFINITY;
    mappings.expiring(now + 2 * lead, (id, expiry) => {
      let ending = this.#ending.get(id);
      if (ending === undefined || ending.expiry !== expiry)
        ending = { expiry, lead: leadOf(mappings.at(id), lead), packets: null, asked: false };
      seen.set(id, ending);
      if (ending.lead === null || ending.asked) return;
      shortest = Math.min(shortest, ending.lead);
      if (ending.packets === null) {
        if (now >= expiry - 2 * ending.lead) ending.packets = mappings.packets(id);
      } else if (now >= expiry - ending.lead && mappings.packets(id) > ending.packets) ready.push(id);
    });
    this.#ending = seen;
    if (shortest < Number.POSITIVE_INFINITY)
      this.#timer.scheduleAt(now + Math.max(shortest, lead / LOOKS) / LOOKS);
    else if (mappings.nextExpiry < Number.POSITIVE_INFINITY)
      this.#timer.scheduleAt(Math.max(mappings.nextExpiry - 2 * lead, now + lead / LOOKS));
    // Read first, then asked: what is asked for may change the map-cache.
    const asked = ready.map((id) => ({ ending: seen.get(id)!, mapping: mappings.at(id) }));
    for (const { ending, mapping } of asked) ending.asked = this.#options.ask(mapping);
  }
}

function leadOf(mapping: Mapping, lead: number): number | null {
  if (mapping.locators.length === 0 || mapping.ttl === null) return null;
  return Math.min(lead, (mapping.ttl * 1e9) / LIVES);
}
