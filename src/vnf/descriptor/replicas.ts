// The instances that a descriptor asks for.

import type { FunctionDescriptor, ServiceDescriptor } from "./model.js";

/** Every instance of the descriptor's functions: its name, and the function with the replica's own parameters. */
export function replicas(descriptor: ServiceDescriptor): Map<string, FunctionDescriptor> {
  const instances = new Map<string, FunctionDescriptor>();
  for (const f of descriptor.functions.values()) {
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
