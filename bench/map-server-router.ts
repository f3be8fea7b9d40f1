// A LISPMapServer in a router of its own: packets in, what it answers counted and, where asked, told.

import { SLOT_DATA } from "../assembly/layout.js";
import type { LISPMapServer } from "../elements/lisp/mapping-system/lisp-map-server.js";
import { Loader } from "../src/loader.js";
import { BATCH_MAX, type Batch } from "../src/packet/batch.js";
import { Packet } from "../src/packet/packet.js";
import { Element } from "../src/router/element.js";
import { Router } from "../src/router/router.js";
import type { ElementSpec } from "../src/router/spec.js";
import { type Family, MAP_SERVER, packet, register, SITES } from "./map-server-traffic.js";

/** From the IP header to the low half of a message's nonce. */
const NONCE_LOW = 20 + 8 + 8;
const FILL_RECORDS = 20;

/** Counts packets, and tells the nonce of each (its low 32 bits). */
class Answers extends Element {
  static readonly spec = { ports: "1/0", processing: "h" } as const satisfies ElementSpec;
  count = 0;
  told: ((nonce: number) => void) | null = null;

  override push(_port: number, batch: Batch): void {
    const { memory } = this;
    this.count += batch.count;
    if (this.told !== null)
      for (let i = 0; i < batch.count; i++)
        this.told(memory.view.getUint32(memory.get32(batch.at(i) + SLOT_DATA) + NONCE_LOW));
    batch.kill();
  }
}

class Feed extends Element {
  static readonly spec = { ports: "0/1", processing: "h" } as const satisfies ElementSpec;
}

export class MapServerRouter {
  readonly router: Router;
  readonly element: LISPMapServer;
  readonly answers: Answers;
  readonly #packet: Packet;
  #nonce = 1n;

  private constructor(router: Router) {
    this.router = router;
    this.element = router.find("ms") as LISPMapServer;
    this.answers = router.find("answers") as Answers;
    this.#packet = new Packet(router.memory);
  }

  /** `store`: its folder; empty for none. */
  static async open(store: string): Promise<MapServerRouter> {
    const loader = new Loader();
    loader.add(Answers);
    loader.add(Feed);
    const router = new Router({ loader, memory: { slots: 4096, bytes: 64 * 2 ** 20 } });
    await router.start(
      `Feed -> ms :: LISPMapServer(${SITES}, RLOC4 ${MAP_SERVER}, REPLY_RATE 4000000000, STORE "${store === "" ? "memory" : `lmdb:${store}`}") -> answers :: Answers`,
      "map-server",
    );
    return new MapServerRouter(router);
  }

  /** Greater than all before. */
  nonce(): bigint {
    return ++this.#nonce;
  }

  /** Takes packets `from` to `to` in, batch by batch. */
  push(packets: readonly Uint8Array[], from = 0, to: number = packets.length): void {
    const { memory, batches } = this.router;
    const batch = batches.acquire();
    for (let at = from; at < to; ) {
      for (; at < to && batch.count < BATCH_MAX; at++) {
        const slot = memory.kernels.poolTake();
        if (!this.#packet.at(slot).setBytes(packets[at])) throw new Error("a packet too large for a slot");
        batch.add(slot);
      }
      this.element.push(0, batch);
      batch.count = 0;
    }
    batches.release(batch);
  }

  /** Registers the first `count` prefixes of a family. */
  async fill(family: Family, count: number): Promise<void> {
    const { database } = this.element;
    for (let n = 0; n < count; ) {
      const packets: Uint8Array[] = [];
      for (; n < count && packets.length < 512; n += FILL_RECORDS)
        packets.push(packet(register(family, n, Math.min(FILL_RECORDS, count - n), this.nonce())));
      this.push(packets);
      await this.durable();
    }
    if (database.size < count) throw new Error(`${database.size} of ${count} prefixes are registered`);
  }

  /** Until the store has all, and what waited for it has been answered. */
  async durable(): Promise<void> {
    const { database } = this.element;
    while (database.durable < database.revision) await new Promise((later) => setImmediate(later));
    await new Promise((later) => setImmediate(later));
  }

  /** Closes the router, and waits for its mapping database. */
  async close(): Promise<void> {
    const { database } = this.element;
    this.router.close();
    await database.close();
  }
}
