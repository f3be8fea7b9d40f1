// The instances that a descriptor asks for.

import type { FunctionDescriptor, ServiceDescriptor } from "./model.js";

/**
 * Every instance of the descriptor's functions: its name, and the function with the replica's own parameters. `places`
 * has the hypervisors of virtual machines that are elsewhere than where they begin.
 */
export function replicas(
  descriptor: ServiceDescriptor,
  places: Places = new Map(),
): Map<string, FunctionDescriptor> {
  const instances = new Map<string, FunctionDescriptor>();
  for (const described of descriptor.functions.values()) {
    const f = placed(described, descriptor, places);
    for (let i = 1; i <= f.replicas; i++) {
      const parameters = Object.entries(f.parameters).map(([k, v]) => [
        k,
        v.replaceAll("{replica}", String(i)),
      ]);
      const name = i === 1 ? f.name : `${f.name}-${i}`;
      instances.set(name, { ...f, parameters: Object.fromEntries(parameters) });
    }
  }
  return instances;
}

/** Virtual machines, and the hypervisors that they are at. */
export type Places = ReadonlyMap<string, string>;

/** A virtual machine's devices are on the links of the hypervisor that it is at. */
export function placed(
  f: FunctionDescriptor,
  { hypervisors }: Pick<ServiceDescriptor, "hypervisors">,
  places: Places,
): FunctionDescriptor {
  const h = f.vm === null ? undefined : hypervisors.get(places.get(f.name) ?? f.vm.hypervisor);
  if (h === undefined) return f;
  const devices = f.devices.map((d) => ("link" in d ? { ...d, link: h.links.get(d.name) ?? d.link } : d));
  return { ...f, devices };
}
