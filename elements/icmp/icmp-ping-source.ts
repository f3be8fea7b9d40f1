import { ANNO_DST_IP, SLOT_ANNO, SLOT_TIMESTAMP } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { bytesOf } from "../../src/lang/args/text.js";
import type { Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, handlerValue, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";
import { ipText } from "../../src/wire/address.js";
import { ICMP_ECHO, ICMP_ECHO_REPLY, ICMP_HEADER, ICMP_REST } from "../../src/wire/icmp.js";
import { IPV4_HEADER, IPV4_SOURCE, IPV4_TOTAL_LENGTH, IPV4_TTL, PROTOCOL_ICMP } from "../../src/wire/ipv4.js";
import { Pings } from "./pings.js";

const args = {
  SRC: { type: "ip", positional: true, required: true, doc: "source address" },
  DST: { type: "ip", positional: true, required: true, doc: "destination address" },
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

const SEQUENCES = 65535;

/**
 * Sends ICMP echo requests at an interval (on a pull output: one for each pull), and keeps the statistics that ping
 * prints, when the replies come back into its input.
 *
 * Sequence numbers, and the IP identification with them, count from 1. The destination and header annotations are set.
 *
 * @element ICMPPingSource
 * @category icmp
 * @input 0 echo replies, marked (optional)
 * @output 0 echo requests
 * @handler count requests sent
 * @handler active whether it sends
 * @handler src source address
 * @handler dst destination address
 * @handler limit sets the number of requests to send
 * @handler interval sets the time between requests
 * @handler reset_counts sets all counts to zero
 * @handler summary requests, replies, loss and round-trip times, as ping prints them
 * @handler rtt_min shortest round-trip time
 * @handler rtt_avg mean round-trip time
 * @handler rtt_max longest round-trip time
 * @example p :: ICMPPingSource(10.0.0.1, 10.0.0.2, INTERVAL 1ms, LIMIT 3) -> CheckIPHeader -> ICMPPingResponder -> p
 * @see ICMPPingResponder
 */
export class ICMPPingSource extends Element {
  static readonly spec = {
    ports: "0-1/1",
    processing: "h/a",
    args,
    counters: { count: "requests sent" },
    drops: { no_slot: "requests not sent because no slot was free" },
    handlers: {
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
    },
  } as const satisfies ElementSpec;

  #src = 0;
  #dst = 0;
  #interval = 1e9;
  #identifier = 0;
  #data: Uint8Array = new Uint8Array(0);
  #limit = -1;
  #active = true;
  #verbose = true;
  #stop = false;
  #mirror = false;
  #timer: Timer | null = null;
  #pings = new Pings(this.router.clock, false);
  readonly #packet = new Packet(this.memory);

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#src = values.SRC;
    this.#dst = values.DST;
    this.#interval = Math.round((values.INTERVAL ?? 1) * 1e9);
    this.#identifier = values.IDENTIFIER;
    this.#data = bytesOf(values.DATA ?? "");
    this.#limit = values.LIMIT;
    this.#active = values.ACTIVE;
    this.#verbose = values.VERBOSE;
    this.#stop = values.STOP;
    this.#mirror = values.MIRROR;
    const pull = this.isPullOutput(0);
    const room = this.memory.bufferSize - (IPV4_HEADER + ICMP_HEADER) - this.memory.headroom;
    if (this.#data.length > room) errors.error("DATA does not fit a packet");
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
    for (const line of this.#summary().split("\n"))
      if (line !== "") this.router.log(`${this.declaration}: ${line}`);
  }

  get #count(): number {
    return this.memory.get64(this.state);
  }

  get #more(): boolean {
    return this.#limit < 0 || this.#count < this.#limit;
  }

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
    const slot = this.memory.kernels.poolTake();
    if (slot === 0) {
      this.memory.add64(this.counterAddress("no_slot"), 1);
    } else {
      this.#request(slot, true);
      this.#send(slot);
    }
    this.#timer!.rescheduleAfter(this.#interval);
  }

  #send(slot: number): void {
    const batch = this.router.batches.acquire();
    batch.add(slot);
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
  }

  override pull(_port: number, batch: Batch, max: number): void {
    while (batch.count < max && this.#more) {
      const slot = this.memory.kernels.poolTake();
      if (slot === 0) {
        this.memory.add64(this.counterAddress("no_slot"), 1);
        return;
      }
      this.#request(slot, true);
      batch.add(slot);
    }
    if (!this.#more && this.#stop) {
      this.#stop = false;
      this.router.stop();
    }
  }

  /** Makes the packet in `slot` the next request: with its own data (`fresh`), or with what follows the headers there. */
  #request(slot: number, fresh: boolean): void {
    const packet = this.#packet.at(slot);
    const { view, u8 } = this.memory;
    const front = IPV4_HEADER + ICMP_HEADER;
    if (fresh) {
      packet.pushBack(front + this.#data.length);
      u8.set(this.#data, packet.data + front);
    }
    const { data, length } = packet;
    const sequence = (this.#count % SEQUENCES) + 1;
    u8.fill(0, data, data + front);
    view.setUint8(data, 0x45);
    view.setUint16(data + IPV4_TOTAL_LENGTH, length);
    view.setUint16(data + 4, sequence);
    view.setUint8(data + IPV4_TTL, 200);
    view.setUint8(data + 9, PROTOCOL_ICMP);
    view.setUint32(data + IPV4_SOURCE, this.#src);
    view.setUint32(data + 16, this.#dst);
    const icmp = data + IPV4_HEADER;
    view.setUint8(icmp, ICMP_ECHO);
    view.setUint16(icmp + ICMP_REST, this.#identifier);
    view.setUint16(icmp + ICMP_REST + 2, sequence);
    // The kernel's sums are as they lie in memory: little-endian.
    const { kernels } = this.memory;
    view.setUint16(data + 10, kernels.csumOf(data, IPV4_HEADER), true);
    view.setUint16(icmp + 2, kernels.csumOf(icmp, length - IPV4_HEADER), true);
    packet.networkHeader = data;
    packet.transportHeader = icmp;
    view.setUint32(slot + SLOT_ANNO + ANNO_DST_IP, this.#dst);
    const now = this.router.clock.now();
    this.#pings.sent(sequence, now);
    this.#pings.stamp(view, slot + SLOT_TIMESTAMP, now);
    this.memory.add64(this.state, 1);
  }

  override push(_port: number, batch: Batch): void {
    const replies = this.router.batches.acquire();
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      const mine = this.#isReply(this.#packet.at(slot));
      if (mine) this.#reply(this.#packet);
      if (mine && this.#mirror) replies.add(slot);
      else this.memory.kernels.poolGive(slot);
    }
    batch.count = 0;
    for (let i = 0; i < replies.count; i++) {
      const packet = this.#packet.at(replies.at(i));
      packet.pullFront(packet.networkHeader - packet.data);
      this.#request(packet.slot, false);
    }
    this.outputs[0].push(replies);
    this.router.batches.release(replies);
  }

  #isReply(packet: Packet): boolean {
    const { view, u8 } = this.memory;
    const { networkHeader: ip, data } = packet;
    const end = data + packet.length;
    if (ip < data || ip + IPV4_HEADER > end) return false;
    const icmp = ip + (u8[ip] & 15) * 4;
    return (
      icmp >= ip + IPV4_HEADER &&
      icmp + ICMP_HEADER <= end &&
      u8[ip + 9] === PROTOCOL_ICMP &&
      u8[icmp] === ICMP_ECHO_REPLY &&
      view.getUint16(icmp + ICMP_REST) === this.#identifier
    );
  }

  #reply(packet: Packet): void {
    const { view, u8 } = this.memory;
    const ip = packet.networkHeader;
    const header = (u8[ip] & 15) * 4;
    const sequence = view.getUint16(ip + header + ICMP_REST + 2);
    const took = this.#pings.received(sequence, view, packet.slot + SLOT_TIMESTAMP);
    if (took === null || !this.#verbose) return;
    const bytes = view.getUint16(ip + IPV4_TOTAL_LENGTH) - header - ICMP_HEADER;
    const from = ipText(view.getUint32(ip + IPV4_SOURCE));
    const time = `${Math.floor(took / 1000)}.${String(took % 1000).padStart(3, "0")}`;
    const ttl = u8[ip + IPV4_TTL];
    this.router.log(
      `${this.declaration}: ${bytes} bytes from ${from}: icmp_seq=${sequence} ttl=${ttl} time=${time} ms`,
    );
  }

  #summary(): string {
    return this.#pings.summary(this.#count);
  }

  override handlers(): Record<string, HandlerCode> {
    const rtt = (name: "shortest" | "mean" | "longest"): HandlerCode => ({
      read: () => microseconds(this.#pings[name]),
    });
    return {
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
          if (!active) this.#timer?.unschedule();
          else if (!this.isPullOutput(0) && this.#timer?.scheduled === false) this.#timer.scheduleAfter(0);
        },
      ),
      src: {
        read: () => ipText(this.#src),
        write: (text) => {
          this.#src = handlerValue(args.SRC, text);
        },
      },
      dst: {
        read: () => ipText(this.#dst),
        write: (text) => {
          this.#dst = handlerValue(args.DST, text);
        },
      },
      limit: {
        write: (text) => {
          this.#limit = handlerValue(args.LIMIT, text);
          if (this.#more) this.#schedule();
        },
      },
      interval: {
        write: (text) => {
          this.#interval = Math.round(handlerValue(args.INTERVAL, text) * 1e9);
        },
      },
      reset_counts: {
        write: () => {
          this.memory.set64(this.state, 0);
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
