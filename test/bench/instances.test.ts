// The bench's instances and chains forward every packet; links make no objects for packets.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocation } from "../../bench/allocation.js";
import { benchChain, Chain } from "../../bench/chain.js";
import { Hand } from "../../bench/instance-lab.js";
import { benchInstances } from "../../bench/instances.js";
import { makeLink } from "../../src/device/link.js";
import { makeSharedLink, SharedLinkDevice } from "../../src/device/shared-link.js";

test("instances start inline and as threads, and all of them forward", async () => {
  const { boots, forwarding, text } = await benchInstances({
    processes: 1,
    runs: 2,
    counts: [1, 5],
    forwarding: 5,
    seconds: 0.3,
    threads: 1,
    threadSeconds: 20,
    progress: () => {},
  });
  const kinds = boots.map((b) => `${b.ms.runs} of ${b.count} ${b.isolation} ${b.name}, ${b.how}`);
  assert.equal(kinds, [
    "1 of 1 inline xTR, first in a new process",
    "1 of 1 inline xTR, and the process itself",
    "2 of 1 inline xTR, one more, warm manager",
    "2 of 5 inline xTR, one more, warm manager",
    "5 of 5 inline xTR, one after the other",
    "2 of 5 inline xTR with RLOCs of its own, one more, warm manager",
    "5 of 5 inline xTR with RLOCs of its own, one after the other",
    "2 of 1 inline empty graph, one more, warm manager",
    "2 of 5 inline empty graph, one more, warm manager",
    "5 of 5 inline empty graph, one after the other",
    "5 of 5 none memory with kernels, no graph, one after the other",
    "1 of 1 thread xTR, one after the other",
    "1 of 1 thread empty worker, one after the other",
  ]);
  assert.ok(boots.every((b) => b.ms.low > 0));
  assert.equal(
    forwarding.map((f) => f.instances),
    [1, 5, 5, 1, 5],
  );
  assert.ok(
    forwarding.every((f) => f.fewest > 0 && f.fairness > 0 && f.fairness <= 1),
    JSON.stringify(forwarding),
  );
  assert.match(text, /published, other hardware: LightVM/);
});

test("a chain passes every packet, and loses none between threads", async () => {
  for (const make of [() => Chain.inline(3), () => Chain.inline(1, 3), () => Chain.threads(2)]) {
    const chain = await make();
    await chain.run(5000);
    assert.is(chain.ends.forwarded, 5000);
    await chain.close();
  }
});

test("the cost of a link is told", async () => {
  const { rows, link } = await benchChain({ runs: 1, runMs: 1, lengths: [1, 2] });
  assert.equal(
    rows.map((r) => `${r.functions} ${r.how} ${r.links}`),
    ["1 inline 2", "2 inline 3", "1 one graph 2", "2 one graph 2", "1 threads 2", "2 threads 3"],
  );
  assert.ok(Number.isFinite(link.inline) && Number.isFinite(link.threads));
});

test("links make no objects for packets", () => {
  const frame = new Uint8Array(64);
  const hand = new Hand();
  const none = (): void => assert.unreachable();
  const shared = makeSharedLink({
    mtu: 1500,
    flight: { packets: 512, bytes: 65536 },
    names: ["a", "b"],
    macs: [frame.subarray(0, 6), frame.subarray(6, 12)],
  });
  for (const [a, b] of [makeLink({}), shared.map((end) => new SharedLinkDevice(end, {}))]) {
    const run = (packets: number): void => {
      for (let sent = 0; sent < packets; sent += 256) {
        hand.send(a, frame, 256);
        if (hand.take(b, 64, none) !== 256) throw new Error("a packet was lost");
      }
    };
    // What is not compiled yet makes numbers on the heap, and on a busy machine the compiler's thread takes its time.
    let bytesPerPacket = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 10 && bytesPerPacket >= 20; round++) {
      run(100_000);
      ({ bytesPerPacket } = allocation(65536, run));
    }
    // A time that V8 hands from function to function as a number on the heap has 16 bytes, where it does not compile
    // them as one; an object with two such numbers has 60 and more.
    assert.ok(bytesPerPacket < 20, `${bytesPerPacket.toFixed(1)} bytes a packet`);
    a.close();
    b.close();
  }
});

test.run();
