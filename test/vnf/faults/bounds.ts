// How long four-sites.yaml may take to be right again after each kind of mishap: from the timers that its elements have
// by their specs, and from the RFCs.
//
//   what repairs it                         within                                            source
//   RETRY     an unanswered Map-Register    the length of the outage + TIMEOUT: the waits     RFC 9301, 5.7
//             is sent again                 double; at most MAX_TIMEOUT
//   RENEW     all is registered anew        INTERVAL                                          RFC 9301, 8.2
//   TELL      an unacknowledged Map-Notify  the longest wait that began in the outage; after  RFC 9301, 5.7;
//             is sent again                 the last one it is given up                       RFC 9437, 6
//   ARRIVE    a host speaks, and answers    its interval + TRIES * TIMEOUT                    LISPMobility
//   SEARCH    a home asks for its hosts     INTERVAL + RETRY                                  LISPHostFinder; RFC 9301, 5.5
//   RESOLVE   an ITR asks again             MAX_TIMEOUT; PAUSE more once it has given up      LISPResolver
//   SOLICIT   peers are told, and ask       REMIND + INTERVAL of both ends of SMRs            RFC 9301, 6.1
//   REPLACE   an ITR asks for what no       INTERVAL + RETRIES * TIMEOUT                      LISPRLOCProber
//             locator answers for
//
// A tunnel router that is not told that its guest has gone (no Map-Notify reached it) renews the guest's registration
// and has its mapping for as long as whoever has the guest needs to hear of that, and to take it back: RENEW + ARRIVE.

import { LISPRegistrar } from "../../../elements/lisp/etr/lisp-registrar.js";
import { LISPSMRSender } from "../../../elements/lisp/etr/lisp-smr-sender.js";
import { LISPResolver } from "../../../elements/lisp/itr/lisp-resolver.js";
import { LISPRLOCProber } from "../../../elements/lisp/itr/lisp-rloc-prober.js";
import { LISPSMRReceiver } from "../../../elements/lisp/itr/lisp-smr-receiver.js";
import { LISPMapServer } from "../../../elements/lisp/mapping-system/lisp-map-server.js";
import { LISPHostFinder } from "../../../elements/lisp/mobility/lisp-host-finder.js";
import { LISPMobility } from "../../../elements/lisp/mobility/lisp-mobility.js";
import { NOTIFY_INTERVALS } from "../../../src/lisp/map-server/notifications.js";
import { PING_INTERVAL, PROBE_INTERVAL } from "./four-sites.js";

/** What may be wrong, and where: an access link is between a tunnel router, or the Map-Server, and the core. */
export type Cause =
  | "site link"
  | "access link"
  | "delay"
  | "xtr crash"
  | "ms crash"
  | "core crash"
  | "host crash"
  | "xtr clock"
  | "ms clock"
  | "store"
  | "move";

/** Mishaps that overlap, or follow each other before everything was right again. */
export interface Trouble {
  /** Seconds from the first one's beginning to the last one's end. */
  readonly outage: number;
  readonly causes: ReadonlySet<Cause>;
}

/** Seconds from a mishap's end until the Map-Server has the right mappings, and until all others have. */
export interface Bound {
  readonly mappings: number;
  readonly caches: number;
}

function timer(arg: { readonly default: string }): number {
  const value = Number(arg.default);
  if (!(value > 0)) throw new Error(`no time in seconds: '${arg.default}'`);
  return value;
}

/** Links, stores and processors take some time, too. */
const SLACK = 5;
const REMIND = 1;

/** A registration that is not renewed ends after this (RFC 9301, section 8.2). */
export const REGISTRATION = timer(LISPMapServer.spec.args.TIMEOUT);

const RENEW = timer(LISPRegistrar.spec.args.INTERVAL);
const ARRIVE = PING_INTERVAL + timer(LISPMobility.spec.args.TRIES) * timer(LISPMobility.spec.args.TIMEOUT);
const SOLICIT =
  REMIND +
  timer(LISPSMRSender.spec.args.INTERVAL) +
  timer(LISPSMRReceiver.spec.args.INTERVAL) +
  PING_INTERVAL;
const { RETRIES, TIMEOUT } = LISPRLOCProber.spec.args;
const REPLACE = PROBE_INTERVAL + timer(RETRIES) * timer(TIMEOUT);
/** Who has an old mapping sends by it, and is told so, or does not, and finds out. */
const CORRECT = Math.max(SOLICIT, REPLACE);

const retry = (outage: number): number =>
  Math.min(outage + timer(LISPRegistrar.spec.args.TIMEOUT), timer(LISPRegistrar.spec.args.MAX_TIMEOUT));

/** Null: it is not sent any more. */
function tell(outage: number): number | null {
  let sent = 0;
  let longest = 0;
  for (const interval of NOTIFY_INTERVALS.slice(0, -1)) {
    if (sent > outage) break;
    longest = Math.max(longest, interval);
    sent += interval;
  }
  return sent > outage ? longest : null;
}

function resolve(outage: number): number {
  let asking = 0;
  for (let sent = 0; sent <= timer(LISPResolver.spec.args.RETRIES); sent++)
    asking += Math.min(
      timer(LISPResolver.spec.args.TIMEOUT) * 2 ** sent,
      timer(LISPResolver.spec.args.MAX_TIMEOUT),
    );
  return (
    timer(LISPResolver.spec.args.MAX_TIMEOUT) +
    (outage < asking ? 0 : timer(LISPResolver.spec.args.PAUSE)) +
    PING_INTERVAL
  );
}

/** The bound for a mishap of `cause` amid `trouble`. */
export function boundOf(cause: Cause, { outage, causes }: Trouble): Bound {
  // What a Map-Server has still to tell, it forgets in a crash.
  const told = causes.has("ms crash") ? null : tell(outage);
  const untold = RENEW + ARRIVE;
  const search = timer(LISPHostFinder.spec.args.INTERVAL) + retry(outage);
  const heard = told ?? Math.max(untold, search);
  const mappings = ((): number => {
    switch (cause) {
      case "delay":
      case "xtr clock":
        return 0;
      case "site link":
      case "xtr crash":
      case "host crash":
        return ARRIVE;
      case "move":
        return told === null ? untold : told + ARRIVE;
      case "access link":
      case "core crash":
      case "store":
        return Math.max(retry(outage), told === null ? RENEW : 0) + ARRIVE;
      case "ms crash":
      case "ms clock":
        // Registrations whose end a wrong clock has seen come with the next renewal.
        return RENEW + ARRIVE;
    }
  })();
  const caches = ((): number => {
    switch (cause) {
      case "delay":
      case "xtr clock":
        return mappings;
      case "site link":
      case "host crash":
        return mappings + CORRECT + resolve(0);
      default:
        return Math.max(mappings, heard) + CORRECT + resolve(outage);
    }
  })();
  return { mappings: mappings + SLACK, caches: caches + SLACK };
}
