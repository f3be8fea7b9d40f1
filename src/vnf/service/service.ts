// A service that runs: its functions, its links, and what is done with them (ETSI NFV's life cycle operations).

import { readFileSync } from "node:fs";
import { Loader } from "../../loader.js";
import { checkArgument, checkOptions, FLAG, having, type Kind, TEXT } from "../../options.js";
import { endsOf } from "../descriptor/ends.js";
import { oneEnd } from "../descriptor/matrix.js";
import {
  DESCRIPTOR,
  type Fault,
  type FaultDescriptor,
  type FunctionDescriptor,
  type ServiceDescriptor,
} from "../descriptor/model.js";
import { replicas } from "../descriptor/replicas.js";
import { conditionsOf, type LinkConditions } from "../link/conditions.js";
import { Fabric } from "../link/fabric.js";
import type { ResourceBook } from "../link/pairs.js";
import type { PairView } from "../link/segment.js";
import { namespacesRefused } from "../link/veth.js";
import { WORLD, type World } from "../world.js";
import { type ApplyTarget, applyDescriptor } from "./apply.js";
import { ServiceError } from "./error.js";
import { EventLog } from "./events.js";
import { Faults, type FaultTarget } from "./faults.js";
import { ManagedFunction } from "./function.js";
import { Guests } from "./guests.js";
import { Hypervisors } from "./hypervisors.js";
import { Instances } from "./instances.js";
import { Links } from "./links.js";
import { serviceOrchestrator } from "./orchestrator.js";

export type { LinkConditions, PairView };

export interface ServiceOptions {
  readonly world: World;
  /** Where `require(library ...)` looks, as CLICKPATH has it. Default: beside the graph. */
  readonly clickpath?: string;
  /** Where it is written down what the service has outside of this process. Default: nowhere. */
  readonly book?: ResourceBook;
  /** Whether processes have network namespaces of their own. Default: where this process may make them. */
  readonly namespaces?: boolean;
}

const OPTION_KINDS: Readonly<Record<keyof ServiceOptions, Kind>> = {
  world: WORLD,
  clickpath: TEXT,
  book: having("a book of resources", "note", "made", "forget"),
  namespaces: FLAG,
};

const NO_BOOK: ResourceBook = { note() {}, made() {}, forget() {} };

export class Service {
  readonly world: World;
  readonly events: EventLog;
  #descriptor: ServiceDescriptor;
  readonly #fabric: Fabric;
  readonly #instances: Instances;
  readonly #links: Links;
  /** By instance name: a function's own name, with `-2`, `-3` for its further replicas. */
  readonly #functions = new Map<string, ManagedFunction>();
  readonly #faults: Faults;
  /** The functions that are virtual machines, and where they are. */
  readonly guests: Guests;
  readonly hypervisors: Hypervisors;
  /** What takes back the descriptor's faults, and when the service was started. */
  readonly #planned: (() => void)[] = [];
  #startedAt = 0;
  #applying: Promise<unknown> = Promise.resolve();

  private constructor(descriptor: ServiceDescriptor, options: ServiceOptions) {
    const { world, book = NO_BOOK, clickpath = "" } = options;
    this.#descriptor = descriptor;
    this.world = world;
    this.#faults = new Faults(this.#faultTarget());
    this.events = new EventLog(() => world.now());
    const namespaced = options.namespaces ?? namespacesRefused() === null;
    const loader = new Loader();
    const fabric = new Fabric(descriptor.name, world, loader, book, namespaced);
    this.#fabric = fabric;
    this.#instances = new Instances({
      world,
      fabric,
      loader,
      clickpath,
      book,
      namespaced,
      orchestrator: serviceOrchestrator(this),
      site: (agent) => this.hypervisors.of(agent),
    });
    this.#links = new Links(world, fabric, this.#functions);
    this.guests = new Guests(this, fabric, this.#links);
    this.hypervisors = new Hypervisors(this);
    this.hypervisors.settle();
  }

  /** Lays the links and makes the functions; nothing is started. */
  static async instantiate(descriptor: ServiceDescriptor, options: ServiceOptions): Promise<Service> {
    checkArgument("Service.instantiate", "the descriptor", descriptor, DESCRIPTOR);
    checkOptions("Service.instantiate", options, OPTION_KINDS, ["world"]);
    const service = new Service(descriptor, options);
    for (const [name, f] of replicas(descriptor)) service.#add(name, f);
    service.guests.settle();
    try {
      await service.#prepare();
      await service.#links.lay(descriptor, descriptor.links.keys());
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

  /** Packets that the switch of a link lost since its ends last changed; what functions and their devices lost is theirs to tell. */
  lost(link: string): number {
    return this.#fabric.lost(link);
  }

  /** What a link does to packets now. Throws ServiceError when there is none. */
  conditions(link: string): LinkConditions {
    const found = this.#fabric.conditions(link);
    if (found === null) throw noLink(link, this.#descriptor);
    return found;
  }

  /**
   * The pairs of a link's ends that have something of their own or have carried packets; of one end that sends, or of one
   * pair, where names are given. None where the link is a wire: its counts are its devices'. Throws ServiceError.
   */
  pairs(link: string, from: string | null = null, to: string | null = null): readonly PairView[] {
    this.conditions(link);
    const owners = [...this.#functions.values()].map(({ name, descriptor: { devices } }) => ({
      name,
      replicas: 1,
      devices: devices.flatMap((d) => ("link" in d ? [d] : [])),
    }));
    const ends = endsOf(link, owners);
    const [a, b] = [from, to].map((name) => {
      const end = name === null ? { name } : oneEnd(name, ends);
      if ("name" in end) return end.name;
      throw new ServiceError("NO_LINK", [end.problem, end.hint].filter(Boolean).join(": "));
    });
    return this.#fabric.pairs(link, a, b) ?? [];
  }

  /** Starts every function, in the descriptor's order, and the clock of its faults. Rejects with what stops the first that cannot. */
  async start(): Promise<void> {
    for (const f of this.#functions.values()) await f.start();
    this.#startedAt = this.world.now();
    this.#planFaults();
  }

  /** Plans the descriptor's faults that are still to come, in place of those planned before. */
  #planFaults(): void {
    for (const cancel of this.#planned.splice(0)) cancel();
    const passed = this.world.now() - this.#startedAt;
    for (const fault of this.#descriptor.faults)
      if (fault.at >= passed) this.#planned.push(this.#faults.schedule({ ...fault, at: fault.at - passed }));
  }

  /** Stops every function, the last started first. Links stay. */
  async stop(): Promise<void> {
    this.#faults.cancel();
    for (const f of [...this.#functions.values()].reverse()) await f.stop();
  }

  /** Stops everything and gives everything back. */
  async terminate(): Promise<void> {
    await this.stop();
    this.hypervisors.close();
    await this.#fabric.close();
    this.#functions.clear();
  }

  #add(name: string, f: FunctionDescriptor): ManagedFunction {
    const managed: ManagedFunction = new ManagedFunction(
      name,
      f,
      this.world,
      (events) => this.#instances.make(managed, events),
      (about, kind, message) => this.events.add(about, kind, message),
    );
    this.#functions.set(name, managed);
    return managed;
  }

  #prepare(): Promise<void> {
    return this.#instances.prepare(this.#functions.values());
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
        if (!this.#descriptor.links.has(link)) throw noLink(link, this.#descriptor);
      },
      checkFunction: (name) => void this.function(name),
      impair: (link, lasting) => {
        const base = this.#descriptor.links.get(link);
        if (base !== undefined) this.#links.impair(link, conditionsOf(base, lasting));
      },
      crash: (name) => this.function(name).crash(),
      jump: (name, seconds) => this.function(name).request("jump", { seconds }),
      failStore: (name, failure) => {
        const stores = this.#instances.stores(name);
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
    if (f?.vm) throw new ServiceError("UNSUPPORTED", `'${name}' is a virtual machine: it has no replicas`);
    if (f === undefined) {
      const { descriptor } = this.function(name);
      throw new ServiceError("UNSUPPORTED", `'${name}' is a replica of '${descriptor.name}': scale that`);
    }
    const functions = new Map(this.#descriptor.functions);
    functions.set(name, { ...f, replicas: count });
    await this.#apply({ ...this.#descriptor, functions }, false);
  }

  /**
   * Makes the service what `next` says, touching only what differs; returns what was done, a line each. One after the
   * other, when several ask. Rejects with what a function's new graph has against it: that function goes on as it was.
   */
  async apply(next: ServiceDescriptor): Promise<string[]> {
    const { name } = this.#descriptor;
    if (next.name !== name)
      throw new ServiceError("UNSUPPORTED", `the service is '${name}' and stays that, not '${next.name}'`);
    return this.#apply(next, true);
  }

  #apply(next: ServiceDescriptor, reread: boolean): Promise<string[]> {
    return this.alone(() => applyDescriptor(this.#applyTarget(), next, reread));
  }

  /** One piece of work that changes what is on which link after the other. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#applying.then(work);
    this.#applying = done.catch(() => {});
    return done;
  }

  #applyTarget(): ApplyTarget {
    const service = this;
    return {
      functions: this.#functions,
      fabric: this.#fabric,
      links: this.#links,
      guests: this.guests,
      hypervisors: this.hypervisors,
      get descriptor() {
        return service.#descriptor;
      },
      set descriptor(next) {
        service.#descriptor = next;
        service.hypervisors.settle();
      },
      add: (name, f) => void this.#add(name, f),
      remove: (name) => this.#remove(name),
      prepare: () => this.#prepare(),
      update: (name) => this.update(name),
      renew: (link) => this.#faults.renew(link),
      planFaults: () => this.#planFaults(),
      tell: (line) => this.events.add("service", "state", line),
    };
  }

  async #remove(name: string): Promise<void> {
    await this.#functions.get(name)?.stop();
    await this.#fabric.withdraw(name);
    await this.#instances.remove(name);
    this.#functions.delete(name);
    this.guests.forget(name);
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
    f.text = request.text;
    this.events.add(
      name,
      "state",
      lost === 0 ? "updated" : `updated; ${lost} packets lost with their queues`,
    );
    return lost;
  }
}

function noLink(link: string, { links }: ServiceDescriptor): ServiceError {
  return new ServiceError(
    "NO_LINK",
    `there is no link '${link}' (there are ${[...links.keys()].join(", ") || "none"})`,
  );
}
