// A switch of 64 ports with a line for each pair, 4,032 of them: memory, and packets a second, beside the same switch
// without lines.

import { SLOT_DATA, SLOT_LENGTH } from "../assembly/layout.js";
import { spreadText, table } from "../src/cli/measure.js";
import { Loader, Router, SimulatedClock } from "../src/index.js";
import { type Contestant, type HarnessOptions, type Measured, measure, processorTime } from "./harness.js";

const PORTS = 64;
const BATCH = 32;
const LENGTH = 64;
/** Nanoseconds of simulated time between batches: 160,000 packets a second, so that some 8,000 are on their way. */
const GAP = 200_000;

export interface LinksResult {
  readonly ports: number;
  readonly lines: number;
  /** Bytes of the router's memory for all lines, with what finds them. */
  readonly bytes: number;
  readonly results: readonly Measured[];
  readonly text: string;
}

/** One-way delay of a pair, ms. */
function delay(from: number, to: number): number {
  return 1 + ((from * 37 + to * 101 + from * to * 13) % 99);
}

class SwitchBench implements Contestant {
  readonly name: string;
  readonly router: Router;
  readonly #clock: SimulatedClock;
  #random = 1;
  #port = 0;

  private constructor(name: string, router: Router, clock: SimulatedClock) {
    this.name = name;
    this.router = router;
    this.#clock = clock;
  }

  static async make(name: string, element: string): Promise<SwitchBench> {
    const clock = new SimulatedClock();
    const ports = Array.from({ length: PORTS }, (_, i) => `Idle -> [${i}] s [${i}] -> Discard;`);
    const router = await Router.fromText(`s :: ${element}; ${ports.join("\n")}`, {
      clock,
      loader: new Loader(),
      memory: { slots: 32768, bytes: 128 * 2 ** 20 },
    });
    const bench = new SwitchBench(name, router, clock);
    // All stations are heard of.
    for (let i = 0; i < PORTS; i++) bench.#send(i, 1);
    bench.drain();
    return bench;
  }

  #send(from: number, count: number): void {
    const { memory, batches } = this.router;
    const batch = batches.acquire();
    batch.count = memory.kernels.poolTakeBatch(batch.address, count);
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
      const to = (from + 1 + ((this.#random >>> 8) % (PORTS - 1))) % PORTS;
      const at = memory.u32[(slot + SLOT_DATA) >>> 2] >>> 2;
      memory.u32[(slot + SLOT_LENGTH) >>> 2] = LENGTH;
      // From station 02:00:00:00:00:from to 02:00:00:00:00:to.
      memory.u32[at] = 2;
      memory.u32[at + 1] = (to << 8) | (2 << 16);
      memory.u32[at + 2] = from << 24;
    }
    this.router.find("s")!.push(from, batch);
    batches.release(batch);
  }

  /** Lets all arrive that are on their way. */
  drain(): void {
    this.#clock.advance(this.#clock.now() + 1e9);
    while (this.router.step()) {}
  }

  run(packets: number): number {
    const before = processorTime();
    for (let sent = 0; sent < packets; sent += BATCH) {
      this.#clock.advance(this.#clock.now() + GAP);
      this.#send(this.#port, BATCH);
      this.#port = (this.#port + 1) % PORTS;
      if (this.router.timers.next <= this.#clock.now()) this.router.step();
    }
    this.drain();
    return processorTime() - before;
  }
}

export async function benchLinks(options: HarnessOptions): Promise<LinksResult> {
  const names = Array.from({ length: PORTS }, (_, i) => `p${i}`);
  const lines = names.flatMap((from, i) =>
    names.flatMap((to, j) => (i === j ? [] : [`${from} ${to} ${delay(i, j)}ms`])),
  );
  const plain = await SwitchBench.make("EtherSwitch", "EtherSwitch");
  const passing = await SwitchBench.make("LineSwitch, no delay", `LineSwitch(${names.join(", ")})`);
  const lined = await SwitchBench.make("LineSwitch, 4,032 lines", `LineSwitch(${names.join(", ")})`);
  const before = lined.router.memory.heapUsed;
  await lined.router.write("s.lines", lines.join("\n"));
  const index = PORTS ** 2 * 4;
  const bytes = lined.router.memory.heapUsed - before + index;
  const results = await measure([plain, passing, lined], options);
  for (const { router } of [plain, passing, lined]) router.close();
  const rows = results.map((r) => [r.name, spreadText(r.nsPerPacket), r.mpps.median.toFixed(2)]);
  const text =
    `\nA switch of ${PORTS} ports, packets of ${LENGTH} bytes to random ports in batches of ${BATCH}; processor time\n` +
    `${table([["", "ns/packet", "Mpps"], ...rows])}` +
    `${lines.length} lines: ${(bytes / 1024).toFixed(0)} KiB, ${Math.round(bytes / lines.length)} bytes each\n`;
  return { ports: PORTS, lines: lines.length, bytes, results, text };
}
