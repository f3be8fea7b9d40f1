// Makes the instances of a service's functions, isolated as their descriptors say.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Orchestrator } from "../../cloud/orchestrator.js";
import { isInterfaceName } from "../../device/syscalls.js";
import { ConfigurationError, type Diagnostic } from "../../lang/diagnostics.js";
import { nearest } from "../../lang/nearest.js";
import { FileTexts, type Loader } from "../../loader.js";
import { Blueprints } from "../../router/blueprints.js";
import type { FunctionDescriptor } from "../descriptor/model.js";
import type { AgentSite } from "../instance/agent-site.js";
import type { Instance, InstanceEvents, InstanceSpec } from "../instance/instance.js";
import { MAKERS } from "../instance/isolations.js";
import type { Fabric } from "../link/fabric.js";
import type { ResourceBook } from "../link/pairs.js";
import { SimulatedStores } from "../store/simulated.js";
import type { World } from "../world.js";
import { ServiceError } from "./error.js";
import type { ManagedFunction } from "./function.js";

export interface InstancesOptions {
  readonly world: World;
  readonly fabric: Fabric;
  readonly loader: Loader;
  readonly clickpath: string;
  readonly book: ResourceBook;
  /** Whether processes have network namespaces of their own. */
  readonly namespaced: boolean;
  readonly orchestrator: Orchestrator;
  /** Of the hypervisor whose agent the function is; null for others. */
  readonly site: (name: string) => AgentSite | null;
}

export class Instances {
  readonly #options: InstancesOptions;
  readonly #shared: {
    readonly loader: Loader;
    readonly blueprints: Blueprints;
    readonly texts: FileTexts;
  };
  /** Of instances in simulated time: they outlive a crash. */
  readonly #stores = new Map<string, SimulatedStores>();
  /** Network namespaces of those that are processes. */
  readonly #namespaces = new Map<string, string>();

  constructor(options: InstancesOptions) {
    this.#options = options;
    this.#shared = { loader: options.loader, blueprints: new Blueprints(), texts: new FileTexts() };
  }

  make(managed: ManagedFunction, events: InstanceEvents): Instance {
    const { name, descriptor: f } = managed;
    checkInterfaces(f, this.#options.world);
    managed.text = readFileSync(f.graph, "latin1");
    const { world, fabric, book, orchestrator, site, clickpath } = this.#options;
    const agentSite = site(name);
    const spec: InstanceSpec = {
      name,
      file: f.graph,
      text: managed.text,
      parameters: f.parameters,
      memory: f.memory,
      clickpath,
      // Other random numbers for each instance, and after each restart; the same when the world is the same.
      seed: Math.floor(world.random() * 2 ** 32),
      orchestrates: f.orchestrates,
      agent: agentSite !== null,
    };
    return MAKERS[world.simulation === null ? f.isolation : "inline"](spec, {
      descriptor: f,
      events,
      world,
      fabric,
      shared: this.#shared,
      stores: this.stores(name),
      namespace: this.#namespaces.get(name) ?? null,
      book,
      orchestrator,
      site: agentSite,
    });
  }

  /** The stores of an instance; none in real time, when they are real. */
  stores(name: string): SimulatedStores | undefined {
    const { world } = this.#options;
    if (world.simulation === null) return undefined;
    const stores = this.#stores.get(name) ?? new SimulatedStores(world);
    this.#stores.set(name, stores);
    return stores;
  }

  /** Makes what is to be there before the links are laid: a process has a namespace of its own where that can be. */
  async prepare(functions: Iterable<ManagedFunction>): Promise<void> {
    const { world, fabric, namespaced } = this.#options;
    if (world.simulation !== null || !namespaced) return;
    for (const { name, descriptor: f } of functions) {
      if (f.isolation !== "process" || this.#namespaces.has(name)) continue;
      const linked = f.devices.some((d) => "link" in d);
      // An interface of the host is seen from the host's namespace only.
      if (!linked && f.devices.length > 0) continue;
      if (f.devices.some((d) => "interface" in d))
        throw new ServiceError(
          "UNSUPPORTED",
          `function '${name}' is a process with links: an interface of the host is not in its namespace`,
        );
      const namespace = await fabric.namespace(name);
      if (namespace !== null) this.#namespaces.set(name, namespace);
    }
  }

  /** Takes away what an instance had that is gone for good. */
  async remove(name: string): Promise<void> {
    await this.#options.fabric.removeNamespace(name);
    this.#namespaces.delete(name);
    this.#stores.delete(name);
  }
}

/** Throws ConfigurationError, with the function's place in the descriptor, for interfaces that it cannot have. */
function checkInterfaces({ name, devices, landmark }: FunctionDescriptor, world: World): void {
  const problems: Diagnostic[] = [];
  for (const d of devices) {
    if (!("interface" in d) || /^pcap(-ip)?(-out)?:/.test(d.interface)) continue;
    const problem = (message: string, hint: string): void => {
      problems.push({
        severity: "error",
        code: "interface",
        landmark,
        message: `function '${name}': ${message}`,
        hint,
      });
    };
    if (world.simulation !== null)
      problem(
        `'${d.interface}' is in real time`,
        "under --simtime devices are links or captures (pcap:FILE)",
      );
    else if (isInterfaceName(d.interface) && !existsSync(`/sys/class/net/${d.interface}`)) {
      const known = existsSync("/sys/class/net") ? readdirSync("/sys/class/net") : [];
      const near = nearest(d.interface, known);
      const hint = near === null ? `there are ${known.join(", ")}` : `is it '${near}'?`;
      problem(`there is no network interface '${d.interface}'`, hint);
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
}
