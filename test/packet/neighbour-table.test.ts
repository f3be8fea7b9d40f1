// The neighbour table: its hash table against a plain map, its kernels against a packet-by-packet twin.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { NEIGHBOUR_NEXT, SLOT_ANNO, SLOT_MAC } from "../../assembly/layout.js";
import { BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { NeighbourTable } from "../../src/packet/neighbour-table.js";
import { Packet } from "../../src/packet/packet.js";
import * as fc from "../property.js";

const memory = new PacketMemory({ bytes: 32 * 2 ** 20, slots: 512 });
const batches = new BatchPool(memory);
const drops = memory.alloc(8);

const key = (n: number): Uint8Array => {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
};

test("it finds what was added and not removed, through any history, and gives its memory back", () => {
  const step = fc.record({ add: fc.boolean(), n: fc.nat(300) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), fc.nat(), (steps, seed) => {
      const before = memory.heapUsed;
      const table = new NeighbourTable(memory, seed, drops);
      const model = new Set<number>();
      for (const { add, n } of steps) {
        const found = table.find(table.keyOf(key(n)));
        assert.is(found !== undefined, model.has(n));
        if (found !== undefined) assert.equal(found.address(16), key(n));
        if (add && found === undefined) {
          table.add(table.keyOf(key(n)));
          model.add(n);
        } else if (!add && found !== undefined) {
          table.remove(found);
          model.delete(n);
        }
      }
      assert.is(table.size, model.size);
      for (let n = 0; n <= 300; n++)
        assert.is(table.find(table.keyOf(key(n))) !== undefined, model.has(n), String(n));
      table.destroy();
      table.destroy();
      while (table.work());
      assert.is(memory.heapUsed, before);
    }),
  );
});

test("addresses that differ in any one bit are different neighbours", () => {
  const table = new NeighbourTable(memory, 7, drops);
  const addresses = Array.from({ length: 128 }, (_, bit) => {
    const bytes = new Uint8Array(16);
    bytes[bit >> 3] = 1 << (bit & 7);
    return bytes;
  });
  for (const address of addresses) assert.ok(table.add(table.keyOf(address)));
  for (const address of addresses) assert.equal(table.find(table.keyOf(address))!.address(16), address);
  assert.is(table.find(table.keyOf(new Uint8Array(16))), undefined);
  table.destroy();
});

interface Entry {
  readonly n: number;
  readonly known: boolean;
  readonly live: number;
  readonly quiet: number;
}

/** What the kernel decides for one packet: the destination address it writes, or null for the slow path. */
function twin(
  to: Uint8Array,
  six: boolean,
  entries: readonly Entry[],
  now: number,
  timeout: number,
  poll: number,
): number[] | null {
  const n = new DataView(to.buffer, to.byteOffset).getUint32(0);
  const rest = to.subarray(4, 16).every((byte) => byte === 0);
  const entry = six && !rest ? undefined : entries.find((e) => e.n === n);
  if (entry?.known) {
    const age = now - entry.live;
    if (age <= timeout && (age < poll || now < entry.quiet)) return [2, 0, 0, 0, 0, entry.n & 255];
  }
  if (six) return to[0] === 0xff ? [0x33, 0x33, ...to.subarray(12, 16)] : null;
  return to[0] >> 4 === 14 ? [1, 0, 0x5e, to[1] & 0x7f, to[2], to[3]] : null;
}

test("a batch is split into what can leave and what needs attention, in order, as packet by packet", () => {
  const time = fc.integer({ min: 0, max: 1000 });
  const entry = fc.record({ n: fc.nat(5), known: fc.boolean(), live: time, quiet: time });
  const destination = fc.oneof(
    fc.nat(7).map((n) => key(n)),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.uint8Array({ minLength: 15, maxLength: 15 }).map((b) => Uint8Array.of(0xff, ...b)),
    fc.uint8Array({ minLength: 15, maxLength: 15 }).map((b) => Uint8Array.of(0xe9, ...b)),
  );
  const template = memory.alloc(8);
  memory.u8.set([2, 0, 0, 0, 0, 1, 0x86, 0xdd], template);
  const packet = new Packet(memory);
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.uniqueArray(entry, { selector: (e) => e.n, maxLength: 6 }),
      fc.array(destination, { maxLength: 30 }),
      time,
      time,
      time,
      (six, entries, destinations, now, timeout, poll) => {
        const table = new NeighbourTable(memory, 99, drops);
        for (const e of entries) {
          const made = table.add(table.keyOf(key(e.n)))!;
          made.setMac(Uint8Array.of(2, 0, 0, 0, 0, e.n));
          made.known = e.known;
          made.live = e.live;
          made.quiet = e.quiet;
        }
        const batch = batches.acquire();
        const misses = batches.acquire();
        for (const [i, to] of destinations.entries()) {
          const slot = memory.kernels.poolTake();
          packet.at(slot).setBytes(Uint8Array.of(i));
          memory.u8.set(to, slot + SLOT_ANNO);
          batch.add(slot);
        }
        const encap = six ? memory.kernels.neighbourEncap6 : memory.kernels.neighbourEncap4;
        const { count } = batch;
        batch.count = encap(
          table.address,
          template,
          batch.address,
          count,
          now,
          timeout,
          poll,
          misses.address,
        );
        misses.count = count - batch.count;
        const out = Array.from({ length: batch.count }, (_, i) => Array.from(packet.at(batch.at(i)).bytes()));
        for (let i = 0; i < batch.count; i++)
          assert.is(memory.get32(batch.at(i) + SLOT_MAC), packet.at(batch.at(i)).data);
        const missed = Array.from({ length: misses.count }, (_, i) => packet.at(misses.at(i)).u8(0));
        const wanted = destinations.map((to) => twin(to, six, entries, now, timeout, poll));
        assert.equal(
          out,
          wanted.flatMap((mac, i) => (mac === null ? [] : [[...mac, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, i]])),
        );
        assert.equal(
          missed,
          wanted.flatMap((mac, i) => (mac === null ? [i] : [])),
        );
        batches.release(batch);
        batches.release(misses);
        table.destroy();
      },
    ),
    // The first packet's address is looked up whatever it is, though it looks like none.
    {
      examples: [false, true].map((six) => [
        six,
        [{ n: 0, known: true, live: 0, quiet: 0 }],
        [key(0)],
        0,
        0,
        1,
      ]),
    },
  );
});

test("without memory for another neighbour adding fails and the table stays", () => {
  const small = new PacketMemory({ bytes: 2 ** 20, slots: 16, bufferSize: 256 });
  const counter = small.alloc(8);
  const table = new NeighbourTable(small, 1, counter);
  let n = 0;
  while (table.add(table.keyOf(key(n))) !== null) n++;
  assert.ok(n > 1000);
  assert.is(table.size, n);
  for (let i = 0; i < n; i++) assert.ok(table.find(table.keyOf(key(i))) !== undefined);
});

test("thousands are found while the table grows, and what was cleared goes by and by while others come", () => {
  const before = memory.heapUsed;
  const [drops0, used0] = [memory.get64(drops), memory.slotsUsed];
  const table = new NeighbourTable(memory, 3, drops);
  const there = (n: number): boolean => table.find(table.keyOf(key(n))) !== undefined;
  for (let n = 0; n < 5000; n++) {
    const made = table.add(table.keyOf(key(n)))!;
    if (n % 1000 === 0) table.wait(made, memory.kernels.poolTake());
    // Those before are found all the while, also when the next growth has just begun.
    for (let i = 1; i < n; i *= 2) assert.ok(there(n - i) && there(i), `${n}`);
    assert.not.ok(there(n + 1));
  }
  for (let n = 0; n < 5000; n += 3) table.remove(table.find(table.keyOf(key(n)))!);
  for (let n = 0; n < 5000; n++) assert.is(there(n), n % 3 !== 0);
  table.clear();
  assert.is(table.size, 0);
  assert.ok(table.work(), "packets go on meanwhile");
  for (let n = 0; n < 5000; n++) assert.not.ok(there(n));
  table.add(table.keyOf(key(7)));
  while (table.work());
  assert.equal([there(7), table.size, table.waiting], [true, 1, 0]);
  assert.equal([memory.get64(drops), memory.slotsUsed], [drops0 + 5, used0]);
  table.destroy();
  assert.is(memory.heapUsed, before);
});

test("chains are short, whichever bytes of their addresses neighbours differ in", () => {
  for (const at of [0, 2, 4, 6, 8, 10, 12, 14])
    for (const seed of [0, 1, 0xffffffff, 12345]) {
      const table = new NeighbourTable(memory, seed, drops);
      const address = new Uint8Array(16).fill(0x20);
      for (let n = 0; n < 4000; n++) {
        new DataView(address.buffer).setUint16(at, n);
        assert.ok(table.add(table.keyOf(address)));
      }
      // The table begins with the address of the chains' heads, and their number - 1.
      const [heads, mask] = [memory.get32(table.address), memory.get32(table.address + 4)];
      let longest = 0;
      for (let i = 0; i <= mask; i++) {
        let length = 0;
        for (let entry = memory.get32(heads + i * 4); entry !== 0; length++)
          entry = memory.get32(entry + NEIGHBOUR_NEXT);
        longest = Math.max(longest, length);
      }
      assert.ok(longest <= 12, `byte ${at}, seed ${seed}: ${longest} in a chain`);
      table.destroy();
      while (table.work());
    }
});

test.run();
