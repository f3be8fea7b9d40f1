// What the hostile runs find out: kernels that go wrong on purpose.

import { test } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../assembly/layout.js";
import { SeededRandom } from "../../src/router/random.js";
import { bufferOf } from "../slot-canary.js";
import { HostilePackets, LONGEST } from "./generator.js";
import { type Driver, KernelTrial, type Room } from "./kernel-room.js";

/** What is wrong with a kernel that does `harm` to each packet. */
function found(harm: (room: Room, slot: number, i: number) => void): string {
  const drive: Driver = (room, count) => {
    for (let i = 0; i < count; i++) harm(room, room.at(i), i);
    return { kept: count, moved: 0 };
  };
  return problem(drive);
}

function problem(drive: Driver): string {
  const random = new SeededRandom(7);
  const trial = new KernelTrial(new HostilePackets(random), random, 512);
  try {
    for (let i = 0; i < 10; i++) trial.round(drive);
    return "nothing";
  } catch (e) {
    return e instanceof Error ? e.message : String(e);
  }
}

function data(room: Room, slot: number): number {
  return room.memory.get32(slot + layout.SLOT_DATA);
}

function end(room: Room, slot: number): number {
  return data(room, slot) + room.memory.get32(slot + layout.SLOT_LENGTH);
}

function bufferEnd(room: Room, slot: number): number {
  return bufferOf(room.memory, slot)[1];
}

test("a kernel that does nothing wrong passes", () => {
  assert.is(
    found(() => {}),
    "nothing",
  );
});

test("a byte written before or after the slot is found", () => {
  assert.match(
    found((room, slot) => room.memory.u8.fill(1, bufferEnd(room, slot), bufferEnd(room, slot) + 1)),
    /neighbouring slot/,
  );
  assert.match(
    found((room, slot) => room.memory.u8.fill(1, slot - 1, slot)),
    /neighbouring slot/,
  );
});

test("a byte written beside the state is found", () => {
  assert.match(
    found((room) => room.memory.u8.fill(1, room.state(20) + 32, room.state(20) + 33)),
    /block of the heap/,
  );
  assert.match(
    found((room) =>
      room.memory.u8.fill(1, room.out + layout.BATCH_MAX * 4, room.out + layout.BATCH_MAX * 4 + 1),
    ),
    /block of the heap/,
  );
});

test("a write through a null pointer is found", () => {
  assert.match(
    found((room) => room.memory.u8.fill(1, 8, 9)),
    /address 8/,
  );
});

test("a byte read behind the data, or before it, is found", () => {
  const behind = found((room, slot) => {
    room.memory.u8[slot + layout.SLOT_PACKET_TYPE] =
      end(room, slot) < bufferEnd(room, slot) ? room.memory.u8[end(room, slot)] : 0;
  });
  assert.match(behind, /read outside/);
  const before = found((room, slot) => {
    room.memory.u8[slot + layout.SLOT_PACKET_TYPE] =
      data(room, slot) > bufferOf(room.memory, slot)[0] ? room.memory.u8[data(room, slot) - 1] : 0;
  });
  assert.match(before, /read outside/);
});

test("a result that depends on bytes outside the data is found", () => {
  const drive: Driver = (room, count) => ({
    kept: count,
    moved: 0,
    values: [count > 0 ? room.memory.u8[data(room, room.at(0)) - 1] : 0],
  });
  assert.match(problem(drive), /returned/);
});

test("a packet that grows into bytes it does not write is found", () => {
  const grown = found((room, slot) => {
    if (end(room, slot) < bufferEnd(room, slot))
      room.memory.set32(slot + layout.SLOT_LENGTH, room.memory.get32(slot + layout.SLOT_LENGTH) + 1);
  });
  assert.match(grown, /read outside/);
});

test("data beyond the slot is found", () => {
  assert.match(
    found((room, slot) => room.memory.set32(slot + layout.SLOT_LENGTH, 1 << 20)),
    /of a buffer of/,
  );
});

test("a packet lost, kept twice or given back twice is found", () => {
  assert.match(
    problem((_, count) => ({ kept: Math.max(0, count - 1), moved: 0 })),
    /packets in/,
  );
  const twice: Driver = (room, count) => {
    if (count > 1) room.memory.set32(room.batch, room.at(1));
    return { kept: count, moved: 0 };
  };
  assert.match(problem(twice), /twice/);
  const given: Driver = (room, count) => {
    if (count > 0) room.kernels.poolGive(room.at(0));
    return { kept: count, moved: 0 };
  };
  assert.match(problem(given), /slots in use|twice/);
});

test("packets in another order are found", () => {
  const swapped: Driver = (room, count) => {
    const first = room.at(0);
    if (count > 1) {
      room.memory.set32(room.batch, room.at(1));
      room.memory.set32(room.batch + 4, first);
    }
    return { kept: count, moved: 0 };
  };
  assert.match(problem(swapped), /order/);
});

test("the same seed makes the same packets, of every length and kind", () => {
  const make = (seed: number): { lengths: Set<number>; hash: number; kinds: Set<number> } => {
    const source = new HostilePackets(new SeededRandom(seed));
    const lengths = new Set<number>();
    const kinds = new Set<number>();
    let hash = 0;
    for (let i = 0; i < 50_000; i++) {
      const length = source.next(LONGEST);
      lengths.add(length);
      kinds.add(source.bytes[0] >> 4);
      for (let at = 0; at < length; at += 16) hash = (Math.imul(hash, 31) + source.bytes[at]) | 0;
    }
    return { lengths, hash, kinds };
  };
  const first = make(1);
  assert.is(first.hash, make(1).hash);
  assert.is.not(first.hash, make(2).hash);
  for (let length = 0; length <= 128; length++) assert.ok(first.lengths.has(length), `length ${length}`);
  assert.ok(Math.max(...first.lengths) > 2000);
  assert.is(first.kinds.size, 16);
});

test.run();
