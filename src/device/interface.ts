// Settings of a network interface, through ioctl (netdevice(7)).

import { ipBytes } from "../net/address.js";
import { maskOf } from "../net/prefix.js";
import { DeviceError, type DeviceOptions, type InterfaceAddress } from "../router/device.js";
import * as sys from "./syscalls.js";

const SIOCADDRT = 0x890b;
const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const SIOCSIFADDR = 0x8916;
const SIOCSIFNETMASK = 0x891c;
const SIOCGIFMTU = 0x8921;
const SIOCSIFMTU = 0x8922;
const SIOCSIFHWADDR = 0x8924;
const ARPHRD_ETHER = 1;
const IFF_UP = 1;
const RTF_UP = 1;
const RTF_GATEWAY = 2;

/** A struct ifreq for interface `name`; its union begins at byte 16. */
export function ifreq(name: string): Buffer {
  const request = Buffer.alloc(40);
  request.write(name, 0, 15, "latin1");
  return request;
}

/** Gives the interface the hardware address, MTU and addresses asked for, and switches it on. Throws DeviceError. */
export function configureInterface(syscalls: sys.Syscalls, name: string, options: DeviceOptions): void {
  withSocket(syscalls, sys.AF_INET, name, (set) => {
    if (options.hardware !== undefined) {
      const request = ifreq(name);
      request.writeUInt16LE(ARPHRD_ETHER, 16);
      request.set(options.hardware, 18);
      set(SIOCSIFHWADDR, request, "hardware address");
    }
    if (options.mtu !== undefined) {
      const request = ifreq(name);
      request.writeInt32LE(options.mtu, 16);
      set(SIOCSIFMTU, request, `MTU ${options.mtu}`);
    }
    const four = (options.addresses ?? []).filter(({ address }) => address.length === 4);
    four.forEach((address, i) => {
      // Further addresses of an interface go to its aliases.
      const label = i === 0 ? name : `${name}:${i}`;
      set(SIOCSIFADDR, inetRequest(label, address.address), "IPv4 address");
      set(SIOCSIFNETMASK, inetRequest(label, netmask(address)), "IPv4 netmask");
    });
    const flags = ifreq(name);
    set(SIOCGIFFLAGS, flags, "flags");
    if ((flags.readInt16LE(16) & IFF_UP) === 0) {
      flags.writeInt16LE(flags.readInt16LE(16) | IFF_UP, 16);
      set(SIOCSIFFLAGS, flags, "state");
    }
    if (options.gateway !== undefined) set(SIOCADDRT, defaultRoute(options.gateway), "default route");
  });
  const six = (options.addresses ?? []).filter(({ address }) => address.length === 16);
  if (six.length === 0) return;
  withSocket(syscalls, sys.AF_INET6, name, (set) => {
    for (const { address, prefix } of six) {
      const request = Buffer.alloc(24); // struct in6_ifreq
      request.set(address, 0);
      request.writeUInt32LE(prefix, 16);
      request.writeInt32LE(syscalls.interfaceIndex(name), 20);
      set(SIOCSIFADDR, request, "IPv6 address");
    }
  });
}

/** Whether the interface is switched on. Throws DeviceError. */
export function isUp(syscalls: sys.Syscalls, name: string): boolean {
  const request = ifreq(name);
  withSocket(syscalls, sys.AF_INET, name, (set) => set(SIOCGIFFLAGS, request, "flags"));
  return (request.readInt16LE(16) & IFF_UP) !== 0;
}

/** The interface's MTU. Throws DeviceError. */
export function mtuOf(syscalls: sys.Syscalls, name: string): number {
  const request = ifreq(name);
  withSocket(syscalls, sys.AF_INET, name, (set) => set(SIOCGIFMTU, request, "MTU"));
  return request.readInt32LE(16);
}

type Setter = (request: number, argument: Buffer, what: string) => void;

function withSocket(syscalls: sys.Syscalls, family: number, name: string, body: (set: Setter) => void): void {
  const fd = syscalls.socket(family, sys.SOCK_DGRAM | sys.SOCK_FLAGS, 0);
  if (fd < 0) {
    const text = sys.errorText(syscalls.errno);
    throw new DeviceError("IO", `interface ${name} cannot be configured: no socket for that (${text})`);
  }
  try {
    body((request, argument, what) => {
      if (syscalls.ioctl(fd, request, argument) === 0) return;
      const { errno } = syscalls;
      const missing = errno === sys.EPERM ? ": the capability CAP_NET_ADMIN is missing" : "";
      throw new DeviceError(
        errno === sys.EPERM ? "PERMISSION" : "IO",
        `interface ${name}: its ${what} cannot be read or set (${sys.errorText(errno)})${missing}`,
      );
    });
  } finally {
    syscalls.close(fd);
  }
}

/** A struct rtentry of 64-bit systems: destination, gateway and mask are at bytes 8, 24 and 40, flags at 56. */
function defaultRoute(gateway: Uint8Array): Buffer {
  const request = Buffer.alloc(120);
  for (const address of [8, 24, 40]) request.writeUInt16LE(sys.AF_INET, address);
  request.set(gateway, 28);
  request.writeUInt16LE(RTF_UP | RTF_GATEWAY, 56);
  return request;
}

function inetRequest(name: string, address: Uint8Array): Buffer {
  const request = ifreq(name);
  request.writeUInt16LE(sys.AF_INET, 16);
  request.set(address, 20);
  return request;
}

function netmask({ prefix }: InterfaceAddress): Uint8Array {
  return ipBytes(maskOf(prefix));
}
