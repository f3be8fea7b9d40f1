// A transport's view of IP packets in a router's memory: where the payload of one that arrived is, and the header of one
// that leaves. Both families; what is cut, a fragment or behind extension headers is not for a transport.

import type { IpAddress } from "../net/address.js";
import type { PacketMemory } from "../packet/memory.js";
import type { Packet } from "../packet/packet.js";
import {
  IPV4_CHECKSUM,
  IPV4_DESTINATION,
  IPV4_DF,
  IPV4_FRAGMENT,
  IPV4_HEADER,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  IPV4_TTL,
} from "../wire/ipv4.js";
import {
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "../wire/ipv6.js";

/** Time to live and hop limit of what leaves. */
const TTL = 64;

/** An IP packet that arrived: addresses in memory. Used again and again. */
export class ArrivedPacket {
  /** 4 or 6. */
  version = 0;
  protocol = 0;
  ip = 0;
  payload = 0;
  length = 0;

  /** Bytes of an address. */
  get addressSize(): number {
    return this.version === 4 ? 4 : 16;
  }
  /** Where the source address is, and the destination's. */
  get source(): number {
    return this.ip + (this.version === 4 ? IPV4_SOURCE : IPV6_SOURCE);
  }
  get destination(): number {
    return this.ip + (this.version === 4 ? IPV4_DESTINATION : IPV6_DESTINATION);
  }

  /** Looks at `packet`: from its network header on where that is set, else from its data. False where it is no whole IP packet. */
  read(memory: PacketMemory, packet: Packet): boolean {
    const { data, length, networkHeader } = packet;
    const end = data + length;
    const ip = networkHeader >= data && networkHeader < end ? networkHeader : data;
    return this.readAt(memory, ip, end, true);
  }

  /** The same of bytes `ip` to `end`. A packet that an ICMP error quotes need not be `whole`. */
  readAt({ u8, view }: PacketMemory, ip: number, end: number, whole: boolean): boolean {
    if (ip + IPV4_HEADER > end) return false;
    this.ip = ip;
    this.version = u8[ip] >> 4;
    if (this.version === 4) {
      const header = (u8[ip] & 15) * 4;
      const total = view.getUint16(ip + IPV4_TOTAL_LENGTH);
      // With the bit for more fragments, or an offset, it is a part.
      if (header < IPV4_HEADER || total < header || (view.getUint16(ip + IPV4_FRAGMENT) & 0x3fff) !== 0)
        return false;
      if (ip + header > end || (whole && ip + total > end)) return false;
      this.protocol = u8[ip + IPV4_PROTOCOL];
      this.payload = ip + header;
      this.length = Math.min(total - header, end - this.payload);
      return true;
    }
    if (this.version !== 6 || ip + IPV6_HEADER > end) return false;
    const bytes = view.getUint16(ip + IPV6_PAYLOAD_LENGTH);
    if (whole && ip + IPV6_HEADER + bytes > end) return false;
    this.protocol = u8[ip + IPV6_NEXT_HEADER];
    this.payload = ip + IPV6_HEADER;
    this.length = Math.min(bytes, end - this.payload);
    return true;
  }

  /** The checksum over pseudo-header and payload: 0 where it is right. As it lies in memory. */
  checksum({ kernels }: PacketMemory): number {
    const { ip, protocol, length, payload } = this;
    const pseudo =
      this.version === 4
        ? kernels.csumPseudo4(ip, protocol, length)
        : kernels.csumPseudo6(ip, protocol, length);
    return kernels.csumAdd(pseudo, payload, length) ^ 0xffff;
  }
}

/** Whether the address at `at` is `address`. */
export function addressAt({ u8 }: PacketMemory, at: number, address: IpAddress): boolean {
  for (let i = 0; i < address.length; i++) if (u8[at + i] !== address[i]) return false;
  return true;
}

/** Bytes of the IP header that packets to `address` have. */
export function ipHeaderSize(address: IpAddress): number {
  return address.length === 4 ? IPV4_HEADER : IPV6_HEADER;
}

/** Writes the IP header, with its checksum, of a packet of `length` bytes in all to `ip`. IPv4: with "don't fragment". */
export function writeIpHeader(
  { u8, view, kernels }: PacketMemory,
  ip: number,
  length: number,
  protocol: number,
  source: IpAddress,
  destination: IpAddress,
): void {
  const v4 = source.length === 4;
  u8.fill(0, ip, ip + (v4 ? IPV4_HEADER : IPV6_HEADER));
  if (v4) {
    u8[ip] = 0x45;
    view.setUint16(ip + IPV4_TOTAL_LENGTH, length);
    view.setUint16(ip + IPV4_FRAGMENT, IPV4_DF);
    u8[ip + IPV4_TTL] = TTL;
    u8[ip + IPV4_PROTOCOL] = protocol;
    u8.set(source, ip + IPV4_SOURCE);
    u8.set(destination, ip + IPV4_DESTINATION);
    // The kernel's sums are as they lie in memory: little-endian.
    view.setUint16(ip + IPV4_CHECKSUM, kernels.csumOf(ip, IPV4_HEADER), true);
    return;
  }
  u8[ip] = 0x60;
  view.setUint16(ip + IPV6_PAYLOAD_LENGTH, length - IPV6_HEADER);
  u8[ip + IPV6_NEXT_HEADER] = protocol;
  u8[ip + IPV6_HOP_LIMIT] = TTL;
  u8.set(source, ip + IPV6_SOURCE);
  u8.set(destination, ip + IPV6_DESTINATION);
}
