// Frames in a router's memory, and a device that gives them out again and
// again: what a measurement puts in a network's place.

import { SLOT_DATA, SLOT_LENGTH } from "../../assembly/layout.js";
import { FRAME_ADDRESS, FRAME_LENGTH, FRAME_SIZE, FRAME_TYPE } from "../../assembly/replay-layout.js";
import { BATCH_MAX, type Batch } from "../packet/batch.js";
import type { PacketMemory } from "../packet/memory.js";
import type { Device } from "../router/device.js";
import { newTotals, type Totals } from "./counters.js";
import { destinationType } from "./ethernet.js";
import { Soon } from "./soon.js";
import { answerAsNeighbor, asksForNeighbor } from "./stand-in-host.js";

/** Bytes that a packet of `memory` can have when it is made from a frame. */
export function frameLimit(memory: PacketMemory): number {
  return memory.longest & ~15;
}

/** Frames in a router's memory, for the kernel replayBatch. Whoever makes one releases it. */
export class FrameStore {
  readonly count: number;
  readonly #memory: PacketMemory;
  readonly #records: number;
  readonly #blocks: [address: number, size: number][] = [];

  /** Throws MemoryError when they do not fit, RangeError for none and for one longer than a packet can be. */
  constructor(memory: PacketMemory, frames: readonly Uint8Array[], linkType: "ethernet" | "ip") {
    if (frames.length === 0) throw new RangeError("no frames to give out");
    this.#memory = memory;
    this.count = frames.length;
    this.#records = this.#alloc(frames.length * FRAME_SIZE);
    const { u8, view } = memory;
    for (const [i, frame] of frames.entries()) {
      if (frame.length > frameLimit(memory))
        throw new RangeError(`a frame of ${frame.length} bytes, a packet holds ${frameLimit(memory)}`);
      const address = this.#alloc((frame.length + 15) & ~15);
      u8.set(frame, address);
      const record = this.#records + i * FRAME_SIZE;
      view.setUint32(record + FRAME_ADDRESS, address, true);
      view.setUint32(record + FRAME_LENGTH, frame.length, true);
      u8[record + FRAME_TYPE] =
        linkType === "ethernet" ? destinationType(u8, address, frame.length, null) : 0;
    }
  }

  /** Appends copies of `count` frames, from number `first` on, to `batch`; returns how many there was room for. */
  copy(batch: Batch, count: number, first: number): number {
    const made = this.#memory.kernels.replayBatch(
      batch.address + batch.count * 4,
      count,
      this.#records,
      this.count,
      first,
    );
    batch.count += made;
    return made;
  }

  release(): void {
    for (const [address, size] of this.#blocks) this.#memory.free(address, size);
    this.#blocks.length = 0;
  }

  #alloc(size: number): number {
    const block = this.#memory.alloc(size);
    this.#blocks.push([block, size]);
    return block;
  }
}

export interface FrameDeviceOptions {
  readonly name: string;
  readonly linkType: "ethernet" | "ip";
  readonly memory: PacketMemory;
  /** Most packets given out at a time. */
  readonly burst: number;
  /** Hardware address with which it answers ARP requests and Neighbor Solicitations sent to it; absent: it does not. */
  readonly neighbor?: Uint8Array;
}

/** A device that always has packets to receive, and takes all that are sent to it. */
export class FrameDevice implements Device {
  readonly name: string;
  readonly mac = null;
  readonly linkType: "ethernet" | "ip";
  readonly mtu = 1500;
  readonly down = null;
  /** Called when the packets of `give` have all been given out. */
  onEnd: () => void = () => {};
  /** Frames it still has to give out in answer to what was sent to it. */
  readonly #answers: Uint8Array[] = [];
  readonly #options: FrameDeviceOptions;
  readonly #totals: Totals = newTotals();
  readonly #soon = new Soon();
  /** Calls, and nanoseconds spent in making packets and in taking them; kept when `metered`. */
  readonly meter = { received: { runs: 0, nanoseconds: 0 }, sent: { runs: 0, nanoseconds: 0 } };
  metered = false;
  #frames: FrameStore | null = null;
  #left = Number.POSITIVE_INFINITY;
  #next = 0;
  #wake: (() => void) | null = null;

  constructor(options: FrameDeviceOptions) {
    this.#options = options;
    this.name = options.name;
    this.linkType = options.linkType;
  }

  get received(): number {
    return this.#totals.rx_packets;
  }
  get sent(): number {
    return this.#totals.tx_packets;
  }

  /** What it gives out, over and over, from now on; null: nothing. The device releases it. */
  load(frames: FrameStore | null): void {
    this.#frames?.release();
    this.#frames = frames;
    this.#next = 0;
  }

  /** Whether it has packets to give out. */
  get loaded(): boolean {
    return this.#frames !== null;
  }

  /** Packets still to be given out from now on; Infinity: no limit, as it is at first. At 0 it is silent. */
  give(packets: number): void {
    this.#left = packets;
    if (this.#wake !== null) this.arm(this.#wake);
  }

  receive(batch: Batch, max: number): number {
    if (!this.metered) return this.#receive(batch, max);
    const start = performance.now();
    const count = this.#receive(batch, max);
    this.meter.received.nanoseconds += (performance.now() - start) * 1e6;
    this.meter.received.runs++;
    return count;
  }

  #receive(batch: Batch, max: number): number {
    if (this.#answers.length > 0) return this.#giveAnswers(batch, max);
    const frames = this.#frames;
    const count = Math.min(max, this.#options.burst, this.#left, BATCH_MAX - batch.count);
    if (frames === null || count <= 0) return 0;
    const made = frames.copy(batch, count, this.#next);
    this.#next = (this.#next + made) % frames.count;
    this.#totals.rx_packets += made;
    this.#left -= made;
    if (this.#left === 0) this.onEnd();
    return made;
  }

  send(batch: Batch): number {
    if (!this.metered) return this.#send(batch);
    const start = performance.now();
    const count = this.#send(batch);
    this.meter.sent.nanoseconds += (performance.now() - start) * 1e6;
    this.meter.sent.runs++;
    return count;
  }

  #send(batch: Batch): number {
    const { count } = batch;
    this.#totals.tx_packets += count;
    const { memory, neighbor } = this.#options;
    for (let i = 0; i < count && neighbor !== undefined; i++) {
      const slot = batch.at(i);
      const data = memory.get32(slot + SLOT_DATA);
      const length = memory.get32(slot + SLOT_LENGTH);
      if (asksForNeighbor(memory.u8, data, length))
        this.#take(answerAsNeighbor(memory.u8.slice(data, data + length), neighbor));
    }
    batch.kill();
    return count;
  }

  arm(wake: () => void): void {
    this.#wake = wake;
    const ready = this.#answers.length > 0 || (this.#frames !== null && this.#left > 0);
    if (ready) this.#soon.call(wake);
  }

  armSend(wake: () => void): void {
    this.#soon.call(wake);
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#totals };
  }

  close(): void {
    this.#soon.cancel();
    this.load(null);
  }

  #take(frame: Uint8Array | null): void {
    if (frame === null) return;
    this.#answers.push(frame);
    if (this.#wake !== null) this.#soon.call(this.#wake);
  }

  #giveAnswers(batch: Batch, max: number): number {
    const { memory } = this.#options;
    let given = 0;
    while (given < max && batch.count < BATCH_MAX && this.#answers.length > 0) {
      const slot = memory.kernels.poolTakeFor(this.#answers[0].length);
      if (slot === 0) break;
      const frame = this.#answers.shift()!;
      memory.u8.set(frame, memory.get32(slot + SLOT_DATA));
      memory.set32(slot + SLOT_LENGTH, frame.length);
      batch.add(slot);
      given++;
    }
    return given;
  }
}
