import { parseReal } from "../../src/lang/args/numbers.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces } from "../../src/lang/args/text.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { prefixOf } from "../../src/router/names.js";
import { CONFIGURE_INFO, type ElementSpec } from "../../src/router/spec.js";
import { SCHEDULE_INFO, TICKETS_DEFAULT } from "../../src/router/task.js";

const args = {
  PARAMETERS: { type: "any", rest: true, doc: "`ELEMENT PARAMETER`, ...: shares of the processor" },
} as const;

/**
 * Says how much of the processor elements' tasks get.
 *
 * The default is 1; an element with 2 runs twice as often as one with 1. A parameter of a compound element scales
 * those of the elements inside it. Names are local to the compound that the ScheduleInfo is in.
 *
 * @example InfiniteSource(LIMIT 5) -> Queue -> u :: Unqueue -> Discard; ScheduleInfo(u 2)
 * @see AddressInfo, PortInfo
 */
export class ScheduleInfo extends Element {
  static readonly spec = {
    ports: "0/0",
    args,
    configurePhase: CONFIGURE_INFO,
  } as const satisfies ElementSpec;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    for (const text of values.PARAMETERS) {
      const [name, parameter, ...rest] = splitSpaces(text);
      if (name === undefined) continue;
      const parsed = parseReal(parameter ?? "", 0, 2 ** 21);
      if (rest.length > 0 || "error" in parsed) {
        errors.error("expected 'ELEMENTNAME PARAM'");
        continue;
      }
      const tickets = Math.round(parsed.value * TICKETS_DEFAULT);
      this.graph.names.define(SCHEDULE_INFO, prefixOf(this.name), name.replace(/\/$/, ""), tickets);
    }
  }
}
