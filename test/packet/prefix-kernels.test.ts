import { test } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../assembly/layout.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { type Address, PrefixTable } from "../../src/packet/prefix-table.js";
import { makeAddress, randomNumbers } from "./prefix-oracle.js";

test("the batch kernels answer like single lookups, from annotation and from header, at every size of the table", () => {
  const memory = new PacketMemory({ bytes: 64 * 2 ** 20, slots: 256 });
  const { kernels } = memory;
  const count = 200;
  const batch = memory.alloc(layout.BATCH_MAX * 4);
  assert.is(kernels.poolTakeBatch(batch, count), count);
  for (const family of [4, 6] as const) {
    const random = randomNumbers(20 + family);
    const table = new PrefixTable(memory, family);
    const anno = family === 4 ? kernels.lpm4LookupAnno : kernels.lpm6LookupAnno;
    const header = family === 4 ? kernels.lpm4LookupHeader : kernels.lpm6LookupHeader;
    const known: { address: Address; length: number }[] = [];
    const sizes =
      family === 4
        ? [0, 3, 900, 2000, 64_000, 70_000, 100_000, 40_000, 20_000, 300, 0]
        : [0, 3, 900, 20_000, 5];
    for (const size of sizes) {
      while (table.size < size) {
        const address = makeAddress(family, [random(), random() & 0xff000000, random() & 1, 0]);
        const length = random() % (family === 4 ? 33 : 129);
        if (table.insert(address, length, 1 + (random() >>> 1)) === 0) known.push({ address, length });
      }
      while (table.size > size) {
        const at = random() % known.length;
        const { address, length } = known[at];
        known[at] = known[known.length - 1];
        known.pop();
        assert.is.not(table.remove(address, length), 0);
      }
      for (let round = 0; round < 20; round++) {
        const wanted: number[] = [];
        for (let i = 0; i < count; i++) {
          const slot = memory.get32(batch + i * 4);
          const near = known.length > 0 && i % 4 !== 0 ? known[random() % known.length].address : undefined;
          const address =
            near === undefined
              ? makeAddress(family, [random(), random(), random(), random()])
              : typeof near === "number"
                ? (near ^ (random() >>> 10)) >>> 0
                : near;
          const bytes = new Uint8Array(16);
          if (typeof address === "number") new DataView(bytes.buffer).setUint32(0, address);
          else bytes.set(address);
          memory.u8.set(bytes, slot + layout.SLOT_ANNO + layout.ANNO_DST_IP);
          const data = memory.get32(slot + layout.SLOT_DATA);
          memory.set32(slot + layout.SLOT_NETWORK, data);
          memory.set32(slot + layout.SLOT_LENGTH, family === 4 ? 20 : 40);
          memory.u8.set(family === 4 ? bytes.subarray(0, 4) : bytes, data + (family === 4 ? 16 : 24));
          wanted.push(table.lookup(address));
        }
        for (const kernel of [anno, header]) {
          for (let i = 0; i < count; i++)
            memory.set32(memory.get32(batch + i * 4) + layout.SLOT_ROUTE, 0xdead);
          kernel(table.address, batch, count);
          for (let i = 0; i < count; i++)
            assert.is(memory.get32(memory.get32(batch + i * 4) + layout.SLOT_ROUTE), wanted[i]);
        }
      }
    }
    // A header that is not within the data is not read: it counts as no address.
    const slot = memory.get32(batch);
    table.insert(makeAddress(family, [0, 0, 0, 0]), 0, 5);
    table.insert(makeAddress(family, [0x80000000, 0, 0, 0]), 1, 6);
    memory.u8.fill(0xff, memory.get32(slot + layout.SLOT_DATA), memory.get32(slot + layout.SLOT_DATA) + 64);
    header(table.address, batch, 1);
    assert.is(memory.get32(slot + layout.SLOT_ROUTE), 6);
    memory.set32(slot + layout.SLOT_LENGTH, family === 4 ? 19 : 39);
    header(table.address, batch, 1);
    assert.is(memory.get32(slot + layout.SLOT_ROUTE), 0);
    memory.set32(slot + layout.SLOT_NETWORK, 0);
    header(table.address, batch, 1);
    assert.is(memory.get32(slot + layout.SLOT_ROUTE), 0);
    table.destroy();
    // Walks that end read through address 0.
    for (let a = 0; a < 64; a += 4) assert.is(memory.get32(a), 0);
  }
});

test.run();
