// What stands between the control elements of the world under hostile messages: watchers before them, a wire behind.

import { type Batch, Element, type ElementSpec, type ErrorSink, Packet } from "../../../src/index.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { decodeLispControl, type LispControlMessage } from "../../../src/wire/lisp-control/message.js";
import { readUdpPacket, type UdpPacket } from "../../../src/wire/udp-packet.js";

const args = {
  OF: { type: "element", positional: true, required: true, doc: "the element that it stands before" },
  PASSED: { type: "element", many: true, doc: "the Watched that it passes on to what is not for it" },
  EXACT: { type: "bool", default: "false", doc: "it counts each packet once, not at least once" },
} as const;

/** Sees to it that no packet disappears in the element behind it without a counter or a drop reason. */
export class Watched extends Element {
  static readonly spec = { ports: "1/1", processing: "h/h", args } as const satisfies ElementSpec;
  #of: Element | null = null;
  #exact = false;
  #counters: readonly number[] = [];
  #passed: readonly Watched[] = [];
  packets = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.OF instanceof Element) this.#of = values.OF;
    else errors.error("OF is no element");
    this.#exact = values.EXACT;
    this.#passed = values.PASSED.filter((e) => e instanceof Watched);
  }

  get of(): Element {
    return this.#of!;
  }

  override push(_port: number, batch: Batch): void {
    const { count } = batch;
    const before = this.#tally();
    this.packets += count;
    this.outputs[0].push(batch);
    const counted = this.#tally() - before;
    if (counted < count || (this.#exact && counted > count))
      throw new Error(`${this.of.name} took ${count} packets and counted ${counted}`);
  }

  /** All that its counters and drops come to, and what it passed on. */
  #tally(): number {
    const { of } = this;
    if (this.#counters.length === 0)
      this.#counters = Object.keys({ ...of.spec.counters, ...of.spec.drops }).map((name) =>
        of.counterAddress(name),
      );
    let sum = 0;
    for (const other of this.#passed) sum += other.packets;
    for (const address of this.#counters) sum += this.memory.get64(address);
    return sum;
  }
}

export interface OnWire extends UdpPacket {
  readonly bytes: Uint8Array;
  readonly message: LispControlMessage;
}

/** Keeps what the control elements send until it is delivered. All of that must be whole packets and messages. */
export class Wire extends Element {
  static readonly spec = { ports: "-/0", processing: "h" } as const satisfies ElementSpec;
  readonly waiting: OnWire[] = [];
  readonly #packet = new Packet(this.memory);
  packets = 0;

  override push(_port: number, batch: Batch): void {
    for (let i = 0; i < batch.count; i++) {
      const bytes = Uint8Array.from(this.#packet.at(batch.at(i)).bytes());
      const datagram = readUdpPacket(bytes);
      this.packets++;
      this.waiting.push({ ...datagram, bytes, message: decodeLispControl(datagram.payload) });
    }
    batch.kill();
  }
}
