import type { ArgValues } from "../../../src/lang/args/spec.js";
import { messageText } from "../../../src/lisp/control/message-text.js";
import { addressText } from "../../../src/net/address.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Packet } from "../../../src/packet/packet.js";
import { Element } from "../../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../../src/router/handler.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import { WireError } from "../../../src/wire/error.js";
import { LispControlError } from "../../../src/wire/lisp-control/error.js";
import { decodeLispControl } from "../../../src/wire/lisp-control/message.js";
import { readUdpPacket } from "../../../src/wire/udp-packet.js";

/** Letters of a line: a message of 255 records is not worth more. */
const LINE_MAX = 1000;

const args = {
  LABEL: { type: "string", positional: true, default: '""', doc: "what stands before each line" },
  ACTIVE: { type: "bool", default: "true", doc: "print" },
} as const;

/**
 * Prints one line about each LISP control message, and passes it on.
 *
 * Packets are UDP in IP packets, as LISPControlClassifier takes and the control elements send them. A line has the
 * addresses, the type, the nonce, the bits that are set and the records; secrets and authentication data do not appear.
 * Lines go where the router's messages go. A packet that holds no message is passed on, too.
 *
 * @input 0 IP packets with LISP control messages, push or pull
 * @output 0 the same packets
 * @example
 * InfiniteSource(\<10000000 0000000000000001 0000 0001c0000201 0020000106010101>, LIMIT 3, STOP true)
 *     -> UDPIPEncap(192.0.2.1, 4342, 192.0.2.2, 4342) -> LISPMessageLog(in) -> Discard
 * @see LISPControlClassifier, Print
 */
export class LISPMessageLog extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    counters: {
      messages: "messages that were printed",
      malformed: "packets that hold no LISP control message",
    },
    handlers: { active: { doc: "whether it prints", read: true, write: true, checkbox: true } },
    live: true,
  } as const satisfies ElementSpec;

  #label = "";
  #active = true;
  readonly #packet = new Packet(this.memory);

  override configure(values: ArgValues<typeof args>): void {
    this.#label = values.LABEL === "" ? "" : `${values.LABEL}: `;
    this.#active = values.ACTIVE;
  }

  override process(batch: Batch): void {
    if (!this.#active) return;
    for (let i = 0; i < batch.count; i++) this.#print(batch.at(i));
  }

  #print(slot: number): void {
    const packet = this.#packet.at(slot);
    const skip = packet.networkHeader - packet.data;
    const bytes = packet.bytes();
    try {
      const datagram = readUdpPacket(skip > 0 && skip < bytes.length ? bytes.subarray(skip) : bytes);
      const text = messageText(decodeLispControl(datagram.payload));
      const line = `${this.#label}${addressText(datagram.source)} > ${addressText(datagram.destination)} ${text}`;
      this.router.log(line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}...` : line);
      this.#count("messages");
    } catch (e) {
      if (!(e instanceof WireError || e instanceof LispControlError)) throw e;
      this.router.log(`${this.#label}no LISP control message: ${e.message}`);
      this.#count("malformed");
    }
  }

  #count(name: string): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (value) => {
          this.#active = value;
        },
      ),
    };
  }
}
