// Links of functions that are processes: pairs of devices of the kernel.

import type { NamedResource, Resource } from "../state/ledger.js";

/** Where it is written down what exists outside of this process. */
export interface ResourceBook {
  note(resource: Resource): void;
  /** What was noted is there. */
  made(resource: NamedResource): void;
  forget(resource: Resource): void;
}

/** Whose an end of a pair is to be. */
export interface PairEnd {
  /** Empty: nobody's. */
  readonly instance: string;
  /** What the instance's graph calls it. */
  readonly device: string;
  readonly mac: Uint8Array;
  /** Whether the end is in the process of the instance; else in the manager's. */
  readonly process: boolean;
}

/** One end of a pair: a device in a namespace; null: in the manager's. */
export interface KernelEnd {
  readonly namespace: string | null;
  /** Its name for SystemProvider. */
  readonly device: string;
  readonly mac: Uint8Array;
}

export type KernelPair = readonly [KernelEnd, KernelEnd];

/** What makes the pairs of one service. */
export interface Pairs {
  /** Makes a pair that carries packets of up to `mtu` bytes. */
  lay(ends: readonly [PairEnd, PairEnd], mtu: number): Promise<KernelPair>;
  remove(pair: KernelPair): Promise<void>;
  /** The namespace of an instance, made when it is not there; null: the manager's. */
  namespace(instance: string): Promise<string | null>;
  /** Takes the namespace of an instance away, with its devices. */
  removeNamespace(instance: string): Promise<void>;
  /** Takes everything away that is left. */
  close(): Promise<void>;
}
