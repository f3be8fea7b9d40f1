// Functions in a row, joined by virtual links: in one process, and each in a thread, beside the same elements in one graph.

import { type Spread, spreadOf, spreadText, table } from "../src/cli/measure.js";
import { makeLink } from "../src/device/link.js";
import { makeSharedLink, SharedLinkDevice } from "../src/device/shared-link.js";
import { RealClock } from "../src/router/clock.js";
import { NO_DEVICES } from "../src/router/device.js";
import { InlineInstance } from "../src/vnf/instance/inline.js";
import type { Instance } from "../src/vnf/instance/instance.js";
import { MAY_ASK_NOTHING } from "../src/vnf/instance/remote.js";
import { ThreadInstance } from "../src/vnf/instance/thread.js";
import { AttachedDevices } from "../src/vnf/link/attached.js";
import { FLIGHT } from "../src/vnf/link/wire.js";
import { type Contestant, type HarnessOptions, type Measured, measure, processorTime } from "./harness.js";
import {
  Ends,
  EVENTS,
  GATEWAY_MAC,
  Hand,
  HOST_MAC,
  macOf,
  type Subject,
  sharedParts,
  specOf,
} from "./instance-lab.js";

/** Functions in a row. */
export const LENGTHS: readonly number[] = [1, 2, 4, 8];

/** Packets on their way through the chain. */
const WINDOW = 512;
const SLOTS = 2048;
const NOT_IMPAIRED = { delay: 0, jitter: 0, loss: 0, rate: 0, queue: 0 };

/** What one function does: forwards IP. */
const FORWARD = "Strip(14) -> CheckIPHeader -> DecIPTTL -> EtherEncap(0x0800, 2:0:0:0:0:1, 2:0:0:0:0:2)";

/** A function with the work of `functions` functions. */
function subject(functions: number): Subject {
  const work = Array.from({ length: functions }, () => FORWARD).join(" -> ");
  const text = `FromDevice(site) -> ${work} -> Queue(1000) -> ToDevice(core)`;
  return { name: `chain of ${functions}`, file: "chain.click", text, parameters: {}, grows: 0 };
}

/** Running functions between the bench's two ends. */
export class Chain {
  readonly ends: Ends;
  readonly #instances: readonly Instance[];
  readonly #close: () => void;
  /** Nanoseconds of the clock a packet, run by run. */
  readonly wall: number[] = [];

  private constructor(ends: Ends, instances: readonly Instance[], close: () => void) {
    this.ends = ends;
    this.#instances = instances;
    this.#close = close;
  }

  /** `length` functions in this process, each with the work of `functions`. */
  static async inline(length: number, functions = 1): Promise<Chain> {
    const what = subject(functions);
    const links = Array.from({ length: length + 1 }, () => makeLink({ flight: FLIGHT }));
    const shared = sharedParts();
    const instances = Array.from({ length }, (_, i) => {
      const attached = [
        { name: "site", end: links[i][1] },
        { name: "core", end: links[i + 1][0] },
      ];
      const devices = new AttachedDevices(attached, NO_DEVICES);
      const options = { ...shared, devices, clock: new RealClock(), log: EVENTS.log };
      return new InlineInstance(specOf(what, i, SLOTS), options, EVENTS, null);
    });
    const ends = new Ends(new Hand(), what, macOf(0, 1), links[0][0], links[length][1]);
    for (const instance of instances) await instance.start();
    return new Chain(ends, instances, () => {
      for (const end of links.flat()) end.close();
    });
  }

  /** `length` functions, each in a thread. */
  static async threads(length: number): Promise<Chain> {
    const what = subject(1);
    const links = Array.from({ length: length + 1 }, () =>
      makeSharedLink({ mtu: 1500, flight: FLIGHT, names: ["a", "b"], macs: [HOST_MAC, GATEWAY_MAC] }),
    );
    const instances = Array.from({ length }, (_, i) => {
      const attached = [
        { name: "site", shared: links[i][1], impairments: NOT_IMPAIRED, cut: false },
        { name: "core", shared: links[i + 1][0], impairments: NOT_IMPAIRED, cut: false },
      ];
      return new ThreadInstance(specOf(what, i, SLOTS), attached, EVENTS, MAY_ASK_NOTHING, () => {});
    });
    const [source, counter] = [links[0][0], links[length][1]].map(
      (e) => new SharedLinkDevice(e, NOT_IMPAIRED),
    );
    const ends = new Ends(new Hand(), what, macOf(0, 1), source, counter);
    for (const instance of instances) await instance.start();
    return new Chain(ends, instances, () => {
      source.close();
      counter.close();
    });
  }

  /** Sends `packets` through; rejects when some are lost. */
  async run(packets: number): Promise<number> {
    const [begin, processor] = [performance.now(), processorTime()];
    await this.ends.pass(packets, WINDOW);
    this.wall.push(((performance.now() - begin) * 1e6) / packets);
    return processorTime() - processor;
  }

  contestant(name: string): Contestant {
    return { name, run: (packets) => this.run(packets) };
  }

  async close(): Promise<void> {
    for (const instance of this.#instances) await instance.stop();
    this.#close();
  }
}

/** One length: nanoseconds of processor time a packet, and packets a second of the clock. */
export interface ChainRow {
  readonly functions: number;
  readonly how: "inline" | "one graph" | "threads";
  readonly links: number;
  readonly measured: Measured;
  /** Millions of packets a second of the clock. */
  readonly wallMpps: Spread;
}

export interface ChainResult {
  readonly rows: readonly ChainRow[];
  /** Nanoseconds of processor time that a packet pays for a link and its devices: inline, and between threads. */
  readonly link: { readonly inline: number; readonly threads: number };
  readonly text: string;
}

export async function benchChain(
  options: HarnessOptions & { readonly lengths: readonly number[] },
): Promise<ChainResult> {
  const rows: ChainRow[] = [];
  for (const [how, make] of [
    ["inline", (n: number) => Chain.inline(n)],
    ["one graph", (n: number) => Chain.inline(1, n)],
    ["threads", (n: number) => Chain.threads(n)],
  ] as const) {
    // Threads that wait still turn their event loops: those of another kind would disturb.
    const chains: Chain[] = [];
    try {
      for (const n of options.lengths) chains.push(await make(n));
      const measured = await measure(
        chains.map((c, i) => c.contestant(`${options.lengths[i]} functions, ${how}`)),
        options,
      );
      for (const [i, m] of measured.entries()) {
        const wallMpps = spreadOf(chains[i].wall.slice(-options.runs).map((ns) => 1000 / ns));
        const functions = options.lengths[i];
        rows.push({ functions, how, links: how === "one graph" ? 2 : functions + 1, measured: m, wallMpps });
      }
    } finally {
      for (const chain of chains) await chain.close();
    }
  }
  const link = { inline: linkCost(rows, "inline"), threads: linkCost(rows, "threads") };
  return { rows, link, text: textOf(rows, link) };
}

/** By how much a packet's time grows with each link, when the same work without links is taken off: a line through all lengths. */
function linkCost(rows: readonly ChainRow[], how: ChainRow["how"]): number {
  const work = new Map(
    rows.filter((r) => r.how === "one graph").map((r) => [r.functions, r.measured.nsPerPacket.median]),
  );
  const points = rows
    .filter((r) => r.how === how)
    .map((r) => [r.links, r.measured.nsPerPacket.median - work.get(r.functions)!]);
  const mean = (axis: 0 | 1): number => points.reduce((sum, p) => sum + p[axis], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const rise = points.reduce((sum, p) => sum + (p[0] - x) * (p[1] - y), 0);
  return rise / points.reduce((sum, p) => sum + (p[0] - x) ** 2, 0);
}

function textOf(rows: readonly ChainRow[], link: ChainResult["link"]): string {
  const lines = rows.map((r) => {
    const work = rows.find((o) => o.how === "one graph" && o.functions === r.functions)!;
    return [
      `${r.functions} ${r.how === "one graph" ? "in one graph" : r.how}`,
      String(r.links),
      spreadText(r.measured.nsPerPacket, 0),
      (r.measured.nsPerPacket.median / r.functions).toFixed(0),
      (r.measured.nsPerPacket.median / work.measured.nsPerPacket.median).toFixed(2),
      r.wallMpps.median.toFixed(2),
    ];
  });
  const head = [
    "functions",
    "links",
    "processor ns/packet",
    "a function",
    "to one graph",
    "Mpps by the clock",
  ];
  return (
    `\nFunctions that forward IP in a row, frames of 64 bytes, ${WINDOW} on their way; the bench is source and counter\n` +
    table([head, ...lines]) +
    `a link (queue, both devices, copying): ${link.inline.toFixed(0)} ns a packet inline, ${link.threads.toFixed(0)} ns between threads\n`
  );
}
