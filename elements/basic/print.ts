import { ANNO_SIZE, SLOT_ANNO } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { asciiText, type ContentsMode, contentsMode, hexText } from "../../src/packet/dump.js";
import { Packet } from "../../src/packet/packet.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { packetTimestampText } from "../../src/router/time-text.js";

const args = {
  LABEL: { type: "string", positional: true, default: '""', doc: "what stands before each line" },
  MAXLENGTH: {
    type: "int",
    positional: true,
    default: "24",
    doc: "bytes printed of a packet; negative: all",
  },
  LENGTH: { type: "int", doc: "old name of MAXLENGTH" },
  NBYTES: { type: "int", doc: "old name of MAXLENGTH" },
  CONTENTS: { type: "word", default: "HEX", doc: "how data are printed: NONE, HEX or ASCII" },
  TIMESTAMP: { type: "bool", default: "false", doc: "print the timestamp, in seconds since 1970" },
  PRINTANNO: { type: "bool", default: "false", doc: "print the annotation area" },
  ACTIVE: { type: "bool", default: "true", doc: "print" },
  HEADROOM: { type: "bool", default: "false", doc: "print headroom and tailroom, as (h128 t1856)" },
} as const;

/**
 * Prints a line about each packet: label, timestamp, length, headroom, annotations, data.
 *
 * Lines go where the router's messages go (standard error), and look as Click's.
 *
 * @input 0 packets to print, push or pull
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 2) -> Print(x, 8, TIMESTAMP true) -> Discard
 * @see IPPrint, Counter
 */
export class Print extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    handlers: {
      active: { read: true, write: true, checkbox: true, calm: true, doc: "whether it prints" },
    },
    live: true,
  } as const satisfies ElementSpec;

  #label = "";
  #bytes = 24;
  #contents: ContentsMode = "hex";
  #active = true;
  #timestamp = false;
  #annotations = false;
  #headroom = false;
  readonly #packet = new Packet(this.memory);

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const contents = contentsMode(values.CONTENTS);
    if (contents === null) {
      const word = values.CONTENTS.toUpperCase();
      errors.error(`bad contents value '${word}'; should be 'NONE', 'HEX', or 'ASCII'`);
      return;
    }
    this.#contents = contents;
    this.#label = values.LABEL;
    this.#bytes = values.NBYTES ?? values.LENGTH ?? values.MAXLENGTH;
    this.#active = values.ACTIVE;
    this.#timestamp = values.TIMESTAMP;
    this.#annotations = values.PRINTANNO;
    this.#headroom = values.HEADROOM;
  }

  override process(batch: Batch): void {
    if (!this.#active) return;
    for (let i = 0; i < batch.count; i++) this.router.log(this.#line(batch.at(i)));
  }

  #line(slot: number): string {
    const packet = this.#packet.at(slot);
    const { u8 } = this.memory;
    const { length } = packet;
    const before = this.#label === "" ? [] : [this.#label];
    if (this.#timestamp) before.push(packetTimestampText(this.memory, slot));
    let line = [...before, String(length).padStart(4)].join(": ");
    if (this.#headroom) line += ` (h${packet.headroom} t${packet.tailroom})`;
    if (this.#annotations) {
      line += " | ";
      for (let i = 0; i < ANNO_SIZE; i++) line += u8[slot + SLOT_ANNO + i].toString(16).padStart(2, "0");
    }
    if (this.#contents === "none") return line;
    const bytes = this.#bytes < 0 ? length : Math.min(length, this.#bytes);
    if (bytes === 0) return line;
    const dump = this.#contents === "hex" ? hexText : asciiText;
    return `${line} | ${dump(u8, packet.data, bytes)}`;
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
