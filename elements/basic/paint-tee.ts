import { ANNO_PAINT } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  COLOR: {
    type: "unsigned",
    positional: true,
    required: true,
    max: 255,
    doc: "the paint of packets to copy",
  },
  ANNO: { type: "anno", size: 1, positional: true, default: "PAINT", doc: "the annotation byte to look at" },
} as const;

/**
 * Passes all packets on, and sends a copy of those of one paint to output 1.
 *
 * Copies leave before the packets of their batch do. In an IP router it finds packets that leave where they came
 * from, for ICMPError to send redirects.
 *
 * @input 0 packets, push or pull
 * @output 0 the same packets
 * @output 1 copies of those whose paint is COLOR, push
 * @example InfiniteSource(LIMIT 3) -> Paint(2) -> t :: PaintTee(2) -> Discard; t[1] -> Print(copy) -> Discard
 * @see Paint, CheckPaint, Tee
 */
export class PaintTee extends Element {
  static readonly spec = {
    ports: "1/2",
    processing: "a/ah",
    args,
    drops: { no_slot: "the packet pool was exhausted, so a copy was not made" },
    handlers: { color: { read: true, write: true, doc: "the paint of packets to copy" } },
    live: true,
  } as const satisfies ElementSpec;

  #color = 0;
  #anno = ANNO_PAINT;

  override configure(values: ArgValues<typeof args>): void {
    this.#color = values.COLOR;
    this.#anno = values.ANNO.offset;
  }

  override process(batch: Batch): void {
    const copies = this.router.batches.acquire();
    copies.count = this.memory.kernels.paintCopy(
      this.state,
      batch.address,
      batch.count,
      this.#anno,
      this.#color,
      copies.address,
    );
    this.outputs[1].push(copies);
    this.router.batches.release(copies);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      color: valueHandler(
        args.COLOR,
        () => this.#color,
        (color) => {
          this.#color = color;
        },
      ),
    };
  }
}
