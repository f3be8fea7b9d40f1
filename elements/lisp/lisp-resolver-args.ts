// The arguments of LISPResolver.

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
  QUEUE: { type: "unsigned", default: "256", doc: "most packets that wait in all" },
  HISTORY: {
    type: "unsigned",
    default: "128",
    max: 65536,
    doc: "resolutions of which it is remembered how they went",
  },
  MAX_TTL: { type: "seconds", default: "86400", doc: "longest time to keep a mapping with locators" },
  NEGATIVE_TTL: { type: "seconds", default: "900", doc: "longest time to keep a mapping without" },
  SILENT_TTL: {
    type: "seconds",
    default: "5",
    min: 1,
    doc: "the same where packets are to be forwarded natively for 1 minute: the mapping of a site that has not registered",
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
