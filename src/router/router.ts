// The router: one world (memory, clock, random numbers, devices, stores) and the graph that runs in it.

import { BATCH_MAX, SLOT_DATA, SLOT_LENGTH } from "../../assembly/layout.js";
import { bytesOf } from "../lang/args/text.js";
import { ConfigurationError, type Diagnostic, diagnosticText } from "../lang/diagnostics.js";
import { elaborate } from "../lang/elaborate.js";
import type { FlatGraph } from "../lang/flat.js";
import { parse } from "../lang/parser.js";
import { BatchPool } from "../packet/batch.js";
import { PacketMemory } from "../packet/memory.js";
import { type Clock, RealClock } from "./clock.js";
import type { DeviceProvider } from "./device.js";
import { NO_DEVICES } from "./device.js";
import { Driver } from "./driver.js";
import type { Element, ElementClass } from "./element.js";
import { elementHandlers } from "./element-handlers.js";
import { globalHandlers } from "./global-handlers.js";
import { Graph } from "./graph.js";
import { type Handler, HandlerError, handlerName, readHandler } from "./handler.js";
import { prefixOf } from "./names.js";
import type { ElementLoader, ExtraElement, RouterOptions } from "./options.js";
import { type Hop, MeteredPort, ObservedPort, Port, type PortObserver } from "./port.js";
import { type Random, SeededRandom, SystemRandom } from "./random.js";
import { ProcessSignals, type Signals } from "./signals.js";
import type { HandlerSpec } from "./spec.js";
import type { StoreProvider } from "./store.js";
import type { Tasks } from "./task.js";
import type { Timers } from "./timer.js";

export type { ElementLoader, ExtraElement, RouterOptions };

export class Router {
  readonly options: RouterOptions;
  readonly memory: PacketMemory;
  readonly batches: BatchPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly signals: Signals;
  readonly driver: Driver;
  readonly devices: DeviceProvider;
  /** null: stores are real, and elements open them by themselves. */
  readonly stores: StoreProvider | null;
  #metered: boolean;
  #observer: PortObserver | null = null;
  #graph: Graph | null = null;
  #closed = false;
  #variables: RouterOptions["variables"];
  #swapping: Promise<void> = Promise.resolve();
  /** Handlers by their element; the global ones by the router. */
  readonly #handlers = new WeakMap<object, ReadonlyMap<string, Handler>>();
  /** The text of the running configuration. */
  source = "";

  constructor(options: RouterOptions) {
    this.options = options;
    this.#variables = options.variables;
    this.memory = new PacketMemory(options.memory);
    this.batches = new BatchPool(this.memory);
    this.clock = options.clock ?? new RealClock();
    this.random = this.clock.simulated ? new SeededRandom(options.seed ?? 0) : new SystemRandom();
    this.signals = options.signals ?? new ProcessSignals();
    this.driver = new Driver(this);
    this.devices = options.devices ?? NO_DEVICES;
    this.stores = options.stores ?? null;
    this.#metered = options.metered ?? false;
  }

  /**
   * Makes the router's graph from configuration text and initializes it. Throws ConfigurationError with everything
   * that is wrong; the router is closed then.
   */
  async start(text: string, file = this.options.file ?? "config"): Promise<void> {
    let graph: Graph | null = null;
    try {
      graph = await this.prepare(text, file);
      graph.configure();
      // Elements may read handlers, and ask to stop, while they are initialized.
      this.#install(graph, text);
      await graph.initialize();
    } catch (e) {
      graph?.close();
      this.close();
      this.#graph = null;
      throw e;
    }
  }

  #install(graph: Graph, text: string): void {
    this.#graph = graph;
    this.source = text;
  }

  /** Parses `text` and builds its graph in this router's world, without configuring it. */
  async prepare(text: string, file: string, former: Graph | null = null): Promise<Graph> {
    const flat = await this.flatten(text, file, former !== null);
    const classes = await this.#classes(flat);
    const graph = new Graph(this, flat);
    graph.former = former;
    try {
      graph.build(classes);
    } catch (e) {
      graph.close();
      throw e;
    }
    return graph;
  }

  /** The classes of `flat`'s elements, by name. */
  async #classes(flat: FlatGraph): Promise<ReadonlyMap<string, ElementClass>> {
    const classes = new Map<string, ElementClass>();
    const names = new Set(flat.elements.map((e) => e.className));
    const load = async (name: string, loading: Promise<ElementClass>): Promise<void> =>
      void classes.set(name, await loading);
    // All files are read at once. Where all have been read before, nothing waits.
    const loading: Promise<void>[] = [];
    for (const name of names) {
      const found = this.options.loader.load(name);
      if (found instanceof Promise) loading.push(load(name, found));
      else classes.set(name, found);
    }
    if (loading.length > 0) await Promise.all(loading);
    return classes;
  }

  /** Parses and flattens `text`, requiring its packages. Throws ConfigurationError. */
  async flatten(text: string, file: string, swapping = false): Promise<FlatGraph> {
    const { loader, readLibrary, blueprints } = this.options;
    const tree = blueprints?.tree(text, file) ?? parse(text, { file });
    const problems: Diagnostic[] = [];
    for (const requirement of tree.requirements) {
      if (requirement.kind !== "package") continue;
      try {
        await loader.require(requirement.value, file);
      } catch (e) {
        const message = e instanceof Error ? e.message : String(e);
        problems.push({ severity: "error", code: "package", landmark: null, message });
      }
    }
    const options = { hasClass: (name: string) => loader.has(name), variables: this.#variables, readLibrary };
    const { graph, diagnostics } = blueprints?.elaborate(tree, options) ?? elaborate(tree, options);
    const errors = [...diagnostics, ...problems];
    for (const d of errors) if (d.severity === "warning") this.warn(d);
    if (errors.some((d) => d.severity === "error"))
      throw new ConfigurationError(
        errors.filter((d) => d.severity === "error"),
        "parse",
      );
    const { extra = [] } = this.options;
    if (extra.length === 0) return graph;
    const added = extra.map((e) => ({ ...e, config: e.config + (swapping ? (e.whenSwapped ?? "") : "") }));
    return { ...graph, elements: [...graph.elements, ...added] };
  }

  /** Prints a warning, unless warnings are off. */
  warn(diagnostic: Diagnostic): void {
    if (this.options.warnings !== false) this.log(diagnosticText(diagnostic));
  }

  /** The running graph. */
  get graph(): Graph {
    if (this.#graph === null) throw new Error("the router has no graph yet");
    return this.#graph;
  }

  /** Whether what passes each port is counted and timed. */
  get metered(): boolean {
    return this.#metered;
  }

  /** Starts counting and timing what passes each port, from nothing, or stops it. */
  meter(on: boolean): void {
    if (on === this.#metered) return;
    this.#metered = on;
    this.#graph?.usePorts((hop) => this.makePort(hop));
  }

  /** Who sees what passes each connection. */
  get observer(): PortObserver | null {
    return this.#observer;
  }

  /** Shows what passes each connection to `observer` from now on, over hot swaps as well; to nobody when it is null. */
  observe(observer: PortObserver | null): void {
    this.#observer = observer;
    this.#graph?.usePorts(this.makePort);
  }

  /** The port that a connection has as things are; it goes on with the count of the one it had. */
  readonly makePort = (hop: Hop, former?: Port): Port => {
    const meter = former instanceof MeteredPort ? former.meter : undefined;
    if (this.#observer !== null) return new ObservedPort(hop, this.#observer, meter);
    return this.#metered ? new MeteredPort(hop.far, hop.farPort, meter) : new Port(hop.far, hop.farPort);
  };

  get tasks(): Tasks {
    return this.graph.tasks;
  }

  get timers(): Timers {
    return this.graph.timers;
  }

  get elements(): readonly Element[] {
    return this.#graph?.elements ?? [];
  }

  /** Writes a line to where messages go; a character up to U+00FF is one byte, as everywhere in configurations. */
  log(line: string): void {
    if (this.options.log !== undefined) this.options.log(line);
    else process.stderr.write(bytesOf(`${line}\n`));
  }

  /** Writes text, as it is, to where output goes. */
  print(text: string): void {
    if (this.options.print !== undefined) this.options.print(text);
    else process.stdout.write(bytesOf(text));
  }

  /** The element called `name`, seen from `from` (inside a compound, names of that compound come first). */
  find(name: string, from?: Element): Element | undefined {
    return (from?.graph ?? this.#graph)?.find(name, from === undefined ? "" : prefixOf(from.name));
  }

  // ---- Handlers --------------------------------------------------------------

  /** The handlers of `element`, or the global ones when it is null, by name. */
  handlers(element: Element | null): ReadonlyMap<string, Handler> {
    let handlers = this.#handlers.get(element ?? this);
    if (handlers === undefined) {
      handlers = element === null ? globalHandlers(this) : elementHandlers(element);
      this.#handlers.set(element ?? this, handlers);
    }
    return handlers;
  }

  /** The handler `name` of `element`, or the global one when that is null. */
  handlerOf(element: Element | null, name: string): Handler | undefined {
    const found = this.handlers(element).get(name);
    if (found !== undefined || element === null) return found;
    const code = element.anyHandler(name);
    return code === null ? undefined : { element, name, spec: ANY_HANDLER, ...code };
  }

  /**
   * The handler `path`: `element.handler`, or `handler` (of `from`, then global). Throws HandlerError in Click's words.
   */
  handler(path: string, from?: Element): Handler {
    const { element, name } = this.#owner(path, from);
    const found = this.handlerOf(element, name);
    if (found === undefined)
      throw new HandlerError("NO_HANDLER", `no '${handlerName(element, name)}' handler`);
    return found;
  }

  #owner(path: string, from: Element | undefined): { element: Element | null; name: string } {
    // Names of elements have no dots; names of handlers may.
    const dot = path.indexOf(".");
    const name = path.slice(dot + 1);
    if (dot > 0) {
      const element = this.find(path.slice(0, dot), from);
      if (element === undefined) throw new HandlerError("NO_ELEMENT", `no element '${path.slice(0, dot)}'`);
      return { element, name };
    }
    const own = dot < 0 && from !== undefined && this.handlerOf(from, name) !== undefined;
    return { element: own ? from : null, name };
  }

  /** Reads handler `path`. */
  read(path: string, parameters = ""): string {
    return readHandler(this.handler(path), parameters);
  }

  /** Writes handler `path`. */
  async write(path: string, value = ""): Promise<void> {
    const handler = this.handler(path);
    if (handler.write === undefined) throw new HandlerError("NOT_WRITABLE", `'${path}' is a read handler`);
    await handler.write(value);
  }

  // ---- Packets from and to the program that embeds the router ----------------

  /** Pushes one packet with these bytes into push input `port` of element `name`. Returns false when it does not fit or no slot is free. */
  inject(name: string, bytes: Uint8Array, port = 0): boolean {
    const element = this.#need(name);
    if (port >= element.ninputs || element.isPullInput(port))
      throw new Error(`'${name}' has no push input ${port}`);
    const batch = this.batches.acquire();
    try {
      const slot = this.memory.kernels.poolTake();
      if (slot === 0) return false;
      batch.add(slot);
      const data = this.memory.get32(slot + SLOT_DATA);
      if (bytes.length > slot + this.memory.stride - data) return false;
      this.memory.u8.set(bytes, data);
      this.memory.set32(slot + SLOT_LENGTH, bytes.length);
      element.push(port, batch);
      batch.count = 0;
      return true;
    } finally {
      this.batches.release(batch);
    }
  }

  /** Pulls up to `max` packets from pull output `port` of element `name` (e.g. a Queue); copies of their bytes. */
  take(name: string, max = BATCH_MAX, port = 0): Uint8Array[] {
    const element = this.#need(name);
    if (port >= element.noutputs || !element.isPullOutput(port))
      throw new Error(`'${name}' has no pull output ${port}`);
    const packets: Uint8Array[] = [];
    const batch = this.batches.acquire();
    while (packets.length < max) {
      element.pull(port, batch, Math.min(BATCH_MAX, max - packets.length));
      if (batch.count === 0) break;
      for (let i = 0; i < batch.count; i++) packets.push(this.packetBytes(batch.at(i)));
      batch.kill();
    }
    this.batches.release(batch);
    return packets;
  }

  /** A copy of the data of the packet in `slot`. */
  packetBytes(slot: number): Uint8Array {
    const data = this.memory.get32(slot + SLOT_DATA);
    return this.memory.u8.slice(data, data + this.memory.get32(slot + SLOT_LENGTH));
  }

  #need(name: string): Element {
    const element = this.find(name);
    if (element === undefined) throw new HandlerError("NO_ELEMENT", `no element '${name}'`);
    return element;
  }

  // ---- Running ---------------------------------------------------------------

  /** Runs until something stops the router (`stop`, a DriverManager, `signal`). */
  run(signal?: AbortSignal): Promise<void> {
    return this.driver.run(signal);
  }

  /** Runs at most `rounds` rounds of tasks and timers, without waiting; returns whether there was work in the last. */
  step(rounds = 1): boolean {
    return this.driver.step(rounds);
  }

  /** Under a simulated clock: runs until `seconds` have passed. */
  runFor(seconds: number): void {
    this.driver.runFor(seconds);
  }

  /** Asks the router to stop, as the `stop` handler does; `times` requests at once. */
  stop(times = 1): void {
    if (this.#graph === null) return;
    this.#graph.runcount -= times;
    this.driver.wake();
  }

  /** Releases the graph, the devices and everything open. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#graph?.close();
    this.devices.close();
  }

  /**
   * Hot swap: builds, configures and initializes the graph of `text` beside the running one; only if all of that
   * succeeds do the old graph's tasks stop, elements take over their namesakes' state, and the new graph run.
   * Throws ConfigurationError and leaves the old graph running otherwise. Swaps asked for at the same time happen
   * one after the other. `variables` replace those that the router was made with, when it succeeds. Resolves with the
   * number of packets that were lost: those in queues that the new graph has not, or has smaller.
   */
  swap(text: string, file = "config", variables = this.#variables): Promise<number> {
    const swapped = this.#swapping.then(() => this.#swap(text, file, variables));
    this.#swapping = swapped.then(
      () => {},
      () => {},
    );
    return swapped;
  }

  async #swap(text: string, file: string, variables: RouterOptions["variables"]): Promise<number> {
    const before = this.#variables;
    this.#variables = variables;
    let next: Graph;
    try {
      next = await this.prepare(text, file, this.graph);
    } catch (e) {
      this.#variables = before;
      throw e;
    }
    try {
      next.configure();
      await next.initialize();
      if (this.#closed) throw new Error("the router was closed");
    } catch (e) {
      this.#variables = before;
      next.close();
      throw e;
    }
    const old = this.graph;
    const packets = this.memory.slotsUsed;
    next.takeStateFrom(old);
    this.#install(next, text);
    old.close();
    this.driver.wake();
    return packets - this.memory.slotsUsed;
  }
}

const ANY_HANDLER: HandlerSpec = { doc: "any other name", read: true, write: true, params: true };
