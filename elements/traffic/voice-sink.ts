import * as layout from "../../assembly/traffic-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, handlerValue } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";
import { CODEC_NAMES, codecNamed, ptimeError } from "../../src/transport/streams/codecs.js";
import { reportArgs } from "../../src/transport/streams/report-args.js";
import { StreamTable } from "../../src/transport/streams/stream-table.js";
import { type CallSettings, VoiceCall, type VoiceReport } from "../../src/transport/streams/voice-call.js";
import { voiceText } from "../../src/transport/streams/voice-text.js";

const args = {
  PORT: { type: "ip_port", protocol: 17, positional: true, default: "0", doc: "UDP port; 0: any" },
  CODEC: {
    type: "choice",
    choices: CODEC_NAMES,
    default: "G.711",
    doc: "what the speech is coded by; G.711 is decoded with concealment of lost packets, G.711-NO-PLC without",
  },
  PTIME: { type: "seconds", default: "20ms", doc: "speech in a packet" },
  PAYLOAD_TYPE: { type: "unsigned", max: 127, doc: "RTP payload type; default: the codec's" },
  BUFFER: {
    type: "seconds",
    default: "60ms",
    max: 10,
    doc: "time that the first packet waits in the play-out buffer; later ones wait for their turn, or are too late",
  },
  RTT: {
    type: "seconds",
    max: 1000,
    doc: "round-trip time of the network, of which half is taken as its delay; default: what packets say of when they were sent",
  },
  ADVANTAGE: { type: "real", default: "0", doc: "the E-model's advantage factor, 0 to 20" },
  INTERVAL: { type: "seconds", default: "5", doc: "time that each of the last 64 intervals covers; 0: none" },
  STREAMS: { type: "unsigned", default: "16", min: 1, max: 1024, doc: "calls that it keeps account of" },
} as const;

/** Packets that come too late in a row for this long make play-out begin anew. */
const RESYNC_MS = 1000;

/**
 * Rates voice calls over RTP (RFC 3550): loss, order, jitter, and how they sound by the E-model (ITU-T G.107).
 *
 * A call is known by its source address and SSRC. A play-out buffer of fixed length tells which packets a listener hears:
 * the first waits BUFFER, and what comes after its turn is `late`, and lost to the listener. After a second of packets
 * that are too late, or wait longer than twice BUFFER, play-out begins anew. From what is heard come the rating R and
 * the mean opinion score, with all formulas of G.107 for delay (echo and Idd), the loss and its measured burst ratio.
 * The delay of the network is known where both ends share a clock (simulated time, or one machine); elsewhere RTT says
 * it, else it is unknown and taken as 0.
 *
 * @input 0 IPv4 or IPv6 packets, marked
 * @output 0 the packets of calls (optional)
 * @output 1 other packets (optional)
 * @example VoiceSource(10.0.0.1, 5004, 10.0.0.2, 5004, LIMIT 5) -> VoiceSink(5004)
 * @see VoiceSource, NumberedSink
 */
export class VoiceSink extends Element {
  static readonly spec = {
    ports: "1/0-2",
    processing: "h/h",
    args,
    counters: {
      received: "packets that came, copies too",
      doubled: "copies of packets that had come",
      reordered: "packets that came after one with a higher number",
      late: "packets that came after their turn to be played",
      restarts: "times that a sender began anew",
    },
    drops: {
      no_header: "the network header is not marked, cut off, or of neither IPv4 nor IPv6",
      not_udp: "another protocol than UDP",
      fragment: "a part of a datagram",
      bad_length: "a length that does not fit the packet",
      bad_checksum: "the UDP checksum is wrong, or there is none over IPv6",
      other_port: "another destination port than PORT",
      not_rtp: "no RTP packet of the payload type",
      too_many: "of one call more than STREAMS, or there is no memory for it",
      bad_sequence: "a sequence number far from those before, unless the next one follows it",
    },
    state: layout.VOICE_SINK_SIZE,
    handlers: {
      streams: { read: true, doc: "calls that it has seen" },
      report: {
        read: true,
        params: true,
        expensive: true,
        doc: "the account of each call, or of the one with that SSRC: `[SSRC] [--json]`",
      },
      rtt: { read: true, write: true, doc: "round-trip time of the network in seconds; -1: not given" },
    },
  } as const satisfies ElementSpec;

  #table: StreamTable | null = null;
  /** By the address of the block, as they were seen first. */
  #calls: VoiceCall[] = [];
  #settings: CallSettings = { codec: codecNamed("G.711"), ptime: 20, rtt: null, advantage: 0 };
  #interval = 0;
  #timer: Timer | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { memory, stateArea: area } = this;
    const codec = codecNamed(values.CODEC);
    const ptime = Math.round(values.PTIME * 1e6) / 1e3;
    const wrong = ptimeError(codec, ptime);
    if (wrong !== null) errors.error(wrong);
    if (!(values.ADVANTAGE >= 0 && values.ADVANTAGE <= 20)) errors.error("ADVANTAGE must be from 0 to 20");
    const rtt = values.RTT === undefined ? null : values.RTT * 1e3;
    this.#settings = { codec, ptime, rtt, advantage: values.ADVANTAGE };
    this.#interval = Math.round(values.INTERVAL * 1e9);
    if (this.#interval > 0 && this.#interval < 1e7) errors.error("INTERVAL must be 0, or 10 ms at least");
    const { PORT: port } = values;
    // As it lies in memory.
    memory.set32(area + layout.STREAMS_PORT, ((port & 255) << 8) | (port >>> 8));
    memory.set32(area + layout.VOICE_TYPE, values.PAYLOAD_TYPE ?? codec.payloadType);
    memory.set32(area + layout.VOICE_RESYNC, Math.ceil(RESYNC_MS / ptime));
    memory.view.setFloat64(area + layout.VOICE_BUFFER, Math.round(values.BUFFER * 1e9), true);
    this.#table = new StreamTable(memory, values.STREAMS, layout.CALL_SIZE);
    this.#table.attach(area, this.router.random.u32());
  }

  override initialize(): void {
    if (this.#interval === 0) return;
    this.#timer = this.newTimer(() => {
      const now = this.router.clock.now();
      for (const call of this.#all()) call.endInterval(this.#settings, now);
      this.#timer!.rescheduleAfter(this.#interval);
    });
    this.#timer.scheduleAfter(this.#interval);
  }

  override takeState(old: Element): void {
    if (!(old instanceof VoiceSink) || old.#table === null || this.#table === null) return;
    if (old.#table.capacity !== this.#table.capacity) return;
    this.#table.destroy();
    this.#table = old.#table;
    this.#calls = old.#calls;
    old.#table = null;
    old.#calls = [];
    this.#table.attach(this.stateArea, 0);
    this.memory.u8.copyWithin(this.state, old.state, old.state + layout.VOICE_AREA);
  }

  override cleanup(): void {
    this.#table?.destroy();
    this.#table = null;
    this.#calls = [];
  }

  override push(_port: number, batch: Batch): void {
    const { clock } = this.router;
    const { seconds, nanoseconds } = clock.start;
    const good = this.memory.kernels.voiceReceive(
      this.state,
      batch.address,
      batch.count,
      this.rejects,
      seconds,
      nanoseconds,
      clock.now(),
    );
    if (good < batch.count) this.reject(batch, good);
    this.pushOrKill(0, batch);
  }

  /** The calls that have begun. */
  #all(): readonly VoiceCall[] {
    const table = this.#table;
    if (table === null) return [];
    for (const block of table.blocks().slice(this.#calls.length))
      this.#calls.push(new VoiceCall(this.memory, block, table.source(block)));
    return this.#calls;
  }

  /** The account of each call, or of those with that SSRC. */
  reports(ssrc?: number): VoiceReport[] {
    return this.#all()
      .filter((call) => ssrc === undefined || call.ssrc === ssrc)
      .map((call) => call.report(this.#settings));
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      streams: { read: () => this.#table?.count ?? 0 },
      report: {
        read: (text) => {
          const { number, json } = reportArgs(text, "SSRC");
          const reports = this.reports(number);
          return json ? JSON.stringify(reports) : reports.map(voiceText).join("\n");
        },
      },
      rtt: {
        read: () => (this.#settings.rtt === null ? -1 : this.#settings.rtt / 1e3),
        write: (text) => {
          const rtt = text.trim() === "-1" ? null : handlerValue(args.RTT, text) * 1e3;
          this.#settings = { ...this.#settings, rtt };
        },
      },
    };
  }
}
