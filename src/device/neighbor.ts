// Somebody who answers for a whole network: ARP requests and Neighbor
// Solicitations for any address get one hardware address.

import { ARP_REPLY, ARP_REQUEST, readArp, writeArp } from "../wire/arp.js";
import { WireError } from "../wire/error.js";
import {
  ETHERNET_HEADER,
  ETHERNET_TYPE,
  ETHERTYPE_ARP,
  ETHERTYPE_IP6,
  readEthernet,
  writeEthernet,
} from "../wire/ethernet.js";
import {
  ICMP6_ADVERTISEMENT,
  ICMP6_SOLICITATION,
  ND_OVERRIDE,
  ND_SOLICITED,
  readNeighbor,
  writeNeighbor,
} from "../wire/icmp6.js";
import { PROTOCOL_ICMP6 } from "../wire/ipv4.js";
import { IPV6_HEADER, IPV6_NEXT_HEADER, readIpv6, writeIpv6 } from "../wire/ipv6.js";

/** Whether the frame of `length` bytes at `at` may be one to answer. Cheap: every frame sent is asked about. */
export function asksForNeighbor(u8: Uint8Array, at: number, length: number): boolean {
  if (length < ETHERNET_HEADER + 28) return false;
  const type = (u8[at + ETHERNET_TYPE] << 8) | u8[at + ETHERNET_TYPE + 1];
  if (type === ETHERTYPE_ARP) return true;
  const ip = at + ETHERNET_HEADER;
  return (
    type === ETHERTYPE_IP6 &&
    length > ETHERNET_HEADER + IPV6_HEADER &&
    u8[ip + IPV6_NEXT_HEADER] === PROTOCOL_ICMP6 &&
    u8[ip + IPV6_HEADER] === ICMP6_SOLICITATION
  );
}

/** The frame that answers an ARP request or a Neighbor Solicitation with `ether` (6 bytes); null for all else. */
export function answerAsNeighbor(frame: Uint8Array, ether: Uint8Array): Uint8Array | null {
  try {
    const { source, etherType, payload } = readEthernet(frame);
    if (etherType === ETHERTYPE_ARP) {
      const { operation, senderEther, senderIp, targetIp } = readArp(payload);
      // Who asks for its own address looks for others that have it.
      if (operation !== ARP_REQUEST || senderIp === targetIp || senderIp === 0) return null;
      const reply = writeArp({
        operation: ARP_REPLY,
        senderEther: ether,
        senderIp: targetIp,
        targetEther: senderEther,
        targetIp: senderIp,
      });
      return writeEthernet({ destination: source, source: ether, etherType, payload: reply });
    }
    const packet = readIpv6(payload);
    const { type, target } = readNeighbor(packet.payload, packet);
    if (type !== ICMP6_SOLICITATION || packet.source.every((byte) => byte === 0)) return null;
    const advertisement = writeNeighbor(
      { type: ICMP6_ADVERTISEMENT, flags: (ND_SOLICITED | ND_OVERRIDE) >>> 0, target, link: ether },
      { source: target, destination: packet.source },
    );
    const answer = writeIpv6({
      trafficClass: 0,
      flowLabel: 0,
      nextHeader: PROTOCOL_ICMP6,
      hopLimit: 255,
      source: target,
      destination: packet.source,
      payload: advertisement,
    });
    return writeEthernet({ destination: source, source: ether, etherType, payload: answer });
  } catch (e) {
    if (e instanceof WireError) return null;
    throw e;
  }
}
