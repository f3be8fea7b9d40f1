// The element: what every plug-in extends.

import { inspect } from "node:util";
import { PORT_DROP, SLOT_PORT } from "../../assembly/layout.js";
import type { Landmark } from "../lang/diagnostics.js";
import type { Batch } from "../packet/batch.js";
import type { PacketMemory } from "../packet/memory.js";
import type { Graph } from "./graph.js";
import type { HandlerCode } from "./handler.js";
import { type RunMeter, timed } from "./meter.js";
import type { Notifier, SignalKind } from "./notifier.js";
import type { Offers } from "./offers.js";
import type { Port } from "./port.js";
import type { Router } from "./router.js";
import type { ElementSpec, HandlerSpec } from "./spec.js";
import { scheduledTickets, Task } from "./task.js";
import { Timer } from "./timer.js";

/** How far an element had come when it is cleaned up: Click's stages. */
export type CleanupStage =
  | "configure-failed"
  | "configured"
  | "initialize-failed"
  | "initialized"
  | "router-initialized";

/** An element class: what a file in `elements/` exports, and what the loader returns. */
export interface ElementClass {
  readonly spec: ElementSpec;
  readonly name: string;
  new (init: ElementInit): Element;
}

/** What an element is made from. Passed through by subclasses' constructors, if they have one. */
export interface ElementInit {
  readonly router: Router;
  readonly graph: Graph;
  /** Position among the graph's elements. */
  readonly index: number;
  readonly name: string;
  readonly className: string;
  readonly config: string;
  readonly landmark: Landmark;
  readonly spec: ElementSpec;
}

/** Collects what is wrong with an element while it is configured or initialized. */
export interface ErrorSink {
  error(message: string): void;
  warning(message: string): void;
}

// Shared by all that have none of their own: there are many elements.
const NONE: never[] = [];
Object.freeze(NONE);
const NOT_RUN: RunMeter = Object.freeze({ runs: 0, nanoseconds: 0 });

const COUNTER_NAMES = new WeakMap<ElementSpec, readonly string[]>();

/** Names of the counters of `spec`, its drops last: worked out once for each spec. */
function counterNames(spec: ElementSpec): readonly string[] {
  let names = COUNTER_NAMES.get(spec);
  if (names === undefined) {
    names = [...Object.keys(spec.counters ?? {}), ...Object.keys(spec.drops ?? {})];
    COUNTER_NAMES.set(spec, names);
  }
  return names;
}

/**
 * A packet-processing element. A subclass declares a static `spec`, and supplies what it needs of `configure`,
 * `initialize`, `push`, `pull`, `process`, `handlers`, `takeState` and `cleanup`.
 */
export abstract class Element {
  // `declare`, and set by the constructor: a graph has a hundred elements of fifty classes, and V8 takes five times as
  // long to define a field of a base class with so many under it as to assign one.
  declare readonly router: Router;
  declare readonly graph: Graph;
  declare readonly memory: PacketMemory;
  /** Where a two-way kernel puts the packets it takes out of a batch: the first of the router's side arrays. */
  declare readonly rejects: number;
  declare readonly index: number;
  /** Full name, compounds included. */
  declare readonly name: string;
  declare readonly className: string;
  /** Configuration text as it is now (live reconfiguration changes it). */
  declare config: string;
  declare readonly landmark: Landmark;
  declare readonly spec: ElementSpec;
  /** For each input: where a pull input pulls from. A push input's entry is its (one) source too, when it has just one. */
  declare inputs: Port[];
  /** For each output: where a push output pushes to. */
  declare outputs: Port[];
  declare ninputs: number;
  declare noutputs: number;
  /** Address of its state: counters, then drop counters (u64 each), then `spec.state` bytes. 0 when it declares none. */
  declare state: number;
  /** Its tasks and timers, so that they stop with it. Most elements have none. */
  declare tasks: readonly Task[];
  declare timers: readonly Timer[];
  /** Bytes of its counters: asked for with every batch, so not worked out anew. */
  readonly #counterBytes: number;
  /** What its tasks and timers took; only in a metered router. */
  declare runMeter: RunMeter;
  #pullInputs: readonly boolean[];
  #pullOutputs: readonly boolean[];

  constructor(init: ElementInit) {
    this.router = init.router;
    this.graph = init.graph;
    this.memory = init.router.memory;
    this.rejects = init.router.batches.side;
    this.index = init.index;
    this.name = init.name;
    this.className = init.className;
    this.config = init.config;
    this.landmark = init.landmark;
    this.spec = init.spec;
    this.inputs = NONE;
    this.outputs = NONE;
    this.ninputs = 0;
    this.noutputs = 0;
    this.state = 0;
    this.tasks = NONE;
    this.timers = NONE;
    this.runMeter = NOT_RUN;
    this.#pullInputs = NONE;
    this.#pullOutputs = NONE;
    this.#counterBytes = counterNames(this.spec).length * 8;
    const size = this.stateSize();
    if (size > 0) this.state = this.memory.alloc(size);
  }

  // ---- What a subclass supplies -------------------------------------------

  /**
   * Takes the parsed arguments (the values of its spec's `args`), which it must not change: routers share them. Reports
   * what is wrong to `errors`. Live elements may be configured again while running.
   */
  configure(_values: Record<string, unknown>, _errors: ErrorSink): void {}

  /** Runs once the whole graph is configured. Opens what it needs; schedules its first task. */
  initialize(_errors: ErrorSink): void | Promise<void> {}

  /** Releases what it holds. Its tasks, timers and state memory are released for it. */
  cleanup(_stage: CleanupStage): void {}

  /** Hot swap: takes over what is worth keeping from the element of the same name and class in the old graph. */
  takeState(_old: Element, _errors: ErrorSink): void {}

  /** Packets arrive on push input `port`; they are this element's now. */
  push(_port: number, batch: Batch): void {
    this.process(batch);
    if (this.noutputs > 0) this.outputs[0].push(batch);
    else batch.kill();
  }

  /** Packets are asked for on pull output `port`: fill the empty `batch` with up to `max`. */
  pull(_port: number, batch: Batch, max: number): void {
    if (this.ninputs > 0 && this.inputs[0].pull(batch, max) > 0) this.process(batch);
  }

  /** For one-in one-out elements: works on the batch in place, and may remove packets from it. */
  process(_batch: Batch): void {}

  /** The code of the handlers that its spec declares; null for one that it does not have as it is connected. */
  handlers(): Readonly<Record<string, HandlerCode | null>> {
    return {};
  }

  /** Handlers beyond those that its spec declares, which depend on its configuration. */
  moreHandlers(): Readonly<Record<string, readonly [HandlerSpec, HandlerCode]>> {
    return {};
  }

  /** The code of a handler that it has under any name at all; null (nearly always) when there is none. */
  anyHandler(_name: string): HandlerCode | null {
    return null;
  }

  /**
   * What it offers to elements that name it in an argument, by the class that it stands for there, as Click's `cast`
   * does. Asked for while graphs are configured, before or after this element is.
   */
  offers(): Partial<Offers> {
    return {};
  }

  /** Port count, processing and flow codes: its spec's, unless they depend on the configuration. */
  portCount(): string {
    return this.spec.ports;
  }
  processing(): string {
    return this.spec.processing ?? "a/a";
  }
  flow(): string {
    return this.spec.flow ?? "x/x";
  }

  /** The notifier it offers to those that pull from output (`empty`) or push to input (`full`) `port`. */
  notifier(_kind: SignalKind, _port: number): Notifier | null {
    return null;
  }

  /** Whether a push runs `process` and passes the batch on, as it does where a subclass does not say otherwise. */
  get pushesPlainly(): boolean {
    return this.push === Element.prototype.push;
  }

  // ---- What it is given ----------------------------------------------------

  isPullInput(port: number): boolean {
    return this.#pullInputs[port] === true;
  }
  isPullOutput(port: number): boolean {
    return this.#pullOutputs[port] === true;
  }

  /** Set by the graph once push and pull are resolved. */
  setPersonality(pullInputs: readonly boolean[], pullOutputs: readonly boolean[]): void {
    this.#pullInputs = pullInputs;
    this.#pullOutputs = pullOutputs;
  }

  /** While a hot swap prepares this element's graph: the element of the same name and class that it replaces. */
  get hotswapElement(): Element | null {
    const old = this.graph.former?.find(this.name);
    return old?.className === this.className ? old : null;
  }

  /** `'name :: Class'`, as messages name it. */
  get declaration(): string {
    return `${this.name} :: ${this.className}`;
  }

  /** One line: what it belongs to is megabytes. */
  [inspect.custom](): string {
    return `Element { ${this.declaration} }`;
  }

  /** Makes a task of this element; it does not run until it is scheduled. */
  newTask(run: () => boolean): Task {
    const task = new Task(this.graph.tasks, this.#metering(run));
    task.tickets = scheduledTickets(this);
    this.tasks = [...this.tasks, task];
    return task;
  }

  /** Makes a timer of this element. */
  newTimer(fire: () => void): Timer {
    const timer = new Timer(this.graph.timers, this.#metering(fire));
    this.timers = [...this.timers, timer];
    return timer;
  }

  /** Metering may be switched on while the router runs. */
  #metering<T>(run: () => T): () => T {
    const { router } = this;
    if (this.runMeter === NOT_RUN) this.runMeter = { runs: 0, nanoseconds: 0 };
    const measured = timed(run, this.runMeter);
    return () => (router.metered ? measured() : run());
  }

  /** Address of the counter `name` of the spec's `counters` or `drops`. */
  counterAddress(name: string): number {
    const i = counterNames(this.spec).indexOf(name);
    if (i < 0) throw new Error(`${this.className} declares no counter '${name}'`);
    return this.state + i * 8;
  }

  /** Address of the spec's `state` bytes, after the counters. */
  get stateArea(): number {
    return this.state + this.#counterBytes;
  }

  /** Sends each packet of `batch` to the output in its SLOT_PORT; a port that is not there drops it (counted by `dropped`). */
  dispatch(batch: Batch, dropped?: number): void {
    while (batch.count > 0) {
      const port = this.memory.u16[(batch.at(0) + SLOT_PORT) >>> 1];
      const out = this.router.batches.acquire();
      out.count = this.memory.kernels.batchSplit(batch.address, batch.count, port, out.address);
      batch.count -= out.count;
      if (port !== PORT_DROP && port < this.noutputs) this.outputs[port].push(out);
      else if (dropped !== undefined) this.memory.add64(dropped, out.count);
      this.router.batches.release(out);
    }
  }

  /** Sends copies of the packets of `batch` to output `port`; those for which there is no slot are counted at `lost`. */
  pushCopies(port: number, batch: Batch, lost: number): void {
    const { batches } = this.router;
    const copies = batches.acquire();
    copies.count = this.memory.kernels.poolCopyBatch(batch.address, batch.count, copies.address);
    if (copies.count < batch.count) this.memory.add64(lost, batch.count - copies.count);
    this.outputs[port].push(copies);
    batches.release(copies);
  }

  /** Sends `batch` to output `port` if that is connected, else gives the packets back to the pool. */
  pushOrKill(port: number, batch: Batch): void {
    if (port < this.noutputs) this.outputs[port].push(batch);
    else batch.kill();
  }

  /**
   * After a two-way kernel, called as (state, batch.address, batch.count, this.rejects), left `good` packets in `batch`
   * and put the others aside: sends those to output `port`, or drops them when it is not connected, or null. `report`
   * sees them first. Elements call this only when there are some, so that the usual batch costs one call of the kernel.
   */
  reject(batch: Batch, good: number, port: number | null = 1, report?: (bad: Batch) => void): void {
    const { batches } = this.router;
    const bad = batches.collect(batch.count - good);
    batch.count = good;
    report?.(bad);
    if (port !== null) this.pushOrKill(port, bad);
    batches.release(bad);
  }

  /**
   * The same, one packet after the other, where no kernel decides: those for which `keeps` is false are rejected. Returns
   * how many. `keeps` must not send packets.
   */
  rejectUnless(batch: Batch, keeps: (slot: number) => boolean, port = 1): number {
    const { u32 } = this.memory;
    const side = this.rejects >>> 2;
    let kept = 0;
    let bad = 0;
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      if (keeps(slot)) batch.set(kept++, slot);
      else u32[side + bad++] = slot;
    }
    if (bad > 0) this.reject(batch, kept, port);
    return bad;
  }

  /** Packets dropped or rejected so far, for whatever reason. */
  get dropTotal(): number {
    let total = 0;
    for (const name of Object.keys(this.spec.drops ?? {}))
      total += this.memory.get64(this.counterAddress(name));
    return total;
  }

  stateSize(): number {
    return this.#counterBytes + (this.spec.state ?? 0);
  }
}
