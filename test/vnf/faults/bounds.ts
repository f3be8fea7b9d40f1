// How long four-sites.yaml may take to be right again once nothing goes wrong any more: from the timers that its
// elements have by their specs, and from the RFCs.

import { REGISTRAR_ARGS } from "../../../elements/lisp/etr/lisp-registrar-args.js";
import { RESOLVER_ARGS } from "../../../elements/lisp/itr/lisp-resolver-args.js";
import { LISPMapServer } from "../../../elements/lisp/mapping-system/lisp-map-server.js";
import { MOBILITY_ARGS } from "../../../elements/lisp/mobility/lisp-mobility-args.js";

function timer(arg: { readonly default: string }): number {
  const value = Number(arg.default);
  if (!(value > 0)) throw new Error(`no time in seconds: '${arg.default}'`);
  return value;
}

/** Links, stores and processors take some time, too. */
const SLACK = 5;

/** A Map-Register that was not acknowledged, or what nobody knows to be lost, comes again after at most this. */
export const REGISTER = Math.max(timer(REGISTRAR_ARGS.INTERVAL), timer(REGISTRAR_ARGS.MAX_TIMEOUT));

/** A registration that is not renewed ends after this (RFC 9301, section 8.2). */
export const REGISTRATION = timer(LISPMapServer.spec.args.TIMEOUT);

/** A host that is silent is given up after this, and one that comes is found sooner: it sends all the time. */
const GIVE_UP = timer(MOBILITY_ARGS.IDLE) + timer(MOBILITY_ARGS.TRIES) * timer(MOBILITY_ARGS.TIMEOUT);

/**
 * Then the Map-Server has the right mappings: who had a host knows that it is gone and has withdrawn it, or could not and
 * its registration is over; who has it has registered it.
 */
export const MAPPINGS = Math.max(GIVE_UP + REGISTER, REGISTRATION) + SLACK;

/** The longest pause between two Map-Notifies that nobody acknowledges (RFC 9301, section 5.7: 3 s, doubled). */
const NOTIFY = 48;
/** How long an ITR leaves an EID alone that nobody answered for, and then waits for an answer. */
const RESOLVE = timer(RESOLVER_ARGS.PAUSE) + timer(RESOLVER_ARGS.MAX_TIMEOUT);

/** Then all that send to a host have its mapping, too, by publication, SMR, or because they asked anew. */
export const CACHES = MAPPINGS + Math.max(NOTIFY, RESOLVE) + SLACK;
