import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { PacketQueue } from "../../src/packet/queue.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import { Notifier, type SignalKind } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";

const args = {
  CAPACITY: { type: "unsigned", positional: true, default: "1000", doc: "packets it holds at most" },
} as const;

/** Failed pulls after which those that pull are told to sleep: a queue around one packet long should not thrash. */
const SLEEPINESS = 10;

/**
 * Holds packets between a push and a pull, first in, first out.
 *
 * Packets that find it full are dropped, or leave on output 1 where that is connected; the first one is reported.
 * It tells those that pull from it when it has been empty for a while and when packets come again, and those that
 * push into it when it is full and when there is room again.
 *
 * @input 0 packets to hold, push
 * @output 0 the packets held, pull
 * @output 1 packets that found it full, push
 * @example InfiniteSource(LIMIT 5) -> Queue(3) -> Unqueue -> Discard
 * @see Unqueue, DelayUnqueue, Shaper
 */
export class Queue extends Element {
  static readonly spec = {
    ports: "1/1-2",
    processing: "h/lh",
    args,
    drops: { drops: "the queue was full" },
    handlers: {
      length: { read: true, doc: "packets in it" },
      highwater_length: { read: true, doc: "the most packets it has held at once" },
      capacity: { read: true, write: true, calm: true, doc: "packets it holds at most" },
      reset_counts: {
        write: true,
        button: true,
        doc: "sets drops to zero and highwater_length to the present length",
      },
      reset: {
        write: true,
        button: true,
        doc: "throws away the packets in it, or sends them to output 1",
      },
    },
    live: true,
  } as const satisfies ElementSpec;

  #queue: PacketQueue | null = null;
  #capacity = 1000;
  #failedPulls = 0;
  readonly #nonempty = new Notifier();
  readonly #nonfull = new Notifier();

  override configure(values: ArgValues<typeof args>): void {
    this.#setCapacity(values.CAPACITY);
  }

  override initialize(): void {
    this.#queue = new PacketQueue(this.memory, this.#capacity);
  }

  override cleanup(): void {
    this.#withSpare((spare) => this.#queue?.release(spare));
    this.#queue = null;
  }

  override takeState(old: Element, errors: ErrorSink): void {
    if (!(old instanceof Queue) || old.#queue === null) return;
    const from = old.#queue;
    const length = from.length;
    const lost = this.#withSpare((spare) => this.#queue!.absorb(from, spare));
    if (lost > 0) errors.warning(`some packets lost (old length ${length}, new capacity ${this.#capacity})`);
    if (this.#queue!.full) this.#nonfull.sleep();
  }

  override notifier(kind: SignalKind, port: number): Notifier | null {
    if (kind === "full") return this.#nonfull;
    return port === 0 ? this.#nonempty : null;
  }

  override push(_port: number, batch: Batch): void {
    const queue = this.#queue!;
    if (queue.append(batch) > 0) {
      this.#nonempty.wake();
      if (queue.full) this.#nonfull.sleep();
    }
    if (batch.count > 0) this.#overflow(batch);
  }

  override pull(port: number, batch: Batch, max: number): void {
    if (port !== 0) return;
    if (this.#queue!.take(batch, max) > 0) {
      this.#failedPulls = 0;
      this.#nonfull.wake();
    } else if (++this.#failedPulls >= SLEEPINESS) {
      this.#nonempty.sleep();
    }
  }

  #overflow(batch: Batch): void {
    if (this.memory.get64(this.state) === 0 && this.#capacity > 0)
      this.router.log(`${this.declaration}: overflow`);
    this.memory.add64(this.state, batch.count);
    this.pushOrKill(1, batch);
  }

  #setCapacity(capacity: number): void {
    this.#capacity = capacity;
    const queue = this.#queue;
    if (queue === null) return;
    this.#withSpare((spare) => queue.resize(capacity, spare));
    if (queue.full) this.#nonfull.sleep();
    else this.#nonfull.wake();
  }

  #withSpare<T>(use: (spare: Batch) => T): T {
    const spare = this.router.batches.acquire();
    try {
      return use(spare);
    } finally {
      this.router.batches.release(spare);
    }
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      length: { read: () => this.#queue?.length ?? 0 },
      highwater_length: { read: () => this.#queue?.highwater ?? 0 },
      capacity: valueHandler(
        args.CAPACITY,
        () => this.#capacity,
        (capacity) => {
          this.#setCapacity(capacity);
          this.config = String(capacity);
        },
      ),
      reset_counts: {
        write: () => {
          this.memory.set64(this.state, 0);
          this.#queue?.resetHighwater();
        },
      },
      reset: { write: () => this.#reset() },
    };
  }

  #reset(): void {
    const batch = this.router.batches.acquire();
    // What comes in meanwhile (output 1 may lead back here) is not thrown away.
    let left = this.#queue?.length ?? 0;
    while (left > 0) {
      left -= this.#queue!.take(batch, left);
      this.pushOrKill(1, batch);
    }
    this.router.batches.release(batch);
    this.#nonfull.wake();
  }
}
