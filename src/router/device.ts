// What a device is to the elements that read and write it.

import type { Batch } from "../packet/batch.js";
import type { PacketMemory } from "../packet/memory.js";
import { CodedError } from "../sluice-error.js";

/** A failure to open or use a device; `message` names the device, what is missing and the way without it. */
export class DeviceError extends CodedError {
  /** Stable: `NO_SUCH_DEVICE`, `PERMISSION`, `UNSUPPORTED`, `BAD_FILE`, `BUSY`, `IO`. */
  declare readonly code: string;
}

/** A way for packets to enter and leave a router. Never throws once open: a device that fails goes `down`. */
export interface Device {
  /** The name the configuration knows it by. */
  readonly name: string;
  /** Hardware address (6 bytes), null where there is none (TUN, raw pcap). */
  readonly mac: Uint8Array | null;
  /** What a packet starts with. */
  readonly linkType: "ethernet" | "ip";
  /** Largest network-layer packet it carries, bytes; of an interface, what it is now. */
  readonly mtu: number;
  /** Calls `listener` when `mtu` has changed, until the function returned is called. Absent where it never does. */
  onMtu?(listener: (mtu: number) => void): () => void;
  /**
   * Null while it works; a sentence saying why while it does not: for good (end of file), or until the link comes
   * back, which it notices by itself.
   */
  readonly down: string | null;
  /**
   * Appends up to `max` received packets to `batch` without blocking; returns how many.
   * Each has its data, SLOT_TIMESTAMP, SLOT_PACKET_TYPE and the checksum/segmentation metadata set.
   */
  receive(batch: Batch, max: number): number;
  /**
   * Sends packets from the front of `batch` without blocking, gives their slots back and removes them from
   * the batch. Returns how many it took; the rest stay in `batch` (the device is full: try again when writable).
   * A packet the device cannot carry (too big, the device is down) is counted in `counters` and removed as well.
   */
  send(batch: Batch): number;
  /** Calls `wake` (at most once a `arm`) as soon as `receive` may return packets. Cheap when already armed. */
  arm(wake: () => void): void;
  /** The same for `send`: calls `wake` as soon as a full device may take packets again. */
  armSend(wake: () => void): void;
  /** Named totals: packets and bytes each way, and what was lost and why. */
  counters(): Readonly<Record<string, number>>;
  /** Releases it. Idempotent. */
  close(): void;
}

/** The kinds of addresses a device may have of its own. */
export type AddressKind = "ether" | "ip" | "ip6";

/** How a router finds a device by the name its configuration uses. One provider serves one router. */
export interface DeviceProvider {
  /**
   * Opens, or returns the already open, device `name`; packets go straight into and out of `memory`, the
   * router's, so the batches given to the device belong to it. Throws DeviceError.
   */
  open(name: string, memory: PacketMemory, options?: DeviceOptions): Device;
  /**
   * The device's own address of a kind (6, 4 or 16 bytes), null where it has none or is not there: what
   * `eth0:eth`, `eth0:ip` and `eth0:ip6` mean in configurations. The device need not be open.
   */
  address?(name: string, kind: AddressKind): Uint8Array | null;
  /**
   * Keeps the host's own network stack from answering UDP packets to `ports`, which the graph takes from a device whose
   * address it shares with the host; until the function returned is called. Absent where there is no such host.
   * Throws DeviceError.
   */
  holdUdpPorts?(ports: readonly number[]): () => void;
  /** Closes all it opened. */
  close(): void;
}

export interface DeviceOptions {
  /** Receive packets of every address. Default true. */
  readonly promiscuous?: boolean;
  /** Bytes the kernel may queue for us. */
  readonly receiveBuffer?: number;
  /** Show packets that this host sends through the interface as well. Default false. */
  readonly outbound?: boolean;
  /** Nothing will be received: the kernel need not queue packets for us. Default false. */
  readonly sendOnly?: boolean;
  /** Stamp packets with the kernel's arrival time rather than the time their batch was read. Default false. */
  readonly kernelTime?: boolean;
  /** For interfaces that are made (TAP, TUN): the kernel's addresses on it. */
  readonly addresses?: readonly InterfaceAddress[];
  /** Likewise its MTU, bytes. */
  readonly mtu?: number;
  /** Likewise the IPv4 neighbour on it that the kernel's default route leads to, 4 bytes. */
  readonly gateway?: Uint8Array;
  /** Likewise the kernel's hardware address on it (TAP), 6 bytes. */
  readonly hardware?: Uint8Array;
}

/** An address (4 or 16 bytes) with the length of its network's prefix in bits. */
export interface InterfaceAddress {
  readonly address: Uint8Array;
  readonly prefix: number;
}

/** The provider of a router that was given none. */
export const NO_DEVICES: DeviceProvider = {
  open(name) {
    throw new DeviceError("NO_SUCH_DEVICE", `no device '${name}': this router was made without devices`);
  },
  close() {},
};
