// Signals to tunnel routers as Change-Priority messages of role H.

import type { ChangePriorityTalk, Outcome, Saying } from "../../../lisp/change-priority/talk.js";
import { recordOfMapping } from "../../../lisp/control/control-records.js";
import { hostPrefix } from "../../../net/prefix.js";
import type { EidRecord } from "../../../wire/lisp-control/record.js";
import type { MovingEid, RouterAnswer, Signal, TunnelRouters } from "../seams.js";

/** Waits for what one message becomes. */
export type SignalWaiter = (outcome: Outcome) => void;

export interface RouterSignalsOptions {
  /** Addresses at which the tunnel routers of a data centre take control messages. */
  readonly routersOf: (dc: string) => readonly Uint8Array[];
  /** Our own addresses, one of each family. */
  readonly addresses: readonly Uint8Array[];
  readonly talk: () => ChangePriorityTalk<SignalWaiter>;
}

/** EIDs of one instance in a message: as many as tunnel routers take. */
const EIDS_MAX = 16;
/** Minutes that a record says. */
const TTL = 5;

export class RouterSignals implements TunnelRouters {
  readonly #options: RouterSignalsOptions;

  constructor(options: RouterSignalsOptions) {
    this.#options = options;
  }

  send(dc: string, signal: Signal): Promise<readonly RouterAnswer[]> {
    const groups = groupsOf(signal);
    return Promise.all(this.#options.routersOf(dc).map((router) => this.#sendTo(router, signal, groups)));
  }

  /** What became of the worst of its messages. */
  async #sendTo(
    router: Uint8Array,
    signal: Signal,
    groups: readonly (readonly EidRecord[])[],
  ): Promise<RouterAnswer> {
    const source = this.#options.addresses.find(({ length }) => length === router.length);
    if (source === undefined)
      return { router, status: "refused", reason: "there is no address of our own of its family" };
    const outcomes = await Promise.all(
      groups.map(
        (records) =>
          new Promise<Outcome>((resolve) => {
            const saying: Saying<SignalWaiter> = {
              source,
              destination: router,
              role: "hypervisor",
              event: signal.event,
              records,
              about: resolve,
            };
            this.#options.talk().say(saying);
          }),
      ),
    );
    const answers = outcomes.map((outcome) => answerOf(router, outcome));
    return answers.reduce((worst, answer) =>
      BADNESS[answer.status] > BADNESS[worst.status] ? answer : worst,
    );
  }
}

const BADNESS: Readonly<Record<RouterAnswer["status"], number>> = {
  done: 0,
  absent: 1,
  silent: 2,
  refused: 3,
};

function answerOf(router: Uint8Array, outcome: Outcome): RouterAnswer {
  if (outcome.kind === "silent") return { router, status: "silent", reason: "" };
  // Too many wait: they go later.
  if (outcome.kind === "unsent" && outcome.why === "full") return { router, status: "silent", reason: "" };
  if (outcome.kind === "unsent")
    return { router, status: "refused", reason: `it is not told: ${outcome.why}` };
  if (outcome.status === "done") return { router, status: "done", reason: "" };
  if (outcome.status === "not-hosted") return { router, status: "absent", reason: "" };
  return { router, status: "refused", reason: outcome.status };
}

/** The records of each message: EIDs of one instance. */
function groupsOf({ eids, rlocs }: Signal): readonly (readonly EidRecord[])[] {
  const byIid = new Map<number, EidRecord[]>();
  for (const eid of eids) {
    const records = byIid.get(eid.iid) ?? [];
    byIid.set(eid.iid, records);
    records.push(recordOf(eid, rlocs));
  }
  return [...byIid.values()].flatMap((records) =>
    Array.from({ length: Math.ceil(records.length / EIDS_MAX) }, (_, i) =>
      records.slice(i * EIDS_MAX, (i + 1) * EIDS_MAX),
    ),
  );
}

function recordOf({ iid, address }: MovingEid, rlocs: readonly Uint8Array[]): EidRecord {
  const usual = { priority: 1, weight: 100, mpriority: 255, mweight: 0, reachable: true };
  const locators = rlocs.map((rloc) => ({ rloc, ...usual }));
  const mapping = {
    iid,
    eid: hostPrefix(address),
    ttl: TTL * 60,
    action: "no-action" as const,
    locators,
    version: 0,
  };
  return recordOfMapping(mapping, { ttl: TTL, authoritative: false, local: () => false });
}
