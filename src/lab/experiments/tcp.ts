// Our TCP against the kernel's: the same transfers, over the same virtual link, ours in simulated time and the kernel's
// in real time. What the kernel's gave when it was recorded stands beside both.

import type { Cell, Claim, Experiment, Group, Row, RunContext } from "../experiment.js";
import { runTcpCell, type TcpCell, WINDOW } from "../tcp/cell.js";
import { runKernelCell } from "../tcp/kernel-cell.js";
import { KERNEL_MEANS, RECORDED } from "../tcp/kernel-means.js";

/** Seconds of a transfer. */
export const SECONDS = 20;
/** Part by which a mean may differ from the kernel's, by loss in %. */
const BOUNDS: ReadonlyMap<number, number> = new Map([
  [0, 0.15],
  [0.1, 0.15],
  [1, 0.3],
]);

/** The cell of the grid in the units of TcpCell. */
export function tcpCell({ rate, rtt, queue, loss }: Cell, seconds: number = SECONDS): TcpCell {
  return {
    rate: Number(rate) * 1e6,
    rtt: Number(rtt) / 1e3,
    queue: Number(queue),
    loss: Number(loss) / 100,
    seconds,
    congestion: "cubic",
  };
}

/** Mb/s that the kernel's TCP had in this cell when it was recorded; null where it was not. */
export function kernelMean({ rate, rtt, queue, loss }: Cell): number | null {
  return KERNEL_MEANS[`${rate} ${rtt} ${queue} ${loss}`]?.[0] ?? null;
}

async function run(cell: Cell, { world, seed, signal }: RunContext): Promise<readonly Row[]> {
  const of = tcpCell(cell);
  const bits = await (world === "simulated" ? runTcpCell(of, seed, signal) : runKernelCell(of, signal));
  const throughput = Math.round(bits / 1e3) / 1e3;
  const recorded = kernelMean(cell);
  const ratio = recorded === null ? null : Math.round((throughput / recorded) * 1e3) / 1e3;
  return [{ throughput, recorded, ratio }];
}

/** Part by which the mean of `group` differs from the recorded one; null where there is none. */
export function difference(group: Group): number | null {
  const { throughput, recorded } = group.measures;
  return throughput === null || recorded === null ? null : throughput.mean / recorded.mean - 1;
}

/** Part by which the mean may differ in this cell: the bound of its loss, and by what the recorded mean is uncertain. */
export function bound({ rate, rtt, queue, loss }: Cell): number {
  const [mean, ci95] = KERNEL_MEANS[`${rate} ${rtt} ${queue} ${loss}`] ?? [1, 0];
  return BOUNDS.get(Number(loss))! + ci95 / mean;
}

function claims(groups: readonly Group[]): Claim[] {
  const whose = groups[0]?.world === "real" ? "the kernel's TCP here" : "our TCP";
  return [...BOUNDS].map(([loss, most]) => {
    const found = groups.filter((g) => g.cell.loss === loss && difference(g) !== null);
    const off = found.filter((g) => Math.abs(difference(g)!) > bound(g.cell));
    const worst = found.reduce((w, g) => (Math.abs(difference(g)!) > Math.abs(w) ? difference(g)! : w), 0);
    const percent = (part: number): string => `${part > 0 ? "+" : ""}${(part * 100).toFixed(0)} %`;
    return {
      stated: `at ${loss} % loss the mean throughput is within ${most * 100} % of the kernel's, or what that is uncertain by more`,
      here:
        found.length === 0
          ? "no cell of these was recorded"
          : `${whose}: ${found.length - off.length} of ${found.length} cells, the farthest ${percent(worst)}`,
      holds: found.length === 0 ? null : off.length === 0,
    };
  });
}

export const experiment: Experiment = {
  name: "tcp",
  title: "Throughput of our TCP and of the kernel's",
  source: `recorded with ${RECORDED.kernel}, ${RECORDED.date}`,
  doc: `One bulk transfer of ${SECONDS} s with CUBIC over a link of ours: TCPSource and TCPSink in simulated
time, or with --real the kernel's TCP between two network namespaces with the same
link between them. What the kernel's gave in this cell when it was recorded
(at least ${RECORDED.runs} runs each, ${RECORDED.kernel}, ${RECORDED.date}) stands beside it.
It was recorded by
${RECORDED.commands.map((command) => `  ${command}`).join("\n")}`,
  parameters: [
    {
      name: "rate",
      unit: "Mb/s",
      doc: "of the link, each way",
      values: [2, 5, 10, 20, 50],
      reduced: [2, 10],
    },
    { name: "rtt", unit: "ms", doc: "of the empty path", values: [20, 50, 100, 200], reduced: [20, 200] },
    {
      name: "queue",
      unit: "BDP",
      doc: "packets that wait, in bandwidth-delay products",
      values: [0.5, 1, 2],
      reduced: [0.5, 2],
    },
    { name: "loss", unit: "%", doc: "of packets, each way", values: [0, 0.1, 1] },
  ],
  measures: [
    { name: "throughput", unit: "Mb/s", doc: "data that arrived, mean over the transfer", digits: 3 },
    { name: "recorded", unit: "Mb/s", doc: "the kernel's mean when it was recorded", digits: 3 },
    { name: "ratio", doc: "of the two" },
  ],
  seeds: { full: 10, reduced: 3, real: 1 },
  seconds: { simulated: 0.5, real: SECONDS + 2 },
  needs: { programs: ["ip"], namespaces: true, perCore: true },
  inputs: [
    `window limit ${WINDOW / 2 ** 20} MiB at both ends, for the kernel's TCP by tcp_rmem and tcp_wmem`,
    "one segment a packet: no GSO, TSO or GRO",
  ],
  run,
  claims,
  plots: [
    {
      title: "Throughput",
      x: "rtt",
      y: "throughput",
      colour: "rate",
      column: "loss",
      row: "queue",
      yScale: "log",
    },
    { title: "Ratio to the kernel's", x: "rtt", y: "ratio", colour: "rate", column: "loss", row: "queue" },
  ],
};
