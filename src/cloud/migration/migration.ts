// One migration under way: keeps each state before it acts on it, asks again what is not answered, and notes what comes.

import { coversEid, type EidPrefix, sameEid } from "../../net/eid.js";
import { hostPrefix } from "../../net/prefix.js";
import type { Timer } from "../../router/timer.js";
import type { HypervisorEvent } from "../hypervisor.js";
import { claimant, dcOf, type ErrandContext, perform } from "./errands.js";
import { Knowledge } from "./knowledge.js";
import { patienceOf, type SequenceOptions } from "./options.js";
import type { Promised } from "./preflight.js";
import { hasEnded, type MigrationRecord, type NextMove, type State, wallMs, withStep } from "./record.js";
import type { MigrationWorld, Side } from "./seams.js";
import { type Claim, type Errand, errandName, errandsDue, nextState } from "./stages.js";

export interface MigrationEnvironment {
  readonly world: MigrationWorld;
  readonly options: SequenceOptions;
  /** Rejects when it cannot be kept; of several at once the last one stands. */
  save(record: MigrationRecord): Promise<void>;
  promised(migration: Migration): Promised;
  /** Nothing has left of it, and its target is full: whether it waits, halted, as others are about to leave from there. */
  waitsForRoom(migration: Migration): boolean;
  /** It is in another state, and that is kept. */
  entered(migration: Migration): void;
  /** What should not happen. */
  report(text: string): void;
}

/** An errand of the present state. */
interface Run {
  readonly errand: Errand;
  attempts: number;
  readonly timer: Timer;
}

/** Seconds until an errand is tried again, doubled each time, and at most. */
const AGAIN = 0.1;
const AGAIN_MAX = 2;
/** Seconds between looks at what events and publications should tell, while it is copied and otherwise. */
const LOOK_COPYING = 2;
const LOOK = 0.25;
/** Seconds after which tunnel routers are told again what they are armed with. */
const ARMED_AGAIN = 10;
/** Seconds that a state may wait for a store that does not take it, where nothing but what others say leads to it. */
const STORE_WAIT = 0.1;

/** Where it follows from what hypervisors say: whoever takes over asks them, and needs no store for it. */
const FOLLOWS: readonly State[] = ["stopped", "resumed", "redirected", "cancelling"];

/** What a state is in the paper's sequences. */
const ITEMS: Partial<Record<State, string>> = {
  requested: "F13.5 F14.4 F15.1",
  running: "F15.2",
  resumed: "F13.6 F15.3",
  settled: "F13.9 F15.8",
};

const EVENT_ITEMS: Partial<Record<HypervisorEvent["kind"], string>> = {
  started: "F15.2",
  resumed: "F13.6 F15.3",
};

function eventText({ kind, reason, bytes, rounds }: HypervisorEvent): string {
  if (reason !== "") return `${kind}: ${reason}`;
  return kind === "completed" ? `completed, ${bytes} bytes in ${rounds} rounds` : kind;
}

export class Migration implements ErrandContext {
  readonly known = new Knowledge();
  readonly #environment: MigrationEnvironment;
  readonly #runs = new Map<string, Run>();
  readonly #patience: Timer;
  #record: MigrationRecord;
  /** Counts states entered: what was asked for in an earlier one does not count as done. */
  #turn = 0;
  /** A state is being kept: nothing is asked for, and no other begins. */
  #entering = false;
  #halted = false;
  /** The claim that was noted last. */
  #claim: Claim = "unknown";

  constructor(record: MigrationRecord, environment: MigrationEnvironment) {
    this.#record = record;
    this.#environment = environment;
    this.#patience = this.world.timers.timer(() => this.#impatient());
    this.known.refusal = record.back;
  }

  get record(): MigrationRecord {
    return this.#record;
  }
  get world(): MigrationWorld {
    return this.#environment.world;
  }
  get options(): SequenceOptions {
    return this.#environment.options;
  }

  /** Goes on where the record is. */
  begin(): void {
    this.#begin();
  }

  /** Does nothing any more: another controller may have it now. */
  halt(): void {
    this.#halted = true;
    this.#stop();
  }

  /** Wants it back; false: it is too late, as the virtual machine runs at the target. */
  cancel(reason: string): boolean {
    const { state } = this.#record;
    if (state === "resumed" || state === "redirected" || hasEnded(state)) return false;
    this.known.refuse({ code: "CANCELLED", from: "controller", reason });
    this.#update();
    return true;
  }

  /** What is to come behind it, and the decision that it carries out. */
  follow(next: NextMove | null, decision: number | null): void {
    this.#record = { ...this.#record, next, decision };
  }

  /** Whether an EID-prefix has to do with one of its EIDs. */
  concerns(prefix: EidPrefix): boolean {
    return this.#record.eids.some(({ iid, address }) => coversEid(prefix, { iid, eid: hostPrefix(address) }));
  }

  /** A hypervisor's event about it. */
  event(dc: string, event: HypervisorEvent): void {
    const side: Side = dc === this.#record.from ? "source" : "target";
    if (event.kind === "lost") {
      this.#lookAgain(side);
      return;
    }
    this.known.event(side, event, this.#record);
    if (event.kind !== "progress") this.note(`hypervisor ${dc}`, eventText(event), EVENT_ITEMS[event.kind]);
    this.#update();
  }

  /** The mapping system has published that an EID-prefix is registered with other RLOCs. */
  published(prefix: EidPrefix, rlocs: readonly Uint8Array[]): void {
    const { eids } = this.#record;
    const at = eids.findIndex(({ iid, address }) => sameEid({ iid, eid: hostPrefix(address) }, prefix));
    // Of a prefix around it: there may be a longer one.
    if (at < 0 || rlocs.length === 0) {
      this.#again("locate");
      return;
    }
    this.known.claims[at] = claimant(this.#record, rlocs);
    this.#update();
  }

  // ---- For its errands -------------------------------------------------------------------

  promised(): Promised {
    return this.#environment.promised(this);
  }

  waitsForRoom(): boolean {
    return this.#environment.waitsForRoom(this);
  }

  locate(rlocs: MigrationRecord["rlocs"]): void {
    this.#record = { ...this.#record, rlocs };
  }

  /** Kept with the next state. */
  note(from: string, what: string, item = ""): void {
    const { state, history } = this.#record;
    const at = wallMs(this.world.clock);
    this.#record = { ...this.#record, history: withStep(history, { at, state, from, item, what }) };
  }

  // ---- States ----------------------------------------------------------------------------

  #update(): void {
    if (this.#halted || this.#entering || hasEnded(this.#record.state)) return;
    this.#noteClaim();
    const { state, arm } = this.#record;
    const next = nextState(state, arm, this.known);
    if (next !== null) {
      this.#enter(next);
      return;
    }
    for (const errand of errandsDue(state, arm, this.known))
      if (!this.#runs.has(errandName(errand))) this.#run(errand);
  }

  #enter(next: State): void {
    this.#stop();
    this.#turn++;
    this.#entering = true;
    this.known.enter();
    if (next === "resumed") {
      // Whatever was wrong or wanted: it runs there.
      if (this.known.refusal !== null) this.note("controller", "it is too late to go back");
      this.known.refusal = null;
    }
    const { refusal } = this.known;
    this.#record = { ...this.#record, state: next, back: refusal };
    this.note("controller", refusal === null ? next : `${next}: ${refusal.reason}`, ITEMS[next]);
    if (next === "settled") this.world.directory.place(this.#record.vm, this.#record.to);
    void this.#keep(this.#turn);
  }

  async #keep(turn: number): Promise<void> {
    const { state } = this.#record;
    const kept = (): void => {
      if (turn !== this.#turn || !this.#entering || this.#halted) return;
      this.#entering = false;
      this.#environment.entered(this);
      this.#begin();
    };
    const waited = this.world.timers.timer(kept);
    if (FOLLOWS.includes(state)) waited.scheduleAfter(STORE_WAIT * 1e9);
    for (let pause = AGAIN; turn === this.#turn && !this.#halted; pause = Math.min(AGAIN_MAX, 2 * pause)) {
      try {
        await this.#environment.save(this.#record);
        break;
      } catch (error) {
        this.#environment.report(`${this.#record.id} cannot be kept: ${(error as Error).message}`);
        await new Promise<void>((resolve) => this.world.timers.timer(resolve).scheduleAfter(pause * 1e9));
      }
    }
    waited.unschedule();
    kept();
  }

  #begin(): void {
    const { state } = this.#record;
    if (hasEnded(state)) return;
    const patience = patienceOf(state, this.options.patience) ?? this.options.patience.lost;
    this.#patience.scheduleAfter(patience * 1e9);
    this.#update();
  }

  #impatient(): void {
    const { state } = this.#record;
    const { known } = this;
    if (state === "redirected" || state === "cancelling") known.lost = true;
    else known.late = true;
    const missing = [...this.#runs.keys()].filter((name) => !known.done.has(name));
    const what = missing.length === 0 ? "what it waits for" : missing.join(", ");
    this.note("controller", `${state} for too long: no answer to ${what}`);
    if (known.late && state !== "resumed")
      known.refuse({ code: "TIMEOUT", from: "controller", reason: `${state} for too long: ${what}` });
    this.#update();
  }

  // ---- Errands ---------------------------------------------------------------------------

  #run(errand: Errand): void {
    const run: Run = {
      errand,
      attempts: 0,
      timer: this.world.timers.timer(() => this.#attempt(run)),
    };
    this.#runs.set(errandName(errand), run);
    this.#attempt(run);
  }

  #attempt(run: Run): void {
    const turn = this.#turn;
    const attempt = ++run.attempts;
    const name = errandName(run.errand);
    // Who does not answer at all is asked again, too.
    run.timer.scheduleAfter(this.options.patience.answer * 1e9);
    if (attempt > 1) this.known.tried.add(name);
    void perform(run.errand, this)
      .catch((error) => {
        this.#environment.report(`${this.#record.id}: cannot ${name}: ${(error as Error).message}`);
        return false;
      })
      .then((done) => {
        if (this.#halted) return;
        if (turn === this.#turn) this.#answered(run, name, done);
        this.#update();
      });
    if (attempt > 1) this.#update();
  }

  #answered(run: Run, name: string, done: boolean): void {
    this.known.tried.add(name);
    if (done) this.known.done.add(name);
    if (!done) run.timer.scheduleAfter(Math.min(AGAIN_MAX, AGAIN * 2 ** (run.attempts - 1)) * 1e9);
    else {
      const again = this.#againAfter(run.errand);
      if (again === null) run.timer.unschedule();
      else run.timer.scheduleAfter(again * 1e9);
    }
  }

  /** Seconds after which what is done is asked for all the same; null: never. */
  #againAfter({ kind }: Errand): number | null {
    const running = this.#record.state === "running";
    if (kind === "look" || kind === "locate") return running ? LOOK_COPYING : LOOK;
    return kind === "tell" && running ? ARMED_AGAIN : null;
  }

  /** Asks for it now, where this state does. */
  #again(name: string): void {
    const run = this.#runs.get(name);
    if (run !== undefined) this.#attempt(run);
  }

  #lookAgain(side: Side): void {
    this.note(`hypervisor ${dcOf(this.#record, side)}`, "events were lost");
    this.#again(errandName({ kind: "look", side }));
  }

  #noteClaim(): void {
    const { claim } = this.known;
    if (claim === this.#claim || claim === "unknown") return;
    this.#claim = claim;
    const who = claim === "nobody" ? "neither data centre" : dcOf(this.#record, claim);
    this.note("mapping", `its EIDs are registered with ${who}`, claim === "target" ? "F13.8 F15.5" : "");
  }

  #stop(): void {
    this.#patience.unschedule();
    for (const { timer } of this.#runs.values()) timer.unschedule();
    this.#runs.clear();
  }
}
