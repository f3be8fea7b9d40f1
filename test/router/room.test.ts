// timeout: 240
// How many packets a router holds, of which size, and what is told when there is no room for more.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readIpv4 } from "../../src/wire/ipv4.js";
import { PcapWriter } from "../../src/wire/pcap.js";
import { bench, run } from "../elements/harness.js";
import { filling, ip, ipv4 } from "../packets.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-room-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** An Ethernet frame with an IPv4 packet of `length` bytes in all. */
function frame(length: number, id = 1): Uint8Array {
  const packet = ipv4({
    id,
    source: ip("10.0.0.1"),
    destination: ip("10.0.0.2"),
    payload: filling(length - 20),
  });
  return Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, ...packet);
}

function capture(name: string, frames: readonly Uint8Array[]): string {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => chunks.push(bytes.slice()));
  for (const bytes of frames) writer.buffer.set(bytes, writer.add(1000, 0, bytes.length));
  writer.flush();
  const file = join(folder, name);
  writeFileSync(file, Buffer.concat(chunks));
  return file;
}

const LENGTHS = [60, 1500, 2048, 9000, 33_000, 65_535];

test("a queue of 500,000 packets holds as many, and gives them all", async () => {
  const text = `s :: InfiniteSource(LENGTH 64, LIMIT 500000, BURST 256) -> q :: Queue(600000)
    -> u :: Unqueue(BURST 256, ACTIVE false) -> c :: Counter -> Discard`;
  const { router, lines } = await bench(text);
  router.runFor(1);
  assert.equal(
    [router.read("s.no_slot"), router.read("q.drops"), router.read("q.length")],
    ["0", "0", "500000"],
  );
  assert.is(router.memory.slotsUsed, 500_000);
  await router.write("u.active", "true");
  router.runFor(1);
  assert.equal([router.read("c.count"), router.read("c.byte_count")], ["500000", String(500_000 * 64)]);
  assert.is(router.memory.slotsUsed, 0);
  assert.equal(lines, []);
  router.close();
});

test("packets wait by tens of thousands behind a delay, and none is lost", async () => {
  const text = `r :: RatedSource(DATA "x", RATE 40000, LIMIT 80000) -> SetTimestamp -> q :: Queue(200000)
    -> DelayUnqueue(1s) -> c :: Counter -> Discard`;
  await run(text, 5, ({ router }) => {
    const counts = ["r.count", "r.no_slot", "q.drops", "c.count"].map((h) => router.read(h));
    assert.equal(counts, ["80000", "0", "0", "80000"]);
  });
});

test("what there is no room for is counted at its source, and told on the log once", async () => {
  const text = "r :: RatedSource(RATE 100000) -> q :: Queue(200000) -> u :: Unqueue(ACTIVE false) -> Discard";
  const { router, lines } = await bench(text, { memory: { bytes: 4 * 2 ** 20 } });
  for (let i = 0; i < 3; i++) {
    router.runFor(0.1);
    await router.write("u.active", "true");
    router.runFor(0.01);
    await router.write("u.active", "false");
  }
  assert.ok(Number(router.read("r.no_slot")) > 1000);
  assert.is(lines.length, 1);
  assert.match(
    lines[0],
    /^no room for more packets: \d+ are held, in a memory of 4 MiB; .* no_slot and rx_no_slot; a larger memory/,
  );
  router.close();
});

test("packets of every size go from a capture through a graph to a capture, byte for byte", async () => {
  const file = capture("all.pcap", LENGTHS.map(frame));
  const out = join(folder, "out.pcap");
  const text = `FromDump(${file}) -> t :: Tee(2) -> Queue(10) -> Unqueue -> ToDump(${out}, SNAPLEN 0);
    t[1] -> Strip(14) -> CheckIPHeader -> Unstrip(14) -> Print(x, CONTENTS NONE) -> q :: Queue -> Idle`;
  await run(text, 0.1, ({ router, lines }) => {
    assert.equal(
      router.take("q").map((p) => p.length),
      LENGTHS.map((n) => n + 14),
    );
    assert.equal(
      lines,
      LENGTHS.map((n) => `x: ${String(n + 14).padStart(4)}`),
    );
  });
  await run(`FromDump(${out}) -> q :: Queue -> Idle`, 0.1, ({ router }) => {
    assert.equal(
      router.take("q").map(Buffer.from),
      LENGTHS.map((n, i) => Buffer.from(frame(n, i))),
    );
  });
});

test("packets of every size are cut by IPFragmenter, and their fragments hold all their bytes", async () => {
  const file = capture("cut.pcap", LENGTHS.map(frame));
  for (const mtu of [576, 1500, 9000]) {
    const text = `FromDump(${file}) -> Strip(14) -> CheckIPHeader -> f :: IPFragmenter(${mtu}, HONOR_DF false) -> q :: Queue(1000) -> Idle; f[1] -> Discard`;
    await run(text, 0.1, ({ router }) => {
      const whole = new Map<number, Uint8Array>();
      for (const bytes of router.take("q", 1000)) {
        assert.ok(bytes.length <= mtu);
        const { id, payload } = readIpv4(bytes);
        const at = (((bytes[6] & 0x1f) << 8) | bytes[7]) * 8;
        const had = whole.get(id) ?? new Uint8Array(65535);
        had.set(payload, at);
        whole.set(id, had);
      }
      for (const [i, length] of LENGTHS.entries())
        assert.equal(Buffer.from(whole.get(i)!.subarray(0, length - 20)), Buffer.from(filling(length - 20)));
    });
  }
});

test("packets of every size are injected, answered by ICMP, and survive a hot swap in a queue", async () => {
  const text = `Idle -> m :: MarkIPHeader(14) -> t :: Tee(2) -> q :: Queue -> Idle;
    t[1] -> ICMPError(10.0.0.9, 3, 1) -> e :: Queue -> Idle`;
  await run(text, 0, async ({ router }) => {
    for (const [i, n] of LENGTHS.entries()) assert.ok(router.inject("m", frame(n, i)));
    assert.not(router.inject("m", new Uint8Array(66_561)));
    await router.swap(text);
    assert.equal(
      router.take("q").map(Buffer.from),
      LENGTHS.map((n, i) => Buffer.from(frame(n, i))),
    );
    const errors = router.take("e");
    assert.is(errors.length, LENGTHS.length);
    assert.ok(errors.every((bytes) => bytes.length <= 576 && readIpv4(bytes).protocol === 1));
  });
});

test("packets of every size cross a LISP tunnel: whole, in fragments, or answered with the path's MTU", async () => {
  const file = capture("tunnel.pcap", LENGTHS.map(frame));
  for (const [mtu, cut] of [
    [1500, 5],
    [9000, 3],
    [65_535, 1],
  ]) {
    const text = `FromDump(${file}) -> Strip(14) -> CheckIPHeader -> t :: Tee(2)
      -> cache :: LISPMapCache(10.0.0.0/8 192.0.2.1) -> encap :: LISPEncap(192.0.2.9, MTU ${mtu})
      -> CheckIPHeader -> decap :: LISPDecap -> CheckIPHeader -> q :: Queue(1000) -> Idle;
      encap [1] -> cut :: IPFragmenter(65535, HONOR_MTU true, HONOR_DF false) -> encap;
      t [1] -> c2 :: LISPMapCache(10.0.0.0/8 192.0.2.1) -> e2 :: LISPEncap(192.0.2.9, MTU ${mtu}) -> Discard;
      e2 [1] -> ICMPError(10.0.0.9, unreachable, needfrag) -> told :: Queue -> Idle`;
    await run(text, 0.1, ({ router }) => {
      const packets = router.take("q", 1000);
      const seen = packets.reduce((sum, bytes) => sum + readIpv4(bytes).payload.length, 0);
      assert.is(
        seen,
        LENGTHS.reduce((sum, n) => sum + n - 20, 0),
      );
      assert.ok(packets.every((bytes) => bytes.length + 36 <= mtu));
      const told = router.take("told");
      assert.is(told.length, cut, "those that do not fit the path");
      for (const bytes of told) assert.is((bytes[26] << 8) | bytes[27], mtu - 36);
      assert.is(router.read("encap.no_headroom"), "0");
    });
  }
});

test.run();
