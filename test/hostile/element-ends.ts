// What stands before and behind an element under hostile packets.

import * as layout from "../../assembly/layout.js";
import { type Batch, Element, type ElementSpec } from "../../src/index.js";
import { inBounds } from "./kernel-room.js";

/** Where a test's packets come from: pushed by `send`, or pulled from what `offer` was given. */
export class HostileFeed extends Element {
  static readonly spec = { ports: "0/-", processing: "h" } as const satisfies ElementSpec;

  send(port: number, fill: (batch: Batch) => void): void {
    const batch = this.router.batches.acquire();
    fill(batch);
    this.outputs[port].push(batch);
    this.router.batches.release(batch);
  }
}

export class HostileStore extends Element {
  static readonly spec = { ports: "0/1", processing: "l" } as const satisfies ElementSpec;
  readonly waiting: number[] = [];

  override pull(_port: number, batch: Batch, max: number): void {
    while (batch.count < Math.min(max, 64) && this.waiting.length > 0) batch.add(this.waiting.shift()!);
  }
}

/** Keeps a record of every packet that leaves. */
export class HostileSink extends Element {
  static readonly spec = { ports: "-/0", processing: "a" } as const satisfies ElementSpec;
  readonly record: Buffer = Buffer.alloc(6 << 20);
  used = 0;
  packets = 0;

  override push(port: number, batch: Batch): void {
    for (let i = 0; i < batch.count; i++) this.#note(port, batch.at(i));
    batch.kill();
  }

  drain(): void {
    const batch = this.router.batches.acquire();
    for (let port = 0; port < this.ninputs; port++) {
      if (!this.isPullInput(port)) continue;
      let empty = 0;
      // An element may have nothing to give of what it took.
      while (empty < 4) {
        if (this.inputs[port].pull(batch, 64) === 0) empty++;
        else this.push(port, batch);
      }
    }
    this.router.batches.release(batch);
  }

  #note(port: number, slot: number): void {
    const { memory } = this;
    inBounds(memory, slot);
    this.packets++;
    const data = memory.get32(slot + layout.SLOT_DATA);
    const length = memory.get32(slot + layout.SLOT_LENGTH);
    if (this.used + length + 256 > this.record.length) return;
    this.record.writeUInt32LE(port, this.used);
    this.record.set(memory.u8.subarray(slot, slot + layout.SLOT_META), this.used + 4);
    this.record.set(memory.u8.subarray(data, data + length), this.used + 4 + layout.SLOT_META);
    this.used += 4 + layout.SLOT_META + length;
  }
}
