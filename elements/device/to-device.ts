import { countersText } from "../../src/device/counters.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Batch } from "../../src/packet/batch.js";
import type { Device } from "../../src/router/device.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import type { HandlerCode } from "../../src/router/handler.js";
import { listenersOf } from "../../src/router/listeners.js";
import { type Signal, upstreamEmptySignal } from "../../src/router/notifier.js";
import type { Offers } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Task } from "../../src/router/task.js";

const args = {
  DEVNAME: {
    type: "string",
    positional: true,
    required: true,
    doc: "the device, by the name its router knows it by",
  },
  BURST: {
    type: "unsigned",
    default: "64",
    min: 1,
    max: 256,
    doc: "most packets pulled and sent at a time; fewer while the device has no room for so many",
  },
  METHOD: {
    type: "word",
    doc: "accepted for Click's configurations; the router's device decides how to send",
  },
  IGNORE_QUEUE_OVERFLOWS: {
    type: "bool",
    default: "false",
    doc: "accepted for Click's configurations; a full device is no error here",
  },
  DEBUG: { type: "bool", default: "false", doc: "accepted for Click's configurations" },
} as const;

/**
 * Pulls packets and sends them to a device; a push input sends what it gets at once.
 *
 * Packets start with the device's link-layer header. While the device is full no packets are pulled, so they wait
 * in the Queue upstream; with a push input, what a full device does not take is dropped.
 *
 * @input 0 packets to send, pull or push
 * @see FromDevice, ToDump
 */
export class ToDevice extends Element {
  static readonly spec = {
    ports: "1/0",
    processing: "a",
    args,
    counters: { count: "packets given to the device" },
    drops: {
      full: "the device was full, or the router stood still, and the packet was pushed, so it could not wait",
    },
    handlers: {
      device: { read: true, doc: "the device's own totals, a line each: name, value" },
      down: { read: true, doc: "why the device does not work; empty while it does" },
      mtu: { read: true, doc: "bytes of the largest IP packet that the device carries now" },
    },
  } as const satisfies ElementSpec;

  #name = "";
  #burst = 64;
  /** Packets pulled next: where the device has no room for more, they are better off where they wait for their turn. */
  #next = 64;
  #device: Device | null = null;
  #task: Task | null = null;
  #signal: Signal | null = null;
  /** Packets pulled that the device had no room for. */
  #waiting: Batch | null = null;
  readonly #mtuListeners = listenersOf<[mtu: number]>(this, "the MTU");
  #unfollow: (() => void) | null = null;

  override offers(): Partial<Offers> {
    return { ToDevice: this };
  }

  override configure(values: ArgValues<typeof args>): void {
    this.#name = values.DEVNAME;
    this.#burst = values.BURST;
    this.#next = values.BURST;
  }

  override initialize(errors: ErrorSink): void {
    try {
      this.#device = this.router.devices.open(this.#name, this.memory, { sendOnly: true });
    } catch (e) {
      errors.error((e as Error).message);
      return;
    }
    const tell = (mtu: number): void => this.#mtuListeners.tell(mtu);
    tell(this.#device.mtu);
    this.#unfollow = this.#device.onMtu?.(tell) ?? null;
    if (!this.isPullInput(0)) return;
    this.#waiting = this.router.batches.acquire();
    this.#task = this.newTask(() => this.#run());
    this.#signal = upstreamEmptySignal(this, 0, this.#task);
    this.#task.reschedule();
  }

  override takeState(old: Element): void {
    if (!(old instanceof ToDevice) || old.#name !== this.#name) return;
    this.memory.u8.copyWithin(this.state, old.state, old.stateArea);
    if (this.#waiting === null || old.#waiting === null) return;
    [this.#waiting, old.#waiting] = [old.#waiting, this.#waiting];
    if (this.#waiting.count > 0) this.#task!.reschedule();
  }

  override cleanup(_stage: CleanupStage): void {
    if (this.#waiting !== null) this.router.batches.release(this.#waiting);
    this.#waiting = null;
    this.#unfollow?.();
    this.#device = null;
  }

  followMtu(listener: (mtu: number) => void): void {
    this.#mtuListeners.add(listener);
    if (this.#device !== null) listener(this.#device.mtu);
  }

  override push(_port: number, batch: Batch): void {
    // What goes on in Node's turns may come here while the router stands still.
    if (!this.router.driver.paused) this.memory.add64(this.state, this.#device!.send(batch));
    this.memory.add64(this.state + 8, batch.count);
    batch.kill();
  }

  #run(): boolean {
    const batch = this.#waiting!;
    const device = this.#device!;
    if (batch.count === 0) this.inputs[0].pull(batch, this.#next);
    if (batch.count === 0) {
      if (this.#signal!.active) this.#task!.reschedule();
      return false;
    }
    const sent = device.send(batch);
    this.memory.add64(this.state, sent);
    if (batch.count === 0) {
      this.#next = Math.min(this.#burst, this.#next * 2);
      this.#task!.reschedule();
    } else {
      this.#next = Math.max(1, sent);
      device.armSend(() => {
        this.#task?.reschedule();
        this.router.driver.wake();
      });
    }
    return true;
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      device: { read: () => countersText(this.#device?.counters() ?? {}) },
      down: { read: () => this.#device?.down ?? "" },
      mtu: { read: () => this.#device?.mtu ?? 0 },
    };
  }
}
