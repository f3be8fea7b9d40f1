import { test } from "uvu";
import * as assert from "uvu/assert";
import { allocation } from "../../bench/allocation.js";
import { CLoop, compiler } from "../../bench/c-loop.js";
import { type Dataset, drawDataset, drawRoutes } from "../../bench/data.js";
import { contestants, EncapGraph, hashes, SOURCE_RLOC } from "../../bench/encapsulation.js";
import { skipUnless } from "../skip.js";

const PACKETS = 4096;

function dataset(prefixes: number): Dataset {
  return drawDataset(drawRoutes(prefixes), PACKETS);
}

test("the fused kernel makes the graph's packets, whatever the batch", async () => {
  // Below and above the size at which the table gets its index.
  for (const prefixes of [1, 100, 3000]) {
    const data = dataset(prefixes);
    const first = await hashes(data, PACKETS, 64, null);
    assert.is(first.fused, first.graph);
    const other = await hashes(data, PACKETS, 7, null);
    assert.equal(other, first);
  }
});

test("other mappings, other packets: the hash is of what comes out", async () => {
  const one = await hashes(dataset(100), PACKETS, 64, null);
  const two = await hashes(dataset(101), PACKETS, 64, null);
  assert.is.not(one.graph, two.graph);
});

test("every packet that a contestant is timed for comes out", async () => {
  const graph = await EncapGraph.make(dataset(100));
  const [g, f] = contestants(graph, null, 64);
  await g.run(1000);
  await f.run(500);
  assert.equal(graph.counts, { graph: 1000, fused: 500 });
  assert.is(graph.router.memory.slotsUsed, 0);
  graph.close();
});

const withCompiler = skipUnless(compiler() !== null, "needs gcc");

withCompiler("the C loop makes the graph's packets, and counts those it is timed for", async () => {
  for (const prefixes of [1, 100, 3000]) {
    const data = dataset(prefixes);
    const c = await CLoop.start(data, SOURCE_RLOC);
    try {
      const { graph, c: own } = await hashes(data, PACKETS, 64, c);
      assert.is(own, graph);
      const before = await c.totals();
      assert.ok((await c.run(32, 1000)) > 0);
      const after = await c.totals();
      assert.equal([after[0] - before[0], after[1] - before[1], after[2]], [1000, 100_000, 0]);
    } finally {
      c.close();
    }
  }
});

test("nothing is allocated per packet: a million of them leave the JavaScript heap as it is", async () => {
  const graph = await EncapGraph.make(dataset(3000));
  // The smallest object is 12 bytes; what is allocated a batch (times, as numbers) is spread over its 256 packets.
  const { bytesPerPacket } = allocation(1 << 20, (n) => void graph.runGraph(n, 256));
  graph.close();
  assert.ok(bytesPerPacket < 3, `${bytesPerPacket} bytes a packet`);
});

test("an object for each packet is noticed", () => {
  const kept: { n: number }[] = new Array(16);
  const { bytesPerPacket } = allocation(1 << 16, (n) => {
    for (let i = 0; i < n; i++) kept[i & 15] = { n: i };
  });
  assert.ok(bytesPerPacket >= 12, `${bytesPerPacket} bytes a packet`);
  assert.is(kept.length, 16);
});

test.run();
