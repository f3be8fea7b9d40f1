// A network function that runs: what every isolation offers, and how it ends.

import { CodedError } from "../../sluice-error.js";
import type { Isolation, MemoryDescriptor } from "../descriptor/model.js";
import type { Reply, Request, RequestKind } from "./protocol.js";

/** All that makes an instance but its devices. Can be sent to a thread or a process. */
export interface InstanceSpec {
  readonly name: string;
  /** The graph's file, for landmarks and libraries, and its text. */
  readonly file: string;
  readonly text: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly memory: MemoryDescriptor;
  /** Where `require(library ...)` looks, as CLICKPATH has it. */
  readonly clickpath: string;
  /** Of the random numbers under a simulated clock. */
  readonly seed: number;
  /** Whether its graph may ask for the orchestrator of its service. */
  readonly orchestrates: boolean;
  /** Whether its graph may ask for the hypervisor of its site. */
  readonly agent: boolean;
}

/** Why an instance runs no more. */
export interface End {
  /**
   * `stopped`: it was asked to; `exited`: its graph stopped the router; `threw`: an element threw; `hung`: it gave no
   * sign of life; `out-of-memory`: its JavaScript heap is full; `crashed`: its process ended; `unhealthy`: its health
   * check failed.
   */
  readonly kind: "stopped" | "exited" | "threw" | "hung" | "out-of-memory" | "crashed" | "unhealthy";
  /** A sentence for people. */
  readonly message: string;
}

export interface InstanceEvents {
  /** It runs no more; told once. */
  ended(end: End): void;
  /** A line that an element wrote. */
  log(line: string): void;
}

/** One running network function. */
export interface Instance {
  readonly name: string;
  readonly isolation: Isolation;
  /** Of the process it runs in. */
  readonly pid: number;
  /** Makes and starts the graph. Rejects with ConfigurationError, and the instance has ended then. */
  start(): Promise<void>;
  /** Asks the function something. Rejects with HandlerError, ConfigurationError or InstanceError. */
  request<K extends RequestKind>(kind: K, request: Request<K>): Promise<Reply<K>>;
  /** Ends it in order, by force after `seconds`. Resolves when nothing of it is left. */
  stop(seconds?: number): Promise<void>;
  /** Ends it at once, as a crash would: nothing in it is closed in order. */
  kill(end?: End): Promise<void>;
}

/** An instance that is not there to be asked, or does not answer. */
export class InstanceError extends CodedError {
  /** `ENDED`, `TIMEOUT`, `UNSUPPORTED`, `PAUSED`. */
  declare readonly code: string;
}
