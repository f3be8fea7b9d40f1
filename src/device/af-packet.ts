// A network interface of the kernel, through packet sockets (AF_PACKET,
// packet(7)): whole batches move with one system call each way, straight into
// and out of the slots. Virtio headers (PACKET_VNET_HDR) say which checksums
// the sender left to "hardware" and which frames are segmentation offload.

import * as io from "../../assembly/device-layout.js";
import { etherText } from "../net/mac.js";
import { DeviceError, type DeviceOptions } from "../router/device.js";
import { ifreq, isUp, mtuOf } from "./interface.js";
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

/** Milliseconds between looks whether the interface is there, is switched on, and has the MTU that it had. */
const LOOK_MS = 500;

export const DEFAULT_RECEIVE_BUFFER: number = 4 * 2 ** 20;

export class PacketDevice extends KernelDevice {
  readonly linkType: "ethernet" | "ip";
  #mac: Uint8Array | null;
  #mtu: number;
  /** The interface's number; one that is made anew under its name has another. */
  #index: number;
  // Two sockets: what is received needs one that the kernel queues packets on, and sending must not wait for it.
  #receiveFd = -1;
  #sendFd = -1;
  #drops = 0;
  /** What receiving was asked for with; null: it was not. */
  #receiving: DeviceOptions | null = null;
  #look: NodeJS.Timeout | undefined;
  #saidOther = false;

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
      const { linkType, mac } = this.#hardware();
      this.linkType = linkType;
      this.#mac = mac;
      this.#mtu = mtuOf(syscalls, name);
      this.#bind(this.#sendFd, 0);
      if (options.sendOnly !== true) this.startReceiving(options);
      this.makeStates(true, io.IO_BATCH);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#look = setInterval(() => this.#watch(), LOOK_MS);
    this.#look.unref();
  }

  get mac(): Uint8Array | null {
    return this.#mac;
  }

  get mtu(): number {
    return this.#mtu;
  }

  /** Starts receiving on a device that was opened for sending only. Throws DeviceError. */
  startReceiving(options: DeviceOptions): void {
    if (this.#receiving !== null || this.closed) return;
    // Without its interface it begins when that is back.
    if (!this.gone) this.#openReceive(options);
    this.#receiving = options;
  }

  /** Takes up an interface that has come back, and notices what was done to it otherwise. */
  #watch(): void {
    if (this.closed) return;
    try {
      const index = this.syscalls.interfaceIndex(this.name);
      // Under another name it is still the same.
      if (!this.gone && index !== this.#index && !this.exists()) this.vanish();
      if (this.gone) {
        if (index !== 0) this.#reopen(index);
        return;
      }
      if (index !== this.#index) return;
      if (isUp(this.syscalls, this.name)) this.revive();
      else this.switchedOff();
      this.#noteMtu();
    } catch (error) {
      // It went away in between, or is not ready yet: there will be another look.
      if (!(error instanceof DeviceError)) throw error;
    }
  }

  #noteMtu(): void {
    const before = this.#mtu;
    this.#mtu = mtuOf(this.syscalls, this.name);
    if (this.#mtu !== before) this.tellMtu(before);
  }

  /** Opens the interface that has our interface's name now. Throws DeviceError; it is still gone then. */
  #reopen(index: number): void {
    this.stopWaiting();
    this.#closeSockets();
    this.#index = index;
    this.#sendFd = this.#socket();
    const { linkType, mac } = this.#hardware();
    if (linkType !== this.linkType) {
      if (!this.#saidOther)
        this.complain(`${this.name} is back with another kind of packets, and is not used`);
      this.#saidOther = true;
      return;
    }
    this.#bind(this.#sendFd, 0);
    if (this.#receiving !== null) this.#openReceive(this.#receiving);
    const other = mac !== null && this.#mac !== null && Buffer.compare(mac, this.#mac) !== 0;
    this.#mac = mac;
    this.#saidOther = false;
    this.takeUp(
      `${this.name} is back${other ? `, with the hardware address ${etherText(mac)}: this configuration goes on with the old one` : ""}`,
    );
    this.#noteMtu();
  }

  #hardware(): { readonly linkType: "ethernet" | "ip"; readonly mac: Uint8Array | null } {
    const hardware = this.#query(SIOCGIFHWADDR, "hardware address");
    const type = hardware.readUInt16LE(16);
    if (type === ARPHRD_ETHER || type === ARPHRD_LOOPBACK)
      return { linkType: "ethernet", mac: Uint8Array.from(hardware.subarray(18, 24)) };
    if (type === ARPHRD_NONE || type === ARPHRD_RAWIP) return { linkType: "ip", mac: null };
    throw new DeviceError(
      "UNSUPPORTED",
      `interface ${this.name} is neither Ethernet nor raw IP (link type ${type})`,
    );
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
    clearInterval(this.#look);
    this.#closeSockets();
  }

  #closeSockets(): void {
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
