// What a controller can do with the functions of a service (ETSI NFV's life cycle operations), wherever it runs.

import { Facility } from "../router/facility.js";
import { CodedError } from "../sluice-error.js";

/** A running function, or one that is to run. */
export interface FunctionStatus {
  /** Of the instance: the function's own, with `-2`, `-3` for its further replicas. */
  readonly name: string;
  /** The function that it is a replica of. */
  readonly function: string;
  /** `waiting`: it failed and will be started again. */
  readonly state: "stopped" | "starting" | "started" | "waiting" | "failed";
  /** Starts after a failure. */
  readonly restarts: number;
}

/** Its methods reject with OrchestratorError. */
export interface Orchestrator {
  /** Every function's instances. */
  functions(): Promise<readonly FunctionStatus[]>;
  /** Starts an instance that does not run. */
  start(name: string): Promise<void>;
  /** Stops an instance in order; it is not started again by itself. */
  stop(name: string): Promise<void>;
  /** Starts an instance anew. */
  heal(name: string): Promise<void>;
  /** Hot swap: the instance's graph becomes what its file says now. */
  update(name: string): Promise<void>;
  /** Changes how many replicas a function has. */
  scale(name: string, replicas: number): Promise<void>;
}

export type OrchestratorVerb = keyof Orchestrator;

/** Every verb: what comes from another thread or process is looked up here before it is called. */
export const ORCHESTRATOR_VERBS: readonly OrchestratorVerb[] = [
  "functions",
  "start",
  "stop",
  "heal",
  "update",
  "scale",
];

/** Why an orchestrator does not do what it was asked for. */
export class OrchestratorError extends CodedError {
  /** Of whoever refused it: `NO_FUNCTION`, `UNSUPPORTED`, `UNREACHABLE`, `FAILED` and others. */
  declare readonly code: string;
}

/** For `Router.ask`: the orchestrators of a router's world. */
export const ORCHESTRATOR = new Facility<Orchestrator>("an orchestrator");
