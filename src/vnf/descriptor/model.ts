// What a service descriptor says, after its units are read and its defaults filled in.

import type { Landmark } from "../../lang/diagnostics.js";
import type { Kind } from "../../options.js";

export interface IsolationKind {
  /** How packets of links come to it: through this process, memory that threads share, or interfaces of the kernel. */
  readonly reach: "process" | "shared" | "kernel";
}

/** Where a function runs, from the least separated from the others to the most. MAKERS has how each makes instances. */
export const ISOLATIONS = {
  inline: { reach: "process" },
  thread: { reach: "shared" },
  process: { reach: "kernel" },
} as const satisfies Readonly<Record<string, IsolationKind>>;

export type Isolation = keyof typeof ISOLATIONS;

export interface ServiceDescriptor {
  readonly name: string;
  readonly description: string;
  /** The file it was read from; graphs are found from its folder. */
  readonly file: string;
  readonly world: { readonly seed: number; readonly epoch: number };
  readonly links: ReadonlyMap<string, LinkDescriptor>;
  readonly functions: ReadonlyMap<string, FunctionDescriptor>;
  readonly hypervisors: ReadonlyMap<string, HypervisorDescriptor>;
  readonly faults: readonly FaultDescriptor[];
}

/** For checks of arguments. */
export const DESCRIPTOR: Kind = {
  words: "a ServiceDescriptor, as parseDescriptor gives it",
  is: (v) =>
    typeof v === "object" && v !== null && "functions" in v && v.functions instanceof Map && "links" in v,
};

/** What happens to packets on their way. Times in seconds. */
export interface PathImpairments {
  readonly delay: number;
  readonly jitter: number;
  /** 0 to 1. */
  readonly loss: number;
}

/** What a link does to packets. */
export interface Impairments extends PathImpairments {
  /** Bits a second; 0: no limit. */
  readonly rate: number;
  /** Packets that wait to be sent, with a rate. */
  readonly queue: number;
}

export interface LinkDescriptor extends Impairments {
  readonly name: string;
  /** Bytes of the largest IP packet. */
  readonly mtu: number;
  /** A switch also between two ends: others can be plugged in while they run. */
  readonly shared: boolean;
  /** Each pair of ends at most once. */
  readonly pairs: readonly PairDescriptor[];
}

/** Two ends of a link, one way, by names as `endName` makes them. */
export interface EndPair {
  readonly from: string;
  readonly to: string;
}

/** What packets from one end to another meet; what is left out is the link's. */
export type PairDescriptor = EndPair & Partial<PathImpairments>;

export interface FunctionDescriptor {
  readonly name: string;
  /** Path of the .click file. */
  readonly graph: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly devices: readonly DeviceDescriptor[];
  readonly isolation: Isolation;
  readonly memory: MemoryDescriptor;
  readonly replicas: number;
  /** Whether its graph may start, stop, heal, update and scale functions of the service. */
  readonly orchestrates: boolean;
  readonly restart: RestartDescriptor;
  readonly health: HealthDescriptor | null;
  /** Null: the function is no virtual machine. */
  readonly vm: VmDescriptor | null;
  /** Where the descriptor names it. */
  readonly landmark: Landmark;
}

/** A function that is a virtual machine: its devices go from the links of one hypervisor to those of another while it runs. */
export interface VmDescriptor {
  /** Where it begins; where it is later is the service's state. */
  readonly hypervisor: string;
  /** Of all its devices, 4 or 16 bytes each: EIDs where it is in a LISP site. */
  readonly addresses: readonly Uint8Array[];
  /** Bytes of the largest IP packet of its devices, wherever it is. */
  readonly mtu: number;
}

/** Where virtual machines can be. What a function may have for memory (`memory.bytes`) is what it takes here. */
export interface HypervisorDescriptor {
  readonly name: string;
  /** The function whose graph may ask for it. */
  readonly agent: string;
  /** The link of the site behind each device of a virtual machine, by the device's name. */
  readonly links: ReadonlyMap<string, string>;
  /** Bytes for virtual machines. */
  readonly memory: number;
  /** Virtual machines at most. */
  readonly guests: number;
  /** Migrations, in and out, at once at most. */
  readonly migrations: number;
  /** Where the descriptor names it. */
  readonly landmark: Landmark;
}

/** A device of a graph, by its name there: one end of a link, or an interface. */
export type DeviceDescriptor =
  | { readonly name: string; readonly link: string; readonly mac: Uint8Array | null }
  | { readonly name: string; readonly interface: string };

export interface MemoryDescriptor {
  /** Packets held at most; null: as many as there is room for. */
  readonly slots: number | null;
  /** Bytes of address space for packets and tables. */
  readonly bytes: number;
  /** Megabytes of JavaScript heap, for threads and processes. */
  readonly heap: number;
}

/** Times in seconds. */
export interface RestartDescriptor {
  readonly policy: "always" | "on-failure" | "never";
  readonly delay: number;
  readonly factor: number;
  readonly longest: number;
  readonly calm: number;
}

/** Times in seconds. */
export interface HealthDescriptor {
  readonly handler: string;
  readonly expect: string;
  readonly interval: number;
  readonly timeout: number;
  readonly failures: number;
  readonly grace: number;
}

/** What goes wrong `at` seconds after the start, for `duration` seconds (Infinity: for good). */
export type FaultDescriptor = { readonly at: number; readonly duration: number } & Fault;

export type Fault = LinkFault | FunctionFault;

/** `pairs`: it befalls only these; without, the whole link, also pairs that have something of their own. */
export type LinkFault =
  | { readonly kind: "link-down"; readonly link: string; readonly pairs?: readonly EndPair[] }
  | {
      readonly kind: "link-change";
      readonly link: string;
      readonly pairs?: readonly EndPair[];
      readonly change: Partial<Impairments>;
    };

export type FunctionFault =
  | { readonly kind: "crash"; readonly function: string }
  /** The wall clock jumps by `seconds`. */
  | { readonly kind: "clock"; readonly function: string; readonly seconds: number }
  | { readonly kind: "store"; readonly function: string; readonly failure: StoreFailure };

export type StoreFailure = "fail" | "slow" | "lose";
