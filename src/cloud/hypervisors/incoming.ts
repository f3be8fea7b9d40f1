// A migration at its destination: from the reservation to the virtual machine that runs, or to nothing.

import { sameAddress } from "../../net/address.js";
import type { GuestSpec, HypervisorEvent, Landing } from "../hypervisor.js";
import type { SimulatedGuest } from "./guest.js";
import { LOST } from "./outgoing.js";
import type { StreamAnswer, StreamMessage } from "./stream.js";

const NEVER = Number.POSITIVE_INFINITY;

export interface IncomingHooks {
  now(): number;
  /** Tells the source without being asked, where it is known. */
  send(incoming: Incoming, answer: StreamAnswer): void;
  event(kind: HypervisorEvent["kind"], incoming: Incoming, reason: string): void;
  ended(incoming: Incoming, outcome: "completed" | "failed" | "cancelled"): void;
}

export class Incoming {
  readonly migration: string;
  readonly guest: SimulatedGuest;
  readonly landing: Landing;
  readonly #hooks: IncomingHooks;
  /** Nanoseconds that resuming takes. */
  readonly #resuming: number;
  #state: "reserved" | StreamAnswer["state"] = "reserved";
  #reason = "";
  /** Steady nanosecond at which it is given up, or has resumed. */
  #due: number;
  /** Number of the last message that came. */
  number = 0;

  /** `patience`, `resuming`: nanoseconds. */
  constructor(
    migration: string,
    guest: SimulatedGuest,
    landing: Landing,
    patience: number,
    resuming: number,
    hooks: IncomingHooks,
  ) {
    this.migration = migration;
    this.guest = guest;
    this.landing = landing;
    this.#hooks = hooks;
    this.#resuming = resuming;
    this.#due = hooks.now() + patience;
    guest.migration = migration;
  }

  /** Whether it is too late to cancel it. */
  get committed(): boolean {
    return this.#state === "resuming" || this.#state === "running";
  }

  get over(): boolean {
    return this.#state === "running" || this.#state === "gone";
  }

  get due(): number {
    return this.#due;
  }

  get answer(): StreamAnswer {
    return { state: this.#state === "reserved" ? "gone" : this.#state, reason: this.#reason };
  }

  /** Takes a message of the source; what it comes to is in `answer`. One that is overtaken counts for nothing. */
  take(number: number, message: StreamMessage): void {
    if (this.over || this.#state === "resuming" || number <= this.number) return;
    const now = this.#hooks.now();
    if (this.#state === "reserved") {
      // What follows on the first one is taken when that has come: it is repeated.
      if (message.type === "abort") this.#fail("failed", message.reason);
      else if (message.type === "open") this.#open(message);
      else return;
      this.number = number;
      if (!this.over) this.#due = now + LOST;
      return;
    }
    this.number = number;
    this.#due = now + LOST;
    if (message.type === "last") this.#last(now);
    else if (message.type === "abort") this.#fail("failed", message.reason);
  }

  #open({ migration, guest, dirtyRate, workingSet }: StreamMessage & { readonly type: "open" }): void {
    if (migration !== this.migration || !isSame(guest, this.guest)) {
      this.#fail("failed", "another virtual machine came than was announced");
      return;
    }
    this.guest.dirtyRate = dirtyRate;
    this.guest.workingSet = workingSet;
    this.#state = "receiving";
    this.#hooks.event("incoming", this, "");
  }

  #last(now: number): void {
    this.#state = "resuming";
    this.#due = now + this.#resuming;
    if (this.#resuming === 0) this.run(now);
  }

  run(now: number): void {
    if (this.#due > now) return;
    if (this.#state === "reserved") this.#fail("failed", "the stream has not come in time");
    else if (this.#state === "receiving") this.#fail("failed", "the source does not go on");
    else if (this.#state === "resuming") {
      this.#state = "running";
      this.#due = NEVER;
      this.guest.state = "running";
      this.guest.migration = null;
      this.#hooks.event("resumed", this, "");
      this.#hooks.ended(this, "completed");
      this.#hooks.send(this, this.answer);
    }
  }

  #fail(outcome: "failed" | "cancelled", reason: string): void {
    this.#state = "gone";
    this.#reason = reason;
    this.#due = NEVER;
    this.#hooks.event("failed", this, reason);
    this.#hooks.ended(this, outcome);
  }

  /** The hypervisor has died, and with it what had come. */
  kill(): void {
    this.#state = "gone";
    this.#reason = "the destination has died";
    this.#due = NEVER;
  }

  /** Nothing of it is left. Not where `committed`. */
  cancel(): void {
    if (this.over) return;
    this.#fail("cancelled", "cancelled");
    this.#hooks.send(this, this.answer);
  }
}

function isSame(a: GuestSpec, b: GuestSpec): boolean {
  return (
    a.name === b.name &&
    a.memory === b.memory &&
    a.mtu === b.mtu &&
    a.addresses.length === b.addresses.length &&
    a.addresses.every((address, i) => sameAddress(address, b.addresses[i]))
  );
}
