// A router with ends that a test holds: `Feed` pushes the batches it is given, `Catch` keeps what arrives.

import * as assert from "uvu/assert";
import * as layout from "../../assembly/layout.js";
import {
  type Batch,
  Element,
  Loader,
  Packet,
  Router,
  type RouterOptions,
  SimulatedClock,
} from "../../src/index.js";
import type { ElementSpec } from "../../src/router/spec.js";

/** A packet to feed: bytes, and what a device or another element would have set. */
export interface Fed {
  readonly bytes: Uint8Array;
  readonly packetType?: number;
  /** Annotation bytes by offset. */
  readonly anno?: Readonly<Record<number, Uint8Array | number>>;
  /** Bytes to drop from the front after the headers are marked, by what comes next. */
  readonly network?: number;
  readonly transport?: number;
  /** Bytes from the slot's buffer to the data; default: the router's headroom. */
  readonly headroom?: number;
  readonly slot?: (memory: Router["memory"], slot: number) => void;
}

export interface Caught {
  readonly bytes: Uint8Array;
  readonly anno: Uint8Array;
  readonly packetType: number;
  /** Offsets from the data; null when unset. */
  readonly network: number | null;
  readonly transport: number | null;
  readonly timestamp: bigint;
  readonly mtu: number;
}

export class Feed extends Element {
  static readonly spec = { ports: "0/1", processing: "h" } as const satisfies ElementSpec;

  /** Pushes one batch. */
  feed(packets: readonly (Fed | Uint8Array)[]): void {
    const { memory } = this;
    const batch = this.router.batches.acquire();
    const cursor = new Packet(memory);
    for (const packet of packets) {
      const fed: Fed = packet instanceof Uint8Array ? { bytes: packet } : packet;
      const slot = memory.kernels.poolTakeRoom(fed.headroom ?? memory.headroom, fed.bytes.length);
      assert.is.not(slot, 0, "room for a packet");
      const data = memory.get32(slot + layout.SLOT_DATA);
      memory.set32(slot + layout.SLOT_LENGTH, fed.bytes.length);
      memory.u8.set(fed.bytes, data);
      cursor.at(slot);
      cursor.packetType = fed.packetType ?? layout.PACKET_HOST;
      for (const [offset, value] of Object.entries(fed.anno ?? {}))
        memory.u8.set(typeof value === "number" ? [value] : value, cursor.anno(Number(offset)));
      if (fed.network !== undefined) cursor.networkHeader = data + fed.network;
      if (fed.transport !== undefined) cursor.transportHeader = data + fed.transport;
      fed.slot?.(memory, slot);
      batch.add(slot);
    }
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
  }
}

export class Catch extends Element {
  static readonly spec = { ports: "1/0", processing: "h" } as const satisfies ElementSpec;

  readonly caught: Caught[] = [];
  /** Packets of each batch that arrived. */
  readonly batches: number[] = [];

  override push(_port: number, batch: Batch): void {
    const cursor = new Packet(this.memory);
    this.batches.push(batch.count);
    for (let i = 0; i < batch.count; i++) {
      cursor.at(batch.at(i));
      const offset = (header: number): number | null => (header === 0 ? null : header - cursor.data);
      this.caught.push({
        bytes: new Uint8Array(cursor.bytes()),
        anno: this.memory.u8.slice(cursor.anno(0), cursor.anno(layout.ANNO_SIZE)),
        packetType: cursor.packetType,
        network: offset(cursor.networkHeader),
        transport: offset(cursor.transportHeader),
        timestamp: cursor.timestamp,
        mtu: this.memory.get32(cursor.slot + layout.SLOT_MTU),
      });
    }
    batch.kill();
  }
}

export interface Lab {
  readonly router: Router;
  readonly clock: SimulatedClock;
  /** Messages, a line each. */
  readonly lines: readonly string[];
  /** Pushes one batch out of the Feed called `name`. */
  feed(packets: readonly (Fed | Uint8Array)[], name?: string): void;
  /** What the Catch called `name` has caught since the last call. */
  caught(name: string): Caught[];
  read(handler: string): string;
  close(): void;
}

/** Makes a router of `text`, in which `f :: Feed` and any Catch may stand. `close` checks that no packet was lost track of. */
export async function lab(text: string, options: RouterOptions = {}): Promise<Lab> {
  const lines: string[] = [];
  const clock = new SimulatedClock();
  const loader = new Loader();
  loader.add(Feed);
  loader.add(Catch);
  const router = await Router.fromText(text, { clock, loader, log: (line) => lines.push(line), ...options });
  return {
    router,
    clock,
    lines,
    feed: (packets, name = "f") => (router.find(name) as Feed).feed(packets),
    caught: (name) => (router.find(name) as Catch).caught.splice(0),
    read: (handler) => router.read(handler),
    close: () => {
      router.close();
      assert.is(router.memory.slotsUsed, 0, "every slot is back in the pool");
    },
  };
}

/** What is wrong with configuration `text`: its lines without landmarks. */
export async function complaints(text: string): Promise<string[]> {
  try {
    const { router } = await lab(text);
    router.close();
  } catch (e) {
    return (e as Error).message.split("\n").map((line) => line.replace(/^[^ ]*:\d+: /, "").trim());
  }
  return [];
}
