// Echo requests and replies of ICMP (RFC 792) and ICMPv6 (RFC 4443, section 4) with a nonce as their data, whole packets.

import { ipBytes, ipNumber } from "../net/address.js";
import { WireError } from "./error.js";
import { ICMP_ECHO, ICMP_ECHO_REPLY, readIcmp, writeIcmp } from "./icmp.js";
import { ICMP6_ECHO, ICMP6_ECHO_REPLY, readIcmp6, writeIcmp6 } from "./icmp6.js";
import { PROTOCOL_ICMP, PROTOCOL_ICMP6, readIpv4, writeIpv4 } from "./ipv4.js";
import { readIpv6, writeIpv6 } from "./ipv6.js";

export interface Echo {
  /** 4 or 16 bytes, both of one family. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** 16 bits. */
  readonly sequence: number;
  /** 64 bits. Its first 16 are the identifier. */
  readonly nonce: bigint;
}

const NONCE_BYTES = 8;
const TTL = 64;
const NONE = new Uint8Array(0);

/** An echo request as an IP packet with its checksums. */
export function writeEcho({ source, destination, sequence, nonce }: Echo): Uint8Array {
  const payload = new Uint8Array(NONCE_BYTES);
  new DataView(payload.buffer).setBigUint64(0, nonce);
  const rest = Number(nonce >> 48n) * 65536 + sequence;
  if (source.length === 4)
    return writeIpv4({
      tos: 0,
      id: sequence,
      dontFragment: false,
      moreFragments: false,
      fragmentOffset: 0,
      ttl: TTL,
      protocol: PROTOCOL_ICMP,
      source: ipNumber(source),
      destination: ipNumber(destination),
      options: NONE,
      payload: writeIcmp({ type: ICMP_ECHO, code: 0, rest, payload }),
    });
  return writeIpv6({
    trafficClass: 0,
    flowLabel: 0,
    nextHeader: PROTOCOL_ICMP6,
    hopLimit: TTL,
    source,
    destination,
    payload: writeIcmp6({ type: ICMP6_ECHO, code: 0, rest, payload }, { source, destination }),
  });
}

/** The echo reply in an IP packet; null: there is none, or not a whole and proper one. */
export function readEchoReply(bytes: Uint8Array): Echo | null {
  try {
    return bytes.length > 0 && bytes[0] >> 4 === 6 ? reply6(bytes) : reply4(bytes);
  } catch (e) {
    if (e instanceof WireError) return null;
    throw e;
  }
}

function reply4(bytes: Uint8Array): Echo | null {
  const ip = readIpv4(bytes);
  if (ip.protocol !== PROTOCOL_ICMP || ip.moreFragments || ip.fragmentOffset !== 0) return null;
  const message = readIcmp(ip.payload);
  if (message.type !== ICMP_ECHO_REPLY) return null;
  return echo(ipBytes(ip.source), ipBytes(ip.destination), message);
}

function reply6(bytes: Uint8Array): Echo | null {
  const { source, destination, nextHeader, payload } = readIpv6(bytes);
  if (nextHeader !== PROTOCOL_ICMP6) return null;
  const message = readIcmp6(payload, { source, destination });
  return message.type === ICMP6_ECHO_REPLY ? echo(source, destination, message) : null;
}

function echo(
  source: Uint8Array,
  destination: Uint8Array,
  { code, rest, payload }: { readonly code: number; readonly rest: number; readonly payload: Uint8Array },
): Echo | null {
  if (code !== 0 || payload.length !== NONCE_BYTES) return null;
  const nonce = new DataView(payload.buffer, payload.byteOffset).getBigUint64(0);
  return Number(nonce >> 48n) === rest >>> 16
    ? { source, destination, sequence: rest & 0xffff, nonce }
    : null;
}
