// What the tests of the LISP control elements share: messages in packets, both ways.

import { parseEid, parseRloc } from "../../../src/lisp/mapping.js";
import { ipAddress } from "../../../src/wire/lisp-control/address.js";
import { type MapReply, mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../src/wire/lisp-control/map-request.js";
import {
  decodeLispControl,
  encodeLispControl,
  type LispControlMessage,
} from "../../../src/wire/lisp-control/message.js";
import type { EidRecord } from "../../../src/wire/lisp-control/record.js";
import { readUdpPacket, type UdpPacket, writeUdpPacket } from "../../../src/wire/udp-packet.js";
import type { Bench, Seen } from "./harness.js";

export interface Ends {
  readonly from?: string;
  readonly to?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/** A message in its IP packet; by default from 192.0.2.9 to 192.0.2.1. */
export function packetOf(message: LispControlMessage | Uint8Array, ends: Ends = {}): Uint8Array {
  return writeUdpPacket({
    source: parseRloc(ends.from ?? "192.0.2.9"),
    destination: parseRloc(ends.to ?? "192.0.2.1"),
    sourcePort: ends.sourcePort ?? 4342,
    destinationPort: ends.destinationPort ?? 4342,
    payload: message instanceof Uint8Array ? message : encodeLispControl(message),
  });
}

export interface Sent<M> extends UdpPacket {
  readonly message: M;
}

/** The messages that sink `name` has got, with their datagrams. */
export function sentTo(b: Bench, name: string): Sent<LispControlMessage>[] {
  return b.take(name).map((seen: Seen) => {
    const datagram = readUdpPacket(seen.bytes);
    return { ...datagram, message: decodeLispControl(datagram.payload) };
  });
}

/** Messages of one type; anything else fails. */
export function sentOf<T extends LispControlMessage["type"]>(
  b: Bench,
  name: string,
  type: T,
): Sent<Extract<LispControlMessage, { type: T }>>[] {
  return sentTo(b, name).map((sent) => {
    if (sent.message.type !== type) throw new Error(`a ${sent.message.type}, not a ${type}`);
    return sent as Sent<Extract<LispControlMessage, { type: T }>>;
  });
}

/** The Map-Requests inside the ECMs that sink `name` has got. */
export function requestsTo(b: Bench, name: string): (Sent<MapRequest> & { readonly inner: Uint8Array })[] {
  return sentOf(b, name, "encapsulated-control").map((sent) => {
    const inner = sent.message.inner!;
    if (inner.message.type !== "map-request") throw new Error(`an ECM with a ${inner.message.type}`);
    return { ...sent, message: inner.message, inner: inner.ip.destination };
  });
}

/** An EID-Record: `10.2.0.0/16`, its locators `192.0.2.2 192.0.2.3` of priority 1 and weight 100. */
export function record(eid: string, rlocs = "", fields: Partial<EidRecord> = {}): EidRecord {
  const prefix = parseEid(eid);
  return {
    ttl: 1440,
    eid: ipAddress(prefix.address),
    maskLength: prefix.length,
    action: 0,
    authoritative: true,
    version: 0,
    locators: rlocs
      .split(" ")
      .filter((text) => text !== "")
      .map((text) => ({
        rloc: ipAddress(parseRloc(text)),
        priority: 1,
        weight: 100,
        mpriority: 255,
        mweight: 0,
        local: true,
        probed: false,
        reachable: true,
      })),
    ...fields,
  };
}

export function reply(nonce: bigint, ...records: EidRecord[]): MapReply {
  return mapReply({ nonce, records });
}

/** What an action fails with; empty when it does not. */
export async function failure(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
    return "";
  } catch (e) {
    return (e as Error).message;
  }
}

/** Takes every packet slot that is free. */
export function takeAllSlots(b: Bench): number[] {
  const taken: number[] = [];
  for (;;) {
    const slot = b.router.memory.kernels.poolTake();
    if (slot === 0) return taken;
    taken.push(slot);
  }
}
