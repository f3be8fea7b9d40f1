import { ANNO_DST_IP, SLOT_ANNO } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { ip6Text } from "../../src/net/address.js";
import type { Packet } from "../../src/packet/packet.js";
import type { ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, handlerValue } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import {
  ICMP6_CHECKSUM,
  ICMP6_ECHO,
  ICMP6_ECHO_REPLY,
  ICMP6_HEADER,
  ICMP6_REST,
} from "../../src/wire/icmp6.js";
import { PROTOCOL_ICMP6 } from "../../src/wire/ipv4.js";
import {
  IPV6_DESTINATION,
  IPV6_HEADER,
  IPV6_HOP_LIMIT,
  IPV6_NEXT_HEADER,
  IPV6_PAYLOAD_LENGTH,
  IPV6_SOURCE,
} from "../../src/wire/ipv6.js";
import { NO_REPLY, PING_ARGS, PING_COUNTERS, PING_DROPS, PING_HANDLERS, PingSource } from "./ping-source.js";

const args = {
  SRC: { type: "ip6", positional: true, required: true, doc: "source address" },
  DST: { type: "ip6", positional: true, required: true, doc: "destination address; to :: nothing is sent" },
  ...PING_ARGS,
} as const;

const HOP_LIMIT = 200;

/**
 * Sends ICMPv6 echo requests (RFC 4443 section 4.1) at an interval (on a pull output: one for each pull), and keeps the
 * statistics that ping prints, when the replies come back into its input. What else comes in is dropped; so are replies
 * behind extension headers.
 *
 * Sequence numbers count from 1. The destination and header annotations are set.
 *
 * @input 0 echo replies, marked (optional)
 * @output 0 echo requests
 * @example p :: ICMP6PingSource(fd00::1, fd00::2, INTERVAL 1ms, LIMIT 3) -> CheckIP6Header -> ICMP6PingResponder -> p
 * @see ICMP6PingResponder, ICMPPingSource
 */
export class ICMP6PingSource extends PingSource {
  static readonly spec = {
    ports: "0-1/1",
    processing: "h/a",
    args,
    counters: PING_COUNTERS,
    drops: PING_DROPS,
    handlers: PING_HANDLERS,
  } as const satisfies ElementSpec;

  protected readonly front = IPV6_HEADER + ICMP6_HEADER;
  #src: Uint8Array = new Uint8Array(16);
  #dst: Uint8Array = new Uint8Array(16);

  protected get idle(): boolean {
    return this.#dst.every((byte) => byte === 0);
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#src = values.SRC;
    this.#dst = values.DST;
    this.configurePings(values, errors);
  }

  protected writeRequest(packet: Packet, sequence: number): void {
    const { view, u8, kernels } = this.memory;
    const { data, slot } = packet;
    const length = packet.length - IPV6_HEADER;
    u8.fill(0, data, data + this.front);
    view.setUint8(data, 0x60);
    view.setUint16(data + IPV6_PAYLOAD_LENGTH, length);
    view.setUint8(data + IPV6_NEXT_HEADER, PROTOCOL_ICMP6);
    view.setUint8(data + IPV6_HOP_LIMIT, HOP_LIMIT);
    u8.set(this.#src, data + IPV6_SOURCE);
    u8.set(this.#dst, data + IPV6_DESTINATION);
    const icmp = data + IPV6_HEADER;
    view.setUint8(icmp, ICMP6_ECHO);
    view.setUint16(icmp + ICMP6_REST, this.identifier);
    view.setUint16(icmp + ICMP6_REST + 2, sequence);
    // The kernel's sums are as they lie in memory: little-endian.
    const sum = kernels.csumAdd(kernels.csumPseudo6(data, PROTOCOL_ICMP6, length), icmp, length);
    view.setUint16(icmp + ICMP6_CHECKSUM, ~sum & 0xffff, true);
    packet.networkHeader = data;
    packet.transportHeader = icmp;
    u8.set(this.#dst, slot + SLOT_ANNO + ANNO_DST_IP);
  }

  protected replySequence({ networkHeader: ip, data, length }: Packet): number {
    const { view, u8 } = this.memory;
    const icmp = ip + IPV6_HEADER;
    const mine =
      ip >= data &&
      icmp + ICMP6_HEADER <= data + length &&
      u8[ip + IPV6_NEXT_HEADER] === PROTOCOL_ICMP6 &&
      u8[icmp] === ICMP6_ECHO_REPLY &&
      view.getUint16(icmp + ICMP6_REST) === this.identifier;
    return mine ? view.getUint16(icmp + ICMP6_REST + 2) : NO_REPLY;
  }

  protected replyText({ networkHeader: ip }: Packet, sequence: number): string {
    const { view, u8 } = this.memory;
    const bytes = view.getUint16(ip + IPV6_PAYLOAD_LENGTH) - ICMP6_HEADER;
    const from = ip6Text(u8.slice(ip + IPV6_SOURCE, ip + IPV6_SOURCE + 16));
    return `${bytes} bytes from ${from}: icmp_seq=${sequence} hlim=${u8[ip + IPV6_HOP_LIMIT]}`;
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      ...super.handlers(),
      src: {
        read: () => ip6Text(this.#src),
        write: (text) => {
          this.#src = handlerValue(args.SRC, text);
        },
      },
      dst: {
        read: () => ip6Text(this.#dst),
        write: (text) => {
          this.#dst = handlerValue(args.DST, text);
        },
      },
    };
  }
}
