// A device whose packets are delayed, lost and slowed down before it sends them: a link of ours over one that does
// neither (a veth pair has no delay). What it receives was shaped where it was sent.

import { BATCH_MAX, type Batch, BatchPool } from "../packet/batch.js";
import type { PacketMemory } from "../packet/memory.js";
import type { Device } from "../router/device.js";
import type { LineOptions } from "./line.js";
import { type LinkDevice, makeLink } from "./link.js";

export interface Shaping extends LineOptions {
  /** 0 to 1. */
  readonly loss?: number;
}

/** Packets and bytes that may wait for their time. */
const FLIGHT = { packets: 4096, bytes: 4 * 2 ** 20 };

export class ShapedDevice implements Device {
  readonly name: string;
  readonly mac: Uint8Array | null;
  readonly linkType: "ethernet" | "ip";
  readonly mtu: number;
  readonly #inner: Device;
  /** What is sent goes in here, and comes out there when its time has come. */
  readonly #entrance: LinkDevice;
  readonly #exit: LinkDevice;
  readonly #batch: Batch;
  readonly #wake = (): void => this.#pump();
  #plain = true;
  #cut = false;
  #down = 0;
  #full = 0;

  /** Packets of `memory` go out through `inner`. */
  constructor(inner: Device, memory: PacketMemory, shaping: Shaping = {}, cut = false) {
    const { name, mac, linkType, mtu } = inner;
    [this.name, this.mac, this.linkType, this.mtu] = [name, mac, linkType, mtu];
    this.#inner = inner;
    [this.#entrance, this.#exit] = makeLink({ linkType, mtu, flight: FLIGHT, queue: shaping.queue });
    this.#batch = new BatchPool(memory).acquire();
    // Now rather than when the first packet comes: nobody could be told then that there is not enough.
    this.#entrance.bind(memory);
    this.#exit.bind(memory);
    this.impair(shaping, cut);
    this.#exit.arm(this.#wake);
  }

  get down(): string | null {
    return this.#inner.down;
  }

  /** Packets that wait for their time. */
  get waiting(): number {
    return this.#exit.pending;
  }

  /** What packets meet that are sent from now on; `cut`: none goes out. */
  impair(shaping: Shaping, cut = false): void {
    const { delay = 0, jitter = 0, loss = 0, rate = 0 } = shaping;
    this.#plain = delay === 0 && jitter === 0 && loss === 0 && rate === 0;
    this.#cut = cut;
    this.#entrance.impair(shaping, cut);
  }

  receive(batch: Batch, max: number): number {
    return this.#inner.receive(batch, max);
  }

  send(batch: Batch): number {
    if (!this.#plain) return this.#entrance.send(batch);
    if (!this.#cut) return this.#inner.send(batch);
    const { count } = batch;
    this.#down += count;
    batch.kill();
    return count;
  }

  #pump(): void {
    const batch = this.#batch;
    while (this.#exit.receive(batch, BATCH_MAX) > 0) {
      this.#inner.send(batch);
      // They left the line in time and cannot wait any longer.
      this.#full += batch.count;
      batch.kill();
    }
    this.#exit.arm(this.#wake);
  }

  arm(wake: () => void): void {
    this.#inner.arm(wake);
  }

  armSend(wake: () => void): void {
    (this.#plain ? this.#inner : this.#entrance).armSend(wake);
  }

  counters(): Readonly<Record<string, number>> {
    const { tx_lost, tx_overrun, tx_down } = this.#entrance.counters();
    const inner = this.#inner.counters();
    return {
      ...inner,
      tx_lost,
      tx_overrun: tx_overrun + this.#full,
      tx_down: (inner.tx_down ?? 0) + tx_down + this.#down,
    };
  }

  close(): void {
    this.#entrance.close();
    this.#exit.close();
    this.#inner.close();
  }
}
