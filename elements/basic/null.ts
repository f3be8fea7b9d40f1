import { Element } from "../../src/router/element.js";
import type { ElementSpec } from "../../src/router/spec.js";

/**
 * Passes packets on unchanged.
 *
 * @input 0 packets, push or pull
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 3) -> Null -> Discard
 * @see Idle
 */
export class Null extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "a/a",
  } as const satisfies ElementSpec;
}
