// The packet pool: packets of any size, as many as the memory has room for, and what becomes of those there is none for.

import { test } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../assembly/layout.js";
import { type MemoryOptions, PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import * as fc from "../property.js";
import { bufferOf, noMoreRoom } from "../slot-canary.js";

const MIB = 2 ** 20;

/** Takes packets for `length` bytes until there is no room; returns their slots. */
function takeAll(memory: PacketMemory, length: number): number[] {
  const taken: number[] = [];
  for (;;) {
    const slot = memory.kernels.poolTakeFor(length);
    if (slot === 0) return taken;
    taken.push(slot);
  }
}

test("a packet has room for what was asked, behind the usual headroom as far as that fits", () => {
  const memory = new PacketMemory({ bytes: 8 * MIB });
  const packet = new Packet(memory);
  for (const length of [
    0, 1, 1514, 1920, 1921, 2048, 9018, 16384, 32768, 65535, 65553, 66432, 66433, 66560,
  ]) {
    packet.at(memory.kernels.poolTakeFor(length));
    assert.ok(packet.headroom + packet.tailroom >= length, `${length}`);
    assert.is(packet.headroom, Math.min(128, 66560 - length));
    assert.ok(packet.pushBack(length));
    memory.kernels.poolGive(packet.slot);
  }
  assert.is(memory.longest, 66560);
  assert.is(memory.kernels.poolTakeFor(66561), 0);
  assert.is(memory.kernels.poolTakeFor(-1 >>> 0), 0);
  assert.is(memory.exhausted, 0, "no packet is so long: that is no lack of room");
  assert.is(memory.slotsUsed, 0);
});

test("a usual packet's buffer is its slot's own, and is so again after a large one", () => {
  const memory = new PacketMemory({ bytes: 4 * MIB });
  const slot = memory.kernels.poolTakeFor(9000);
  assert.ok(memory.get32(slot + layout.SLOT_OWNER) !== layout.OWNER_SLOT);
  memory.kernels.poolGive(slot);
  assert.is(memory.kernels.poolTake(), slot);
  assert.equal(bufferOf(memory, slot), [slot + layout.SLOT_META, slot + layout.SLOT_META + 2048]);
  assert.is(memory.get32(slot + layout.SLOT_OWNER), layout.OWNER_SLOT);
});

test("a large buffer that was given back serves the next large packet", () => {
  const memory = new PacketMemory({ bytes: 4 * MIB });
  const first = memory.kernels.poolTakeFor(65535);
  const [buffer] = bufferOf(memory, first);
  memory.kernels.poolGive(first);
  const fresh = memory.get32(layout.POOL_FRESH);
  for (let i = 0; i < 100; i++) {
    const slot = memory.kernels.poolTakeFor(65535);
    assert.is(bufferOf(memory, slot)[0], buffer);
    memory.kernels.poolGive(slot);
  }
  assert.is(memory.get32(layout.POOL_FRESH), fresh, "nothing more was cut from the memory");
});

test("where no buffer of the size can be made, a larger one that waits serves", () => {
  const memory = new PacketMemory({ bytes: 4 * MIB });
  const large = takeAll(memory, 65535);
  assert.ok(large.length > 40, `${large.length}`);
  memory.kernels.poolGive(large.pop()!);
  noMoreRoom(memory);
  const slot = memory.kernels.poolTakeFor(9000);
  assert.ok(slot !== 0);
  assert.is(bufferOf(memory, slot)[1] - bufferOf(memory, slot)[0], layout.LARGE_5);
});

test("a memory holds packets until it is full, leaves tables their share, and recovers", () => {
  const memory = new PacketMemory({ bytes: 16 * MIB });
  const taken = takeAll(memory, 64);
  assert.is(taken.length, memory.slots);
  assert.is(memory.slotsUsed, memory.slots);
  assert.ok(taken.length > (0.85 * 16 * MIB) / 2180, `${taken.length}`);
  assert.is(new Set(taken).size, taken.length);
  assert.is(memory.exhausted, 1);
  // An eighth of it is the tables'.
  for (let i = 0; i < 15; i++) memory.alloc(100_000);
  for (const slot of taken) memory.kernels.poolGive(slot);
  assert.is(memory.slotsUsed, 0);
  assert.is(takeAll(memory, 64).length, taken.length);
});

test("tables leave packets their share", () => {
  const memory = new PacketMemory({ bytes: 16 * MIB });
  assert.throws(() => {
    for (;;) memory.alloc(4096);
  }, /memory is exhausted/);
  const { length } = takeAll(memory, 64);
  assert.ok(length > 900 && length < memory.slots, `${length}`);
});

test("`slots` is a limit, and that many there is room for, whatever tables take", () => {
  const memory = new PacketMemory({ bytes: 4 * MIB, slots: 1000 });
  assert.throws(() => {
    for (;;) memory.alloc(1024);
  }, /memory is exhausted/);
  assert.is(takeAll(memory, 64).length, 1000);
});

test("500,000 packets of 64 bytes are held at once, each with its own bytes", () => {
  const memory = new PacketMemory();
  const count = 500_000;
  const { kernels, u32 } = memory;
  const slots = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const slot = kernels.poolTakeFor(64);
    if (slot === 0) assert.unreachable(`no room for packet ${i}`);
    u32[u32[(slot + layout.SLOT_DATA) >>> 2] >>> 2] = i;
    slots[i] = slot;
  }
  assert.is(memory.slotsUsed, count);
  for (let i = 0; i < count; i++)
    if (u32[u32[(slots[i] + layout.SLOT_DATA) >>> 2] >>> 2] !== i) assert.unreachable(`packet ${i} changed`);
  for (const slot of slots) kernels.poolGive(slot);
  assert.is(memory.slotsUsed, 0);
});

const action = fc.record({
  what: fc.constantFrom("take", "give", "copy", "front", "back", "set"),
  size: fc.oneof(fc.nat(3000), fc.nat(70_000), fc.constantFrom(1920, 1921, 2048, 2049, 66432, 66560, 66561)),
  pick: fc.nat(),
});

test("packets that grow, are copied and given back keep their bytes and stay apart", () => {
  const memory = new PacketMemory({ bytes: 6 * MIB });
  const { kernels, u8 } = memory;
  const packet = new Packet(memory);
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      const live: { slot: number; bytes: Uint8Array }[] = [];
      let mark = 0;
      for (const { what, size, pick } of actions) {
        const one = live.length > 0 ? live[pick % live.length] : null;
        const bytes = new Uint8Array(size).fill(++mark);
        if (what === "take") {
          const slot = kernels.poolTakeFor(size);
          if (slot === 0) continue;
          packet.at(slot);
          assert.ok(packet.pushBack(size));
          u8.set(bytes, packet.data);
          packet.networkHeader = packet.data;
          live.push({ slot, bytes });
        } else if (one === null) continue;
        else if (what === "give") {
          kernels.poolGive(one.slot);
          live.splice(live.indexOf(one), 1);
        } else if (what === "copy") {
          const slot = kernels.poolCopy(one.slot);
          if (slot !== 0) live.push({ slot, bytes: one.bytes });
        } else {
          packet.at(one.slot);
          const before = one.bytes;
          if (what === "set" && packet.setBytes(bytes)) one.bytes = bytes;
          if (what === "front" && packet.pushFront(size)) {
            u8.set(bytes, packet.data);
            one.bytes = new Uint8Array([...bytes, ...before]);
          }
          if (what === "back" && packet.pushBack(size)) {
            u8.set(bytes, packet.data + before.length);
            one.bytes = new Uint8Array([...before, ...bytes]);
          }
        }
      }
      const buffers = live.map(({ slot }) => bufferOf(memory, slot)).sort((a, b) => a[0] - b[0]);
      for (let i = 1; i < buffers.length; i++) assert.ok(buffers[i][0] >= buffers[i - 1][1], "buffers apart");
      for (const { slot, bytes } of live) {
        packet.at(slot);
        assert.ok(packet.headroom >= 0 && packet.tailroom >= 0);
        assert.is(Buffer.compare(packet.bytes(), bytes), 0);
        kernels.poolGive(slot);
      }
      assert.is(memory.slotsUsed, 0);
    }),
    { numRuns: 60 },
  );
});

test("headers move with a packet that gets a larger buffer, and so does what was stripped", () => {
  const memory = new PacketMemory({ bytes: 4 * MIB });
  const packet = new Packet(memory, memory.kernels.poolTake());
  packet.setBytes(Uint8Array.from({ length: 100 }, (_, i) => i));
  packet.macHeader = packet.data;
  packet.networkHeader = packet.data + 14;
  packet.transportHeader = packet.data + 34;
  packet.pullFront(14);
  assert.ok(packet.pushBack(9000));
  assert.equal(
    [packet.macHeader, packet.networkHeader, packet.transportHeader].map((at) => at - packet.data),
    [-14, 0, 20],
  );
  assert.equal(
    [memory.u8[packet.macHeader], memory.u8[packet.networkHeader], memory.u8[packet.transportHeader]],
    [0, 14, 34],
  );
});

test("a copy of a large packet is large, one of what is left of it is not", () => {
  const memory = new PacketMemory({ bytes: 4 * MIB });
  const packet = new Packet(memory, memory.kernels.poolTakeFor(9000));
  packet.pushBack(9000);
  const copy = new Packet(memory, memory.kernels.poolCopy(packet.slot));
  assert.equal([copy.length, copy.headroom], [9000, packet.headroom]);
  packet.pullBack(8900);
  const small = memory.kernels.poolCopy(packet.slot);
  assert.is(memory.get32(small + layout.SLOT_OWNER), layout.OWNER_SLOT);
});

test("a watched packet's mark is gone when it is given back", () => {
  const memory = new PacketMemory({ bytes: 4 * MIB });
  for (const length of [64, 9000]) {
    const slot = memory.kernels.poolTakeFor(length);
    memory.set32(slot + layout.SLOT_TRACE, 7);
    memory.set32(slot + layout.SLOT_OWNER, memory.get32(slot + layout.SLOT_OWNER) | layout.SLOT_WATCHED);
    memory.kernels.poolGive(slot);
    assert.is(memory.get32(slot + layout.SLOT_TRACE), 0);
    assert.is(memory.get32(slot + layout.SLOT_OWNER), layout.OWNER_SLOT);
  }
});

test("options that make no memory say what would", () => {
  const cases: readonly (readonly [MemoryOptions, RegExp])[] = [
    [{ slots: -1 }, /whole number of slots from 1 on, not -1/],
    [{ slots: 0 }, /slots from 1 on, not 0/],
    [{ slots: 1.5 }, /whole number of slots/],
    [{ slots: Number.NaN }, /not NaN/],
    [{ slots: "8" as unknown as number }, /whole number of slots/],
    [
      { slots: 10_000_000 },
      /10000000 slots do not fit: packets have 2047 MiB at most, which is room for 98\d\d\d\d/,
    ],
    [{ bytes: -1 }, /1 to 2146435072 bytes \(2047 MiB\), not -1/],
    [{ bytes: 0 }, /not 0/],
    [{ bytes: 2 ** 31 }, /not 2147483648/],
    [{ bytes: Number.POSITIVE_INFINITY }, /not Infinity/],
    [{ bufferSize: 100 }, /multiple of 64 bytes from 256 on, not 100/],
    [{ bufferSize: 1000 }, /not 1000/],
    [{ bufferSize: -64 }, /not -64/],
    [{ headroom: -1 }, /headroom is 0 to 1920 bytes of a buffer of 2048, not -1/],
    [{ headroom: 1921 }, /not 1921/],
    [{ headroom: 0.5 }, /not 0.5/],
  ];
  for (const [options, message] of cases)
    assert.throws(
      () => new PacketMemory(options),
      (e: Error & { code?: string }) => {
        assert.is(e.code, "MEMORY");
        assert.match(e.message, message);
        return true;
      },
    );
});

test("the default memory is as large as the system gives; one that it does not give is an error", () => {
  const { Memory } = WebAssembly;
  const most = 600 * MIB;
  class Small extends Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: true }) {
      if (descriptor.initial * 65536 > most) throw new RangeError("could not allocate memory");
      super(descriptor);
    }
  }
  WebAssembly.Memory = Small;
  try {
    assert.is(new PacketMemory().u8.length, 2047 * 2 ** 18);
    assert.throws(
      () => new PacketMemory({ bytes: 1000 * MIB }),
      /gives no 1000 MiB of address space for a router's memory \(could not allocate memory\)/,
    );
  } finally {
    WebAssembly.Memory = Memory;
  }
});

test("untouched pages of a memory cost nothing", () => {
  const before = process.memoryUsage.rss();
  const memories = Array.from({ length: 50 }, () => new PacketMemory());
  for (const memory of memories) memory.kernels.poolGive(memory.kernels.poolTake());
  const each = (process.memoryUsage.rss() - before) / memories.length;
  assert.ok(each < 2 * MIB, `${Math.round(each / 1024)} KiB each`);
  assert.ok(memories.every((m) => m.slots > 850_000));
});

test.run();
