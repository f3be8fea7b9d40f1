// What an ICMP error says to TCP (RFC 792, RFC 1191; RFC 4443, RFC 8201; RFC 5461).

import type { PacketMemory } from "../../packet/memory.js";
import {
  ICMP_CODE,
  ICMP_HEADER,
  ICMP_REST,
  ICMP_TIME_EXCEEDED,
  ICMP_TYPE,
  ICMP_UNREACHABLE,
} from "../../wire/icmp.js";
import { ICMP6_TIME_EXCEEDED, ICMP6_TOO_BIG, ICMP6_UNREACHABLE } from "../../wire/icmp6.js";
import { PROTOCOL_ICMP, PROTOCOL_ICMP6 } from "../../wire/ipv4.js";
import type { ArrivedPacket } from "../ip-packet.js";

/** Codes of unreachable destinations: nobody has that protocol or port; the packet is too big. */
const CODE_PROTOCOL = 2;
const CODE_PORT = 3;
const CODE_TOO_BIG = 4;
/** ICMPv6's code for a port. */
const CODE6_PORT = 4;
/** What is tried where a router does not say what its link takes (RFC 1191 section 7.1). */
const PLATEAUS = [32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

export interface IcmpError {
  /** `refused`: the host is there, and wants none of it. */
  readonly kind: "too-big" | "refused" | "unreachable";
  readonly text: string;
  /** Bytes of an IP packet that passes, where it was too big. */
  readonly mtu: number;
}

/** Reads an error that `arrived`, and what it quotes into `quoted`; null where it is none that concerns TCP. */
export function readIcmpError(
  memory: PacketMemory,
  arrived: ArrivedPacket,
  quoted: ArrivedPacket,
): IcmpError | null {
  const { payload: at, length, version } = arrived;
  const { u8, view } = memory;
  if (arrived.protocol !== (version === 4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6) || length < ICMP_HEADER)
    return null;
  const type = u8[at + ICMP_TYPE];
  const code = u8[at + ICMP_CODE];
  const wanted =
    version === 4
      ? type === ICMP_UNREACHABLE || type === ICMP_TIME_EXCEEDED
      : type === ICMP6_UNREACHABLE || type === ICMP6_TIME_EXCEEDED || type === ICMP6_TOO_BIG;
  if (!wanted || !quoted.readAt(memory, at + ICMP_HEADER, at + length, false)) return null;
  if (quoted.version !== version) return null;
  const text = `ICMP${version === 6 ? "v6" : ""} type ${type} code ${code}`;
  if (version === 4 && type === ICMP_UNREACHABLE && code === CODE_TOO_BIG) {
    const told = view.getUint16(at + ICMP_REST + 2);
    const sent = view.getUint16(quoted.ip + 2);
    return { kind: "too-big", text, mtu: told || PLATEAUS.find((mtu) => mtu < sent) || 68 };
  }
  if (version === 6 && type === ICMP6_TOO_BIG)
    return { kind: "too-big", text, mtu: view.getUint32(at + ICMP_REST) };
  const refused =
    version === 4
      ? type === ICMP_UNREACHABLE && (code === CODE_PROTOCOL || code === CODE_PORT)
      : type === ICMP6_UNREACHABLE && code === CODE6_PORT;
  return { kind: refused ? "refused" : "unreachable", text, mtu: 0 };
}
