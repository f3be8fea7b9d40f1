// The arguments of LISPRegistrar.

export const REGISTRAR_ARGS = {
  SITE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPSite whose EID-prefixes are registered",
  },
  RLOC: {
    type: "address",
    many: true,
    doc: "an RLOC of ours, from which messages go; one of each address family",
  },
  MAP_SERVER: { type: "any", many: true, secret: true, doc: "a Map-Server with its key; may be repeated" },
  INTERVAL: { type: "seconds", default: "60", doc: "time between registrations" },
  QUICK_INTERVAL: {
    type: "seconds",
    default: "20",
    doc: "the same in the first time after the start or a change",
  },
  QUICK: { type: "seconds", default: "300", doc: "how long that first time is" },
  TIMEOUT: {
    type: "seconds",
    default: "1",
    doc: "wait for a Map-Notify, doubled with every further Map-Register",
  },
  MAX_TIMEOUT: { type: "seconds", default: "60", doc: "longest wait for a Map-Notify" },
  RECORDS: { type: "unsigned", default: "16", min: 1, max: 255, doc: "most EID-prefixes in a Map-Register" },
  BYTES: {
    type: "unsigned",
    default: "1200",
    min: 64,
    doc: "most bytes that they take, but for a single one",
  },
  XTR_ID: { type: "word", doc: "xTR-ID, 32 hexadecimal digits; by default from the RLOCs" },
  SITE_ID: { type: "word", doc: "Site-ID, 16 hexadecimal digits; by default 0" },
  STATE: { type: "string", doc: "file that keeps how far nonces have come; empty: none" },
} as const;
