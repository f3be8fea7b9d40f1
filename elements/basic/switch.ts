import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError, handlerValue } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  OUTPUT: {
    type: "int",
    positional: true,
    default: "0",
    doc: "the output packets go to; negative: none, they are dropped",
  },
} as const;

/**
 * Sends all packets to one of its outputs, which a handler chooses.
 *
 * @input 0 packets
 * @output any the packets, while this output is chosen
 * @example InfiniteSource(LIMIT 3) -> s :: Switch(1) -> Discard; s[1] -> Print(one) -> Discard
 * @see PaintSwitch, Tee
 */
export class Switch extends Element {
  static readonly spec = {
    ports: "1/-",
    processing: "h",
    args,
    drops: { switched_off: "no output was chosen" },
    handlers: {
      switch: {
        read: true,
        write: true,
        doc: "the output chosen; a number that there is no output for drops packets and reads -1",
      },
    },
    live: true,
  } as const satisfies ElementSpec;

  #output = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.OUTPUT >= this.noutputs) errors.error(`output must be < ${this.noutputs}`);
    else this.#output = values.OUTPUT;
  }

  override push(_port: number, batch: Batch): void {
    if (this.#output >= 0) {
      this.outputs[this.#output].push(batch);
    } else {
      this.memory.add64(this.state, batch.count);
      batch.kill();
    }
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      switch: {
        read: () => this.#output,
        write: (text) => {
          let output: number;
          try {
            output = handlerValue(args.OUTPUT, text);
          } catch {
            throw new HandlerError("FAILED", "Switch output must be integer");
          }
          this.#output = output >= this.noutputs ? -1 : output;
          this.config = String(this.#output);
        },
      },
    };
  }
}
