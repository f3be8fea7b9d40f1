// What `top` shows: functions and their elements, with rates between two looks.

import { lossesByReason, lossesOf } from "../device/counters.js";
import type { FunctionView } from "../vnf/api/routes.js";
import type { ElementStats, InstanceStats } from "../vnf/instance/protocol.js";

/** A function at one moment; `stats` null while it does not run. */
export interface Look {
  readonly view: FunctionView;
  readonly stats: InstanceStats | null;
}

export interface TopOptions {
  /** Lines of elements of each function: those that work most. */
  readonly elements: number;
}

const HEAD = "FUNCTION      STATE    ISOLATION   UPTIME   RX/s     TX/s     DROP/s   PACKETS HELD   RESTARTS";
const ELEMENT_HEAD =
  "    element                     class               batches/s  packets/s  batch  ns/packet  drops";

export class TopView {
  readonly #options: TopOptions;
  #before = new Map<string, InstanceStats>();

  constructor(options: TopOptions) {
    this.#options = options;
  }

  /** The lines for `looks`; rates are since the last call. */
  lines(looks: readonly Look[]): string[] {
    const lines = [HEAD];
    const now = new Map<string, InstanceStats>();
    for (const { view, stats } of looks) {
      const before = this.#before.get(view.name) ?? null;
      lines.push(functionLine(view, stats, before));
      if (stats === null) continue;
      now.set(view.name, stats);
      for (const { name, problem } of stats.elements)
        if (problem !== "") lines.push(...problem.split("\n").map((line) => `    ! ${name}: ${line}`));
      if (this.#options.elements > 0) lines.push(...this.#elementLines(stats, before), ...deviceLines(stats));
    }
    this.#before = now;
    return lines;
  }

  #elementLines(stats: InstanceStats, before: InstanceStats | null): string[] {
    const old = new Map(before?.elements.map((e) => [e.name, e]));
    const seconds = before === null ? 0 : (stats.at - before.at) / 1e9;
    const rows = stats.elements
      .map((e) => ({ e, work: work(e, old.get(e.name)) }))
      .filter(({ e, work }) => work.packets > 0 || Object.keys(e.drops).length > 0)
      .sort((a, b) => b.work.nanoseconds - a.work.nanoseconds || b.work.packets - a.work.packets)
      .slice(0, this.#options.elements)
      .map(({ e, work }) => elementLine(e, work, seconds));
    return rows.length === 0 ? [] : [ELEMENT_HEAD, ...rows];
  }
}

/** The devices that have lost packets, and why. */
function deviceLines(stats: InstanceStats): string[] {
  return Object.entries(stats.devices).flatMap(([name, counters]) => {
    const losses = reasons(lossesByReason(counters));
    return losses === "" ? [] : [`    ${name.padEnd(27)} ${"(device)".padEnd(57)}  ${losses}`];
  });
}

function reasons(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([reason, n]) => `${reason} ${quantity(n)}`)
    .join(", ");
}

interface Work {
  readonly batches: number;
  readonly packets: number;
  readonly nanoseconds: number;
}

/** What the element did between two looks. */
function work(e: ElementStats, old: ElementStats | undefined): Work {
  const { load } = e;
  if (load === null) return { batches: 0, packets: 0, nanoseconds: 0 };
  // Metering began again meanwhile: its counts started at 0.
  const from =
    old?.load != null && old.load.packets <= load.packets
      ? old.load
      : { batches: 0, packets: 0, nanoseconds: 0 };
  return {
    batches: load.batches - from.batches,
    packets: load.packets - from.packets,
    nanoseconds: Math.max(0, load.nanoseconds - from.nanoseconds),
  };
}

function elementLine(e: ElementStats, w: Work, seconds: number): string {
  const rate = (n: number): string => (seconds > 0 ? quantity(n / seconds) : "-");
  const batch = w.batches > 0 ? (w.packets / w.batches).toFixed(1) : "-";
  const each = w.packets > 0 ? (w.nanoseconds / w.packets).toFixed(0) : "-";
  return `    ${e.name.padEnd(27)} ${e.className.padEnd(19)}${rate(w.batches).padStart(10)}${rate(w.packets).padStart(11)}${batch.padStart(7)}${each.padStart(11)}  ${reasons(e.drops)}`.trimEnd();
}

function functionLine(view: FunctionView, stats: InstanceStats | null, before: InstanceStats | null): string {
  const rates = ["rx_packets", "tx_packets"].map((counter) =>
    rate(stats, before, (s) => deviceTotal(s, counter)),
  );
  const drops = rate(stats, before, dropTotal);
  const held = stats === null ? "-" : `${stats.slotsUsed} of ${stats.slots}`;
  const uptime = view.uptime === null ? "-" : `${view.uptime.toFixed(1)} s`;
  return [
    view.name.padEnd(13),
    view.state.padEnd(8),
    view.isolation.padEnd(9),
    uptime.padStart(8),
    ...[...rates, drops].map((r) => r.padStart(8)),
    held.padStart(14),
    String(view.restarts).padStart(10),
    ...(view.vm === null ? [] : [` ${placeText(view.vm)}`]),
  ].join(" ");
}

/** Where a virtual machine is. */
export function placeText({ hypervisor }: NonNullable<FunctionView["vm"]>): string {
  return hypervisor === null ? "migrating" : `at ${hypervisor}`;
}

function rate(
  stats: InstanceStats | null,
  before: InstanceStats | null,
  of: (s: InstanceStats) => number,
): string {
  if (stats === null || before === null || stats.at <= before.at) return "-";
  return quantity(Math.max(0, of(stats) - of(before)) / ((stats.at - before.at) / 1e9));
}

function deviceTotal(stats: InstanceStats, counter: string): number {
  return Object.values(stats.devices).reduce((sum, c) => sum + (c[counter] ?? 0), 0);
}

/** What elements dropped and devices lost. */
function dropTotal(stats: InstanceStats): number {
  const dropped = stats.elements.reduce(
    (sum, e) => sum + Object.values(e.drops).reduce((a, b) => a + b, 0),
    0,
  );
  return Object.values(stats.devices).reduce((sum, counters) => sum + lossesOf(counters), dropped);
}

/** A number in at most six characters. */
function quantity(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(1)}G`;
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  if (n >= 1e4) return `${(n / 1e3).toFixed(1)}k`;
  return n >= 100 || Number.isInteger(n) ? n.toFixed(0) : n.toFixed(1);
}

/** Puts lines in place of those before, on a terminal; else one below the other. */
export class Screen {
  #shown = 0;

  show(lines: readonly string[]): void {
    const { stdout } = process;
    if (!stdout.isTTY) {
      stdout.write(`${lines.join("\n")}\n\n`);
      return;
    }
    const most = Math.max(1, (stdout.rows ?? 50) - 1);
    const width = stdout.columns ?? 200;
    const fit = lines.slice(0, most).map((l) => l.slice(0, width));
    if (this.#shown > 0) stdout.write(`\x1b[${this.#shown}A\x1b[J`);
    stdout.write(`${fit.join("\n")}\n`);
    this.#shown = fit.length;
  }
}
