import { closeSync, openSync } from "node:fs";
import { ANNO_AGGREGATE, ANNO_PAINT } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { asciiText, type ContentsMode, contentsMode, hexText } from "../../src/packet/dump.js";
import { Packet } from "../../src/packet/packet.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { systemError } from "../../src/router/system-error.js";
import { packetTimestampText } from "../../src/router/time-text.js";
import { writeAll } from "../../src/system/write-all.js";
import { type IPFields, ipLine, payloadStart } from "../../src/trace/ip-line.js";

const args = {
  LABEL: { type: "string", positional: true, default: '""', doc: "what stands before each line" },
  CONTENTS: { type: "word", default: "no", doc: "how data are printed: NONE, HEX or ASCII" },
  PAYLOAD: { type: "word", default: "no", doc: "the same, but only what follows the transport header" },
  MAXLENGTH: { type: "int", default: "1500", doc: "bytes of data printed of a packet; negative: all" },
  NBYTES: { type: "int", doc: "old name of MAXLENGTH" },
  ID: { type: "bool", default: "false", doc: "print the IP identification" },
  TIMESTAMP: { type: "bool", default: "true", doc: "print the timestamp, in seconds since 1970" },
  PAINT: { type: "bool", default: "false", doc: "print the paint annotation" },
  TOS: { type: "bool", default: "false", doc: "print the type of service" },
  TTL: { type: "bool", default: "false", doc: "print the time to live" },
  SWAP: { type: "bool", default: "true", doc: "read ICMP identifiers and sequence numbers in network order" },
  LENGTH: { type: "bool", default: "false", doc: "print the IP length" },
  AGGREGATE: { type: "bool", default: "false", doc: "print the aggregate annotation" },
  ACTIVE: { type: "bool", default: "true", doc: "print" },
  OUTFILE: { type: "filename", doc: "file that lines go to, rather than to the router's messages" },
  CHANNEL: { type: "word", doc: "accepted; there is one channel of messages here" },
} as const;

/**
 * Prints a line about each IPv4 packet, as tcpdump does: addresses, ports, flags, ICMP types.
 *
 * Lines go where the router's messages go (standard error), and look as Click's. Packets whose network header is
 * not set are not printed: put a CheckIPHeader or MarkIPHeader before it.
 *
 * @input 0 IP packets, push or pull
 * @output 0 the same packets
 * @example Idle -> IPPrint(x, TTL true) -> Discard
 * @see Print, CheckIPHeader
 */
export class IPPrint extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    handlers: {
      active: { read: true, write: true, checkbox: true, calm: true, doc: "whether it prints" },
    },
  } as const satisfies ElementSpec;

  #label = "";
  #contents: ContentsMode = "none";
  #payload = false;
  #bytes = 1500;
  #timestamp = true;
  #paint = false;
  #aggregate = false;
  #fields: IPFields = { id: false, ttl: false, tos: false, length: false, swap: true };
  #active = true;
  #file: string | undefined;
  #fd = -1;
  readonly #packet = new Packet(this.memory);

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const contents = contentsMode(values.CONTENTS);
    const payload = contentsMode(values.PAYLOAD);
    const upper = values.CONTENTS.toUpperCase();
    if (contents === null) {
      errors.error(`bad contents value '${upper}'; should be 'NONE', 'HEX', or 'ASCII'`);
    } else if (payload === null || values.PAYLOAD.toLowerCase() === "none") {
      const word = values.PAYLOAD.toUpperCase();
      errors.error(`bad payload value '${word}'; should be 'false', 'hex', or 'ascii'`);
    } else if (payload !== "none" && contents !== "none") {
      errors.error("specify at most one of PAYLOAD and CONTENTS");
    } else {
      this.#payload = payload !== "none";
      this.#contents = this.#payload ? payload : contents;
    }
    this.#label = values.LABEL;
    this.#bytes = values.NBYTES ?? values.MAXLENGTH;
    this.#timestamp = values.TIMESTAMP;
    this.#paint = values.PAINT;
    this.#aggregate = values.AGGREGATE;
    this.#active = values.ACTIVE;
    this.#file = values.OUTFILE;
    this.#fields = {
      id: values.ID,
      ttl: values.TTL,
      tos: values.TOS,
      length: values.LENGTH,
      swap: values.SWAP,
    };
  }

  override initialize(errors: ErrorSink): void {
    if (this.#file === undefined) return;
    try {
      this.#fd = openSync(this.#file, "w");
    } catch (e) {
      errors.error(`${this.#file}: ${systemError(e)}`);
    }
  }

  override cleanup(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  override process(batch: Batch): void {
    if (!this.#active) return;
    let text = "";
    for (let i = 0; i < batch.count; i++) {
      const packet = this.#packet.at(batch.at(i));
      if (packet.networkHeader === 0) continue;
      const line = this.#line(packet);
      if (this.#fd >= 0) text += `${line}\n`;
      else this.router.log(line);
    }
    if (text !== "") this.#write(text);
  }

  #write(text: string): void {
    try {
      writeAll(this.#fd, Buffer.from(text, "latin1"));
    } catch (e) {
      this.router.unwritten(e, `${this.declaration}: ${this.#file}: ${systemError(e)}`);
      this.#active = false;
    }
  }

  #line(packet: Packet): string {
    const { u8, view } = this.memory;
    let line = this.#label === "" ? "" : `${this.#label}: `;
    if (this.#timestamp) line += `${packetTimestampText(this.memory, packet.slot)}: `;
    if (this.#aggregate) line += `#${view.getUint32(packet.anno(ANNO_AGGREGATE), true)}`;
    if (this.#paint) line += (this.#aggregate ? "." : "paint ") + u8[packet.anno(ANNO_PAINT)];
    if (this.#aggregate || this.#paint) line += ": ";
    const end = packet.data + packet.length;
    if (end - packet.networkHeader < 20) return `${line}truncated-ip`;
    line += ipLine(view, packet, this.#fields);
    if (this.#contents === "none") return line;
    const start = this.#payload ? payloadStart(view, packet) : packet.data;
    const has = Math.max(0, end - start);
    const length = this.#bytes < 0 ? has : Math.min(has, this.#bytes);
    return (
      line + (this.#contents === "hex" ? hexText(u8, start, length, 24) : asciiText(u8, start, length, 48))
    );
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
        },
      ),
    };
  }
}
