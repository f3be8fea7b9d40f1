// The router of one instance, and its answers to requests: the same in the manager's process, a thread or a process.

import { HYPERVISOR } from "../../cloud/hypervisor.js";
import { simulatedHypervisor } from "../../cloud/hypervisors/make-simulated.js";
import { MIGRATION_STREAMS } from "../../cloud/migration-streams.js";
import { ORCHESTRATOR, type Orchestrator } from "../../cloud/orchestrator.js";
import type { FileTexts, Loader } from "../../loader.js";
import { libraryReader } from "../../loader.js";
import type { Blueprints } from "../../router/blueprints.js";
import type { Element } from "../../router/element.js";
import { Facilities, FacilityError } from "../../router/facility.js";
import { HandlerError } from "../../router/handler.js";
import { clockCost, type ElementLoad, elementLoads } from "../../router/meter.js";
import { Router } from "../../router/router.js";
import type { Signals } from "../../router/signals.js";
import { visibleHandler, visibleHandlers } from "../../router/visible-handlers.js";
import { TraceError } from "../../trace/error.js";
import { Tracing } from "../../trace/tracing.js";
import type { FunctionDevices } from "../link/attached.js";
import type { FunctionStores } from "../store/simulated.js";
import type { FunctionClock } from "../world.js";
import type { AgentSite } from "./agent-site.js";
import type { InstanceSpec } from "./instance.js";
import { InstanceError } from "./instance.js";
import { measuredPaths } from "./measured-paths.js";
import { MemoryPages } from "./pages.js";
import type { ElementStats, HandlerInfo, InstanceStats, Reply, Request, RequestKind } from "./protocol.js";
import { NOT_ALLOWED } from "./remote-orchestrator.js";

/** What the instances of a process share, so that each starts faster. */
export interface SharedParts {
  readonly loader: Loader;
  readonly blueprints?: Blueprints;
  readonly texts?: FileTexts;
}

export interface HostOptions extends SharedParts {
  readonly devices: FunctionDevices;
  readonly clock: FunctionClock;
  readonly log: (line: string) => void;
  /** Absent where stores are real. */
  readonly stores?: FunctionStores | undefined;
  /** Of the service that the function belongs to; absent where there is none. */
  readonly orchestrator?: Orchestrator;
  /** Of the hypervisor whose agent the function is; null, or absent, for others. */
  readonly site?: AgentSite | null;
}

/** Milliseconds without a request after which metering ends. */
const METER_MS = 5000;

/** A function has no signals of the operating system: those are its manager's. */
const NO_SIGNALS: Signals = {
  pid: process.pid,
  send() {},
  number: () => undefined,
  catch: () => undefined,
};

export class InstanceHost {
  readonly router: Router;
  readonly #spec: InstanceSpec;
  readonly #options: HostOptions;
  #metering: NodeJS.Timeout | undefined;
  #clockCost = 0;
  readonly #tracing: Tracing;
  readonly #pages: MemoryPages;
  readonly #answers: { readonly [K in RequestKind]: (request: Request<K>) => Reply<K> | Promise<Reply<K>> };

  constructor(spec: InstanceSpec, options: HostOptions) {
    this.#spec = spec;
    this.#options = options;
    this.router = new Router({
      loader: options.loader,
      file: spec.file,
      variables: spec.parameters,
      memory: { slots: spec.memory.slots ?? undefined, bytes: spec.memory.bytes },
      clock: options.clock,
      seed: spec.seed,
      devices: options.devices,
      ...(options.stores === undefined ? {} : { stores: options.stores }),
      facilities: new Facilities()
        .add(ORCHESTRATOR, { service: (place) => this.#orchestrator(place) })
        .add(HYPERVISOR, {
          service: (place) => this.#site(place).hypervisor,
          simulated: simulatedHypervisor,
        })
        .add(MIGRATION_STREAMS, { service: (place) => this.#site(place).streams }),
      blueprints: options.blueprints,
      readLibrary: libraryReader(spec.clickpath, options.texts),
      log: options.log,
      print: (text) => {
        for (const line of text.replace(/\n$/, "").split("\n")) options.log(line);
      },
      signals: NO_SIGNALS,
    });
    this.#tracing = new Tracing(this.router);
    this.#pages = new MemoryPages(this.router.memory);
    this.#answers = {
      read: ({ path, parameters }) => {
        visibleHandler(this.router, path);
        return this.router.read(path, parameters);
      },
      write: ({ path, value }) => {
        visibleHandler(this.router, path);
        this.#moves();
        return this.router.write(path, value);
      },
      handlers: ({ element }) => this.#handlers(element),
      swap: ({ text, file, parameters }) => {
        this.#moves();
        return this.router.swap(text, file, parameters);
      },
      stats: ({ meter }) => this.#stats(meter === true),
      paths: ({ after }) => measuredPaths(this.router.elements, after),
      impair: ({ device, impairments, cut }) => {
        if (!options.devices.impair(device, impairments, cut))
          throw new InstanceError("UNSUPPORTED", `'${device}' is no end of a link`);
      },
      pause: () => {
        this.router.driver.pause();
        return options.devices.waiting();
      },
      resume: () => this.router.driver.resume(),
      pages: (request) => this.#pages.take(request),
      jump: ({ seconds }) => options.clock.jump(seconds),
      trace: (request) => this.#tracing.begin(request),
      traced: ({ id, stop }) => this.#tracing.take(id, stop === true),
    };
  }

  /** Throws InstanceError where it stands still. */
  #moves(): void {
    if (this.router.driver.paused)
      throw new InstanceError("PAUSED", `${this.#spec.name} stands still: it is being migrated`);
  }

  #orchestrator(place: string): Orchestrator {
    if (place !== "")
      throw new FacilityError(
        "NO_SUCH_NAME",
        "a function has the orchestrator of its own service only: 'service'",
      );
    const { orchestrator } = this.#options;
    if (!this.#spec.orchestrates || orchestrator === undefined)
      throw new FacilityError("REFUSED", NOT_ALLOWED);
    return orchestrator;
  }

  #site(place: string): AgentSite {
    if (place !== "")
      throw new FacilityError(
        "NO_SUCH_NAME",
        "a function has the hypervisor of its own site only: 'service'",
      );
    const { site } = this.#options;
    if (site === undefined || site === null)
      throw new FacilityError(
        "REFUSED",
        "the descriptor does not name this function as the 'agent' of a hypervisor",
      );
    return site;
  }

  /** Makes the graph and initializes it. Rejects with ConfigurationError. */
  start(): Promise<void> {
    return this.router.start(this.#spec.text, this.#spec.file);
  }

  /** Answers a request. Rejects with HandlerError, ConfigurationError or InstanceError. */
  async answer<K extends RequestKind>(kind: K, request: Request<K>): Promise<Reply<K>> {
    try {
      return await this.#answers[kind](request);
    } catch (e) {
      throw e instanceof TraceError ? new InstanceError(e.code, e.message) : e;
    }
  }

  /** `inOrder` false: as a crash leaves it. */
  close(inOrder = true): void {
    clearTimeout(this.#metering);
    this.#tracing.end();
    this.#options.stores?.ended(inOrder);
    this.router.close();
  }

  #handlers(name: string | null): HandlerInfo[] {
    const element = name === null ? null : this.router.find(name);
    if (element === undefined) throw new HandlerError("NO_ELEMENT", `no element '${name}'`);
    return visibleHandlers(this.router, element).map((h) => ({
      name: h.name,
      read: h.read !== undefined,
      write: h.write !== undefined,
      doc: h.spec.doc,
    }));
  }

  #stats(meter: boolean): InstanceStats {
    const { clock, memory, elements } = this.router;
    if (meter) this.#meter();
    const loads = this.router.metered ? elementLoads(elements, this.#clockCost) : [];
    return {
      at: clock.now(),
      slotsUsed: memory.slotsUsed,
      slots: memory.slots,
      heapUsed: memory.heapUsed,
      elements: elements.map((e, i) => elementStats(e, loads[i], this.#problem(e))),
      devices: this.#options.devices.counters(),
    };
  }

  #problem({ name, spec }: Element): string {
    return spec.handlers?.problem === undefined ? "" : this.router.read(`${name}.problem`).trim();
  }

  /** Metering costs some: it ends when nobody has asked for a while. */
  #meter(): void {
    if (!this.router.metered) this.#clockCost ||= clockCost();
    this.router.meter(true);
    clearTimeout(this.#metering);
    this.#metering = setTimeout(() => this.router.meter(false), METER_MS);
    this.#metering.unref();
  }
}

function elementStats(element: Element, load: ElementLoad | undefined, problem: string): ElementStats {
  const read = (names: Readonly<Record<string, string>>, all: boolean): Record<string, number> => {
    const values: Record<string, number> = {};
    for (const name of Object.keys(names)) {
      const value = element.memory.get64(element.counterAddress(name));
      if (all || value > 0) values[name] = value;
    }
    return values;
  };
  const { counters = {}, drops = {} } = element.spec;
  return {
    name: element.name,
    className: element.className,
    counters: read(counters, true),
    drops: read(drops, false),
    problem,
    load:
      load === undefined
        ? null
        : { calls: load.calls, batches: load.batches, packets: load.packets, nanoseconds: load.nanoseconds },
  };
}
