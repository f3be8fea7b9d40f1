// Traffic described in words, made into frames.

import { ipNumber } from "../net/address.js";
import { findMac } from "../net/mac.js";
import { findPrefix, type Prefix } from "../net/prefix.js";
import type { Random } from "../router/random.js";
import { SluiceError } from "../sluice-error.js";
import { checksum, pseudoSum } from "../wire/checksum.js";
import { ETHERTYPE_IP, ETHERTYPE_IP6, writeEthernet } from "../wire/ethernet.js";
import { ICMP_ECHO, writeIcmp } from "../wire/icmp.js";
import { ICMP6_ECHO, writeIcmp6 } from "../wire/icmp6.js";
import {
  IPV4_HEADER,
  PROTOCOL_ICMP,
  PROTOCOL_ICMP6,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  writeIpv4,
} from "../wire/ipv4.js";
import { IPV6_HEADER, writeIpv6 } from "../wire/ipv6.js";
import { type Endpoints, UDP_HEADER, writeUdp } from "../wire/udp.js";

/** Words that describe no traffic. */
export class TrafficError extends SluiceError {
  readonly code = "TRAFFIC";
}

/** Packets that a generator makes; what is not fixed is drawn at random for each. */
export interface Traffic {
  /** The device that they come in on; null: every one. */
  readonly device: string | null;
  /** Destination and source addresses, both of one family. */
  readonly destination: Prefix;
  readonly source: Prefix;
  readonly protocol: "udp" | "tcp" | "icmp";
  /** -1: drawn at random, 1024 to 65535. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Bytes of the IP packet. */
  readonly size: number;
  readonly ttl: number;
  /** Destination hardware address, 6 bytes. */
  readonly ether: Uint8Array;
}

export const SIZE_DEFAULT = 64;
/** Hardware address of the generated packets' sender, and of whoever answers for the network: locally administered. */
export const PEER_ETHER: Uint8Array = Uint8Array.of(2, 0, 0, 0, 0, 0xfe);

/** The words of a traffic description, for help texts. */
export const TRAFFIC_WORDS = `dst PREFIX     destination addresses (default 10.2.0.0/16, or 2001:db8:2::/48)
src PREFIX     source addresses (default 10.1.0.0/16, or 2001:db8:1::/48)
proto NAME     udp (default), tcp or icmp (echo requests)
sport PORT     source port (default: drawn at random)
dport PORT     destination port (default: drawn at random)
size BYTES     length of the IP packets
ttl N          TTL or hop limit (default 64)
ether ADDRESS  destination hardware address (default 02:00:00:00:00:01)
on DEVICE      only on this device (default: on all)`;

const TCP_HEADER = 20;
const DEFAULTS = {
  four: { destination: prefix("10.2.0.0/16"), source: prefix("10.1.0.0/16") },
  six: { destination: prefix("2001:db8:2::/48"), source: prefix("2001:db8:1::/48") },
};

function prefix(text: string): Prefix {
  const found = findPrefix(text);
  if (found === null) throw new TrafficError(`'${text}' is no address or prefix`);
  return found;
}

function whole(word: string, text: string, low: number, high: number): number {
  const n = Number(text);
  if (!/^\d+$/.test(text) || n < low || n > high)
    throw new TrafficError(`${word} needs a number between ${low} and ${high}, not '${text}'`);
  return n;
}

/** Reads a description: pairs of TRAFFIC_WORDS. `size` is what counts where it says nothing of it. Throws TrafficError. */
export function parseTraffic(text: string, size: number = SIZE_DEFAULT): Traffic {
  const words = text
    .trim()
    .split(/[\s,]+/)
    .filter((w) => w !== "");
  const said = new Map<string, string>();
  for (let i = 0; i < words.length; i += 2) {
    const [word, value] = [words[i], words[i + 1]];
    if (!/^(dst|src|proto|sport|dport|size|ttl|ether|on)$/.test(word))
      throw new TrafficError(`'${word}' is no word for traffic`);
    if (value === undefined) throw new TrafficError(`'${word}' needs a value`);
    if (said.has(word)) throw new TrafficError(`'${word}' stands twice`);
    said.set(word, value);
  }
  const [dst, src] = ["dst", "src"].map((w) => (said.has(w) ? prefix(said.get(w)!) : null));
  const six = (dst ?? src)?.address.length === 16;
  const { destination, source } = six ? DEFAULTS.six : DEFAULTS.four;
  const protocol = said.get("proto") ?? "udp";
  if (protocol !== "udp" && protocol !== "tcp" && protocol !== "icmp")
    throw new TrafficError(`proto is udp, tcp or icmp, not '${protocol}'`);
  const port = (word: string): number => (said.has(word) ? whole(word, said.get(word)!, 0, 65535) : -1);
  const ether = findMac(said.get("ether") ?? "02:00:00:00:00:01");
  if (ether === null) throw new TrafficError(`'${said.get("ether")}' is no hardware address`);
  const traffic: Traffic = {
    device: said.get("on") ?? null,
    destination: dst ?? destination,
    source: src ?? source,
    protocol,
    sourcePort: port("sport"),
    destinationPort: port("dport"),
    size: said.has("size") ? whole("size", said.get("size")!, 1, 65535) : size,
    ttl: said.has("ttl") ? whole("ttl", said.get("ttl")!, 0, 255) : 64,
    ether: ether,
  };
  if (traffic.destination.address.length !== traffic.source.address.length)
    throw new TrafficError("dst and src are of different families");
  const least = headers(traffic);
  if (traffic.size < least)
    throw new TrafficError(`packets of ${traffic.size} bytes have no room for their headers, ${least} bytes`);
  return traffic;
}

function headers(t: Traffic): number {
  return (
    (t.destination.address.length === 4 ? IPV4_HEADER : IPV6_HEADER) +
    (t.protocol === "tcp" ? TCP_HEADER : UDP_HEADER)
  );
}

/** An address of the prefix, its other bits drawn at random. */
function draw({ address, length }: Prefix, random: Random): Uint8Array {
  return address.map((byte, i) => {
    const fixed = Math.min(8, Math.max(0, length - i * 8));
    return (byte & (0xff00 >> fixed)) | (random.below(256) & (0xff >> fixed));
  });
}

/** One packet of the traffic, with right lengths and checksums; behind an Ethernet header for link type `ethernet`. */
export function trafficFrame(t: Traffic, linkType: "ethernet" | "ip", random: Random): Uint8Array {
  const source = draw(t.source, random);
  const destination = draw(t.destination, random);
  const endpoints = { source, destination };
  const sourcePort = t.sourcePort < 0 ? 1024 + random.below(64512) : t.sourcePort;
  const destinationPort = t.destinationPort < 0 ? 1024 + random.below(64512) : t.destinationPort;
  const four = destination.length === 4;
  const data = new Uint8Array(t.size - headers(t)).map((_, i) => i);
  let protocol: number;
  let payload: Uint8Array;
  if (t.protocol === "icmp") {
    protocol = four ? PROTOCOL_ICMP : PROTOCOL_ICMP6;
    const rest = ((sourcePort << 16) | destinationPort) >>> 0;
    payload = four
      ? writeIcmp({ type: ICMP_ECHO, code: 0, rest, payload: data })
      : writeIcmp6({ type: ICMP6_ECHO, code: 0, rest, payload: data }, endpoints);
  } else if (t.protocol === "udp") {
    protocol = PROTOCOL_UDP;
    payload = writeUdp({ sourcePort, destinationPort, payload: data }, endpoints);
  } else {
    protocol = PROTOCOL_TCP;
    payload = writeTcp(sourcePort, destinationPort, data, endpoints);
  }
  const packet = four
    ? writeIpv4({
        tos: 0,
        id: random.below(65536),
        dontFragment: false,
        moreFragments: false,
        fragmentOffset: 0,
        ttl: t.ttl,
        protocol,
        source: ipNumber(source),
        destination: ipNumber(destination),
        options: new Uint8Array(0),
        payload,
      })
    : writeIpv6({
        trafficClass: 0,
        flowLabel: 0,
        nextHeader: protocol,
        hopLimit: t.ttl,
        source,
        destination,
        payload,
      });
  if (linkType === "ip") return packet;
  const etherType = four ? ETHERTYPE_IP : ETHERTYPE_IP6;
  return writeEthernet({ destination: t.ether, source: PEER_ETHER, etherType, payload: packet });
}

/** A TCP segment with the ACK flag alone (RFC 9293, section 3.1). */
function writeTcp(from: number, to: number, data: Uint8Array, endpoints: Endpoints): Uint8Array {
  const bytes = new Uint8Array(TCP_HEADER + data.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, from);
  view.setUint16(2, to);
  view.setUint16(12, 0x5010); // five words of header, ACK
  view.setUint16(14, 0xffff); // window
  bytes.set(data, TCP_HEADER);
  const sum = pseudoSum(endpoints.source, endpoints.destination, PROTOCOL_TCP, bytes.length);
  view.setUint16(16, checksum(bytes, sum));
  return bytes;
}
