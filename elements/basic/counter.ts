import { parseBounded } from "../../src/lang/args/numbers.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { parseHandler } from "../../src/lang/args/strings.js";
import { shiftSpaces } from "../../src/lang/args/text.js";
import type { Batch } from "../../src/packet/batch.js";
import { ConfiguredCall } from "../../src/router/configured-call.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError } from "../../src/router/handler.js";
import { RateAverage } from "../../src/router/rate-average.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  COUNT_CALL: { type: "any", doc: "`N HANDLER [VALUE]`: write to the handler when N packets have come" },
  BYTE_COUNT_CALL: { type: "any", doc: "`N HANDLER [VALUE]`: write to the handler when N bytes have come" },
} as const;

/** A count at which a handler is written to, once. */
interface Trigger {
  readonly at: number;
  readonly call: ConfiguredCall | null;
  done: boolean;
}

/**
 * Counts packets and bytes and measures their rates.
 *
 * The rates are moving averages over some 16 milliseconds, as Click's. A handler of COUNT_CALL or BYTE_COUNT_CALL is
 * written to before the packet that reaches the count (with batches: its batch) goes on.
 *
 * @input 0 packets to count, push or pull
 * @output 0 the same packets
 * @example InfiniteSource(LIMIT 5) -> c :: Counter(COUNT_CALL 5 c.reset) -> Discard
 * @see Print
 */
export class Counter extends Element {
  static readonly spec = {
    ports: "1/1",
    args,
    counters: { count: "packets since the last reset", byte_count: "bytes since the last reset" },
    handlers: {
      rate: { read: true, doc: "packets a second, recently" },
      bit_rate: { read: true, doc: "bits a second, recently" },
      byte_rate: { read: true, doc: "bytes a second, recently" },
      reset: {
        write: true,
        button: true,
        doc: "sets the counts to zero, and lets the calls happen again",
      },
      reset_counts: { write: true, button: true, doc: "the same as reset" },
      count_call: {
        read: true,
        write: true,
        doc: "reads the packet count of COUNT_CALL; written, sets a new COUNT_CALL",
      },
      byte_count_call: { write: true, doc: "sets a new BYTE_COUNT_CALL" },
    },
  } as const satisfies ElementSpec;

  #packets: Trigger | null = null;
  #bytes: Trigger | null = null;
  #rate = new RateAverage(10, 0);
  #byteRate = new RateAverage(4, 0);

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    try {
      if (values.COUNT_CALL !== undefined)
        this.#packets = this.#trigger(values.COUNT_CALL, "COUNT_CALL type mismatch");
      if (values.BYTE_COUNT_CALL !== undefined)
        this.#bytes = this.#trigger(values.BYTE_COUNT_CALL, "BYTE_COUNT_CALL type mismatch");
    } catch (e) {
      errors.error((e as Error).message);
    }
  }

  override initialize(errors: ErrorSink): void {
    const now = this.router.clock.now();
    this.#rate = new RateAverage(10, now);
    this.#byteRate = new RateAverage(4, now);
    this.#packets?.call?.initialize(errors);
    this.#bytes?.call?.initialize(errors);
  }

  override process(batch: Batch): void {
    const bytes = this.memory.kernels.countBatch(this.state, batch.address, batch.count);
    const now = this.router.clock.recent;
    this.#rate.add(batch.count, now);
    this.#byteRate.add(bytes, now);
    if (this.#packets !== null) this.#check(this.#packets, this.state, batch.count);
    if (this.#bytes !== null) this.#check(this.#bytes, this.state + 8, Number.POSITIVE_INFINITY);
  }

  /** Calls once the counter is at or beyond its mark; `added`: only if the last so many steps took it there. */
  #check(trigger: Trigger, counter: number, added: number): void {
    const count = this.memory.get64(counter);
    if (trigger.done || count < trigger.at || count - added >= trigger.at) return;
    trigger.done = true;
    trigger.call?.call();
  }

  /** Parses `N [HANDLER [VALUE]]`; throws HandlerError with `complaint` when N is not a count. */
  #trigger(text: string, complaint: string): Trigger {
    const [count, call] = shiftSpaces(text);
    const at = parseBounded(count, 0, Number.MAX_SAFE_INTEGER, false);
    const ref = call === "" ? null : parseHandler(call);
    if ("error" in at || (ref !== null && "error" in ref)) throw new HandlerError("FAILED", complaint);
    return { at: at.value, call: ref === null ? null : new ConfiguredCall(this, ref.value), done: false };
  }

  #reset(): void {
    this.memory.set64(this.state, 0);
    this.memory.set64(this.state + 8, 0);
    if (this.#packets !== null) this.#packets.done = false;
    if (this.#bytes !== null) this.#bytes.done = false;
  }

  override handlers(): Record<string, HandlerCode> {
    const now = (): number => this.router.clock.now();
    const setCall = (text: string, name: string): Trigger => {
      const trigger = this.#trigger(text, `'${name}' first word should be unsigned (count)`);
      trigger.call?.resolve();
      return trigger;
    };
    return {
      rate: { read: () => this.#rate.text(now()) },
      bit_rate: { read: () => this.#byteRate.text(now(), 8) },
      byte_rate: { read: () => this.#byteRate.text(now()) },
      reset: { write: () => this.#reset() },
      reset_counts: { write: () => this.#reset() },
      count_call: {
        read: () => (this.#packets?.call == null ? "" : this.#packets.at),
        write: (text) => {
          this.#packets = setCall(text, "count_call");
        },
      },
      byte_count_call: {
        write: (text) => {
          this.#bytes = setCall(text, "byte_count_call");
        },
      },
    };
  }
}
