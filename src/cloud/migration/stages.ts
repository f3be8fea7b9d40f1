// The sequence: for each state what is asked of whom, and what must be known for the next one. Nothing here acts: each
// state can be entered by a controller that has just begun, and asks for all of it again.

import type { GuestState, HypervisorStatus, Landing } from "../hypervisor.js";
import { ARMS, type ArmName, backOf, CONFIRMED, type Told } from "./arms.js";
import type { Refusal, State } from "./record.js";
import type { Side } from "./seams.js";

/** One thing to ask for. It is asked for again until it is done; each kind is idempotent at whoever does it. */
export type Errand =
  /** Of both hypervisors, before anything is armed: what they have, and have left. */
  | { readonly kind: "status"; readonly side: Side }
  /** Of the mapping system: the tunnel routers in charge of a data centre's domain. */
  | { readonly kind: "inCharge"; readonly side: Side }
  /** Of the target's hypervisor: to reserve room and wait for the stream. */
  | { readonly kind: "prepare" }
  /** Of the source's hypervisor: to begin. */
  | { readonly kind: "migrate" }
  /** Of a hypervisor: where the virtual machine runs. Never done: events may be lost. */
  | { readonly kind: "look"; readonly side: Side }
  /** Of the mapping system: who claims the EIDs. Never done: publications may be lost. */
  | { readonly kind: "locate" }
  /** Of a hypervisor: to end the migration. */
  | { readonly kind: "cancel"; readonly side: Side }
  /** Of the tunnel routers of a data centre. */
  | { readonly kind: "tell"; readonly told: Told };

export function errandName(errand: Errand): string {
  if (errand.kind === "tell") return `tell ${errand.told.to} ${errand.told.event}`;
  return "side" in errand ? `${errand.kind} ${errand.side}` : errand.kind;
}

/** Where the virtual machine is at one end. `absent`: the hypervisor does not know it (any more). */
export type Seen = GuestState | "absent" | "unknown";

/** Whose tunnel routers all its EIDs are registered with; `nobody`: of neither data centre, or of both. */
export type Claim = Side | "nobody" | "unknown";

/** What a controller knows of one migration beside what is kept. */
export interface Facts {
  readonly source: Seen;
  readonly target: Seen;
  readonly claim: Claim;
  readonly landing: Landing | null;
  readonly status: { readonly source: HypervisorStatus | null; readonly target: HypervisorStatus | null };
  /** Why it cannot go on as it was meant to: what was refused, has failed, or somebody wants back. */
  readonly refusal: Refusal | null;
  /** Names of errands of this state that are done. */
  readonly done: ReadonlySet<string>;
  /** Names of errands of this state that have been answered or given up once. */
  readonly tried: ReadonlySet<string>;
  /** Signals of CONFIRMED that all tunnel routers of their side have acknowledged, in any state. */
  readonly confirmed: ReadonlySet<string>;
  /** The state's time is over. */
  readonly late: boolean;
  /** Whoever has not answered by now is given up. */
  readonly lost: boolean;
}

interface Stage {
  /** Rows of errands: those of one go out together, once all of the row before are done, or tried where that is enough. */
  readonly rows: (arm: ArmName, facts: Facts) => readonly Row[];
  readonly next: (facts: Facts, arm: ArmName) => State | null;
}

interface Row {
  readonly errands: readonly Errand[];
  readonly until: "done" | "tried";
}

const LOOKS: readonly Errand[] = [
  { kind: "look", side: "source" },
  { kind: "look", side: "target" },
];
const LOCATE: Errand = { kind: "locate" };
const PREPARE: Errand = { kind: "prepare" };
const MIGRATE: Errand = { kind: "migrate" };
const CANCEL: Readonly<Record<Side, Errand>> = {
  source: { kind: "cancel", side: "source" },
  target: { kind: "cancel", side: "target" },
};

const done = (errands: readonly Errand[]): Row => ({ errands, until: "done" });
const tried = (errands: readonly Errand[]): Row => ({ errands, until: "tried" });
const tells = (told: readonly Told[]): Errand[] => told.map((t) => ({ kind: "tell", told: t }));

/** Those that have not been heard yet. */
function unheard(told: readonly Told[], { confirmed }: Facts): Errand[] {
  return tells(told).filter((errand) => !confirmed.has(errandName(errand)));
}

function allDone(rows: readonly Row[], facts: Facts): boolean {
  return rows.every(({ errands }) => errands.every((errand) => facts.done.has(errandName(errand))));
}

/** It has to go back, unless the virtual machine runs at the target: then nothing is undone any more. */
const fails = ({ refusal, late }: Facts): boolean => refusal !== null || late;

const STAGES: Readonly<Record<Exclude<State, "settled" | "cancelled" | "failed">, Stage>> = {
  // Nothing has left yet: a refusal needs no way back.
  decided: {
    rows: () => [
      done([
        { kind: "status", side: "source" },
        { kind: "status", side: "target" },
        { kind: "inCharge", side: "source" },
        { kind: "inCharge", side: "target" },
      ]),
    ],
    next(facts, arm) {
      if (facts.refusal !== null) return facts.refusal.code === "CANCELLED" ? "cancelled" : "failed";
      if (allDone(this.rows(arm, facts), facts)) return "armed";
      return facts.late ? "failed" : null;
    },
  },
  // Room first: where it is refused, no tunnel router has been told anything.
  armed: {
    rows: (arm) => [done([PREPARE]), done(tells(ARMS[arm].armed))],
    next(facts, arm) {
      if (fails(facts)) return "cancelling";
      return allDone(this.rows(arm, facts), facts) ? "requested" : null;
    },
  },
  // Who takes over here looks first: the virtual machine may be on its way, or there.
  requested: {
    rows: (_arm, { landing }) => (landing === null ? [tried(LOOKS), done([PREPARE])] : [done([MIGRATE])]),
    next(facts) {
      if (facts.target === "running") return "resumed";
      if (facts.source === "paused") return "stopped";
      if (fails(facts)) return "cancelling";
      return facts.done.has("migrate") ? "running" : null;
    },
  },
  // What is armed does not hold for ever: it is told again while the copying lasts.
  running: {
    rows: (arm) => [done([...LOOKS, ...tells(ARMS[arm].armed)])],
    next(facts) {
      if (facts.target === "running") return "resumed";
      if (facts.source === "paused") return "stopped";
      return fails(facts) ? "cancelling" : null;
    },
  },
  stopped: {
    rows: () => [done(LOOKS)],
    next(facts) {
      if (facts.target === "running") return "resumed";
      return fails(facts) ? "cancelling" : null;
    },
  },
  // The virtual machine runs at the target: from here on only forward.
  resumed: {
    rows: (arm, facts) => [done([...unheard(ARMS[arm].resumed, facts), LOCATE])],
    next(facts, arm) {
      const heard = unheard(ARMS[arm].resumed, facts).length === 0;
      return (heard && facts.claim === "target") || facts.late ? "redirected" : null;
    },
  },
  // Whatever the arm has left undone: both sides hear of it, until the mapping says so and the source is rid of it.
  redirected: {
    rows: (_arm, facts) => [done([...unheard(CONFIRMED, facts), LOCATE, LOOKS[0]])],
    next(facts) {
      if (facts.claim !== "target") return null;
      const clear = unheard(CONFIRMED, facts).length === 0 && facts.source === "absent";
      return clear || facts.lost ? "settled" : null;
    },
  },
  // The target first: it decides whether the virtual machine ever runs there. Where it does not answer the source is
  // asked all the same, which refuses once it is too late. Only when one is sure may the source's site claim the EIDs.
  cancelling: {
    rows: (arm, facts) => [
      tried([CANCEL.target]),
      tried([CANCEL.source]),
      ...(isSure(facts) ? backOf(ARMS[arm]).map((told) => tried(tells(told))) : []),
      done([...LOOKS, LOCATE]),
    ],
    next(facts, arm) {
      if (facts.target === "running") return "resumed";
      if (!isSure(facts)) return null;
      const ended = facts.refusal?.code === "CANCELLED" ? "cancelled" : "failed";
      const clear = allDone(this.rows(arm, facts).slice(0, -1), facts) && facts.claim === "source";
      return clear || facts.lost ? ended : null;
    },
  },
};

/** One hypervisor has said that the virtual machine will not run at the target. */
function isSure({ done }: Facts): boolean {
  return done.has(errandName(CANCEL.source)) || done.has(errandName(CANCEL.target));
}

/** The errands that are due in a state: those of the first row that is not over, and of all before it. */
export function errandsDue(state: State, arm: ArmName, facts: Facts): Errand[] {
  const stage = stageOf(state);
  if (stage === null) return [];
  const due: Errand[] = [];
  for (const { errands, until } of stage.rows(arm, facts)) {
    const over = until === "done" ? facts.done : facts.tried;
    due.push(...errands.filter((errand) => !facts.done.has(errandName(errand))));
    if (!errands.every((errand) => over.has(errandName(errand)))) break;
  }
  return due;
}

/** The state that follows; null: this one goes on. */
export function nextState(state: State, arm: ArmName, facts: Facts): State | null {
  return stageOf(state)?.next(facts, arm) ?? null;
}

function stageOf(state: State): Stage | null {
  return Object.hasOwn(STAGES, state) ? STAGES[state as keyof typeof STAGES] : null;
}
