// Link types of capture files: Click's names for them, and where their packets carry IP.
// Numbers: LINKTYPE_* of the tcpdump group's registry, https://www.tcpdump.org/linktypes.html.

import {
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
  LINKTYPE_RAW_OLD,
} from "./pcap.js";

export const LINKTYPE_PPP = 9;
export const LINKTYPE_FDDI = 10;
export const LINKTYPE_ATM_RFC1483 = 100;
export const LINKTYPE_C_HDLC = 104;
export const LINKTYPE_IEEE802_11 = 105;
export const LINKTYPE_PPP_HDLC = 50;
export const LINKTYPE_PRISM = 119;
export const LINKTYPE_AIRONET = 120;
export const LINKTYPE_SUNATM = 123;
export const LINKTYPE_IEEE802_11_RADIO = 127;

const NAMES: readonly (readonly [string, number])[] = [
  ["NULL", LINKTYPE_NULL],
  ["IP", LINKTYPE_RAW],
  ["ETHER", LINKTYPE_ETHERNET],
  ["FDDI", LINKTYPE_FDDI],
  ["ATM", LINKTYPE_ATM_RFC1483],
  ["RFC1483", LINKTYPE_ATM_RFC1483],
  ["ATM_RFC1483", LINKTYPE_ATM_RFC1483],
  ["802_11", LINKTYPE_IEEE802_11],
  ["802.11", LINKTYPE_IEEE802_11],
  ["802_11_RADIO", LINKTYPE_IEEE802_11_RADIO],
  ["802.11_RADIO", LINKTYPE_IEEE802_11_RADIO],
  ["SLL", LINKTYPE_LINUX_SLL],
  ["AIRONET", LINKTYPE_AIRONET],
  ["HDLC", LINKTYPE_C_HDLC],
  ["PPP_HDLC", LINKTYPE_PPP_HDLC],
  ["PPP", LINKTYPE_PPP],
  ["SUNATM", LINKTYPE_SUNATM],
  ["PRISM", LINKTYPE_PRISM],
];

/** The link type that `text` names (`ETHER`, `IP`, `#147`); null when it names none. */
export function parseLinkType(text: string): number | null {
  const named = NAMES.find(([name]) => name === text);
  if (named !== undefined) return named[1];
  return /^#[0-9]{1,9}$/.test(text) ? Number(text.slice(1)) : null;
}

/** Click's name of a link type, `#N` for one without. */
export function linkTypeText(linkType: number): string {
  return NAMES.find(([, number]) => number === linkType)?.[0] ?? `#${linkType}`;
}

/** What the number in a file's header means here: the old number of raw IP is the new one. */
export function canonicalLinkType(linkType: number): number {
  return linkType === LINKTYPE_RAW_OLD ? LINKTYPE_RAW : linkType;
}

/** Whether `ipOffset` knows where packets of this link type carry IP. */
export function canFindIP(linkType: number): boolean {
  switch (linkType) {
    case LINKTYPE_RAW:
    case LINKTYPE_ETHERNET:
    case LINKTYPE_NULL:
    case LINKTYPE_LINUX_SLL:
    case LINKTYPE_C_HDLC:
    case LINKTYPE_PPP:
    case LINKTYPE_PPP_HDLC:
      return true;
    default:
      return false;
  }
}

const ETHERTYPE_IP = 0x0800;
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_IP6 = 0x86dd;
const PPP_IP = 0x21;
const PPP_IP6 = 0x57;

/**
 * Offset of the IP header in a packet of `length` bytes at `start`, -1 where it carries none. Only the link header
 * is looked at, and nothing is read past `length`.
 */
export function ipOffset(view: DataView, start: number, length: number, linkType: number): number {
  const u8 = (i: number): number => (i < length ? view.getUint8(start + i) : -1);
  const etherType = (i: number, offset: number): number => {
    const type = i + 2 <= length ? view.getUint16(start + i) : -1;
    return type === ETHERTYPE_IP || type === ETHERTYPE_IP6 ? offset : -1;
  };
  switch (linkType) {
    case LINKTYPE_RAW:
      return 0;
    case LINKTYPE_ETHERNET:
      if (length >= 18 && view.getUint16(start + 12) === ETHERTYPE_VLAN) return etherType(16, 18);
      return etherType(12, 14);
    case LINKTYPE_LINUX_SLL:
      return etherType(14, 16);
    case LINKTYPE_C_HDLC:
      return etherType(2, 4);
    case LINKTYPE_PPP_HDLC:
      if (u8(0) === 0xff) return u8(2) === 0 && isPPP(u8(3)) ? 4 : -1;
      return u8(0) === 0x0f || u8(0) === 0x8f ? etherType(2, 4) : -1;
    case LINKTYPE_PPP: {
      const at = u8(0) === 0xff && u8(1) === 3 ? 2 : 0;
      if (isPPP(u8(at))) return at + 1;
      return u8(at) === 0 && isPPP(u8(at + 1)) ? at + 2 : -1;
    }
    case LINKTYPE_NULL: {
      if (length < 4) return -1;
      // The address family of whoever wrote it: 2 is IPv4 everywhere, IPv6 differs among the BSDs.
      const family = view.getUint16(start, true) || view.getUint16(start + 2);
      return family === 2 || family === 24 || family === 28 || family === 30 ? 4 : -1;
    }
    default:
      return -1;
  }
}

function isPPP(protocol: number): boolean {
  return protocol === PPP_IP || protocol === PPP_IP6;
}
