// Encapsulated Control Message (RFC 9301, sections 5.8 and 12.6; with S, RFC 9303, section 6.1).
//
//   bits    field
//   0-3     Type = 8
//   4 5     S D
//   6-31    Reserved         (section 12.6 names bits 6 and 7 E and M, section 5.8 says that they are 0 and
//                             ignored, and goes before; NAT traversal uses bits 9 and 10)
//           with S: LISP-SEC authentication data
//           IPv4 or IPv6 header, UDP header, a control message

import { ipBytes, ipNumber } from "../../net/address.js";
import { WireError } from "../error.js";
import { IPV4_CHECKSUM, IPV4_FRAGMENT, PROTOCOL_UDP, readIpv4, writeIpv4 } from "../ipv4.js";
import { readIpv6, writeIpv6 } from "../ipv6.js";
import { readUdp, UDP_CHECKSUM, UDP_HEADER, writeUdp } from "../udp.js";
import { Reader, type Writer } from "./cursor.js";
import { LispControlError } from "./error.js";

const S_BIT = 0x08000000;
const D_BIT = 0x04000000;
const RESERVED = 0x03ffffff;

/** The AD Type of LISP-SEC. */
export const AD_LISP_SEC = 1;
/** Bytes of LISP-SEC authentication data before the one-time key. */
const AD_HEAD = 8;

/** The inner IP header; lengths and checksum follow from the rest. */
export type InnerHeader =
  | {
      readonly version: 4;
      /** 4 bytes. */
      readonly source: Uint8Array;
      readonly destination: Uint8Array;
      readonly tos: number;
      readonly id: number;
      readonly dontFragment: boolean;
      readonly ttl: number;
      readonly options: Uint8Array;
    }
  | {
      readonly version: 6;
      /** 16 bytes. */
      readonly source: Uint8Array;
      readonly destination: Uint8Array;
      readonly trafficClass: number;
      readonly flowLabel: number;
      readonly hopLimit: number;
    };

export interface EncapsulatedMessage<Message> {
  readonly ip: InnerHeader;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** Null when it is right, else what stood there (0: none). RFC 9301 wants it right. */
  readonly udpChecksum: number | null;
  readonly message: Message;
}

export interface EncapsulatedControl<Message> {
  readonly type: "encapsulated-control";
  /** S: authentication data follow the first word. */
  readonly security: boolean;
  /** D: a Map-Referral is wanted (RFC 8111). */
  readonly ddt: boolean;
  /** LISP-SEC authentication data, from the AD Type on; null without S, or with an AD Type that is not known. */
  readonly authentication: Uint8Array | null;
  /** Null where an AD Type is not known and so hides where it begins: then everything is in `trailer`. */
  readonly inner: EncapsulatedMessage<Message> | null;
  /** Reserved bits of the first word, in place; absent when 0. */
  readonly reserved?: number;
  /** Bytes behind the inner packet; absent when there are none. */
  readonly trailer?: Uint8Array;
}

/** A plain ECM around a message: what `fields` do not say is not set. */
export function encapsulatedControl<Message>(
  inner: EncapsulatedMessage<Message>,
  fields: Partial<EncapsulatedControl<Message>> = {},
): EncapsulatedControl<Message> {
  return {
    type: "encapsulated-control",
    security: false,
    ddt: false,
    authentication: null,
    inner,
    ...fields,
  };
}

/** Reads an ECM; `readMessage` reads what is inside, from a reader that ends where it does. */
export function readEncapsulated<Message>(
  r: Reader,
  readMessage: (r: Reader) => Message,
): EncapsulatedControl<Message> {
  const word = r.u32("ECM");
  const security = (word & S_BIT) !== 0;
  let authentication: Uint8Array | null = null;
  let known = true;
  if (security) {
    if (r.left === 0) throw r.error("TRUNCATED", "an ECM with S and without authentication data");
    known = r.bytes[r.at] === AD_LISP_SEC;
    if (known) authentication = readLispSec(r);
  }
  return {
    type: "encapsulated-control",
    security,
    ddt: (word & D_BIT) !== 0,
    authentication,
    inner: known ? readInner(r, readMessage) : null,
    ...r.reserved({ reserved: word & RESERVED }),
    ...r.trailer(),
  };
}

/**
 * LISP-SEC data end where their two lengths say: OTK Length counts the preamble and the key behind its word,
 * EID-AD Length itself and what follows (4 when an ITR sends it).
 */
function readLispSec(r: Reader): Uint8Array {
  const start = r.at;
  r.skip(AD_HEAD - 4, "LISP-SEC data");
  const key = r.u16("OTK Length");
  r.skip(2 + key, "one-time key");
  const length = r.u16("EID-AD Length");
  if (length < 4) throw r.error("BAD_LENGTH", `an EID-AD Length of ${length}`, r.at - 2);
  r.skip(length - 2, "EID-AD");
  return r.bytes.slice(start, r.at);
}

function readInner<Message>(r: Reader, readMessage: (r: Reader) => Message): EncapsulatedMessage<Message> {
  const start = r.at;
  const bytes = r.bytes.subarray(start, r.end);
  const { ip, payload } = guarded(start, () => readHeader(bytes, start));
  const at = payload.byteOffset - r.bytes.byteOffset;
  const { sourcePort, destinationPort, payload: inside } = guarded(at, () => readUdp(payload));
  if (inside.length + UDP_HEADER !== payload.length)
    throw r.error("BAD_LENGTH", "the inner UDP and IP lengths differ", at);
  const udp = writeUdp({ sourcePort, destinationPort, payload: inside }, ip);
  const found = (payload[UDP_CHECKSUM] << 8) | payload[UDP_CHECKSUM + 1];
  const right = (udp[UDP_CHECKSUM] << 8) | udp[UDP_CHECKSUM + 1];
  const message = readMessage(new Reader(r.bytes, at + UDP_HEADER, at + payload.length));
  r.at = at + payload.length;
  return { ip, sourcePort, destinationPort, udpChecksum: found === right ? null : found, message };
}

function readHeader(bytes: Uint8Array, start: number): { ip: InnerHeader; payload: Uint8Array } {
  if (bytes.length === 0) throw new LispControlError("TRUNCATED", start, "an ECM without a packet in it");
  const version = bytes[0] >> 4;
  if (version === 6) {
    const { source, destination, trafficClass, flowLabel, hopLimit, nextHeader, payload } = readIpv6(bytes);
    if (nextHeader !== PROTOCOL_UDP)
      throw new LispControlError("BAD_FIELD", start, `an ECM with protocol ${nextHeader}, only UDP is known`);
    return { ip: { version, source, destination, trafficClass, flowLabel, hopLimit }, payload };
  }
  if (version !== 4) throw new LispControlError("BAD_VERSION", start, `an ECM with IP version ${version}`);
  const packet = readIpv4(bytes);
  const { tos, id, dontFragment, ttl, options, payload } = packet;
  if (packet.protocol !== PROTOCOL_UDP)
    throw new LispControlError(
      "BAD_FIELD",
      start,
      `an ECM with protocol ${packet.protocol}, only UDP is known`,
    );
  // The bit before Don't-Fragment must be zero (RFC 791).
  if (packet.moreFragments || packet.fragmentOffset !== 0 || bytes[IPV4_FRAGMENT] >> 7 !== 0)
    throw new LispControlError("BAD_FIELD", start + IPV4_FRAGMENT, "an ECM with a fragment in it");
  // Ones' complement has a second zero, which nobody computes.
  if (bytes[IPV4_CHECKSUM] === 0xff && bytes[IPV4_CHECKSUM + 1] === 0xff)
    throw new LispControlError("BAD_CHECKSUM", start + IPV4_CHECKSUM, "an IPv4 checksum of 0xffff");
  return {
    ip: {
      version,
      source: ipBytes(packet.source),
      destination: ipBytes(packet.destination),
      tos,
      id,
      dontFragment,
      ttl,
      options,
    },
    payload,
  };
}

/** Writes an ECM around `message`, the bytes of the message inside (null where `inner` is). */
export function writeEncapsulated(
  w: Writer,
  m: EncapsulatedControl<unknown>,
  message: Uint8Array | null,
): void {
  const { inner, authentication } = m;
  if (authentication !== null && !m.security)
    throw w.error("BAD_FIELD", "authentication data without the S bit");
  const word = 0x80000000 | (m.security ? S_BIT : 0) | (m.ddt ? D_BIT : 0) | w.reserved(m.reserved, RESERVED);
  w.u32(word >>> 0, "ECM");
  if (authentication !== null) w.raw(authentication);
  if (inner !== null && message !== null) w.raw(guarded(w.at, () => packetOf(w, inner, message)));
  if (m.trailer !== undefined) w.raw(m.trailer);
}

function packetOf(w: Writer, inner: EncapsulatedMessage<unknown>, message: Uint8Array): Uint8Array {
  const { ip, sourcePort, destinationPort, udpChecksum } = inner;
  w.check(sourcePort, 0xffff, "inner source port");
  w.check(destinationPort, 0xffff, "inner destination port");
  const bytes = ip.version === 4 ? 4 : 16;
  if (ip.source.length !== bytes || ip.destination.length !== bytes)
    throw w.error("BAD_FIELD", `inner addresses of ${ip.source.length} and ${ip.destination.length} bytes`);
  const payload = writeUdp({ sourcePort, destinationPort, payload: message }, ip);
  if (udpChecksum !== null) {
    w.check(udpChecksum, 0xffff, "inner UDP checksum");
    payload[UDP_CHECKSUM] = udpChecksum >> 8;
    payload[UDP_CHECKSUM + 1] = udpChecksum & 0xff;
  }
  if (ip.version === 6) {
    w.check(ip.trafficClass, 0xff, "Traffic Class");
    w.check(ip.flowLabel, 0xfffff, "Flow Label");
    w.check(ip.hopLimit, 0xff, "Hop Limit");
    const { source, destination, trafficClass, flowLabel, hopLimit } = ip;
    const nextHeader = PROTOCOL_UDP;
    return writeIpv6({ source, destination, trafficClass, flowLabel, hopLimit, nextHeader, payload });
  }
  w.check(ip.tos, 0xff, "TOS");
  w.check(ip.id, 0xffff, "Identification");
  w.check(ip.ttl, 0xff, "TTL");
  return writeIpv4({
    tos: ip.tos,
    id: ip.id,
    dontFragment: ip.dontFragment,
    ttl: ip.ttl,
    options: ip.options,
    source: ipNumber(ip.source),
    destination: ipNumber(ip.destination),
    protocol: PROTOCOL_UDP,
    moreFragments: false,
    fragmentOffset: 0,
    payload,
  });
}

/** Runs a codec of another protocol; what it throws becomes an error at byte `at` of this message. */
function guarded<T>(at: number, action: () => T): T {
  try {
    return action();
  } catch (e) {
    if (e instanceof WireError) throw new LispControlError(e.code, at, e.message);
    throw e;
  }
}
