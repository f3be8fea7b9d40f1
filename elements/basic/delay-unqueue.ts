import type { ArgValues } from "../../src/lang/args/spec.js";
import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import { Element } from "../../src/router/element.js";
import { type HandlerCode, handlerValue } from "../../src/router/handler.js";
import { type Signal, upstreamEmptySignal } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";
import { intervalText } from "../../src/router/time-text.js";
import type { Timer } from "../../src/router/timer.js";

const args = {
  DELAY: {
    type: "seconds",
    positional: true,
    required: true,
    max: 1e8,
    doc: "time between a packet's timestamp and its leaving",
  },
  BURST: { type: "unsigned", default: "1", min: 1, max: BATCH_MAX, doc: "packets pulled at a time" },
} as const;

/**
 * Pulls packets, holds each until DELAY after its timestamp, and pushes it on.
 *
 * The timestamp becomes the time of leaving; a packet without one is taken to have arrived when it is pulled. Packets
 * keep their order: one that is due waits for those before it. One packet is held at a time, others wait in the
 * queue upstream; BURST (not in Click) is how many are pulled and held at a time, so that those due leave together.
 *
 * @input 0 packets, pull
 * @output 0 the same packets, later, push
 * @example InfiniteSource(LIMIT 2) -> Queue -> DelayUnqueue(5ms) -> Discard
 * @see Queue, Unqueue, Shaper
 */
export class DelayUnqueue extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "l/h",
    args,
    handlers: {
      delay: { read: true, write: true, doc: "the time between a packet's timestamp and its leaving" },
    },
  } as const satisfies ElementSpec;

  #delay = 0;
  #burst = 1;
  #held: Batch | null = null;
  #task: Task | null = null;
  #timer: Timer | null = null;
  #signal: Signal | null = null;

  override configure(values: ArgValues<typeof args>): void {
    this.#delay = Math.round(values.DELAY * 1e9);
    this.#burst = values.BURST;
  }

  override initialize(): void {
    this.#held = this.router.batches.acquire();
    this.#task = this.newTask(() => this.#run());
    this.#timer = this.newTimer(() => this.#task!.reschedule());
    this.#signal = upstreamEmptySignal(this, 0, this.#task);
    this.#task.reschedule();
  }

  override cleanup(): void {
    if (this.#held !== null) this.router.batches.release(this.#held);
    this.#held = null;
  }

  #run(): boolean {
    const { clock, batches } = this.router;
    const { kernels } = this.memory;
    const { seconds, nanoseconds } = clock.start;
    let worked = false;
    for (;;) {
      const held = this.#held!;
      const now = clock.now();
      if (held.count === 0) {
        if (this.inputs[0].pull(held, this.#burst) === 0) break;
        kernels.delayBatch(held.address, held.count, this.#delay, seconds, nanoseconds, now);
      }
      const due = kernels.dueBatch(held.address, held.count, seconds, nanoseconds, now);
      if (due === 0) {
        this.#timer!.scheduleAt(kernels.stampSteady(held.at(0), seconds, nanoseconds));
        return worked;
      }
      // Those that wait move to a batch of their own before the others leave: pushing may come back here.
      const later = batches.acquire();
      for (let i = due; i < held.count; i++) later.add(held.at(i));
      held.count = due;
      this.#held = later;
      this.outputs[0].push(held);
      batches.release(held);
      worked = true;
    }
    if (this.#signal!.active) this.#task!.reschedule();
    return worked;
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      delay: {
        read: () => intervalText(this.#delay),
        write: (text) => {
          this.#delay = Math.round(handlerValue(args.DELAY, text) * 1e9);
        },
      },
    };
  }
}
