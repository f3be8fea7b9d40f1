// How a router finds its devices by name.
//
// The names that SystemProvider understands:
//
//   NAME              network interface of the kernel
//   tap:NAME          TAP interface (Ethernet), made when it is not there; NAME may be empty: the kernel chooses
//   tun:NAME          TUN interface (IP), likewise
//   unix:OWN:PEER     Unix socket OWN, joined to another process's PEER
//   pcap:FILE         packets of a capture file
//   pcap-out:FILE     capture file that collects Ethernet frames
//   pcap-ip-out:FILE  capture file that collects IP packets

import { checkArgument, checkOptions, FUNCTION, having, type Kind } from "../options.js";
import type { PacketMemory } from "../packet/memory.js";
import {
  type AddressKind,
  type Device,
  DeviceError,
  type DeviceOptions,
  type DeviceProvider,
} from "../router/device.js";
import { PacketDevice } from "./af-packet.js";
import { holdUdpPorts } from "./held-ports.js";
import type { KernelContext } from "./kernel-device.js";
import { interfaceAddress } from "./own-address.js";
import { PcapReadDevice } from "./pcap-read.js";
import { PcapWriteDevice } from "./pcap-write.js";
import { isInterfaceName, Syscalls } from "./syscalls.js";
import { TapDevice } from "./tap.js";
import { parseUnixName, UnixSocketDevice, unixAddress } from "./unix-socket.js";

export interface SystemProviderOptions {
  /** Seconds since the epoch. Default: the system's clock. */
  readonly now?: () => number;
  /** Told once when a device goes down or comes back. Default: nobody is. */
  readonly report?: (message: string) => void;
  /** Told, beside that, when a capture file cannot be written any more. */
  readonly unwritten?: (error: unknown) => void;
}

/** Interfaces of the kernel and capture files, for one router. The command line's devices. */
export class SystemProvider implements DeviceProvider {
  readonly #now: () => number;
  readonly #report: (message: string) => void;
  readonly #unwritten: (error: unknown) => void;
  readonly #open = new Map<string, Device>();
  #syscalls: Syscalls | null = null;
  #unnamed = 0;

  constructor(options: SystemProviderOptions = {}) {
    checkOptions("SystemProvider", options, { now: FUNCTION, report: FUNCTION, unwritten: FUNCTION });
    this.#now = options.now ?? (() => (performance.timeOrigin + performance.now()) / 1000);
    this.#report = options.report ?? (() => {});
    this.#unwritten = options.unwritten ?? (() => {});
  }

  open(name: string, memory: PacketMemory, options: DeviceOptions = {}): Device {
    const known = this.#open.get(name);
    if (known !== undefined) {
      if ((known instanceof PacketDevice || known instanceof UnixSocketDevice) && options.sendOnly !== true)
        known.startReceiving(options);
      return known;
    }
    const device = this.#make(name, memory, options);
    // Without a name of its own each is another one.
    const own = name !== "tap:" && name !== "tun:";
    this.#open.set(own ? name : `${name} ${++this.#unnamed}`, device);
    return device;
  }

  address(name: string, kind: AddressKind): Uint8Array | null {
    const mac = this.#open.get(name)?.mac ?? null;
    if (kind === "ether" && mac !== null) return mac;
    if (name.startsWith("unix:")) return kind === "ether" ? unixAddress(parseUnixName(name)) : null;
    if (!isInterfaceName(name)) return null;
    try {
      this.#syscalls ??= new Syscalls();
    } catch (error) {
      if (error instanceof DeviceError) return null;
      throw error;
    }
    return interfaceAddress(this.#syscalls, name, kind);
  }

  close(): void {
    for (const device of this.#open.values()) device.close();
    this.#open.clear();
  }

  #make(name: string, memory: PacketMemory, options: DeviceOptions): Device {
    const colon = name.indexOf(":");
    const rest = name.slice(colon + 1);
    switch (colon < 0 ? "" : name.slice(0, colon)) {
      case "":
        return new PacketDevice(name, this.#kernel(memory), options);
      case "tap":
      case "tun":
        return new TapDevice(rest, name.slice(0, colon) as "tap" | "tun", this.#kernel(memory), options);
      case "unix":
        return new UnixSocketDevice(parseUnixName(name), this.#kernel(memory), options);
      case "pcap":
        return new PcapReadDevice(name, rest, memory, this.#report);
      case "pcap-out":
        return new PcapWriteDevice(name, rest, memory, "ethernet", this.#now, this.#report, this.#unwritten);
      case "pcap-ip-out":
        return new PcapWriteDevice(name, rest, memory, "ip", this.#now, this.#report, this.#unwritten);
      default:
        throw new DeviceError(
          "NO_SUCH_DEVICE",
          `'${name}' is no device: known are INTERFACE, tap:NAME, tun:NAME, unix:OWN:PEER, pcap:FILE, pcap-out:FILE and pcap-ip-out:FILE`,
        );
    }
  }

  holdUdpPorts(ports: readonly number[]): () => void {
    this.#syscalls ??= new Syscalls();
    return holdUdpPorts(this.#syscalls, ports);
  }

  #kernel(memory: PacketMemory): KernelContext {
    this.#syscalls ??= new Syscalls();
    return { memory, syscalls: this.#syscalls, now: this.#now, report: this.#report };
  }
}

const DEVICE = having("a device", "receive", "send", "arm", "armSend", "counters", "close");
const DEVICES: Kind = {
  words: "pairs of a name and a device, or a Map of such",
  is: (v) => typeof v === "object" && v !== null && Symbol.iterator in v,
};

/** Devices made beforehand, by name: for embedders, simulations and tests. Closing it closes them. */
export class MapProvider implements DeviceProvider {
  readonly #devices: ReadonlyMap<string, Device>;

  constructor(devices: Iterable<readonly [string, Device]>) {
    checkArgument("MapProvider", "the devices", devices, DEVICES);
    this.#devices = new Map(devices);
    for (const [name, device] of this.#devices)
      checkArgument("MapProvider", `device '${name}'`, device, DEVICE);
  }

  open(name: string): Device {
    const device = this.#devices.get(name);
    if (device !== undefined) return device;
    const known = [...this.#devices.keys()].join(", ") || "none";
    throw new DeviceError("NO_SUCH_DEVICE", `there is no device '${name}' here (known: ${known})`);
  }

  address(name: string, kind: AddressKind): Uint8Array | null {
    return kind === "ether" ? (this.#devices.get(name)?.mac ?? null) : null;
  }

  close(): void {
    for (const device of this.#devices.values()) device.close();
  }
}
