// ARP (RFC 826) and Neighbor Discovery (RFC 4861) as mobility needs them: who says that it has an address, who asks
// for one; questions, answers and announcements for either family.

import { ipBytes, ipNumber } from "../../net/address.js";
import { ARP_REPLY, ARP_REQUEST, readArpFrame, writeArp } from "../../wire/arp.js";
import { orNull } from "../../wire/error.js";
import { ETHERNET_BROADCAST, ETHERTYPE_ARP, writeEthernet } from "../../wire/ethernet.js";
import {
  ICMP6_ADVERTISEMENT,
  ICMP6_SOLICITATION,
  ND_OVERRIDE,
  ND_ROUTER,
  ND_SOLICITED,
} from "../../wire/icmp6.js";
import {
  ALL_NODES,
  groupEther,
  isSolicited,
  readNeighborFrame,
  solicitedNode,
  writeNeighborFrame,
} from "../../wire/neighbour-discovery.js";

/** What a frame says. Addresses of 4 or 16 bytes, hardware addresses of 6. */
export interface Heard {
  /** Who says that it has this address; null: nobody yet (a probe for duplicates). */
  readonly sender: Uint8Array | null;
  readonly mac: Uint8Array;
  /** The address that it asks for. */
  readonly asks: Uint8Array | null;
  /** Whom it answers. */
  readonly answers: Uint8Array | null;
}

/** Reads an Ethernet frame; null when it is none of these messages, or a malformed one. */
export function hear(frame: Uint8Array): Heard | null {
  const arp = orNull(() => readArpFrame(frame));
  if (arp !== null) {
    const { operation, senderIp, senderEther: mac, targetIp } = arp;
    if ((operation !== ARP_REQUEST && operation !== ARP_REPLY) || (mac[0] & 1) !== 0) return null;
    const sender = senderIp === 0 ? null : ipBytes(senderIp);
    const target = targetIp === 0 || targetIp === senderIp ? null : ipBytes(targetIp);
    return operation === ARP_REQUEST
      ? { sender, mac, asks: target, answers: null }
      : { sender, mac, asks: null, answers: target };
  }
  const nd = orNull(() => readNeighborFrame(frame));
  if (nd === null) return null;
  const { message, source, destination, etherSource } = nd;
  const mac = message.link ?? etherSource;
  if ((mac[0] & 1) !== 0) return null;
  if (message.type === ICMP6_ADVERTISEMENT)
    return { sender: message.target, mac, asks: null, answers: isSolicited(message) ? destination : null };
  const nobody = source.every((byte) => byte === 0);
  return { sender: nobody ? null : source, mac, asks: message.target, answers: null };
}

/**
 * The frame in which `asker`, at hardware address `mac`, asks all for a host's; sent from `ether`. The answer goes to the
 * asker, which is an address of ours, or a host that needs to know and does not ask.
 */
export function question(eid: Uint8Array, asker: Uint8Array, mac: Uint8Array, ether: Uint8Array): Uint8Array {
  if (eid.length === 4) return arp(ARP_REQUEST, mac, asker, new Uint8Array(6), eid, ether, BROADCAST);
  const group = solicitedNode(eid);
  return writeNeighborFrame({
    message: { type: ICMP6_SOLICITATION, flags: 0, target: eid, link: mac },
    source: asker,
    destination: group,
    etherSource: ether,
    etherDestination: groupEther(group),
  });
}

/** The frame that answers who asked for `heard.asks` with our hardware address: as the router there, or in another's stead. */
export function answer(heard: Heard, ether: Uint8Array, router: boolean): Uint8Array {
  const target = heard.asks!;
  const sender = heard.sender!;
  if (target.length === 4) return arp(ARP_REPLY, ether, target, heard.mac, sender, ether, heard.mac);
  // In another's stead without the override flag (RFC 4861, section 7.2.8).
  return writeNeighborFrame({
    message: {
      type: ICMP6_ADVERTISEMENT,
      flags: (ND_SOLICITED | (router ? ND_ROUTER | ND_OVERRIDE : 0)) >>> 0,
      target,
      link: ether,
    },
    source: target,
    destination: sender,
    etherSource: ether,
    etherDestination: heard.mac,
  });
}

/**
 * The frame that tells all that `eid` is at hardware address `mac` now, sent from `ether`: a gratuitous ARP, of which
 * RFC 5944, section 4.6 leaves the choice between a request and, as here, a reply; or an unsolicited advertisement.
 */
export function announcement(eid: Uint8Array, mac: Uint8Array, ether: Uint8Array): Uint8Array {
  if (eid.length === 4) return arp(ARP_REPLY, mac, eid, mac, eid, ether, BROADCAST);
  return writeNeighborFrame({
    message: { type: ICMP6_ADVERTISEMENT, flags: ND_OVERRIDE, target: eid, link: mac },
    source: eid,
    destination: ALL_NODES,
    etherSource: ether,
    etherDestination: groupEther(ALL_NODES),
  });
}

/**
 * The frame that tells a host, `eid` at hardware address `mac`, that `address` is at `link`; sent from `ether`. An ARP
 * reply, or an unsolicited advertisement, though it has not asked. What it knows is wrong, so this overrides it, also where
 * it is not for a router.
 */
export function introduction(
  address: Uint8Array,
  link: Uint8Array,
  router: boolean,
  eid: Uint8Array,
  mac: Uint8Array,
  ether: Uint8Array,
): Uint8Array {
  if (eid.length === 4) return arp(ARP_REPLY, link, address, mac, eid, ether, mac);
  return writeNeighborFrame({
    message: {
      type: ICMP6_ADVERTISEMENT,
      flags: (ND_OVERRIDE | (router ? ND_ROUTER : 0)) >>> 0,
      target: address,
      link,
    },
    source: address,
    destination: eid,
    etherSource: ether,
    etherDestination: mac,
  });
}

const BROADCAST: Uint8Array = Uint8Array.from(ETHERNET_BROADCAST);

function arp(
  operation: number,
  senderEther: Uint8Array,
  senderIp: Uint8Array,
  targetEther: Uint8Array,
  targetIp: Uint8Array,
  source: Uint8Array,
  destination: Uint8Array,
): Uint8Array {
  const message = {
    operation,
    senderEther,
    senderIp: ipNumber(senderIp),
    targetEther,
    targetIp: ipNumber(targetIp),
  };
  return writeEthernet({ destination, source, etherType: ETHERTYPE_ARP, payload: writeArp(message) });
}
