// The devices of one function: ends of links, by the names that its graph has for them, and interfaces.

import { SystemProvider } from "../../device/provider.js";
import type { PacketMemory } from "../../packet/memory.js";
import { type AddressKind, type Device, DeviceError, type DeviceOptions } from "../../router/device.js";
import type { Impairments } from "../descriptor/model.js";
import type { FunctionDevices } from "../instance/host.js";
import { InstanceError } from "../instance/instance.js";

/** One end of a virtual link. */
export interface LinkEnd extends Device {
  /** Set before a router has it. */
  mac: Uint8Array | null;
  /** What the packets sent from this end meet from now on; `cut`: none arrives. */
  impair(impairments: Impairments, cut?: boolean): void;
  /** Leaves the router that has it, for another to take. */
  release(): void;
}

/** What is behind a device name of a function in this process. */
export type Attached =
  | { readonly name: string; readonly end: LinkEnd }
  | { readonly name: string; readonly interface: string };

export class AttachedDevices implements FunctionDevices {
  readonly #attached: ReadonlyMap<string, Attached>;
  readonly #system: SystemProvider;
  readonly #open = new Map<string, Device>();

  constructor(attached: readonly Attached[], report: (message: string) => void) {
    this.#attached = new Map(attached.map((a) => [a.name, a]));
    this.#system = new SystemProvider({ report });
  }

  open(name: string, memory: PacketMemory, options: DeviceOptions = {}): Device {
    const found = this.#attached.get(name);
    if (found === undefined) {
      const known = [...this.#attached.keys()].join(", ") || "none";
      throw new DeviceError(
        "NO_SUCH_DEVICE",
        `the descriptor gives this function no device '${name}' (it has ${known}): add it under 'devices'`,
      );
    }
    const device = "end" in found ? found.end : this.#system.open(found.interface, memory, options);
    this.#open.set(name, device);
    return device;
  }

  address(name: string, kind: AddressKind): Uint8Array | null {
    const found = this.#attached.get(name);
    if (found === undefined) return null;
    if ("end" in found) return kind === "ether" ? found.end.mac : null;
    return this.#system.address(found.interface, kind);
  }

  holdUdpPorts(ports: readonly number[]): () => void {
    return this.#system.holdUdpPorts(ports);
  }

  impair(device: string, impairments: Impairments, cut: boolean): void {
    const found = this.#attached.get(device);
    if (found === undefined || !("end" in found))
      throw new InstanceError("UNSUPPORTED", `'${device}' is no end of a link`);
    found.end.impair(impairments, cut);
  }

  counters(): Record<string, Readonly<Record<string, number>>> {
    return Object.fromEntries([...this.#open].map(([name, device]) => [name, device.counters()]));
  }

  /** Links outlive the function: their ends are only released. */
  close(): void {
    for (const a of this.#attached.values()) if ("end" in a) a.end.release();
    this.#open.clear();
    this.#system.close();
  }
}
