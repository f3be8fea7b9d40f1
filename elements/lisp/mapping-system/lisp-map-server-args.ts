/** The arguments of LISPMapServer. */
export const MAP_SERVER_ARGS = {
  RLOC4: { type: "address", doc: "this Map-Server's IPv4 address" },
  RLOC6: { type: "address", doc: "this Map-Server's IPv6 address" },
  NONCES: {
    type: "choice",
    choices: ["strict", "lenient"],
    default: "strict",
    doc: "whether nonces of Map-Registers must increase (RFC 9301), or only not come again (older peers)",
  },
  TIMEOUT: {
    type: "seconds",
    default: "180",
    min: 1,
    doc: "how long a registration holds that sets no time itself",
  },
  STORE: {
    type: "string",
    default: "memory",
    doc: "where registrations and nonces are kept: `memory`, `lmdb:FOLDER`, or `etcd:HOST:PORT,HOST:PORT...[,/PREFIX]`",
  },
  CAPACITY: { type: "unsigned", default: "4000000", min: 1, doc: "most EID-prefixes" },
  PEERS: { type: "unsigned", default: "1048576", min: 1, doc: "most xTRs whose nonces are kept" },
  WAITING: { type: "unsigned", default: "100000", min: 1, doc: "most Map-Registers that wait for the store" },
  PUBSUB_KEY: {
    type: "any",
    secret: true,
    default: "",
    doc: "`[ID:]SECRET [sha1|sha256|hkdf]` shared with subscribers (RFC 9437); without it there is no PubSub",
  },
  REPLY_RATE: { type: "unsigned", default: "1000", min: 1, doc: "most Map-Replies a second to one RLOC" },
  SUBSCRIPTIONS: { type: "unsigned", default: "65536", doc: "most subscriptions" },
  PENDING: { type: "unsigned", default: "4096", doc: "most Map-Notifies that wait for their Map-Notify-Ack" },
  SITES: {
    type: "any",
    secret: true,
    positional: true,
    rest: true,
    doc: "a site each: `NAME key [ID:]SECRET [sha1|sha256|hkdf] ... [iid N] eid PREFIX [more] ...`",
  },
} as const;
