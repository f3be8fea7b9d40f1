import { ANNO_PAINT } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  COLOR: { type: "unsigned", positional: true, required: true, max: 255, doc: "the paint, a number" },
  ANNO: { type: "anno", size: 1, positional: true, default: "PAINT", doc: "the annotation byte to set" },
} as const;

/**
 * Sets each packet's paint annotation.
 *
 * @input 0 packets, push or pull
 * @output 0 the same packets, painted
 * @example InfiniteSource(LIMIT 3) -> Paint(2) -> Discard
 * @see CheckPaint, PaintSwitch, PaintTee
 */
export class Paint extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    handlers: { color: { read: true, write: true, doc: "the paint" } },
    live: true,
  } as const satisfies ElementSpec;

  #color = 0;
  #anno = ANNO_PAINT;

  override configure(values: ArgValues<typeof args>): void {
    this.#color = values.COLOR;
    this.#anno = values.ANNO.offset;
  }

  override process(batch: Batch): void {
    this.memory.kernels.paintBatch(batch.address, batch.count, this.#anno, this.#color);
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
