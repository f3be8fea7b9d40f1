import { ANNO_DST_IP, SLOT_ANNO } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { ipText } from "../../src/net/address.js";
import type { Packet } from "../../src/packet/packet.js";
import type { ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, handlerValue } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { ICMP_ECHO, ICMP_ECHO_REPLY, ICMP_HEADER, ICMP_REST } from "../../src/wire/icmp.js";
import { IPV4_HEADER, IPV4_SOURCE, IPV4_TOTAL_LENGTH, IPV4_TTL, PROTOCOL_ICMP } from "../../src/wire/ipv4.js";
import { NO_REPLY, PING_ARGS, PING_COUNTERS, PING_DROPS, PING_HANDLERS, PingSource } from "./ping-source.js";

const args = {
  SRC: { type: "ip", positional: true, required: true, doc: "source address" },
  DST: { type: "ip", positional: true, required: true, doc: "destination address" },
  ...PING_ARGS,
} as const;

const TTL = 200;

/**
 * Sends ICMP echo requests at an interval (on a pull output: one for each pull), and keeps the statistics that ping
 * prints, when the replies come back into its input. What else comes in is dropped.
 *
 * Sequence numbers, and the IP identification with them, count from 1. The destination and header annotations are set.
 *
 * @input 0 echo replies, marked (optional)
 * @output 0 echo requests
 * @example p :: ICMPPingSource(10.0.0.1, 10.0.0.2, INTERVAL 1ms, LIMIT 3) -> CheckIPHeader -> ICMPPingResponder -> p
 * @see ICMPPingResponder, ICMP6PingSource
 */
export class ICMPPingSource extends PingSource {
  static readonly spec = {
    ports: "0-1/1",
    processing: "h/a",
    args,
    counters: PING_COUNTERS,
    drops: PING_DROPS,
    handlers: PING_HANDLERS,
  } as const satisfies ElementSpec;

  protected readonly front = IPV4_HEADER + ICMP_HEADER;
  protected readonly idle = false;
  #src = 0;
  #dst = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#src = values.SRC;
    this.#dst = values.DST;
    this.configurePings(values, errors);
  }

  protected writeRequest(packet: Packet, sequence: number): void {
    const { view, u8, kernels } = this.memory;
    const { data, length, slot } = packet;
    u8.fill(0, data, data + this.front);
    view.setUint8(data, 0x45);
    view.setUint16(data + IPV4_TOTAL_LENGTH, length);
    view.setUint16(data + 4, sequence);
    view.setUint8(data + IPV4_TTL, TTL);
    view.setUint8(data + 9, PROTOCOL_ICMP);
    view.setUint32(data + IPV4_SOURCE, this.#src);
    view.setUint32(data + 16, this.#dst);
    const icmp = data + IPV4_HEADER;
    view.setUint8(icmp, ICMP_ECHO);
    view.setUint16(icmp + ICMP_REST, this.identifier);
    view.setUint16(icmp + ICMP_REST + 2, sequence);
    // The kernel's sums are as they lie in memory: little-endian.
    view.setUint16(data + 10, kernels.csumOf(data, IPV4_HEADER), true);
    view.setUint16(icmp + 2, kernels.csumOf(icmp, length - IPV4_HEADER), true);
    packet.networkHeader = data;
    packet.transportHeader = icmp;
    view.setUint32(slot + SLOT_ANNO + ANNO_DST_IP, this.#dst);
  }

  protected replySequence(packet: Packet): number {
    const { view, u8 } = this.memory;
    const { networkHeader: ip, data } = packet;
    const end = data + packet.length;
    if (ip < data || ip + IPV4_HEADER > end) return NO_REPLY;
    const icmp = ip + headerLength(u8[ip]);
    const mine =
      icmp >= ip + IPV4_HEADER &&
      icmp + ICMP_HEADER <= end &&
      u8[ip + 9] === PROTOCOL_ICMP &&
      u8[icmp] === ICMP_ECHO_REPLY &&
      view.getUint16(icmp + ICMP_REST) === this.identifier;
    return mine ? view.getUint16(icmp + ICMP_REST + 2) : NO_REPLY;
  }

  protected replyText({ networkHeader: ip }: Packet, sequence: number): string {
    const { view, u8 } = this.memory;
    const bytes = view.getUint16(ip + IPV4_TOTAL_LENGTH) - headerLength(u8[ip]) - ICMP_HEADER;
    const from = ipText(view.getUint32(ip + IPV4_SOURCE));
    return `${bytes} bytes from ${from}: icmp_seq=${sequence} ttl=${u8[ip + IPV4_TTL]}`;
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      ...super.handlers(),
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
    };
  }
}

function headerLength(versionAndLength: number): number {
  return (versionAndLength & 15) * 4;
}
