// What the tests of the LISP elements share: a router with sinks that keep
// what reaches them, packets by hand, and slow twins of the kernels.

import * as layout from "../../../assembly/layout.js";
import { type Batch, Element, Loader, Packet, Router, SimulatedClock } from "../../../src/index.js";
import { bufferOf } from "../../slot-canary.js";

/** What reached a sink: the packet's bytes and what its slot says. */
export interface Seen {
  readonly bytes: Uint8Array;
  readonly iid: number;
  readonly hash: number;
  readonly route: number;
  readonly routeTag: number;
  readonly mtu: number;
  readonly reason: number;
  /** Offset of the network header in the data; null = unset. */
  readonly network: number | null;
  readonly destination: Uint8Array;
  readonly slot: number;
}

/** Keeps what it gets. */
export class Sink extends Element {
  static readonly spec = { ports: "1/0", processing: "h/h" } as const;
  readonly seen: Seen[] = [];

  override push(_port: number, batch: Batch): void {
    const { memory } = this;
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      const packet = new Packet(memory, slot);
      const anno = packet.anno(layout.ANNO_DST_IP);
      this.seen.push({
        bytes: Uint8Array.from(packet.bytes()),
        iid: memory.get32(slot + layout.SLOT_IID),
        hash: memory.get32(slot + layout.SLOT_FLOW_HASH),
        route: memory.get32(slot + layout.SLOT_ROUTE),
        routeTag: memory.get32(slot + layout.SLOT_ROUTE_TAG),
        mtu: memory.get32(slot + layout.SLOT_MTU),
        reason: memory.u16[(slot + layout.SLOT_REASON) >>> 1],
        network: packet.networkHeader === 0 ? null : packet.networkHeader - packet.data,
        destination: Uint8Array.from(memory.u8.subarray(anno, anno + 16)),
        slot,
      });
    }
    batch.kill();
  }
}

/** Stands where packets come from; the tests push past it. */
export class Feed extends Element {
  static readonly spec = { ports: "0/1", processing: "h/h" } as const;
}

/** What a packet is injected with besides its bytes. */
export interface Given {
  readonly iid?: number;
  /** Instance ID of each packet. */
  readonly iids?: readonly number[];
  readonly flags?: number;
  /** SLOT_CSUM_START. */
  readonly sumStart?: number;
  /** Offset of the network header; not given: unset. */
  readonly network?: number;
  /** Bytes of headroom; default: what fresh packets have. */
  readonly headroom?: number;
  readonly route?: number;
  readonly routeTag?: number;
  readonly hash?: number;
}

/** The outputs of the element `e` of a configuration whose sinks are s0, s1, ... */
export class Bench {
  readonly router: Router;
  readonly clock: SimulatedClock;

  private constructor(router: Router, clock: SimulatedClock) {
    this.router = router;
    this.clock = clock;
  }

  /** Around a router that was made elsewhere. */
  static around(router: Router, clock: SimulatedClock): Bench {
    return new Bench(router, clock);
  }

  /** A router with `text`, which may use Sink and Feed. */
  static async start(text: string, log: (line: string) => void = () => {}): Promise<Bench> {
    const loader = new Loader();
    loader.add(Sink, "Sink");
    loader.add(Feed, "Feed");
    const clock = new SimulatedClock();
    const router = await Router.fromText(text, { loader, clock, log, memory: { slots: 1024 } });
    return new Bench(router, clock);
  }

  /** `e` with `outputs` sinks s0, s1, ...; its input is fed by the test. */
  static of(element: string, outputs: number, log?: (line: string) => void): Promise<Bench> {
    const sinks = Array.from({ length: outputs }, (_, i) => `e[${i}] -> s${i} :: Sink;`).join(" ");
    return Bench.start(`feed :: Feed -> e :: ${element}; ${sinks}`, log);
  }

  /** Pushes packets, one batch, into element `name`. */
  push(name: string, packets: readonly Uint8Array[], given: Given = {}): void {
    const { memory, batches } = this.router;
    const batch = batches.acquire();
    for (const [i, bytes] of packets.entries()) {
      const iid = given.iids?.[i] ?? given.iid;
      const slot = memory.kernels.poolTakeRoom(given.headroom ?? memory.headroom, bytes.length);
      if (slot === 0) throw new Error("no slot");
      // What does not belong to the packet must stay as it is, and must not be read.
      memory.u8.fill(0xee, ...bufferOf(memory, slot));
      const data = memory.get32(slot + layout.SLOT_DATA);
      memory.set32(slot + layout.SLOT_LENGTH, bytes.length);
      memory.u8.set(bytes, data);
      if (given.network !== undefined) memory.set32(slot + layout.SLOT_NETWORK, data + given.network);
      if (iid !== undefined) memory.set32(slot + layout.SLOT_IID, iid);
      if (given.flags !== undefined) memory.u8[slot + layout.SLOT_FLAGS] = given.flags;
      if (given.route !== undefined) memory.set32(slot + layout.SLOT_ROUTE, given.route);
      if (given.routeTag !== undefined) memory.set32(slot + layout.SLOT_ROUTE_TAG, given.routeTag);
      if (given.hash !== undefined) memory.set32(slot + layout.SLOT_FLOW_HASH, given.hash);
      if (given.sumStart !== undefined) memory.u16[(slot + layout.SLOT_CSUM_START) >>> 1] = given.sumStart;
      batch.add(slot);
    }
    this.router.find(name)!.push(0, batch);
    batch.count = 0;
    batches.release(batch);
  }

  /** What sink `name` has got since it was asked last. */
  take(name: string): Seen[] {
    return (this.router.find(name) as Sink).seen.splice(0);
  }

  read(path: string, parameters = ""): string {
    return this.router.read(path, parameters).trim();
  }

  close(): void {
    this.router.close();
  }
}

// ---- Packets by hand ------------------------------------------------------------

export function hex(text: string): Uint8Array {
  const clean = text.replace(/[^0-9a-f]/gi, "");
  return Uint8Array.from({ length: clean.length / 2 }, (_, i) =>
    Number.parseInt(clean.slice(2 * i, 2 * i + 2), 16),
  );
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function ip(text: string): Uint8Array {
  return Uint8Array.from(text.split("."), Number);
}

/** The one's complement sum of 16-bit words, RFC 1071, byte by byte. */
export function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts)
    for (let i = 0; i < part.length; i += 2) sum += part[i] * 256 + (i + 1 < part.length ? part[i + 1] : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return ~sum & 0xffff;
}

export interface Fields {
  readonly source?: Uint8Array;
  readonly destination?: Uint8Array;
  readonly tos?: number;
  readonly ttl?: number;
  readonly protocol?: number;
  /** DF 0x4000, MF 0x2000, offset. */
  readonly fragment?: number;
  readonly id?: number;
}

export function ipv4(payload: Uint8Array, f: Fields = {}): Uint8Array {
  const bytes = new Uint8Array(20 + payload.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  bytes[1] = f.tos ?? 0;
  view.setUint16(2, bytes.length);
  view.setUint16(4, f.id ?? 0);
  view.setUint16(6, f.fragment ?? 0);
  bytes[8] = f.ttl ?? 64;
  bytes[9] = f.protocol ?? 17;
  bytes.set(f.source ?? ip("10.1.0.1"), 12);
  bytes.set(f.destination ?? ip("10.2.0.1"), 16);
  view.setUint16(10, checksum(bytes.subarray(0, 20)));
  bytes.set(payload, 20);
  return bytes;
}

export const SIX_A = hex("fd01 0000 0000 0001 0000 0000 0000 0001");
export const SIX_B = hex("fd01 0000 0000 0002 0000 0000 0000 0001");

export function ipv6(payload: Uint8Array, f: Fields = {}): Uint8Array {
  const bytes = new Uint8Array(40 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, (0x60000000 + ((f.tos ?? 0) << 20)) >>> 0);
  view.setUint16(4, payload.length);
  bytes[6] = f.protocol ?? 17;
  bytes[7] = f.ttl ?? 64;
  bytes.set(f.source ?? SIX_A, 8);
  bytes.set(f.destination ?? SIX_B, 24);
  bytes.set(payload, 40);
  return bytes;
}

/** A UDP datagram without a checksum. */
export function udp(
  source: number,
  destination: number,
  payload: Uint8Array,
  length = 8 + payload.length,
): Uint8Array {
  const bytes = new Uint8Array(8 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, source);
  view.setUint16(2, destination);
  view.setUint16(4, length);
  bytes.set(payload, 8);
  return bytes;
}

/** A LISP data packet: outer family by the source's size. */
export function lisp(inner: Uint8Array, header: Uint8Array = new Uint8Array(8), f: Fields = {}): Uint8Array {
  const datagram = udp(0xf000, 4341, Uint8Array.of(...header, ...inner));
  return (f.source?.length ?? 4) === 4
    ? ipv4(datagram, { source: ip("192.0.2.1"), destination: ip("192.0.2.2"), ...f })
    : ipv6(datagram, f);
}

// ---- Slow twins -------------------------------------------------------------------

const M64 = (1n << 64n) - 1n;
const MIX = [0x9e3779b97f4a7c15n, 0xbf58476d1ce4e5b9n, 0x94d049bb133111ebn, 0xd6e8feb86659fd93n] as const;
const little = (b: Uint8Array, at: number, n: number): bigint => {
  let x = 0n;
  for (let i = n - 1; i >= 0; i--) x = x * 256n + BigInt(b[at + i]);
  return x;
};
const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & M64;

/** The flow hash of an IP packet, from its description in lisp-flow.ts. */
export function flowHash(b: Uint8Array): number {
  const four = b[0] >> 4 === 4;
  let protocol = four ? b[9] : b[6];
  let at = four ? (b[0] & 15) * 4 : 40;
  let whole = !four || (((b[6] << 8) | b[7]) & 0x3fff) === 0;
  for (let n = 0; !four && n < 8 && [0, 43, 60].includes(protocol); n++) {
    if (at + 8 > b.length) whole = false;
    if (!whole) break;
    protocol = b[at];
    at += (b[at + 1] + 1) * 8;
  }
  const ports = whole && [6, 17, 132].includes(protocol) && at + 4 <= b.length;
  const more = ports ? (little(b, at, 4) << 8n) | BigInt(protocol) : 0n;
  let x: bigint;
  if (four) {
    x = little(b, 12, 8);
  } else {
    const s = (little(b, 8, 8) * MIX[1] + rotl((little(b, 16, 8) * MIX[2]) & M64, 31n)) & M64;
    const d = (little(b, 24, 8) * MIX[3] + rotl((little(b, 32, 8) * MIX[0]) & M64, 31n)) & M64;
    x = s ^ rotl(d, 17n);
  }
  x = ((x ^ ((more * MIX[3]) & M64)) * MIX[0]) & M64;
  x = ((x ^ (x >> 32n)) * MIX[1]) & M64;
  x = ((x ^ (x >> 29n)) * MIX[2]) & M64;
  return Number(x >> 32n);
}
