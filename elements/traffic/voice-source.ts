import { ANNO_DST_IP } from "../../assembly/layout.js";
import * as layout from "../../assembly/traffic-layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { Packet } from "../../src/packet/packet.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";
import { CODEC_NAMES, codecNamed, ptimeError } from "../../src/transport/streams/codecs.js";
import { IPV4_DESTINATION, IPV4_HEADER } from "../../src/wire/ipv4.js";
import { IPV6_DESTINATION, IPV6_HEADER } from "../../src/wire/ipv6.js";
import { UDP_CHECKSUM, UDP_HEADER } from "../../src/wire/udp.js";
import { writeUdpPacket } from "../../src/wire/udp-packet.js";

const args = {
  SRC: { type: "address", positional: true, required: true, doc: "source address, IPv4 or IPv6" },
  SPORT: { type: "ip_port", protocol: 17, positional: true, required: true, doc: "source port" },
  DST: { type: "address", positional: true, required: true, doc: "destination address, of the same family" },
  DPORT: { type: "ip_port", protocol: 17, positional: true, required: true, doc: "destination port" },
  CODEC: { type: "choice", choices: CODEC_NAMES, default: "G.711", doc: "what the speech is coded by" },
  PTIME: { type: "seconds", default: "20ms", doc: "speech in a packet, and time between packets" },
  LIMIT: { type: "long", default: "-1", min: -1, doc: "packets to send in all; -1: without end" },
  ACTIVE: { type: "bool", default: "true", doc: "send packets" },
  STOP: { type: "bool", default: "false", doc: "stop the router after LIMIT packets" },
} as const;

/** Expedited forwarding (RFC 3246), as telephones mark speech. */
const EXPEDITED = 0xb8;

/**
 * Sends a voice call over RTP (RFC 3550): a packet of the codec's size every PTIME, for VoiceSink to rate.
 *
 * Sequence number, timestamp and SSRC begin with random values. Packets are as long as the codec's are; in place of
 * speech they carry when they were sent. There are no pauses in the speech: silence is sent too. The traffic class is
 * expedited forwarding.
 *
 * @output 0 IPv4 or IPv6 packets, marked, with the destination annotation
 * @example VoiceSource(10.0.0.1, 5004, 10.0.0.2, 5004, LIMIT 5) -> VoiceSink(5004)
 * @example VoiceSource(fd00::1, 5004, fd00::2, 5004, CODEC G.729) -> Queue -> DelayUnqueue(80ms) -> VoiceSink(CODEC G.729)
 * @see VoiceSink, NumberedSource
 */
export class VoiceSource extends Element {
  static readonly spec = {
    ports: "0/1",
    processing: "h",
    flags: "S1",
    args,
    counters: { count: "packets sent" },
    drops: { no_slot: "packets not sent because no slot was free" },
    handlers: {
      ssrc: { read: true, calm: true, doc: "the call's SSRC" },
      limit: { read: true, write: true, calm: true, doc: "packets to send in all; -1: without end" },
      active: { read: true, write: true, checkbox: true, doc: "whether it sends" },
    },
  } as const satisfies ElementSpec;

  /** A whole packet, in which each packet's fields are written before it is copied. */
  #template: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#template.buffer);
  #rtp = 0;
  #ptime = 0;
  #ticks = 0;
  #limit = -1;
  #active = true;
  #stop = false;
  #sequence = 0;
  #stamp = 0;
  #ssrc = 0;
  #timer: Timer | null = null;
  readonly #packet = new Packet(this.memory);

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const codec = codecNamed(values.CODEC);
    const ptime = Math.round(values.PTIME * 1e6) / 1e3;
    const wrong = ptimeError(codec, ptime);
    if (wrong !== null) errors.error(wrong);
    if (values.SRC.length !== values.DST.length) errors.error("SRC and DST are addresses of two families");
    if (wrong !== null || values.SRC.length !== values.DST.length) return;
    const { random } = this.router;
    this.#ssrc = random.u32();
    this.#sequence = random.below(65536);
    this.#stamp = random.u32();
    const payload = new Uint8Array(layout.RTP_HEADER + (ptime / codec.frame) * codec.bytes);
    const view = new DataView(payload.buffer);
    payload[0] = 0x80;
    payload[1] = codec.payloadType;
    view.setUint32(8, this.#ssrc);
    view.setUint16(layout.RTP_HEADER + layout.VOICE_MAGIC, layout.VOICE_IS);
    this.#template = writeUdpPacket({
      source: values.SRC,
      sourcePort: values.SPORT,
      destination: values.DST,
      destinationPort: values.DPORT,
      tos: EXPEDITED,
      dontFragment: true,
      payload,
    });
    this.#view = new DataView(this.#template.buffer, this.#template.byteOffset);
    this.#rtp = (values.SRC.length === 4 ? IPV4_HEADER : IPV6_HEADER) + UDP_HEADER;
    this.#ptime = ptime * 1e6;
    this.#ticks = ptime * 8;
    this.#limit = values.LIMIT;
    this.#active = values.ACTIVE;
    this.#stop = values.STOP;
  }

  override initialize(): void {
    this.#timer = this.newTimer(() => this.#fire());
    if (this.#active) this.#timer.scheduleAfter(0);
  }

  /** A swap does not end the call. */
  override takeState(old: Element): void {
    if (!(old instanceof VoiceSource)) return;
    this.#ssrc = old.#ssrc;
    this.#sequence = old.#sequence;
    this.#stamp = old.#stamp;
    this.#view.setUint32(this.#rtp + 8, this.#ssrc);
    this.memory.set64(this.state, this.memory.get64(old.state));
  }

  #fire(): void {
    const { memory } = this;
    if (this.#limit >= 0 && memory.get64(this.state) >= this.#limit) {
      if (this.#stop) this.router.stop();
      return;
    }
    this.#timer!.rescheduleAfter(this.#ptime);
    const batch = this.router.batches.acquire();
    const slot = memory.kernels.poolTakeFor(this.#template.length);
    if (slot === 0) {
      memory.add64(this.counterAddress("no_slot"), 1);
    } else {
      this.#write(slot);
      batch.add(slot);
      memory.add64(this.state, 1);
    }
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
    // Speech that could not be sent is lost as well.
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#stamp = (this.#stamp + this.#ticks) >>> 0;
  }

  #write(slot: number): void {
    const { view, u8, kernels } = this.memory;
    const packet = this.#packet.at(slot);
    const { clock } = this.router;
    const { start } = clock;
    packet.pushBack(this.#template.length);
    u8.set(this.#template, packet.data);
    const rtp = packet.data + this.#rtp;
    const first = this.memory.get64(this.state) === 0;
    // The marker says that speech begins (RFC 3551 section 4.1).
    if (first) u8[rtp + 1] |= 0x80;
    view.setUint16(rtp + 2, this.#sequence);
    view.setUint32(rtp + 4, this.#stamp);
    const nanoseconds = start.nanoseconds + clock.now();
    const sent = BigInt(start.seconds) * 1_000_000_000n + BigInt(Math.floor(nanoseconds));
    view.setBigUint64(rtp + layout.RTP_HEADER + layout.VOICE_SENT, sent);
    packet.timestamp = sent;
    const udp = rtp - UDP_HEADER;
    const length = packet.data + packet.length - udp;
    const four = u8[packet.data] >> 4 === 4;
    view.setUint16(udp + UDP_CHECKSUM, 0);
    const pseudo = four
      ? kernels.csumPseudo4(packet.data, 17, length)
      : kernels.csumPseudo6(packet.data, 17, length);
    const sum = kernels.csumAdd(pseudo, udp, length) ^ 0xffff;
    // 0 would mean that there is no checksum (RFC 768). The kernel's sums are as they lie in memory: little-endian.
    view.setUint16(udp + UDP_CHECKSUM, sum === 0 ? 0xffff : sum, true);
    packet.networkHeader = packet.data;
    packet.transportHeader = udp;
    const [to, size] = four ? [IPV4_DESTINATION, 4] : [IPV6_DESTINATION, 16];
    u8.copyWithin(packet.anno(ANNO_DST_IP), packet.data + to, packet.data + to + size);
  }

  override handlers(): Record<string, HandlerCode> {
    const resume = (): void => {
      if (this.#active && this.#timer?.scheduled === false) this.#timer.scheduleAfter(0);
    };
    return {
      ssrc: { read: () => this.#ssrc },
      limit: valueHandler(
        args.LIMIT,
        () => this.#limit,
        (limit) => {
          this.#limit = limit;
          resume();
        },
      ),
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
          if (active) resume();
          else this.#timer?.unschedule();
        },
      ),
    };
  }
}
