// What a LISPResolver says of an EID, as text for people.

import type { Explanation, LocatorExplanation, MappingExplanation } from "../lisp/itr/explanation.js";
import type { ResolutionRecord, TimedEvent } from "../lisp/itr/resolution-history.js";

/** The timeline of the last resolution about the EID, then its mapping and what becomes of each locator. */
export function explanationText(e: Explanation): string {
  const parts: string[] = [];
  if (e.resolution !== null) parts.push(resolutionText(e.resolution));
  else if (e.mapping?.origin !== "configuration")
    parts.push(`No resolution about it is among the last ${e.remembered}.\n`);
  parts.push(e.mapping === null ? "The map-cache has no mapping for it.\n" : mappingLines(e.mapping, e.time));
  return parts.join("\n");
}

// ---- The resolution --------------------------------------------------------------

/** Events after which more is to come. */
const UNFINISHED: readonly TimedEvent["event"][] = [
  "miss",
  "asked",
  "request",
  "not-sent",
  "unanswered",
  "refused",
];

function resolutionText({ eid, iid, events, moreEvents }: ResolutionRecord): string {
  const began = events[0]?.time ?? 0;
  const lines = events.map((e) => `  +${(e.time - began).toFixed(6)}  ${eventText(e)}`);
  if (moreEvents > 0) lines.push(`  and ${count(moreEvents, "more event")}, which are not kept`);
  const last = events.at(-1);
  if (last !== undefined && UNFINISHED.includes(last.event)) lines.push("  not ended yet");
  const instance = iid === 0 ? "" : ` in instance ${iid}`;
  return [`Resolution of ${eid}${instance}, ${dateText(began)}`, ...lines, ""].join("\n");
}

const REASONS = {
  smr: "an SMR told of a change",
  refresh: "its mapping is in use and ends soon",
  request: "the router wants it, without a packet",
  rate: "more are asked than may be in a second",
  "no-resolver": "there is no Map-Resolver to ask",
  "no-slot": "no free packet",
  foreign: "it is about something else than what was asked",
  unusable: "no packet can follow it",
  unmapped: "the answer has no mapping to follow",
  unanswered: "nobody answered",
  cleared: "the resolver was cleared",
} as const;

function eventText(e: TimedEvent): string {
  switch (e.event) {
    case "miss":
      return `miss: a packet from ${e.source} to ${e.destination} has no mapping, and is held`;
    case "asked":
      return `asked for: ${REASONS[e.because]}`;
    case "request":
      return (
        `Map-Request ${e.number} to ${e.to} from ${e.from}, nonce ${e.nonce}, ` +
        `${count(e.waiting, "packet")} held; to be answered within ${seconds(e.timeout)}`
      );
    case "not-sent":
      return `Map-Request not sent: ${REASONS[e.because]}`;
    case "unanswered":
      return `no answer from ${e.to} in time`;
    case "reply": {
      const more = e.moreRecords > 0 ? `; and ${count(e.moreRecords, "more record")}` : "";
      return `Map-Reply from ${e.from}, nonce ${e.nonce}: ${e.records.join("; ") || "no record"}${more}`;
    }
    case "refused":
      return `record not heeded: ${e.record}: ${REASONS[e.because]}`;
    case "installed":
      return `into the map-cache: ${e.mapping}${e.narrowed ? " (narrowed: a negative answer counts for little more than was asked)" : ""}`;
    case "removed":
      return `out of the map-cache: ${e.eid}`;
    case "cache-full":
      return `the map-cache has no room for ${e.mapping}`;
    case "sent":
      return `${count(e.packets, "held packet")} sent on`;
    case "dropped":
      return `${count(e.packets, "held packet")} dropped: ${REASONS[e.because]}`;
    case "resting":
      return `given up; not asked for again within ${seconds(e.seconds)}`;
  }
}

// ---- The mapping -----------------------------------------------------------------

const VERDICTS: Readonly<Record<string, string>> = {
  encapsulate: "packets are encapsulated",
  unreachable: "packets are dropped: no locator may be used",
  "natively-forward": "natively-forward: packets go to a proxy ETR, or on without LISP",
  "send-map-request": "send-map-request: each packet asks for the mapping",
};

function mappingLines(m: MappingExplanation, now: number): string {
  const origin = {
    configuration: "from the configuration",
    "map-reply": "by a Map-Reply",
    unknown: "by a handler, or by a Map-Reply that is not remembered",
  }[m.origin];
  const since = m.installed === null ? "" : `, ${dateText(m.installed)}`;
  const until =
    m.expires === null
      ? "for good"
      : `until ${dateText(m.expires)}, ${seconds(Math.ceil(m.expires - now))} more`;
  const instance = m.iid === 0 ? "" : ` in instance ${m.iid}`;
  const verdict = VERDICTS[m.verdict] ?? `${m.verdict}: packets are dropped`;
  const best = m.locators.find((l) => l.state === "chosen")?.priority;
  return [
    `Mapping of ${m.eid}${instance}, ${origin}${since}; ${until}`,
    `  ${verdict}; ${count(m.packets, "packet")} so far`,
    ...m.locators.map((l) => `  ${locatorText(l, best)}`),
    "",
  ].join("\n");
}

function locatorText(l: LocatorExplanation, best: number | undefined): string {
  const why = {
    chosen: `chosen: best priority, ${Math.round(l.share * 1000) / 10}% of the flows by weight`,
    spare: `not chosen: priority ${best} is better`,
    forbidden: "not chosen: priority 255 means never",
    unreachable:
      "not chosen: not reachable, as the mapping says, or of an address family that we have no RLOC of",
    down: "not chosen: found down",
    "status-bit": "not chosen: its Locator-Status-Bit says down",
  }[l.state];
  return `${l.rloc} priority ${l.priority} weight ${l.weight}: ${why}; ${count(l.packets, "packet")}`;
}

// ---- Words -----------------------------------------------------------------------

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

function seconds(n: number): string {
  return `${Math.round(n * 1000) / 1000} s`;
}

/** `2026-11-21 08:02:53.123 UTC`. */
function dateText(time: number): string {
  return `${new Date(time * 1000).toISOString().replace("T", " ").replace("Z", "")} UTC`;
}
