import type { ArgValues } from "../../src/lang/args/spec.js";
import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import { DEFAULT_DATA, Template } from "../../src/packet/template.js";
import { Element } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";
import type { Timer } from "../../src/router/timer.js";
import { TokenBucket } from "../../src/router/token-bucket.js";

const args = {
  DATA: { type: "string", positional: true, default: `"${DEFAULT_DATA}"`, doc: "the packets' bytes" },
  RATE: { type: "unsigned", positional: true, default: "10", doc: "packets a second" },
  LIMIT: {
    type: "int",
    positional: true,
    default: "-1",
    doc: "packets made in all; negative: no limit",
  },
  ACTIVE: { type: "bool", positional: true, default: "true", doc: "make packets" },
  LENGTH: { type: "int", doc: "bytes of a packet: DATA cut or repeated; negative: as long as DATA is" },
  DATASIZE: { type: "int", doc: "old name of LENGTH" },
  STOP: { type: "bool", default: "false", doc: "stop the router after LIMIT packets" },
  BANDWIDTH: { type: "bandwidth", doc: "bytes a second, in place of RATE" },
  BURST: {
    type: "unsigned",
    default: "1",
    min: 1,
    max: BATCH_MAX,
    doc: "packets that are due made at a time",
  },
} as const;

/**
 * Makes packets at an even rate.
 *
 * A token bucket that holds a hundredth of a second's packets (at least two) lets it catch up after a delay. BURST
 * (not in Click) makes those that are due together as one batch.
 *
 * @output 0 the packets, push or pull
 * @example RatedSource(RATE 1000, LIMIT 5) -> Print(x) -> Discard
 * @see InfiniteSource, TimedSource
 */
export class RatedSource extends Element {
  static readonly spec = {
    ports: "0/1",
    flags: "S1",
    args,
    counters: { count: "packets made since the last reset" },
    drops: { no_slot: "the packet pool was exhausted" },
    handlers: {
      data: { read: true, write: true, raw: true, calm: true, doc: "the packets' bytes" },
      rate: { read: true, write: true, doc: "packets a second" },
      limit: { read: true, write: true, calm: true, doc: "packets made in all; negative: no limit" },
      active: { read: true, write: true, checkbox: true, doc: "whether it makes packets" },
      reset: {
        write: true,
        button: true,
        doc: "sets the count to zero, so that another LIMIT packets are made",
      },
      length: { read: true, write: true, doc: "bytes of a packet; -1: as long as the data are" },
      datasize: { read: true, write: true, doc: "old name of length" },
    },
    live: true,
  } as const satisfies ElementSpec;

  readonly #template = new Template(this.memory);
  readonly #bucket = new TokenBucket();
  #data = "";
  #length = -1;
  #limit = -1;
  #burst = 1;
  #active = true;
  #stop = false;
  #task: Task | null = null;
  #timer: Timer | null = null;

  override configure(values: ArgValues<typeof args>): void {
    this.#setData(values.DATA, values.DATASIZE ?? values.LENGTH ?? -1);
    const { BANDWIDTH: bandwidth = 0 } = values;
    const rate = bandwidth > 0 ? Math.floor(bandwidth / Math.max(1, this.#template.length)) : values.RATE;
    const capacity = capacityOf(rate);
    this.#bucket.assign(rate, bandwidth > 0 ? Math.max(capacity, 2 * this.#length) : capacity);
    this.#limit = values.LIMIT;
    this.#burst = values.BURST;
    this.#active = values.ACTIVE;
    this.#stop = values.STOP;
    // Configured again while it runs: nothing is made up for.
    if (this.graph.initialized) this.#bucket.set(1, this.router.clock.now());
    this.#resume();
  }

  override initialize(): void {
    this.#bucket.set(1, this.router.clock.now());
    if (this.isPullOutput(0)) return;
    this.#task = this.newTask(() => this.#run());
    this.#timer = this.newTimer(() => this.#task!.reschedule());
    this.#task.reschedule();
  }

  override cleanup(): void {
    this.#template.release();
  }

  #setData(data: string, length: number): void {
    this.#template.assign(data, length);
    this.#data = data;
    this.#length = length;
  }

  /** Makes up to `max` packets that are due. Returns whether it could go on: it is active, and LIMIT is not reached. */
  #make(batch: Batch, max: number): boolean {
    if (!this.#active) return false;
    const left = this.#limit < 0 ? Number.POSITIVE_INFINITY : this.#limit - this.memory.get64(this.state);
    if (left <= 0) {
      if (this.#stop) this.router.stop();
      return false;
    }
    const { clock } = this.router;
    const now = clock.now();
    const count = this.#bucket.take(Math.min(max, left), now);
    if (count === 0) return true;
    const made = this.#template.make(batch, count, this.memory.headroom, clock.start, now);
    this.memory.add64(this.state, made);
    if (made < count) this.memory.add64(this.state + 8, count - made);
    return true;
  }

  #run(): boolean {
    const batch = this.router.batches.acquire();
    const going = this.#make(batch, this.#burst);
    const worked = batch.count > 0;
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
    if (worked) this.#task!.reschedule();
    else if (going) {
      const next = this.#bucket.next(1);
      if (next !== Number.POSITIVE_INFINITY) this.#timer!.scheduleAt(next);
    }
    return worked;
  }

  override pull(_port: number, batch: Batch, max: number): void {
    this.#make(batch, max);
  }

  #resume(): void {
    if (this.#active) this.#task?.reschedule();
  }

  override handlers(): Record<string, HandlerCode> {
    const wrong = "syntax error";
    const length = valueHandler(
      args.LENGTH,
      () => this.#length,
      (length) => this.#setData(this.#data, length),
      wrong,
    );
    const now = (): number => this.router.clock.now();
    return {
      data: { read: () => this.#data, write: (data) => this.#setData(data, this.#length) },
      rate: valueHandler(
        args.RATE,
        () => this.#bucket.rate,
        (rate) => {
          this.#bucket.refill(now());
          this.#bucket.assign(rate, capacityOf(rate));
          this.#resume();
        },
        wrong,
      ),
      limit: valueHandler(
        args.LIMIT,
        () => (this.#limit < 0 ? -1 : this.#limit),
        (limit) => {
          this.#limit = limit;
        },
        wrong,
      ),
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
          if (active && this.#task?.scheduled === false) this.#bucket.set(1, now());
          this.#resume();
        },
        wrong,
      ),
      reset: {
        write: () => {
          this.memory.set64(this.state, 0);
          this.#bucket.set(1, now());
          this.#resume();
        },
      },
      length,
      datasize: length,
    };
  }
}

/** Packets that may be made late, at `rate` a second. */
function capacityOf(rate: number): number {
  return rate < 200 ? 2 : Math.floor(rate / 100);
}
