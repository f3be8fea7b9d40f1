// The encapsulation graph beside its limits: one fused kernel, one C loop.

import { createHash } from "node:crypto";
import type { LISPMapCache } from "../elements/lisp/itr/lisp-map-cache.js";
import { Loader } from "../src/loader.js";
import { BATCH_MAX, type Batch } from "../src/packet/batch.js";
import type { MemoryOptions } from "../src/packet/memory.js";
import { Element } from "../src/router/element.js";
import { Router } from "../src/router/router.js";
import type { ElementSpec } from "../src/router/spec.js";
import * as traffic from "./assembly/traffic-layout.js";
import type { CLoop } from "./c-loop.js";
import { type Dataset, mappingOf } from "./data.js";
import { type Contestant, processorTime } from "./harness.js";
import { type BenchKernels, loadBenchKernels, TrafficSource } from "./traffic-source.js";

/** Source RLOC of all contestants: 192.0.2.9. */
export const SOURCE_RLOC = 0xc0000209;

const CONFIGURATION = `
  source :: TrafficSource -> check :: CheckIPHeader -> ttl :: DecIPTTL
    -> cache :: LISPMapCache -> encap :: LISPEncap(192.0.2.9) -> counter :: Counter -> Discard;
`;

/** Hashes packets as they come out: of each its length (u16, little-endian) and its bytes. */
class PacketHash {
  readonly #hash = createHash("sha256");
  packets = 0;

  add(bytes: Uint8Array): void {
    this.#hash.update(Uint8Array.of(bytes.length & 255, bytes.length >> 8));
    this.#hash.update(bytes);
    this.packets++;
  }

  get digest(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** Stands in the place of Discard when the bytes that come out are to be hashed. */
class HashingDiscard extends Element {
  static readonly spec = { ports: "1/0", processing: "h" } as const satisfies ElementSpec;
  readonly hash = new PacketHash();

  override push(_port: number, batch: Batch): void {
    for (let i = 0; i < batch.count; i++) this.hash.add(this.router.packetBytes(batch.at(i)));
    batch.kill();
  }
}

/** The graph in a router of its own, with the mappings of a dataset in its map-cache. */
export class EncapGraph {
  readonly router: Router;
  readonly source: TrafficSource;
  readonly #fused: BenchKernels;
  readonly #batch: Batch;
  /** States of the fused kernel: copies of the elements', so that it has its own identifications and counts. */
  readonly #states: readonly number[];

  private constructor(router: Router, data: Dataset) {
    this.router = router;
    this.source = router.find("source") as TrafficSource;
    this.source.load(data);
    const { cache } = router.find("cache") as LISPMapCache;
    for (const route of data.routes) cache.insert(mappingOf(route));
    this.#fused = loadBenchKernels(router.memory);
    this.#batch = router.batches.acquire();
    const copies = ["check", "ttl", "cache", "encap", "counter"].map((name) => {
      const element = router.find(name)!;
      return this.#copy(element.state, element.stateSize());
    });
    this.#states = [this.#copy(this.source.traffic, traffic.TRAFFIC_SIZE), ...copies];
  }

  /** `hashing`: what comes out is hashed rather than discarded. */
  static async make(
    data: Dataset,
    options: { hashing?: boolean; memory?: MemoryOptions } = {},
  ): Promise<EncapGraph> {
    const loader = new Loader();
    loader.add(TrafficSource);
    if (options.hashing === true) loader.add(HashingDiscard, "Discard");
    const router = new Router({ loader, memory: options.memory ?? { bytes: 64 * 2 ** 20 } });
    await router.start(CONFIGURATION, "encapsulation graph");
    return new EncapGraph(router, data);
  }

  #copy(state: number, size: number): number {
    const copy = this.router.memory.alloc(size);
    this.router.memory.u8.copyWithin(copy, state, state + size);
    return copy;
  }

  /** Sends `packets` packets through the graph. */
  runGraph(packets: number, burst: number): number {
    this.source.burst = burst;
    this.source.give(packets);
    const start = processorTime();
    while (this.router.step(64)) {
      // until the source has nothing left
    }
    return processorTime() - start;
  }

  /** The same with the fused kernel. */
  runFused(packets: number, burst: number): number {
    const { address } = this.#batch;
    const [source, check, ttl, cache, encap, counter] = this.#states;
    const { fusedEncap } = this.#fused;
    const start = processorTime();
    for (let left = packets; left > 0; left -= burst)
      fusedEncap(source, check, ttl, cache, encap, counter, address, Math.min(left, burst), 0);
    return processorTime() - start;
  }

  /** Packets that came out of the graph so far; and out of the fused kernel. */
  get counts(): { readonly graph: number; readonly fused: number } {
    const { memory } = this.router;
    const counter = this.router.find("counter")!.state;
    return { graph: memory.get64(counter), fused: memory.get64(this.#states[5]) };
  }

  /** Hash of the graph's first `packets` packets; the graph must be a hashing one that has not run. */
  hashGraph(packets: number, burst: number): string {
    this.runGraph(packets, burst);
    const sink = this.router.elements.find((e): e is HashingDiscard => e instanceof HashingDiscard)!;
    return sink.hash.digest;
  }

  /** The same for the fused kernel. */
  hashFused(packets: number, burst: number): string {
    const hash = new PacketHash();
    const batch = this.#batch;
    const [source, check, ttl, cache, encap, counter] = this.#states;
    for (let left = packets; left > 0; left -= burst) {
      const count = Math.min(left, burst, BATCH_MAX);
      batch.count = this.#fused.fusedEncap(
        ...([source, check, ttl, cache, encap, counter] as const),
        batch.address,
        count,
        1,
      );
      for (let i = 0; i < batch.count; i++) hash.add(this.router.packetBytes(batch.at(i)));
      batch.kill();
    }
    return hash.digest;
  }

  close(): void {
    this.router.batches.release(this.#batch);
    this.router.close();
  }
}

/** The output's hash by contestant. */
export interface Hashes {
  readonly graph: string;
  readonly fused: string;
  /** Null without a C program. */
  readonly c: string | null;
}

/** Runs every contestant over the first `packets` packets and hashes what comes out. */
export async function hashes(
  data: Dataset,
  packets: number,
  burst: number,
  c: CLoop | null,
): Promise<Hashes> {
  const graph = await EncapGraph.make(data, { hashing: true });
  try {
    const hashed = createHash("sha256");
    if (c !== null) hashed.update(await c.check(burst, packets));
    return {
      graph: graph.hashGraph(packets, burst),
      fused: graph.hashFused(packets, burst),
      c: c === null ? null : hashed.digest("hex"),
    };
  } finally {
    graph.close();
  }
}

/** The contestants at one batch size. */
export function contestants(graph: EncapGraph, c: CLoop | null, burst: number): Contestant[] {
  return [
    { name: "graph", run: (packets) => graph.runGraph(packets, burst) },
    { name: "fused", run: (packets) => graph.runFused(packets, burst) },
    ...(c === null ? [] : [{ name: "c", run: (packets: number) => c.run(burst, packets) }]),
  ];
}
