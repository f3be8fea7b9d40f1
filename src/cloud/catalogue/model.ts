// What a Follow-Me Cloud controller knows of its cloud and its users ("A LISP-Based Implementation of Follow Me Cloud",
// Ksentini, Taleb, Messaoudi, IEEE Access 2014, section III).

import type { AuthenticationKey } from "../../lisp/control/authentication.js";
import type { EidPrefix } from "../../net/eid.js";
import { CodedError } from "../../sluice-error.js";
import type { Place } from "../geography.js";

/** Where a hypervisor's agent is. */
export interface AgentAddress {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** UDP. */
  readonly port: number;
  /** Shared with it; null: none is given. */
  readonly key: AuthenticationKey | null;
}

export interface DataCentre {
  readonly kind: "dc";
  /** Unique among its kind, as all names here. */
  readonly name: string;
  readonly at: Place | null;
  /** Virtual machines that it has room for; null: no limit. */
  readonly vms: number | null;
  /** Bytes of memory for virtual machines; null: no limit. */
  readonly memory: number | null;
  /** Bytes of the largest IP packet on the network of its virtual machines; null: not known. */
  readonly mtu: number | null;
  /** Locators of its tunnel routers, 4 or 16 bytes each: what is registered with one of them is here. */
  readonly rlocs: readonly Uint8Array[];
  /** Addresses at which its tunnel routers take control messages; by default the locators. */
  readonly routers: readonly Uint8Array[];
  readonly agent: AgentAddress | null;
  /** Takes no more virtual machines, and is to be rid of those it has. */
  readonly drained: boolean;
}

/** A network that users come to: what is registered with one of its locators is there. */
export interface AccessNetwork {
  readonly kind: "access";
  readonly name: string;
  readonly at: Place | null;
  readonly rlocs: readonly Uint8Array[];
}

export interface Service {
  readonly kind: "service";
  readonly name: string;
  /** What it does, for policies: `video`. */
  readonly type: string | null;
  /** What it is for, for policies: `emergency`. */
  readonly task: string | null;
  /** 0 to 255: of several decisions the service with more is first. */
  readonly priority: number;
  /** Its parts may be in different data centres. */
  readonly apart: boolean;
  /** Name of its own policy, and that one's arguments; null: the controller's. */
  readonly policy: string | null;
}

/** An EID of one interface of a virtual machine. */
export interface VirtualAddress {
  readonly iid: number;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
}

/** A part of a service. */
export interface VirtualMachine {
  readonly kind: "vm";
  readonly name: string;
  readonly service: string;
  /** The data centre where it is. */
  readonly dc: string;
  /** Bytes. */
  readonly memory: number;
  /** Bytes of the largest IP packet that it sends. */
  readonly mtu: number;
  /** On all its interfaces; at least one. */
  readonly eids: readonly VirtualAddress[];
  /** It stays where it is. */
  readonly pinned: boolean;
}

export interface User {
  readonly kind: "user";
  readonly name: string;
  /** For policies: `gold`. */
  readonly class: string | null;
  /** At least one. */
  readonly eids: readonly EidPrefix[];
  /** Names of services. */
  readonly uses: readonly string[];
}

export type Entry = DataCentre | AccessNetwork | Service | VirtualMachine | User;
export type EntryKind = Entry["kind"];
export type EntryOf<K extends EntryKind> = Extract<Entry, { readonly kind: K }>;

/** In an order in which nothing names what comes behind it. */
export const KINDS: readonly EntryKind[] = ["dc", "access", "service", "vm", "user"];

/** What has become of an entry. `placed`: a virtual machine is in another data centre. */
export interface CatalogueChange {
  readonly kind: EntryKind;
  readonly name: string;
  readonly what: "added" | "changed" | "removed" | "drained" | "undrained" | "pinned" | "unpinned" | "placed";
}

/** What the catalogue does not take. */
export class CatalogueError extends CodedError {
  /**
   * `ENTRY` (text that is none), `TAKEN` (a name, locator or EID that is another one's), `UNKNOWN` (it, or what it names,
   * is not there), `IN_USE`, `FULL`, `REFUSED` (an order).
   */
  declare readonly code: string;
}
