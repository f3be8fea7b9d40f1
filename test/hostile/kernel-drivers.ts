// The common forms of kernels, as drivers for hostile rounds.

import * as forward from "../../assembly/forward-layout.js";
import * as layout from "../../assembly/layout.js";
import type { Driver, Outcome, Room } from "./kernel-room.js";

export type Kernel = (...numbers: number[]) => number;

export function kernel(room: Room, name: string): Kernel {
  return (room.kernels as unknown as Record<string, Kernel>)[name];
}

export function stays(values: readonly number[] = []): (count: number) => Outcome {
  return (count) => ({ kept: count, moved: 0, values });
}

/**
 * A kernel (state, batch, count, out) -> good count, whose state begins with a counter for each of `reasons`.
 * The counters must say how many went out, reason by reason. `setUp` fills the rest of the state.
 */
export function divides(
  name: string,
  size: number,
  reasons: number,
  setUp?: (room: Room, state: number) => void,
): Driver {
  return (room, count) => {
    const { memory } = room;
    const state = room.state(size);
    setUp?.(room, state);
    const good = kernel(room, name)(state, room.batch, count, room.out) >>> 0;
    if (good > count) throw new Error(`${good} good packets of ${count}`);
    const told = new Array<number>(reasons).fill(0);
    for (let i = 0; i < count - good; i++) {
      const reason = memory.u16[(memory.get32(room.out + i * 4) + layout.SLOT_REASON) >>> 1];
      if (reason >= reasons) throw new Error(`reason ${reason} of ${reasons}`);
      told[reason]++;
    }
    for (let r = 0; r < reasons; r++) {
      const counted = memory.get64(state + r * 8);
      if (counted !== told[r])
        throw new Error(`counted ${counted} packets for reason ${r}, rejected ${told[r]}`);
    }
    return { kept: good, moved: count - good };
  };
}

/** A kernel (state, batch, count, out) -> good count that counts what it rejects at the start of its state. */
export function splits(name: string, size: number, setUp?: (room: Room, state: number) => void): Driver {
  return (room, count) => {
    const state = room.state(size);
    setUp?.(room, state);
    const good = kernel(room, name)(state, room.batch, count, room.out) >>> 0;
    if (room.memory.get64(state) !== count - good) throw new Error("drops not counted");
    return { kept: good, moved: count - good };
  };
}

/** A kernel (numbers..., drops, batch, count) -> kept that gives what it drops back to the pool and counts it at `drops`. */
export function drops(name: string, numbers: (room: Room) => readonly number[] = () => []): Driver {
  return (room, count) => {
    const counter = room.state(8);
    const kept = kernel(room, name)(...numbers(room), counter, room.batch, count) >>> 0;
    if (room.memory.get64(counter) !== count - kept) throw new Error("drops not counted");
    return { kept, moved: 0, given: count - kept };
  };
}

export function encapArea(room: Room): number {
  const { memory } = room;
  const area = room.state(forward.ENCAP_SIZE);
  for (let i = 0; i < 28; i++) memory.u8[area + i] = room.random.below(256);
  memory.set32(area + forward.ENCAP_ID, room.random.u32());
  memory.set32(area + forward.ENCAP_USE_ANNO, room.random.below(2));
  memory.set32(area + forward.ENCAP_CHECKSUM, room.random.below(2));
  return area;
}

/** A kernel that works on the batch in place and takes further numbers. */
export function inPlace(name: string, numbers: (room: Room) => readonly number[] = () => []): Driver {
  return (room, count) => {
    const value = kernel(room, name)(room.batch, count, ...numbers(room));
    return stays([value])(count);
  };
}

/** A kernel on one slot. */
export function each(name: string): Driver {
  return (room, count) => {
    const values: number[] = [];
    for (let i = 0; i < count; i++) values.push(kernel(room, name)(room.at(i)));
    return stays(values)(count);
  };
}

export function draw(room: Room, ...choices: readonly number[]): number {
  return choices[room.random.below(choices.length)];
}

/** An offset into packets, sensible or not. */
export function offset(room: Room): number {
  return draw(room, 0, 0, 14, 1, 20, 40, 2047, 2048, 0x7ffffff0, 0xfffffff0, room.random.below(128));
}

export function addressList(room: Room, width: number, n: number): number {
  const list = room.state(n * width);
  for (let i = 0; i < n * width; i++) room.memory.u8[list + i] = draw(room, 0, 10, 192, 255, 1);
  return list;
}

export function lookup(family: 4 | 6, name: string): Driver {
  return (room, count) => {
    const { kernels, memory } = room;
    const table = family === 4 ? kernels.lpm4Create() : kernels.lpm6Create();
    const key = room.state(16);
    for (let n = room.random.below(200); n > 0; n--) {
      for (let i = 0; i < 16; i++) memory.u8[key + i] = draw(room, 0, 10, 32, 192, 255);
      const value = 1 + room.random.below(1e6);
      if (family === 4) kernels.lpm4Insert(table, memory.view.getUint32(key), room.random.below(33), value);
      else kernels.lpm6Insert(table, key, room.random.below(129), value);
    }
    kernel(room, name)(table, room.batch, count);
    if (family === 4) kernels.lpm4Destroy(table);
    else kernels.lpm6Destroy(table);
    return stays()(count);
  };
}
