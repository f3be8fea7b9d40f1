import { test } from "uvu";
import * as assert from "uvu/assert";
import { BatchPool } from "../../../src/packet/batch.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import { PacketQueue } from "../../../src/packet/queue.js";
import * as fc from "../../property.js";
import { bench, complaints, run } from "../harness.js";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

test("a queue gives packets in the order they came, and drops what finds it full", async () => {
  await run("Idle -> q :: Queue(3) -> Idle", 0, async ({ router, lines }) => {
    for (let i = 1; i <= 5; i++) router.inject("q", bytes(i));
    assert.is(router.read("q.length"), "3");
    assert.is(router.read("q.drops"), "2");
    assert.is(router.read("q.highwater_length"), "3");
    assert.equal(lines, ["q :: Queue: overflow"]);
    assert.equal(router.take("q", 2), [bytes(1), bytes(2)]);
    router.inject("q", bytes(6));
    assert.equal(router.take("q"), [bytes(3), bytes(6)]);
    assert.is(router.read("q.length"), "0");
    await router.write("q.reset_counts");
    assert.is(router.read("q.drops"), "0");
    assert.is(router.read("q.highwater_length"), "0");
  });
});

test("what finds a queue full leaves on output 1 where that is connected", async () => {
  const text = "Idle -> q :: Queue(1) -> Idle; q[1] -> over :: Counter -> Discard";
  await run(text, 0, async ({ router }) => {
    for (let i = 0; i < 4; i++) router.inject("q", bytes(i));
    assert.is(router.read("over.count"), "3");
    await router.write("q.reset");
    assert.is(router.read("over.count"), "4");
    assert.is(router.read("q.length"), "0");
  });
});

test("a queue's capacity can change while it holds packets", async () => {
  await run("Idle -> q :: Queue(4) -> Idle", 0, async ({ router }) => {
    for (let i = 1; i <= 4; i++) router.inject("q", bytes(i));
    await router.write("q.capacity", "2");
    assert.is(router.read("q.config"), "2");
    assert.is(router.read("q.length"), "2");
    router.inject("q", bytes(9));
    await router.write("q.config", "CAPACITY 100");
    assert.is(router.read("q.capacity"), "100");
    router.inject("q", bytes(5));
    assert.equal(router.take("q"), [bytes(1), bytes(2), bytes(5)]);
    assert.is(router.read("q.drops"), "1");
  });
});

test("a queue of capacity 0 drops everything, and says nothing", async () => {
  await run("Idle -> q :: Queue(0) -> Idle", 0, ({ router, lines }) => {
    router.inject("q", bytes(1));
    assert.is(router.read("q.drops"), "1");
    assert.equal(lines, []);
  });
});

test("a hot swap keeps the queue's packets", async () => {
  for (const capacity of [4, 700]) {
    const { router } = await bench("Idle -> q :: Queue(4) -> Idle");
    for (let i = 1; i <= 3; i++) router.inject("q", bytes(i));
    await router.swap(`Idle -> q :: Queue(${capacity}) -> Idle`);
    assert.equal(router.take("q"), [bytes(1), bytes(2), bytes(3)]);
    router.close();
    assert.is(router.memory.slotsUsed, 0);
  }
});

test("a hot swap into a smaller queue says what is lost", async () => {
  const { router, lines } = await bench("Idle -> q :: Queue(4) -> Idle");
  for (let i = 1; i <= 3; i++) router.inject("q", bytes(i));
  await router.swap("Idle -> q :: Queue(2) -> Idle");
  assert.match(lines.join("\n"), "some packets lost (old length 3, new capacity 2)");
  assert.equal(router.take("q"), [bytes(1), bytes(2)]);
  router.close();
  assert.is(router.memory.slotsUsed, 0);
});

test("a source sleeps while the queue behind it is full, and an Unqueue while it is empty", async () => {
  const text = "s :: InfiniteSource -> q :: Queue(5) -> u :: Unqueue(ACTIVE false) -> d :: Discard";
  await run(text, 0.001, async ({ router, clock }) => {
    assert.is(router.read("s.count"), "5");
    assert.is(router.read("q.drops"), "0");
    assert.is(router.read("s.scheduled"), "false");
    await router.write("s.limit", "8");
    await router.write("u.active", "true");
    router.runFor(0.001);
    assert.is(router.read("d.count"), "8");
    assert.is(router.read("u.scheduled"), "false");
    assert.is(clock.now(), 2_000_000);
    router.inject("q", bytes(1));
    router.runFor(0.001);
    assert.is(router.read("d.count"), "9");
  });
});

test("a capacity that is no number is refused", async () => {
  assert.equal(await complaints("Idle -> q :: Queue(x) -> Idle"), [
    "While configuring 'q :: Queue':",
    "  CAPACITY: invalid number",
  ]);
});

test("a PacketQueue behaves as an array does", () => {
  const step = fc.oneof(
    fc.record({ add: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ take: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ resize: fc.integer({ min: 0, max: 100 }) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 50 }), fc.array(step, { maxLength: 60 }), (first, steps) => {
      const memory = new PacketMemory({ bytes: 2 ** 20, slots: 256 });
      const batches = new BatchPool(memory);
      const batch = batches.acquire();
      const spare = batches.acquire();
      const queue = new PacketQueue(memory, first);
      let model: number[] = [];
      let capacity = first;
      for (const s of steps) {
        if ("add" in s) {
          const slots = Array.from({ length: s.add }, () => memory.kernels.poolTake());
          for (const slot of slots) batch.add(slot);
          const taken = queue.append(batch);
          assert.is(taken, Math.min(s.add, Math.max(0, capacity - model.length)));
          model.push(...slots.slice(0, taken));
          assert.equal(
            Array.from({ length: batch.count }, (_, i) => batch.at(i)),
            slots.slice(taken),
          );
        } else if ("take" in s) {
          queue.take(batch, s.take);
          assert.equal(
            Array.from({ length: batch.count }, (_, i) => batch.at(i)),
            model.splice(0, s.take),
          );
        } else {
          capacity = s.resize;
          assert.is(queue.resize(capacity, spare), Math.max(0, model.length - capacity));
          model = model.slice(0, capacity);
        }
        batch.kill();
        assert.is(queue.length, model.length);
        assert.is(memory.slotsUsed, model.length);
      }
      queue.release(spare);
      assert.is(memory.slotsUsed, 0);
    }),
    { numRuns: 60 },
  );
});

test.run();
