import type { ArgValues } from "../../src/lang/args/spec.js";
import { DEFAULT_DATA, Template } from "../../src/packet/template.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError, handlerValue, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { intervalText } from "../../src/router/time-text.js";
import type { Timer } from "../../src/router/timer.js";

const args = {
  INTERVAL: {
    type: "seconds",
    positional: true,
    default: "0.5",
    doc: "time between packets, and before the first",
  },
  DATA: { type: "string", positional: true, default: `"${DEFAULT_DATA}"`, doc: "the packets' bytes" },
  LIMIT: { type: "int", default: "-1", doc: "packets made in all; negative: no limit" },
  ACTIVE: { type: "bool", default: "true", doc: "make packets" },
  STOP: { type: "bool", default: "false", doc: "stop the router after LIMIT packets" },
  HEADROOM: { type: "unsigned", doc: "free bytes before the data; default: as every packet has" },
} as const;

/**
 * Makes a packet every INTERVAL.
 *
 * @output 0 the packets
 * @example TimedSource(1ms, LIMIT 3) -> Print(x) -> Discard
 * @see RatedSource, InfiniteSource
 */
export class TimedSource extends Element {
  static readonly spec = {
    ports: "0/1",
    processing: "h",
    args,
    counters: { count: "packets made since the last reset" },
    drops: { no_slot: "the packet pool was exhausted" },
    handlers: {
      data: { read: true, write: true, raw: true, calm: true, doc: "the packets' bytes" },
      limit: { read: true, write: true, calm: true, doc: "packets made in all; negative: no limit" },
      interval: { read: true, write: true, calm: true, doc: "time between packets" },
      active: { read: true, write: true, calm: true, checkbox: true, doc: "whether it makes packets" },
      headroom: { read: true, write: true, calm: true, doc: "free bytes before the data" },
      reset: {
        write: true,
        button: true,
        doc: "sets the count to zero, so that another LIMIT packets are made",
      },
    },
    live: true,
  } as const satisfies ElementSpec;

  readonly #template = new Template(this.memory);
  #data = "";
  #interval = 5e8;
  #limit = -1;
  #active = true;
  #stop = false;
  #headroom = 0;
  #timer: Timer | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const interval = nanoseconds(values.INTERVAL);
    if (interval === 0) {
      errors.error("INTERVAL must be positive");
      return;
    }
    this.#interval = interval;
    this.#setData(values.DATA);
    this.#limit = values.LIMIT;
    this.#active = values.ACTIVE;
    this.#stop = values.STOP;
    this.#headroom = values.HEADROOM ?? this.memory.headroom;
    this.#resume();
  }

  override initialize(): void {
    this.#timer = this.newTimer(() => this.#fire());
    if (this.#active) this.#timer.scheduleAfter(this.#interval);
  }

  override cleanup(): void {
    this.#template.release();
  }

  #setData(data: string): void {
    this.#template.assign(data);
    this.#data = data;
  }

  #fire(): void {
    if (!this.#active) return;
    if (this.#limit >= 0 && this.memory.get64(this.state) >= this.#limit) {
      if (this.#stop) this.router.stop();
      return;
    }
    const { clock, batches } = this.router;
    const batch = batches.acquire();
    const made = this.#template.make(batch, 1, this.#headroom, clock.start, clock.now());
    this.memory.add64(made === 1 ? this.state : this.state + 8, 1);
    this.outputs[0].push(batch);
    batches.release(batch);
    this.#timer!.rescheduleAfter(this.#interval);
  }

  #resume(): void {
    if (this.#active && this.#timer?.scheduled === false) this.#timer.scheduleAfter(0);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      data: { read: () => this.#data, write: (data) => this.#setData(data) },
      limit: valueHandler(
        args.LIMIT,
        () => this.#limit,
        (limit) => {
          this.#limit = limit;
        },
      ),
      interval: {
        read: () => intervalText(this.#interval),
        write: (text) => {
          const interval = nanoseconds(handlerValue(args.INTERVAL, text, "bad interval"));
          if (interval === 0) throw new HandlerError("FAILED", "bad interval");
          this.#interval = interval;
        },
      },
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
          this.#resume();
        },
        "bad active",
      ),
      headroom: valueHandler(
        args.HEADROOM,
        () => this.#headroom,
        (headroom) => {
          this.#headroom = headroom;
        },
        "bad headroom",
      ),
      reset: {
        write: () => {
          this.memory.set64(this.state, 0);
          this.#resume();
        },
      },
    };
  }
}

function nanoseconds(seconds: number): number {
  return Math.round(seconds * 1e9);
}
