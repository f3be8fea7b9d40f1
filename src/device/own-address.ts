// The addresses that the kernel has on its interfaces.

import { readFileSync } from "node:fs";
import type { AddressKind } from "../router/device.js";
import { ifreq } from "./interface.js";
import * as sys from "./syscalls.js";

const SIOCGIFADDR = 0x8915;
const SIOCGIFHWADDR = 0x8927;
const ARPHRD_ETHER = 1;

/**
 * The first address of a kind of interface `name`: 6, 4 or 16 bytes; of IPv6 ones the first of global scope, else
 * the first. Null where it has none, or there is no such interface.
 */
export function interfaceAddress(syscalls: sys.Syscalls, name: string, kind: AddressKind): Uint8Array | null {
  if (kind === "ip6") return ip6Address(name);
  const fd = syscalls.socket(sys.AF_INET, sys.SOCK_DGRAM | sys.SOCK_FLAGS, 0);
  if (fd < 0) return null;
  const answer = ifreq(name);
  const request = kind === "ether" ? SIOCGIFHWADDR : SIOCGIFADDR;
  const done = syscalls.ioctl(fd, request, answer) === 0;
  syscalls.close(fd);
  if (!done) return null;
  if (kind === "ip") return Uint8Array.from(answer.subarray(20, 24));
  return answer.readUInt16LE(16) === ARPHRD_ETHER ? Uint8Array.from(answer.subarray(18, 24)) : null;
}

/** From the kernel's list: address, index, prefix length, scope, flags, name, all but the name hexadecimal. */
function ip6Address(name: string): Uint8Array | null {
  let text: string;
  try {
    text = readFileSync("/proc/net/if_inet6", "latin1");
  } catch {
    return null; // a kernel without IPv6
  }
  const own = text
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length === 6 && fields[5] === name && /^[0-9a-f]{32}$/.test(fields[0]));
  const chosen = own.find((fields) => fields[3] === "00") ?? own[0];
  return chosen === undefined ? null : Uint8Array.from(Buffer.from(chosen[0], "hex"));
}
