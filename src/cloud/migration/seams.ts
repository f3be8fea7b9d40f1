// What a migration stands on: hypervisors, tunnel routers, the mapping system, the catalogue. Behind each are messages;
// tests put something else there.

import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import { CodedError } from "../../sluice-error.js";
import type { Hypervisor } from "../hypervisor.js";

/** The data centre that a virtual machine leaves, and the one that it goes to. */
export type Side = "source" | "target";

/** An EID of a virtual machine. */
export interface MovingEid {
  readonly iid: number;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
}

/** A data centre, as far as migrations ask. */
export interface Site {
  readonly name: string;
  /** Locators of its tunnel routers, 4 or 16 bytes each. */
  readonly rlocs: readonly Uint8Array[];
  /** Takes no more virtual machines. */
  readonly drained: boolean;
}

/** A virtual machine, as far as migrations ask. */
export interface Machine {
  readonly name: string;
  /** The data centre where it is. */
  readonly dc: string;
  /** Bytes. */
  readonly memory: number;
  /** Bytes of the largest IP packet that it sends. */
  readonly mtu: number;
  readonly eids: readonly MovingEid[];
  /** It stays where it is. */
  readonly pinned: boolean;
}

/** Knows data centres and virtual machines. */
export interface Directory {
  site(name: string): Site | null;
  machine(name: string): Machine | null;
  /** A virtual machine is at another data centre now. What is said a second time changes nothing. */
  place(vm: string, dc: string): void;
}

/** Events of Change-Priority messages of role H, from a controller to the tunnel routers of a data centre. */
export type SignalEvent = "expect" | "leaving" | "arrived" | "left" | "cancel";

export interface Signal {
  readonly event: SignalEvent;
  readonly eids: readonly MovingEid[];
  /** RLOCs (4 or 16 bytes) that its records name: where the EIDs go to, or come from. */
  readonly rlocs: readonly Uint8Array[];
  /** Seconds that what is armed holds, for `expect` and `leaving`. */
  readonly patience: number;
}

/**
 * What a tunnel router says to a signal. `absent`: it has nothing to do for it, as the EID is neither here nor armed.
 * `silent`: it has not answered, however often it was asked.
 */
export interface RouterAnswer {
  /** Address of the tunnel router. */
  readonly router: Uint8Array;
  readonly status: "done" | "absent" | "refused" | "silent";
  /** Why it refuses; "" otherwise. */
  readonly reason: string;
}

export interface TunnelRouters {
  /**
   * Sends a signal to all tunnel routers of a data centre, each of which acknowledges it, and again to those that do
   * not. Resolves with one answer for each. Later signals for an EID overtake no earlier ones: those count as replays
   * when they come late.
   */
  send(dc: string, signal: Signal): Promise<readonly RouterAnswer[]>;
}

/** What it publishes by itself is told to `Migrations.published`. */
export interface MappingSystem {
  /** RLOCs that an EID is registered with now, by the longest prefix; none: by nobody. Rejects with MappingSystemError. */
  locate(eid: MovingEid): Promise<readonly Uint8Array[]>;
  /** RLOCs of the tunnel routers in charge of a data centre's domain (F14.3). Rejects with MappingSystemError. */
  inCharge(dc: string): Promise<readonly Uint8Array[]>;
}

/** Why the mapping system does not say what it was asked for: `UNREACHABLE` (no answer), `UNKNOWN` (no such domain). */
export class MappingSystemError extends CodedError<"UNREACHABLE" | "UNKNOWN"> {}

/** Makes timers that fire by a clock. */
export interface TimerSource {
  timer(fire: () => void): Timer;
}

/** All of it, for one controller. */
export interface MigrationWorld {
  /** The hypervisor of a data centre; null: there is none any more. */
  hypervisor(dc: string): Hypervisor | null;
  readonly routers: TunnelRouters;
  readonly mapping: MappingSystem;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly timers: TimerSource;
}
