// The lines between the ports of a switch, as its element sees them: assembly/lines.ts moves the packets.

import * as layout from "../../assembly/lines-layout.js";
import { BATCH_MAX, type Batch } from "./batch.js";
import { MemoryError, type PacketMemory } from "./memory.js";

/** What happens to packets on a line. Times in seconds. */
export interface Path {
  readonly delay: number;
  /** Up to this much is added to the delay of each packet; packets keep their order. */
  readonly jitter: number;
  /** Share of packets lost, 0 to 1. */
  readonly loss: number;
  /** None arrives. */
  readonly cut: boolean;
}

export interface LineCounts {
  readonly packets: number;
  readonly lost: number;
  /** Lost while the line was cut. */
  readonly down: number;
  /** Lost because too many were on their way. */
  readonly no_room: number;
}

/** A line that was made: it was set, or has been used. */
export interface LineView {
  readonly path: Path;
  /** Whether it was set; else it does what all others do. */
  readonly own: boolean;
  readonly counts: LineCounts;
}

/** Ports whose index of pairs has a size that is not out of all proportion: 64 MB. */
export const MAX_LINE_PORTS = 4096;

export class Lines {
  readonly #memory: PacketMemory;
  /** Address of the lines, for the kernels. */
  readonly address: number;
  #names: readonly string[];

  /** `seed`: two words, from which each line has its own random numbers. Throws MemoryError. */
  constructor(memory: PacketMemory, names: readonly string[], seed: readonly [number, number]) {
    this.#memory = memory;
    this.#names = names;
    this.address = memory.alloc(layout.LINES_SIZE);
    this.#set(layout.LINES_SEED, seed[0]);
    this.#set(layout.LINES_SEED + 4, seed[1]);
    this.#set(layout.LINES_COMMON + layout.LINE_PATH, this.address + layout.LINES_OTHERS);
    this.#makePorts(names);
    if (!memory.kernels.linesRoom(this.address))
      throw new MemoryError("the router's memory has no room for lines: make it larger");
  }

  #makePorts(names: readonly string[]): void {
    const memory = this.#memory;
    const records = memory.alloc(names.length * layout.RECORD_SIZE);
    const index = memory.kernels.heapAlloc(names.length ** 2 * 4) >>> 0;
    if (index === 0) {
      memory.free(records, names.length * layout.RECORD_SIZE);
      throw new MemoryError(
        `the router's memory has no room for the pairs of ${names.length} ports: make it larger`,
      );
    }
    for (const [port, name] of names.entries())
      memory.view.setBigUint64(records + port * layout.RECORD_SIZE + layout.RECORD_NAME, hash(name), true);
    this.#set(layout.LINES_INDEX, index);
    this.#set(layout.LINES_RECORDS, records);
    this.#set(layout.LINES_PORTS, names.length);
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** Lines with packets on them. */
  get busy(): number {
    return this.#get(layout.LINES_BUSY);
  }

  get made(): number {
    return this.#get(layout.LINES_MADE);
  }

  /** Packets on their way. */
  get held(): number {
    let total = 0;
    for (let i = 0; i < this.busy; i++) {
      const line = this.#memory.get32(this.#busyAt(i) + layout.BUSY_LINE);
      total += this.#memory.get32(line + layout.LINE_HELD);
    }
    return total;
  }

  /** Steady nanosecond at which the next packet arrives; Infinity when none is on its way. */
  get next(): number {
    if (this.busy === 0) return Number.POSITIVE_INFINITY;
    return this.#memory.view.getFloat64(this.#busyAt(0) + layout.BUSY_ARRIVAL, true);
  }

  /** Fills `batch` with packets that have arrived; the output of each is in its SLOT_PORT. */
  due(batch: Batch, now: number): void {
    batch.count = this.#memory.kernels.linesDue(this.address, batch.address, BATCH_MAX, now);
  }

  /** What lines do that were not set. */
  get others(): Path {
    return this.#path(this.address + layout.LINES_OTHERS);
  }
  set others(path: Path) {
    this.#setPath(this.address + layout.LINES_OTHERS, path);
  }

  /** Lets the line from one port to another do something of its own; null: what all others do. Throws MemoryError. */
  set(from: number, to: number, path: Path | null): void {
    const memory = this.#memory;
    if (path === null && memory.get32(this.#place(from, to)) === 0) return;
    const line = memory.kernels.lineOf(this.address, from, to) >>> 0;
    if (line === 0) throw new MemoryError("the router's memory has no room for another line: make it larger");
    const own = line + layout.LINE_OWN;
    if (path !== null) this.#setPath(own, path);
    memory.set32(line + layout.LINE_PATH, path === null ? this.address + layout.LINES_OTHERS : own);
  }

  /** The line from one port to another; null while it was neither set nor used. */
  line(from: number, to: number): LineView | null {
    const memory = this.#memory;
    const line = memory.get32(this.#place(from, to));
    if (line === 0) return null;
    return {
      path: this.#path(memory.get32(line + layout.LINE_PATH)),
      own: this.#isOwn(line),
      counts: {
        packets: memory.get64(line + layout.LINE_PACKETS),
        lost: memory.get64(line + layout.LINE_LOSSES),
        down: memory.get64(line + layout.LINE_DOWNS),
        no_room: memory.get64(line + layout.LINE_OVERRUNS),
      },
    };
  }

  /**
   * Gives the ports other names. Lines between ports that stay are kept, with their packets; those on lines from or to a
   * port that goes are given back. Returns how many, and the new number of each old port, -1 for one that goes. Throws
   * MemoryError; the ports are then as they were.
   */
  rename(names: readonly string[]): { readonly lost: number; readonly renumbered: readonly number[] } {
    const memory = this.#memory;
    const before = this.#names;
    const renumbered = before.map((name) => names.indexOf(name));
    if (names.length === before.length && renumbered.every((to, from) => to === from))
      return { lost: 0, renumbered };
    const index = this.#get(layout.LINES_INDEX);
    const records = this.#get(layout.LINES_RECORDS);
    this.#makePorts(names);
    let lost = 0;
    // Those that go are taken off the records of the ports as they were.
    for (const stays of [false, true])
      for (let i = 0; this.made > 0 && i < before.length ** 2; i++) {
        const line = memory.get32(index + i * 4);
        const [from, to] = [renumbered[Math.floor(i / before.length)], renumbered[i % before.length]];
        if (line === 0 || stays !== (from >= 0 && to >= 0)) continue;
        if (stays) this.#renumber(line, from, to);
        else lost += memory.kernels.lineRemove(this.address, line);
      }
    memory.free(index, before.length ** 2 * 4);
    memory.free(records, before.length * layout.RECORD_SIZE);
    this.#names = names;
    return { lost, renumbered };
  }

  #renumber(line: number, from: number, to: number): void {
    const memory = this.#memory;
    memory.u16[(line + layout.LINE_FROM) >>> 1] = from;
    memory.u16[(line + layout.LINE_TO) >>> 1] = to;
    memory.set32(this.#place(from, to), line);
    const held = this.#get(layout.LINES_RECORDS) + from * layout.RECORD_SIZE + layout.RECORD_HELD;
    memory.set32(held, memory.get32(held) + memory.get32(line + layout.LINE_HELD));
  }

  /** Gives all its memory back, and the packets on their way. */
  destroy(): void {
    const ports = this.#names.length;
    this.#memory.kernels.linesFree(this.address);
    this.#memory.free(this.#get(layout.LINES_INDEX), ports ** 2 * 4);
    this.#memory.free(this.#get(layout.LINES_RECORDS), ports * layout.RECORD_SIZE);
    this.#memory.free(this.address, layout.LINES_SIZE);
  }

  #get(field: number): number {
    return this.#memory.get32(this.address + field);
  }

  #set(field: number, value: number): void {
    this.#memory.set32(this.address + field, value);
  }

  #busyAt(i: number): number {
    return this.#get(layout.LINES_HEAP) + i * layout.BUSY_SIZE;
  }

  #place(from: number, to: number): number {
    return this.#get(layout.LINES_INDEX) + (from * this.#get(layout.LINES_PORTS) + to) * 4;
  }

  #isOwn(line: number): boolean {
    return this.#memory.get32(line + layout.LINE_PATH) === line + layout.LINE_OWN;
  }

  #path(at: number): Path {
    const { view } = this.#memory;
    return {
      delay: view.getFloat64(at + layout.PATH_DELAY, true) / 1e9,
      jitter: view.getFloat64(at + layout.PATH_JITTER, true) / 1e9,
      loss: view.getFloat64(at + layout.PATH_LOSS, true),
      cut: this.#memory.get32(at + layout.PATH_CUT) !== 0,
    };
  }

  #setPath(at: number, { delay, jitter, loss, cut }: Path): void {
    const { view } = this.#memory;
    view.setFloat64(at + layout.PATH_DELAY, Math.round(delay * 1e9), true);
    view.setFloat64(at + layout.PATH_JITTER, Math.round(jitter * 1e9), true);
    view.setFloat64(at + layout.PATH_LOSS, loss, true);
    this.#memory.set32(at + layout.PATH_CUT, cut ? 1 : 0);
  }
}

/** FNV-1a, 64 bits. */
function hash(text: string): bigint {
  let value = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  return value;
}
