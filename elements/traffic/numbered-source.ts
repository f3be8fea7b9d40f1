import * as layout from "../../assembly/traffic-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";
import type { Timer } from "../../src/router/timer.js";
import { TokenBucket } from "../../src/router/token-bucket.js";
import { IPV4_HEADER } from "../../src/wire/ipv4.js";
import { IPV6_HEADER } from "../../src/wire/ipv6.js";
import { UDP_CHECKSUM, UDP_HEADER } from "../../src/wire/udp.js";
import { writeUdpPacket } from "../../src/wire/udp-packet.js";

const args = {
  SRC: { type: "address", positional: true, required: true, doc: "source address, IPv4 or IPv6" },
  SPORT: { type: "ip_port", protocol: 17, positional: true, required: true, doc: "source port" },
  DST: { type: "address", positional: true, required: true, doc: "destination address, of the same family" },
  DPORT: { type: "ip_port", protocol: 17, positional: true, required: true, doc: "destination port" },
  STREAM: {
    type: "unsigned",
    default: "0",
    doc: "number that tells this stream from others of this address",
  },
  RATE: { type: "unsigned", default: "100", doc: "packets a second" },
  LENGTH: {
    type: "unsigned",
    default: "64",
    min: layout.NUMBERED_HEADER,
    max: 65000,
    doc: "bytes of a datagram's payload",
  },
  LIMIT: { type: "long", default: "-1", min: -1, doc: "packets to send in all; -1: without end" },
  BURST: {
    type: "unsigned",
    default: "1",
    min: 1,
    max: BATCH_MAX,
    doc: "packets that are due sent at a time",
  },
  ACTIVE: { type: "bool", default: "true", doc: "send packets" },
  STOP: { type: "bool", default: "false", doc: "stop the router after LIMIT packets" },
} as const;

/**
 * Sends UDP datagrams that carry a number and the time, at an even rate, for NumberedSink to tell what became of them.
 *
 * The payload is, in network order: `NUM1`; the stream (4 bytes); when the sender began, the number, which counts from
 * 1, and when the packet was sent (8 bytes each, times in nanoseconds since the epoch); zeros up to LENGTH. Packets
 * may not be fragmented. A sender that was late makes up for a hundredth of a second (two packets at least).
 *
 * @output 0 IPv4 or IPv6 packets, marked, with the destination annotation
 * @example NumberedSource(10.0.0.1, 5000, 10.0.0.2, 5000, RATE 1000, LIMIT 5) -> NumberedSink(5000)
 * @example NumberedSource(fd00::1, 5000, fd00::2, 5000, LENGTH 1000) -> Queue -> DelayUnqueue(5ms) -> NumberedSink
 * @see NumberedSink, RatedSource
 */
export class NumberedSource extends Element {
  static readonly spec = {
    ports: "0/1",
    flags: "S1",
    args,
    counters: { count: "packets sent since the last reset" },
    drops: { no_slot: "packets not sent because no slot was free" },
    state: layout.NUMBERED_SOURCE_SIZE,
    handlers: {
      number: { read: true, doc: "the number sent last" },
      rate: { read: true, write: true, doc: "packets a second" },
      limit: { read: true, write: true, calm: true, doc: "packets to send in all; -1: without end" },
      active: { read: true, write: true, checkbox: true, doc: "whether it sends" },
      reset: {
        write: true,
        button: true,
        doc: "sets the count to zero, so that another LIMIT packets are sent; numbers go on",
      },
      restart: {
        write: true,
        button: true,
        doc: "begins anew from number 1, as a sender that was started again does",
      },
    },
  } as const satisfies ElementSpec;

  readonly #bucket = new TokenBucket();
  #template = 0;
  #length = 0;
  #limit = -1;
  #burst = 1;
  #active = true;
  #stop = false;
  #task: Task | null = null;
  #timer: Timer | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.SRC.length !== values.DST.length) {
      errors.error("SRC and DST are addresses of two families");
      return;
    }
    const payload = new Uint8Array(values.LENGTH);
    const view = new DataView(payload.buffer);
    view.setUint32(layout.NUMBERED_MAGIC, layout.NUMBERED_IS);
    view.setUint32(layout.NUMBERED_STREAM, values.STREAM);
    const bytes = writeUdpPacket({
      source: values.SRC,
      sourcePort: values.SPORT,
      destination: values.DST,
      destinationPort: values.DPORT,
      tos: 0,
      dontFragment: true,
      payload,
    });
    const { memory, stateArea } = this;
    this.#length = bytes.length;
    this.#template = memory.alloc(bytes.length);
    memory.u8.set(bytes, this.#template);
    memory.set32(stateArea + layout.NUMBERED_TEMPLATE, this.#template);
    memory.set32(stateArea + layout.NUMBERED_LENGTH, bytes.length);
    const offset = (values.SRC.length === 4 ? IPV4_HEADER : IPV6_HEADER) + UDP_HEADER;
    memory.set32(stateArea + layout.NUMBERED_PAYLOAD, offset);
    this.#bucket.assign(values.RATE, capacityOf(values.RATE));
    this.#limit = values.LIMIT;
    this.#burst = values.BURST;
    this.#active = values.ACTIVE;
    this.#stop = values.STOP;
  }

  override initialize(): void {
    this.#begin();
    this.#bucket.set(1, this.router.clock.now());
    if (this.isPullOutput(0)) return;
    this.#task = this.newTask(() => this.#run());
    this.#timer = this.newTimer(() => this.#task!.reschedule());
    this.#task.reschedule();
  }

  /** A swap is no restart: numbers go on. */
  override takeState(old: Element): void {
    if (!(old instanceof NumberedSource) || old.#template === 0) return;
    const { memory, stateArea } = this;
    for (const at of [this.state, this.state + 8])
      memory.set64(at, memory.get64(old.state + (at - this.state)));
    memory.set64(stateArea + layout.NUMBERED_LAST, memory.get64(old.stateArea + layout.NUMBERED_LAST));
    const run = old.#payload + layout.NUMBERED_RUN;
    memory.u8.copyWithin(this.#payload + layout.NUMBERED_RUN, run, run + 8);
    this.#sum();
  }

  override cleanup(): void {
    if (this.#template !== 0) this.memory.free(this.#template, this.#length);
    this.#template = 0;
  }

  get #payload(): number {
    return this.#template + this.memory.get32(this.stateArea + layout.NUMBERED_PAYLOAD);
  }

  /** Begins a run now, with number 1. */
  #begin(): void {
    const { memory } = this;
    const { start } = this.router.clock;
    const now = BigInt(Math.floor(this.router.clock.now()));
    const run = BigInt(start.seconds) * 1_000_000_000n + BigInt(start.nanoseconds) + now;
    const at = this.#payload + layout.NUMBERED_RUN;
    // Two runs never begin at once, though simulated time stands still.
    const former = memory.view.getBigUint64(at);
    memory.view.setBigUint64(at, run > former ? run : former + 1n);
    memory.set64(this.stateArea + layout.NUMBERED_LAST, 0);
    this.#sum();
  }

  /** Works out the template's sum, without the fields that change, for the kernel. */
  #sum(): void {
    const { memory } = this;
    const { view, kernels } = memory;
    const udp = this.#payload - UDP_HEADER;
    const length = this.#template + this.#length - udp;
    view.setUint16(udp + UDP_CHECKSUM, 0);
    const four = memory.u8[this.#template] >> 4 === 4;
    const pseudo = four
      ? kernels.csumPseudo4(this.#template, 17, length)
      : kernels.csumPseudo6(this.#template, 17, length);
    memory.set32(this.stateArea + layout.NUMBERED_SUM, kernels.csumAdd(pseudo, udp, length));
  }

  /** Makes up to `max` packets that are due. Returns whether it could go on: it is active, and LIMIT is not reached. */
  #make(batch: Batch, max: number): boolean {
    if (!this.#active) return false;
    const { memory } = this;
    const left = this.#limit < 0 ? Number.POSITIVE_INFINITY : this.#limit - memory.get64(this.state);
    if (left <= 0) {
      if (this.#stop) this.router.stop();
      return false;
    }
    const { clock } = this.router;
    const now = clock.now();
    const count = this.#bucket.take(Math.min(max, left, BATCH_MAX), now);
    if (count === 0) return true;
    const { seconds, nanoseconds } = clock.start;
    batch.count = memory.kernels.numberedMake(
      this.stateArea,
      batch.address,
      count,
      seconds,
      nanoseconds,
      now,
    );
    memory.add64(this.state, batch.count);
    if (batch.count < count) memory.add64(this.counterAddress("no_slot"), count - batch.count);
    return true;
  }

  #run(): boolean {
    const batch = this.router.batches.acquire();
    const going = this.#make(batch, this.#burst);
    const worked = batch.count > 0;
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
    if (worked) this.#task!.reschedule();
    else if (going) {
      const next = this.#bucket.next(1);
      if (next !== Number.POSITIVE_INFINITY) this.#timer!.scheduleAt(next);
    }
    return worked;
  }

  override pull(_port: number, batch: Batch, max: number): void {
    this.#make(batch, max);
  }

  #resume(): void {
    if (this.#active) this.#task?.reschedule();
  }

  override handlers(): Record<string, HandlerCode> {
    const now = (): number => this.router.clock.now();
    return {
      number: { read: () => this.memory.get64(this.stateArea + layout.NUMBERED_LAST) },
      rate: valueHandler(
        args.RATE,
        () => this.#bucket.rate,
        (rate) => {
          this.#bucket.refill(now());
          this.#bucket.assign(rate, capacityOf(rate));
          this.#resume();
        },
      ),
      limit: valueHandler(
        args.LIMIT,
        () => this.#limit,
        (limit) => {
          this.#limit = limit;
          this.#resume();
        },
      ),
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          // Nothing is made up for.
          if (active && !this.#active) this.#bucket.set(1, now());
          this.#active = active;
          this.#resume();
        },
      ),
      reset: {
        write: () => {
          this.memory.set64(this.state, 0);
          this.#bucket.set(1, now());
          this.#resume();
        },
      },
      restart: { write: () => this.#begin() },
    };
  }
}

/** Packets that may be sent late, at `rate` a second. */
function capacityOf(rate: number): number {
  return rate < 200 ? 2 : Math.floor(rate / 100);
}
