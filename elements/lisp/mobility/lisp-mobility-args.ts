import { IID_MAX } from "../../../src/lisp/mapping.js";

/** The arguments of LISPMobility. */
export const MOBILITY_ARGS = {
  SITE: {
    type: "element",
    positional: true,
    required: true,
    doc: "the LISPSite: hosts that come are put in, its EID-prefixes are this site's own",
  },
  ETH: {
    type: "ether",
    positional: true,
    required: true,
    doc: "our hardware address in the site",
  },
  LOCATORS: {
    type: "string",
    default: '""',
    doc: "locators of the hosts that come, `RLOC[/PRIORITY[/WEIGHT]]...`",
  },
  CACHE: { type: "element", doc: "the LISPMapCache of this site's packets" },
  REGISTRAR: { type: "element", doc: "the LISPRegistrar, whose Map-Notifys say where a host is now" },
  SMR: { type: "element", doc: "the LISPSMRSender through which peers are told" },
  LOG: { type: "element", doc: "the LISPPeerLog that knows the peers of each host" },
  IID: { type: "unsigned", default: "0", max: IID_MAX, doc: "instance ID of the site" },
  TTL: {
    type: "seconds",
    default: "300",
    min: 60,
    doc: "for which others may keep the mapping of a host that came; for as long its packets are redirected when it has left",
  },
  TRIES: {
    type: "unsigned",
    default: "3",
    min: 1,
    max: 100,
    doc: "questions before a host is taken for absent",
  },
  TIMEOUT: { type: "seconds", default: "1", doc: "wait for the answer to each" },
  IDLE: {
    type: "seconds",
    default: "60",
    doc: "silence after which a host is asked whether it is still there",
  },
  LINGER: {
    type: "seconds",
    default: "10",
    doc: "time for which a host that has returned is registered by itself, so that all hear of it; longer while a Map-Server has not acknowledged it",
  },
  RATE: {
    type: "real",
    default: "10",
    min: 0,
    doc: "new hosts a second that are asked for; unknown ones whose senders are told",
  },
  BURST: { type: "unsigned", default: "20", min: 1, doc: "the same at once" },
  CAPACITY: {
    type: "unsigned",
    default: "1024",
    min: 1,
    doc: "most hosts, and most that are being asked for",
  },
  RANGES: {
    type: "any",
    positional: true,
    rest: true,
    doc: "a dynamic-EID range each, `EID-PREFIX ROUTER...`, with its hosts' default routers; without any nothing is done",
  },
} as const;
