// The heap and the packet pool as their users see them: what is handed out is apart, comes back, and ends in an error.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HEAP_NEXT, POOL_EXHAUSTED } from "../../assembly/layout.js";
import {
  type Batch,
  Element,
  type ElementSpec,
  Loader,
  MemoryError,
  PacketMemory,
  Router,
  SimulatedClock,
} from "../../src/index.js";
import * as fc from "../property.js";

const SMALL = { bytes: 2 ** 20, slots: 64, bufferSize: 256 } as const;

/** Sizes near the borders between classes, and any. */
const size = fc.oneof(
  fc.integer({ min: 0, max: 5000 }),
  fc.constantFrom(0, 1, 15, 16, 17, 31, 32, 33, 496, 511, 512, 513, 1023, 1024, 1025, 4096, 65536, 100_000),
);

test("blocks of the heap are aligned, zero, apart from each other, and used again once freed", () => {
  const action = fc.oneof(
    fc.record({ free: fc.constant(false), size, pick: fc.nat() }),
    fc.record({ free: fc.constant(true), size: fc.constant(0), pick: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const memory = new PacketMemory(SMALL);
      const before = memory.heapUsed;
      const live: { address: number; size: number; mark: number }[] = [];
      let mark = 0;
      for (const { free, size, pick } of actions) {
        if (free && live.length > 0) {
          const [block] = live.splice(pick % live.length, 1);
          const bytes = memory.u8.subarray(block.address, block.address + block.size);
          assert.ok(
            bytes.every((b) => b === block.mark),
            "nobody else wrote to it",
          );
          memory.free(block.address, block.size);
        } else if (!free) {
          let address: number;
          try {
            address = memory.alloc(size);
          } catch (e) {
            assert.instance(e, MemoryError);
            continue;
          }
          assert.is(address % 16, 0);
          assert.ok(address + size <= memory.u8.length);
          const bytes = memory.u8.subarray(address, address + size);
          assert.ok(
            bytes.every((b) => b === 0),
            "zero",
          );
          for (const other of live)
            assert.ok(
              address + Math.max(size, 1) <= other.address ||
                other.address + Math.max(other.size, 1) <= address,
            );
          mark = (mark % 255) + 1;
          bytes.fill(mark);
          live.push({ address, size, mark });
        }
      }
      for (const block of live) memory.free(block.address, block.size);
      assert.is(memory.heapUsed, before);
    }),
    { numRuns: 100 },
  );
});

test("blocks of 32 and 64 bytes and their multiples fill lines of the cache; what is left between is used", () => {
  const memory = new PacketMemory(SMALL);
  memory.alloc(16);
  const before = memory.get32(HEAP_NEXT);
  for (const size of [16, 64, 16, 96, 48, 128, 160, 16, 192, 640, 32, 1024, 16, 64]) {
    const block = memory.alloc(size);
    assert.is(block % (size % 64 === 0 ? 64 : size % 32 === 0 ? 32 : 16), 0, `${size} bytes at ${block}`);
  }
  const end = memory.get32(HEAP_NEXT);
  // Gaps of 16 to 48 bytes, at most one before each block, come out before fresh memory does.
  let gaps = 0;
  for (const size of [48, 32, 16])
    for (let block = memory.alloc(size); block < end; block = memory.alloc(size)) {
      assert.ok(block >= before);
      gaps += size;
    }
  assert.ok(gaps > 0 && gaps <= 14 * 48, String(gaps));
});

test("an exhausted heap is a MemoryError, and what is freed serves again", () => {
  const memory = new PacketMemory(SMALL);
  const blocks: number[] = [];
  assert.throws(
    () => {
      for (;;) blocks.push(memory.alloc(4096));
    },
    (e: unknown) => e instanceof MemoryError && e.code === "MEMORY",
  );
  assert.ok(blocks.length > 50);
  for (const impossible of [2 ** 30, 2 ** 30 + 1, 2 ** 31, 2 ** 32 - 1])
    assert.throws(
      () => memory.alloc(impossible),
      (e: unknown) => e instanceof MemoryError,
    );
  for (const block of blocks) memory.free(block, 4096);
  const again = blocks.map(() => memory.alloc(4096));
  assert.equal([...again].sort(), [...blocks].sort());
});

test("an exhausted pool is counted, and recovers", () => {
  const { kernels, ...memory } = new PacketMemory(SMALL);
  const view = new DataView(memory.memory.buffer);
  const taken: number[] = [];
  for (let slot = kernels.poolTake(); slot !== 0; slot = kernels.poolTake()) taken.push(slot);
  assert.is(taken.length, 64);
  assert.is(new Set(taken).size, 64);
  assert.is(Number(view.getBigUint64(POOL_EXHAUSTED, true)), 1);
  for (const slot of taken) kernels.poolGive(slot);
  for (let i = 0; i < 64; i++) assert.is.not(kernels.poolTake(), 0);
  assert.is(kernels.poolTake(), 0);
  assert.is(Number(view.getBigUint64(POOL_EXHAUSTED, true)), 2);
});

/** Sends `n` packets of one byte, which `bytes` gives, in one batch. */
class Shot extends Element {
  static readonly spec = { ports: "0/1", processing: "h" } as const satisfies ElementSpec;

  fire(n: number, byte: (i: number) => number): void {
    const { memory } = this;
    const batch = this.router.batches.acquire();
    for (let i = 0; i < n; i++) {
      const slot = memory.kernels.poolTake();
      if (slot === 0) break;
      memory.u8[memory.get32(slot)] = byte(i);
      memory.set32(slot + 4, 1);
      batch.add(slot);
    }
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
  }
}

/** Counts packets by their first byte, an empty one as -1. */
class Tally extends Element {
  static readonly spec = { ports: "-/0", processing: "h" } as const satisfies ElementSpec;
  readonly counts = new Map<number, number>();

  override push(_port: number, batch: Batch): void {
    for (let i = 0; i < batch.count; i++) {
      const [byte = -1] = this.router.packetBytes(batch.at(i));
      this.counts.set(byte, (this.counts.get(byte) ?? 0) + 1);
    }
    batch.kill();
  }
}

async function start(text: string, slots = 2048): Promise<{ router: Router; shot: Shot; tally: Tally }> {
  const loader = new Loader();
  loader.add(Shot);
  loader.add(Tally);
  const router = await Router.fromText(text, {
    loader,
    clock: new SimulatedClock(),
    memory: { bytes: 8 * 2 ** 20, slots, bufferSize: 256 },
    log: () => {},
    print: () => {},
  });
  return { router, shot: router.find("s") as Shot, tally: router.find("t") as Tally };
}

test("batches of 0, 1 and 256 packets are split by output, none lost", async () => {
  const { router, shot, tally } = await start(
    "s :: Shot -> c :: Classifier(0/00, 0/01, 0/02); t :: Tally; c[0] -> t; c[1] -> [1] t; c[2] -> [2] t",
  );
  for (const n of [0, 1, 2, 255, 256]) {
    tally.counts.clear();
    const before = Number(router.read("c.no_match"));
    shot.fire(n, (i) => i & 3);
    const lost = Number(router.read("c.no_match")) - before;
    assert.is([...tally.counts.values()].reduce((a, b) => a + b, 0) + lost, n);
    assert.is(lost, Math.floor(n / 4));
    assert.is(router.memory.slotsUsed, 0);
  }
  router.close();
});

test("a push cycle through Classifier and Strip ends, with every batch and slot back", async () => {
  // Each turn takes a byte: what is left empty leaves.
  const { router, shot, tally } = await start(
    "s :: Shot -> c :: Classifier(0/07, -); c[0] -> Strip(1) -> c; c[1] -> t :: Tally",
  );
  shot.fire(256, (i) => (i % 2 === 0 ? 7 : 9));
  const before = router.memory.heapUsed;
  for (let i = 0; i < 50; i++) shot.fire(256, (n) => (n % 2 === 0 ? 7 : 9));
  assert.is(router.memory.slotsUsed, 0);
  assert.is(router.memory.heapUsed, before, "no batch is lost on the way");
  assert.equal([...tally.counts].sort(), [
    [-1, 51 * 128],
    [9, 51 * 128],
  ]);
  router.close();
});

test("Tee to a hundred outputs copies as far as there are slots, and loses none", async () => {
  const outputs = Array.from({ length: 100 }, (_, i) => `tee[${i}] -> [${i}] t;`).join(" ");
  const { router, shot, tally } = await start(`s :: Shot -> tee :: Tee(100); t :: Tally; ${outputs}`, 300);
  for (const n of [1, 2, 200, 256, 1]) {
    tally.counts.clear();
    shot.fire(n, () => 5);
    const got = tally.counts.get(5) ?? 0;
    assert.ok(got >= n && got <= n * 100, `${got} of ${n}`);
    if (n < 3) assert.is(got, n * 100);
    assert.is(router.memory.slotsUsed, 0);
  }
  router.close();
});

const EVERYTHING = `
  r :: RatedSource(RATE 1000) -> UDPIPEncap(10.1.0.1, 1000, 10.2.0.1, 2000)
    -> LISPMapCache(10.2.0.0/16 192.0.2.1) -> LISPEncap(192.0.2.9) -> a :: ARPQuerier(192.0.2.9/24, 2:2:2:2:2:2)
    -> Queue(10) -> Unqueue -> rt :: Classifier(12/0800, -);
  Idle -> [1] a; rt[0] -> Discard; rt[1] -> Counter -> Discard;`;

test("graphs made and closed give back heap and slots", async () => {
  const { router } = await start(EVERYTHING);
  const used: number[] = [];
  for (let i = 0; i < 20; i++) {
    router.runFor(0.1);
    await router.swap(EVERYTHING);
    used.push(router.memory.heapUsed);
  }
  assert.is(used[19], used[4], used.join(" "));
  router.close();
  assert.is(router.memory.slotsUsed, 0);
});

test("two thousand routers made, run and closed one after the other do not grow the process", async () => {
  const rss: number[] = [];
  for (let i = 0; i < 2000; i++) {
    const { router } = await start(EVERYTHING);
    router.runFor(0.01);
    router.close();
    if (i % 500 === 499) rss.push(process.memoryUsage.rss() / 2 ** 20);
  }
  // Memory is given back late; but 1,500 routers that stayed would hold well over a gigabyte.
  assert.ok(rss[3] - rss[0] < 400, `MiB after each 500: ${rss.map(Math.round).join(", ")}`);
});

test("a thousand routers live at once, each in its own world", async () => {
  const routers: Router[] = [];
  for (let i = 0; i < 1000; i++)
    routers.push(
      (await start(`s :: RatedSource(RATE 1000, LIMIT ${i + 1}) -> c :: Counter -> Discard`)).router,
    );
  for (const router of routers) router.runFor(0.05);
  for (const [i, router] of routers.entries()) assert.is(router.read("c.count"), String(Math.min(i + 1, 50)));
  for (const router of routers) router.close();
});

test("64-bit counters carry, count back, and take what is larger than 32 bits", () => {
  const memory = new PacketMemory({ slots: 16, bytes: 1 << 20 });
  const at = memory.alloc(8);
  memory.set64(at, 0xffffffff);
  memory.add64(at, 1);
  assert.is(memory.get64(at), 2 ** 32);
  memory.add64(at, -1);
  assert.is(memory.get64(at), 2 ** 32 - 1);
  memory.add64(at, 5 * 2 ** 32);
  assert.is(memory.get64(at), 6 * 2 ** 32 - 1);
});

test.run();
