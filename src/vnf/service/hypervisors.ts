// The hypervisors of a running service, each with its site: what the agents of their functions may ask for.

import type { Hypervisor } from "../../cloud/hypervisor.js";
import type { HypervisorDescriptor, ServiceDescriptor } from "../descriptor/model.js";
import { heldHypervisor, ServiceHypervisor } from "../guest/hypervisor.js";
import type { Site } from "../guest/site.js";
import type { AgentSite } from "../instance/agent-site.js";
import { ServiceError } from "./error.js";
import type { Service } from "./service.js";

export class Hypervisors {
  readonly #service: Service;
  readonly #hypervisors = new Map<string, ServiceHypervisor>();

  constructor(service: Service) {
    this.#service = service;
  }

  /** The hypervisor called `name`, for what is in the manager's process. Throws ServiceError. */
  hypervisor(name: string): Hypervisor {
    const found = this.#hypervisors.get(name);
    if (found !== undefined) return heldHypervisor(found, this.#service.world);
    const known = [...this.#hypervisors.keys()].join(", ") || "none";
    throw new ServiceError("NO_FUNCTION", `there is no hypervisor '${name}' (there are ${known})`);
  }

  /** That of the hypervisor whose agent `name` is; null for other functions. */
  of(name: string): AgentSite | null {
    const { descriptor, world } = this.#service;
    for (const [h, hypervisor] of this.#hypervisors)
      if (descriptor.hypervisors.get(h)?.agent === name)
        return { hypervisor: heldHypervisor(hypervisor, world), streams: hypervisor.streams };
    return null;
  }

  /** Throws ServiceError where `next` has not what takes part in a migration. */
  check(next: ServiceDescriptor): void {
    for (const [name, hypervisor] of this.#hypervisors)
      if (hypervisor.migrates && !next.hypervisors.has(name))
        throw new ServiceError("REFUSED", `hypervisor '${name}' takes part in a migration: cancel it first`);
  }

  /** There are those that the descriptor has now. */
  settle(): void {
    const { hypervisors } = this.#service.descriptor;
    for (const [name, hypervisor] of this.#hypervisors) {
      if (hypervisors.has(name)) continue;
      hypervisor.end();
      this.#hypervisors.delete(name);
    }
    for (const [name, descriptor] of hypervisors)
      if (!this.#hypervisors.has(name))
        this.#hypervisors.set(name, new ServiceHypervisor(this.#site(name, descriptor)));
  }

  /** `last`: what the descriptor has of it, until it has something else. */
  #site(name: string, last: HypervisorDescriptor): Site {
    const service = this.#service;
    const { guests, functions } = service;
    const described = (): HypervisorDescriptor => {
      last = service.descriptor.hypervisors.get(name) ?? last;
      return last;
    };
    return {
      world: service.world,
      get descriptor() {
        return described();
      },
      get mtu() {
        const links = [...described().links.values()].map((link) => service.descriptor.links.get(link));
        return Math.min(...links.map((link) => link?.mtu ?? 0));
      },
      guests: () =>
        [...functions.values()].flatMap((f) => {
          const vm = service.descriptor.functions.get(f.name)?.vm ?? null;
          if (vm === null) return [];
          const { addresses, mtu } = vm;
          return [{ name: f.name, memory: f.descriptor.memory.bytes, addresses, mtu, at: guests.at(f.name) }];
        }),
      unsuited: (guest) => guests.lacks(guest, name),
      instance: (guest) => functions.get(guest)?.instance ?? null,
      pages: async (guest, request) => service.function(guest).request("pages", request),
      pause: (guest) => guests.pause(guest),
      resume: (guest) => guests.resume(guest),
      detach: (guest) => guests.detach(guest),
      attach: (guest) => guests.attach(guest, name),
      report: (guest, message) => service.events.add(guest, "state", message),
    };
  }

  close(): void {
    for (const hypervisor of this.#hypervisors.values()) hypervisor.end();
    this.#hypervisors.clear();
  }
}
