// The functions of a service that are virtual machines: where they are, which is the service's state and not its
// configuration, and how their devices go from the links of one hypervisor to those of another.

import type { ServiceDescriptor } from "../descriptor/model.js";
import { type Places, placed } from "../descriptor/replicas.js";
import type { Fabric } from "../link/fabric.js";
import { sleep } from "../world.js";
import { ServiceError } from "./error.js";
import type { ManagedFunction } from "./function.js";
import type { Links } from "./links.js";
import type { Service } from "./service.js";

/** Seconds in which what a machine has sent is on a link, and between looks whether it is. */
const DRAIN = 1;
const LOOK = 0.002;

export class Guests {
  readonly #service: Service;
  readonly #fabric: Fabric;
  readonly #links: Links;
  /** Of every machine. */
  readonly #places = new Map<string, string>();
  /** Machines whose devices are on no link. */
  readonly #loose = new Set<string>();

  constructor(service: Service, fabric: Fabric, links: Links) {
    this.#service = service;
    this.#fabric = fabric;
    this.#links = links;
  }

  get places(): Places {
    return this.#places;
  }

  /** The hypervisor whose links a machine's devices are on. `null`: between two, or the function is no machine. */
  at(name: string): string | null {
    const vm = this.#service.functions.get(name)?.descriptor.vm ?? null;
    if (vm === null || this.#loose.has(name)) return null;
    return this.#places.get(name) ?? null;
  }

  /** Lets a machine stand still: its router does not run, and no packet leaves it. Its clock goes on. */
  async pause(name: string): Promise<void> {
    await this.#guest(name).request("pause", {});
  }

  async resume(name: string): Promise<void> {
    await this.#guest(name).request("resume", {});
  }

  /** Takes the devices of a machine that stands still off the links of its hypervisor; what it has sent is there first. */
  detach(name: string): Promise<void> {
    return this.#service.alone(async () => {
      const guest = this.#guest(name);
      if (this.#loose.has(name)) return;
      const { world } = this.#service;
      for (let t = 0; (await guest.request("pause", {})) > 0 && t < DRAIN; t += LOOK)
        await sleep(world, LOOK);
      // What is in sockets of the kernel is read in a turn or two.
      if (guest.instance?.isolation === "process") await sleep(world, LOOK);
      this.#loose.add(name);
      await this.#fabric.loosen(name);
    });
  }

  /** Plugs them into the links of hypervisor `to`, where the machine is from then on. Rejects with ServiceError. */
  attach(name: string, to: string): Promise<void> {
    return this.#service.alone(async () => {
      const guest = this.#guest(name);
      const { descriptor } = this.#service;
      if (!this.#loose.has(name)) throw new ServiceError("RUNS", `'${name}' is at '${this.at(name)}'`);
      const lacking = lacks(guest, descriptor, to);
      if (lacking !== null) throw new ServiceError("UNSUPPORTED", lacking);
      this.#places.set(name, to);
      guest.descriptor = placed(guest.descriptor, descriptor, this.#places);
      this.#links.tell(await this.#fabric.fasten(name, this.#fabric.plan(name, guest.descriptor)));
      this.#loose.delete(name);
    });
  }

  /** Its ends were taken away: it is made anew where it was last. */
  withdrawn(name: string): void {
    this.#loose.delete(name);
  }

  /** Why a machine cannot be at hypervisor `to`; null when it can. Throws ServiceError. */
  lacks(name: string, to: string): string | null {
    return lacks(this.#guest(name), this.#service.descriptor, to);
  }

  /** Throws ServiceError where a machine is at a hypervisor that `next` does not have, or not as the machine needs it. */
  check(next: ServiceDescriptor): void {
    for (const f of next.functions.values()) {
      const place = this.#places.get(f.name);
      const guest = this.#service.functions.get(f.name);
      if (f.vm === null || place === undefined || guest === undefined) continue;
      const lacking = lacks({ name: f.name, descriptor: f }, next, place);
      if (lacking !== null) throw new ServiceError("REFUSED", `${lacking}: migrate it first`);
    }
  }

  /** Machines that have no place yet are where their descriptors let them begin; those that are none any more have none. */
  settle(): void {
    for (const { name, descriptor } of this.#service.functions.values()) {
      if (descriptor.vm === null) this.forget(name);
      else if (!this.#places.has(name)) this.#places.set(name, descriptor.vm.hypervisor);
    }
  }

  /** The function is gone. */
  forget(name: string): void {
    this.#places.delete(name);
    this.#loose.delete(name);
  }

  #guest(name: string): ManagedFunction {
    const found = this.#service.function(name);
    if (found.descriptor.vm === null)
      throw new ServiceError("UNSUPPORTED", `'${name}' is no virtual machine: that takes 'vm'`);
    return found;
  }
}

/** Why a machine cannot be at hypervisor `to`; null when it can. */
function lacks(
  { name, descriptor: f }: Pick<ManagedFunction, "name" | "descriptor">,
  { hypervisors }: ServiceDescriptor,
  to: string,
): string | null {
  const h = hypervisors.get(to);
  if (h === undefined) return `'${name}' is at hypervisor '${to}', which is not there`;
  const device = f.devices.find((d) => !h.links.has(d.name));
  return device === undefined
    ? null
    : `hypervisor '${to}' has no link for device '${device.name}' of '${name}'`;
}
