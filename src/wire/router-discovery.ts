// Router Solicitations and Advertisements (RFC 4861, sections 4.1 and 4.2) in the Ethernet frames that carry them.

import { sameAddress } from "../net/address.js";
import type { Prefix } from "../net/prefix.js";
import { WireError } from "./error.js";
import {
  ICMP6_HEADER,
  ICMP6_ROUTER_ADVERTISEMENT,
  ICMP6_ROUTER_SOLICITATION,
  ND_MTU,
  ND_PREFIX,
  ND_SOURCE_LINK,
  readIcmp6,
  readLinkOption,
  writeIcmp6,
} from "./icmp6.js";
import {
  ALL_NODES,
  groupEther,
  readDiscoveryFrame,
  UNSPECIFIED,
  writeDiscoveryFrame,
} from "./neighbour-discovery.js";

// Offsets in bytes, in a Router Advertisement's payload after its first eight bytes, and the lengths of options.
const REACHABLE_AND_RETRANS = 8;
const LINK_OPTION = 8;
const MTU_OPTION = 8;
const PREFIX_OPTION = 32;
const MANAGED = 0x80;
const OTHER = 0x40;
const ON_LINK = 0x80;
const AUTONOMOUS = 0x40;

/** Stands for a lifetime without end. */
export const LIFETIME_INFINITE = 0xffffffff;

export interface RouterSolicitation {
  /** 16 bytes; :: of a host without an address. */
  readonly source: Uint8Array;
  /** 6 bytes of its source link-layer address option; null without one. */
  readonly link: Uint8Array | null;
}

/** A Prefix Information option (RFC 4861, section 4.6.2). Lifetimes in seconds. */
export interface AdvertisedPrefix extends Prefix {
  readonly onLink: boolean;
  readonly autonomous: boolean;
  readonly valid: number;
  readonly preferred: number;
}

export interface RouterAdvertisement {
  /** 16 bytes: the router's link-local address. */
  readonly source: Uint8Array;
  /** 6 bytes. */
  readonly link: Uint8Array;
  /** 0: the router says nothing of it. */
  readonly hopLimit: number;
  /** Addresses, or other settings, are to be had by DHCPv6. */
  readonly managed: boolean;
  readonly other: boolean;
  /** Seconds for which the router is a default router; 0: it is none. */
  readonly lifetime: number;
  /** Bytes; 0: the router says nothing of it. */
  readonly mtu: number;
  readonly prefixes: readonly AdvertisedPrefix[];
}

/** Reads a Router Solicitation and does all checks of RFC 4861, section 6.1.1. Throws WireError. */
export function readRouterSolicitation(frame: Uint8Array): RouterSolicitation {
  const { source, destination, payload } = readDiscoveryFrame(frame);
  const { type, code } = readIcmp6(payload, { source, destination });
  if (type !== ICMP6_ROUTER_SOLICITATION)
    throw new WireError("BAD_VERSION", `Router Solicitation: type ${type}`);
  if (code !== 0) throw new WireError("BAD_FIELD", `Router Solicitation: code ${code}`);
  const link = readLinkOption(payload, ICMP6_HEADER, ND_SOURCE_LINK);
  if (link !== null && sameAddress(source, UNSPECIFIED))
    throw new WireError("BAD_FIELD", "Router Solicitation: a source link-layer address without a source");
  return { source, link };
}

/** Writes the frame that advertises a router to all nodes, checksum included. */
export function writeRouterAdvertisement(message: RouterAdvertisement): Uint8Array {
  const { source, link, hopLimit, managed, other, lifetime, mtu, prefixes } = message;
  const options = LINK_OPTION + (mtu === 0 ? 0 : MTU_OPTION) + PREFIX_OPTION * prefixes.length;
  const payload = new Uint8Array(REACHABLE_AND_RETRANS + options);
  const view = new DataView(payload.buffer);
  let at = REACHABLE_AND_RETRANS;
  payload.set([ND_SOURCE_LINK, 1, ...link], at);
  at += LINK_OPTION;
  if (mtu !== 0) {
    payload.set([ND_MTU, 1], at);
    view.setUint32(at + 4, mtu);
    at += MTU_OPTION;
  }
  for (const { address, length, onLink, autonomous, valid, preferred } of prefixes) {
    payload.set([ND_PREFIX, 4, length, (onLink ? ON_LINK : 0) | (autonomous ? AUTONOMOUS : 0)], at);
    view.setUint32(at + 4, valid);
    view.setUint32(at + 8, preferred);
    payload.set(address, at + 16);
    at += PREFIX_OPTION;
  }
  const flags = (managed ? MANAGED : 0) | (other ? OTHER : 0);
  const rest = ((hopLimit << 24) | (flags << 16) | lifetime) >>> 0;
  const endpoints = { source, destination: ALL_NODES };
  return writeDiscoveryFrame({
    ...endpoints,
    payload: writeIcmp6({ type: ICMP6_ROUTER_ADVERTISEMENT, code: 0, rest, payload }, endpoints),
    etherSource: link,
    etherDestination: groupEther(ALL_NODES),
  });
}
