import type { ArgValues } from "../../src/lang/args/spec.js";
import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import { type Signal, upstreamEmptySignal } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";

const args = {
  ACTIVE: { type: "bool", default: "true", doc: "pull packets (a pull input only)" },
  BURST: { type: "unsigned", default: "1", doc: "packets pulled each time it runs; 0 means all there are" },
} as const;

/**
 * Discards all packets it gets.
 *
 * On a pull input it pulls as fast as it can while it is active.
 *
 * @input 0 packets to discard, push or pull
 * @example InfiniteSource(LIMIT 5) -> Discard
 * @example InfiniteSource(LIMIT 5) -> Queue -> Discard(BURST 2)
 * @see Idle
 */
export class Discard extends Element {
  static readonly spec = {
    ports: "1/0",
    processing: "a/a",
    args,
    counters: { count: "packets discarded" },
    handlers: {
      active: { read: true, write: true, checkbox: true, doc: "whether it pulls (a pull input only)" },
      reset_counts: { write: true, button: true, doc: "sets the count to zero" },
    },
  } as const satisfies ElementSpec;

  #task: Task | null = null;
  #signal: Signal | null = null;
  #active = true;
  #burst = 1;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#active = values.ACTIVE;
    this.#burst = values.BURST === 0 ? Number.POSITIVE_INFINITY : values.BURST;
    if (!values.ACTIVE && !this.isPullInput(0)) errors.error("ACTIVE is meaningless in push context");
  }

  override initialize(_errors: ErrorSink): void {
    if (!this.isPullInput(0)) return;
    this.#task = this.newTask(() => this.#run());
    this.#signal = upstreamEmptySignal(this, 0, this.#task);
    if (this.#active) this.#task.reschedule();
  }

  override push(_port: number, batch: Batch): void {
    this.memory.add64(this.state, batch.count);
    batch.kill();
  }

  #run(): boolean {
    if (!this.#active) return false;
    const batch = this.router.batches.acquire();
    let sent = 0;
    while (sent < this.#burst && this.inputs[0].pull(batch, Math.min(this.#burst - sent, BATCH_MAX)) > 0) {
      sent += batch.count;
      this.memory.add64(this.state, batch.count);
      batch.kill();
    }
    this.router.batches.release(batch);
    if (this.#active && (sent > 0 || this.#signal!.active)) this.#task!.reschedule();
    return sent > 0;
  }

  override handlers(): Record<string, HandlerCode | null> {
    const pulls = this.isPullInput(0);
    return {
      active: !pulls
        ? null
        : valueHandler(
            args.ACTIVE,
            () => this.#active,
            (active) => {
              this.#active = active;
              if (active) this.#task?.reschedule();
            },
          ),
      reset_counts: { write: () => this.memory.set64(this.state, 0) },
    };
  }
}
