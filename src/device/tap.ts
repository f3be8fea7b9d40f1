// TAP and TUN interfaces (Documentation/networking/tuntap.rst of the kernel):
// what the kernel sends through them we read, what we write it receives. With
// virtio headers and offloads on, the kernel hands over whole TCP segments of
// up to 64 KiB, which are cut on this side.

import * as io from "../../assembly/device-layout.js";
import type { DeviceOptions } from "../router/device.js";
import { DeviceError } from "../router/device.js";
import { configureInterface, ifreq, mtuOf } from "./interface.js";
import { type KernelContext, KernelDevice } from "./kernel-device.js";
import * as sys from "./syscalls.js";

const TUNSETIFF = 0x400454ca;
const TUNSETOFFLOAD = 0x400454d0;
const TUNGETIFF = 0x800454d2;
const SIOCGIFHWADDR = 0x8927;
const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const TUN_F_CSUM = 0x01;
const TUN_F_TSO = 0x02 | 0x04 | 0x08; // IPv4, IPv6, with ECN
const TUN_F_USO = 0x20 | 0x40; // since Linux 6.2
/** Packets are read one by one, so a larger batch would only hold more bounce buffers. */
const BATCH = 16;

export class TapDevice extends KernelDevice {
  /**
   * The address for this side of the TAP: that of the kernel's interface with its last bit turned over. Null for TUN.
   */
  readonly mac: Uint8Array | null;
  readonly linkType: "ethernet" | "ip";
  readonly mtu: number;
  /** The interface's name in the kernel. */
  readonly interfaceName: string;
  readonly #fd: number;
  #waitFd = -1;

  /**
   * Makes interface `name`, or attaches to one that waits for its owner; with an empty name the kernel chooses.
   * It vanishes when the device is closed, unless it was made persistent. Throws DeviceError.
   */
  constructor(name: string, kind: "tap" | "tun", context: KernelContext, options: DeviceOptions = {}) {
    super(`${kind}:${name}`, context);
    if (name !== "") sys.checkInterfaceName(name);
    const { syscalls } = this;
    this.#fd = syscalls.open("/dev/net/tun", sys.O_RDWR | sys.O_NONBLOCK | sys.O_CLOEXEC);
    if (this.#fd < 0) throw this.#error("open /dev/net/tun");
    this.linkType = kind === "tun" ? "ip" : "ethernet";
    try {
      const request = ifreq(name);
      request.writeUInt16LE((kind === "tun" ? IFF_TUN : IFF_TAP) | IFF_NO_PI | IFF_VNET_HDR, 16);
      if (syscalls.ioctl(this.#fd, TUNSETIFF, request) < 0) throw this.#error("make the interface");
      this.interfaceName = request.toString("latin1", 0, request.indexOf(0));
      const offloads = TUN_F_CSUM | TUN_F_TSO;
      if (syscalls.ioctlNumber(this.#fd, TUNSETOFFLOAD, offloads | TUN_F_USO) < 0)
        syscalls.ioctlNumber(this.#fd, TUNSETOFFLOAD, offloads);
      configureInterface(syscalls, this.interfaceName, options);
      this.mtu = mtuOf(syscalls, this.interfaceName);
      this.mac = kind === "tun" ? null : this.#address();
      this.makeStates(false, BATCH);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  protected get receiveFd(): number {
    return this.#fd;
  }

  /** Waiting to read and waiting to write need a descriptor each. */
  protected get sendFd(): number {
    if (this.#waitFd < 0) this.#waitFd = this.syscalls.dup(this.#fd);
    return this.#waitFd;
  }

  protected read(ready: number): number {
    const { memory, rx } = this;
    for (let i = 0; i < ready; i++) {
      const n = this.syscalls.readv(this.#fd, this.base + rx + io.RX_IOVS + i * 48, 3);
      if (n < 0) return i === 0 ? -1 : i;
      memory.set32(rx + io.RX_MSGS + i * io.MMSG_SIZE + io.MMSG_LENGTH, n);
    }
    return ready;
  }

  protected write(count: number): number {
    for (let i = 0; i < count; i++) {
      const n = this.syscalls.writev(this.#fd, this.base + this.tx + io.TX_IOVS + i * 32, 2);
      if (n < 0) return i === 0 ? -1 : i;
    }
    return count;
  }

  protected exists(): boolean {
    return !this.closed && this.syscalls.ioctl(this.#fd, TUNGETIFF, ifreq("")) === 0;
  }

  /** TAP and TUN drop when their queue is full, and count that at the interface only (`ip -s link`). */
  protected kernelDrops(): number {
    return 0;
  }

  protected closeDescriptors(): void {
    if (this.#waitFd >= 0) this.syscalls.close(this.#waitFd);
    if (this.#fd >= 0) this.syscalls.close(this.#fd);
  }

  #address(): Uint8Array {
    const answer = ifreq("");
    if (this.syscalls.ioctl(this.#fd, SIOCGIFHWADDR, answer) < 0)
      throw this.#error("read the hardware address");
    answer[23] ^= 1;
    return Uint8Array.from(answer.subarray(18, 24));
  }

  #error(what: string): DeviceError {
    const { errno } = this.syscalls;
    const text = sys.errorText(errno);
    if (errno === sys.EPERM || errno === sys.EACCES) {
      return new DeviceError(
        "PERMISSION",
        `${this.name}: cannot ${what} (${text}): it needs the capability CAP_NET_ADMIN and access to /dev/net/tun. Run ` +
          "as root, or in a namespace of your own (unshare -Urn), or use an interface made for you (ip tuntap add " +
          "mode tap user NAME); pcap files (pcap:FILE) and in-process links need no rights",
      );
    }
    if (errno === sys.ENOENT || errno === sys.ENODEV || errno === sys.ENXIO) {
      return new DeviceError(
        "UNSUPPORTED",
        `${this.name}: cannot ${what} (${text}): this kernel or container has no /dev/net/tun`,
      );
    }
    if (errno === sys.EBUSY)
      return new DeviceError("IO", `${this.name}: the interface is in use by another process`);
    if (errno === sys.EINVAL)
      return new DeviceError("IO", `${this.name}: an interface of this name exists and is of another kind`);
    return new DeviceError("IO", `${this.name}: cannot ${what} (${text})`);
  }
}
