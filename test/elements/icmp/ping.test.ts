import { test } from "uvu";
import * as assert from "uvu/assert";
import { ANNO_PAINT } from "../../../assembly/layout.js";
import { readIcmp, writeIcmp } from "../../../src/wire/icmp.js";
import { readIcmp6, writeIcmp6 } from "../../../src/wire/icmp6.js";
import { readIpv4 } from "../../../src/wire/ipv4.js";
import { readIpv6, writeIpv6 } from "../../../src/wire/ipv6.js";
import { filling, hex, ip, ip6, ipv4, ipv6 } from "../../packets.js";
import * as fc from "../../property.js";
import { complaints, type Lab, lab } from "../lab.js";

const request = (payload: Uint8Array, rest = 0x00070001, fields = {}): Uint8Array =>
  ipv4({ protocol: 1, payload: writeIcmp({ type: 8, code: 0, rest, payload }), ...fields });

test("ICMPPingResponder turns requests into replies with good checksums", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader -> r :: ICMPPingResponder -> c :: Catch");
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.integer({ min: 0, max: 255 }),
      (data, rest, ttl) => {
        l.feed([{ bytes: request(data, rest, { ttl, dontFragment: true }), anno: { [ANNO_PAINT]: 9 } }]);
        const [caught] = l.caught("c");
        const packet = readIpv4(caught.bytes);
        assert.is(packet.source, ip("192.0.2.1"));
        assert.is(packet.destination, ip("10.0.0.1"));
        assert.is(packet.ttl, 255);
        assert.is(packet.dontFragment, false);
        const reply = readIcmp(packet.payload);
        assert.equal([reply.type, reply.code, reply.rest], [0, 0, rest]);
        assert.equal(new Uint8Array(reply.payload), data);
        assert.equal([...caught.anno.subarray(0, 4), caught.anno[ANNO_PAINT]], [10, 0, 0, 1, 0]);
      },
    ),
  );
  l.feed([request(new Uint8Array(0), 0)]);
  assert.is(readIcmp(readIpv4(l.caught("c")[0].bytes).payload).type, 0, "nothing but zeroes");
  l.close();
});

test("ICMPPingResponder passes everything else to output 1, unchanged", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader -> r :: ICMPPingResponder -> c :: Catch; r[1] -> d :: Catch",
  );
  const others = [
    ipv4({ payload: filling(20) }),
    ipv4({ protocol: 1, payload: writeIcmp({ type: 0, code: 0, rest: 0, payload: filling(2) }) }),
    request(filling(8), 1, { moreFragments: true }),
    request(filling(8), 1, { fragmentOffset: 8 }),
    ipv4({ protocol: 1, payload: hex("08000000000000") }),
    ipv4().subarray(0, 10),
  ];
  l.feed(others);
  assert.is(l.caught("c").length, 0);
  assert.equal(
    l.caught("d").map((c) => c.bytes),
    others,
  );
  l.close();
});

test("ping responders count what they drop for want of output 1", async () => {
  const l = await lab(
    `f :: Feed -> MarkIPHeader -> r :: ICMPPingResponder -> c :: Catch;
     g :: Feed -> MarkIP6Header -> s :: ICMP6PingResponder -> e :: Catch`,
  );
  l.feed([ipv4({ payload: filling(20) }), request(filling(8), 1)]);
  assert.is(l.router.read("r.not_request"), "1");
  assert.is(l.caught("c").length, 1);
  l.feed([ipv6(), ipv6({ nextHeader: 58 })], "g");
  assert.is(l.router.read("s.not_request"), "2");
});

test("ICMP6PingResponder turns requests into replies, to a group's from its own address", async () => {
  const l = await lab(
    `f :: Feed -> MarkIP6Header -> r :: ICMP6PingResponder(2001:db8::99) -> c :: Catch; r[1] -> d :: Catch;
     g :: Feed -> MarkIP6Header -> s :: ICMP6PingResponder -> e :: Catch; s[1] -> h :: Catch`,
  );
  const ask = (source: Uint8Array, destination: Uint8Array, data: Uint8Array): Uint8Array =>
    ipv6({
      nextHeader: 58,
      source,
      destination,
      payload: writeIcmp6({ type: 128, code: 0, rest: 0xabcd0001, payload: data }, { source, destination }),
    });
  const me = ip6("2001:db8:1::1");
  const you = ip6("2001:db8::7:1");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (data, group) => {
      l.feed([ask(you, group ? ip6("ff02::1") : me, data)]);
      const [caught] = l.caught("c");
      const packet = readIpv6(caught.bytes);
      assert.equal(packet.source, group ? ip6("2001:db8::99") : me);
      assert.equal(packet.destination, you);
      assert.is(packet.hopLimit, 64);
      const reply = readIcmp6(packet.payload, packet);
      assert.equal([reply.type, reply.code, reply.rest], [129, 0, 0xabcd0001]);
      assert.equal(new Uint8Array(reply.payload), data);
      assert.equal(caught.anno.slice(0, 16), you);
    }),
  );
  const others = [
    ask(ip6("::"), me, filling(1)),
    ask(ip6("ff02::5"), me, filling(1)),
    ipv6({ payload: filling(9) }),
    ipv4({ payload: filling(40) }),
  ];
  l.feed(others);
  assert.equal(
    l.caught("d").map((c) => c.bytes),
    others,
  );
  l.feed([ask(you, ip6("ff02::1"), filling(1)), ask(you, me, filling(1))], "g");
  assert.is(l.caught("h").length, 1);
  assert.is(l.caught("e").length, 1);
  l.close();
});

test("ICMPPingSource sends requests at its interval, up to its limit, and stops the router", async () => {
  const l = await lab(
    "p :: ICMPPingSource(10.0.0.1, 10.0.0.2, INTERVAL 0.1, IDENTIFIER 7, DATA abc, LIMIT 3, STOP true) -> c :: Catch",
  );
  l.router.runFor(0.25);
  const seen = l.caught("c");
  assert.equal(
    seen.map((c) => c.timestamp - 1_000_000_000_000_000_000n),
    [100_000_000n, 200_000_000n],
  );
  l.router.runFor(1);
  seen.push(...l.caught("c"));
  assert.is(seen.length, 3);
  assert.is(l.router.driver.stopped, true);
  for (const [i, { bytes, anno, network, transport }] of seen.entries()) {
    const packet = readIpv4(bytes);
    assert.equal(
      [packet.id, packet.ttl, packet.source, packet.destination],
      [i + 1, 200, ip("10.0.0.1"), ip("10.0.0.2")],
    );
    const echo = readIcmp(packet.payload);
    assert.equal([echo.type, echo.code, echo.rest], [8, 0, (7 << 16) | (i + 1)]);
    assert.equal([...echo.payload], [97, 98, 99]);
    assert.equal([...anno.subarray(0, 4)], [10, 0, 0, 2]);
    assert.equal([network, transport], [0, 20]);
  }
  assert.is(l.read("p.count"), "3");
  assert.equal(l.lines, [], "without an input there is nothing to sum up");
  l.close();
});

/** Gives the source at `name` a reply to `sequence` that arrives now. */
function reply(l: Lab, sequence: number, identifier = 0): void {
  const at = 1_000_000_000_000_000_000n + BigInt(l.clock.now());
  const payload = writeIcmp({ type: 0, code: 0, rest: identifier * 65536 + sequence, payload: filling(4) });
  l.feed([
    {
      bytes: ipv4({ protocol: 1, source: ip("10.0.0.2"), destination: ip("10.0.0.1"), payload }),
      slot: (memory, slot) => memory.view.setBigUint64(slot + 24, at, true),
    },
  ]);
}

test("ICMPPingSource keeps ping's statistics of the replies it gets back", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader -> p :: ICMPPingSource(10.0.0.1, 10.0.0.2, INTERVAL 10ms) -> c :: Catch",
  );
  assert.is(l.read("p.rtt_min"), "0s");
  l.router.runFor(0.0101);
  reply(l, 1);
  l.router.runFor(0.0119);
  reply(l, 2);
  reply(l, 2);
  reply(l, 99);
  reply(l, 1, 5);
  l.feed([ipv4({ payload: filling(30) }), ipv4().subarray(0, 9)]);
  assert.is(l.read("p.not_mine"), "4");
  l.router.runFor(0.02);
  l.caught("c");
  assert.equal(l.lines, [
    "p :: ICMPPingSource: 4 bytes from 10.0.0.2: icmp_seq=1 ttl=64 time=0.100 ms",
    "p :: ICMPPingSource: 4 bytes from 10.0.0.2: icmp_seq=2 ttl=64 time=2.000 ms",
    "p :: ICMPPingSource: 4 bytes from 10.0.0.2: icmp_seq=2 ttl=64 time=2.000 ms",
  ]);
  assert.equal(
    ["rtt_min", "rtt_avg", "rtt_max"].map((h) => l.read(`p.${h}`)),
    ["100us", "0.001366s", "0.002s"],
  );
  const summary = l.read("p.summary");
  assert.match(summary, /^4 packets transmitted, 2 received, \+1 duplicates, 50% packet loss\n/);
  assert.match(summary, /rtt min\/avg\/max\/mdev = 0\.100\/1\.366\/2\.000\/0\.896\n$/);
  l.close();
  assert.is(l.lines.at(-1), `p :: ICMPPingSource: ${summary.split("\n")[1]}`);
});

test("ICMP6PingSource sends requests at its interval, up to its limit, and sums up the replies", async () => {
  const l = await lab(
    `f :: Feed -> MarkIP6Header -> p :: ICMP6PingSource(2001:db8::1, 2001:db8::2, INTERVAL 0.1, IDENTIFIER 7, DATA abc,
       LIMIT 2) -> c :: Catch`,
  );
  l.router.runFor(0.1001);
  const [source, destination] = [ip6("2001:db8::1"), ip6("2001:db8::2")];
  const answer = (sequence: number, identifier = 7, type = 129): void => {
    const back = { source: destination, destination: source };
    const rest = identifier * 65536 + sequence;
    const payload = writeIcmp6({ type, code: 0, rest, payload: filling(4) }, back);
    const at = 1_000_000_000_000_000_000n + BigInt(l.clock.now());
    l.feed([
      {
        bytes: writeIpv6({ trafficClass: 0, flowLabel: 0, nextHeader: 58, hopLimit: 64, ...back, payload }),
        slot: (memory, slot) => memory.view.setBigUint64(slot + 24, at, true),
      },
    ]);
  };
  answer(1);
  l.router.runFor(5);
  const seen = l.caught("c");
  assert.is(seen.length, 2);
  for (const [i, { bytes, anno, network, transport }] of seen.entries()) {
    const packet = readIpv6(bytes);
    assert.equal([packet.hopLimit, packet.source, packet.destination], [200, source, destination]);
    const echo = readIcmp6(packet.payload, packet);
    assert.equal([echo.type, echo.code, echo.rest], [128, 0, (7 << 16) | (i + 1)]);
    assert.equal([...echo.payload], [97, 98, 99]);
    assert.equal(anno.subarray(0, 16), destination);
    assert.equal([network, transport], [0, 40]);
  }
  for (const wrong of [() => answer(9), () => answer(1, 5), () => answer(1, 7, 128)]) wrong();
  l.feed([filling(30)]);
  assert.is(l.read("p.not_mine"), "4");
  assert.match(
    l.read("p.summary"),
    /^2 packets transmitted, 1 received, 50% packet loss\nrtt min.* = 0\.100\//,
  );
  l.close();
  assert.is(l.lines[0], "p :: ICMP6PingSource: 4 bytes from 2001:db8::2: icmp_seq=1 hlim=64 time=0.100 ms");
  assert.match(l.lines[1], /^p :: ICMP6PingSource: 2 packets transmitted/);
});

test("ICMP6PingSource's handlers steer it; to :: it sends nothing", async () => {
  const l = await lab("p :: ICMP6PingSource(2001:db8::1, ::) -> c :: Catch");
  l.router.runFor(3);
  assert.is(l.caught("c").length, 0);
  await l.router.write("p.dst", "2001:db8::9");
  assert.is(l.read("p.dst"), "2001:db8::9");
  l.router.runFor(1);
  assert.is(l.caught("c").length, 1);
  await l.router.write("p.active", "false");
  l.router.runFor(3);
  assert.is(l.read("p.count"), "1");
  await l.router.write("p.active", "true");
  l.router.runFor(0.5);
  assert.is(l.read("p.count"), "2");
  await l.router.write("p.src", "2001:db8::7");
  await l.router.write("p.interval", "10ms");
  await l.router.write("p.limit", "5");
  l.router.runFor(3);
  assert.equal([l.read("p.count"), l.read("p.src")], ["5", "2001:db8::7"]);
  const sent = l.caught("c").map((c) => readIpv6(c.bytes));
  assert.equal([sent[0].source, sent[3].source], [ip6("2001:db8::1"), ip6("2001:db8::7")]);
  await l.router.write("p.reset_counts", "");
  assert.is(l.read("p.count"), "0");
  l.close();
});

test("ICMP6PingSource mirrors replies as new requests, with their data; on a pull output it gives one for each pull", async () => {
  const l = await lab(
    "f :: Feed -> MarkIP6Header -> p :: ICMP6PingSource(2001:db8::1, 2001:db8::2, MIRROR true, VERBOSE false) -> c :: Catch",
  );
  l.router.runFor(1);
  l.caught("c");
  const back = { source: ip6("2001:db8::2"), destination: ip6("2001:db8::1") };
  const payload = writeIcmp6({ type: 129, code: 0, rest: 1, payload: filling(4) }, back);
  l.feed([writeIpv6({ trafficClass: 0, flowLabel: 0, nextHeader: 58, hopLimit: 64, ...back, payload })]);
  const packet = readIpv6(l.caught("c")[0].bytes);
  assert.is(packet.destination.join(), back.source.join());
  const echo = readIcmp6(packet.payload, packet);
  assert.equal([echo.type, echo.rest, new Uint8Array(echo.payload)], [128, 2, filling(4)]);
  l.close();
  const pulled = await lab(
    "p :: ICMP6PingSource(2001:db8::1, 2001:db8::2, LIMIT 3, STOP true) -> Unqueue(BURST 1) -> c :: Catch",
  );
  pulled.router.runFor(1);
  assert.equal([pulled.caught("c").length, pulled.router.driver.stopped], [3, true]);
  pulled.close();
});

test("ICMP6PingSource counts what it could not send, and refuses what cannot be", async () => {
  const l = await lab("p :: ICMP6PingSource(::1, ::2, INTERVAL 1ms) -> Catch", { memory: { slots: 1 } });
  const slot = l.router.memory.kernels.poolTake();
  l.router.runFor(0.0015);
  assert.is(l.read("p.no_slot"), "1");
  l.router.memory.kernels.poolGive(slot);
  l.close();
  assert.match(
    (await complaints(`p :: ICMP6PingSource(::1, ::2, DATA ${"x".repeat(65535)}) -> Catch`)).join(),
    /DATA does not fit a packet/,
  );
});

test("ICMPPingSource's handlers steer it", async () => {
  const l = await lab(
    "p :: ICMPPingSource(10.0.0.1, 10.0.0.2, INTERVAL 1s, ACTIVE false, LIMIT 2) -> c :: Catch",
  );
  l.router.runFor(5);
  assert.is(l.caught("c").length, 0);
  await l.router.write("p.dst", "10.0.0.9");
  await l.router.write("p.src", "10.0.0.8");
  await l.router.write("p.interval", "10ms");
  await l.router.write("p.active", "true");
  l.router.runFor(1);
  const sent = l.caught("c").map((c) => readIpv4(c.bytes));
  assert.equal(
    sent.map((p) => [p.source, p.destination]),
    [
      [ip("10.0.0.8"), ip("10.0.0.9")],
      [ip("10.0.0.8"), ip("10.0.0.9")],
    ],
  );
  await l.router.write("p.limit", "3");
  l.router.runFor(1);
  assert.is(l.read("p.count"), "3");
  await l.router.write("p.reset_counts");
  l.router.runFor(1);
  assert.is(l.read("p.count"), "3");
  assert.is(l.caught("c").length, 4);
  assert.equal([l.read("p.src"), l.read("p.dst"), l.read("p.active")], ["10.0.0.8", "10.0.0.9", "true"]);
  l.close();
});

test("ICMPPingSource mirrors replies as new requests, with their data", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader -> p :: ICMPPingSource(10.0.0.1, 10.0.0.2, MIRROR true, VERBOSE false) -> c :: Catch",
  );
  l.router.runFor(1);
  l.caught("c");
  reply(l, 1);
  const [again] = l.caught("c");
  const packet = readIpv4(again.bytes);
  assert.is(packet.destination, ip("10.0.0.2"));
  const echo = readIcmp(packet.payload);
  assert.equal([echo.type, echo.rest], [8, 2]);
  assert.equal(new Uint8Array(echo.payload), filling(4));
  l.close();
  assert.equal(l.lines, []);
});

test("ICMPPingSource counts what it could not send, and refuses data that fits no packet", async () => {
  const l = await lab("p :: ICMPPingSource(10.0.0.1, 10.0.0.2, INTERVAL 1ms) -> Catch", {
    memory: { slots: 1 },
  });
  const slot = l.router.memory.kernels.poolTake();
  l.router.runFor(0.0035);
  assert.is(l.read("p.no_slot"), "3");
  l.router.memory.kernels.poolGive(slot);
  l.router.runFor(0.001);
  assert.is(l.read("p.count"), "1");
  l.close();
  assert.is(
    (await complaints(`p :: ICMPPingSource(1.1.1.1, 2.2.2.2, DATA ${"x".repeat(65535)}) -> Catch`))[1],
    "DATA does not fit a packet",
  );
});

test.run();
