// Somebody who answers for a whole network: ARP requests and Neighbor
// Solicitations for any address get one hardware address.

import { sameAddress } from "../net/address.js";
import { ARP_REQUEST, readArpFrame, writeArpReply } from "../wire/arp.js";
import { orNull } from "../wire/error.js";
import { ETHERNET_HEADER, ETHERNET_TYPE, ETHERTYPE_ARP, ETHERTYPE_IP6 } from "../wire/ethernet.js";
import { ICMP6_ADVERTISEMENT, ICMP6_SOLICITATION, ND_OVERRIDE, ND_SOLICITED } from "../wire/icmp6.js";
import { PROTOCOL_ICMP6 } from "../wire/ipv4.js";
import { IPV6_HEADER, IPV6_NEXT_HEADER } from "../wire/ipv6.js";
import { readNeighborFrame, UNSPECIFIED, writeNeighborFrame } from "../wire/neighbour-discovery.js";

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
  const request = orNull(() => readArpFrame(frame));
  if (request !== null) {
    const { operation, senderIp, targetIp } = request;
    // Who asks for its own address looks for others that have it.
    const asks = operation === ARP_REQUEST && senderIp !== targetIp && senderIp !== 0;
    return asks ? writeArpReply(request, ether) : null;
  }
  const solicitation = orNull(() => readNeighborFrame(frame));
  if (solicitation === null || sameAddress(solicitation.source, UNSPECIFIED)) return null;
  const { type, target } = solicitation.message;
  if (type !== ICMP6_SOLICITATION) return null;
  const flags = (ND_SOLICITED | ND_OVERRIDE) >>> 0;
  return writeNeighborFrame({
    message: { type: ICMP6_ADVERTISEMENT, flags, target, link: ether },
    source: target,
    destination: solicitation.source,
    etherSource: ether,
    etherDestination: solicitation.etherSource,
  });
}
