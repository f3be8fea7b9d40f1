// sluice bench: what a packet costs in a configuration, and which element takes what part.

import { ConfigurationError } from "../lang/diagnostics.js";
import { type BenchSettings, benchSettings, HELP } from "./bench-options.js";
import { BenchRouter, type Segment, type Share } from "./bench-run.js";
import { type Command, CommandError } from "./command.js";
import { type Input, readInput } from "./input.js";
import { type Machine, machine, machineText, type Spread, spreadOf, spreadText, table } from "./measure.js";
import { report, verdict } from "./report.js";
import { ENDINGS } from "./running.js";

/** Below this part of the time on a processor, the graph was waiting rather than working. */
const BUSY_LEAST = 0.8;

interface DeviceTotals {
  readonly name: string;
  readonly received: number;
  readonly sent: number;
}

/** What the text and the JSON tell. */
interface BenchResult {
  readonly file: string;
  readonly machine: Machine;
  /** Nanoseconds a packet and millions of packets a second, over the runs; null when none was complete. */
  readonly nsPerPacket: Spread | null;
  readonly mpps: Spread | null;
  readonly runs: readonly Segment[];
  readonly devices: readonly DeviceTotals[];
  readonly elements: readonly Share[];
  readonly notes: readonly string[];
  readonly interrupted: boolean;
}

class Interrupt {
  readonly controller = new AbortController();
  readonly #stop = (): void => {
    // The second one ends the process at once.
    process.once("SIGINT", () => process.exit(130));
    this.controller.abort();
  };

  constructor() {
    for (const name of ENDINGS) process.once(name, this.#stop);
  }

  get happened(): boolean {
    return this.controller.signal.aborted;
  }

  done(): void {
    for (const name of ENDINGS) process.removeAllListeners(name);
  }
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function measure(s: BenchSettings, input: Input, interrupt: Interrupt): Promise<BenchResult> {
  const { signal } = interrupt.controller;
  const started = machine();
  const notes: string[] = [];
  const runs: Segment[] = [];
  let devices: DeviceTotals[] = [];
  const bench = await BenchRouter.start(s, input, false);
  try {
    progress("warming up");
    let last = await bench.run(Math.min(s.seconds, 1), s.packets, signal);
    // A graph that came to its end while it should warm up: that was its run.
    if (last.ended && last.packets > 0) runs.push(last);
    while (runs.length < s.runs && !last.ended && !interrupt.happened) {
      progress(`run ${runs.length + 1} of ${s.runs}`);
      last = await bench.run(s.seconds, s.packets, signal);
      if (last.packets > 0) runs.push(last);
      else break;
    }
    devices = [...bench.devices.devices.values()].map(({ name, received, sent }) => ({
      name,
      received,
      sent,
    }));
    notes.push(...bench.devices.notes);
  } finally {
    progress("");
    bench.close();
  }
  if (runs.length === 0 && !interrupt.happened)
    throw new CommandError(
      `${input.file}: no packets came into the graph: it names no device that is read (with traffic on it) and has no source`,
    );
  if (runs.some((r) => r.ended)) notes.push("the router stopped by itself: a run ends there");
  const busy = runs.reduce((n, r) => n + r.busy * r.seconds, 0) / runs.reduce((n, r) => n + r.seconds, 0);
  if (busy < BUSY_LEAST)
    notes.push(
      `the process was on a processor ${(busy * 100).toFixed(0)} % of the time: the graph waits (rates, timers), or the machine is busy`,
    );
  const elements = interrupt.happened ? [] : await shares(s, input, signal);
  return {
    file: input.file,
    machine: started,
    nsPerPacket: runs.length === 0 ? null : spreadOf(runs.map((r) => (r.seconds * 1e9) / r.packets)),
    mpps: runs.length === 0 ? null : spreadOf(runs.map((r) => r.packets / r.seconds / 1e6)),
    runs,
    devices,
    elements,
    notes,
    interrupted: interrupt.happened,
  };
}

/** A run in which every call is timed. */
async function shares(s: BenchSettings, input: Input, signal: AbortSignal): Promise<Share[]> {
  progress("timing the elements");
  const bench = await BenchRouter.start(s, input, true);
  try {
    await bench.run(Math.min(s.seconds, 1), s.packets, signal);
    return bench.shares();
  } finally {
    progress("");
    bench.close();
  }
}

function text(result: BenchResult): string {
  const { nsPerPacket, mpps, runs, devices, elements, notes } = result;
  const lines = [`${result.file}`, machineText(result.machine), ""];
  if (nsPerPacket === null || mpps === null) {
    lines.push("interrupted before the first run was over");
    return `${lines.join("\n")}\n`;
  }
  const packets = runs.reduce((n, r) => n + r.packets, 0);
  const seconds = runs.reduce((n, r) => n + r.seconds, 0);
  lines.push(
    `${spreadText(nsPerPacket)} ns a packet (${nsPerPacket.low.toFixed(1)} to ${nsPerPacket.high.toFixed(1)}), ${spreadText(mpps, 2)} Mpps`,
    `${runs.length} runs, ${packets} packets in ${seconds.toFixed(2)} s${result.interrupted ? "; interrupted" : ""}`,
  );
  for (const d of devices)
    lines.push(`${d.name}: ${d.received} packets in, ${d.sent} out, warming up included`);
  for (const note of notes) lines.push(`note: ${note}`);
  if (elements.length > 0) {
    const rows = [...elements]
      .filter((e) => e.calls > 0)
      .sort((a, b) => b.share - a.share)
      .map((e) => [
        e.className === "" ? e.name : `${e.name} :: ${e.className}`,
        `${(e.share * 100).toFixed(1)}%`,
        e.nsPerPacket.toFixed(1),
        String(e.packets),
        e.calls > 0 ? (e.packets / e.calls).toFixed(1) : "-",
        String(e.drops),
      ]);
    lines.push(
      "",
      table([["element", "share", "ns/packet", "packets", "batch", "drops"], ...rows]).trimEnd(),
    );
  }
  return `${lines.join("\n")}\n`;
}

async function run(words: readonly string[]): Promise<number> {
  const s = benchSettings(words);
  const input = readInput(s.file, s.expression);
  const interrupt = new Interrupt();
  try {
    const result = await measure(s, input, interrupt);
    process.stdout.write(s.json ? `${JSON.stringify(result, null, 2)}\n` : text(result));
    return result.interrupted ? 130 : 0;
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    const source = process.stderr.isTTY && !s.json ? input : undefined;
    process.stderr.write(
      report(e.diagnostics, s.json ? "json" : "text", source) + (s.json ? "" : verdict(e)),
    );
    return 1;
  } finally {
    interrupt.done();
  }
}

export const command: Command = { help: HELP, run };
