// Links inside the process: a pair of devices, what one sends the other
// receives, with delay, jitter, loss and rate. Time and random numbers come
// from outside, so under a simulated clock a run is the same every time.

import { inspect } from "node:util";
import { SLOT_DATA, SLOT_LENGTH, SLOT_PACKET_TYPE } from "../../assembly/layout.js";
import {
  checkOptions,
  FUNCTION,
  having,
  type Kind,
  OPTIONS,
  oneOf,
  pair,
  real,
  TEXT,
  whole,
} from "../options.js";
import { BATCH_MAX, type Batch } from "../packet/batch.js";
import { type PacketMemory, STAGE_BYTES } from "../packet/memory.js";
import { timestampHigh, timestampLow } from "../packet/timestamp.js";
import { type Clock, RealClock, wallTime } from "../router/clock.js";
import type { Device } from "../router/device.js";
import { KernelAlarms } from "./alarms.js";
import { newTotals, type Totals } from "./counters.js";
import { Line, type LineOptions, realSchedule } from "./line.js";
import { Wire, type WireReceiver, type WireSender } from "./wire.js";

export interface LinkOptions {
  /** Time between the last bit sent and the last bit received, seconds. Default 0. */
  readonly delay?: number;
  /** Up to this much is added to the delay of each packet, seconds; packets keep their order. Default 0. */
  readonly jitter?: number;
  /** Share of packets lost, 0 to 1. Default 0. */
  readonly loss?: number;
  /** Bits per second of the packets as they are in memory. Default: no limit. */
  readonly rate?: number;
  /** With a rate: packets that wait for their transmission. When it is full the link takes no more. Default 100. */
  readonly queue?: number;
  /** Packets and bytes on their way, in each direction; what exceeds them is lost. Defaults 8,192 and 4 MiB. */
  readonly flight?: { readonly packets?: number; readonly bytes?: number };
  /** Largest network-layer packet, bytes. Default 1,500. */
  readonly mtu?: number;
  readonly linkType?: "ethernet" | "ip";
  /** Names of the ends. */
  readonly names?: readonly [string, string];
  /** Hardware addresses of the ends. Default 02:00:00:00:00:01 and :02. */
  readonly macs?: readonly [Uint8Array, Uint8Array];
  /** Uniform in [0, 1), for what `end` sends. Needed for loss and jitter under a simulated clock. Default Math.random. */
  readonly random?: (end: 0 | 1) => number;
  /** Default: real time. */
  readonly clock?: Clock;
  /**
   * Calls `run` when the clock shows steady nanosecond `at`, later than this call returns; `end` (0 or 1) is the
   * end that will then have something to do. Default, for real time: Node's timers.
   */
  readonly schedule?: (at: number, run: () => void, end: 0 | 1) => void;
}

const DEFAULT_MACS: readonly [Uint8Array, Uint8Array] = [
  Uint8Array.of(2, 0, 0, 0, 0, 1),
  Uint8Array.of(2, 0, 0, 0, 0, 2),
];

const NO_MAC = new Uint8Array(6);

const MAC: Kind = { words: "6 bytes", is: (v) => v instanceof Uint8Array && v.length === 6 };

const OPTION_KINDS: Readonly<Record<keyof LinkOptions, Kind>> = {
  delay: real(0),
  jitter: real(0),
  loss: real(0, 1),
  rate: { words: "a number of at least 0, or Infinity", is: (v) => typeof v === "number" && v >= 0 },
  queue: whole(0),
  flight: OPTIONS,
  mtu: whole(0),
  linkType: oneOf("ethernet", "ip"),
  names: pair(TEXT),
  macs: pair(MAC),
  random: FUNCTION,
  clock: having("a clock", "now", "delay"),
  schedule: FUNCTION,
};

/** Makes a link and returns its two ends. Throws OptionError. */
export function makeLink(options: LinkOptions = {}): readonly [LinkDevice, LinkDevice] {
  checkOptions("makeLink", options, OPTION_KINDS);
  const { loss = 0, jitter = 0, clock = new RealClock(new KernelAlarms()), flight = {} } = options;
  checkOptions("makeLink: flight", flight, { packets: whole(1), bytes: whole(1) });
  if (!(clock instanceof RealClock)) {
    const needed = ["schedule", ...(loss > 0 || jitter > 0 ? ["random"] : [])];
    checkOptions("makeLink with a clock of its own", options, OPTION_KINDS, needed);
  }
  const wires = [0, 1].map(() => new Wire(flight.packets ?? 8192, flight.bytes ?? 4 * 2 ** 20));
  const a = new LinkDevice(0, clock, options, wires[0], wires[1]);
  const b = new LinkDevice(1, clock, options, wires[1], wires[0]);
  a.join(b);
  b.join(a);
  return [a, b];
}

/** What one end of a link knows of the other. */
export interface FarEnd {
  /** Closed for good. */
  readonly closed: boolean;
  /** No router has it at the moment, or it is closed. */
  readonly gone: boolean;
  /** Packets were sent to it. */
  expect(): void;
}

/** One end of a link. Its memory is that of the batches it is given. */
export class LinkDevice implements Device, FarEnd {
  readonly name: string;
  /** May be set before a router has it. */
  mac: Uint8Array | null;
  readonly linkType: "ethernet" | "ip";
  readonly mtu: number;
  readonly #end: 0 | 1;
  readonly #clock: Clock;
  readonly #schedule: (at: number, run: () => void, end: 0 | 1) => void;
  readonly #random: () => number;
  #loss: number;
  readonly #out: WireSender;
  readonly #in: WireReceiver;
  readonly #line: Line;
  #peer: FarEnd = this;
  #wake: (() => void) | null = null;
  #wakeAt = Number.POSITIVE_INFINITY;
  #wakeSend: (() => void) | null = null;
  #closed = false;
  /** No router has it at the moment: what comes is lost. */
  #released = false;
  /** The other end gets nothing from this one. */
  #cut = false;
  readonly #totals: Totals & { tx_lost: number; tx_overrun: number; rx_released: number } = {
    ...newTotals(),
    /** By the link's own loss. */
    tx_lost: 0,
    /** More on their way than `flight` allows. */
    tx_overrun: 0,
    /** Had arrived, or were on their way, when the router that had this end left it. */
    rx_released: 0,
  };
  readonly #due = (): void => {
    if (this.#clock.now() < this.#wakeAt) return; // an earlier packet was announced since
    this.#wakeAt = Number.POSITIVE_INFINITY;
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  };
  readonly #sendDue = (): void => {
    const wake = this.#wakeSend;
    this.#wakeSend = null;
    wake?.();
  };

  constructor(end: 0 | 1, clock: Clock, options: LinkOptions, out: WireSender, into: WireReceiver) {
    this.#end = end;
    this.#clock = clock;
    this.name = options.names?.[end] ?? `link${end}`;
    this.linkType = options.linkType ?? "ethernet";
    this.mac = this.linkType === "ip" ? null : (options.macs ?? DEFAULT_MACS)[end];
    this.mtu = options.mtu ?? 1500;
    this.#schedule = options.schedule ?? ((at, run) => realSchedule(clock as RealClock, at, run));
    const { random = Math.random } = options;
    this.#random = () => random(end);
    this.#loss = options.loss ?? 0;
    this.#line = new Line(options, this.#random);
    this.#out = out;
    this.#in = into;
  }

  /** Joins the two ends; done once. */
  join(peer: FarEnd): void {
    this.#peer = peer;
  }

  [inspect.custom](): string {
    return `LinkDevice { ${this.name}${this.#closed ? ", closed" : ""} }`;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get gone(): boolean {
    return this.#closed || this.#released;
  }

  /** Packets that the other end has sent and this one has not received yet. */
  get pending(): number {
    return this.#in.packets;
  }

  get down(): string | null {
    if (this.#closed) return `${this.name} is closed`;
    return this.#peer.closed ? `${this.name} is down: the other end was closed` : null;
  }

  /** From now on packets sent from this end meet these; `cut`: none arrives. Those on their way are not touched. */
  impair(options: LineOptions & { readonly loss?: number }, cut = false): void {
    this.#line.change(options);
    this.#loss = options.loss ?? 0;
    this.#cut = cut;
  }

  /** Leaves the router that has it, for another to take; what comes meanwhile is lost. */
  release(): void {
    if (this.#closed) return;
    this.#released = true;
    this.#wake = this.#wakeSend = null;
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#totals.rx_released += this.#in.packets;
    this.#in.clear();
  }

  receive(batch: Batch, max: number): number {
    const wire = this.#in;
    if (this.#closed || wire.packets === 0) return 0;
    const memory = this.bind(batch.memory);
    const now = this.#clock.now();
    const before = batch.count;
    const limit = Math.min(before + max, BATCH_MAX);
    while (batch.count < limit) {
      const arrival = wire.nextArrival;
      if (arrival > now) break;
      // As many as arrived at that moment, there is room for, and fit the staging area. Their lengths go where the
      // packets will stand.
      const most = Math.min(limit - batch.count, wire.packets);
      const lengths = (batch.address >>> 2) + batch.count;
      let n = 0;
      let bytes = 0;
      for (; n < most && wire.arrival(n) === arrival; n++) {
        const length = wire.length(n);
        if (bytes + length > STAGE_BYTES) break;
        memory.u32[lengths + n] = length;
        bytes += length;
      }
      if (n === 0) break;
      wire.read(memory.u8, memory.stage, bytes);
      this.#load(batch, n, bytes, arrival);
      wire.remove(n, bytes);
    }
    return batch.count - before;
  }

  send(batch: Batch): number {
    const memory = this.bind(batch.memory);
    const { u32, u8, stage } = memory;
    const now = this.#clock.now();
    /** The first packet whose bytes are not in the staging area yet; how many bytes are. */
    let next = 0;
    let staged = 0;
    /** Bytes from `next` on. */
    let waiting = 0;
    let taken = 0;
    for (; taken < batch.count; taken++) {
      const slot = batch.at(taken);
      const length = u32[(slot + SLOT_LENGTH) >>> 2];
      const carried = this.#carries(memory, slot, length);
      if (carried && !this.#line.admits(now)) break;
      const arrival = carried ? this.#line.transmit(now, length) : 0;
      if (!carried || this.#lost(length)) {
        staged += this.#stage(batch, next, taken, stage + staged);
        waiting = 0;
        next = taken + 1;
        continue;
      }
      if (staged + waiting + length > STAGE_BYTES) {
        staged += this.#stage(batch, next, taken, stage + staged);
        this.#out.write(u8, stage, staged);
        staged = waiting = 0;
        next = taken;
      }
      waiting += length;
      this.#out.announce(length, u8[slot + SLOT_PACKET_TYPE], arrival);
      this.#totals.tx_packets++;
      this.#totals.tx_bytes += length;
    }
    staged += this.#stage(batch, next, taken, stage + staged);
    if (staged > 0) this.#out.write(u8, stage, staged);
    if (taken > 0) {
      memory.kernels.batchTaken(batch.address, batch.count, taken);
      batch.count -= taken;
    }
    this.#peer.expect();
    return taken;
  }

  /** Lays the bytes of the packets `from` to `to` of `batch` at `at`; returns how many. */
  #stage(batch: Batch, from: number, to: number, at: number): number {
    return to > from ? batch.memory.kernels.linkSend(batch.address + from * 4, to - from, at) : 0;
  }

  /** Whether a packet of `length` bytes is lost on the way: by the link's own loss, or for lack of room. */
  #lost(length: number): boolean {
    if (this.#loss > 0 && this.#random() < this.#loss) {
      this.#totals.tx_lost++;
      return true;
    }
    if (this.#out.fits(length)) return false;
    this.#totals.tx_overrun++;
    return true;
  }

  arm(wake: () => void): void {
    if (this.#closed) return;
    this.#released = false;
    this.#wake = wake;
    this.expect();
  }

  armSend(wake: () => void): void {
    const asked = this.#wakeSend !== null;
    this.#wakeSend = wake;
    if (asked) return;
    this.#schedule(this.#line.roomAt(this.#clock.now()), this.#sendDue, this.#end);
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#totals };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake = this.#wakeSend = null;
  }

  /** Takes what it needs of `memory`; done when it is first used, if not before. Throws MemoryError. */
  bind(memory: PacketMemory): PacketMemory {
    this.#released = false;
    memory.reserveStage();
    return memory;
  }

  /** Sees to it that this end is woken when its next packet arrives. */
  expect(): void {
    if (this.#wake === null) return;
    const at = this.#in.nextArrival;
    if (at >= this.#wakeAt) return;
    this.#wakeAt = at;
    this.#schedule(at, this.#due, this.#end);
  }

  #carries(memory: PacketMemory, slot: number, length: number): boolean {
    if (this.#closed || this.#cut || this.#peer.gone) {
      this.#totals.tx_down++;
      return false;
    }
    let header = 0;
    if (this.linkType === "ethernet") {
      header = 14;
      const type = memory.u32[(slot + SLOT_DATA) >>> 2] + 12;
      if (length >= 18 && memory.u8[type] === 0x81 && memory.u8[type + 1] === 0) header = 18; // a VLAN tag
    }
    if (length > header + this.mtu) {
      this.#totals.tx_too_big++;
      return false;
    }
    return true;
  }

  /** Makes packets of `batch` of the `n` whose lengths stand behind it and whose bytes in the staging area. */
  #load(batch: Batch, n: number, bytes: number, arrival: number): void {
    const { memory } = batch;
    const { kernels } = memory;
    const { seconds, nanoseconds } = wallTime(this.#clock, arrival);
    const at = batch.address + batch.count * 4;
    const mac = this.mac ?? NO_MAC;
    const counts = kernels.linkReceive(
      at,
      n,
      memory.stage,
      this.mac === null ? 0 : 1,
      mac[0] | (mac[1] << 8) | (mac[2] << 16) | (mac[3] << 24),
      mac[4] | (mac[5] << 8),
      timestampLow(seconds, nanoseconds),
      timestampHigh(seconds, nanoseconds),
    );
    const made = counts & 511;
    this.#totals.rx_no_slot += (counts >>> 9) & 511;
    this.#totals.rx_too_big += counts >>> 18;
    this.#totals.rx_packets += made;
    this.#totals.rx_bytes += made === n ? bytes : kernels.batchBytes(at, made);
    batch.count += made;
  }
}
