// A ring between threads stays in step whoever is replaced, at whatever moment.

import { Worker } from "node:worker_threads";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeSharedRing, SharedWireReceiver, SharedWireSender } from "../../src/device/shared-wire.js";
import { DAMAGED, RESULT_WORDS, type RingThread, readOne, TAKEN, WRITTEN, writeSome } from "./ring-thread.js";

/** Starts a thread on one side of a ring. */
function thread(data: RingThread): Worker {
  return new Worker(new URL("./ring-thread.js", import.meta.url), { workerData: data });
}

/** Waits until word `i` grows, or nothing has happened for 20 s. */
async function grows(words: Int32Array, i: number): Promise<void> {
  const before = Atomics.load(words, i);
  for (let tries = 0; tries < 4000; tries++) {
    if (Atomics.load(words, i) !== before) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.unreachable(`nothing happens: word ${i} stays ${before}`);
}

test("a writer that takes over while the reader drains goes on where the last one stopped", async () => {
  const ring = makeSharedRing(64, 8192);
  const results = new SharedArrayBuffer(RESULT_WORDS * 4);
  const words = new Int32Array(results);
  const reader = thread({ role: "read", ring, results });
  const bytes = new Uint8Array(8192);
  const end = performance.now() + 3000;
  try {
    let mark = writeSome(new SharedWireSender(ring), bytes, 0);
    await grows(words, TAKEN);
    while (performance.now() < end && Atomics.load(words, DAMAGED) === 0) {
      const sender = new SharedWireSender(ring);
      mark = writeSome(sender, bytes, mark);
    }
  } finally {
    await reader.terminate();
  }
  assert.is(Atomics.load(words, DAMAGED), 0);
  assert.ok(Atomics.load(words, TAKEN) > 1000);
});

for (const role of ["write", "read"] as const) {
  test(`threads that ${role} are ended in the middle of it, one after the other, and no packet is damaged`, async () => {
    const ring = makeSharedRing(64, 8192);
    const results = new SharedArrayBuffer(RESULT_WORDS * 4);
    const words = new Int32Array(results);
    const other = thread({ role: role === "write" ? "read" : "write", ring, results });
    const end = performance.now() + 6000;
    let replaced = 0;
    try {
      for (; replaced < 12 && (replaced < 3 || performance.now() < end); replaced++) {
        const replaceable = thread({ role, ring, results });
        await grows(words, role === "write" ? WRITTEN : TAKEN);
        await new Promise((resolve) => setTimeout(resolve, replaced));
        await replaceable.terminate();
      }
    } finally {
      await other.terminate();
    }
    assert.is(Atomics.load(words, DAMAGED), 0);
  });
}

/** A ring whose counters are about to wrap, as if so many packets and bytes had passed. */
function wornRing(): ReturnType<typeof makeSharedRing> {
  const ring = makeSharedRing(16, 1024);
  new Int32Array(ring.memory, 0, 3).fill(-5);
  new Uint32Array(ring.memory, 16 + ring.packets * 8, ring.packets).fill(-300);
  return ring;
}

test("what a writer announced and did not write is lost with it, and counted", () => {
  for (const ring of [makeSharedRing(16, 1024), wornRing()]) {
    const bytes = new Uint8Array(1024);
    const receiver = new SharedWireReceiver(ring);
    const out = new Uint8Array(1024);
    for (let round = 0; round < 100; round++) {
      const sender = new SharedWireSender(ring);
      assert.is(sender.abandoned, round === 0 ? 0 : 3);
      bytes.fill(round);
      assert.ok(sender.fits(100));
      sender.announce(100, round & 3, round);
      sender.write(bytes, 0, 100);
      for (let i = 0; i < 3; i++) sender.announce(90, 0, 0);
      assert.equal([receiver.packets, receiver.length(0), receiver.type(0)], [1, 100, round & 3]);
      receiver.read(out, 0, 100);
      assert.ok(out.subarray(0, 100).every((b) => b === round));
      receiver.remove(1, 100);
      assert.is(receiver.packets, 0);
    }
  }
});

test("a reader gets again what the last one had read and not removed", () => {
  for (const ring of [makeSharedRing(16, 4096), wornRing()]) {
    const bytes = new Uint8Array(4096);
    const sender = new SharedWireSender(ring);
    let mark = 0;
    for (let round = 0; round < 200; round++) {
      const before = mark;
      mark = writeSome(sender, bytes, mark);
      const first = new SharedWireReceiver(ring);
      const waiting = first.packets;
      assert.is(waiting, (mark - before) & 0xff);
      if (waiting > 0) first.read(bytes, 0, first.length(0));
      const second = new SharedWireReceiver(ring);
      for (let i = 0; i < waiting; i++) assert.ok(readOne(second, bytes), `round ${round}`);
    }
  }
});

test("a full ring is full for whoever takes over, and has room for as much as it had", () => {
  for (const ring of [makeSharedRing(16, 1024), wornRing()]) {
    const bytes = new Uint8Array(1024);
    const fill = (): number => {
      let n = 0;
      for (let s = new SharedWireSender(ring); s.fits(64); s = new SharedWireSender(ring)) {
        s.announce(64, 0, 0);
        s.write(bytes, 0, 64);
        n++;
      }
      return n;
    };
    for (let round = 0; round < 20; round++) {
      assert.is(fill(), 16);
      new SharedWireReceiver(ring).clear();
    }
    const one = new SharedWireSender(ring);
    assert.not.ok(one.fits(1025));
    assert.ok(one.fits(1024));
  }
});

test.run();
