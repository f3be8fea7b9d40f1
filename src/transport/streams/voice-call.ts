// What a sink knows of one voice call: what RTCP would report, and how it sounds.

import * as layout from "../../../assembly/traffic-layout.js";
import type { PacketMemory } from "../../packet/memory.js";
import { BlockView } from "./block-view.js";
import type { Codec } from "./codecs.js";
import { rate } from "./e-model.js";

/** G.107's range of burst ratios. */
const BURST_RATIO_MOST = 8;
/** Intervals that are kept of a call. */
const INTERVALS_KEPT = 64;
const TICK_MS = layout.RTP_TICK / 1e6;

export interface CallSettings {
  readonly codec: Codec;
  /** Milliseconds of speech in a packet. */
  readonly ptime: number;
  /** Round-trip time of the network in milliseconds, where it is given. */
  readonly rtt: number | null;
  readonly advantage: number;
}

/** How a call, or an interval of it, sounds. */
export interface VoiceQuality {
  /** RFC 3550 appendix A.3: packets expected, and expected less received; copies make it smaller. */
  readonly expected: number;
  readonly lost: number;
  /** Packets that a listener heard, and those that were missing or too late when they were to be played. */
  readonly played: number;
  readonly missed: number;
  /** `missed` of both, percent: the E-model's Ppl. */
  readonly loss_percent: number;
  /** Mean run of missed packets, and that of random loss taken as 1 (the E-model's BurstR, as measured). */
  readonly mean_burst: number;
  readonly burst_ratio: number;
  /** Mean one-way delay of the network, ms, and where it is from: packets' times, half of RTT, or nowhere (then 0). */
  readonly network_delay_ms: number;
  readonly delay_from: "clock" | "rtt" | "none";
  /** Mean wait in the play-out buffer, and mouth to ear (with packetization and look-ahead), ms. */
  readonly buffer_delay_ms: number;
  readonly mouth_to_ear_ms: number;
  readonly r: number;
  readonly mos: number;
}

export interface VoiceInterval extends VoiceQuality {
  /** Seconds on the router's steady clock at its end. */
  readonly end: number;
  /** RTCP's fraction lost (0 to 255), and the interarrival jitter at its end. */
  readonly fraction_lost: number;
  readonly jitter_ms: number;
}

export interface VoiceReport extends VoiceQuality {
  readonly source: string;
  readonly ssrc: number;
  readonly received: number;
  readonly doubled: number;
  readonly reordered: number;
  readonly late: number;
  readonly restarts: number;
  /** Times that play-out began anew, because the delay had changed. */
  readonly resyncs: number;
  /** RTCP's extended highest sequence number received. */
  readonly highest: number;
  /** RTCP's interarrival jitter (RFC 3550 appendix A.8): RTP ticks, whole, and milliseconds. */
  readonly jitter: number;
  readonly jitter_ms: number;
  readonly network_delay_max_ms: number;
  readonly sent_ahead: number;
  /** The latest intervals. */
  readonly intervals: readonly VoiceInterval[];
}

/** Sums since the call began; of two the difference is an interval. */
interface Sums {
  readonly expected: number;
  readonly received: number;
  readonly played: number;
  readonly missed: number;
  readonly bursts: number;
  readonly waits: number;
  readonly waited: number;
  readonly delays: number;
  readonly delayed: number;
}

const NOTHING: Sums = {
  expected: 0,
  received: 0,
  played: 0,
  missed: 0,
  bursts: 0,
  waits: 0,
  waited: 0,
  delays: 0,
  delayed: 0,
};

function difference(a: Sums, b: Sums): Sums {
  const keys = Object.keys(NOTHING) as (keyof Sums)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] - b[key]])) as unknown as Sums;
}

/** The call whose block is at `block`. */
export class VoiceCall {
  readonly #view: BlockView;
  readonly source: string;
  readonly ssrc: number;
  readonly #intervals: VoiceInterval[] = [];
  #before: Sums = NOTHING;

  constructor(memory: PacketMemory, block: number, source: string) {
    this.#view = new BlockView(memory, block);
    this.source = source;
    this.ssrc = this.#view.u32(layout.STREAM_NUMBER);
  }

  /** Ends an interval at `steady` nanoseconds. */
  endInterval(settings: CallSettings, steady: number): void {
    const sums = this.#sums();
    const part = difference(sums, this.#before);
    this.#before = sums;
    const lost = part.expected - part.received;
    this.#intervals.push({
      end: steady / 1e9,
      fraction_lost: part.expected === 0 || lost <= 0 ? 0 : Math.floor((lost * 256) / part.expected),
      jitter_ms: (this.#view.u32(layout.CALL_JITTER) / 16) * TICK_MS,
      ...this.#quality(part, settings),
    });
    if (this.#intervals.length > INTERVALS_KEPT) this.#intervals.shift();
  }

  report(settings: CallSettings): VoiceReport {
    const view = this.#view;
    const counter = (offset: number): number => view.u64(layout.CALL_COUNTERS + offset);
    const jitter = view.u32(layout.CALL_JITTER);
    return {
      source: this.source,
      ssrc: this.ssrc,
      received: counter(layout.VOICE_RECEIVED),
      doubled: counter(layout.VOICE_DOUBLED),
      reordered: counter(layout.VOICE_REORDERED),
      late: counter(layout.VOICE_LATE),
      restarts: counter(layout.VOICE_RESTARTS),
      resyncs: view.u64(layout.CALL_RESYNCS),
      highest: view.u32(layout.CALL_MAX),
      jitter: Math.floor(jitter / 16),
      jitter_ms: (jitter / 16) * TICK_MS,
      network_delay_max_ms: view.f64(layout.CALL_DELAY_MAX) / 1e6,
      sent_ahead: view.u64(layout.CALL_AHEAD),
      ...this.#quality(this.#sums(), settings),
      intervals: [...this.#intervals],
    };
  }

  #sums(): Sums {
    const view = this.#view;
    const max = view.u32(layout.CALL_MAX);
    let played = view.u64(layout.CALL_PLAYED);
    let missed = view.u64(layout.CALL_MISSED);
    let bursts = view.u64(layout.CALL_BURSTS);
    let inBurst = view.u32(layout.CALL_IN_BURST) === 1;
    // What is in the window yet counts as it is now.
    for (let n = view.u32(layout.CALL_NEXT); n <= max; n++) {
      const cell = view.memory.u8[view.address + layout.CALL_RING + (n % layout.CALL_WINDOW)];
      if (cell === layout.CELL_PLAYED) played++;
      else missed++;
      if (cell !== layout.CELL_PLAYED && !inBurst) bursts++;
      inBurst = cell !== layout.CELL_PLAYED;
    }
    return {
      expected: view.u64(layout.CALL_EXPECTED_BEFORE) + max - view.u32(layout.CALL_BASE) + 1,
      received: view.u64(layout.CALL_RECEIVED_BEFORE) + view.u64(layout.CALL_RECEIVED),
      played,
      missed,
      bursts,
      waits: view.f64(layout.CALL_WAITS),
      waited: view.u64(layout.CALL_WAITED),
      delays: view.f64(layout.CALL_DELAYS),
      delayed: view.u64(layout.CALL_DELAYED),
    };
  }

  #quality(sums: Sums, { codec, ptime, rtt, advantage }: CallSettings): VoiceQuality {
    const { expected, received, played, missed, bursts } = sums;
    const all = played + missed;
    const part = all <= 0 ? 0 : Math.max(0, missed) / all;
    const meanBurst = bursts <= 0 ? 0 : missed / bursts;
    // Under random loss of p a run is 1 / (1 - p) packets long.
    const burstRatio = bursts <= 0 ? 1 : meanBurst * (1 - part);
    const network = this.#network(sums, rtt);
    const buffer = sums.waited === 0 ? 0 : sums.waits / sums.waited / 1e6;
    const delay = network.delay + buffer + ptime + codec.lookAhead;
    const { r, mos } = rate({
      delay,
      ie: codec.ie,
      bpl: codec.bpl,
      loss: part * 100,
      burstRatio: Math.min(BURST_RATIO_MOST, Math.max(1, burstRatio)),
      advantage,
    });
    return {
      expected,
      lost: expected - received,
      played,
      missed,
      loss_percent: part * 100,
      mean_burst: meanBurst,
      burst_ratio: burstRatio,
      network_delay_ms: network.delay,
      delay_from: network.from,
      buffer_delay_ms: buffer,
      mouth_to_ear_ms: delay,
      r,
      mos,
    };
  }

  #network(sums: Sums, rtt: number | null): { delay: number; from: VoiceQuality["delay_from"] } {
    if (rtt !== null) return { delay: rtt / 2, from: "rtt" };
    // A packet that came before it was sent shows that there are two clocks.
    if (sums.delayed === 0 || this.#view.u64(layout.CALL_AHEAD) > 0) return { delay: 0, from: "none" };
    return { delay: sums.delays / sums.delayed / 1e6, from: "clock" };
  }
}
