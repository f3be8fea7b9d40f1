import * as layout from "../../assembly/traffic-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError, handlerWords } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { NumberedFlow, type NumberedReport } from "../../src/transport/streams/numbered-flow.js";
import { numberedText } from "../../src/transport/streams/numbered-text.js";
import { reportArgs } from "../../src/transport/streams/report-args.js";
import { StreamTable } from "../../src/transport/streams/stream-table.js";

/** Numbers that the windows of all streams hold at most: so many are looked through for a report. */
const WINDOWS_MOST = 2 ** 20;

const args = {
  PORT: { type: "ip_port", protocol: 17, positional: true, default: "0", doc: "UDP port; 0: any" },
  STREAMS: { type: "unsigned", default: "16", min: 1, max: 1024, doc: "streams that it keeps account of" },
  WINDOW: {
    type: "unsigned",
    default: "4096",
    min: 64,
    max: 65536,
    doc: "numbers, a power of two, that a packet may lie behind the highest and still be told from a copy",
  },
  GAP: { type: "seconds", default: "0.1", doc: "time without a packet of a stream that is listed as a gap" },
  FROM_START: {
    type: "bool",
    default: "true",
    doc: "what was sent before the first packet that comes is lost; otherwise counting begins with that packet",
  },
} as const;

const expectation = {
  STREAM: { type: "unsigned", positional: true, required: true, doc: "stream" },
  NUMBER: { type: "long", positional: true, required: true, min: 0, doc: "number sent last" },
} as const;

/** Counters: the kernel counts them, in this order (NUMBERED_* of traffic-layout.ts). */
const counters = {
  received: "packets that came, each number once",
  doubled: "further copies of packets that had come",
  reordered: "packets that came after one with a higher number",
  too_old: "packets with a number below the window: copies, or so late that they are lost",
  before: "packets with a number from before counting began",
  stale: "packets of a run that their sender has given up",
  restarts: "times that a sender began anew",
} as const;

/**
 * Tells what became of the packets of NumberedSource: lost, doubled, reordered (RFC 4737), gaps, one-way delays.
 *
 * A stream is known by its source address and its number. What it says is exact: a number counts once, and is lost
 * until it comes, or for good when it is below the window. Numbers sent after the last that came are lost only where
 * `expect` has told of them. A sender that begins anew is noticed; what its former run left open is lost, and packets
 * of that run that still come are `stale`. (A sender whose clock was set back meanwhile is noticed after a minute without
 * packets of the former run.) Delays are those of one clock: simulated time, or both ends on one machine.
 *
 * @input 0 IPv4 or IPv6 packets, marked
 * @output 0 the packets of numbered streams (optional)
 * @output 1 other packets (optional)
 * @example NumberedSource(10.0.0.1, 5000, 10.0.0.2, 5000, RATE 1000, LIMIT 5) -> NumberedSink(5000)
 * @see NumberedSource, Counter
 */
export class NumberedSink extends Element {
  static readonly spec = {
    ports: "1/0-2",
    processing: "h/h",
    args,
    counters,
    drops: {
      no_header: "the network header is not marked, cut off, or of neither IPv4 nor IPv6",
      not_udp: "another protocol than UDP",
      fragment: "a part of a datagram",
      bad_length: "a length that does not fit the packet",
      bad_checksum: "the UDP checksum is wrong, or there is none over IPv6",
      other_port: "another destination port than PORT",
      not_numbered: "a payload that NumberedSource does not send",
      too_many: "of one stream more than STREAMS, or there is no memory for it",
    },
    state: layout.NUMBERED_SINK_SIZE,
    handlers: {
      lost: { read: true, doc: "packets that did not come, of all streams" },
      streams: { read: true, doc: "streams that it has seen" },
      report: {
        read: true,
        params: true,
        expensive: true,
        doc: "the account of each stream, or of those numbered STREAM: `[STREAM] [--json]`",
      },
      expect: {
        write: true,
        doc: "`STREAM NUMBER`: the streams of that number have sent so many packets; those that did not come are lost",
      },
      reset: { write: true, button: true, doc: "counts anew, each stream from the number after its highest" },
    },
  } as const satisfies ElementSpec;

  #table: StreamTable | null = null;
  #window = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { memory, stateArea: area } = this;
    const { PORT: port, STREAMS: streams, WINDOW: window } = values;
    if (!Number.isInteger(Math.log2(window))) errors.error("WINDOW must be a power of two");
    if (streams * window > WINDOWS_MOST)
      errors.error(`STREAMS x WINDOW is ${streams * window} numbers, of at most ${WINDOWS_MOST}`);
    this.#window = window;
    // As it lies in memory.
    memory.set32(area + layout.STREAMS_PORT, ((port & 255) << 8) | (port >>> 8));
    memory.set32(area + layout.NUMBERED_WINDOW, window);
    memory.set32(area + layout.NUMBERED_FROM_START, values.FROM_START ? 1 : 0);
    memory.view.setFloat64(area + layout.NUMBERED_THRESHOLD, values.GAP * 1e9, true);
    this.#adopt(new StreamTable(memory, streams, layout.FLOW_RING + window * 4));
  }

  #adopt(table: StreamTable): void {
    this.#table?.destroy();
    this.#table = table;
    table.attach(this.stateArea, this.router.random.u32());
  }

  override takeState(old: Element): void {
    if (!(old instanceof NumberedSink) || old.#table === null || this.#table === null) return;
    if (old.#window !== this.#window || old.#table.capacity !== this.#table.capacity) return;
    const { memory } = this;
    this.#adopt(old.#table);
    old.#table = null;
    const size = layout.NUMBERED_AREA;
    memory.u8.copyWithin(this.state, old.state, old.state + size);
  }

  override cleanup(): void {
    this.#table?.destroy();
    this.#table = null;
  }

  override push(_port: number, batch: Batch): void {
    const { clock } = this.router;
    const { seconds, nanoseconds } = clock.start;
    const good = this.memory.kernels.numberedReceive(
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

  #flows(stream?: number): NumberedFlow[] {
    const table = this.#table;
    if (table === null) return [];
    return table
      .blocks()
      .map((block) => new NumberedFlow(this.memory, block, table.source(block), this.#window))
      .filter((flow) => stream === undefined || flow.stream === stream);
  }

  /** The account of each stream, or of those numbered `stream`. */
  reports(stream?: number): NumberedReport[] {
    const now = this.router.clock.now();
    return this.#flows(stream).map((flow) => flow.report(now));
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      lost: { read: () => this.#flows().reduce((sum, flow) => sum + flow.lost, 0) },
      streams: { read: () => this.#table?.count ?? 0 },
      report: {
        read: (text) => {
          const { number, json } = reportArgs(text, "STREAM");
          const reports = this.reports(number);
          return json ? JSON.stringify(reports) : reports.map(numberedText).join("\n");
        },
      },
      expect: {
        write: (text) => {
          const { STREAM, NUMBER } = handlerWords(this, expectation, text);
          const flows = this.#flows(STREAM);
          if (flows.length === 0) throw new HandlerError("FAILED", `no packet of stream ${STREAM} has come`);
          for (const flow of flows) flow.expect(NUMBER);
        },
      },
      reset: {
        write: () => {
          for (const flow of this.#flows()) flow.reset();
          for (const name of Object.keys(counters)) this.memory.set64(this.counterAddress(name), 0);
        },
      },
    };
  }
}
