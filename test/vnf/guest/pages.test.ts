// The pages of a router's memory: which have changed, and what they are together.

import { createHash } from "node:crypto";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEAP_NEXT, POOL_FRESH } from "../../../assembly/layout.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import {
  MemoryPages,
  PAGE_BYTES,
  type PagesReply,
  type PagesRequest,
} from "../../../src/vnf/instance/pages.js";

function walk(pages: MemoryPages, what: PagesRequest["what"], session = "a"): PagesReply & { calls: number } {
  const numbers: number[] = [];
  const bytes: Uint8Array[] = [];
  let [looked, changed, calls] = [0, 0, 0];
  for (let from = 0; ; ) {
    const reply = pages.take({ session, from, what });
    calls++;
    numbers.push(...reply.numbers);
    bytes.push(reply.bytes);
    looked += reply.looked;
    changed += reply.changed;
    if (reply.next === null)
      return { ...reply, numbers, bytes: Buffer.concat(bytes), looked, changed, calls };
    from = reply.next;
  }
}

test("pages in use are those of heap and pool; after a copy only those that change have changed", () => {
  const memory = new PacketMemory({ bytes: 2 ** 24 });
  const heap = memory.alloc(3 * 2 ** 20);
  for (let i = 0; i < 300; i++) memory.kernels.poolTake();
  const pages = new MemoryPages(memory);
  const first = walk(pages, "copy");
  const heapPages = Math.ceil(memory.get32(HEAP_NEXT) / PAGE_BYTES);
  const poolPage = Math.floor(memory.get32(POOL_FRESH) / PAGE_BYTES);
  const all = memory.u8.length / PAGE_BYTES;
  assert.is(first.looked, heapPages + all - poolPage);
  assert.is(first.changed, first.looked);
  assert.equal(first.numbers.slice(0, 2), [0, 1]);
  assert.ok(first.calls > 3, "some at a time");
  assert.is(walk(pages, "count").changed, 0);
  memory.u8[heap + 5 * PAGE_BYTES] ^= 1;
  memory.u8[heap + 9 * PAGE_BYTES + 3] ^= 128;
  assert.is(walk(pages, "count").changed, 2);
  assert.is(walk(pages, "count").changed, 2, "to count them changes nothing");
  const second = walk(pages, "copy");
  const changed = [5, 9].map((n) => Math.floor((heap + n * PAGE_BYTES) / PAGE_BYTES));
  assert.equal(second.numbers, changed);
  assert.is(Buffer.compare(second.bytes.subarray(0, PAGE_BYTES), page(memory, changed[0])), 0);
  assert.is(walk(pages, "copy").changed, 0);
  // Another migration begins anew.
  assert.is(walk(pages, "copy", "b").changed, first.looked);
  pages.take({ session: "b", from: 0, what: "end" });
  assert.is(walk(pages, "count", "b").changed, first.looked);
});

test("the last round has what has changed, and the digest of all", () => {
  const memory = new PacketMemory({ bytes: 2 ** 22 });
  const pages = new MemoryPages(memory);
  const first = walk(pages, "copy");
  assert.is(first.digest, null);
  memory.u8[100] ^= 1;
  const last = walk(pages, "last");
  assert.equal(last.numbers, [0]);
  const hash = createHash("sha256");
  for (const n of first.numbers) {
    const number = Buffer.alloc(4);
    number.writeUInt32LE(n);
    hash.update(number).update(page(memory, n));
  }
  assert.is(Buffer.compare(last.digest!, hash.digest()), 0);
});

function page(memory: PacketMemory, n: number): Uint8Array {
  return memory.u8.slice(n * PAGE_BYTES, (n + 1) * PAGE_BYTES);
}

test.run();
