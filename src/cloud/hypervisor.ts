// What a hypervisor does for a controller, whatever it drives: functions of a service, a model of costs, QEMU, libvirt.
// An agent at each data centre has one and speaks for it by messages; a controller sees the same interface.

import type { Locator } from "../lisp/mapping.js";
import { Facility } from "../router/facility.js";
import { CodedError } from "../sluice-error.js";

/** `incoming`: it is being received, and does not run yet. `paused`: it stands still where it ran. */
export type GuestState = "running" | "paused" | "incoming" | "stopped";

/** A virtual machine at this hypervisor. */
export interface GuestStatus {
  readonly name: string;
  readonly state: GuestState;
  /** Bytes of memory that it may have. */
  readonly memory: number;
  /** Its addresses, 4 or 16 bytes each, on all its interfaces; EIDs where it is in a LISP site. */
  readonly addresses: readonly Uint8Array[];
  /** Bytes of the largest IP packet that it sends. */
  readonly mtu: number;
  /** Migration it takes part in; null: none. */
  readonly migration: string | null;
}

/** What is needed to receive a virtual machine. */
export interface GuestSpec {
  readonly name: string;
  /** Bytes. */
  readonly memory: number;
  readonly addresses: readonly Uint8Array[];
  /** Bytes of the largest IP packet that it sends; a network that carries less does not suit it. */
  readonly mtu: number;
}

/** What a hypervisor is, and what it has left. */
export interface HypervisorStatus {
  /** Its driver: `service`, `simulated`. */
  readonly driver: string;
  /** Bytes for virtual machines: all, and not taken yet. */
  readonly memory: { readonly total: number; readonly free: number };
  /** Virtual machines that it takes at most, and has. */
  readonly guests: { readonly most: number; readonly now: number };
  /** Migrations, in and out, that it does at once at most. */
  readonly migrations: number;
  /** Bytes of the largest IP packet on the network of its virtual machines. */
  readonly mtu: number;
}

/** Where the memory of a virtual machine is sent to: what `prepareIncoming` of the destination resolves with. */
export interface Landing {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** TCP; for a driver whose streams pass its agent, the agent's UDP port. */
  readonly port: number;
  /** Proves to the destination that the stream is the one it waits for. 16 bytes. */
  readonly secret: Uint8Array;
}

/**
 * What an agent tells the tunnel routers of its own site at the switch by itself (Change-Priority, role H), without a
 * message to the controller and back in between. A driver has nothing to do with it.
 */
export interface Announcement {
  /** Instance ID of the virtual machine's addresses. */
  readonly iid: number;
  /**
   * RLOCs of the other end's site. At the source, told at STOP: where packets go from then on; none: where the tunnel
   * routers were armed to send them. At the destination, told at RESUME: where the virtual machine was; none: nobody is
   * to be told that it has gone from there.
   */
  readonly locators: readonly Pick<Locator, "rloc" | "priority" | "weight">[];
}

export interface MigrationOptions {
  /** Seconds that the virtual machine may stand still: pre-copy goes on until what is left takes less. */
  readonly downtimeLimit: number;
  /** Bits a second at most; 0: no limit. */
  readonly bandwidth: number;
  /** Seconds after which the migration is given up, if it has not come to its STOP by then. */
  readonly deadline: number;
  /** Absent: the agent tells the tunnel routers nothing. */
  readonly announce?: Announcement;
}

/**
 * What becomes of a migration, at one of its ends. At the source: `started`, `progress`, `stopped` (the virtual machine
 * stands still: the last round begins), then `completed` (the destination has all; what is left here is removed) or
 * `failed`, after which it runs here as before. At the destination: `incoming` (the stream has come), `resumed` (it runs:
 * the switch), or `failed`, after which nothing of it is left there. `lost`, with "" for guest and migration: an agent
 * has begun anew, or could not keep all events until they were asked for, so that `guests` has to say what has happened.
 */
export interface HypervisorEvent {
  readonly kind:
    | "started"
    | "progress"
    | "stopped"
    | "completed"
    | "failed"
    | "incoming"
    | "resumed"
    | "lost";
  readonly guest: string;
  readonly migration: string;
  /** When it happened by this hypervisor's clock, steady nanoseconds. */
  readonly at: number;
  /** Bytes sent so far, and rounds; at the source. */
  readonly bytes: number;
  readonly rounds: number;
  /** Why it failed; "" otherwise. */
  readonly reason: string;
}

/**
 * Its methods reject with HypervisorError. `migration` names one migration, for ever; a call that is repeated with the
 * same name does nothing twice and resolves with the same.
 */
export interface Hypervisor {
  status(): Promise<HypervisorStatus>;
  guests(): Promise<readonly GuestStatus[]>;
  /** One of them; null: it is not here. Absent where asking for all costs no more. */
  guest?(name: string): Promise<GuestStatus | null>;
  /** Reserves room for a virtual machine and waits for its stream for `patience` seconds. Refuses what does not suit it. */
  prepareIncoming(
    migration: string,
    guest: GuestSpec,
    patience: number,
    announce?: Announcement,
  ): Promise<Landing>;
  /** Begins to migrate; resolves when it has begun. The events tell the rest. */
  migrate(migration: string, guest: string, to: Landing, options: MigrationOptions): Promise<void>;
  /**
   * Ends a migration, at either end: no trace of it is left, and it cannot be begun any more. Refuses (`TOO_LATE`) once
   * the virtual machine runs at the destination; resolves where the migration is not known. When all has been sent and
   * the destination has not said that it runs there, the source has to ask: `UNREACHABLE` where that does not answer.
   * It stands still until it does. With `gone` the caller vouches that it will not run there, as `cancel` at the destination
   * has resolved: then the source does not ask.
   */
  cancel(migration: string, gone?: boolean): Promise<void>;
  /** Calls `listener` with every event from now on; ends with the function it returns. */
  onEvent(listener: (event: HypervisorEvent) => void): () => void;
  /** Gives everything back; virtual machines go on. */
  close(): void;
}

/** Why a hypervisor does not do what it was asked for. */
export class HypervisorError extends CodedError {
  /**
   * `NO_GUEST`, `BUSY` (another migration of it, or too many), `FULL`, `UNSUITED`, `TOO_LATE`, `UNREACHABLE` (no answer),
   * `DENIED`, `FAILED`.
   */
  declare readonly code: string;
}

/** For `Router.ask`: the hypervisors of a router's world. */
export const HYPERVISOR = new Facility<Hypervisor>("a hypervisor");
