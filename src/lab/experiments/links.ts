// Virtual links: what pings measure on one, against what it was set to.

import { fileURLToPath } from "node:url";
import { parseDescriptor } from "../../vnf/descriptor/read.js";
import { Service } from "../../vnf/service/service.js";
import type { Cell, Claim, Experiment, Group, Row, RunContext } from "../experiment.js";
import { pass, worldOf } from "../world.js";

/** Pings of a run, and seconds between two. */
const PINGS = 300;
const INTERVAL = 0.02;
/** Seconds before the first one counts: hardware addresses are asked for. */
const SETTLE = 0.5;
/** Errors of the mean round-trip time, ms, that are claimed. */
const SIMULATED_MS = 1;
const REAL_MS = 5;

const FOLDER = fileURLToPath(new URL("../../../../conf/services/lab.yaml", import.meta.url));

/** Two hosts and the link between them. `loss` in %, times in ms. */
function descriptor({ delay, jitter, loss }: Cell): string {
  return `
service: lab-links-${process.pid}
links:
  path: { delay: ${delay}ms, jitter: ${jitter}ms, loss: ${loss}% }
functions:
  a:
    graph: ../host.click
    parameters: { DEVICE: eth0, IP4: 10.0.0.1, NET4: 10.0.0.0/24, ROUTER4: 10.0.0.2, PEER4: 10.0.0.2, IP6: "fd00::1", NET6: "fd00::/64", ROUTER6: "fd00::2", PING: "${INTERVAL}", VERBOSE: "false", RATE: "0" }
    devices: { eth0: path }
    isolation: process
  b:
    graph: ../host.click
    parameters: { DEVICE: eth0, IP4: 10.0.0.2, NET4: 10.0.0.0/24, ROUTER4: 10.0.0.1, PEER4: 10.0.0.1, IP6: "fd00::2", NET6: "fd00::/64", ROUTER6: "fd00::1", PING: "1000000", VERBOSE: "false", RATE: "0" }
    devices: { eth0: path }
    isolation: process
`;
}

async function run(cell: Cell, context: RunContext): Promise<readonly Row[]> {
  const world = worldOf(context);
  const { signal } = context;
  const service = await Service.instantiate(parseDescriptor(descriptor(cell), FOLDER), { world });
  try {
    await service.start();
    const a = service.function("a");
    const ask = (handler: string): Promise<string> => a.request("read", { path: `ping.${handler}` });
    const tell = (handler: string, value: string): Promise<unknown> =>
      a.request("write", { path: `ping.${handler}`, value });
    await pass(world, SETTLE, signal);
    await tell("active", "false");
    await pass(world, SETTLE, signal);
    await tell("reset_counts", "");
    await tell("limit", String(PINGS));
    await tell("active", "true");
    await pass(world, PINGS * INTERVAL + SETTLE, signal);
    return [measured(cell, await ask("summary"))];
  } finally {
    await service.terminate();
  }
}

/** What ping's summary says: times in ms. Throws for one that says nothing. */
function measured(cell: Cell, summary: string): Row {
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(summary) ?? [];
  const [, least, mean, most, deviation] =
    /= ([\d.]+)\/([\d.]+)\/([\d.]+)\/([\d.]+)/.exec(summary)?.map(Number) ?? [];
  if (!(Number(sent) > 0) || mean === undefined) throw new Error(`no ping was answered: ${summary.trim()}`);
  return {
    rtt: mean,
    error: Math.round((mean - expected(cell)) * 1000) / 1000,
    least,
    most,
    deviation,
    lost: Math.round((1 - Number(received) / Number(sent)) * 1e5) / 1e3,
  };
}

/** The mean round-trip time, ms: jitter adds between nothing and all of it, each way. */
function expected({ delay, jitter }: Cell): number {
  return 2 * Number(delay) + Number(jitter);
}

function claims(groups: readonly Group[]): Claim[] {
  if (groups.length === 0) return [];
  const still = groups.filter((g) => g.cell.jitter === 0);
  const most = groups[0].world === "simulated" ? SIMULATED_MS : REAL_MS;
  const errors = still.map((g) => Math.abs(g.measures.error!.mean));
  const worst = Math.max(0, ...errors);
  const lossless = groups.filter((g) => g.cell.loss === 0);
  const lost = Math.max(0, ...lossless.map((g) => g.measures.lost!.high));
  const lossy = groups.filter((g) => Number(g.cell.loss) > 0);
  const off = lossy.map((g) => {
    const p = Number(g.cell.loss) / 100;
    const set = 100 * (1 - (1 - p) ** 2);
    const deviation = Math.sqrt((set * (100 - set)) / (PINGS * g.rows));
    return Math.abs(g.measures.lost!.mean - set) / deviation;
  });
  return [
    {
      stated: `without jitter the round-trip time is twice the delay, within ${most} ms`,
      here: `within ${worst.toFixed(3)} ms`,
      holds: still.length === 0 ? null : worst <= most,
    },
    {
      stated: "a link without loss loses nothing",
      here: `${lost.toFixed(2)} % at most`,
      holds: lossless.length === 0 ? null : lost === 0,
    },
    {
      stated: "loss p loses 1 - (1 - p)² of pings, within four standard deviations of chance",
      here: `within ${Math.max(0, ...off).toFixed(1)} standard deviations`,
      holds: lossy.length === 0 ? null : off.every((n) => n <= 4),
    },
  ];
}

export const experiment: Experiment = {
  name: "links",
  title: "Round-trip time, jitter and loss of virtual links",
  source: "docs/services.md",
  doc: `Two hosts (conf/host.click) on one link: ${PINGS} pings, one every ${INTERVAL * 1000} ms, from one to the
other. With --real the hosts are processes in network namespaces, joined by virtual
Ethernet, and the link's delay, jitter and loss are those of the sending processes.`,
  parameters: [
    { name: "delay", unit: "ms", doc: "one way", values: [1, 10, 25, 50, 100], reduced: [1, 50] },
    {
      name: "jitter",
      unit: "ms",
      doc: "added to each packet's delay, up to this much",
      values: [0, 2, 10],
      reduced: [0, 10],
    },
    { name: "loss", unit: "%", doc: "of packets, each way", values: [0, 0.1, 1, 5], reduced: [0, 1] },
  ],
  measures: [
    { name: "rtt", unit: "ms", doc: "mean round-trip time", digits: 3 },
    { name: "error", unit: "ms", doc: "of the mean, against twice the delay and the jitter", digits: 3 },
    { name: "least", unit: "ms", doc: "shortest round-trip time", digits: 3 },
    { name: "most", unit: "ms", doc: "longest round-trip time", digits: 3 },
    { name: "deviation", unit: "ms", doc: "standard deviation of round-trip times", digits: 3 },
    { name: "lost", unit: "%", doc: "pings without an answer" },
  ],
  seeds: { full: 10, reduced: 3 },
  seconds: { simulated: 0.3, real: PINGS * INTERVAL + 3 * SETTLE + 1.5 },
  needs: { programs: ["ip"], namespaces: true },
  run,
  claims,
  plots: [
    { title: "Round-trip time", x: "delay", y: "rtt", colour: "jitter", column: "loss" },
    { title: "Error of the mean", x: "delay", y: "error", colour: "jitter", column: "loss" },
  ],
};
