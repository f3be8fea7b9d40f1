// An IPv4 packet in a line, as Click's IPPrint writes it. Every header is read only as far as the packet goes.

import { builtinNameOf, DATABASES, icmpCodeDatabase } from "../lang/args/databases.js";
import { ipText } from "../net/address.js";
import type { Packet } from "../packet/packet.js";

/** Which fields of the IP header are printed, and whether ICMP numbers are in network order. */
export interface IPFields {
  readonly id: boolean;
  readonly ttl: boolean;
  readonly tos: boolean;
  readonly length: boolean;
  readonly swap: boolean;
}

const ICMP = 1;
const TCP = 6;
const UDP = 17;

/** Where a packet's headers are, as addresses and lengths in bytes. */
interface Place {
  readonly ip: number;
  readonly transport: number;
  /** Bytes of the transport header and what follows it: as many as there are, and as the IP header says. */
  readonly has: number;
  readonly ipLength: number;
  readonly payloadLength: number;
  readonly first: boolean;
}

/** The packet's network header is set, and has at least 20 bytes of data. */
export function ipLine(view: DataView, packet: Packet, fields: IPFields): string {
  const place = placeOf(view, packet);
  const { ip, ipLength, payloadLength } = place;
  const protocol = view.getUint8(ip + 9);
  const fragment = view.getUint16(ip + 6);
  let line = "";
  if (fields.id) line += `id ${view.getUint16(ip + 4)} `;
  if (fields.ttl) line += `ttl ${view.getUint8(ip + 8)} `;
  if (fields.tos) line += `tos ${view.getUint8(ip + 1)} `;
  if (fields.length) line += `length ${ipLength} `;
  if (protocol === TCP) line += tcpText(view, place, packet.length);
  else if (protocol === UDP) line += udpText(view, place);
  else if (protocol === ICMP) line += icmpText(view, place, fields.swap);
  else line += `${pair(view, ip)}: ip-proto-${protocol}`;
  if ((fragment & 0x3fff) !== 0) {
    const more = (fragment & 0x2000) !== 0 ? "+" : "";
    line += ` (frag ${view.getUint16(ip + 4)}:${payloadLength}@${(fragment & 0x1fff) * 8}${more})`;
  }
  return line;
}

/** Address of what follows the packet's TCP or UDP header; of its transport header for other protocols. */
export function payloadStart(view: DataView, packet: Packet): number {
  const { ip, transport, has, first } = placeOf(view, packet);
  const protocol = view.getUint8(ip + 9);
  if (first && protocol === TCP && has > 12) return transport + (view.getUint8(transport + 12) >> 4) * 4;
  return first && protocol === UDP ? transport + 8 : transport;
}

function placeOf(view: DataView, packet: Packet): Place {
  const ip = packet.networkHeader;
  const headerLength = (view.getUint8(ip) & 15) * 4;
  const transport = packet.transportHeader === 0 ? ip + headerLength : packet.transportHeader;
  const ipLength = view.getUint16(ip + 2);
  const payloadLength = ipLength - headerLength;
  const has = Math.min(packet.data + packet.length - transport, payloadLength);
  return { ip, transport, has, ipLength, payloadLength, first: (view.getUint16(ip + 6) & 0x1fff) === 0 };
}

function address(view: DataView, at: number): string {
  return ipText(view.getUint32(at));
}

function pair(view: DataView, ip: number): string {
  return `${address(view, ip + 12)} > ${address(view, ip + 16)}`;
}

/** `10.0.0.1.80 > 10.0.0.2.1024: ` */
function portPair(view: DataView, { ip, transport }: Place): string {
  const source = `${address(view, ip + 12)}.${view.getUint16(transport)}`;
  return `${source} > ${address(view, ip + 16)}.${view.getUint16(transport + 2)}: `;
}

function tcpText(view: DataView, place: Place, packetLength: number): string {
  const { ip, transport, has, ipLength, payloadLength, first } = place;
  if (!first) return `${pair(view, ip)}: tcp`;
  if (has < 4) return `${pair(view, ip)}: truncated-tcp`;
  const ports = portPair(view, place);
  if (has < 14) return `${ports}truncated-tcp`;
  const flags = view.getUint8(transport + 13);
  const syn = flags & 2;
  const fin = flags & 1;
  const letters = `${syn ? "S" : ""}${fin ? "F" : ""}${flags & 4 ? "R" : ""}${flags & 8 ? "P" : ""}`;
  // SYN and FIN each take a sequence number.
  const length = payloadLength - (view.getUint8(transport + 12) >> 4) * 4 + (syn ? 1 : 0) + (fin ? 1 : 0);
  const sequence = view.getUint32(transport + 4);
  let text = `${ports}${letters || "."} ${sequence}:${(sequence + length) >>> 0}(${length},${packetLength},${ipLength})`;
  if (flags & 16) text += ` ack ${view.getUint32(transport + 8)}`;
  return has < 16 ? `${text}truncated-tcp` : `${text} win ${view.getUint16(transport + 14)}`;
}

function udpText(view: DataView, place: Place): string {
  const { ip, transport, has, first } = place;
  if (!first) return `${pair(view, ip)}: udp`;
  if (has < 4) return `${pair(view, ip)}: truncated-udp`;
  const ports = portPair(view, place);
  return has < 8 ? `${ports}truncated-udp` : `${ports}udp ${view.getUint16(transport + 4)}`;
}

function icmpText(view: DataView, place: Place, swap: boolean): string {
  const { ip, transport, has, first } = place;
  const start = `${pair(view, ip)}: `;
  if (!first) return `${start}icmp`;
  if (has < 2) return `${start}truncated-icmp`;
  const type = view.getUint8(transport);
  const code = view.getUint8(transport + 1);
  if (type === 0 || type === 8) {
    const echo = `${start}icmp ${type === 0 ? "echo-reply" : "echo"} `;
    if (has < 8) return `${echo}truncated-icmp`;
    return `${echo}(${view.getUint16(transport + 4, !swap)}, ${view.getUint16(transport + 6, !swap)})`;
  }
  if (type === 3) return start + unreachableText(view, place, code);
  const name = builtinNameOf(DATABASES.icmpTypes, type) ?? `type ${type}`;
  const codeName = builtinNameOf(icmpCodeDatabase(type), code) ?? (code === 0 ? "" : `code ${code}`);
  return `${start}icmp ${name}${codeName === "" ? "" : ` ${codeName}`}`;
}

/** A destination-unreachable message: what could not be reached, from the packet it quotes. */
function unreachableText(view: DataView, { transport, has }: Place, code: number): string {
  const codeName = builtinNameOf(icmpCodeDatabase(3), code) ?? `code ${code}`;
  const quoted = transport + 8;
  if (has < 28) return `icmp unreachable ${codeName} truncated-icmp`;
  const text = `icmp ${address(view, quoted + 16)} unreachable ${codeName}`;
  const protocol = view.getUint8(quoted + 9);
  const name = builtinNameOf(DATABASES.ipProtocols, protocol);
  if (code === 2) return `${text} ${name ?? protocol}`;
  if (code === 3) {
    const headerLength = (view.getUint8(quoted) & 15) * 4;
    const named = `${text} ${name ?? `protocol ${protocol}`}`;
    if (has - 8 - headerLength < 4) return `${named}truncated-icmp`;
    return `${named}/${view.getUint16(quoted + headerLength + 2)}`;
  }
  const mtu = view.getUint16(transport + 6);
  return code === 4 && mtu !== 0 ? `${text} (mtu ${mtu})` : text;
}
