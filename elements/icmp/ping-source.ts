// What ICMPPingSource and ICMP6PingSource share: when requests go out, what comes back, and their handlers.

import { SLOT_TIMESTAMP } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { bytesOf } from "../../src/lang/args/text.js";
import type { Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import type { Clock } from "../../src/router/clock.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, handlerValue, valueHandler } from "../../src/router/handler.js";
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
const WORD = 2 ** 32;
const NOT_SENT = -1;
const SEQUENCE_NUMBERS = 65536;

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

/** Which requests were sent when, and what came back. */
class Pings {
  /** Steady nanoseconds at which each sequence number was last sent. */
  readonly #sentAt: Float64Array;
  /** 1 for the numbers that were answered. */
  readonly #answered: Uint8Array;
  /** The clock's start in nanoseconds since the epoch, as two words: timestamps are taken apart exactly. */
  readonly #startHigh: number;
  readonly #startLow: number;
  #replies = 0;
  #duplicates = 0;
  #sum = 0;
  #squares = 0;
  /** Microseconds; 0 while nothing came back. */
  shortest = 0;
  longest = 0;

  /** Without `listening` it keeps no times: it only stamps. */
  constructor(clock: Clock, listening: boolean) {
    this.#sentAt = new Float64Array(listening ? SEQUENCE_NUMBERS : 0).fill(NOT_SENT);
    this.#answered = new Uint8Array(listening ? SEQUENCE_NUMBERS : 0);
    const { seconds, nanoseconds } = clock.start;
    const start = BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
    this.#startHigh = Number(start >> 32n);
    this.#startLow = Number(start & 0xffffffffn);
  }

  /** Mean round-trip time in microseconds. */
  get mean(): number {
    return this.#replies === 0 ? 0 : Math.floor(this.#sum / this.#replies);
  }

  /** Request `sequence` leaves at steady time `now`. */
  sent(sequence: number, now: number): void {
    this.#sentAt[sequence] = now;
    this.#answered[sequence] = 0;
  }

  /** Writes the wall-clock time at steady time `now` as the timestamp at `address`. */
  stamp(view: DataView, address: number, now: number): void {
    const low = this.#startLow + (now % WORD);
    view.setUint32(address, low % WORD, true);
    view.setUint32(address + 4, this.#startHigh + Math.floor(now / WORD) + Math.floor(low / WORD), true);
  }

  /**
   * A reply to `sequence` came with the timestamp at `address`. Returns the round-trip time in microseconds, 0 for a
   * reply without timestamp; null when that number was not sent.
   */
  received(sequence: number, view: DataView, address: number): number | null {
    const sentAt = this.#sentAt[sequence];
    if (sentAt === NOT_SENT) return null;
    const low = view.getUint32(address, true);
    const high = view.getUint32(address + 4, true);
    let took = 0;
    if (low !== 0 || high !== 0) {
      const now = (high - this.#startHigh) * WORD + (low - this.#startLow);
      took = Math.max(0, Math.floor((now - sentAt) / 1000));
      if (this.#replies === 0 || took < this.shortest) this.shortest = took;
      this.longest = Math.max(this.longest, took);
      this.#sum += took;
      this.#squares += took * took;
    }
    this.#duplicates += this.#answered[sequence];
    this.#answered[sequence] = 1;
    this.#replies++;
    return took;
  }

  /** What ping prints at its end, after `sent` requests. */
  summary(sent: number): string {
    const different = this.#replies - this.#duplicates;
    let text = `${sent} packets transmitted, ${different} received`;
    if (this.#duplicates > 0) text += `, +${this.#duplicates} duplicates`;
    if (sent > 0) text += `, ${Math.max(0, Math.floor(((sent - different) * 100) / sent))}% packet loss\n`;
    if (this.#replies > 0) {
      const deviation = Math.floor(Math.sqrt(Math.max(0, this.#squares / this.#replies - this.mean ** 2)));
      const times = [this.shortest, this.mean, this.longest, deviation].map((us) => (us / 1000).toFixed(3));
      text += `rtt min/avg/max/mdev = ${times.join("/")}\n`;
    }
    return text;
  }

  reset(): void {
    this.#sentAt.fill(NOT_SENT);
    this.#answered.fill(0);
    this.#replies = 0;
    this.#duplicates = 0;
    this.#sum = 0;
    this.#squares = 0;
    this.shortest = 0;
    this.longest = 0;
  }
}
