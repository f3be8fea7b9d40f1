// What tests of whole services have in common.

import type { ServiceDescriptor } from "../../src/vnf/descriptor/model.js";

/** `descriptor`, with hosts (conf/host.click) that send `rate` UDP packets a second. */
export function hostsAtRate(descriptor: ServiceDescriptor, rate: number): ServiceDescriptor {
  return withHosts(descriptor, { RATE: String(rate) });
}

/** `descriptor`, with other parameters for its hosts. */
export function withHosts(
  descriptor: ServiceDescriptor,
  parameters: Readonly<Record<string, string>>,
): ServiceDescriptor {
  const functions = new Map(
    [...descriptor.functions].map(([name, f]) => [
      name,
      f.graph.endsWith("/host.click") ? { ...f, parameters: { ...f.parameters, ...parameters } } : f,
    ]),
  );
  return { ...descriptor, functions };
}

/** `descriptor`, with other parameters for one function. */
export function withParameters(
  descriptor: ServiceDescriptor,
  name: string,
  parameters: Readonly<Record<string, string>>,
): ServiceDescriptor {
  const functions = new Map(descriptor.functions);
  const f = functions.get(name)!;
  functions.set(name, { ...f, parameters: { ...f.parameters, ...parameters } });
  return { ...descriptor, functions };
}

/** `descriptor`, with a host (conf/host.click) on another link. */
export function moved(descriptor: ServiceDescriptor, host: string, link: string): ServiceDescriptor {
  const functions = new Map(descriptor.functions);
  const f = functions.get(host)!;
  functions.set(host, { ...f, devices: [{ name: "eth0", link, mac: null }] });
  return { ...descriptor, functions };
}
