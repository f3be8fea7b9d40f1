import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { TokenBucket } from "../../src/router/token-bucket.js";

const args = {
  RATE: {
    type: "unsigned",
    positional: true,
    required: true,
    min: 1,
    doc: "packets a second that leave on output 0 at most, and that many at once",
  },
} as const;

/**
 * Lets at most RATE packets a second pass; the others leave on output 1, or are dropped when that is not connected.
 *
 * @input 0 packets
 * @output 0 packets up to the rate
 * @output 1 packets beyond it (optional)
 * @example InfiniteSource(LIMIT 5, STOP true) -> RatedSplitter(2) -> Discard
 * @see Shaper
 */
export class RatedSplitter extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "h/h",
    args,
    drops: { over: "beyond the rate, and output 1 is not connected" },
    handlers: { rate: { read: true, write: true, doc: "packets a second that pass at most" } },
    live: true,
  } as const satisfies ElementSpec;

  readonly #bucket = new TokenBucket();
  #rate = 0;

  override configure(values: ArgValues<typeof args>): void {
    this.#setRate(values.RATE);
    this.#bucket.set(values.RATE, this.router.clock.now());
  }

  #setRate(rate: number): void {
    this.#rate = rate;
    this.#bucket.assign(rate, rate);
  }

  override push(_port: number, batch: Batch): void {
    const passed = this.#bucket.take(batch.count, this.router.clock.now());
    if (passed < batch.count) {
      const over = this.router.batches.acquire();
      for (let i = passed; i < batch.count; i++) over.add(batch.at(i));
      batch.count = passed;
      if (this.noutputs < 2) this.memory.add64(this.counterAddress("over"), over.count);
      this.pushOrKill(1, over);
      this.router.batches.release(over);
    }
    if (batch.count > 0) this.outputs[0].push(batch);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      rate: valueHandler(
        args.RATE,
        () => this.#rate,
        (rate) => this.#setRate(rate),
      ),
    };
  }
}
