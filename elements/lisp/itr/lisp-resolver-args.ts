// What LISPResolver takes and counts.

export const RESOLVER_ARGS = {
  CACHE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPMapCache that it fills",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, to which Map-Replies may come; one of each address family",
  },
  MAP_RESOLVER: {
    type: "any",
    many: true,
    doc: "addresses of Map-Resolvers separated by spaces, the first to be asked first; may be repeated",
  },
  PITR: {
    type: "bool",
    default: "false",
    doc: "ask as a proxy ITR does: with the p bit, and without a Source EID",
  },
  TIMEOUT: {
    type: "seconds",
    default: "1",
    doc: "wait for a Map-Reply, doubled with every further Map-Request",
  },
  MAX_TIMEOUT: { type: "seconds", default: "4", doc: "longest wait for a Map-Reply" },
  RETRIES: { type: "unsigned", default: "10", max: 30, doc: "Map-Requests after the first" },
  PAUSE: { type: "seconds", default: "30", doc: "how long an EID rests after all of them stayed unanswered" },
  INTERVAL: { type: "seconds", default: "1", doc: "least time between Map-Requests for one EID-prefix" },
  RATE: { type: "unsigned", default: "1000", min: 1, doc: "most Map-Requests a second" },
  CAPACITY: { type: "unsigned", default: "4096", min: 1, doc: "most EID-prefixes being asked for" },
  HOLD: { type: "unsigned", default: "16", doc: "most packets that wait for one EID" },
  QUEUE: {
    type: "unsigned",
    default: "256",
    doc: "most packets that wait in all, at most an eighth of those that the router can hold",
  },
  HISTORY: {
    type: "unsigned",
    default: "128",
    max: 65536,
    doc: "resolutions of which it is remembered how they went",
  },
  REFRESH: {
    type: "seconds",
    default: "15",
    doc: "how long before its end a mapping in use is asked for again; 0: never",
  },
  MAX_TTL: { type: "seconds", default: "86400", doc: "longest time to keep a mapping with locators" },
  NEGATIVE_TTL: { type: "seconds", default: "900", doc: "longest time to keep a mapping without" },
  SILENT_TTL: {
    type: "seconds",
    default: "5",
    min: 1,
    doc: "longest time to keep the mapping of a site that has not registered: packets are to be forwarded natively for 1 minute",
  },
  NEGATIVE_LENGTH4: {
    type: "unsigned",
    default: "24",
    max: 32,
    doc: "shortest IPv4 prefix for which a mapping without locators is kept",
  },
  NEGATIVE_LENGTH6: {
    type: "unsigned",
    default: "48",
    max: 128,
    doc: "shortest IPv6 prefix for which a mapping without locators is kept",
  },
} as const;

export const RESOLVER_COUNTERS = {
  requests: "Map-Requests sent",
  replies: "Map-Replies that answered one",
  resolved: "packets that waited and were sent on",
  installed: "mappings put into the map-cache",
  narrowed: "negative mappings that took up less than the reply said",
  refreshes: "mappings in use that were asked for before their end",
} as const;

export const RESOLVER_DROPS = {
  bad_packet: "no IP packet from a map-cache",
  no_resolver: "there is no Map-Resolver of an address family that we have an RLOC of",
  queue_full: "as many packets wait as may, in all or for this EID",
  table_full: "as many EIDs are being asked for as may",
  resting: "nobody answered for this EID a short time ago",
  unanswered: "it waited, and nobody answered",
  unmapped: "it waited, and the answer has no mapping for it",
  rate: "a Map-Request above RATE was put off",
  malformed: "no Map-Reply with a record in a UDP packet",
  unsolicited: "a Map-Reply to nothing that we asked, or too late",
  foreign: "a record of a Map-Reply for what we did not ask",
  unusable: "a record of a Map-Reply that no packet can follow",
  cache_full: "a record that the map-cache has no room for",
  no_slot: "no free packet for a Map-Request, or none it fits",
} as const;
