// What ICMPPingSource and ICMP6PingSource share: when requests go out, what comes back, and their handlers.

import { SLOT_TIMESTAMP } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { bytesOf } from "../../src/lang/args/text.js";
import type { Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, handlerValue, valueHandler } from "../../src/router/handler.js";
import { Pings } from "../../src/router/pings.js";
import type { Timer } from "../../src/router/timer.js";

export const PING_ARGS = {
  INTERVAL: { type: "seconds", doc: "time between requests; default 1 s" },
  IDENTIFIER: { type: "unsigned", default: "0", max: 65535, doc: "ICMP identifier" },
  DATA: { type: "string", doc: "data after the ICMP header; default: none" },
  LIMIT: { type: "int", default: "-1", doc: "requests to send; negative: without end" },
  ACTIVE: { type: "bool", default: "true", doc: "send requests" },
  VERBOSE: { type: "bool", default: "true", doc: "report replies as they come, and a summary at the end" },
  STOP: { type: "bool", default: "false", doc: "stop the router after LIMIT requests" },
  MIRROR: {
    type: "bool",
    default: "false",
    doc: "answer each reply with the next request at once, whatever LIMIT says; a push output only",
  },
} as const;

export const PING_COUNTERS = { count: "requests sent" } as const;

export const PING_DROPS = {
  no_slot: "requests not sent because no slot was free",
  not_mine: "no reply to a request of this source",
} as const;

export const PING_HANDLERS = {
  active: { read: true, write: true, checkbox: true, doc: "whether it sends" },
  src: { read: true, write: true, calm: true, doc: "source address" },
  dst: { read: true, write: true, calm: true, doc: "destination address" },
  limit: { write: true, calm: true, doc: "sets the number of requests to send" },
  interval: { write: true, doc: "sets the time between requests" },
  reset_counts: { write: true, button: true, doc: "sets all counts to zero" },
  summary: { read: true, doc: "requests, replies, loss and round-trip times, as ping prints them" },
  rtt_min: { read: true, doc: "shortest round-trip time" },
  rtt_avg: { read: true, doc: "mean round-trip time" },
  rtt_max: { read: true, doc: "longest round-trip time" },
} as const;

const SEQUENCES = 65535;

/** Largest total length of an IPv4 packet. */
const IP_LENGTH_MAX = 65535;

/** In place of a sequence number. */
export const NO_REPLY = -1;

export abstract class PingSource extends Element {
  protected identifier = 0;
  #interval = 1e9;
  #data: Uint8Array = new Uint8Array(0);
  #limit = -1;
  #active = true;
  #verbose = true;
  #stop = false;
  #mirror = false;
  #timer: Timer | null = null;
  #pings = new Pings(this.router.clock, false);
  readonly #packet = new Packet(this.memory);

  /** Bytes of the IP and ICMP headers of a request. */
  protected abstract readonly front: number;

  /** Whether there is nobody to send to. */
  protected abstract readonly idle: boolean;

  /**
   * Writes the headers of request `sequence` over the first `front` bytes of a packet, and where they are; the data are
   * behind them.
   */
  protected abstract writeRequest(packet: Packet, sequence: number): void;

  /** The sequence number of an echo reply with our identifier; NO_REPLY for anything else. */
  protected abstract replySequence(packet: Packet): number;

  /** What ping says of a reply: `4 bytes from 10.0.0.2: icmp_seq=1 ttl=64`. */
  protected abstract replyText(packet: Packet, sequence: number): string;

  protected configurePings(values: ArgValues<typeof PING_ARGS>, errors: ErrorSink): void {
    this.#interval = Math.round((values.INTERVAL ?? 1) * 1e9);
    this.identifier = values.IDENTIFIER;
    this.#data = bytesOf(values.DATA ?? "");
    this.#limit = values.LIMIT;
    this.#active = values.ACTIVE;
    this.#verbose = values.VERBOSE;
    this.#stop = values.STOP;
    this.#mirror = values.MIRROR;
    const pull = this.isPullOutput(0);
    if (this.#data.length > IP_LENGTH_MAX - this.front) errors.error("DATA does not fit a packet");
    if (this.#interval === 0) errors.warning("INTERVAL so small that it is zero");
    if (pull && values.INTERVAL !== undefined)
      errors.warning("element is pull, INTERVAL parameter will be ignored");
    if (pull && this.#mirror) errors.error("MIRROR invalid on pull element");
  }

  override initialize(): void {
    this.#timer = this.newTimer(() => this.#fire());
    if (this.#limit !== 0) this.#schedule();
    if (this.ninputs === 1) this.#pings = new Pings(this.router.clock, true);
  }

  override cleanup(stage: CleanupStage): void {
    if (stage !== "router-initialized" || this.ninputs === 0 || !this.#verbose) return;
    if (this.idle && this.#count === 0) return;
    for (const line of this.#summary().split("\n"))
      if (line !== "") this.router.log(`${this.declaration}: ${line}`);
  }

  get #count(): number {
    return this.memory.get64(this.state);
  }

  get #more(): boolean {
    return this.#limit < 0 || this.#count < this.#limit;
  }

  #drop(reason: keyof typeof PING_DROPS): void {
    this.memory.add64(this.counterAddress(reason), 1);
  }

  // ---- Requests ------------------------------------------------------------------

  /** Sends the next request an interval from now, unless it is inactive, pulled from, or will send already. */
  #schedule(): void {
    const timer = this.#timer;
    if (timer !== null && this.#active && !this.isPullOutput(0) && !timer.scheduled)
      timer.scheduleAfter(this.#interval);
  }

  #fire(): void {
    if (!this.#more) {
      if (this.#stop) this.router.stop();
      return;
    }
    if (!this.idle) {
      const batch = this.router.batches.acquire();
      if (this.#add(batch)) this.outputs[0].push(batch);
      this.router.batches.release(batch);
    }
    this.#timer!.rescheduleAfter(this.#interval);
  }

  override pull(_port: number, batch: Batch, max: number): void {
    while (!this.idle && batch.count < max && this.#more) if (!this.#add(batch)) return;
    if (!this.#more && this.#stop) {
      this.#stop = false;
      this.router.stop();
    }
  }

  /** Adds the next request to a batch; false where there is no slot for it. */
  #add(batch: Batch): boolean {
    const length = this.front + this.#data.length;
    const slot = this.memory.kernels.poolTakeFor(length);
    if (slot === 0) {
      this.#drop("no_slot");
      return false;
    }
    const packet = this.#packet.at(slot);
    packet.pushBack(length);
    this.memory.u8.set(this.#data, packet.data + this.front);
    this.#request(packet);
    batch.add(slot);
    return true;
  }

  /** Makes a packet, whose data are where they belong, the next request. */
  #request(packet: Packet): void {
    const sequence = (this.#count % SEQUENCES) + 1;
    this.writeRequest(packet, sequence);
    const now = this.router.clock.now();
    this.#pings.sent(sequence, now);
    this.#pings.stamp(this.memory.view, packet.slot + SLOT_TIMESTAMP, now);
    this.memory.add64(this.counterAddress("count"), 1);
  }

  // ---- Replies -------------------------------------------------------------------

  override push(_port: number, batch: Batch): void {
    const mirrored = this.router.batches.acquire();
    for (let i = 0; i < batch.count; i++) {
      const packet = this.#packet.at(batch.at(i));
      const sequence = this.replySequence(packet);
      if (sequence === NO_REPLY) this.#drop("not_mine");
      else this.#reply(packet, sequence);
      if (sequence !== NO_REPLY && this.#mirror && !this.idle) mirrored.add(packet.slot);
      else this.memory.kernels.poolGive(packet.slot);
    }
    batch.count = 0;
    for (let i = 0; i < mirrored.count; i++) {
      const packet = this.#packet.at(mirrored.at(i));
      packet.pullFront(packet.networkHeader - packet.data);
      this.#request(packet);
    }
    this.outputs[0].push(mirrored);
    this.router.batches.release(mirrored);
  }

  #reply(packet: Packet, sequence: number): void {
    const took = this.#pings.received(sequence, this.memory.view, packet.slot + SLOT_TIMESTAMP);
    if (took === null) this.#drop("not_mine");
    if (took === null || !this.#verbose) return;
    const time = `${Math.floor(took / 1000)}.${String(took % 1000).padStart(3, "0")}`;
    this.router.log(`${this.declaration}: ${this.replyText(packet, sequence)} time=${time} ms`);
  }

  #summary(): string {
    return this.#pings.summary(this.#count);
  }

  // ---- Handlers ------------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    const rtt = (name: "shortest" | "mean" | "longest"): HandlerCode => ({
      read: () => microseconds(this.#pings[name]),
    });
    return {
      active: valueHandler(
        PING_ARGS.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
          if (!active) this.#timer?.unschedule();
          else if (!this.isPullOutput(0) && this.#timer?.scheduled === false) this.#timer.scheduleAfter(0);
        },
      ),
      limit: {
        write: (text) => {
          this.#limit = handlerValue(PING_ARGS.LIMIT, text);
          if (this.#more) this.#schedule();
        },
      },
      interval: {
        write: (text) => {
          this.#interval = Math.round(handlerValue(PING_ARGS.INTERVAL, text) * 1e9);
        },
      },
      reset_counts: {
        write: () => {
          this.memory.set64(this.counterAddress("count"), 0);
          this.#pings.reset();
          if (this.#more) this.#schedule();
        },
      },
      summary: { read: () => this.#summary() },
      rtt_min: rtt("shortest"),
      rtt_avg: rtt("mean"),
      rtt_max: rtt("longest"),
    };
  }
}

/** Click's text for microseconds: `750us`, `0.0015s`, `0s`. */
function microseconds(us: number): string {
  if (us > 0 && us < 1000) return `${us}us`;
  return `${(us / 1e6).toFixed(6).replace(/\.?0+$/, "")}s`;
}
