import type { ArgValues } from "../../src/lang/args/spec.js";
import { BATCH_MAX } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import { type Signal, upstreamEmptySignal } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";

const args = {
  BURST: {
    type: "int",
    positional: true,
    default: "1",
    doc: "packets moved each time it runs; negative: until there are none",
  },
  ACTIVE: { type: "bool", default: "true", doc: "move packets" },
  LIMIT: { type: "int", default: "-1", doc: "packets moved in all; negative: no limit" },
} as const;

/**
 * Pulls packets as soon as there are some and pushes them on.
 *
 * It moves up to BURST packets each time it runs, as a batch.
 *
 * @input 0 packets, pull
 * @output 0 the same packets, push
 * @example InfiniteSource(LIMIT 5) -> Queue -> Unqueue(BURST 4) -> Discard
 * @see Queue, DelayUnqueue, Shaper
 */
export class Unqueue extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "l/h",
    args,
    counters: { count: "packets moved" },
    handlers: {
      active: { read: true, write: true, checkbox: true, doc: "whether it moves packets" },
      burst: { read: true, write: true, doc: "packets moved each time it runs" },
      limit: { read: true, write: true, doc: "packets moved in all; negative: no limit" },
      reset: {
        write: true,
        button: true,
        doc: "sets the count to zero, so that another LIMIT packets are moved",
      },
      reset_counts: { write: true, button: true, doc: "the same as reset" },
    },
  } as const satisfies ElementSpec;

  #burst = 1;
  #active = true;
  #limit = -1;
  #task: Task | null = null;
  #signal: Signal | null = null;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#setBurst(values.BURST);
    this.#active = values.ACTIVE;
    this.#limit = values.LIMIT;
    if (this.#burst === 0) errors.warning("BURST size 0, no packets will be pulled");
  }

  override initialize(): void {
    this.#task = this.newTask(() => this.#run());
    this.#signal = upstreamEmptySignal(this, 0, this.#task);
    if (this.#active) this.#task.reschedule();
  }

  #setBurst(burst: number): void {
    this.#burst = burst < 0 ? 0x7fffffff : burst;
  }

  /** Packets that LIMIT still allows. */
  get #left(): number {
    return this.#limit < 0 ? Number.POSITIVE_INFINITY : this.#limit - this.memory.get64(this.state);
  }

  #run(): boolean {
    if (!this.#active) return false;
    const allowed = Math.min(this.#burst, this.#left);
    if (allowed <= 0 && this.#limit >= 0) return false;
    const batch = this.router.batches.acquire();
    let moved = 0;
    let dry = false;
    while (moved < allowed && this.#active && !dry) {
      const count = this.inputs[0].pull(batch, Math.min(allowed - moved, BATCH_MAX));
      dry = count === 0;
      moved += count;
      this.memory.add64(this.state, count);
      this.outputs[0].push(batch);
    }
    this.router.batches.release(batch);
    if (!dry || this.#signal!.active) this.#task!.reschedule();
    return moved > 0;
  }

  #resume(): void {
    if (this.#active && this.#left > 0) this.#task?.reschedule();
  }

  override handlers(): Record<string, HandlerCode> {
    const reset: HandlerCode = {
      write: () => {
        this.memory.set64(this.state, 0);
        this.#resume();
      },
    };
    return {
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          this.#active = active;
          this.#resume();
        },
      ),
      burst: valueHandler(
        args.BURST,
        () => this.#burst,
        (burst) => {
          this.#setBurst(burst);
          this.#resume();
        },
      ),
      limit: valueHandler(
        args.LIMIT,
        () => this.#limit,
        (limit) => {
          this.#limit = limit;
          this.#resume();
        },
      ),
      reset,
      reset_counts: reset,
    };
  }
}
