// Packets for tests: written in full, or by what matters to the test.

import { ipBytes } from "../src/net/address.js";
import { type Ipv4Packet, PROTOCOL_UDP, writeIpv4 } from "../src/wire/ipv4.js";
import { type Ipv6Packet, writeIpv6 } from "../src/wire/ipv6.js";
import { type UdpDatagram, writeUdp } from "../src/wire/udp.js";

const NOTHING = new Uint8Array(0);

/** `"10.0.0.1"` as a number in host order. */
export function ip(text: string): number {
  return text.split(".").reduce((address, byte) => address * 256 + Number(byte), 0);
}

/** An IPv6 address without dotted part as 16 bytes. */
export function ip6(text: string): Uint8Array {
  const [head, tail] = text.split("::").map((half) => half.split(":").filter((group) => group !== ""));
  const groups =
    tail === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill("0"), ...tail];
  return Uint8Array.from(groups.flatMap((g) => [Number.parseInt(g, 16) >> 8, Number.parseInt(g, 16) & 255]));
}

/** `"00:01:02:03:04:05"` as 6 bytes. */
export function ether(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (byte) => Number.parseInt(byte, 16));
}

/** `"45 00 ..."` as bytes; spaces and line breaks are ignored. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

/** `n` bytes that differ from their neighbours. */
export function filling(n: number): Uint8Array {
  return Uint8Array.from({ length: n }, (_, i) => (i * 7 + (i >> 8)) & 255);
}

/** An IPv4 packet from 10.0.0.1 to 192.0.2.1, TTL 64, but for what is given. */
export function ipv4(fields: Partial<Ipv4Packet> = {}): Uint8Array {
  return writeIpv4({
    tos: 0,
    id: 0x1234,
    dontFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    ttl: 64,
    protocol: PROTOCOL_UDP,
    source: ip("10.0.0.1"),
    destination: ip("192.0.2.1"),
    options: NOTHING,
    payload: NOTHING,
    ...fields,
  });
}

/** An IPv6 packet from 2001:db8::1 to 2001:db8:1::1, hop limit 64, but for what is given. */
export function ipv6(fields: Partial<Ipv6Packet> = {}): Uint8Array {
  return writeIpv6({
    trafficClass: 0,
    flowLabel: 0,
    nextHeader: PROTOCOL_UDP,
    hopLimit: 64,
    source: ip6("2001:db8::1"),
    destination: ip6("2001:db8:1::1"),
    payload: NOTHING,
    ...fields,
  });
}

/** A UDP datagram in an IPv4 packet, with its checksum. */
export function udp4(fields: Partial<Ipv4Packet> = {}, datagram: Partial<UdpDatagram> = {}): Uint8Array {
  const source = fields.source ?? ip("10.0.0.1");
  const destination = fields.destination ?? ip("192.0.2.1");
  const payload = writeUdp(
    { sourcePort: 1000, destinationPort: 2000, payload: filling(26), ...datagram },
    { source: ipBytes(source), destination: ipBytes(destination) },
  );
  return ipv4({ ...fields, source, destination, payload });
}
