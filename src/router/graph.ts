// A graph of elements inside a router: made from a flat description, checked, configured, initialized, released.

import { inspect } from "node:util";
import { type ArgContext, parseArgs } from "../lang/args/parse.js";
import type { ArgSpecs } from "../lang/args/spec.js";
import { ConfigurationError, type Diagnostic, diagnosticText } from "../lang/diagnostics.js";
import type { FlatGraph } from "../lang/flat.js";
import { GraphContext } from "./arg-context.js";
import type { CleanupStage, Element, ElementClass, ErrorSink } from "./element.js";
import type { PortOf } from "./flow.js";
import { Names, scopes } from "./names.js";
import type { Hop, Port } from "./port.js";
import type { Router } from "./router.js";
import { RouterError } from "./router-error.js";
import { CONFIGURE_DEFAULT } from "./spec.js";
import { Tasks } from "./task.js";
import { Timers } from "./timer.js";
import { type FarPort, rewire, type Wiring, wire } from "./wiring.js";

/** Decides what a request to stop means; a DriverManager installs one. Returns whether the router goes on. */
export type StopHook = () => boolean;

const NO_ARGS: ArgSpecs = {};

export class Graph {
  readonly router: Router;
  readonly flat: FlatGraph;
  readonly elements: Element[] = [];
  readonly names = new Names();
  /** While a hot swap prepares this graph: the one it is to replace. */
  former: Graph | null = null;
  /** Its own, so that nothing of a graph runs before a hot swap has put it in its place. */
  readonly tasks = new Tasks();
  readonly timers: Timers;
  /** Click's run count: requests to stop lower it, and at 0 or below the router stops, or `stopHook` is asked. */
  runcount = 1;
  /** Called when a stop is requested, before it takes effect. */
  stopHook: StopHook | null = null;
  readonly #byName = new Map<string, Element>();
  #wiring: Wiring = { elements: [], sources: [], targets: [] };
  #stage: "made" | "configured" | "initialized" | "closing" | "closed" = "made";
  /** By element. */
  readonly #stages: CleanupStage[] = [];

  constructor(router: Router, flat: FlatGraph) {
    this.router = router;
    this.flat = flat;
    this.timers = new Timers(router.clock);
    this.tasks.wake = () => router.driver.wake();
    this.timers.wake = this.tasks.wake;
  }

  /** Makes the elements and their connections. Throws ConfigurationError with every problem of the graph. */
  build(classes: ReadonlyMap<string, ElementClass>): void {
    const problems: Diagnostic[] = [];
    for (const f of this.flat.elements) {
      const elementClass = classes.get(f.className);
      if (elementClass === undefined) {
        const message = `unknown element class '${f.className}'`;
        problems.push({ severity: "error", code: "unknown-class", landmark: f.landmark, message });
        continue;
      }
      const index = this.elements.length;
      const { name, className, config, landmark } = f;
      const { spec } = elementClass;
      const element = new elementClass({
        router: this.router,
        graph: this,
        index,
        name,
        className,
        config,
        landmark,
        spec,
      });
      this.elements.push(element);
      this.#byName.set(name, element);
    }
    if (problems.length > 0) this.#fail(problems);
    this.#wire(problems);
    if (problems.length > 0) this.#fail(problems);
    this.usePorts(this.router.makePort);
  }

  #wire(problems: Diagnostic[]): void {
    const { blueprints } = this.router.options;
    const known = blueprints?.wiring(this.flat.connections);
    if (known !== undefined && rewire(this.elements, known)) {
      this.#wiring = known;
      return;
    }
    this.#wiring = wire(this.elements, this.flat.connections, problems);
    if (problems.length === 0) blueprints?.keepWiring(this.flat.connections, this.#wiring);
  }

  /** Gives every connection new ports, made from what it connects and the port it had; also while the graph runs. */
  usePorts(make: (hop: Hop, former: Port | undefined) => Port): void {
    const { sources, targets } = this.#wiring;
    const connect = (near: Element, former: readonly Port[], ends: readonly (readonly FarPort[])[]): Port[] =>
      ends.map(([{ index, port }], nearPort) =>
        make({ near, nearPort, far: this.elements[index], farPort: port }, former[nearPort]),
      );
    for (const element of this.elements) {
      element.outputs = connect(element, element.outputs, targets[element.index]);
      element.inputs = connect(element, element.inputs, sources[element.index]);
    }
  }

  /** Configures every element, in phase order, even when one fails. Throws ConfigurationError with all that is wrong. */
  configure(): void {
    const phases = this.elements.map((e) => e.spec.configurePhase ?? CONFIGURE_DEFAULT);
    const order = [...this.elements].sort((a, b) => phases[a.index] - phases[b.index] || a.index - b.index);
    const problems: Diagnostic[] = [];
    const sink = new Collector();
    for (const element of order) {
      this.configureElement(element, element.config, sink);
      this.#stages[element.index] = sink.errors.length > 0 ? "configure-failed" : "configured";
      this.#report("configuring", element, sink, problems);
    }
    if (problems.length > 0) this.#fail(problems);
    this.#stage = "configured";
  }

  /** Initializes every element. Throws ConfigurationError with all that is wrong. */
  async initialize(): Promise<void> {
    const problems: Diagnostic[] = [];
    const sink = new Collector();
    for (const element of this.elements) {
      try {
        // Few have to wait for something: the others take no turn of the event loop.
        const ready = element.initialize(sink);
        if (ready !== undefined) await ready;
      } catch (e) {
        sink.error(e instanceof Error ? e.message : String(e));
      }
      this.#stages[element.index] = sink.errors.length > 0 ? "initialize-failed" : "initialized";
      this.#report("initializing", element, sink, problems);
      // Devices and sockets that are opened now would stay open.
      if (this.router.closed) throw RouterError.closed("start");
    }
    if (problems.length > 0) this.#fail(problems);
    this.#stages.fill("router-initialized");
    this.#stage = "initialized";
  }

  get stopRequested(): boolean {
    return this.runcount <= 0;
  }

  /** Whether the router must stop now; asks `stopHook`. A graph that was stopped may be run again. */
  stops(): boolean {
    if (!this.stopRequested || this.stopHook?.() === true) return false;
    this.runcount = 1;
    return true;
  }

  get initialized(): boolean {
    return this.#stage === "initialized";
  }

  /** Parses `config` for `element` and hands it the values; problems go to `errors`. */
  configureElement(element: Element, config: string, errors: ErrorSink): void {
    const { args = NO_ARGS } = element.spec;
    const parsed = this.read(element, args, config, (context) => parseArgs(config, args, context));
    for (const message of parsed.errors) errors.error(message);
    // A wrong value would only make the element complain of what follows from it.
    if (parsed.errors.length > 0) return;
    try {
      element.configure(parsed.values, errors);
    } catch (e) {
      errors.error(e instanceof Error ? e.message : String(e));
    }
  }

  /** What names mean in `element`'s arguments: what AddressInfo and its like define, then the devices' own addresses. */
  argContext(element: Pick<Element, "name">): ArgContext {
    return new GraphContext(this, element.name);
  }

  /**
   * What `read` makes of `text` for `element`: plain data that depends on nothing but `text`, and on what it asks of the
   * context. `reader` says what reads.
   */
  read<T>(element: Element, reader: object, text: string, read: (context: ArgContext) => T): T {
    const context = this.argContext(element);
    const { blueprints } = this.router.options;
    return blueprints === undefined ? read(context) : blueprints.read(reader, text, context, read);
  }

  /** The element `name` as seen from the compound `prefix`: innermost first. */
  find(name: string, prefix = ""): Element | undefined {
    for (const scope of scopes(prefix)) {
      const element = this.#byName.get(scope + name);
      if (element !== undefined) return element;
    }
    return undefined;
  }

  /** Where packets on `element`'s input `port` come from. */
  sourcesOf(element: Element, port: number): readonly PortOf[] {
    return this.#portsOf(this.#wiring.sources[element.index]?.[port]);
  }

  /** Where packets from `element`'s output `port` go. */
  targetsOf(element: Element, port: number): readonly PortOf[] {
    return this.#portsOf(this.#wiring.targets[element.index]?.[port]);
  }

  #portsOf(ends: readonly FarPort[] = []): PortOf[] {
    return ends.map(({ index, port }) => ({ element: this.elements[index], port }));
  }

  /**
   * Lets every element take over the state of its namesake (same class) in `former`, whose tasks and timers stop.
   * What goes wrong with that is reported, and stops nothing.
   */
  takeStateFrom(former: Graph): void {
    for (const element of former.elements) former.stopElement(element);
    const problems: Diagnostic[] = [];
    const sink = new Collector();
    for (const element of this.elements) {
      const old = element.hotswapElement;
      if (old === null) continue;
      try {
        element.takeState(old, sink);
      } catch (e) {
        sink.error(e instanceof Error ? e.message : String(e));
      }
      this.#report("hot-swapping state into", element, sink, problems);
      for (const problem of problems.splice(0)) this.router.log(diagnosticText(problem));
    }
    this.former = null;
  }

  /** Stops every task and timer; none can be scheduled any more. */
  halt(): void {
    this.tasks.close();
    this.timers.close();
  }

  /** Whether its elements have no state any more. */
  get closed(): boolean {
    return this.#stage === "closed";
  }

  /** Halts, cleans every element up and frees its state; an element that fails at that is reported. Idempotent. */
  close(): void {
    if (this.#stage === "closing" || this.#stage === "closed") return;
    this.#stage = "closing";
    this.halt();
    for (let i = this.elements.length - 1; i >= 0; i--) {
      const element = this.elements[i];
      const stage = this.#stages[i];
      try {
        if (stage !== undefined) element.cleanup(stage);
      } catch (e) {
        // The others have something to release as well.
        const message = e instanceof Error ? e.message : String(e);
        this.router.log(`While cleaning up '${element.declaration}':\n  ${message}`);
      }
      if (element.state !== 0) this.router.memory.free(element.state, element.stateSize());
      element.state = 0;
    }
    this.#stage = "closed";
  }

  [inspect.custom](): string {
    return `Graph { ${this.#stage}, ${this.elements.length} elements }`;
  }

  stopElement(element: Element): void {
    for (const task of element.tasks) task.unschedule();
    for (const timer of element.timers) timer.unschedule();
  }

  /** Tells what `sink` has collected, which is empty then. */
  #report(doing: string, element: Element, sink: Collector, problems: Diagnostic[]): void {
    if (sink.errors.length === 0 && sink.warnings.length === 0) return;
    const { landmark } = element;
    const whole = (lines: readonly string[]): string =>
      [
        `While ${doing} '${element.declaration}':`,
        ...lines.map((l) => `  ${l.replaceAll("\n", "\n  ")}`),
      ].join("\n");
    const code = `while-${doing.split(" ")[0]}`;
    if (sink.errors.length > 0) {
      const warnings = sink.warnings.map((w) => `warning: ${w}`);
      problems.push({ severity: "error", code, landmark, message: whole([...warnings, ...sink.errors]) });
    } else {
      // The lines themselves say "warning:", as Click's do.
      const lines = sink.warnings.map((w) => `warning: ${w}`);
      this.router.warn({ severity: "warning", code, landmark, message: whole(lines) });
    }
    sink.errors = sink.warnings = NOTHING;
  }

  #fail(problems: readonly Diagnostic[]): never {
    this.close();
    throw new ConfigurationError(problems, "initialize");
  }
}

const NOTHING: readonly string[] = [];

class Collector implements ErrorSink {
  errors: readonly string[] = NOTHING;
  warnings: readonly string[] = NOTHING;

  error(message: string): void {
    this.errors = [...this.errors, message];
  }
  warning(message: string): void {
    this.warnings = [...this.warnings, message];
  }
}
