// The arguments of LISPSubscriber.

export const SUBSCRIBER_ARGS = {
  RESOLVER: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPResolver whose mappings are subscribed to",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, to which Map-Notifies may come; one of each address family",
  },
  MAP_RESOLVER: {
    type: "any",
    many: true,
    doc: "addresses of Map-Resolvers, or of Map-Servers, separated by spaces; may be repeated",
  },
  PUBSUB_KEY: {
    type: "any",
    secret: true,
    default: "",
    doc: "`[ID:]SECRET [sha1|sha256|hkdf]` shared with the Map-Servers; without it nothing is subscribed to",
  },
  XTR_ID: { type: "word", doc: "xTR-ID, 32 hexadecimal digits; by default from the RLOCs" },
  SITE_ID: { type: "word", doc: "Site-ID, 16 hexadecimal digits; by default 0" },
  TIMEOUT: {
    type: "seconds",
    default: "1",
    min: 0.001,
    doc: "wait for a Map-Notify, doubled with every further Map-Request",
  },
  MAX_TIMEOUT: { type: "seconds", default: "16", min: 0.001, doc: "longest wait for a Map-Notify" },
  RETRIES: { type: "unsigned", default: "5", max: 30, doc: "Map-Requests after the first" },
  PAUSE: {
    type: "seconds",
    default: "300",
    doc: "time until the next attempt when nobody answers, or the Map-Server does not take it",
  },
  RENEW: { type: "seconds", default: "3600", min: 1, doc: "time after which a subscription is renewed" },
  IDLE: {
    type: "seconds",
    default: "600",
    doc: "time without a packet after which it is given up; 0: never",
  },
  CAPACITY: { type: "unsigned", default: "16384", doc: "most subscriptions" },
  MAX_TTL: { type: "seconds", default: "86400", doc: "longest time to keep a mapping with locators" },
  NEGATIVE_TTL: { type: "seconds", default: "900", doc: "longest time to keep a mapping without" },
} as const;
