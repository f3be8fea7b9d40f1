import { test } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../assembly/layout.js";
import { MemoryError, PacketMemory } from "../../src/packet/memory.js";
import { type Address, PrefixTable, PrefixTableError } from "../../src/packet/prefix-table.js";
import * as fc from "../property.js";
import { BinaryTrie, LinearTable, makeAddress, randomNumbers, toBits } from "./prefix-oracle.js";

const MIB = 2 ** 20;
const small = () => new PacketMemory({ bytes: 64 * MIB, slots: 64 });

// Few distinct bits, so that prefixes overlap, and all lengths, the ends more often.
const word = fc.oneof(
  fc.constantFrom(0, 0xffffffff, 0x80000000, 1, 0x20010db8),
  fc.integer({ min: 0, max: 0xffffffff }),
);
const addressOf = (family: 4 | 6) =>
  fc.tuple(word, word, word, word).map((words) => makeAddress(family, words));
const lengthOf = (family: 4 | 6) => {
  const bits = family === 4 ? 32 : 128;
  return fc.oneof(fc.constantFrom(0, 1, bits / 2, bits - 1, bits), fc.integer({ min: 0, max: bits }));
};

for (const family of [4, 6] as const) {
  test(`IPv${family}: any sequence of inserts and removes answers like a linear scan`, () => {
    const operation = fc.record({
      kind: fc.constantFrom("insert", "insert", "remove", "lookup", "again"),
      address: addressOf(family),
      length: lengthOf(family),
      value: fc.integer({ min: 1, max: 0xfffffffe }),
      pick: fc.nat(),
    });
    const memory = small();
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 120 }), (operations) => {
        const before = memory.heapUsed;
        const table = new PrefixTable(memory, family);
        const model = new LinearTable();
        for (const { kind, address, length, value, pick } of operations) {
          const bits = toBits(address, family);
          if (kind === "insert") {
            assert.is(table.insert(address, length, value), model.insert(bits, length, value));
          } else if (kind === "remove") {
            assert.is(table.remove(address, length), model.remove(bits, length));
          } else if (kind === "again" && model.size > 0) {
            const known = model.entries()[pick % model.size];
            const at = makeAddress(family, known.bits);
            assert.is(table.exact(at, known.length), known.value);
            assert.is(table.remove(at, known.length), known.value);
            model.remove(known.bits, known.length);
          }
          assert.is(table.lookup(address), model.lookup(bits));
          assert.is(table.exact(address, length), model.exact(bits, length));
          assert.is(table.size, model.size);
        }
        assert.equal(listOf(table), model.entries());
        for (const entry of model.entries()) table.remove(makeAddress(family, entry.bits), entry.length);
        assert.is(table.size, 0);
        table.destroy();
        assert.is(memory.heapUsed, before);
      }),
      { numRuns: 150, seed: 7 },
    );
  });

  test(`IPv${family}: 100,000 random operations answer like an independent trie, and the memory comes back`, () => {
    const memory = small();
    const random = randomNumbers(family);
    const before = memory.heapUsed;
    const table = new PrefixTable(memory, family);
    const empty = memory.heapUsed;
    const model = new BinaryTrie();
    const known: { address: Address; length: number }[] = [];
    const bits = family === 4 ? 32 : 128;
    for (let i = 0; i < 100_000; i++) {
      // Phases of growth and of shrinking, over the sizes at which indexes come and go.
      const growing = i % 20_000 < 12_000;
      const r = random() % 10;
      if (r < (growing ? 7 : 1) || known.length === 0) {
        const address = makeAddress(family, [random() & 0xffff3fff, random() & 0xf00f0000, 0, random() & 3]);
        const length = random() % (bits + 1);
        const value = 1 + (random() % 0xfffffffe);
        const old = table.insert(address, length, value);
        assert.is(old, model.insert(toBits(address, family), length, value));
        if (old === 0) known.push({ address, length });
      } else if (r < 8) {
        const at = random() % known.length;
        const { address, length } = known[at];
        known[at] = known[known.length - 1];
        known.pop();
        assert.is(table.remove(address, length), model.insert(toBits(address, family), length, 0));
      } else {
        const near = known[random() % known.length].address;
        const address =
          typeof near === "number" ? (near ^ (random() >>> (random() % 32))) >>> 0 : near.slice();
        if (typeof address !== "number") address[random() % 16] ^= random() & 0xff;
        assert.is(table.lookup(address), model.lookup(toBits(address, family), bits));
      }
    }
    assert.is(table.size, known.length);
    for (const { address, length } of known) assert.is.not(table.remove(address, length), 0);
    assert.is(table.size, 0);
    assert.is(memory.heapUsed, empty);
    table.destroy();
    assert.is(memory.heapUsed, before);
  });

  test(`IPv${family}: a default route and a hundred prefixes touch less than 64 KiB`, () => {
    const memory = small();
    const random = randomNumbers(50 + family);
    const start = memory.get32(layout.HEAP_NEXT);
    const table = new PrefixTable(memory, family);
    const address = () => makeAddress(family, [random(), random(), random(), random()]);
    table.insert(address(), 0, 1);
    while (table.size < 101) table.insert(address(), 1 + (random() % (family === 4 ? 32 : 128)), 2);
    let last = 0;
    for (let a = start; a < memory.u8.length; a += 4) if (memory.u32[a >>> 2] !== 0) last = a;
    assert.ok(last > start);
    assert.ok(last < start + 65536, `touched up to ${last - start} bytes after the start`);
    assert.ok(memory.get32(layout.HEAP_NEXT) - start < 65536);
  });

  test(`IPv${family}: when memory runs out an insert fails whole, and the table goes on answering`, () => {
    const memory = new PacketMemory({ bytes: 1, slots: 16 });
    const random = randomNumbers(90 + family);
    const before = memory.heapUsed;
    const table = new PrefixTable(memory, family);
    const model = new BinaryTrie();
    const known: { address: Address; length: number }[] = [];
    let failures = 0;
    const bits = family === 4 ? 32 : 128;
    for (let i = 0; i < 20_000; i++) {
      const address = makeAddress(family, [random() & 0xff0fffff, random() & 0xf00f0000, 0, 0]);
      const length = random() % (bits + 1);
      const used = memory.heapUsed;
      const held = table.bytes;
      try {
        if (table.insert(address, length, i + 1) === 0) known.push({ address, length });
        model.insert(toBits(address, family), length, i + 1);
      } catch (error) {
        assert.instance(error, MemoryError);
        assert.match((error as MemoryError).message, /memory is exhausted/);
        assert.is(memory.heapUsed, used);
        assert.is(table.bytes, held);
        assert.is(table.exact(address, length), 0);
        failures++;
        if (failures % 3 === 0) {
          // Removing works without memory to move to.
          const gone = known.splice(random() % known.length, 1)[0];
          assert.is.not(table.remove(gone.address, gone.length), 0);
          model.insert(toBits(gone.address, family), gone.length, 0);
        }
      }
      assert.is(table.lookup(address), model.lookup(toBits(address, family), bits));
      assert.is(table.size, known.length);
    }
    assert.ok(failures > 1000);
    table.destroy();
    assert.is(memory.heapUsed, before);
  });

  test(`IPv${family}: no room for the table itself is a MemoryError that leaks nothing`, () => {
    const memory = new PacketMemory({ bytes: 1, slots: 16 });
    const tables: PrefixTable[] = [];
    const before = memory.heapUsed;
    assert.throws(
      () => {
        while (true) tables.push(new PrefixTable(memory, family));
      },
      (error: unknown) => error instanceof MemoryError,
    );
    assert.ok(tables.length > 0);
    for (const table of tables) table.destroy();
    assert.is(memory.heapUsed, before);
  });
}

test("1,000,000 IPv4 and 200,000 IPv6 prefixes in one memory answer like independent tries", () => {
  const memory = new PacketMemory({ bytes: 256 * MIB });
  const before = memory.heapUsed;
  const four = new PrefixTable(memory, 4);
  const six = new PrefixTable(memory, 6);
  const random = randomNumbers(3);
  const model4 = new BinaryTrie(32 * MIB);
  const lengths4 = [8, 12, 16, 19, 20, 21, 22, 22, 23, 24, 24, 24, 24, 24, 24, 27, 30, 32];
  while (four.size < 1_000_000) {
    const address = random();
    const length = lengths4[random() % lengths4.length];
    const value = 1 + (random() >>> 1);
    assert.is(four.insert(address, length, value), model4.insert(toBits(address, 4), length, value));
  }
  for (let i = 0; i < 100_000; i++) {
    const address = random();
    assert.is(four.lookup(address), model4.lookup(toBits(address, 4), 32));
  }
  const model6 = new BinaryTrie(16 * MIB);
  const lengths6 = [19, 29, 32, 36, 40, 44, 48, 48, 48, 56, 64, 127, 128];
  const pool: Address[] = [];
  while (six.size < 200_000) {
    const address = makeAddress(6, [0x20010000 | (random() % 0x1000), random(), random() & 0xff, random()]);
    const length = lengths6[random() % lengths6.length];
    const value = 1 + (random() >>> 1);
    assert.is(six.insert(address, length, value), model6.insert(toBits(address, 6), length, value));
    if (random() % 4 === 0) pool.push(address);
  }
  for (let i = 0; i < 50_000; i++) {
    const address = (pool[random() % pool.length] as Uint8Array).slice();
    if (i % 2 === 0) address[2 + (random() % 14)] ^= 1 << (random() % 8);
    assert.is(six.lookup(address), model6.lookup(toBits(address, 6), 128));
  }
  // Every prefix is listed once and in order; removing what is listed empties both.
  for (const table of [four, six]) {
    const held = table.size;
    let listed = 0;
    let last = "";
    for (const { address, length, value } of table.entries()) {
      const key = `${toBits(address, table.family).map(hex).join("")}/${String(length).padStart(3, "0")}`;
      if (key <= last) assert.unreachable(`${key} listed after ${last}`);
      last = key;
      listed++;
      if (table.remove(address, length) !== value) assert.unreachable(`${key} is not there`);
    }
    assert.is(listed, held);
    assert.is(table.size, 0);
    table.destroy();
  }
  assert.is(memory.heapUsed, before);
});

test("addresses of the other family, and lengths and values out of range, are refused", () => {
  const memory = small();
  const four = new PrefixTable(memory, 4);
  const six = new PrefixTable(memory, 6);
  const refused = (f: () => unknown) =>
    assert.throws(f, (error: unknown) => error instanceof PrefixTableError && error.code === "PREFIX_TABLE");
  refused(() => four.insert(0, 33, 1));
  refused(() => four.insert(0, -1, 1));
  refused(() => four.insert(0, 1.5, 1));
  refused(() => four.insert(-1, 8, 1));
  refused(() => four.insert(2 ** 32, 8, 1));
  refused(() => four.insert(new Uint8Array(16), 8, 1));
  refused(() => four.insert(0, 8, 0));
  refused(() => four.insert(0, 8, 0xffffffff));
  refused(() => four.remove(0, 33));
  refused(() => six.insert(0, 8, 1));
  refused(() => six.insert(new Uint8Array(4), 8, 1));
  refused(() => six.insert(new Uint8Array(16), 129, 1));
  refused(() => six.lookup(0));
  assert.is(four.insert(0xffffffff, 32, 0xfffffffe), 0);
  assert.is(four.lookup(0xffffffff), 0xfffffffe);
  assert.is(four.insert(0xffffffff, 32, 1), 0xfffffffe);
});

function hex(word: number): string {
  return word.toString(16).padStart(8, "0");
}

function listOf(table: PrefixTable) {
  return [...table.entries()].map(({ address, length, value }) => ({
    bits: toBits(address, table.family),
    length,
    value,
  }));
}

test.run();
