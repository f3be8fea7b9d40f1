import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import { type Signal, upstreamEmptySignal } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";

const args = {
  ACTIVE: { type: "bool", default: "true", doc: "pull packets (a pull input only)" },
  BURST: { type: "unsigned", default: "1", min: 1, max: 256, doc: "packets pulled at a time" },
} as const;

/**
 * Discards all packets it gets.
 *
 * On a pull input it pulls as fast as it can while it is active.
 *
 * @element Discard
 * @category basic
 * @input 0 packets to discard, push or pull
 * @handler count packets discarded
 * @handler active whether it pulls
 * @handler reset_counts sets the count to zero
 * @see Idle
 */
export class Discard extends Element {
  static readonly spec = {
    ports: "1/0",
    processing: "a/a",
    args,
    counters: { count: "packets discarded" },
    handlers: {
      active: { read: true, write: true, checkbox: true, doc: "whether it pulls" },
      reset_counts: { write: true, button: true, doc: "sets the count to zero" },
    },
  } as const satisfies ElementSpec;

  #task: Task | null = null;
  #signal: Signal | null = null;
  #active = true;
  #burst = 1;

  override configure(values: ArgValues<typeof args>): void {
    this.#active = values.ACTIVE;
    this.#burst = values.BURST;
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
    const count = this.inputs[0].pull(batch, this.#burst);
    this.memory.add64(this.state, count);
    this.router.batches.release(batch);
    if (count > 0 || this.#signal!.active) this.#task!.reschedule();
    return count > 0;
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      active: valueHandler(
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
