// Where the IP header of a packet is, also where no element has marked it, and the packet in a line.

import { ip6Text, ipText } from "../net/address.js";
import { etherText } from "../net/mac.js";
import {
  ETHERNET_HEADER,
  ETHERNET_TYPE,
  ETHERTYPE_ARP,
  ETHERTYPE_IP,
  ETHERTYPE_IP6,
  ETHERTYPE_VLAN,
} from "../wire/ethernet.js";
import { IPV6_HEADER, IPV6_NEXT_HEADER } from "../wire/ipv6.js";

const IPV4_HEADER = 20;
const VLAN_TAG = 4;
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: "icmp",
  2: "igmp",
  6: "tcp",
  17: "udp",
  47: "gre",
  50: "esp",
  58: "icmp6",
};
const ICMP = 1;
const ICMP6 = 58;
const TCP = 6;
const UDP = 17;
/** IPv6 extension headers with the length in 8-byte units (RFC 8200, section 4): Hop-by-Hop, Routing, Destination. */
const EXTENSIONS = [0, 43, 60];
const MAX_EXTENSIONS = 8;

/** What a packet starts with: an Ethernet header, an IP header, or something else. */
export type Start = "ethernet" | "ip" | "other";

/** Whether an IP header that fits the bytes stands at `at`. */
export function isIP(bytes: Uint8Array, at: number): boolean {
  const left = bytes.length - at;
  if (left < IPV4_HEADER) return false;
  const version = bytes[at] >> 4;
  if (version === 4) {
    const header = (bytes[at] & 15) * 4;
    const length = u16(bytes, at + 2);
    return header >= IPV4_HEADER && length >= header && length <= left;
  }
  return version === 6 && left >= IPV6_HEADER && u16(bytes, at + 4) + IPV6_HEADER <= left;
}

/** Offset of the IP header of an Ethernet frame, or of a packet that starts with it; -1 where there is none. */
export function ipHeaderOffset(bytes: Uint8Array): number {
  // A frame is recognised first: addresses of IP packets rarely look like an EtherType before a header that fits.
  if (bytes.length >= ETHERNET_HEADER) {
    const tagged = u16(bytes, ETHERNET_TYPE) === ETHERTYPE_VLAN && bytes.length >= ETHERNET_HEADER + VLAN_TAG;
    const at = tagged ? ETHERNET_HEADER + VLAN_TAG : ETHERNET_HEADER;
    const type = u16(bytes, at - 2);
    if ((type === ETHERTYPE_IP || type === ETHERTYPE_IP6) && isIP(bytes, at)) return at;
  }
  return isIP(bytes, 0) ? 0 : -1;
}

/** What `bytes` start with, when their IP header is at `ip` (-1: nowhere). */
export function startOf(bytes: Uint8Array, ip: number): Start {
  if (ip === 0) return "ip";
  if (ip === ETHERNET_HEADER || ip === ETHERNET_HEADER + VLAN_TAG) return "ethernet";
  const known = [ETHERTYPE_ARP, ETHERTYPE_IP, ETHERTYPE_IP6, ETHERTYPE_VLAN];
  return bytes.length >= ETHERNET_HEADER && known.includes(u16(bytes, ETHERNET_TYPE)) ? "ethernet" : "other";
}

/** The transport header of the IPv6 packet at `ip`, behind what extension headers there are; null where it is cut off. */
export function transport6(bytes: Uint8Array, ip: number): { protocol: number; at: number } | null {
  let protocol = bytes[ip + IPV6_NEXT_HEADER];
  let at = ip + IPV6_HEADER;
  for (let i = 0; EXTENSIONS.includes(protocol); i++) {
    if (i === MAX_EXTENSIONS || at + 8 > bytes.length) return null;
    protocol = bytes[at];
    at += (bytes[at + 1] + 1) * 8;
  }
  return at <= bytes.length ? { protocol, at } : null;
}

/** The packet in a line: addresses, ports, protocol, bytes. `ip`: offset of its IP header, -1 for none. */
export function summary(bytes: Uint8Array, ip: number): string {
  if (ip >= 0 && isIP(bytes, ip)) return ipSummary(bytes, ip);
  if (startOf(bytes, ip) === "ethernet") {
    const type = u16(bytes, ETHERNET_TYPE);
    const to = etherText(bytes.subarray(0, 6));
    const from = etherText(bytes.subarray(6, 12));
    if (type === ETHERTYPE_ARP && bytes.length >= ETHERNET_HEADER + 28)
      return arpSummary(bytes, ETHERNET_HEADER);
    return `${from} > ${to}: ethertype 0x${type.toString(16).padStart(4, "0")}`;
  }
  return `${bytes.length} bytes`;
}

/** RFC 826. */
function arpSummary(bytes: Uint8Array, at: number): string {
  const [sender, target] = [ipText(u32(bytes, at + 14)), ipText(u32(bytes, at + 24))];
  return u16(bytes, at + 6) === 1
    ? `ARP who-has ${target} tell ${sender}`
    : `ARP ${sender} is-at ${etherText(bytes.subarray(at + 8, at + 14))}`;
}

function ipSummary(bytes: Uint8Array, ip: number): string {
  if (bytes[ip] >> 4 === 6) {
    const from = ip6Text(bytes.subarray(ip + 8, ip + 24));
    const to = ip6Text(bytes.subarray(ip + 24, ip + 40));
    const found = transport6(bytes, ip);
    return found === null
      ? `IP6 ${from} > ${to}: truncated`
      : `IP6 ${ends(bytes, from, to, found.protocol, found.at)}`;
  }
  const from = ipText(u32(bytes, ip + 12));
  const to = ipText(u32(bytes, ip + 16));
  const offset = (u16(bytes, ip + 6) & 0x1fff) * 8;
  const protocol = bytes[ip + 9];
  if (offset > 0) return `IP ${from} > ${to}: ${PROTOCOLS[protocol] ?? `proto ${protocol}`} frag@${offset}`;
  return `IP ${ends(bytes, from, to, protocol, ip + (bytes[ip] & 15) * 4)}`;
}

function ends(bytes: Uint8Array, from: string, to: string, protocol: number, at: number): string {
  const name = PROTOCOLS[protocol] ?? `proto ${protocol}`;
  if ((protocol === TCP || protocol === UDP) && at + 8 <= bytes.length)
    return `${from}.${u16(bytes, at)} > ${to}.${u16(bytes, at + 2)}: ${name}`;
  if ((protocol === ICMP || protocol === ICMP6) && at + 2 <= bytes.length)
    return `${from} > ${to}: ${name} type ${bytes[at]} code ${bytes[at + 1]}`;
  return `${from} > ${to}: ${name}`;
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

function u32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
