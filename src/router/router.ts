// The router: one world (memory, clock, random numbers, devices, stores) and the graph that runs in it.

import { inspect } from "node:util";
import { BATCH_MAX, SLOT_DATA, SLOT_LENGTH } from "../../assembly/layout.js";
import { bytesOf } from "../lang/args/text.js";
import { type Diagnostic, diagnosticText } from "../lang/diagnostics.js";
import type { FlatGraph } from "../lang/flat.js";
import {
  BYTES,
  checkArgument,
  checkOptions,
  FLAG,
  having,
  orNull,
  PORT,
  real,
  TEXT,
  whole,
} from "../options.js";
import { BatchPool } from "../packet/batch.js";
import { PacketMemory } from "../packet/memory.js";
import { Chores } from "./chores.js";
import { type Clock, RealClock } from "./clock.js";
import type { DeviceProvider } from "./device.js";
import { NO_DEVICES } from "./device.js";
import { Driver } from "./driver.js";
import type { Element } from "./element.js";
import { Facilities, type Facility, type FacilityProvider } from "./facility.js";
import { flatten, loadClasses } from "./flatten.js";
import { Graph } from "./graph.js";
import { type Handler, HandlerError, readHandler } from "./handler.js";
import { HandlerTable } from "./handler-table.js";
import { Lifetime } from "./lifetime.js";
import { prefixOf } from "./names.js";
import { type ElementLoader, type ExtraElement, OPTION_KINDS, type RouterOptions } from "./options.js";
import { type Hop, MeteredPort, ObservedPort, Port, type PortObserver } from "./port.js";
import { type Random, SeededRandom, SystemRandom } from "./random.js";
import { RouterError } from "./router-error.js";
import { ProcessSignals, type Signals } from "./signals.js";
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
  /** What elements have left to be done when they went. */
  readonly chores = new Chores();
  readonly devices: DeviceProvider;
  /** null: stores are real, and elements open them by themselves. */
  readonly stores: StoreProvider | null;
  readonly #facilities: FacilityProvider;
  #metered: boolean;
  #observer: PortObserver | null = null;
  #graph: Graph | null = null;
  #started = false;
  #usesTurns = false;
  readonly #life = new Lifetime(() => this.#release());
  #variables: RouterOptions["variables"];
  #swapping: Promise<void> = Promise.resolve();
  readonly #handlers = new HandlerTable(this);
  /** The text of the running configuration. */
  source = "";

  constructor(options: RouterOptions) {
    checkOptions("Router", options, OPTION_KINDS, ["loader"]);
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
    this.#facilities = options.facilities ?? new Facilities();
    this.#metered = options.metered ?? false;
  }

  /**
   * Makes the router's graph from configuration text and initializes it. Throws ConfigurationError with everything
   * that is wrong; the router is closed then. Once.
   */
  async start(text: string, file = this.options.file ?? "config"): Promise<void> {
    this.#life.use("start");
    checkArgument("start", "the configuration", text, TEXT);
    if (this.#started)
      throw new RouterError("STARTED", "start: the router has a graph already; swap changes it");
    this.#started = true;
    let graph: Graph | null = null;
    this.enter();
    try {
      graph = await this.prepare(text, file);
      this.#life.use("start");
      graph.configure();
      // Elements may read handlers, and ask to stop, while they are initialized.
      this.#install(graph, text);
      await graph.initialize();
    } catch (e) {
      graph?.close();
      this.close();
      throw e;
    } finally {
      this.leave();
    }
  }

  #install(graph: Graph, text: string): void {
    this.#graph = graph;
    this.chores.use(graph.timers);
    this.source = text;
  }

  /** Parses `text` and builds its graph in this router's world, without configuring it. */
  async prepare(text: string, file: string, former: Graph | null = null): Promise<Graph> {
    const flat = await this.flatten(text, file, former !== null);
    const classes = await loadClasses(this.options.loader, flat);
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

  /** Parses and flattens `text`, requiring its packages. Throws ConfigurationError. */
  flatten(text: string, file: string, swapping = false): Promise<FlatGraph> {
    return flatten(this, text, { file, variables: this.#variables, swapping });
  }

  /** Prints a warning, unless warnings are off. */
  warn(diagnostic: Diagnostic): void {
    if (this.options.warnings !== false) this.log(diagnosticText(diagnostic));
  }

  /** The running graph. Throws RouterError when there is none. */
  get graph(): Graph {
    this.#life.use("graph");
    if (this.#graph === null)
      throw new RouterError("NOT_STARTED", "the router has no graph yet: start makes it");
    return this.#graph;
  }

  /** Whether `close` was called: every call but `close`, `log`, `print` and `warn` throws RouterError `CLOSED` then. */
  get closed(): boolean {
    return this.#life.closed;
  }

  /** Whether what passes each port is counted and timed. */
  get metered(): boolean {
    return this.#metered;
  }

  /** Starts counting and timing what passes each port, from nothing, or stops it. */
  meter(on: boolean): void {
    this.#life.use("meter");
    checkArgument("meter", "whether it is on", on, FLAG);
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
    this.#life.use("observe");
    checkArgument("observe", "the observer", observer, OBSERVER);
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
    this.#life.use("elements");
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

  /** To be called where output of an element is lost: `line` says so, unless it is its reader that went away. */
  unwritten(error: unknown, line: string): void {
    if ((error as NodeJS.ErrnoException).code !== "EPIPE") this.log(line);
    this.options.unwritten?.(error);
  }

  /** The element called `name`, seen from `from` (inside a compound, names of that compound come first). */
  find(name: string, from?: Element): Element | undefined {
    this.#life.use("find");
    checkArgument("find", "the element's name", name, TEXT);
    return (from?.graph ?? this.#graph)?.find(name, from === undefined ? "" : prefixOf(from.name));
  }

  /** What its world has under `name`. Rejects with FacilityError. */
  async ask<T>(facility: Facility<T>, name: string): Promise<T> {
    this.#life.use("ask");
    checkArgument("ask", "the name", name, TEXT);
    return this.#facilities.open(facility, name);
  }

  /** Whether what happens goes on in Node's turns (stores, promises): simulated time stands still for these. */
  get usesTurns(): boolean {
    return this.#usesTurns || this.stores?.used === true;
  }

  /** To be called by an element that waits for promises: those that can settle do so before simulated time passes. */
  useTurns(): void {
    this.#usesTurns = true;
  }

  // ---- Handlers --------------------------------------------------------------

  /** The handlers of `element`, or the global ones when it is null, by name. */
  handlers(element: Element | null): ReadonlyMap<string, Handler> {
    this.#life.use("handlers");
    return this.#handlers.of(element);
  }

  /** The handler `name` of `element`, or the global one when that is null. */
  handlerOf(element: Element | null, name: string): Handler | undefined {
    this.#life.use("handlerOf");
    return this.#handlers.named(element, name);
  }

  /**
   * The handler `path`: `element.handler`, or `handler` (of `from`, then global). Throws HandlerError in Click's words.
   */
  handler(path: string, from?: Element): Handler {
    this.#life.use("handler");
    checkArgument("handler", "the handler's name", path, TEXT);
    return this.#handlers.find(path, from);
  }

  /** Reads handler `path`. */
  read(path: string, parameters = ""): string {
    checkArgument("read", "the parameters", parameters, TEXT);
    return readHandler(this.handler(path), parameters);
  }

  /** Writes handler `path`. Rejects with RouterError `CLOSED` when the router is closed before that is done. */
  async write(path: string, value = ""): Promise<void> {
    checkArgument("write", "the value", value, TEXT);
    const handler = this.handler(path);
    if (handler.write === undefined) throw new HandlerError("NOT_WRITABLE", `'${path}' is a read handler`);
    const writing = handler.write(value);
    // A handler that waits for a timer would wait for ever.
    if (writing !== undefined) await this.#life.unlessClosed(writing, "write");
  }

  // ---- Packets from and to the program that embeds the router ----------------

  /** Pushes one packet with these bytes into push input `port` of element `name`. Returns false when there is no room for it. */
  inject(name: string, bytes: Uint8Array, port = 0): boolean {
    const element = this.#need(name, "inject");
    checkArgument("inject", "the packet", bytes, BYTES);
    checkArgument("inject", "the port", port, PORT);
    if (port >= element.ninputs || element.isPullInput(port))
      throw new RouterError("NO_PORT", `'${name}' has no push input ${port}`);
    const batch = this.batches.acquire();
    this.enter();
    try {
      const slot = this.memory.kernels.poolTakeFor(bytes.length);
      if (slot === 0) return false;
      batch.add(slot);
      this.memory.u8.set(bytes, this.memory.get32(slot + SLOT_DATA));
      this.memory.set32(slot + SLOT_LENGTH, bytes.length);
      element.push(port, batch);
      batch.count = 0;
      return true;
    } finally {
      this.batches.release(batch);
      this.leave();
    }
  }

  /** Pulls up to `max` packets from pull output `port` of element `name` (e.g. a Queue); copies of their bytes. */
  take(name: string, max = BATCH_MAX, port = 0): Uint8Array[] {
    const element = this.#need(name, "take");
    checkArgument("take", "the number of packets", max, COUNT);
    checkArgument("take", "the port", port, PORT);
    if (port >= element.noutputs || !element.isPullOutput(port))
      throw new RouterError("NO_PORT", `'${name}' has no pull output ${port}`);
    const packets: Uint8Array[] = [];
    const batch = this.batches.acquire();
    this.enter();
    try {
      while (packets.length < max && !this.closed) {
        element.pull(port, batch, Math.min(BATCH_MAX, max - packets.length));
        if (batch.count === 0) break;
        for (let i = 0; i < batch.count; i++) packets.push(this.packetBytes(batch.at(i)));
        batch.kill();
      }
    } finally {
      this.batches.release(batch);
      this.leave();
    }
    return packets;
  }

  /** A copy of the data of the packet in `slot`. */
  packetBytes(slot: number): Uint8Array {
    const data = this.memory.get32(slot + SLOT_DATA);
    return this.memory.u8.slice(data, data + this.memory.get32(slot + SLOT_LENGTH));
  }

  #need(name: string, what: string): Element {
    this.#life.use(what);
    const element = this.find(name);
    if (element === undefined) throw new HandlerError("NO_ELEMENT", `no element '${name}'`);
    return element;
  }

  // ---- Running ---------------------------------------------------------------

  /** Runs until something stops the router (`stop`, a DriverManager, `signal`), or it is closed. */
  async run(signal?: AbortSignal): Promise<void> {
    this.#life.use("run");
    await this.driver.run(signal);
  }

  /** Runs at most `rounds` rounds of tasks and timers, without waiting; returns whether there was work in the last. */
  step(rounds = 1): boolean {
    this.#life.use("step");
    checkArgument("step", "the number of rounds", rounds, COUNT);
    return this.driver.step(rounds);
  }

  /** Under a simulated clock: runs until `seconds` have passed. */
  runFor(seconds: number): void {
    this.#life.use("runFor");
    checkArgument("runFor", "the time", seconds, SECONDS);
    this.driver.runFor(seconds);
  }

  /** Asks the router to stop, as the `stop` handler does; `times` requests at once. */
  stop(times = 1): void {
    this.#life.use("stop");
    checkArgument("stop", "the number of requests", times, REQUESTS);
    if (this.#graph === null) return;
    this.#graph.runcount -= times;
    this.driver.wake();
  }

  /**
   * Ends `run` and whatever waits, and releases the graph, the devices and everything open; at once, or, when it is
   * called from within an element's code, as soon as that returns. Idempotent.
   */
  close(): void {
    if (this.closed) return;
    this.driver.interrupt();
    this.#graph?.halt();
    this.#life.close();
  }

  #release(): void {
    try {
      this.#graph?.close();
      this.chores.finish();
    } finally {
      this.devices.close();
    }
  }

  /** Elements' code begins to run: until it returns (`leave`) it has its state, even when it closes the router. */
  enter(): void {
    this.#life.enter();
  }

  leave(): void {
    this.#life.leave();
  }

  /** One line: what it is made of is megabytes. */
  [inspect.custom](): string {
    const state = this.closed ? "closed" : this.#graph === null ? "not started" : "open";
    return `Router { ${this.options.file ?? "config"}, ${state}, ${this.#graph?.elements.length ?? 0} elements }`;
  }

  /**
   * Hot swap: builds, configures and initializes the graph of `text` beside the running one; only if all of that
   * succeeds do the old graph's tasks stop, elements take over their namesakes' state, and the new graph run.
   * Throws ConfigurationError and leaves the old graph running otherwise. Swaps asked for at the same time happen
   * one after the other. `variables` replace those that the router was made with, when it succeeds. Resolves with the
   * number of packets that were lost: those in queues that the new graph has not, or has smaller.
   */
  async swap(text: string, file = "config", variables = this.#variables): Promise<number> {
    this.#life.use("swap");
    checkArgument("swap", "the configuration", text, TEXT);
    if (this.#graph === null) throw new RouterError("NOT_STARTED", "swap: the router has no graph yet");
    const swapped = this.#swapping.then(() => this.#swap(text, file, variables));
    this.#swapping = swapped.then(
      () => {},
      () => {},
    );
    return swapped;
  }

  async #swap(text: string, file: string, variables: RouterOptions["variables"]): Promise<number> {
    this.#life.use("swap");
    const before = this.#variables;
    this.#variables = variables;
    let next: Graph | null = null;
    try {
      next = await this.prepare(text, file, this.graph);
      this.#life.use("swap");
      next.configure();
      await next.initialize();
      this.#life.use("swap");
    } catch (e) {
      this.#variables = before;
      next?.close();
      // What the new graph opened after the others were closed.
      if (this.closed) this.devices.close();
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

const COUNT = whole(0);
const REQUESTS = whole(-(2 ** 31), 2 ** 31);
const SECONDS = real(0);
const OBSERVER = orNull(having("an observer", "push", "pushed", "pull", "pulled"));
