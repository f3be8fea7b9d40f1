// Why packets to an EID go where they go: the mapping that the map-cache has for it, and what becomes of its locators
// (RFC 9300, section 9).

import { addressText } from "../../net/address.js";
import { type Prefix, prefixText } from "../../net/prefix.js";
import type { Clock } from "../../router/clock.js";
import { mappingText, parseEidAndInstance } from "../mapping.js";
import type { MapCache } from "../tables/map-cache.js";
import type { CachedLocator, CachedMapping } from "../tables/mapping-records.js";
import { type ResolutionHistory, type ResolutionRecord, secondsOf } from "./resolution-history.js";

/** Why a locator gets no packets, or `chosen`. */
export type LocatorState =
  | "chosen"
  /** Another one of a better priority may be used. */
  | "spare"
  /** Priority 255. */
  | "forbidden"
  /** R bit 0, or of an address family that we have no RLOC of. */
  | "unreachable"
  /** Probes found it down. */
  | "down"
  /** Its Locator-Status-Bit is 0. */
  | "status-bit";

export interface LocatorExplanation {
  readonly rloc: string;
  readonly priority: number;
  readonly weight: number;
  readonly state: LocatorState;
  /** Part of the flows that it gets, 0 to 1. */
  readonly share: number;
  readonly packets: number;
}

export interface MappingExplanation {
  readonly eid: string;
  readonly iid: number;
  /** As the map-cache's add handler takes it, without the time it has left. */
  readonly mapping: string;
  /** `encapsulate`, the action of a negative mapping, or `unreachable`: no locator may be used. */
  readonly verdict: string;
  /** Where it is from: the configuration, the Map-Reply of a resolution that is remembered, or not known. */
  readonly origin: "configuration" | "map-reply" | "unknown";
  /** Seconds since the epoch; null: not known, never. */
  readonly installed: number | null;
  readonly expires: number | null;
  readonly packets: number;
  readonly locators: readonly LocatorExplanation[];
}

/** All there is to say about an EID. */
export interface Explanation {
  /** The EID-prefix that was asked about. */
  readonly eid: string;
  readonly iid: number;
  /** When it was asked, seconds since the epoch. */
  readonly time: number;
  /** How many resolutions are remembered at most. */
  readonly remembered: number;
  /** The mapping that packets to it get, and the newest resolution about it; null: there is none. */
  readonly mapping: MappingExplanation | null;
  readonly resolution: ResolutionRecord | null;
}

/** What is explained: a map-cache, and which of its mappings are from the configuration. */
export interface ExplainedCache {
  readonly cache: MapCache;
  isConfigured(iid: number, eid: Prefix): boolean;
}

/** Explains what becomes of packets to `EID-PREFIX [iid N]`. Throws MappingError. */
export function explain(
  text: string,
  element: ExplainedCache,
  history: ResolutionHistory,
  clock: Clock,
): Explanation {
  const { iid, eid } = parseEidAndInstance(text);
  const { cache } = element;
  const mapping = cache.lookup(iid, eid.address);
  return {
    eid: prefixText(eid),
    iid,
    time: secondsOf(clock, clock.now()),
    remembered: history.capacity,
    mapping:
      mapping === null ? null : explainMapping(mapping, cache, clock, originOf(mapping, element, history)),
    resolution: history.of(iid, eid.address)?.record() ?? null,
  };
}

/** Where a mapping is from. The configuration's may have no end, those of Map-Replies have one. */
function originOf(
  mapping: CachedMapping,
  element: ExplainedCache,
  history: ResolutionHistory,
): MappingExplanation["origin"] {
  const { iid, eid } = mapping;
  const began = beginning(mapping);
  if (began !== null && history.hasInstalled(iid, eid, began)) return "map-reply";
  return element.isConfigured(iid, eid) ? "configuration" : "unknown";
}

/** The steady nanosecond at which a mapping came; null: not known. */
function beginning({ expiry, ttl }: CachedMapping): number | null {
  return expiry === null || ttl === null ? null : expiry - ttl * 1e9;
}

function explainMapping(
  mapping: CachedMapping,
  cache: MapCache,
  clock: Clock,
  origin: MappingExplanation["origin"],
): MappingExplanation {
  const { iid, locators, expiry, packets } = mapping;
  const began = beginning(mapping);
  const usable = locators.filter((l) => l.usable);
  const best = Math.min(255, ...usable.map((l) => l.priority));
  const chosen = usable.filter((l) => l.priority === best);
  const weights = chosen.reduce((sum, l) => sum + l.weight, 0);
  const share = (l: CachedLocator): number => (weights === 0 ? 1 / chosen.length : l.weight / weights);
  return {
    eid: prefixText(mapping.eid),
    iid,
    mapping: mappingText({ ...mapping, iid: 0 }, null),
    verdict: locators.length === 0 ? mapping.action : chosen.length > 0 ? "encapsulate" : "unreachable",
    origin,
    installed: began === null ? null : secondsOf(clock, began),
    expires: expiry === null ? null : secondsOf(clock, expiry),
    packets,
    locators: locators.map((l) => ({
      rloc: addressText(l.rloc),
      priority: l.priority,
      weight: l.weight,
      state: chosen.includes(l) ? "chosen" : stateOf(l, cache),
      share: chosen.includes(l) ? share(l) : 0,
      packets: l.packets,
    })),
  };
}

/** Of a locator that is not chosen. */
function stateOf(l: CachedLocator, cache: MapCache): LocatorState {
  if (l.usable) return "spare";
  if (l.priority === 255) return "forbidden";
  if (!l.reachable) return "unreachable";
  return cache.rloc(l.rloc)?.down ? "down" : "status-bit";
}
