// Ethernet II (IEEE 802.3, RFC 894).

import { viewOf } from "./error.js";

// Offsets in bytes.
export const ETHERNET_DESTINATION = 0;
export const ETHERNET_SOURCE = 6;
export const ETHERNET_TYPE = 12;
export const ETHERNET_HEADER = 14;

// EtherTypes (IANA "IEEE 802 Numbers").
export const ETHERTYPE_IP = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_VLAN = 0x8100;
export const ETHERTYPE_IP6 = 0x86dd;

export const ETHERNET_BROADCAST: readonly number[] = [255, 255, 255, 255, 255, 255];

export interface EthernetFrame {
  /** 6 bytes. */
  readonly destination: Uint8Array;
  /** 6 bytes. */
  readonly source: Uint8Array;
  readonly etherType: number;
  readonly payload: Uint8Array;
}

/** Reads a frame without check sequence; the payload is a view. Throws WireError (TRUNCATED). */
export function readEthernet(bytes: Uint8Array): EthernetFrame {
  const view = viewOf(bytes, ETHERNET_HEADER, "Ethernet");
  return {
    destination: bytes.slice(ETHERNET_DESTINATION, ETHERNET_DESTINATION + 6),
    source: bytes.slice(ETHERNET_SOURCE, ETHERNET_SOURCE + 6),
    etherType: view.getUint16(ETHERNET_TYPE),
    payload: bytes.subarray(ETHERNET_HEADER),
  };
}

export function writeEthernet(frame: EthernetFrame): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_HEADER + frame.payload.length);
  bytes.set(frame.destination, ETHERNET_DESTINATION);
  bytes.set(frame.source, ETHERNET_SOURCE);
  new DataView(bytes.buffer).setUint16(ETHERNET_TYPE, frame.etherType);
  bytes.set(frame.payload, ETHERNET_HEADER);
  return bytes;
}
