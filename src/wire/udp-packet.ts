// A UDP datagram in its IP packet, of either family: how control messages travel.

import { ipBytes, ipNumber } from "../net/address.js";
import { WireError } from "./error.js";
import { PROTOCOL_UDP, readIpv4, writeIpv4 } from "./ipv4.js";
import { readIpv6, writeIpv6 } from "./ipv6.js";
import { readUdp, writeUdp } from "./udp.js";

/** Addresses of 4 or 16 bytes each, both of one family. */
export interface UdpPacket {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
  /** TTL or hop limit. */
  readonly ttl: number;
}

const TTL = 64;

/** Precedence 6. */
const INTERNETWORK_CONTROL = 0xc0;

/** Reads and checks an IP packet that holds a whole UDP datagram. The payload is a view of `bytes`. Throws WireError. */
export function readUdpPacket(bytes: Uint8Array): UdpPacket {
  if (bytes.length > 0 && bytes[0] >> 4 === 6) {
    const ip = readIpv6(bytes);
    if (ip.nextHeader !== PROTOCOL_UDP)
      throw new WireError("BAD_FIELD", `IPv6: next header ${ip.nextHeader}`);
    return { source: ip.source, destination: ip.destination, ttl: ip.hopLimit, ...readUdp(ip.payload, ip) };
  }
  const ip = readIpv4(bytes);
  if (ip.protocol !== PROTOCOL_UDP) throw new WireError("BAD_FIELD", `IPv4: protocol ${ip.protocol}`);
  if (ip.moreFragments || ip.fragmentOffset > 0)
    throw new WireError("BAD_FIELD", "IPv4: a fragment of a datagram");
  const ends = { source: ipBytes(ip.source), destination: ipBytes(ip.destination) };
  return { ...ends, ttl: ip.ttl, ...readUdp(ip.payload, ends) };
}

/** What is written of a packet, beyond what is read: `tos` is the traffic class too (by default internetwork control's). */
export interface WrittenUdpPacket extends Omit<UdpPacket, "ttl"> {
  readonly ttl?: number;
  readonly tos?: number;
  readonly dontFragment?: boolean;
}

/** Writes a whole IP packet with its checksums. Throws WireError for what does not fit, or addresses of two families. */
export function writeUdpPacket(packet: WrittenUdpPacket): Uint8Array {
  const { source, destination, ttl = TTL, tos = INTERNETWORK_CONTROL, dontFragment = false } = packet;
  if (source.length !== destination.length)
    throw new WireError("BAD_LENGTH", `addresses of ${source.length} and ${destination.length} bytes`);
  const payload = writeUdp(packet, packet);
  if (source.length === 16)
    return writeIpv6({
      trafficClass: tos,
      flowLabel: 0,
      nextHeader: PROTOCOL_UDP,
      hopLimit: ttl,
      source,
      destination,
      payload,
    });
  return writeIpv4({
    tos,
    id: 0,
    dontFragment,
    moreFragments: false,
    fragmentOffset: 0,
    ttl,
    protocol: PROTOCOL_UDP,
    source: ipNumber(source),
    destination: ipNumber(destination),
    options: new Uint8Array(0),
    payload,
  });
}
