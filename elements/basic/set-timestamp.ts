import { ANNO_FIRST_TIMESTAMP, SLOT_ANNO, SLOT_TIMESTAMP } from "../../assembly/layout.js";
import type { ArgValues, Timestamp } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  TIMESTAMP: {
    type: "timestamp",
    positional: true,
    doc: "the time to set, in seconds since 1970; when it is not given, the present",
  },
  FIRST: {
    type: "bool",
    default: "false",
    doc: "set the first-timestamp annotation rather than the timestamp",
  },
  DELTA: { type: "bool", default: "false", doc: "not supported, as in Click" },
} as const;

/**
 * Sets each packet's timestamp, to the present or to a given time.
 *
 * @input 0 packets, push or pull
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 3) -> SetTimestamp(1000000000.5) -> Print(TIMESTAMP true) -> Discard
 * @see Print, ToDump
 */
export class SetTimestamp extends Element {
  static readonly spec = { ports: "1/1", args, live: true } as const satisfies ElementSpec;

  #time: Timestamp | null = null;
  #offset = SLOT_TIMESTAMP;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.DELTA) {
      errors.error("SetTimestamp(DELTA) is deprecated, use SetTimestampDelta(TYPE FIRST)");
      return;
    }
    const time = values.TIMESTAMP;
    this.#time = time === undefined || time.seconds < 0 ? null : time;
    this.#offset = values.FIRST ? SLOT_ANNO + ANNO_FIRST_TIMESTAMP : SLOT_TIMESTAMP;
  }

  override process(batch: Batch): void {
    const { clock } = this.router;
    const { seconds, nanoseconds } = this.#time ?? clock.start;
    const elapsed = this.#time === null ? clock.now() : 0;
    this.memory.kernels.stampBatch(batch.address, batch.count, this.#offset, seconds, nanoseconds, elapsed);
  }
}
