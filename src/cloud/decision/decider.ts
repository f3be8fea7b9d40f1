// Decides for services as their users move: what waits to be decided, what a policy is given, and which of its verdicts
// is let through.

import { LargeMap } from "../../collections/large-map.js";
import { SortedList } from "../../collections/sorted-list.js";
import { SLICE_REST } from "../../lisp/slice.js";
import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { Catalogue } from "../catalogue/catalogue.js";
import { type CatalogueChange, CatalogueError, type DataCentre } from "../catalogue/model.js";
import type { UserMove, UserState } from "../users/tracker.js";
import { Audience } from "./audience.js";
import type { DecidedTransfer, Decision, KeptDecision, Outcome } from "./decision.js";
import { obstacle, plan, planText } from "./plan.js";
import type { Centre, Part, Policy, Reason, Situation, Transfer, Verdict } from "./policy.js";
import { Reservations } from "./reservations.js";

export interface DeciderOptions {
  readonly clock: Clock;
  readonly catalogue: Catalogue;
  readonly user: (name: string) => UserState | null;
  readonly timer: (fire: () => void) => Timer;
  /** Decisions that are kept. */
  readonly keep: number;
  /** Nanoseconds after which nobody is expected to carry out a decision any more. */
  readonly patience: number;
  /** The number of the next decision. */
  readonly number: () => number;
  /** The policy for a service, and what it is called; a note where it is not the service's own though that has one. */
  readonly policy: (service: string) => {
    readonly policy: Policy;
    readonly text: string;
    readonly note: string;
  };
}

export interface DeciderEvents {
  decided(decision: Decision): void;
  count(name: "decisions" | "stays" | "migrations" | "refused" | "policy_failed" | "expired"): void;
}

/** Decisions of one turn: each takes some 10 µs, or what a policy takes. */
const AT_ONCE = 4;

/** Something to decide: of a service and one user at most once. */
interface Waiting {
  readonly service: string;
  readonly user: string | null;
  readonly reason: Reason | "drained";
  readonly from: string | null;
  readonly priority: number;
  readonly turn: number;
}

export class Decider {
  readonly #options: DeciderOptions;
  readonly #events: DeciderEvents;
  readonly #audience: Audience;
  readonly #waiting = new LargeMap<string, Waiting>();
  /** Those of the highest priority first, of these the first first. */
  readonly #order = new SortedList<Waiting>((a, b) => b.priority - a.priority || a.turn - b.turn);
  readonly #reservations = new Reservations();
  readonly #decisions = new LargeMap<number, KeptDecision>();
  readonly #migrated = new LargeMap<string, number>();
  readonly #turn: Timer;
  readonly #expiry: Timer;
  #turns = 0;

  constructor(options: DeciderOptions, events: DeciderEvents) {
    this.#options = options;
    this.#events = events;
    this.#audience = new Audience(options.catalogue);
    this.#turn = options.timer(() => this.#work());
    this.#expiry = options.timer(() => this.#expire());
  }

  // ---- What happens ----------------------------------------------------------------

  moved({ user, from, to }: UserMove): void {
    this.#audience.set(user, to?.network ?? null);
    if (to === null) return;
    const reason = from === null ? "seen" : "moved";
    const { uses = [] } = this.#options.catalogue.get("user", user) ?? {};
    for (const service of uses) this.#wait(service, user, reason, from?.network?.name ?? null);
  }

  catalogueChanged({ kind, name, what }: CatalogueChange): void {
    const { catalogue, user } = this.#options;
    if (kind === "user") this.#audience.set(name, user(name)?.where?.network ?? null);
    else if (
      (kind === "dc" || kind === "access") &&
      (what === "added" || what === "changed" || what === "removed")
    )
      this.#audience.moved();
    if (what === "drained") {
      const services = new Set(catalogue.vmsAt(name).map(({ service }) => service));
      for (const { vm, to } of this.#reservations.all())
        if (to === name) services.add(catalogue.get("vm", vm)?.service ?? "");
      for (const service of services) this.#wait(service, null, "drained", null);
    }
    if (kind === "vm") {
      const reserved = this.#reservations.get(name);
      if (reserved === null) return;
      if (what === "placed" && catalogue.get("vm", name)?.dc === reserved.to)
        this.finished(reserved.decision, name, "done");
      else if (what === "removed")
        this.finished(reserved.decision, name, "cancelled", "it was taken out of the catalogue");
    }
    if (kind === "dc" && what === "removed")
      for (const { vm, to, decision } of [...this.#reservations.all()])
        if (to === name) this.finished(decision, vm, "cancelled", `${name} was taken out of the catalogue`);
  }

  /** A user is where the tracker has it, without having moved: it was seen before, or its network is called otherwise. */
  takeUp(user: string): void {
    this.#audience.set(user, this.#options.user(user)?.where?.network ?? null);
  }

  /** Decides for a service although nothing has happened. Throws CatalogueError. */
  ask(service: string): void {
    if (this.#options.catalogue.get("service", service) === null)
      throw new CatalogueError("UNKNOWN", `there is no service '${service.slice(0, 64)}'`);
    this.#wait(service, null, "asked", null);
  }

  /** An operator's order. Throws CatalogueError where it cannot be. */
  order(name: string, to: string, why: string): Decision {
    const { catalogue } = this.#options;
    const vm = catalogue.get("vm", name);
    if (vm === null) throw new CatalogueError("UNKNOWN", `there is no vm '${name.slice(0, 64)}'`);
    const situation = this.#situation(vm.service, null, "asked", null)!;
    const part = situation.parts.find((p) => p.vm === name)!;
    const refusal = this.#refusal(part, to, situation.centres, new Map());
    if (refusal !== null) throw new CatalogueError("REFUSED", refusal);
    const transfers = [{ vm: name, from: vm.dc, to }];
    return this.#decide({ reason: "ordered", user: null, service: vm.service, policy: null, transfers, why });
  }

  /** What has become of a transfer of a decision; what is not known, or over, is left as it is. */
  finished(number: number, vm: string, outcome: Outcome, why = ""): void {
    if (this.#reservations.get(vm)?.decision === number) this.#reservations.delete(vm);
    const decision = this.#decisions.get(number);
    const at = decision?.transfers.findIndex((t) => t.vm === vm) ?? -1;
    if (decision === undefined || at < 0 || decision.outcomes[at].outcome !== "decided") return;
    const outcomes = decision.outcomes.with(at, { outcome, why, at: this.#options.clock.now() });
    this.#decisions.set(number, { ...decision, outcomes });
    if (outcome === "done") this.#migrated.set(decision.service, this.#options.clock.now());
  }

  // ---- Reading ---------------------------------------------------------------------

  get(number: number): KeptDecision | null {
    return this.#decisions.get(number) ?? null;
  }

  /** The first first; from one on, where that is still kept. */
  decisions(from?: number): IterableIterator<KeptDecision> {
    return this.#decisions.values(from);
  }

  get reservations(): Reservations {
    return this.#reservations;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Goes on with what another one has decided. */
  takeFrom(other: Decider): void {
    for (const [number, decision] of other.#decisions) this.#decisions.set(number, decision);
    for (const reservation of other.#reservations.all()) this.#reservations.set(reservation);
    for (const [service, at] of other.#migrated) this.#migrated.set(service, at);
    for (const w of other.#waiting.values()) this.#wait(w.service, w.user, w.reason, w.from);
    this.#watchFirst();
  }

  // ---- What waits ------------------------------------------------------------------

  #wait(service: string, user: string | null, reason: Waiting["reason"], from: string | null): void {
    const key = `${service} ${user ?? (reason === "drained" ? "*" : "?")}`;
    const former = this.#waiting.get(key);
    if (former !== undefined) this.#order.remove(former);
    const { priority = 0 } = this.#options.catalogue.get("service", service) ?? {};
    // Where it was before all that happened meanwhile.
    const next = {
      service,
      user,
      reason,
      from: former?.from ?? from,
      priority,
      turn: former?.turn ?? this.#turns++,
    };
    this.#waiting.set(key, next);
    this.#order.add(next);
    if (!this.#turn.scheduled) this.#turn.scheduleAfter(0);
  }

  #work(): void {
    for (let i = 0; i < AT_ONCE; i++) {
      const [next] = this.#order.from();
      if (next === undefined) return;
      this.#order.remove(next);
      const { service, user, reason, from } = next;
      this.#waiting.delete(`${service} ${user ?? (reason === "drained" ? "*" : "?")}`);
      const situation = this.#situation(service, user, reason === "drained" ? "asked" : reason, from);
      if (situation === null || situation.parts.length === 0) continue;
      if (reason === "drained") this.#evacuate(situation);
      else this.#judge(situation);
    }
    if (this.#order.size > 0) this.#turn.scheduleAfter(SLICE_REST);
  }

  // ---- What a policy is given ---------------------------------------------------------

  /** null: there is no such service, or user, any more. */
  #situation(name: string, userName: string | null, reason: Reason, from: string | null): Situation | null {
    const { catalogue, clock } = this.#options;
    const service = catalogue.get("service", name);
    const user = userName === null ? null : this.#userOf(userName, from);
    if (service === null || (userName !== null && user === null)) return null;
    const parts = catalogue.vmsOf(name).map(({ name: vm, dc, memory, mtu, pinned }): Part => {
      const going = this.#reservations.get(vm)?.to ?? null;
      return { vm, dc, going, memory, mtu, pinned };
    });
    parts.sort((a, b) => (a.vm < b.vm ? -1 : 1));
    const { located, distance } = this.#audience.reach(name);
    const centres = [...catalogue.all("dc")].map((dc) => this.#centre(dc, distance(dc.name)));
    const far = ({ distance }: Centre): number => distance ?? Number.MAX_VALUE;
    centres.sort((a, b) => far(a) - far(b) || (a.name < b.name ? -1 : 1));
    const { type, task, priority, apart } = service;
    const migrated = this.#migrated.get(name);
    return {
      reason,
      user,
      service: { name, type, task, priority, apart, users: catalogue.userCount(name), located },
      parts,
      centres,
      now: clock.now() / 1e9,
      migrated: migrated === undefined ? null : migrated / 1e9,
    };
  }

  #userOf(name: string, from: string | null): Situation["user"] {
    const entry = this.#options.catalogue.get("user", name);
    const state = this.#options.user(name);
    if (entry === null || state === null) return null;
    const { where, moves } = state;
    return {
      name,
      class: entry.class,
      network: where?.network?.name ?? null,
      from,
      at: where?.at ?? null,
      moves,
    };
  }

  #centre({ name, at, vms, memory, mtu, drained }: DataCentre, distance: number | null): Centre {
    const load = this.#options.catalogue.loadOf(name);
    const coming = this.#reservations.taken(name);
    const free = {
      vms: (vms ?? Number.POSITIVE_INFINITY) - load.vms - coming.vms,
      memory: (memory ?? Number.POSITIVE_INFINITY) - load.memory - coming.memory,
    };
    return { name, at, distance, drained, free, mtu };
  }

  // ---- Verdicts --------------------------------------------------------------------

  #judge(situation: Situation): void {
    const { name } = situation.service;
    const { policy, text, note } = this.#options.policy(name);
    let verdict: Verdict;
    try {
      verdict = checked(policy.decide(situation));
    } catch (e) {
      this.#events.count("policy_failed");
      verdict = { transfers: [], why: `the policy failed: ${(e as Error).message}` };
    }
    this.#allow(situation, verdict, situation.reason, text, note);
  }

  /** What is in a drained data centre leaves it, whatever the policy: together, or, where there is no room for all, one by one. */
  #evacuate(situation: Situation): void {
    const drained = new Set(situation.centres.filter((c) => c.drained).map(({ name }) => name));
    const leaves = ({ dc, going }: Part): boolean => drained.has(going ?? dc);
    const left = situation.parts.filter(leaves);
    if (left.length === 0) return;
    const together = plan(situation, leaves);
    const movable = left.filter(({ pinned }) => !pinned).length;
    const apart = { ...situation, service: { ...situation.service, apart: true } };
    const best = together.transfers.length === movable ? together : plan(apart, leaves);
    this.#allow(situation, { transfers: best.transfers, why: planText(best) }, "drained", null, "");
  }

  /** Lets through what can be, and says why of the rest. */
  #allow(
    { parts, centres, user, service }: Situation,
    verdict: Verdict,
    reason: Decision["reason"],
    policy: string | null,
    note: string,
  ): void {
    const notes = note === "" ? [] : [note];
    const transfers: DecidedTransfer[] = [];
    const taken = new Map<string, Part[]>();
    const seen = new Set<string>();
    for (const { vm, to } of verdict.transfers) {
      const part = parts.find((p) => p.vm === vm);
      if (part !== undefined && to === (part.going ?? part.dc) && !seen.has(vm)) continue;
      const refusal =
        part === undefined || seen.has(vm)
          ? `${vm} is none of its parts, or twice there`
          : this.#refusal(part, to, centres, taken);
      seen.add(vm);
      if (refusal === null) transfers.push({ vm, from: part!.dc, to });
      else {
        this.#events.count("refused");
        notes.push(`refused: ${refusal}`);
      }
    }
    const why = [verdict.why, ...notes].join("; ");
    this.#decide({ reason, user: user?.name ?? null, service: service.name, policy, transfers, why });
  }

  /** Why a part cannot go somewhere; null: it can, and what it takes there is counted in `taken`. */
  #refusal(part: Part, to: string, centres: readonly Centre[], taken: Map<string, Part[]>): string | null {
    const centre = centres.find(({ name }) => name === to);
    if (part.pinned) return `${part.vm} is pinned`;
    if (centre === undefined) return `there is no dc '${to.slice(0, 64)}'`;
    if (to === (part.going ?? part.dc)) return `${part.vm} is in ${to}, or on its way there`;
    const group = [...(taken.get(to) ?? []), part];
    const why = obstacle(group, centre, centre.free);
    if (why !== null) return `${to} ${why}`;
    taken.set(to, group);
    return null;
  }

  #decide(what: Omit<Decision, "number" | "at">): Decision {
    const { clock, number, keep } = this.#options;
    const decision: Decision = { ...what, number: number(), at: clock.now() };
    const outcomes = decision.transfers.map(() => ({
      outcome: "decided" as const,
      why: "",
      at: decision.at,
    }));
    this.#decisions.set(decision.number, { ...decision, outcomes });
    while (this.#decisions.size > keep) this.#decisions.delete(this.#decisions.first![0]);
    this.#events.count("decisions");
    this.#events.count(decision.transfers.length === 0 ? "stays" : "migrations");
    for (const transfer of decision.transfers) this.#reserve(transfer, decision);
    if (decision.transfers.length > 0) this.#migrated.set(decision.service, decision.at);
    this.#watchFirst();
    // Those who carry it out may say at once what has become of it.
    this.#events.decided(decision);
    return decision;
  }

  #reserve({ vm, to }: Transfer, { number, at }: Decision): void {
    const former = this.#reservations.get(vm);
    if (former !== null) this.finished(former.decision, vm, "replaced", `by decision ${number}`);
    const { memory, dc } = this.#options.catalogue.get("vm", vm)!;
    // Where it is it is counted already.
    if (dc !== to)
      this.#reservations.set({ vm, to, memory, decision: number, until: at + this.#options.patience });
  }

  #watchFirst(): void {
    const { first } = this.#reservations;
    if (first !== null && !this.#expiry.scheduled) this.#expiry.scheduleAt(first.until);
  }

  #expire(): void {
    for (let i = 0; i < AT_ONCE; i++) {
      const { first } = this.#reservations;
      if (first === null || first.until > this.#options.clock.now()) break;
      this.#events.count("expired");
      this.finished(first.decision, first.vm, "expired", "nobody has said what became of it");
      this.#reservations.delete(first.vm);
    }
    this.#watchFirst();
  }
}

/** A verdict as the contract has it. Throws TypeError for what else a policy may return. */
function checked(verdict: Verdict): Verdict {
  const { transfers, why } = verdict;
  if (!Array.isArray(transfers) || typeof why !== "string" || !transfers.every(isTransfer))
    throw new TypeError("its verdict is not { transfers: [{ vm, to }], why }");
  return { transfers, why: why.replace(/\s+/g, " ").slice(0, 1000) };
}

function isTransfer(t: Partial<Transfer> | null): boolean {
  return typeof t?.vm === "string" && typeof t.to === "string";
}
