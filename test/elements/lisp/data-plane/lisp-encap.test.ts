// LISPEncap: the bytes in front of a packet, and what happens when they cannot
// be put there. Paragraphs are RFC 9300's unless said otherwise.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { BUFFER_SIZE, FLAG_PARTIAL_CSUM, HEAP_END, SLOT_CSUM_START } from "../../../../assembly/layout.js";
import type { LISPEncap } from "../../../../elements/lisp/data-plane/lisp-encap.js";
import type { LISPMapCache } from "../../../../elements/lisp/itr/lisp-map-cache.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { fillSlot, noMoreRoom, touched } from "../../../slot-canary.js";
import { Bench, checksum, flowHash, hex, ip, ipv4, ipv6, type Seen, toHex, udp } from "../harness.js";
import { ALL, ALL_6, graph, NOTHING, one, port, SIX_RLOC } from "./encap-lab.js";

test("IPv4 in IPv4 (5.1): every byte", async () => {
  const inner = ipv4(udp(1000, 2000, hex("01020304")), { tos: 0xb9, ttl: 17 });
  const seen = await one("192.0.2.1", inner);
  const header = hex(`45b9 0044 0000 4000 1111 0000 c0000201 c0000202`);
  new DataView(header.buffer).setUint16(10, checksum(header));
  assert.is(
    toHex(seen.bytes),
    `${toHex(header)}${port(inner)}10f500300000${"0000000000000000"}${toHex(inner)}`,
  );
  assert.is(checksum(seen.bytes.subarray(0, 20)), 0);
  assert.equal([seen.network, seen.destination.subarray(0, 4)], [0, ip("192.0.2.2")]);
});

test("IPv6 in IPv6 (5.2): every byte; UDP checksum 0 (RFC 6935)", async () => {
  const inner = ipv6(udp(1000, 2000, hex("01020304")), { tos: 0xb9, ttl: 17 });
  const seen = await one(`${SIX_RLOC}, FLOW_LABEL false`, inner, ALL_6);
  assert.is(
    toHex(seen.bytes),
    `6b90000000441111${"20010db8000000000000000000000009"}${"20010db8000000000000000000000002"}` +
      `${port(inner)}10f500440000${"0000000000000000"}${toHex(inner)}`,
  );
  assert.equal(seen.destination, parseRloc("2001:db8::2"));
});

test("the outer flow label is the flow's, 20 bits (12, RFC 6438)", async () => {
  const inner = ipv4(udp(1, 2, NOTHING));
  const seen = await one(SIX_RLOC, inner, ALL_6);
  assert.is(toHex(seen.bytes.subarray(0, 4)), (0x60000000 + (flowHash(inner) & 0xfffff)).toString(16));
});

test("one flow keeps its source port, flows spread over 49152 to 65535 (12)", async () => {
  const b = await graph("192.0.2.1");
  const ports = new Set<number>();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 4; i++)
      b.push(
        "m",
        Array.from({ length: 250 }, (_, k) => ipv4(udp(i * 250 + k, 53, NOTHING))),
      );
    const seen = b.take("s0").map((s) => (s.bytes[20] << 8) | s.bytes[21]);
    for (const p of seen) assert.ok(p >= 49152);
    for (const p of seen) ports.add(p);
  }
  assert.ok(ports.size > 930 && ports.size <= 1000, `${ports.size} ports for 1000 flows`);
  b.close();
});

test("TTL and DSCP are copied or set, ECN is copied or cleared (5.3, RFC 6040 section 4.1)", async () => {
  for (const make of [ipv4, ipv6]) {
    for (const mappings of [ALL, ALL_6]) {
      const read = (s: Seen): [number, number] =>
        s.bytes[0] >> 4 === 4
          ? [s.bytes[1], s.bytes[8]]
          : [((s.bytes[0] & 15) << 4) | (s.bytes[1] >> 4), s.bytes[7]];
      for (const tos of [0x00, 0x01, 0x02, 0x03, 0xb8, 0xbb]) {
        const inner = make(udp(1, 2, NOTHING), { tos, ttl: 99 });
        const both = `192.0.2.1, ${SIX_RLOC}`;
        assert.equal(read(await one(both, inner, mappings)), [tos, 99]);
        assert.equal(read(await one(`${both}, TTL 5`, inner, mappings)), [tos, 5]);
        assert.equal(read(await one(`${both}, DSCP 46`, inner, mappings)), [0xb8 | (tos & 3), 99]);
        assert.equal(read(await one(`${both}, ECN false`, inner, mappings)), [tos & 0xfc, 99]);
        assert.equal(read(await one(`${both}, DSCP 0, ECN false`, inner, mappings)), [0, 99]);
      }
    }
  }
});

test("the outer DF bit is set, clear, or the inner one (7.1)", async () => {
  const df = async (arg: string, inner: Uint8Array): Promise<number> =>
    (await one(`192.0.2.1, DF ${arg}`, inner)).bytes[6];
  const [may, not, six] = [ipv4(NOTHING), ipv4(NOTHING, { fragment: 0x4000 }), ipv6(NOTHING)];
  for (const [arg, expected] of [
    ["set", [0x40, 0x40, 0x40]],
    ["clear", [0, 0, 0]],
    ["copy", [0, 0x40, 0x40]],
  ] as const)
    assert.equal([await df(arg, may), await df(arg, not), await df(arg, six)], expected);
});

test("no IPv4 identification comes again soon", async () => {
  const b = await graph("192.0.2.1");
  for (let i = 0; i < 10; i++) b.push("m", Array(100).fill(ipv4(NOTHING)));
  assert.is(new Set(b.take("s0").map((s) => (s.bytes[4] << 8) | s.bytes[5])).size, 1000);
  b.close();
});

const LISP_HEADER = async (encap: string, mappings: string): Promise<string> =>
  toHex((await one(encap, ipv4(NOTHING), mappings)).bytes.subarray(28, 36));

test("LISP header bits follow the arguments (5.3)", async () => {
  const iid = "0.0.0.0/0 192.0.2.2 iid 101, IID 101";
  const versioned = "0.0.0.0/0 192.0.2.2 version 0x456".replace("0x456", String(0x456));
  assert.is(await LISP_HEADER("192.0.2.1", ALL), "0000000000000000");
  assert.is(await LISP_HEADER("192.0.2.1, IID always", ALL), "0800000000000000");
  assert.is(await LISP_HEADER("192.0.2.1", iid), "0800000000006500");
  assert.is(await LISP_HEADER("192.0.2.1, IID never", iid), "0000000000000000");
  assert.is(await LISP_HEADER("192.0.2.1, STATUS_BITS 2147483653", ALL), "4000000080000005");
  assert.is(await LISP_HEADER("192.0.2.1, STATUS_BITS 0", ALL), "4000000000000000");
  assert.is(await LISP_HEADER("192.0.2.1, STATUS_BITS 4294967293", iid), "48000000000065fd");
  assert.is(await LISP_HEADER(`192.0.2.1, VERSION ${0x123}`, versioned), "1012345600000000");
  // RFC 9302, section 6.1: no Map-Versions to where there are none.
  assert.is(await LISP_HEADER(`192.0.2.1, VERSION ${0x123}`, ALL), "0000000000000000");
  assert.match(await LISP_HEADER("192.0.2.1, NONCE true", ALL), /^80[0-9a-f]{6}00000000$/);
  assert.match(await LISP_HEADER("192.0.2.1, NONCE true, ECHO true", iid), /^a8[0-9a-f]{6}00006500$/);
});

test("the nonce stays for an RLOC and differs between RLOCs (5.3)", async () => {
  const rlocs = Array.from({ length: 8 }, (_, i) => `192.0.2.${i + 2}/1/0`).join(" ");
  const b = await graph("192.0.2.1, NONCE true", `0.0.0.0/0 ${rlocs}`);
  b.push(
    "m",
    Array.from({ length: 200 }, (_, i) => ipv4(udp(i, 1, NOTHING))),
  );
  const nonces = new Map<string, Set<string>>();
  for (const { bytes } of b.take("s0")) {
    const rloc = toHex(bytes.subarray(16, 20));
    nonces.set(rloc, (nonces.get(rloc) ?? new Set()).add(toHex(bytes.subarray(29, 32))));
  }
  assert.is(nonces.size, 8);
  assert.ok([...nonces.values()].every((set) => set.size === 1));
  assert.is(new Set([...nonces.values()].flatMap((set) => [...set])).size, 8);
  b.close();
});

test("what the control plane wants said to an RLOC is said to it alone, and at once (10.1)", async () => {
  const b = await graph(
    "192.0.2.1, VERSION 5, STATUS_BITS 3",
    "10.2.0.0/16 192.0.2.2 version 9, 10.3.0.0/16 192.0.2.3 version 9",
  );
  const { cache } = b.router.find("m") as LISPMapCache;
  const header = (): string[] => {
    b.push("m", [ipv4(NOTHING), ipv4(NOTHING, { destination: ip("10.3.0.1") })]);
    return b.take("s0").map((s) => toHex(s.bytes.subarray(28, 36)));
  };
  assert.equal(header(), ["5000500900000003", "5000500900000003"]);
  cache.updateRloc(parseRloc("192.0.2.2"), { echo: { nonce: 0xabcdef, request: true } });
  assert.equal(header(), ["e0abcdef00000003", "5000500900000003"], "N and E, not V");
  cache.updateRloc(parseRloc("192.0.2.2"), { echo: { nonce: 0x123456, request: false } });
  assert.equal(header(), ["c012345600000003", "5000500900000003"]);
  cache.updateRloc(parseRloc("192.0.2.2"), { echo: null });
  assert.equal(header(), ["5000500900000003", "5000500900000003"]);
  b.close();
});

test("status bits change for all RLOCs at once, by handler and by call", async () => {
  const b = await graph("192.0.2.1");
  const header = (): string => {
    b.push("m", [ipv4(NOTHING)]);
    return toHex(b.take("s0")[0].bytes.subarray(28, 36));
  };
  assert.equal([header(), b.read("e.status_bits")], ["0000000000000000", "-1"]);
  await b.router.write("e.status_bits", "6");
  assert.equal([header(), b.read("e.status_bits")], ["4000000000000006", "6"]);
  (b.router.find("e") as LISPEncap).setStatusBits(null);
  assert.is(header(), "0000000000000000");
  b.close();
});

test("two encapsulators with one map-cache each write their own headers", async () => {
  const b = await Bench.start(
    "feed :: Feed -> m :: LISPMapCache(10.2.0.0/16 192.0.2.2) -> s :: Sink;" +
      "f1 :: Feed -> e :: LISPEncap(192.0.2.1) -> s0 :: Sink; f2 :: Feed -> f :: LISPEncap(192.0.2.8, IID always) -> s1 :: Sink",
  );
  b.push("m", [ipv4(NOTHING)]);
  const [{ route, routeTag }] = b.take("s");
  for (let i = 0; i < 3; i++) {
    b.push("e", [ipv4(NOTHING)], { route, routeTag });
    b.push("f", [ipv4(NOTHING)], { route, routeTag });
    const [[x], [y]] = [b.take("s0"), b.take("s1")];
    assert.equal([x.bytes.subarray(12, 16), x.bytes[28]], [ip("192.0.2.1"), 0]);
    assert.equal([y.bytes.subarray(12, 16), y.bytes[28]], [ip("192.0.2.8"), 8]);
    assert.is(checksum(y.bytes.subarray(0, 20)), 0);
  }
  b.close();
});

test("padding behind the inner packet goes; UDP length counts the inner packet only (5.3)", async () => {
  for (const inner of [ipv4(hex("aabbcc")), ipv6(hex("aabbcc"))]) {
    const seen = await one("192.0.2.1", Uint8Array.of(...inner, 9, 9, 9, 9));
    assert.equal(seen.bytes.subarray(36), inner);
    assert.is((seen.bytes[24] << 8) | seen.bytes[25], inner.length + 16);
  }
});

test("what stands before the network header goes", async () => {
  const b = await graph("192.0.2.1");
  b.push("m", [Uint8Array.of(...new Uint8Array(14), ...ipv4(NOTHING))], { network: 14 });
  const [seen] = b.take("s0");
  assert.equal([seen.bytes.length, seen.bytes.subarray(36)], [56, ipv4(NOTHING)]);
  b.close();
});

test("an inner checksum that is still owed stays owed, at its new place", async () => {
  const b = await graph(`192.0.2.1, ${SIX_RLOC}`, "10.2.0.0/16 192.0.2.2, 10.3.0.0/16 2001:db8::2");
  for (const [destination, outer] of [
    ["10.2.0.1", 36],
    ["10.3.0.1", 56],
  ] as const) {
    b.push("m", [ipv4(udp(1, 2, NOTHING), { destination: ip(destination) })], {
      flags: FLAG_PARTIAL_CSUM,
      sumStart: 20,
    });
    const [seen] = b.take("s0");
    assert.is(b.router.memory.u16[(seen.slot + SLOT_CSUM_START) >>> 1], 20 + outer);
  }
  b.close();
});

test("a packet larger than L goes to output 1 as it came, with S = L - H (7.1)", async () => {
  for (const [mappings, h] of [
    [ALL, 36],
    [ALL_6, 56],
  ] as const) {
    const b = await graph(`192.0.2.1, ${SIX_RLOC}, MTU 1500`, mappings);
    const [fits, big] = [ipv4(new Uint8Array(1480 - h)), ipv4(new Uint8Array(1481 - h))];
    b.push("m", [big, fits, big]);
    assert.equal(
      b.take("s0").map((s) => s.bytes.length),
      [1500],
    );
    for (const seen of b.take("s1")) assert.equal([seen.bytes, seen.mtu], [big, 1500 - h]);
    assert.equal([b.read("e.count"), b.read("e.too_big")], ["1", "2"]);
    await b.router.write("e.mtu", "1501");
    b.push("m", [big]);
    assert.is(b.take("s0").length, 1);
    b.close();
  }
});

test("the path MTU of a locator holds where it is smaller (7.2)", async () => {
  const b = await graph("192.0.2.1", "10.2.0.0/16 192.0.2.2, 10.3.0.0/16 192.0.2.3");
  const { cache } = b.router.find("m") as LISPMapCache;
  const packets = ["10.2.0.1", "10.3.0.1"].map((d) => ipv4(new Uint8Array(1000), { destination: ip(d) }));
  cache.updateRloc(parseRloc("192.0.2.2"), { mtu: 1000 });
  b.push("m", packets);
  assert.equal([b.take("s0").length, b.take("s1").map((s) => s.mtu)], [1, [964]]);
  cache.updateRloc(parseRloc("192.0.2.2"), { mtu: 9000 });
  b.push("m", packets);
  assert.equal([b.take("s0").length, b.take("s1").length], [2, 0]);
  cache.updateRloc(parseRloc("192.0.2.2"), { mtu: 1 });
  b.push("m", packets);
  assert.equal([b.take("s0").length, b.take("s1").length], [1, 1], "an MTU that nothing fits");
  b.close();
});

test("a packet too big is dropped when output 1 is not connected", async () => {
  const b = await Bench.start(
    `feed :: Feed -> m :: LISPMapCache(${ALL}) -> e :: LISPEncap(192.0.2.1, MTU 128) -> s0 :: Sink`,
  );
  b.push("m", [ipv4(new Uint8Array(200))]);
  assert.equal([b.read("e.too_big"), b.router.memory.slotsUsed], ["1", 0]);
  b.close();
});

test("a packet whose headroom is too small moves; drops: no headroom, and no room for a larger buffer", async () => {
  for (const [mappings, h] of [
    [ALL, 36],
    [ALL_6, 56],
  ] as const) {
    const b = await graph(`192.0.2.1, ${SIX_RLOC}`, mappings);
    b.push("m", [ipv4(NOTHING)], { headroom: h });
    b.push("m", [ipv4(NOTHING)], { headroom: h - 1 });
    b.push("m", [ipv4(NOTHING)], { headroom: 0 });
    const sent = b.take("s0").map((s) => s.bytes.subarray(h));
    assert.equal([sent, b.read("e.no_headroom")], [Array(3).fill(ipv4(NOTHING)), "0"]);
    const ofLength = (n: number): Uint8Array => ipv4(new Uint8Array(n - ipv4(NOTHING).length));
    await b.router.write("e.mtu", "9000");
    noMoreRoom(b.router.memory);
    b.push("m", [ofLength(BUFFER_SIZE - h)], { headroom: h });
    b.push("m", [ofLength(BUFFER_SIZE - h + 1)], { headroom: h - 1 });
    assert.equal([b.take("s0").length, b.read("e.no_headroom")], [1, "1"]);
    assert.is(b.router.memory.slotsUsed, 0);
    b.close();
  }
});

test("drops: no source RLOC of the locator's family", async () => {
  for (const [rloc, mappings] of [
    ["192.0.2.1", ALL_6],
    [SIX_RLOC, ALL],
  ]) {
    const b = await graph(rloc, mappings);
    b.push("m", [ipv4(NOTHING), ipv6(NOTHING)]);
    assert.equal([b.take("s0").length, b.read("e.no_source")], [0, "2"]);
    b.close();
  }
});

test("drops: no locator, one that has gone, and anything else in the route annotation", async () => {
  const b = await Bench.start(
    `feed :: Feed -> m :: LISPMapCache(${ALL}) -> s :: Sink; g :: Feed -> e :: LISPEncap(192.0.2.1) -> s0 :: Sink`,
  );
  b.push("m", [ipv4(NOTHING)]);
  const [{ route, routeTag }] = b.take("s");
  b.push("e", [ipv4(NOTHING)], { route, routeTag });
  assert.is(b.take("s0").length, 1);
  await b.router.write("m.clear");
  const end = b.router.memory.get32(HEAP_END);
  const routes = [
    route,
    0,
    1,
    63,
    4096,
    end - 4,
    end - 96,
    end,
    end + 1,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0xffffffa0,
  ];
  // Two of these are where a record could be, beside the one that has gone: 4096 and end - 96.
  for (const r of routes) b.push("e", [ipv4(NOTHING)], { route: r, routeTag });
  const drops = (): string[] => [b.read("e.no_locator"), b.read("e.locator_gone")];
  assert.equal([b.take("s0").length, drops()], [0, [String(routes.length - 3), "3"]]);
  b.push("e", [ipv4(NOTHING)], { route: 4096 });
  assert.equal([b.take("s0").length, drops()], [0, [String(routes.length - 2), "3"]], "no tag at all");
  b.close();
});

test("drops: an inner packet cut short at any length, or of no version; neighbours stay as they are", async () => {
  const b = await Bench.start(
    `feed :: Feed -> m :: LISPMapCache(${ALL}) -> s :: Sink; g :: Feed -> e :: LISPEncap(192.0.2.1) -> s0 :: Sink`,
  );
  b.push("m", [ipv4(NOTHING)]);
  const [{ route, routeTag }] = b.take("s");
  const { memory } = b.router;
  let refused = 0;
  for (const whole of [ipv4(hex("0102030405")), ipv6(hex("0102030405"))]) {
    for (let n = 0; n < whole.length; n++) {
      const canary = memory.kernels.poolTake();
      fillSlot(memory, canary, 0x77);
      b.push("e", [whole.subarray(0, n), whole], { route, routeTag });
      refused++;
      assert.equal(
        b.take("s0").map((s) => s.bytes.subarray(36)),
        [whole],
      );
      assert.is(touched(memory, canary, 0x77), null);
      memory.u32[(canary + 0) >>> 2] = 0;
      memory.kernels.poolGive(canary);
    }
  }
  for (const first of [0x00, 0x35, 0x50, 0xf5]) {
    b.push("e", [Uint8Array.of(first, ...ipv4(NOTHING).subarray(1))], { route, routeTag });
    refused++;
  }
  const short = ipv4(NOTHING);
  short[3] = 19;
  b.push("e", [short], { route, routeTag });
  assert.is(b.read("e.bad_packet"), String(refused + 1));
  b.close();
});

test("wrong arguments are reported together", async () => {
  for (const [args, messages] of [
    ["", ["no source RLOC given"]],
    ["192.0.2.1, 192.0.2.3", ["more than one source RLOC of an address family"]],
    ["192.0.2.1, ECHO true", ["ECHO needs NONCE"]],
    ["192.0.2.1, NONCE true, VERSION 3", ["NONCE and VERSION share a field: only one can be sent"]],
  ] as const) {
    const error = await graph(args).then(
      () => null,
      (e: Error) => e,
    );
    for (const m of messages) assert.ok(error?.message.includes(m), `${error?.message}`);
  }
});

test.run();
