import { ANNO_DST_IP, SLOT_ANNO, SLOT_TIMESTAMP } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { bytesOf } from "../../src/lang/args/text.js";
import type { Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, handlerValue, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";
import { ip6Text } from "../../src/wire/address.js";
import { ICMP6_ECHO, ICMP6_ECHO_REPLY, ICMP6_HEADER, ICMP6_REST, writeIcmp6 } from "../../src/wire/icmp6.js";
import { PROTOCOL_ICMP6 } from "../../src/wire/ipv4.js";
import {
  IPV6_HEADER,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
  writeIpv6,
} from "../../src/wire/ipv6.js";
import { Pings } from "./pings.js";

const args = {
  SRC: { type: "ip6", positional: true, required: true, doc: "source address" },
  DST: { type: "ip6", positional: true, required: true, doc: "destination address; to :: nothing is sent" },
  INTERVAL: { type: "seconds", default: "1", doc: "time between requests" },
  IDENTIFIER: { type: "unsigned", default: "0", max: 65535, doc: "ICMP identifier" },
  DATA: { type: "string", doc: "data after the ICMP header; default: none" },
  LIMIT: { type: "int", default: "-1", doc: "requests to send; negative: without end" },
  ACTIVE: { type: "bool", default: "true", doc: "send requests" },
  VERBOSE: { type: "bool", default: "true", doc: "report replies as they come, and a summary at the end" },
} as const;

const SEQUENCES = 65535;
const HOP_LIMIT = 200;

/**
 * Sends ICMPv6 echo requests (RFC 4443 section 4.1) at an interval, and keeps the statistics that ping prints, when the
 * replies come back into its input. What else comes in is dropped; so are replies behind extension headers.
 *
 * Sequence numbers count from 1. The destination and header annotations are set.
 *
 * @element ICMP6PingSource
 * @category icmp
 * @input 0 echo replies, marked (optional)
 * @output 0 echo requests
 * @handler count requests sent
 * @handler active whether it sends
 * @handler dst destination address
 * @handler reset_counts sets all counts to zero
 * @handler summary requests, replies, loss and round-trip times, as ping prints them
 * @example p :: ICMP6PingSource(fd00::1, fd00::2, INTERVAL 1ms, LIMIT 3) -> CheckIP6Header -> ICMP6PingResponder -> p
 * @see ICMP6PingResponder, ICMPPingSource
 */
export class ICMP6PingSource extends Element {
  static readonly spec = {
    ports: "0-1/1",
    processing: "h/h",
    args,
    counters: { count: "requests sent" },
    drops: {
      no_slot: "requests not sent because no slot was free",
      not_mine: "no reply to a request of this source",
    },
    handlers: {
      active: { read: true, write: true, checkbox: true, doc: "whether it sends" },
      dst: { read: true, write: true, calm: true, doc: "destination address" },
      reset_counts: { write: true, button: true, doc: "sets all counts to zero" },
      summary: { read: true, doc: "requests, replies, loss and round-trip times, as ping prints them" },
    },
  } as const satisfies ElementSpec;

  #values: ArgValues<typeof args> | null = null;
  #dst: Uint8Array = new Uint8Array(16);
  #active = true;
  #data: Uint8Array = new Uint8Array(0);
  #timer: Timer | null = null;
  #pings = new Pings(this.router.clock, false);
  readonly #packet = new Packet(this.memory);

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#values = values;
    this.#dst = values.DST;
    this.#active = values.ACTIVE;
    this.#data = bytesOf(values.DATA ?? "");
    const room = this.memory.bufferSize - (IPV6_HEADER + ICMP6_HEADER) - this.memory.headroom;
    if (this.#data.length > room) errors.error("DATA does not fit a packet");
    if (values.INTERVAL === 0) errors.error("INTERVAL should be more than 0");
  }

  override initialize(): void {
    if (this.ninputs === 1) this.#pings = new Pings(this.router.clock, true);
    this.#timer = this.newTimer(() => this.#fire());
    if (this.#active) this.#timer.scheduleAfter(this.#interval);
  }

  override cleanup(stage: CleanupStage): void {
    if (stage !== "router-initialized" || this.ninputs === 0 || !this.#values!.VERBOSE) return;
    if (this.#count === 0) return;
    for (const line of this.#pings.summary(this.#count).split("\n"))
      if (line !== "") this.router.log(`${this.declaration}: ${line}`);
  }

  get #interval(): number {
    return Math.max(1, Math.round(this.#values!.INTERVAL * 1e9));
  }

  get #count(): number {
    return this.memory.get64(this.state);
  }

  #add(counter: "count" | "no_slot" | "not_mine", n: number): void {
    this.memory.add64(this.counterAddress(counter), n);
  }

  #fire(): void {
    const { LIMIT } = this.#values!;
    if (LIMIT >= 0 && this.#count >= LIMIT) return;
    if (this.#dst.some((byte) => byte !== 0)) this.#send();
    this.#timer!.rescheduleAfter(this.#interval);
  }

  #send(): void {
    const slot = this.memory.kernels.poolTake();
    if (slot === 0) {
      this.#add("no_slot", 1);
      return;
    }
    const sequence = (this.#count % SEQUENCES) + 1;
    const addresses = { source: this.#values!.SRC, destination: this.#dst };
    const rest = this.#values!.IDENTIFIER * 65536 + sequence;
    const echo = writeIcmp6({ type: ICMP6_ECHO, code: 0, rest, payload: this.#data }, addresses);
    const packet = this.#packet.at(slot);
    packet.setBytes(
      writeIpv6({
        trafficClass: 0,
        flowLabel: 0,
        nextHeader: PROTOCOL_ICMP6,
        hopLimit: HOP_LIMIT,
        ...addresses,
        payload: echo,
      }),
    );
    packet.networkHeader = packet.data;
    packet.transportHeader = packet.data + IPV6_HEADER;
    const { u8, view } = this.memory;
    u8.set(this.#dst, slot + SLOT_ANNO + ANNO_DST_IP);
    const now = this.router.clock.now();
    this.#pings.sent(sequence, now);
    this.#pings.stamp(view, slot + SLOT_TIMESTAMP, now);
    this.#add("count", 1);
    const batch = this.router.batches.acquire();
    batch.add(slot);
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
  }

  override push(_port: number, batch: Batch): void {
    for (let i = 0; i < batch.count; i++) {
      const packet = this.#packet.at(batch.at(i));
      if (this.#isReply(packet)) this.#reply(packet);
      else this.#add("not_mine", 1);
    }
    batch.kill();
  }

  #isReply({ networkHeader: ip, data, length }: Packet): boolean {
    const { view, u8 } = this.memory;
    const icmp = ip + IPV6_HEADER;
    return (
      ip >= data &&
      icmp + ICMP6_HEADER <= data + length &&
      u8[ip + IPV6_NEXT_HEADER] === PROTOCOL_ICMP6 &&
      u8[icmp] === ICMP6_ECHO_REPLY &&
      view.getUint16(icmp + ICMP6_REST) === this.#values!.IDENTIFIER
    );
  }

  #reply({ networkHeader: ip, slot }: Packet): void {
    const { view, u8 } = this.memory;
    const sequence = view.getUint16(ip + IPV6_HEADER + ICMP6_REST + 2);
    const took = this.#pings.received(sequence, view, slot + SLOT_TIMESTAMP);
    if (took === null) this.#add("not_mine", 1);
    if (took === null || !this.#values!.VERBOSE) return;
    const bytes = view.getUint16(ip + IPV6_PAYLOAD_LENGTH) - ICMP6_HEADER;
    const from = ip6Text(u8.slice(ip + IPV6_SOURCE, ip + IPV6_SOURCE + 16));
    const hops = u8[ip + IPV6_HOP_LIMIT];
    this.router.log(
      `${this.declaration}: ${bytes} bytes from ${from}: icmp_seq=${sequence} hlim=${hops} time=${(took / 1000).toFixed(3)} ms`,
    );
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
          if (!active) this.#timer?.unschedule();
          else if (this.#timer?.scheduled === false) this.#timer.scheduleAfter(0);
        },
      ),
      dst: {
        read: () => ip6Text(this.#dst),
        write: (text) => {
          this.#dst = handlerValue(args.DST, text);
        },
      },
      reset_counts: {
        write: () => {
          this.memory.set64(this.state, 0);
          this.#pings.reset();
        },
      },
      summary: { read: () => this.#pings.summary(this.#count) },
    };
  }
}
