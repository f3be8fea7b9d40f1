// A service that runs: its functions, its links, and what is done with them (ETSI NFV's life cycle operations).

import { readFileSync } from "node:fs";
import { FileTexts, Loader } from "../../loader.js";
import { Blueprints } from "../../router/blueprints.js";
import type {
  Fault,
  FaultDescriptor,
  FunctionDescriptor,
  Impairments,
  ServiceDescriptor,
} from "../descriptor/model.js";
import { replicas } from "../descriptor/replicas.js";
import { InlineInstance } from "../instance/inline.js";
import type { Instance, InstanceEvents, InstanceSpec } from "../instance/instance.js";
import { ProcessInstance } from "../instance/process.js";
import { ThreadInstance } from "../instance/thread.js";
import { AttachedDevices } from "../link/attached.js";
import { type EndPlan, Fabric } from "../link/fabric.js";
import type { ResourceBook } from "../link/pairs.js";
import { namespacesRefused } from "../link/veth.js";
import { SimulatedStores } from "../store/simulated.js";
import type { World } from "../world.js";
import { changes, impairments } from "./changes.js";
import { EventLog } from "./events.js";
import { Faults, type FaultTarget } from "./faults.js";
import { ManagedFunction } from "./function.js";

export interface ServiceOptions {
  readonly world: World;
  /** Where `require(library ...)` looks, as CLICKPATH has it. Default: beside the graph. */
  readonly clickpath?: string;
  /** Where it is written down what the service has outside of this process. Default: nowhere. */
  readonly book?: ResourceBook;
  /** Whether processes have network namespaces of their own. Default: where this process may make them. */
  readonly namespaces?: boolean;
}

const NO_BOOK: ResourceBook = { note() {}, forget() {} };

/** A request about something that the service does not have, or cannot do. */
export class ServiceError extends Error {
  /** `NO_FUNCTION`, `NO_LINK`, `NO_FILE`, `OUTSIDE`, `RUNS`, `LEFT`, `FOLDER`, `PORT`, `UNSUPPORTED`. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ServiceError";
    this.code = code;
  }
}

export class Service {
  readonly world: World;
  readonly events: EventLog;
  #descriptor: ServiceDescriptor;
  readonly #options: ServiceOptions;
  readonly #loader = new Loader();
  readonly #shared = { loader: this.#loader, blueprints: new Blueprints(), texts: new FileTexts() };
  readonly #fabric: Fabric;
  /** By instance name: a function's own name, with `-2`, `-3` for its further replicas. */
  readonly #functions = new Map<string, ManagedFunction>();
  /** Of instances in simulated time: they outlive a crash. */
  readonly #stores = new Map<string, SimulatedStores>();
  readonly #faults: Faults;
  readonly #namespaced: boolean;
  /** Network namespaces of those that are processes. */
  readonly #namespaces = new Map<string, string>();
  #applying: Promise<unknown> = Promise.resolve();

  private constructor(descriptor: ServiceDescriptor, options: ServiceOptions) {
    this.#descriptor = descriptor;
    this.#options = options;
    this.world = options.world;
    this.#faults = new Faults(this.#faultTarget());
    this.events = new EventLog(() => this.world.now());
    const { book = NO_BOOK } = options;
    this.#namespaced = options.namespaces ?? namespacesRefused() === null;
    this.#fabric = new Fabric(descriptor.name, this.world, this.#loader, book, this.#namespaced);
  }

  /** Lays the links and makes the functions; nothing is started. */
  static async instantiate(descriptor: ServiceDescriptor, options: ServiceOptions): Promise<Service> {
    const service = new Service(descriptor, options);
    for (const [name, f] of replicas(descriptor)) service.#add(name, f);
    try {
      await service.#layAll();
    } catch (e) {
      await service.terminate();
      throw e;
    }
    return service;
  }

  get descriptor(): ServiceDescriptor {
    return this.#descriptor;
  }
  get functions(): ReadonlyMap<string, ManagedFunction> {
    return this.#functions;
  }

  /** Throws ServiceError when there is none. */
  function(name: string): ManagedFunction {
    const found = this.#functions.get(name);
    if (found === undefined) {
      const known = [...this.#functions.keys()].join(", ");
      throw new ServiceError("NO_FUNCTION", `there is no function '${name}' (there are ${known})`);
    }
    return found;
  }

  /** Starts every function, in the descriptor's order, and the clock of its faults. Rejects with what stops the first that cannot. */
  async start(): Promise<void> {
    for (const f of this.#functions.values()) await f.start();
    for (const fault of this.#descriptor.faults) this.schedule(fault);
  }

  /** Stops every function, the last started first. Links stay. */
  async stop(): Promise<void> {
    this.#faults.cancel();
    for (const f of [...this.#functions.values()].reverse()) await f.stop();
  }

  /** Stops everything and gives everything back. */
  async terminate(): Promise<void> {
    await this.stop();
    await this.#fabric.close();
    this.#functions.clear();
  }

  #add(name: string, f: FunctionDescriptor): ManagedFunction {
    const managed: ManagedFunction = new ManagedFunction(
      name,
      f,
      this.world,
      (events) => this.#make(managed, events),
      (about, kind, message) => this.events.add(about, kind, message),
    );
    this.#functions.set(name, managed);
    return managed;
  }

  #make({ name, descriptor: f }: ManagedFunction, events: InstanceEvents): Instance {
    const spec: InstanceSpec = {
      name,
      file: f.graph,
      text: readFileSync(f.graph, "latin1"),
      parameters: f.parameters,
      memory: f.memory,
      clickpath: this.#options.clickpath ?? "",
      // Other random numbers for each instance, and after each restart; the same when the world is the same.
      seed: Math.floor(this.world.random() * 2 ** 32),
    };
    const isolation = this.world.simulation === null ? f.isolation : "inline";
    if (isolation === "thread") {
      const attached = this.#fabric.plainAttached(name, f);
      return new ThreadInstance(spec, attached, events, () => this.#fabric.gone(name));
    }
    if (isolation === "process") {
      const { book = NO_BOOK } = this.#options;
      const namespace = this.#namespaces.get(name) ?? null;
      return new ProcessInstance(spec, this.#fabric.plainAttached(name, f), events, { namespace, book });
    }
    const devices = new AttachedDevices(this.#fabric.attached(name, f), events.log);
    const options = {
      ...this.#shared,
      devices,
      clock: this.world.clock(),
      log: events.log,
      stores: this.#storesOf(name),
    };
    return new InlineInstance(spec, options, events, this.world.simulation);
  }

  #storesOf(name: string): SimulatedStores | undefined {
    if (this.world.simulation === null) return undefined;
    const stores = this.#stores.get(name) ?? new SimulatedStores(this.world);
    this.#stores.set(name, stores);
    return stores;
  }

  // ---- Links ----------------------------------------------------------------------

  /** A process has a namespace of its own where that can be. */
  async #makeNamespaces(): Promise<void> {
    if (this.world.simulation !== null || !this.#namespaced) return;
    for (const { name, descriptor: f } of this.#functions.values()) {
      if (f.isolation !== "process" || this.#namespaces.has(name)) continue;
      const linked = f.devices.some((d) => "link" in d);
      // An interface of the host is seen from the host's namespace only.
      if (!linked && f.devices.length > 0) continue;
      if (f.devices.some((d) => "interface" in d))
        throw new ServiceError(
          "UNSUPPORTED",
          `function '${name}' is a process with links: an interface of the host is not in its namespace`,
        );
      const namespace = await this.#fabric.namespace(name);
      if (namespace !== null) this.#namespaces.set(name, namespace);
    }
  }

  #plans(link: string): EndPlan[] {
    return [...this.#functions.values()]
      .flatMap((f) => this.#fabric.plan(f.name, f.descriptor))
      .filter((p) => p.link === link);
  }

  async #layAll(): Promise<void> {
    await this.#makeNamespaces();
    for (const link of this.#descriptor.links.values()) await this.#fabric.lay(link, this.#plans(link.name));
  }

  /** Changes what a link does to packets, wherever its ends are. */
  #impair(link: string, change: Impairments, cut: boolean): void {
    for (const { instance, ...request } of this.#fabric.impair(link, change, cut)) {
      // One that does not run hears of it when it starts.
      this.world.hold(
        this.function(instance)
          .request("impair", request)
          .catch(() => {}),
      );
    }
  }

  // ---- Faults -----------------------------------------------------------------------

  /** Lets `fault` happen `at` seconds from now, and what can end does after its duration. */
  schedule(fault: FaultDescriptor): void {
    this.#faults.schedule(fault);
  }

  /** Lets `fault` happen now, for `duration` seconds. Throws ServiceError. */
  inject(fault: Fault, duration = Number.POSITIVE_INFINITY): void {
    this.#faults.inject(fault, duration);
  }

  #faultTarget(): FaultTarget {
    return {
      world: this.world,
      checkLink: (link) => {
        if (!this.#descriptor.links.has(link))
          throw new ServiceError("NO_LINK", `there is no link '${link}'`);
      },
      checkFunction: (name) => void this.function(name),
      impair: (link, change, cut) => {
        const base = this.#descriptor.links.get(link);
        if (base !== undefined) this.#impair(link, { ...impairments(base), ...change }, cut);
      },
      crash: (name) => this.function(name).crash(),
      jump: (name, seconds) => this.function(name).request("jump", { seconds }),
      failStore: (name, failure) => {
        const stores = this.#storesOf(name);
        if (stores === undefined)
          throw new ServiceError("UNSUPPORTED", "stores can be made to fail under --simtime only");
        stores.fail(failure);
      },
      tell: (about, message) => this.events.add(about, "fault", message),
    };
  }

  // ---- Changes while it runs ----------------------------------------------------------

  /** Starts a function anew. */
  heal(name: string, cause = "on request"): Promise<void> {
    return this.function(name).heal(cause);
  }

  /** Changes how many replicas of a function there are. */
  async scale(name: string, count: number): Promise<void> {
    const f = this.#descriptor.functions.get(name);
    if (f === undefined) this.function(name);
    const functions = new Map(this.#descriptor.functions);
    functions.set(name, { ...f!, replicas: count });
    await this.apply({ ...this.#descriptor, functions });
  }

  /**
   * Makes the service what `next` says, touching only what differs; returns what was done, a line each. One after the
   * other, when several ask. Rejects with what a function's new graph has against it: that function goes on as it was.
   */
  apply(next: ServiceDescriptor): Promise<string[]> {
    const applied = this.#applying.then(() => this.#apply(next));
    this.#applying = applied.catch(() => {});
    return applied;
  }

  async #apply(next: ServiceDescriptor): Promise<string[]> {
    const wanted = replicas(next);
    const ends = [...wanted].flatMap(([name, f]) => this.#fabric.plan(name, f));
    const plan = changes(this.#descriptor, next, (link) =>
      this.#fabric.carries(
        link,
        ends.filter((e) => e.link === link),
      ),
    );
    const done: string[] = [];
    const say = (line: string): void => {
      done.push(line);
      this.events.add("service", "state", line);
    };
    for (const name of plan.removed) {
      await this.#functions.get(name)?.stop();
      await this.#fabric.withdraw(name);
      await this.#fabric.removeNamespace(name);
      this.#namespaces.delete(name);
      this.#functions.delete(name);
      this.#stores.delete(name);
      say(`removed ${name}`);
    }
    for (const name of plan.remade) await this.#functions.get(name)?.stop();
    this.#descriptor = next;
    for (const name of plan.remade) {
      await this.#fabric.withdraw(name);
      this.#functions.get(name)!.descriptor = wanted.get(name)!;
    }
    for (const name of plan.added) this.#add(name, wanted.get(name)!);
    await this.#relay(plan.links.removed, plan.links.relaid, [...plan.added, ...plan.remade]);
    for (const { name } of plan.links.changed) {
      this.#faults.renew(name);
      say(`changed link ${name}`);
    }
    const refused: unknown[] = [];
    for (const name of plan.updated) {
      const f = this.#functions.get(name)!;
      const before = f.descriptor;
      f.descriptor = wanted.get(name)!;
      try {
        await this.update(name);
        say(`updated ${name}`);
      } catch (e) {
        f.descriptor = before;
        refused.push(e);
        const functions = new Map(this.#descriptor.functions);
        functions.set(before.name, {
          ...functions.get(before.name)!,
          graph: before.graph,
          parameters: before.parameters,
        });
        this.#descriptor = { ...this.#descriptor, functions };
      }
    }
    for (const name of plan.watched) this.#functions.get(name)!.descriptor = wanted.get(name)!;
    for (const name of [...plan.remade, ...plan.added]) {
      await this.#functions.get(name)!.start();
      say(`${plan.added.includes(name) ? "added" : "restarted"} ${name}`);
    }
    if (refused.length > 0) throw refused[0];
    return done;
  }

  /**
   * Hot swap of a function's graph: from its file as it is now, with its present parameters. Resolves with the number
   * of packets lost with queues that are no longer there.
   */
  async update(name: string, text?: string): Promise<number> {
    const f = this.function(name);
    const { graph, parameters } = f.descriptor;
    const request = { text: text ?? readFileSync(graph, "latin1"), file: graph, parameters };
    const lost = await f.request("swap", request);
    this.events.add(
      name,
      "state",
      lost === 0 ? "updated" : `updated; ${lost} packets lost with their queues`,
    );
    return lost;
  }

  async #relay(
    removed: readonly string[],
    relaid: readonly string[],
    plugged: readonly string[],
  ): Promise<void> {
    for (const name of [...removed, ...relaid]) await this.#fabric.remove(name);
    await this.#makeNamespaces();
    for (const name of relaid) await this.#fabric.lay(this.#descriptor.links.get(name)!, this.#plans(name));
    for (const link of this.#descriptor.links.keys()) {
      if (relaid.includes(link)) continue;
      const plans = this.#plans(link).filter((p) => plugged.includes(p.instance));
      if (plans.length > 0) await this.#fabric.extend(link, plans);
    }
  }
}
