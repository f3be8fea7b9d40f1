// Packets and names for tests of IP patterns.

import type { PatternNames } from "../../src/packet/classify/ip-words.js";
import type { Sample } from "./classify-oracle.js";

/** The number of `10.0.0.1`. */
export const dotted = (text: string): number | undefined => {
  const m = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  return m === null ? undefined : m.slice(1).reduce((sum, b) => sum * 256 + Number(b), 0);
};
const NUMBERS: Record<string, Record<string, number>> = {
  "ip protos": { icmp: 1, igmp: 2, ipip: 4, tcp: 6, udp: 17, dccp: 33, tcpudp: 256, transp: 257 },
  "tcp ports": { www: 80, ssh: 22, ftp: 21, echo: 7, syslog: 1514, rdp: 3389 },
  "udp ports": { www: 80, echo: 7, syslog: 514, dns: 53 },
  "icmp types": { echo: 8, "echo-reply": 0, unreachable: 3 },
};
export const names: PatternNames = {
  number: (database, word) => NUMBERS[database][word],
  ip: (word) => dotted(word) ?? ({ BASTION: 0x0a000001, NET: 0x0a000000 } as Record<string, number>)[word],
  ipPrefix: (word) => {
    if (word === "NET") return { address: 0x0a000000, mask: 0xff000000 };
    const [address, length] = word.split("/");
    const at = dotted(address);
    if (at === undefined || length === undefined) return undefined;
    return { address: at, mask: length === "0" ? 0 : (0xffffffff << (32 - Number(length))) >>> 0 };
  },
  ether: (word) =>
    /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(word)
      ? Uint8Array.from(word.split(":"), (b) => Number.parseInt(b, 16))
      : undefined,
};

interface Header {
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly sport: number;
  readonly dport: number;
  readonly flags: number;
  readonly win: number;
  readonly tos: number;
  readonly ttl: number;
  readonly id: number;
  /** Flags and fragment offset, as in the header. */
  readonly frag: number;
  /** Words of options. */
  readonly options: number;
  /** Bytes after the IP header. */
  readonly payload: number;
}
const HEADER: Header = {
  src: "10.0.0.1",
  dst: "192.168.1.2",
  proto: 6,
  sport: 1024,
  dport: 80,
  flags: 0x02,
  win: 512,
  tos: 0,
  ttl: 64,
  id: 7,
  frag: 0x4000,
  options: 0,
  payload: 24,
};

/** An Ethernet frame; an ICMP type is the first byte of `sport`. */
export function packet(change: Partial<Header> = {}): Sample {
  const h = { ...HEADER, ...change };
  const hl = 20 + h.options * 4;
  const bytes = new Uint8Array(14 + hl + Math.max(24, h.payload));
  const view = new DataView(bytes.buffer);
  bytes.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
  bytes[14] = 0x40 + hl / 4;
  bytes[15] = h.tos;
  view.setUint16(16, hl + h.payload);
  view.setUint16(18, h.id);
  view.setUint16(20, h.frag);
  bytes[22] = h.ttl;
  bytes[23] = h.proto;
  view.setUint32(26, dotted(h.src) as number);
  view.setUint32(30, dotted(h.dst) as number);
  const t = 14 + hl;
  view.setUint16(t, h.sport);
  view.setUint16(t + 2, h.dport);
  bytes[t + 12] = 0x50;
  bytes[t + 13] = h.flags;
  view.setUint16(t + 14, h.win);
  return { bytes: bytes.subarray(0, t + h.payload), mac: 0, network: 14, transport: t };
}
