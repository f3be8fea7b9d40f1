// A network interface of the kernel, through packet sockets (AF_PACKET,
// packet(7)): whole batches move with one system call each way, straight into
// and out of the slots. Virtio headers (PACKET_VNET_HDR) say which checksums
// the sender left to "hardware" and which frames are segmentation offload.

import * as io from "../../assembly/device-layout.js";
import { DeviceError, type DeviceOptions } from "../router/device.js";
import { ifreq, mtuOf } from "./interface.js";
import { type KernelContext, KernelDevice } from "./kernel-device.js";
import * as sys from "./syscalls.js";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;
const SO_TIMESTAMPNS = 35;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_STATISTICS = 6;
const PACKET_AUXDATA = 8;
const PACKET_VNET_HDR = 15;
const PACKET_IGNORE_OUTGOING = 23;
const PACKET_MR_PROMISC = 1;
const ETH_P_ALL = 3;
const SIOCGIFNAME = 0x8910;
const SIOCGIFHWADDR = 0x8927;
const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
const ARPHRD_RAWIP = 519;
const ARPHRD_NONE = 0xfffe;

export const DEFAULT_RECEIVE_BUFFER: number = 4 * 2 ** 20;

export class PacketDevice extends KernelDevice {
  readonly mac: Uint8Array | null;
  readonly linkType: "ethernet" | "ip";
  readonly mtu: number;
  readonly #index: number;
  // Two sockets: what is received needs one that the kernel queues packets on, and sending must not wait for it.
  #receiveFd = -1;
  #sendFd = -1;
  #drops = 0;

  /** Opens interface `name`. Throws DeviceError `NO_SUCH_DEVICE`, `PERMISSION`, `UNSUPPORTED` or `IO`. */
  constructor(name: string, context: KernelContext, options: DeviceOptions = {}) {
    super(name, context);
    const { syscalls } = this;
    sys.checkInterfaceName(name);
    this.#index = syscalls.interfaceIndex(name);
    if (this.#index === 0) {
      throw new DeviceError(
        "NO_SUCH_DEVICE",
        `there is no network interface '${name}' (\`ip link\` lists them)`,
      );
    }
    this.#sendFd = this.#socket();
    try {
      const hardware = this.#query(SIOCGIFHWADDR, "hardware address");
      const type = hardware.readUInt16LE(16);
      if (type === ARPHRD_ETHER || type === ARPHRD_LOOPBACK) {
        this.linkType = "ethernet";
        this.mac = Uint8Array.from(hardware.subarray(18, 24));
      } else if (type === ARPHRD_NONE || type === ARPHRD_RAWIP) {
        this.linkType = "ip";
        this.mac = null;
      } else {
        throw new DeviceError(
          "UNSUPPORTED",
          `interface ${name} is neither Ethernet nor raw IP (link type ${type})`,
        );
      }
      this.mtu = mtuOf(syscalls, name);
      this.#bind(this.#sendFd, 0);
      if (options.sendOnly !== true) this.#openReceive(options);
      this.makeStates(true, io.IO_BATCH);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Starts receiving on a device that was opened for sending only. Throws DeviceError. */
  startReceiving(options: DeviceOptions): void {
    if (this.#receiveFd < 0 && !this.closed) this.#openReceive(options);
  }

  protected get receiveFd(): number {
    return this.#receiveFd;
  }

  protected get sendFd(): number {
    return this.#sendFd;
  }

  protected read(ready: number): number {
    return this.syscalls.recvmmsg(
      this.#receiveFd,
      this.base + this.rx + io.RX_MSGS,
      ready,
      sys.MSG_DONTWAIT,
      0,
    );
  }

  protected write(count: number): number {
    return this.syscalls.sendmmsg(this.#sendFd, this.base + this.tx + io.TX_MSGS, count, sys.MSG_DONTWAIT);
  }

  protected exists(): boolean {
    if (this.closed) return false;
    const request = ifreq("");
    request.writeInt32LE(this.#index, 16);
    return this.syscalls.ioctl(this.#sendFd, SIOCGIFNAME, request) === 0;
  }

  protected kernelDrops(): number {
    if (this.#receiveFd >= 0) {
      const statistics = Buffer.alloc(8);
      const size = Buffer.from([8, 0, 0, 0]);
      // Reading resets them.
      if (this.syscalls.getsockopt(this.#receiveFd, SOL_PACKET, PACKET_STATISTICS, statistics, size) === 0)
        this.#drops += statistics.readUInt32LE(4);
    }
    return this.#drops;
  }

  protected closeDescriptors(): void {
    if (this.#receiveFd >= 0) this.syscalls.close(this.#receiveFd);
    if (this.#sendFd >= 0) this.syscalls.close(this.#sendFd);
    this.#receiveFd = this.#sendFd = -1;
  }

  #openReceive(options: DeviceOptions): void {
    const fd = this.#socket();
    try {
      this.#prepareReceive(fd, options);
    } catch (error) {
      this.syscalls.close(fd);
      throw error;
    }
    this.#receiveFd = fd;
  }

  #prepareReceive(fd: number, options: DeviceOptions): void {
    const buffer = options.receiveBuffer ?? DEFAULT_RECEIVE_BUFFER;
    // The forced size goes beyond net.core.rmem_max, but needs CAP_NET_ADMIN.
    if (!this.#option(fd, SOL_SOCKET, SO_RCVBUFFORCE, buffer))
      this.#option(fd, SOL_SOCKET, SO_RCVBUF, buffer);
    if (options.outbound !== true) this.#option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    if (options.kernelTime === true) this.#option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    // The kernel takes VLAN tags out of frames; this tells where they were.
    this.#option(fd, SOL_PACKET, PACKET_AUXDATA, 1);
    this.#bind(fd, ETH_P_ALL);
    if (options.promiscuous !== false) {
      const membership = Buffer.alloc(16);
      membership.writeInt32LE(this.#index, 0);
      membership.writeUInt16LE(PACKET_MR_PROMISC, 4);
      if (this.syscalls.setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership, 16) < 0)
        throw this.#error("switch promiscuous mode on");
    }
  }

  #socket(): number {
    // Protocol 0: nothing is queued before the socket is bound to its interface.
    const fd = this.syscalls.socket(sys.AF_PACKET, sys.SOCK_RAW | sys.SOCK_FLAGS, 0);
    if (fd < 0) throw this.#error("open a packet socket");
    if (!this.#option(fd, SOL_PACKET, PACKET_VNET_HDR, 1)) {
      const error = this.#error("use virtio headers on a packet socket");
      this.syscalls.close(fd);
      throw error;
    }
    return fd;
  }

  #bind(fd: number, protocol: number): void {
    const address = Buffer.alloc(20);
    address.writeUInt16LE(sys.AF_PACKET, 0);
    address.writeUInt16BE(protocol, 2);
    address.writeInt32LE(this.#index, 4);
    if (this.syscalls.bind(fd, address, 20) < 0) throw this.#error("bind a packet socket");
  }

  #option(fd: number, level: number, name: number, value: number): boolean {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return this.syscalls.setsockopt(fd, level, name, bytes, 4) === 0;
  }

  #query(request: number, what: string): Buffer {
    const answer = ifreq(this.name);
    if (this.syscalls.ioctl(this.#sendFd, request, answer) < 0) throw this.#error(`read the ${what}`);
    return answer;
  }

  #error(what: string): DeviceError {
    const { errno } = this.syscalls;
    if (errno === sys.EPERM || errno === sys.EACCES) {
      return new DeviceError(
        "PERMISSION",
        `interface ${this.name}: cannot ${what}: the capability CAP_NET_RAW is missing. Run as root, or in a namespace ` +
          "of your own (unshare -Urn); pcap files (pcap:FILE) and in-process links need no rights",
      );
    }
    return new DeviceError("IO", `interface ${this.name}: cannot ${what} (${sys.errorText(errno)})`);
  }
}
