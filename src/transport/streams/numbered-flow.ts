// What a sink knows of one numbered stream.

import * as layout from "../../../assembly/traffic-layout.js";
import type { PacketMemory } from "../../packet/memory.js";
import { BlockView } from "./block-view.js";
import { percentiles } from "./delays.js";

/** Ranges of a window that a report lists, the lowest first. */
const WINDOW_RANGES = 64;

/** A time without a packet. */
export interface Gap {
  /** Seconds on the router's steady clock when the packet before it came. */
  readonly start: number;
  readonly seconds: number;
  /** Numbers of the packets before and after it. */
  readonly before: number;
  readonly after: number;
}

/** One-way delays in milliseconds; percentiles are right to 1 in 128. */
export interface DelayReport {
  readonly packets: number;
  readonly min: number;
  readonly mean: number;
  readonly max: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
}

/** The account of one stream. Whatever counts packets is since the stream began, or since the last reset. */
export interface NumberedReport {
  readonly source: string;
  readonly stream: number;
  /** Packets that came, each number once. */
  readonly received: number;
  /** Numbers up to the highest known that did not come. */
  readonly lost: number;
  /** Further copies of packets that had come. */
  readonly doubled: number;
  /** Packets that came after one with a higher number (RFC 4737 section 3). */
  readonly reordered: number;
  /** Of those received (RFC 4737 section 4.1). */
  readonly reordered_ratio: number;
  /** How many packets back the first with a higher number came (RFC 4737 section 4.2): mean and greatest. */
  readonly reordering_extent_mean: number;
  readonly reordering_extent_max: number;
  /** Packets with a number below the window: copies, or so late that they are lost. */
  readonly too_old: number;
  /** Packets with a number from before counting began. */
  readonly before: number;
  /** Packets of a run that the sender has given up. */
  readonly stale: number;
  /** Times that the sender began anew. */
  readonly restarts: number;
  readonly highest: number;
  /** Bytes of the payloads received. */
  readonly bytes: number;
  /** From the first packet to the last. */
  readonly seconds: number;
  /** The latest ranges of lost numbers, first and last of each. */
  readonly lost_ranges: readonly (readonly [number, number])[];
  /** Ranges that are not listed. */
  readonly lost_ranges_omitted: number;
  /** Seconds of the longest time between two packets, and when it began. */
  readonly longest_gap: number;
  readonly longest_gap_start: number;
  /** The latest gaps longer than the threshold. */
  readonly gaps: readonly Gap[];
  readonly gaps_omitted: number;
  /** Seconds since the last packet. */
  readonly silent: number;
  /** Null where no packet came, or all were sent later than they came: the clocks are not the same. */
  readonly delay_ms: DelayReport | null;
  /** Packets sent later than they came. */
  readonly sent_ahead: number;
}

/** One stream's block in the memory of the router, whose window holds `window` numbers. */
export class NumberedFlow {
  readonly #view: BlockView;
  readonly #window: number;
  readonly source: string;
  readonly stream: number;

  constructor(memory: PacketMemory, block: number, source: string, window: number) {
    this.#view = new BlockView(memory, block);
    this.#window = window;
    this.source = source;
    this.stream = this.#view.u32(layout.STREAM_NUMBER);
  }

  #counter(offset: number): number {
    return this.#view.u64(layout.FLOW_COUNTERS + offset);
  }

  get #next(): number {
    return this.#view.u64(layout.FLOW_NEXT);
  }

  /** The number after the highest that is known to have been sent. */
  get #end(): number {
    return Math.max(this.#next, this.#view.u64(layout.FLOW_EXPECTED) + 1);
  }

  get lost(): number {
    const view = this.#view;
    const open = this.#end - view.u64(layout.FLOW_BASE) - view.u64(layout.FLOW_RUN_RECEIVED);
    return view.u64(layout.FLOW_LOST_RUNS) + open;
  }

  /** The sender's present run has sent all numbers up to `number`. */
  expect(number: number): void {
    this.#view.set64(layout.FLOW_EXPECTED, number);
  }

  /** Counts anew, from the number after the highest. */
  reset(): void {
    const view = this.#view;
    view.set64(layout.FLOW_BASE, this.#end);
    view.set64(layout.FLOW_NEXT, this.#end);
    // When its last packet came still tells whether its sender is silent.
    view.clear(layout.FLOW_EXPECTED, layout.FLOW_LAST_AT);
    view.clear(layout.FLOW_GAPS, layout.FLOW_GAP_LIST);
  }

  /** `steady`: steady nanoseconds now. */
  report(steady: number): NumberedReport {
    const view = this.#view;
    const received = this.#counter(layout.NUMBERED_RECEIVED);
    const reordered = this.#counter(layout.NUMBERED_REORDERED);
    const { ranges, total } = this.#lostRanges();
    const gaps = view.u64(layout.FLOW_GAPS);
    const seconds = (offset: number): number => view.f64(offset) / 1e9;
    return {
      source: this.source,
      stream: this.stream,
      received,
      lost: this.lost,
      doubled: this.#counter(layout.NUMBERED_DOUBLED),
      reordered,
      reordered_ratio: received === 0 ? 0 : reordered / received,
      reordering_extent_mean: reordered === 0 ? 0 : view.u64(layout.FLOW_EXTENT_SUM) / reordered,
      reordering_extent_max: view.u32(layout.FLOW_EXTENT_MAX),
      too_old: this.#counter(layout.NUMBERED_TOO_OLD),
      before: this.#counter(layout.NUMBERED_BEFORE),
      stale: this.#counter(layout.NUMBERED_STALE),
      restarts: this.#counter(layout.NUMBERED_RESTARTS),
      highest: this.#next - 1,
      bytes: view.u64(layout.FLOW_BYTES),
      seconds: received === 0 ? 0 : seconds(layout.FLOW_LAST_AT) - seconds(layout.FLOW_FIRST_AT),
      lost_ranges: ranges,
      lost_ranges_omitted: total - ranges.length,
      longest_gap: seconds(layout.FLOW_LONGEST),
      longest_gap_start: seconds(layout.FLOW_LONGEST_AT),
      gaps: this.#gaps(gaps),
      gaps_omitted: Math.max(0, gaps - layout.GAPS_KEPT),
      silent: received === 0 ? 0 : (steady - view.f64(layout.FLOW_LAST_AT)) / 1e9,
      delay_ms: this.#delays(),
      sent_ahead: view.u64(layout.FLOW_AHEAD),
    };
  }

  #gaps(count: number): Gap[] {
    const view = this.#view;
    const kept = Math.min(count, layout.GAPS_KEPT);
    return Array.from({ length: kept }, (_, i) => {
      const at = layout.FLOW_GAP_LIST + ((count - kept + i) % layout.GAPS_KEPT) * layout.GAP_SIZE;
      return {
        start: view.f64(at + layout.GAP_AT) / 1e9,
        seconds: view.f64(at + layout.GAP_LASTED) / 1e9,
        before: view.u64(at + layout.GAP_BEFORE),
        after: view.u64(at + layout.GAP_AFTER),
      };
    });
  }

  /** Ranges of lost numbers, of former runs first, and how many there are in all. */
  #lostRanges(): { ranges: [number, number][]; total: number } {
    const view = this.#view;
    const { memory } = view;
    const gone = view.u64(layout.FLOW_RANGES);
    const kept = Math.min(gone, layout.RANGES_KEPT);
    const ranges = Array.from({ length: kept }, (_, i): [number, number] => {
      const at = layout.FLOW_RANGE_LIST + ((gone - kept + i) % layout.RANGES_KEPT) * layout.RANGE_SIZE;
      return [view.u64(at + layout.RANGE_FIRST), view.u64(at + layout.RANGE_LAST)];
    });
    let total = gone;
    let open = kept > 0 && this.#isOfThisRun(gone - 1);
    const add = (first: number, last: number): void => {
      const latest = ranges.at(-1);
      // A range may lie half in the window.
      if (open && latest !== undefined && latest[1] + 1 === first) {
        latest[1] = last;
        return;
      }
      total++;
      ranges.push([first, last]);
      open = true;
    };
    const out = memory.alloc(WINDOW_RANGES * 16);
    const missing = memory.kernels.numberedMissing(view.address, this.#window, out, WINDOW_RANGES);
    for (let i = 0; i < Math.min(missing, WINDOW_RANGES); i++)
      add(memory.get64(out + i * 16), memory.get64(out + i * 16 + 8));
    total += Math.max(0, missing - WINDOW_RANGES);
    memory.free(out, WINDOW_RANGES * 16);
    if (this.#end > this.#next) add(this.#next, this.#end - 1);
    return { ranges, total };
  }

  /** Whether the `i`th range that left the window is of the sender's present run. */
  #isOfThisRun(i: number): boolean {
    const { memory, address } = this.#view;
    const at = address + layout.FLOW_RANGE_LIST + (i % layout.RANGES_KEPT) * layout.RANGE_SIZE;
    const run = (where: number): bigint => memory.view.getBigUint64(where, true);
    return run(at + layout.RANGE_RUN) === run(address + layout.FLOW_RUN);
  }

  #delays(): DelayReport | null {
    const view = this.#view;
    const packets = view.u64(layout.FLOW_DELAYS);
    const min = view.f64(layout.FLOW_DELAY_MIN);
    const max = view.f64(layout.FLOW_DELAY_MAX);
    const found = percentiles(view, layout.FLOW_HISTOGRAM, [0.5, 0.9, 0.99, 0.999], min, max);
    if (found === null) return null;
    const [p50, p90, p99, p999] = found.map((ns) => ns / 1e6);
    const mean = view.f64(layout.FLOW_DELAY_SUM) / packets / 1e6;
    return { packets, min: min / 1e6, mean, max: max / 1e6, p50, p90, p99, p999 };
  }
}
