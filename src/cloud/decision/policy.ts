// The contract of policies: what decides whether a service follows its users, and where to. A package of somebody else's
// may bring some: it names them in its package.json under `sluice`, `policies`, beside `elements`.

import type { ArgSpecs, ArgValues } from "../../lang/args/spec.js";
import type { Place } from "../geography.js";

/** Why somebody is to decide. `seen`: where a user is was not known before. `asked`: an operator wants to know. */
export type Reason = "seen" | "moved" | "asked";

/** A part of the service: a virtual machine. */
export interface Part {
  readonly vm: string;
  /** The data centre where it is. */
  readonly dc: string;
  /** Where it is to go by an earlier decision that is not carried out yet; null: nowhere. */
  readonly going: string | null;
  /** Bytes. */
  readonly memory: number;
  /** Bytes of the largest IP packet that it sends. */
  readonly mtu: number;
  /** It stays where it is: a verdict that moves it is refused. */
  readonly pinned: boolean;
}

/** A data centre. */
export interface Centre {
  readonly name: string;
  readonly at: Place | null;
  /** Kilometres to the users of the service whose place is known, their mean; null: there is none, or its own place is not known. */
  readonly distance: number | null;
  /** Takes no virtual machines. */
  readonly drained: boolean;
  /** What it has left, what is on its way there counted as taken: virtual machines, and bytes; Infinity: no limit. */
  readonly free: { readonly vms: number; readonly memory: number };
  /** Bytes of the largest IP packet on its network; null: not known. */
  readonly mtu: number | null;
}

/** What a policy is given. Nothing in it changes. */
export interface Situation {
  readonly reason: Reason;
  /** Who has moved; null: nobody. */
  readonly user: {
    readonly name: string;
    /** As the catalogue has it. */
    readonly class: string | null;
    /** Of the network where it is now, and where it was; null: not known. */
    readonly network: string | null;
    readonly from: string | null;
    readonly at: Place | null;
    /** Moves so far, this one included. */
    readonly moves: number;
  } | null;
  readonly service: {
    readonly name: string;
    readonly type: string | null;
    readonly task: string | null;
    readonly priority: number;
    /** Its parts may be in different data centres. */
    readonly apart: boolean;
    /** Users, and those of them whose place is known. */
    readonly users: number;
    readonly located: number;
  };
  readonly parts: readonly Part[];
  /** The nearest first; of those as near, by name; those whose distance is not known last. */
  readonly centres: readonly Centre[];
  /** Seconds of the router's clock; and of the last decision that migrated a part of the service, null: there was none. */
  readonly now: number;
  readonly migrated: number | null;
}

export interface Transfer {
  readonly vm: string;
  /** Name of a data centre. Where the virtual machine is: it does not go where an earlier decision had it go. */
  readonly to: string;
}

export interface Verdict {
  /** Empty: all stay. */
  readonly transfers: readonly Transfer[];
  /** For people: what it was weighed by, one short sentence or two. */
  readonly why: string;
}

export interface Policy {
  /** Decides at once, in far less than a millisecond, and from what it is given: the same again, the same verdict. */
  decide(situation: Situation): Verdict;
}

/** A policy's contract, as data: the source of its manual. */
export interface PolicySpec {
  /** What it does, in a sentence. */
  readonly doc: string;
  readonly args: ArgSpecs;
}

/** What a policy's file exports under its name. One instance decides for all services that name it with the same arguments. */
export interface PolicyClass {
  readonly spec: PolicySpec;
  // biome-ignore lint/suspicious/noExplicitAny: each class has arguments of its own
  new (values: any): Policy;
}

/** The values of a policy's arguments. */
export type PolicyValues<S extends PolicySpec> = ArgValues<S["args"]>;
