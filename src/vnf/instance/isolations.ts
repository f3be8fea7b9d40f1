// The registry of isolations: how each kind makes an instance. ISOLATIONS has what descriptors and links know of a kind.

import type { Orchestrator } from "../../cloud/orchestrator.js";
import { SystemProvider } from "../../device/provider.js";
import type { FunctionDescriptor, Isolation } from "../descriptor/model.js";
import { AttachedDevices } from "../link/attached.js";
import type { Fabric } from "../link/fabric.js";
import type { ResourceBook } from "../link/pairs.js";
import type { FunctionStores } from "../store/simulated.js";
import type { World } from "../world.js";
import type { AgentSite } from "./agent-site.js";
import type { SharedParts } from "./host.js";
import { InlineInstance } from "./inline.js";
import type { Instance, InstanceEvents, InstanceSpec } from "./instance.js";
import { ProcessInstance } from "./process.js";
import { ThreadInstance } from "./thread.js";

/** What an instance is made among. */
export interface InstanceContext {
  readonly descriptor: FunctionDescriptor;
  readonly events: InstanceEvents;
  readonly world: World;
  readonly fabric: Fabric;
  readonly shared: SharedParts;
  /** Absent where stores are real. */
  readonly stores: FunctionStores | undefined;
  /** The network namespace of a process; null: the manager's. */
  readonly namespace: string | null;
  readonly book: ResourceBook;
  readonly orchestrator: Orchestrator;
  /** Of the hypervisor whose agent the function is; null for others. */
  readonly site: AgentSite | null;
}

export const MAKERS: Readonly<Record<Isolation, (spec: InstanceSpec, context: InstanceContext) => Instance>> =
  {
    inline: (spec, { descriptor, events, world, fabric, shared, stores, orchestrator, site }) => {
      const system = new SystemProvider({ report: events.log });
      const devices = new AttachedDevices(fabric.attached(spec.name, descriptor), system);
      const options = {
        ...shared,
        devices,
        clock: world.clock(),
        log: events.log,
        stores,
        orchestrator,
        site,
      };
      return new InlineInstance(spec, options, events, world.simulation);
    },
    thread: (spec, { descriptor, events, fabric, orchestrator, site }) => {
      const attached = fabric.plainAttached(spec.name, descriptor);
      const gone = (): void => fabric.gone(spec.name);
      const may = { orchestrator: spec.orchestrates ? orchestrator : null, site };
      return new ThreadInstance(spec, attached, events, may, gone);
    },
    process: (spec, { descriptor, events, fabric, namespace, book, orchestrator, site }) => {
      const attached = fabric.plainAttached(spec.name, descriptor);
      const options = { namespace, book, orchestrator: spec.orchestrates ? orchestrator : null, site };
      return new ProcessInstance(spec, attached, events, options);
    },
  };
