import { PORT_DROP, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_PORT } from "../../../assembly/layout.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element } from "../../../src/router/element.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { PROTOCOL_UDP } from "../../../src/wire/ipv4.js";

const args = {
  PORT: { type: "ip_port", protocol: 17, default: "4342", doc: "UDP port of LISP control messages" },
} as const;

const REQUEST = 1;
const REPLY = 2;
const REGISTER = 3;
/** Map-Request: probe bit P, and S (solicits a Map-Request), in the first byte; P of a Map-Reply is its own. */
const SMR_BIT = 0x01;
const REPLY_PROBE_BIT = 0x08;

/** Bytes that a message of each type has at least, and its output; what is not named goes to output 5. */
const LEAST = [4, 20, 12, 16, 16, 16, 12, 12, 36] as const;
const OUTPUTS = [5, 0, 1, 2, 3, 3, 5, 5, 4] as const;
const OTHER = 5;
const SMRS = 6;
const PROBE_REPLIES = 7;

/**
 * Tells LISP control messages by type.
 *
 * Input packets are UDP over IPv4 or IPv6, from the network header annotation or the start of the data on, to or from
 * UDP port 4342. The first four bits of the payload are the type (RFC 9301, section 5.1). What cannot be a message is
 * dropped by reason before any other element reads it: headers and payloads cut short, fragments, a source address
 * that nobody can have, Map-Requests, Map-Replies and Map-Registers without a record. Checksums and everything behind
 * the first words are checked by whoever reads the message.
 *
 * With output 6 Map-Requests that solicit a Map-Request (S bit, RFC 9301, section 6.1) leave there, and with output 7
 * Map-Replies that answer RLOC probes (P bit, section 7.1).
 *
 * @input 0 IP packets with LISP control messages
 * @output 0 Map-Requests
 * @output 1 Map-Replies
 * @output 2 Map-Registers
 * @output 3 Map-Notifies and Map-Notify-Acks
 * @output 4 Encapsulated Control Messages
 * @output 5 all other types
 * @output 6 (optional) Solicit-Map-Requests
 * @output 7 (optional) answers to RLOC probes
 * @example
 * InfiniteSource(\<10000000 0000000000000001 0000 0001c0000201 0020000106010101>, LIMIT 3, STOP true)
 *     -> UDPIPEncap(192.0.2.1, 4342, 192.0.2.2, 4342) -> c :: LISPControlClassifier;
 * c[0], c[1], c[2], c[3], c[4], c[5] -> Discard
 * @see LISPClassifier, LISPResolver, LISPRegistrar, LISPMapReplier, LISPSMRReceiver
 */
export class LISPControlClassifier extends Element {
  static readonly spec = {
    ports: "1/6-8",
    processing: "h/h",
    args,
    counters: {
      map_requests: "Map-Requests, SMRs and probes among them",
      map_replies: "Map-Replies",
      map_registers: "Map-Registers",
      map_notifies: "Map-Notifies and Map-Notify-Acks",
      encapsulated: "Encapsulated Control Messages",
      other: "messages of other types",
    },
    drops: {
      not_control: "neither to nor from the UDP port of LISP's control plane",
      truncated: "cut short within its headers, or shorter than a message of its type",
      fragment: "a fragment",
      bad_source: "from an address that no node can have",
      no_records: "a Map-Request, Map-Reply or Map-Register without a record",
    },
    live: true,
  } as const satisfies ElementSpec;

  #port = 0;
  readonly #drops = {
    notControl: this.counterAddress("not_control"),
    truncated: this.counterAddress("truncated"),
    fragment: this.counterAddress("fragment"),
    badSource: this.counterAddress("bad_source"),
    noRecords: this.counterAddress("no_records"),
  };

  override configure(values: ArgValues<typeof args>): void {
    this.#port = values.PORT;
  }

  override push(_port: number, batch: Batch): void {
    const { memory } = this;
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      memory.u16[(slot + SLOT_PORT) >>> 1] = this.#classify(slot);
    }
    this.dispatch(batch);
  }

  /** The output for a packet; PORT_DROP, and the reason counted, for one that is no message. */
  #classify(slot: number): number {
    const { memory } = this;
    const { u8, view } = memory;
    const start = memory.get32(slot + SLOT_DATA);
    const end = start + memory.get32(slot + SLOT_LENGTH);
    const network = memory.get32(slot + SLOT_NETWORK);
    const ip = network >= start && network < end ? network : start;
    if (ip + 20 > end) return this.#drop(this.#drops.truncated);
    const six = u8[ip] >> 4 === 6;
    if (!six && u8[ip] >> 4 !== 4) return this.#drop(this.#drops.notControl);
    const udp = ip + (six ? 40 : (u8[ip] & 15) * 4);
    if (udp < ip + 20 || udp + 8 > end) return this.#drop(this.#drops.truncated);
    if (u8[ip + (six ? 6 : 9)] !== PROTOCOL_UDP) return this.#drop(this.#drops.notControl);
    if (!six && (view.getUint16(ip + 6) & 0x3fff) !== 0) return this.#drop(this.#drops.fragment);
    if (view.getUint16(udp) !== this.#port && view.getUint16(udp + 2) !== this.#port)
      return this.#drop(this.#drops.notControl);
    if (!possibleSource(u8, six ? ip + 8 : ip + 12, six)) return this.#drop(this.#drops.badSource);
    const length = view.getUint16(udp + 4) - 8;
    if (udp + 8 + length > end || length < 4) return this.#drop(this.#drops.truncated);
    return this.#ofType(udp + 8, length);
  }

  #ofType(at: number, length: number): number {
    const { u8 } = this.memory;
    const type = u8[at] >> 4;
    if (type >= LEAST.length) return this.#count(OTHER);
    if (length < LEAST[type]) return this.#drop(this.#drops.truncated);
    if ((type === REQUEST || type === REPLY || type === REGISTER) && u8[at + 3] === 0)
      return this.#drop(this.#drops.noRecords);
    const output = this.#count(OUTPUTS[type]);
    if (type === REQUEST && (u8[at] & SMR_BIT) !== 0 && this.noutputs > SMRS) return SMRS;
    if (type === REPLY && (u8[at] & REPLY_PROBE_BIT) !== 0 && this.noutputs > PROBE_REPLIES)
      return PROBE_REPLIES;
    return output;
  }

  /** Counters stand in the order of the outputs. */
  #count(output: number): number {
    this.memory.add64(this.state + output * 8, 1);
    return output;
  }

  #drop(counter: number): number {
    this.memory.add64(counter, 1);
    return PORT_DROP;
  }
}

/** Neither unspecified, nor multicast, nor broadcast. */
function possibleSource(u8: Uint8Array, at: number, six: boolean): boolean {
  if (!six) return u8[at] !== 0 && u8[at] < 224;
  if (u8[at] === 0xff) return false;
  for (let i = 0; i < 16; i++) if (u8[at + i] !== 0) return true;
  return false;
}
