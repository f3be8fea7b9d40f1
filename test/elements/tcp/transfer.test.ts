// TCPSource and TCPSink in routers: transfers through elements and links.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { writeStream } from "../../../src/transport/tcp/stream.js";
import { bench, run } from "../harness.js";
import { complaints } from "../lab.js";

for (const [family, a, b] of [
  ["IPv4", "10.0.0.1", "10.0.0.2"],
  ["IPv6", "fd00::1", "fd00::2"],
] as const) {
  test(`a transfer over ${family} through delay arrives byte for byte and closes`, async () => {
    const text = `
      source :: TCPSource(${a}, 40000, ${b}, 5001, BYTES 3000000) -> SetTimestamp -> Queue -> DelayUnqueue(10ms) -> sink :: TCPSink(${b}, 5001)
        -> SetTimestamp -> Queue -> DelayUnqueue(10ms) -> source`;
    await run(text, 100, ({ router }) => {
      assert.is(router.read("sink.bytes"), "3000000");
      assert.is(router.read("sink.wrong"), "0");
      assert.is(router.read("sink.finished"), "1");
      assert.is(router.read("source.bytes"), "3000000");
      assert.is(router.read("source.done"), "true");
      assert.is(router.read("source.failed"), "0");
      assert.is(router.read("source.retransmits"), "0");
      const [connection] = JSON.parse(router.read("source.connections"));
      assert.is(connection.ended, "done");
      assert.is(connection.remote, b);
    });
  });
}

test("many connections share one element", async () => {
  const text = `
    source :: TCPSource(10.0.0.1, 40000, 10.0.0.2, 5001, BYTES 20000, CONNECTIONS 500) -> SetTimestamp -> Queue(100000) -> DelayUnqueue(10ms)
      -> sink :: TCPSink(10.0.0.2, 5001, BACKLOG 500) -> SetTimestamp -> Queue(100000) -> DelayUnqueue(10ms) -> source`;
  await run(text, 10, ({ router }) => {
    assert.is(router.read("sink.bytes"), "10000000");
    assert.is(router.read("sink.wrong"), "0");
    assert.is(router.read("sink.finished"), "500");
    assert.is(router.read("source.done"), "true");
  });
});

test("addresses of two families and ports that are not there are refused", async () => {
  assert.equal(await complaints("Idle -> TCPSource(10.0.0.1, 40000, fd00::2, 5001) -> Discard"), [
    "While configuring 'TCPSource@2 :: TCPSource':",
    "SRC and DST are of two families",
  ]);
  assert.equal(
    await complaints("Idle -> TCPSource(10.0.0.1, 65535, 10.0.0.2, 5001, CONNECTIONS 2) -> Discard"),
    [
      "While configuring 'TCPSource@2 :: TCPSource':",
      "SPORT and CONNECTIONS: 2 ports from 65535 on are not there",
    ],
  );
  assert.equal(await complaints("Idle -> TCPSink(fd00::2, 5001, MTU 1000) -> Discard"), [
    "While configuring 'TCPSink@2 :: TCPSink':",
    "MTU must be at least 1280 for IPv6",
  ]);
});

/** A source and a sink that are 10 ms apart. */
function pair(source: string, sink = ""): string {
  return `source :: TCPSource(10.0.0.1, 40000, 10.0.0.2, 5001${source}) -> SetTimestamp -> Queue(10000) -> DelayUnqueue(10ms)
    -> sink :: TCPSink(10.0.0.2, 5001${sink}) -> SetTimestamp -> Queue(10000) -> DelayUnqueue(10ms) -> source`;
}

test("RATE and DURATION limit what is sent, and throughput and log tell of it", async () => {
  await run(pair(", RATE 100kBps, DURATION 5s"), 10, ({ router }) => {
    const bytes = Number(router.read("sink.bytes"));
    assert.ok(bytes > 490_000 && bytes <= 500_000, String(bytes));
    assert.is(router.read("source.done"), "true");
    for (const name of ["source", "sink"]) {
      const throughput = Number(router.read(`${name}.throughput`));
      assert.ok(throughput > 750_000 && throughput < 820_000, String(throughput));
      const { interval, bits_per_second: rates } = JSON.parse(router.read(`${name}.log`));
      assert.is(interval, 1);
      assert.ok(
        rates.length >= 5 && rates.slice(0, 4).every((rate: number) => rate > 700_000 && rate < 900_000),
      );
    }
    router.write("sink.reset", "");
    assert.is(router.read("sink.bytes"), "0");
    assert.equal(JSON.parse(router.read("sink.log")).bits_per_second, []);
  });
});

test("what is sent without end is closed, or ended, by a handler", async () => {
  for (const [handler, state, ended] of [
    ["close", "finished", "done"],
    ["abort", "accepted", "reset"],
  ] as const)
    await run(pair(", RATE 100kBps, ACTIVE false"), 1, ({ router }) => {
      assert.is(router.read("source.active"), "false");
      router.write("source.active", "true");
      router.runFor(2);
      assert.is(router.read("source.done"), "false");
      router.write(`source.${handler}`, "");
      router.runFor(2);
      assert.is(router.read("source.done"), "true");
      assert.is(router.read(`sink.${state}`), "1");
      assert.is(JSON.parse(router.read("sink.connections"))[0].ended, ended);
      assert.is(router.read("source.failed"), handler === "abort" ? "1" : "0");
      assert.is(router.read("sink.wrong"), "0");
      // The same ports serve again.
      router.write("source.active", "true");
      router.runFor(1);
      assert.is(router.read("sink.accepted"), "2");
      router.write("source.abort", "");
      router.runFor(1);
    });
});

test("STOP stops the router when the last connection is closed", async () => {
  const { router } = await bench(pair(", BYTES 100000, STOP true"));
  router.runFor(100);
  assert.ok(router.driver.stopped);
  assert.is(router.read("sink.finished"), "1");
  assert.is(router.read("source.state"), "time-wait");
  router.close();
});

test("a stream of another seed is wrong", async () => {
  await run(pair(", BYTES 10000, SEED 2"), 1, ({ router }) => {
    assert.is(router.read("sink.bytes"), "10000");
    assert.ok(Number(router.read("sink.wrong")) > 9000);
  });
});

test("a file is sent as it is", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-tcp-"));
  try {
    const file = join(folder, "stream");
    const bytes = new Uint8Array(50_001);
    writeStream(new DataView(bytes.buffer), 0, 7, 0, bytes.length);
    writeFileSync(file, bytes);
    await run(pair(`, FILE "${file}"`, ", SEED 7"), 1, ({ router }) => {
      assert.is(router.read("sink.bytes"), "50001");
      assert.is(router.read("sink.wrong"), "0");
      assert.is(router.read("sink.finished"), "1");
    });
    const of = (source: string): string =>
      `Idle -> TCPSource(10.0.0.1, 1, 10.0.0.2, 5001, ${source}) -> Discard`;
    const [, more] = await complaints(of(`FILE "${file}", BYTES 50002`));
    assert.is(more, `BYTES is 50002, but '${file}' has 50001`);
    const [, none] = await complaints(of(`FILE "${file}x"`));
    assert.match(none, /^FILE: ENOENT/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
