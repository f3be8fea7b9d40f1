// A migration at its source: rounds of pre-copy by the model, and the messages that go with them.

import { pauseAfter } from "../agent/agent-host.js";
import { HypervisorError, type HypervisorEvent, type Landing, type MigrationOptions } from "../hypervisor.js";
import type { SimulatedGuest } from "./guest.js";
import { firstRound, nextRound, type Round } from "./pre-copy.js";
import type { StreamAnswer, StreamMessage } from "./stream.js";

/** Tries of a message before the destination counts as unreachable, where nothing has begun or somebody waits. */
const TRIES = 3;
/** Nanoseconds between messages of a stream that goes on, and between events that tell of its progress. */
const BEAT = 1e9;
/** Nanoseconds of silence after which the stream counts as broken. */
export const LOST = 5e9;

const NEVER = Number.POSITIVE_INFINITY;

export interface OutgoingHooks {
  now(): number;
  /** Sends message number `number` of the stream. */
  send(number: number, message: StreamMessage): void;
  event(kind: HypervisorEvent["kind"], outgoing: Outgoing, reason: string): void;
  /** It has come to its end: the virtual machine runs there (`completed`), or here. */
  ended(outgoing: Outgoing, outcome: "completed" | "failed" | "cancelled"): void;
}

type Phase =
  /** The destination has not answered yet. */
  | "opening"
  | "copying"
  /** The last round is on its way: the virtual machine stands still. */
  | "stopped"
  /** All has been sent. Whether it runs there, only the destination can say. */
  | "closing"
  /** It has ended, and the destination is to hear of it. */
  | "aborting"
  | "ended";

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class Outgoing {
  readonly migration: string;
  readonly guest: SimulatedGuest;
  readonly landing: Landing;
  /** Resolves when the destination has taken the stream. */
  readonly begun: Promise<void>;
  readonly #hooks: OutgoingHooks;
  readonly #limit: number;
  /** Bytes a second. */
  readonly #rate: number;
  /** Steady nanosecond at which it is given up. */
  readonly #deadline: number;
  #starting: Waiting | null = null;
  #cancelling: Waiting | null = null;
  #phase: Phase = "opening";
  #round: Round | null = null;
  #roundEnd = NEVER;
  /** Nanoseconds left of the round while nothing gets on. */
  #stalled: number | null = null;
  #toldAt = 0;
  #number = 0;
  #message: StreamMessage;
  #answered = false;
  #tries = 0;
  #again = 0;
  #heard: number;
  bytes = 0;
  rounds = 0;

  /** `rate`: bytes a second that the line has. */
  constructor(
    migration: string,
    guest: SimulatedGuest,
    landing: Landing,
    options: MigrationOptions,
    rate: number,
    hooks: OutgoingHooks,
  ) {
    this.migration = migration;
    this.guest = guest;
    this.landing = landing;
    this.#hooks = hooks;
    this.#limit = options.downtimeLimit * 1e9;
    this.#rate = options.bandwidth === 0 ? rate : Math.min(rate, options.bandwidth / 8);
    this.#heard = hooks.now();
    this.#deadline = this.#heard + options.deadline * 1e9;
    this.begun = new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
    });
    guest.migration = migration;
    const { name, memory, addresses, mtu, dirtyRate, workingSet } = guest;
    this.#message = {
      type: "open",
      migration,
      guest: { name, memory, addresses, mtu },
      dirtyRate,
      workingSet,
    };
    this.#say(this.#message);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether the virtual machine may have begun to run at the destination. */
  get inDoubt(): boolean {
    return this.#phase === "closing";
  }

  // ---- Messages ------------------------------------------------------------------

  #say(message: StreamMessage): void {
    this.#message = message;
    this.#number++;
    this.#tries = 0;
    this.#answered = false;
    this.#repeat();
  }

  #repeat(): void {
    this.#tries++;
    this.#again = this.#hooks.now() + pauseAfter(this.#tries);
    this.#hooks.send(this.#number, this.#message);
  }

  /** The destination's answer to message `number`, or to a later one that it has not got. */
  answer(number: number, { state, reason }: StreamAnswer): void {
    if (this.#phase === "ended") return;
    const now = this.#hooks.now();
    this.#heard = now;
    if (number === this.#number && !this.#answered) {
      this.#answered = true;
      this.#again = this.#phase === "closing" ? this.#again : now + BEAT;
    }
    if (this.#phase === "aborting") {
      if (state === "gone") this.#phase = "ended";
    } else if (state === "gone") this.#gone(reason);
    else if (state === "running" && this.#phase === "closing") this.#completed();
    else if (state === "receiving" && this.#phase === "opening") this.#begin(now);
  }

  #begin(now: number): void {
    this.#phase = "copying";
    this.#starting?.resolve();
    this.#starting = null;
    this.#hooks.event("started", this, "");
    this.#round = firstRound(this.guest, this.#rate);
    this.#roundEnd = now + this.#round.ns;
    this.#toldAt = now;
  }

  #gone(reason: string): void {
    this.#fail("failed", reason === "" ? "the destination has given it up" : reason);
    this.#phase = "ended";
  }

  #completed(): void {
    this.#phase = "ended";
    this.#roundEnd = NEVER;
    this.#cancelling?.reject(new HypervisorError("TOO_LATE", `${this.guest.name} runs at the destination`));
    this.#cancelling = null;
    this.#hooks.event("completed", this, "");
    this.#hooks.ended(this, "completed");
  }

  /** The virtual machine runs here, as before. */
  #fail(outcome: "failed" | "cancelled", reason: string): void {
    const code = reason === UNREACHABLE ? "UNREACHABLE" : "FAILED";
    const begun = this.#starting === null;
    this.#starting?.reject(new HypervisorError(code, reason));
    this.#starting = null;
    this.#roundEnd = NEVER;
    this.guest.state = "running";
    this.guest.migration = null;
    this.#phase = "aborting";
    const cancelling = this.#cancelling;
    this.#cancelling = null;
    if (begun) this.#hooks.event("failed", this, reason);
    this.#hooks.ended(this, cancelling === null ? outcome : "cancelled");
    cancelling?.resolve();
  }

  /** As `#fail`, and the destination is told. */
  #abort(outcome: "failed" | "cancelled", reason: string): void {
    this.#fail(outcome, reason);
    this.#say({ type: "abort", reason });
  }

  // ---- Time ------------------------------------------------------------------------

  /** Steady nanosecond at which `run` has something to do. */
  get due(): number {
    switch (this.#phase) {
      case "ended":
        return NEVER;
      case "opening":
        return Math.min(this.#again, this.#deadline);
      case "stopped":
        return Math.min(this.#again, this.#roundEnd, this.#heard + LOST);
      case "copying":
        return Math.min(this.#again, this.#roundEnd, this.#deadline, this.#heard + LOST);
      default:
        return this.#again;
    }
  }

  run(now: number): void {
    if (this.#roundEnd <= now) this.#endRound(now);
    const early = this.#phase === "opening" || this.#phase === "copying";
    const streams = this.#phase === "copying" || this.#phase === "stopped";
    if (early && now >= this.#deadline) this.#abort("failed", "it has not come to its end in time");
    else if (streams && now >= this.#heard + LOST) this.#abort("failed", UNREACHABLE);
    else if (this.#again <= now) this.#speak();
  }

  #speak(): void {
    switch (this.#phase) {
      case "ended":
        break;
      case "opening":
        if (this.#tries < TRIES) this.#repeat();
        else this.#abort("failed", UNREACHABLE);
        break;
      case "aborting":
        if (this.#tries < TRIES) this.#repeat();
        else this.#phase = "ended";
        break;
      case "closing":
        if (this.#cancelling === null || this.#tries < TRIES) this.#repeat();
        else this.#unanswered();
        break;
      default:
        if (this.#answered) this.#say({ type: "beat" });
        else this.#repeat();
    }
  }

  #endRound(now: number): void {
    const round = this.#round!;
    this.bytes += round.bytes;
    this.rounds++;
    if (round.last) {
      this.#phase = "closing";
      this.#roundEnd = NEVER;
      this.#say({ type: "last" });
      return;
    }
    const next = nextRound(this.guest, this.#rate, round, this.#limit);
    this.#round = next;
    this.#roundEnd += next.ns;
    if (next.last) {
      this.#phase = "stopped";
      this.guest.state = "paused";
      this.#hooks.event("stopped", this, "");
      // Nothing may be left to send.
      if (this.#roundEnd <= now) this.#endRound(now);
    } else if (now >= this.#toldAt + BEAT) {
      this.#toldAt = now;
      this.#hooks.event("progress", this, "");
    }
  }

  /** Nothing gets on any more, or goes on where it was. */
  stall(on: boolean): void {
    const now = this.#hooks.now();
    if (on && this.#stalled === null && this.#roundEnd !== NEVER) {
      this.#stalled = this.#roundEnd - now;
      this.#roundEnd = NEVER;
    } else if (!on && this.#stalled !== null) {
      if (this.#phase === "copying" || this.#phase === "stopped") this.#roundEnd = now + this.#stalled;
      this.#stalled = null;
    }
  }

  // ---- Cancelling ------------------------------------------------------------------

  /** `gone`: it is known that it will not run at the destination. */
  cancel(gone: boolean): Promise<void> {
    if (this.#phase !== "closing" || gone) {
      if (this.#phase !== "aborting" && this.#phase !== "ended") this.#abort("cancelled", "cancelled");
      return Promise.resolve();
    }
    if (this.#cancelling !== null)
      return Promise.reject(new HypervisorError("BUSY", "the destination is being asked already"));
    return new Promise((resolve, reject) => {
      this.#cancelling = { resolve, reject };
      this.#say({ type: "abort", reason: "cancelled" });
    });
  }

  #unanswered(): void {
    this.#cancelling?.reject(new HypervisorError("UNREACHABLE", UNREACHABLE));
    this.#cancelling = null;
    this.#say({ type: "last" });
  }

  /** The hypervisor has died, and with it what was under way. */
  kill(): void {
    this.#phase = "ended";
    this.#roundEnd = NEVER;
    this.guest.migration = null;
    this.#starting?.reject(new HypervisorError("FAILED", "the hypervisor has died"));
    this.#starting = null;
  }
}

const UNREACHABLE = "the destination does not answer";
