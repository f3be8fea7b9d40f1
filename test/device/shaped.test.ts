// A device behind a link of ours: what is sent through it is late, lost or slow, and what it receives is not.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeLink } from "../../src/device/link.js";
import { ShapedDevice, type Shaping } from "../../src/device/shaped.js";
import { type Batch, BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import { until } from "../until.js";

/** A shaped device over one end of a plain link, and the other end. */
class Bench {
  readonly memory = new PacketMemory({ bytes: 2 ** 24, slots: 1024 });
  readonly ends = makeLink({ names: ["a", "b"], flight: { packets: 1024, bytes: 2 ** 20 } });
  readonly device: ShapedDevice;
  readonly #pool = new BatchPool(this.memory);
  readonly #packet = new Packet(this.memory);

  constructor(shaping: Shaping) {
    this.device = new ShapedDevice(this.ends[0], this.memory, shaping);
  }

  batch(count: number): Batch {
    const batch = this.#pool.acquire();
    for (let i = 0; i < count; i++) {
      this.#packet.at(this.memory.kernels.poolTake()).setBytes(Uint8Array.of(i, ...new Array(99).fill(0)));
      batch.add(this.#packet.slot);
    }
    return batch;
  }

  send(count: number): void {
    const batch = this.batch(count);
    this.device.send(batch);
    this.#pool.release(batch);
  }

  /** First bytes of what has arrived. */
  arrived(): number[] {
    const got: number[] = [];
    const batch = this.#pool.acquire();
    while (this.ends[1].receive(batch, 256) > 0) {
      for (let i = 0; i < batch.count; i++) got.push(this.#packet.at(batch.at(i)).bytes()[0]);
      batch.kill();
    }
    this.#pool.release(batch);
    return got;
  }

  close(): void {
    this.device.close();
    assert.is(this.memory.slotsUsed, 0, "every packet is given back");
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

test("without shaping packets go straight out", () => {
  const bench = new Bench({});
  bench.send(5);
  assert.equal(bench.arrived(), [0, 1, 2, 3, 4]);
  bench.close();
});

test("a delay holds packets back, and keeps their order", async () => {
  const bench = new Bench({ delay: 0.03 });
  const sent = performance.now();
  bench.send(5);
  assert.equal(bench.arrived(), []);
  const got: number[] = [];
  await until(() => {
    got.push(...bench.arrived());
    return got.length === 5;
  });
  assert.ok(performance.now() - sent >= 29);
  assert.equal(got, [0, 1, 2, 3, 4]);
  bench.close();
});

test("a loss is counted, and what is not lost arrives", async () => {
  const bench = new Bench({ loss: 0.5 });
  for (let i = 0; i < 10; i++) bench.send(100);
  const lost = bench.device.counters().tx_lost;
  assert.ok(lost > 300 && lost < 700, `${lost} of 1000 lost`);
  let got = 0;
  await until(() => {
    got += bench.arrived().length;
    return got === 1000 - lost;
  });
  bench.close();
});

test("a rate lets no more pass, and says when there is room", async () => {
  // 100 bytes take 10 ms; two wait.
  const bench = new Bench({ rate: 80_000, queue: 2 });
  const batch = bench.batch(10);
  assert.is(bench.device.send(batch), 3);
  assert.is(batch.count, 7);
  await new Promise<void>((resolve) => bench.device.armSend(resolve));
  assert.ok(bench.device.send(batch) >= 1);
  batch.kill();
  await pause(100);
  bench.arrived();
  bench.close();
});

test("a cut sends nothing out and counts it, with a delay and without", async () => {
  for (const shaping of [{}, { delay: 0.001 }]) {
    const bench = new Bench(shaping);
    bench.device.impair(shaping, true);
    bench.send(4);
    await pause(10);
    assert.equal(bench.arrived(), []);
    assert.is(bench.device.counters().tx_down, 4);
    bench.device.impair({}, false);
    bench.send(1);
    await until(() => bench.arrived().length === 1);
    bench.close();
  }
});

test("what comes in is not held back", () => {
  const bench = new Bench({ delay: 10 });
  const batch = bench.batch(3);
  bench.ends[1].send(batch);
  assert.is(bench.device.receive(batch, 10), 3);
  batch.kill();
  bench.close();
});

test.run();
