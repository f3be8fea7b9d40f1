import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { GapRate, MAX_RATE } from "../../src/router/gap-rate.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import { Notifier, type Signal, type SignalKind, upstreamEmptySignal } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";

const args = {
  RATE: { type: "unsigned", positional: true, required: true, doc: "packets a second that pass at most" },
} as const;

/**
 * Lets at most RATE packets a second pass, evenly spaced.
 *
 * Pulls beyond the rate get nothing. After a pause it may catch up for at most a second. Unlike Click's, it tells
 * those that pull from it to sleep until the next packet may pass, so that they need not poll.
 *
 * @input 0 packets, pull
 * @output 0 the same packets, pull
 * @example InfiniteSource(LIMIT 5) -> Queue -> Shaper(1000) -> Unqueue -> Discard
 * @see Queue, Unqueue, RatedSource
 */
export class Shaper extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "l/l",
    args,
    handlers: {
      rate: { read: true, write: true, doc: "packets a second that pass at most" },
      reset: { write: true, doc: "forgets what has passed, so that a packet may pass at once" },
    },
    live: true,
  } as const satisfies ElementSpec;

  readonly #rate = new GapRate();
  readonly #ready = new Notifier();
  #timer: Timer | null = null;
  #upstream: Signal | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.RATE > MAX_RATE) errors.warning(`rate too large; lowered to ${MAX_RATE}`);
    this.#setRate(values.RATE);
  }

  override initialize(): void {
    this.#timer = this.newTimer(() => this.#wake());
    this.#upstream = upstreamEmptySignal(this, 0, { reschedule: () => this.#wake() });
  }

  override notifier(kind: SignalKind): Notifier | null {
    return kind === "empty" ? this.#ready : null;
  }

  override pull(_port: number, batch: Batch, max: number): void {
    const now = this.router.clock.now();
    const allowed = Math.min(max, this.#rate.due(now));
    if (allowed > 0) {
      this.#rate.add(this.inputs[0].pull(batch, allowed));
      if (batch.count === 0 && !this.#upstream!.active) this.#ready.sleep();
      return;
    }
    this.#ready.sleep();
    const next = this.#rate.next();
    if (next !== Number.POSITIVE_INFINITY) this.#timer!.scheduleAt(next);
  }

  /** Upstream has packets, or the next one may pass: whoever pulls finds out which. */
  #wake(): void {
    if (!this.#timer!.scheduled) this.#ready.wake();
  }

  #setRate(rate: number): void {
    this.#rate.set(rate, this.router.clock.now());
    this.#timer?.unschedule();
    this.#ready.wake();
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      rate: valueHandler(
        args.RATE,
        () => this.#rate.rate,
        (rate) => {
          this.#setRate(rate);
          this.config = String(rate);
        },
      ),
      reset: {
        write: () => {
          this.#rate.reset();
          this.#timer?.unschedule();
          this.#ready.wake();
        },
      },
    };
  }
}
