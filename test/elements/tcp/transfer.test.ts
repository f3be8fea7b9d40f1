// TCPSource and TCPSink in routers: transfers through elements and links.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { run } from "../harness.js";
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

test.run();
