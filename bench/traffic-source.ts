// The generator as an element, and its state in a router's memory.

import { readFileSync } from "node:fs";
import type { ArgValues } from "../src/lang/args/spec.js";
import { ipBytes } from "../src/net/address.js";
import type { PacketMemory } from "../src/packet/memory.js";
import { Element } from "../src/router/element.js";
import type { ElementSpec } from "../src/router/spec.js";
import type { Task } from "../src/router/task.js";
import * as layout from "./assembly/traffic-layout.js";
import type { Dataset } from "./data.js";

/** The kernels of bench/assembly. */
export interface BenchKernels {
  makeTraffic(state: number, batch: number, count: number): number;
  makeTraffic6(state: number, batch: number, count: number): number;
  fusedEncap(
    traffic: number,
    checks: number,
    ttl: number,
    cache: number,
    encap: number,
    counter: number,
    batch: number,
    count: number,
    keep: number,
  ): number;
}

export function loadBenchKernels(memory: PacketMemory): BenchKernels {
  return memory.loadKernels<BenchKernels>(readFileSync(new URL("kernel.wasm", import.meta.url)));
}

/** The packet that destinations and ports are written into: UDP from 10.1.0.1, TTL 64, no UDP checksum. */
export function templatePacket(): Uint8Array {
  const bytes = new Uint8Array(layout.TRAFFIC_LENGTH);
  bytes.set([0x45, 0, 0, layout.TRAFFIC_LENGTH, 0, 0, 0, 0, 64, 17, 0, 0, 10, 1, 0, 1]);
  bytes.set([0, 9, 0, layout.TRAFFIC_LENGTH - 20], 22);
  for (let i = 28; i < bytes.length; i++) bytes[i] = i;
  return bytes;
}

/** Writes a generator's state into `memory`; returns its address. */
export function writeTraffic(memory: PacketMemory, data: Dataset): number {
  const state = memory.alloc(layout.TRAFFIC_SIZE);
  const { length } = data.destinations;
  const ring = memory.alloc(length * layout.TRAFFIC_ENTRY);
  const template = templatePacket();
  for (let i = 0; i < length; i++) {
    const entry = ring + i * layout.TRAFFIC_ENTRY;
    memory.u8.set(ipBytes(data.destinations[i]), entry + layout.ENTRY_DESTINATION);
    memory.view.setUint16(entry + layout.ENTRY_PORTS, data.ports[i]);
    memory.u8.set(template.subarray(22, 24), entry + layout.ENTRY_PORTS + 2);
  }
  memory.set32(state + layout.TRAFFIC_RING, ring);
  memory.set32(state + layout.TRAFFIC_MASK, length - 1);
  memory.u8.set(template, state + layout.TRAFFIC_TEMPLATE);
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += template[i] | (template[i + 1] << 8);
  memory.set32(state + layout.TRAFFIC_SUM, sum);
  return state;
}

const args = {
  BURST: { type: "unsigned", positional: true, default: "64", min: 1, max: 256, doc: "packets at a time" },
} as const;

/** Pushes packets of a dataset, as many as it is told to. */
export class TrafficSource extends Element {
  static readonly spec = {
    ports: "0/1",
    processing: "h",
    args,
    counters: { count: "packets made" },
  } as const satisfies ElementSpec;

  burst = 64;
  /** State of the generator; `load` sets it. */
  traffic = 0;
  readonly #kernels = loadBenchKernels(this.memory);
  #left = 0;
  #task: Task | null = null;

  override configure(values: ArgValues<typeof args>): void {
    this.burst = values.BURST;
  }

  override initialize(): void {
    this.#task = this.newTask(() => this.#run());
  }

  load(data: Dataset): void {
    this.traffic = writeTraffic(this.memory, data);
  }

  /** Makes `packets` packets from now on. */
  give(packets: number): void {
    this.#left = packets;
    this.#task!.reschedule();
  }

  #run(): boolean {
    const count = Math.min(this.burst, this.#left);
    if (count === 0) return false;
    const batch = this.router.batches.acquire();
    batch.count = this.#kernels.makeTraffic(this.traffic, batch.address, count);
    this.#left -= batch.count;
    this.memory.add64(this.state, batch.count);
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
    this.#task!.reschedule();
    return true;
  }
}
