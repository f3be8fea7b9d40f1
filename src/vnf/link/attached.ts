// The devices of one function: ends of links, by the names that its graph has for them, and interfaces.

import { ShapedDevice } from "../../device/shaped.js";
import type { PacketMemory } from "../../packet/memory.js";
import {
  type AddressKind,
  type Device,
  DeviceError,
  type DeviceOptions,
  type DeviceProvider,
} from "../../router/device.js";
import type { Impairments } from "../descriptor/model.js";

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
  | { readonly name: string; readonly interface: string }
  | KernelAttached;

/** One end of a link that is a pair of devices of the kernel, and what it does to the packets sent from it. */
export interface KernelAttached {
  readonly name: string;
  /** Its name for SystemProvider. */
  readonly device: string;
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly impairments: Impairments;
  readonly cut: boolean;
}

/** The function's devices, which the manager may change. */
export interface FunctionDevices extends DeviceProvider {
  /** Changes what the sending side of a device does. False for one that is no end of a link. */
  impair(device: string, impairments: Impairments, cut: boolean): boolean;
  /** Packets that left the router and wait for their time here, before they are on a link. */
  waiting(): number;
  /** Counters of the devices, by name. */
  counters(): Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export class AttachedDevices implements FunctionDevices {
  readonly #attached: ReadonlyMap<string, Attached>;
  readonly #system: DeviceProvider;
  readonly #open = new Map<string, Device>();
  readonly #shaped = new Map<string, ShapedDevice>();

  /** `system` has the kernel's devices; it is closed with these. Where all are ends of links it need have none. */
  constructor(attached: readonly Attached[], system: DeviceProvider) {
    this.#attached = new Map(attached.map((a) => [a.name, a]));
    this.#system = system;
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
    const device = this.#device(found, memory, options);
    this.#open.set(name, device);
    return device;
  }

  #device(found: Attached, memory: PacketMemory, options: DeviceOptions): Device {
    if ("end" in found) return found.end;
    if ("interface" in found) return this.#system.open(found.interface, memory, options);
    // Asked for again it may be for more: to receive as well.
    const inner = this.#system.open(found.device, memory, {
      ...options,
      hardware: found.mac,
      mtu: found.mtu,
    });
    const known = this.#shaped.get(found.name);
    if (known !== undefined) return known;
    const shaped = new ShapedDevice(inner, memory, found.impairments, found.cut);
    this.#shaped.set(found.name, shaped);
    return shaped;
  }

  address(name: string, kind: AddressKind): Uint8Array | null {
    const found = this.#attached.get(name);
    if (found === undefined) return null;
    if ("interface" in found) return this.#system.address?.(found.interface, kind) ?? null;
    return kind === "ether" ? ("end" in found ? found.end : found).mac : null;
  }

  holdUdpPorts(ports: readonly number[]): () => void {
    return this.#system.holdUdpPorts?.(ports) ?? (() => {});
  }

  impair(device: string, impairments: Impairments, cut: boolean): boolean {
    const found = this.#attached.get(device);
    if (found === undefined || "interface" in found) return false;
    if ("end" in found) found.end.impair(impairments, cut);
    else this.#shaped.get(device)?.impair(impairments, cut);
    return true;
  }

  waiting(): number {
    return [...this.#shaped.values()].reduce((sum, shaped) => sum + shaped.waiting, 0);
  }

  counters(): Record<string, Readonly<Record<string, number>>> {
    return Object.fromEntries([...this.#open].map(([name, device]) => [name, device.counters()]));
  }

  /** Links outlive the function: their ends are only released. */
  close(): void {
    for (const a of this.#attached.values()) if ("end" in a) a.end.release();
    for (const shaped of this.#shaped.values()) shaped.close();
    this.#shaped.clear();
    this.#open.clear();
    this.#system.close();
  }
}
