// Neighbor Discovery messages (RFC 4861 sections 4.3 and 4.4) in the Ethernet frames that carry them (RFC 2464).

import { sameAddress } from "../net/address.js";
import { WireError } from "./error.js";
import { ETHERTYPE_IP6, readEthernet, writeEthernet } from "./ethernet.js";
import {
  ICMP6_ADVERTISEMENT,
  ICMP6_SOLICITATION,
  ND_SOLICITED,
  type NeighborMessage,
  readNeighbor,
  writeNeighbor,
} from "./icmp6.js";
import { PROTOCOL_ICMP6 } from "./ipv4.js";
import { readIpv6, writeIpv6 } from "./ipv6.js";

/** The hop limit of all these messages: proof that no router passed them on. */
const HOP_LIMIT = 255;

/** ff02::1 */
export const ALL_NODES: Uint8Array = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
/** :: */
export const UNSPECIFIED: Uint8Array = new Uint8Array(16);

/** A message with the addresses that it came with, or goes to. */
export interface NeighborFrame {
  readonly message: NeighborMessage;
  /** 16 bytes. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** 6 bytes. */
  readonly etherSource: Uint8Array;
  readonly etherDestination: Uint8Array;
}

/** The group that the owner of `address` listens to: ff02::1:ff and its last three bytes (RFC 4291 section 2.7.1). */
export function solicitedNode(address: Uint8Array): Uint8Array {
  const group = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0);
  group.set(address.subarray(13, 16), 13);
  return group;
}

/** The hardware address of an IPv6 group: 33-33 and its last four bytes (RFC 2464 section 7). */
export function groupEther(group: Uint8Array): Uint8Array {
  return Uint8Array.of(0x33, 0x33, group[12], group[13], group[14], group[15]);
}

/** An ICMPv6 message of Neighbor Discovery, not read yet, with the addresses that it came with, or goes to. */
export interface DiscoveryFrame extends Omit<NeighborFrame, "message"> {
  /** From the ICMPv6 header on. */
  readonly payload: Uint8Array;
}

/** Reads the headers of a frame with any message of Neighbor Discovery, and checks them. Throws WireError. */
export function readDiscoveryFrame(frame: Uint8Array): DiscoveryFrame {
  const ethernet = readEthernet(frame);
  if (ethernet.etherType !== ETHERTYPE_IP6)
    throw new WireError("BAD_VERSION", "Neighbor Discovery: not an IPv6 frame");
  const { nextHeader, hopLimit, source, destination, payload } = readIpv6(ethernet.payload);
  if (nextHeader !== PROTOCOL_ICMP6) throw new WireError("BAD_VERSION", "Neighbor Discovery: not ICMPv6");
  if (hopLimit !== HOP_LIMIT)
    throw new WireError("BAD_FIELD", `Neighbor Discovery: hop limit ${hopLimit}, not ${HOP_LIMIT}`);
  const { source: etherSource, destination: etherDestination } = ethernet;
  return { payload, source, destination, etherSource, etherDestination };
}

/** Writes the frame around a message that bears its checksum. */
export function writeDiscoveryFrame(frame: DiscoveryFrame): Uint8Array {
  const { source, destination, payload } = frame;
  return writeEthernet({
    destination: frame.etherDestination,
    source: frame.etherSource,
    etherType: ETHERTYPE_IP6,
    payload: writeIpv6({
      trafficClass: 0,
      flowLabel: 0,
      nextHeader: PROTOCOL_ICMP6,
      hopLimit: HOP_LIMIT,
      source,
      destination,
      payload,
    }),
  });
}

/** Reads a solicitation or advertisement and does all checks of RFC 4861 sections 7.1.1 and 7.1.2. Throws WireError. */
export function readNeighborFrame(frame: Uint8Array): NeighborFrame {
  const { etherSource, etherDestination, source, destination, payload } = readDiscoveryFrame(frame);
  const message = readNeighbor(payload, { source, destination });
  if (message.type === ICMP6_SOLICITATION && sameAddress(source, UNSPECIFIED)) {
    if (message.link !== null)
      throw new WireError("BAD_FIELD", "Neighbor Discovery: a source link-layer address without a source");
    const group = solicitedNode(destination);
    if (!sameAddress(destination, group))
      throw new WireError("BAD_FIELD", "Neighbor Discovery: a probe that is not to a solicited-node group");
  }
  if (message.type === ICMP6_ADVERTISEMENT && destination[0] === 0xff && isSolicited(message))
    throw new WireError("BAD_FIELD", "Neighbor Discovery: a solicited advertisement to a group");
  return { message, source, destination, etherSource, etherDestination };
}

export function isSolicited(message: NeighborMessage): boolean {
  return (message.flags & ND_SOLICITED) !== 0;
}

/** Writes the frame, checksum included. */
export function writeNeighborFrame({ message, ...frame }: NeighborFrame): Uint8Array {
  return writeDiscoveryFrame({ ...frame, payload: writeNeighbor(message, frame) });
}
