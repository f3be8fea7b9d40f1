import type { ArgValues } from "../../src/lang/args/spec.js";
import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import { DEFAULT_DATA, Template } from "../../src/packet/template.js";
import { ConfiguredCall } from "../../src/router/configured-call.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import { downstreamFullSignal, Notifier, type Signal, type SignalKind } from "../../src/router/notifier.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";

const args = {
  DATA: { type: "string", positional: true, default: `"${DEFAULT_DATA}"`, doc: "the packets' bytes" },
  LIMIT: {
    type: "long",
    positional: true,
    default: "-1",
    min: Number.MIN_SAFE_INTEGER,
    doc: "packets made in all; negative: no limit",
  },
  BURST: { type: "int", positional: true, default: "1", doc: "packets made each time it runs" },
  ACTIVE: { type: "bool", positional: true, default: "true", doc: "make packets" },
  TIMESTAMP: { type: "bool", default: "true", doc: "packets carry the time they were made" },
  LENGTH: { type: "int", doc: "bytes of a packet: DATA cut or repeated; negative: as long as DATA is" },
  DATASIZE: { type: "int", doc: "old name of LENGTH" },
  STOP: { type: "bool", default: "false", doc: "stop the router after LIMIT packets" },
  END_CALL: { type: "handler", doc: "handler written to after LIMIT packets" },
} as const;

/** Packets made in one run of its task at most, so that timers and handlers get their turn whatever the burst. */
const RUN_MAX = 65536;

/**
 * Makes packets as fast as they are taken.
 *
 * On a push output it makes BURST packets each time it runs (as one batch, or as many as are needed), and sleeps
 * while the queues downstream are full. On a pull output it makes packets when they are pulled.
 *
 * @output 0 the packets, push or pull
 * @example InfiniteSource(LIMIT 5) -> Print(x) -> Discard
 * @example InfiniteSource(LENGTH 100, LIMIT 64, BURST 32, STOP true) -> Discard
 * @see RatedSource, TimedSource, FromDump
 */
export class InfiniteSource extends Element {
  static readonly spec = {
    ports: "0/1",
    flags: "S1",
    args,
    counters: { count: "packets made since the last reset" },
    drops: { no_slot: "the packet pool was exhausted" },
    handlers: {
      data: { read: true, write: true, raw: true, calm: true, doc: "the packets' bytes" },
      length: {
        read: true,
        write: true,
        calm: true,
        doc: "bytes of a packet; -1: as long as the data are",
      },
      limit: { read: true, write: true, calm: true, doc: "packets made in all; negative: no limit" },
      burst: { read: true, write: true, calm: true, doc: "packets made each time it runs" },
      active: { read: true, write: true, checkbox: true, doc: "whether it makes packets" },
      reset: {
        write: true,
        button: true,
        doc: "sets the count to zero, so that another LIMIT packets are made",
      },
      burstsize: { read: true, write: true, calm: true, doc: "old name of burst" },
      datasize: { read: true, write: true, calm: true, doc: "old name of length" },
    },
    live: true,
  } as const satisfies ElementSpec;

  readonly #template = new Template(this.memory);
  #data = "";
  #length = -1;
  #limit = -1;
  #burst = 1;
  #active = true;
  #stamp = true;
  #end: ConfiguredCall | null = null;
  #task: Task | null = null;
  #nonfull: Signal | null = null;
  readonly #nonempty = new Notifier();

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.BURST < 1) {
      errors.error("burst size must be >= 1");
      return;
    }
    if (values.STOP && values.END_CALL !== undefined) {
      errors.error("END_CALL and STOP are mutually exclusive");
      return;
    }
    this.#setData(values.DATA, values.DATASIZE ?? values.LENGTH ?? -1);
    this.#limit = values.LIMIT;
    this.#burst = values.BURST;
    this.#active = values.ACTIVE;
    this.#stamp = values.TIMESTAMP;
    const stop = { element: null, handler: "stop", value: "" };
    const end = values.END_CALL ?? (values.STOP ? stop : undefined);
    this.#end = end === undefined ? null : new ConfiguredCall(this, end);
    this.memory.set64(this.state, 0);
    // Configured again while it runs.
    if (this.graph.initialized) {
      this.#end?.initialize(errors);
      this.#resume();
    }
  }

  override initialize(errors: ErrorSink): void {
    this.#end?.initialize(errors);
    if (this.isPullOutput(0)) return;
    this.#task = this.newTask(() => this.#run());
    this.#nonfull = downstreamFullSignal(this, 0, this.#task);
    this.#task.reschedule();
  }

  override cleanup(): void {
    this.#template.release();
  }

  override notifier(kind: SignalKind): Notifier | null {
    return kind === "empty" && this.isPullOutput(0) ? this.#nonempty : null;
  }

  #setData(data: string, length: number): void {
    this.#template.assign(data, length);
    this.#data = data;
    this.#length = length;
  }

  /** Packets that LIMIT still allows. */
  get #left(): number {
    if (this.#limit < 0) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#limit - this.memory.get64(this.state));
  }

  #make(batch: Batch, count: number): number {
    const { clock } = this.router;
    const now = this.#stamp ? clock.now() : -1;
    const made = this.#template.make(batch, count, this.memory.headroom, clock.start, now);
    this.memory.add64(this.state, made);
    if (made < count) this.memory.add64(this.state + 8, count - made);
    return made;
  }

  #run(): boolean {
    if (!this.#active || !this.#nonfull!.active) return false;
    const wanted = Math.min(this.#burst, this.#left, RUN_MAX);
    if (wanted === 0) {
      this.#end?.call();
      return false;
    }
    const batch = this.router.batches.acquire();
    let worked = false;
    for (let left = wanted; left > 0; left -= BATCH_MAX) {
      if (this.#make(batch, Math.min(left, BATCH_MAX)) > 0) worked = true;
      this.outputs[0].push(batch);
    }
    this.router.batches.release(batch);
    this.#task!.reschedule();
    return worked;
  }

  override pull(_port: number, batch: Batch, max: number): void {
    const count = this.#active ? Math.min(max, this.#left) : 0;
    if (count > 0) {
      this.#make(batch, count);
      return;
    }
    this.#nonempty.sleep();
    if (this.#active) this.#end?.call();
  }

  #resume(): void {
    if (!this.#active || this.#left === 0) return;
    if (this.isPullOutput(0)) this.#nonempty.wake();
    else this.#task?.reschedule();
  }

  override handlers(): Record<string, HandlerCode> {
    const setting = <T>(set: (value: T) => void) => {
      return (value: T): void => {
        set(value);
        this.#resume();
      };
    };
    const burst = valueHandler(
      { ...args.BURST, min: 1 },
      () => this.#burst,
      setting((burst) => {
        this.#burst = burst;
      }),
      "burstsize parameter must be integer >= 1",
    );
    const length = valueHandler(
      args.LENGTH,
      () => this.#length,
      setting((length) => this.#setData(this.#data, length)),
      "length must be integer",
    );
    return {
      data: { read: () => this.#data, write: setting((data) => this.#setData(data, this.#length)) },
      length,
      limit: valueHandler(
        args.LIMIT,
        () => this.#limit,
        setting((limit) => {
          this.#limit = limit;
        }),
        "limit parameter must be integer",
      ),
      burst,
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        setting((active) => {
          this.#active = active;
        }),
        "active parameter must be boolean",
      ),
      reset: { write: setting(() => this.memory.set64(this.state, 0)) },
      burstsize: burst,
      datasize: length,
    };
  }
}
