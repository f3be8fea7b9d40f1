import { ANNO_PAINT } from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  COLOR: { type: "unsigned", positional: true, required: true, max: 255, doc: "the paint that passes" },
  ANNO: { type: "anno", size: 1, positional: true, default: "PAINT", doc: "the annotation byte to look at" },
} as const;

/**
 * Lets packets of one paint pass; others are dropped, or leave on output 1 where that is connected.
 *
 * @input 0 packets, push or pull
 * @output 0 packets whose paint is COLOR
 * @output 1 the others, push
 * @example InfiniteSource(LIMIT 3) -> Paint(2) -> CheckPaint(2) -> Discard
 * @see Paint, PaintSwitch, PaintTee
 */
export class CheckPaint extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "a/ah",
    args,
    drops: { wrong_paint: "its paint is not the one that passes" },
    handlers: { color: { read: true, write: true, doc: "the paint that passes" } },
    live: true,
  } as const satisfies ElementSpec;

  #color = 0;
  #anno = ANNO_PAINT;

  override configure(values: ArgValues<typeof args>): void {
    this.#color = values.COLOR;
    this.#anno = values.ANNO.offset;
  }

  override process(batch: Batch): void {
    const { kernels } = this.memory;
    const kept = kernels.paintDivide(batch.address, batch.count, this.#anno, this.#color, this.rejects);
    if (kept === batch.count) return;
    this.memory.add64(this.state, batch.count - kept);
    this.reject(batch, kept);
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
