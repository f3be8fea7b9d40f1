// Throughput of graphs by batch size.

import type { LISPMapCache } from "../elements/lisp/itr/lisp-map-cache.js";
import { Loader } from "../src/loader.js";
import { Router } from "../src/router/router.js";
import { type Dataset, mappingOf } from "./data.js";
import { type Contestant, processorTime } from "./harness.js";
import { TrafficSource } from "./traffic-source.js";

export const BATCH_SIZES: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** Graphs besides the one that has limits beside it: from the floor of them all upwards. */
export const GRAPHS: readonly { readonly name: string; readonly text: string }[] = [
  { name: "source and sink", text: "source :: TrafficSource -> Discard" },
  { name: "six elements that do nothing", text: `source :: TrafficSource -> ${"Null -> ".repeat(6)}Discard` },
  {
    name: "classify",
    text: `source :: TrafficSource -> c :: IPClassifier(tcp, icmp, udp and dst port 9, -);
           c[0] -> Discard; c[1] -> Discard; c[2] -> Discard; c[3] -> Discard`,
  },
  {
    name: "queue",
    text: "source :: TrafficSource -> Queue(1000) -> Unqueue(256) -> Discard",
  },
  {
    name: "encapsulate and decapsulate",
    text: `source :: TrafficSource -> CheckIPHeader -> DecIPTTL -> cache :: LISPMapCache -> LISPEncap(192.0.2.9)
           -> CheckIPHeader -> LISPDecap -> CheckIPHeader -> Discard`,
  },
];

/** A graph whose `source` is a TrafficSource, ready to run. */
export class BenchGraph {
  readonly router: Router;
  readonly #source: TrafficSource;

  private constructor(router: Router, data: Dataset) {
    this.router = router;
    this.#source = router.find("source") as TrafficSource;
    this.#source.load(data);
    const cache = router.find("cache") as LISPMapCache | undefined;
    for (const route of cache === undefined ? [] : data.routes) cache!.cache.insert(mappingOf(route));
  }

  static async make(text: string, data: Dataset): Promise<BenchGraph> {
    const loader = new Loader();
    loader.add(TrafficSource);
    const router = new Router({ loader, memory: { bytes: 96 * 2 ** 20 } });
    await router.start(text, "bench");
    return new BenchGraph(router, data);
  }

  run(packets: number, burst: number): number {
    this.#source.burst = burst;
    this.#source.give(packets);
    const start = processorTime();
    while (this.router.step(64)) {
      // until the source has nothing left
    }
    return processorTime() - start;
  }

  contestant(name: string, burst: number): Contestant {
    return { name, run: (packets) => this.run(packets, burst) };
  }

  close(): void {
    this.router.close();
  }
}
