// What became of the last resolutions: for each, its events from the miss to the mapping (RFC 9301, section 5.3), for
// who asks why packets to an EID go where they go. Bounded in every direction, and nothing is noted per packet.

import { covers, type Prefix, prefixText } from "../../net/prefix.js";
import { type Clock, wallTime } from "../../router/clock.js";
import type { MapReply } from "../../wire/lisp-control/map-reply.js";
import type { EidRecord } from "../../wire/lisp-control/record.js";
import { eidRecordText } from "../control/message-text.js";
import { nonceText } from "../control/nonce-policy.js";
import { type Mapping, mappingText } from "../mapping.js";

/** Events kept of one resolution, records of one Map-Reply, and characters of a record or mapping. */
const EVENTS_MAX = 80;
const RECORDS_MAX = 4;
const TEXT_MAX = 160;
/** A map-cache keeps TTLs in whole seconds; so much may what it says of a mapping's beginning differ. */
const SAME_MOMENT = 1.5e9;

/** What happened. Addresses, prefixes, mappings, records and nonces are text. */
export type ResolutionEvent =
  /** A packet began it. */
  | { readonly event: "miss"; readonly source: string; readonly destination: string }
  /** A handler, an SMR, the end of a mapping in use, or somebody else within the router began it. */
  | { readonly event: "asked"; readonly because: "smr" | "refresh" | "request" }
  /** A Map-Request left: its number, and the seconds after which it is taken for unanswered. */
  | {
      readonly event: "request";
      readonly number: number;
      readonly to: string;
      readonly from: string;
      readonly nonce: string;
      readonly waiting: number;
      readonly timeout: number;
    }
  | { readonly event: "not-sent"; readonly because: "rate" | "no-resolver" | "no-slot" }
  | { readonly event: "unanswered"; readonly to: string }
  /** A Map-Reply to one of its nonces came; of its records only the first few. */
  | {
      readonly event: "reply";
      readonly from: string;
      readonly nonce: string;
      readonly records: readonly string[];
      readonly moreRecords: number;
    }
  /** A record of it that was not heeded. */
  | { readonly event: "refused"; readonly record: string; readonly because: "foreign" | "unusable" }
  | { readonly event: "installed"; readonly mapping: string; readonly narrowed: boolean }
  | { readonly event: "removed"; readonly eid: string }
  | { readonly event: "cache-full"; readonly mapping: string }
  | { readonly event: "sent"; readonly packets: number }
  | {
      readonly event: "dropped";
      readonly packets: number;
      readonly because: "unmapped" | "unanswered" | "cleared";
    }
  | { readonly event: "resting"; readonly seconds: number };

/** An event with its time: seconds since the epoch. */
export type TimedEvent = ResolutionEvent & { readonly time: number };

/** One resolution as it is told. */
export interface ResolutionRecord {
  readonly eid: string;
  readonly iid: number;
  readonly events: readonly TimedEvent[];
  /** Events that found no more room. */
  readonly moreEvents: number;
}

/** One resolution: what began it and what followed. */
export class ResolutionTrace {
  readonly #clock: Clock;
  readonly #iid: number;
  readonly #eid: Prefix;
  readonly #events: TimedEvent[] = [];
  /** EID-prefixes of the mappings that it put into the map-cache, and the steady nanoseconds when. */
  readonly #installed: { readonly eid: Prefix; readonly at: number }[] = [];
  #more = 0;

  constructor(clock: Clock, iid: number, eid: Prefix) {
    this.#clock = clock;
    this.#iid = iid;
    this.#eid = eid;
  }

  add(event: ResolutionEvent): void {
    if (this.#events.length >= EVENTS_MAX) this.#more++;
    else this.#events.push({ time: secondsOf(this.#clock, this.#clock.now()), ...event });
  }

  reply(from: string, { nonce, records }: MapReply): void {
    this.add({
      event: "reply",
      from,
      nonce: nonceText(nonce),
      records: records.slice(0, RECORDS_MAX).map((r) => clipped(eidRecordText(r))),
      moreRecords: Math.max(0, records.length - RECORDS_MAX),
    });
  }

  refused(record: EidRecord, because: "foreign" | "unusable"): void {
    this.add({ event: "refused", record: clipped(eidRecordText(record)), because });
  }

  cacheFull(mapping: Mapping): void {
    this.add({ event: "cache-full", mapping: clipped(mappingText(mapping)) });
  }

  installed(mapping: Mapping, narrowed: boolean): void {
    if (this.#installed.length < EVENTS_MAX)
      this.#installed.push({ eid: mapping.eid, at: this.#clock.now() });
    this.add({ event: "installed", mapping: clipped(mappingText(mapping)), narrowed });
  }

  /** Whether it was about this address: asked for it, or got a mapping for it. */
  concerns(iid: number, address: Uint8Array): boolean {
    if (iid !== this.#iid) return false;
    return covers(this.#eid, address) || this.#installed.some(({ eid }) => covers(eid, address));
  }

  /** Whether it put the mapping of just this EID-prefix into the map-cache at about steady nanosecond `at`. */
  hasInstalled(iid: number, eid: Prefix, at: number): boolean {
    if (iid !== this.#iid) return false;
    return this.#installed.some(
      (m) => m.eid.length === eid.length && covers(m.eid, eid.address) && Math.abs(m.at - at) <= SAME_MOMENT,
    );
  }

  record(): ResolutionRecord {
    return { eid: prefixText(this.#eid), iid: this.#iid, events: this.#events, moreEvents: this.#more };
  }
}

/** The last `capacity` resolutions of one resolver; 0: none is kept. */
export class ResolutionHistory {
  readonly capacity: number;
  readonly #clock: Clock;
  /** A ring once it is full: `#next` is then the oldest. */
  readonly #traces: ResolutionTrace[] = [];
  #next = 0;

  constructor(clock: Clock, capacity: number) {
    this.#clock = clock;
    this.capacity = capacity;
  }

  /** A new resolution begins; at capacity the oldest is forgotten. Null where none is kept. */
  begin(iid: number, eid: Prefix): ResolutionTrace | null {
    if (this.capacity === 0) return null;
    const trace = new ResolutionTrace(this.#clock, iid, eid);
    this.#keep(trace);
    return trace;
  }

  /** All that are kept, the newest first. */
  *newest(): IterableIterator<ResolutionTrace> {
    const { length } = this.#traces;
    for (let i = 1; i <= length; i++) yield this.#traces[(this.#next - i + length) % length];
  }

  /** The newest about an address; null: none is kept. */
  of(iid: number, address: Uint8Array): ResolutionTrace | null {
    for (const trace of this.newest()) if (trace.concerns(iid, address)) return trace;
    return null;
  }

  /** Whether a resolution that is kept put the mapping of just this EID-prefix into the map-cache at about `at`. */
  hasInstalled(iid: number, eid: Prefix, at: number): boolean {
    for (const trace of this.newest()) if (trace.hasInstalled(iid, eid, at)) return true;
    return false;
  }

  /** All that are kept, the newest first: a JSON object a line. */
  text(): string {
    return [...this.newest()].map((trace) => `${JSON.stringify(trace.record())}\n`).join("");
  }

  /** Takes what another one keeps, as far as there is room, as the older part. */
  adopt(old: ResolutionHistory): void {
    const own = [...this.newest()];
    const all = [...own, ...old.newest()].slice(0, this.capacity).reverse();
    this.#traces.length = 0;
    this.#next = 0;
    for (const trace of all) this.#keep(trace);
  }

  #keep(trace: ResolutionTrace): void {
    this.#traces[this.#next] = trace;
    this.#next = (this.#next + 1) % this.capacity;
  }
}

/** Seconds since the epoch at a steady nanosecond, exact to the microsecond. */
export function secondsOf(clock: Clock, at: number): number {
  const { seconds, nanoseconds } = wallTime(clock, at);
  return seconds + Math.floor(nanoseconds / 1000) / 1e6;
}

/** Text of bounded length in ASCII: what names from the network may hold is for no terminal. */
function clipped(text: string): string {
  const plain = text.slice(0, TEXT_MAX).replace(/[^ -~]/g, "?");
  return text.length > TEXT_MAX ? `${plain}...` : plain;
}
