import { test } from "uvu";
import * as assert from "uvu/assert";
import { ANNO_DST_IP, PACKET_BROADCAST, PACKET_MULTICAST } from "../../../assembly/layout.js";
import { readIpv4 } from "../../../src/wire/ipv4.js";
import { filling, ip, ip6, ipv4, ipv6 } from "../../packets.js";
import { complaints, lab } from "../lab.js";

/** `packet` with byte `at` changed. */
function changed(packet: Uint8Array, at: number, value: number): Uint8Array {
  const copy = packet.slice();
  copy[at] = value;
  return copy;
}

test("CheckIPHeader lets good packets pass, marked and cut, and counts bad ones by reason", async () => {
  const l = await lab(
    "f :: Feed -> c :: CheckIPHeader(BADSRC 10.0.0.9, GOODDST 192.0.2.7, DETAILS true) -> good :: Catch; c[1] -> bad :: Catch",
  );
  const good = ipv4({ payload: filling(10) });
  const padded = new Uint8Array([...good, 1, 2, 3, 4]);
  const bad = [
    good.subarray(0, 19),
    changed(good, 0, 0x65),
    changed(good, 0, 0x44),
    changed(good, 3, 200),
    changed(good, 8, 1),
    ipv4({ source: ip("10.0.0.9") }),
  ];
  l.feed([padded, ...bad, ipv4({ source: ip("10.0.0.9"), destination: ip("192.0.2.7") })]);
  const passed = l.caught("good");
  assert.is(passed.length, 2);
  assert.equal(passed[0].bytes, good);
  assert.is(passed[0].network, 0);
  assert.is(passed[0].transport, 20);
  assert.equal([...passed[0].anno.subarray(0, 4)], [192, 0, 2, 1]);
  assert.equal(
    l.caught("bad").map((c) => c.bytes),
    bad,
  );
  assert.is(l.read("c.drops"), "6");
  assert.is(
    l.read("c.drop_details"),
    "1\ttiny packet\n1\tbad IP version\n1\tbad IP header length\n1\tbad IP length\n1\tbad IP checksum\n1\tbad source address\n",
  );
  assert.equal(l.lines, ["c: IP header check failed: tiny packet"]);
  l.close();
});

test("CheckIPHeader reports every bad packet where it is verbose, and drops them without output 1", async () => {
  const l = await lab("f :: Feed -> c :: CheckIPHeader(VERBOSE true) -> good :: Catch");
  l.feed([changed(ipv4(), 8, 1), ipv4(), new Uint8Array(3)]);
  assert.is(l.caught("good").length, 1);
  assert.equal(l.lines, [
    "c: IP header check failed: bad IP checksum",
    "c: IP header check failed: tiny packet",
  ]);
  l.close();
});

test("CheckIPHeader knows its interfaces' broadcast addresses, and the old ways to write its arguments", async () => {
  const sources = ["18.26.4.255", "0.0.0.0", "255.255.255.255", "18.26.4.9"];
  const passing = async (config: string, offset = 0): Promise<string[]> => {
    const l = await lab(`f :: Feed -> CheckIPHeader(${config}) -> good :: Catch`);
    l.feed(sources.map((s) => new Uint8Array([...filling(offset), ...ipv4({ source: ip(s) })])));
    const passed = l.caught("good").map((c) => readIpv4(c.bytes.subarray(offset)).source);
    l.close();
    return sources.filter((s) => passed.includes(ip(s)));
  };
  assert.equal(await passing("INTERFACES 18.26.4.9/24"), ["18.26.4.9"]);
  assert.equal(await passing(""), sources);
  assert.equal(await passing("14", 14), sources);
  assert.equal(await passing("OFFSET 14", 14), sources);
  assert.equal(await passing("18.26.4.255"), ["18.26.4.9"]);
  assert.equal(await passing("18.26.4.255, 14", 14), ["18.26.4.9"]);
  assert.equal(await complaints("Feed -> c :: CheckIPHeader(eth9) -> Catch"), [
    "While configuring 'c :: CheckIPHeader':",
    "BADSRC: parse error",
  ]);
});

test("CheckIPHeader2 does not look at the checksum", async () => {
  const l = await lab(
    "f :: Feed -> CheckIPHeader2 -> good :: Catch; g :: Feed -> CheckIPHeader(CHECKSUM false) -> too :: Catch",
  );
  l.feed([changed(ipv4(), 8, 1), changed(ipv4(), 0, 0x55)]);
  l.feed([changed(ipv4(), 8, 1)], "g");
  assert.is(l.caught("good").length, 1);
  assert.is(l.caught("too").length, 1);
  l.close();
});

test("MarkIPHeader and MarkIP6Header set the header annotations", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader(14) -> four :: Catch; g :: Feed -> MarkIP6Header(OFFSET 2) -> six :: Catch",
  );
  l.feed([new Uint8Array([...filling(14), ...ipv4({ options: filling(4) })]), new Uint8Array(4)]);
  l.feed([new Uint8Array([0, 0, ...ipv6()])], "g");
  assert.equal(
    l.caught("four").map((c) => [c.network, c.transport]),
    [
      [14, 38],
      [null, null],
    ],
  );
  assert.equal(
    l.caught("six").map((c) => [c.network, c.transport]),
    [[2, 42]],
  );
  l.close();
});

test("CheckIP6Header checks version, length and source, and sets the annotations", async () => {
  const l = await lab(
    "f :: Feed -> c :: CheckIP6Header(2001:db8::bad ::) -> good :: Catch; c[1] -> bad :: Catch",
  );
  const good = ipv6({ payload: filling(8) });
  l.feed([
    new Uint8Array([...good, 9]),
    good.subarray(0, 39),
    changed(good, 0, 0x45),
    good.subarray(0, 47),
    ipv6({ source: ip6("2001:db8::bad") }),
    ipv6({ source: ip6("::") }),
    ipv6({ source: new Uint8Array(16).fill(255) }),
  ]);
  const passed = l.caught("good");
  assert.is(passed.length, 1);
  assert.equal(passed[0].bytes, good);
  assert.equal(passed[0].anno.slice(0, 16), ip6("2001:db8:1::1"));
  assert.is(l.caught("bad").length, 6);
  assert.is(l.read("c.drops"), "6");
  assert.is(l.read("c.source"), "3");
  assert.equal(l.lines, ["IP6 header check failed"]);
  l.close();
});

test("DecIPTTL decrements, keeps the checksum right, and sends the dying to output 1", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader -> d :: DecIPTTL(MULTICAST false) -> on :: Catch; d[1] -> over :: Catch",
  );
  const packets = [64, 2, 1, 0].map((ttl) => ipv4({ ttl }));
  l.feed([...packets, ipv4({ ttl: 1, destination: ip("224.0.0.5") })]);
  assert.equal(
    l.caught("on").map((c) => readIpv4(c.bytes).ttl),
    [63, 1, 1],
  );
  assert.equal(
    l.caught("over").map((c) => c.bytes),
    packets.slice(2),
  );
  assert.is(l.read("d.drops"), "2");
  await l.router.write("d.active", "false");
  l.feed([ipv4({ ttl: 1 })]);
  assert.is(l.caught("on").length, 1);
  assert.is(l.read("d.active"), "false");
  l.close();
});

test("DecIPTTL and DecIP6HLIM drop unmarked packets", async () => {
  const l = await lab(
    "f :: Feed -> d :: DecIPTTL -> on :: Catch; g :: Feed -> e :: DecIP6HLIM -> six :: Catch",
  );
  l.feed([ipv4()]);
  l.feed([ipv6()], "g");
  assert.is(l.read("d.no_header"), "1");
  assert.is(l.read("e.no_header"), "1");
  assert.is(l.caught("on").length + l.caught("six").length, 0);
  l.close();
});

test("DecIP6HLIM decrements, and sends the dying to output 1", async () => {
  const l = await lab("f :: Feed -> MarkIP6Header -> d :: DecIP6HLIM -> on :: Catch; d[1] -> over :: Catch");
  l.feed([64, 2, 1, 0].map((hopLimit) => ipv6({ hopLimit })));
  assert.equal(
    l.caught("on").map((c) => c.bytes[7]),
    [63, 1],
  );
  assert.equal(
    l.caught("over").map((c) => c.bytes[7]),
    [1, 0],
  );
  assert.is(l.read("d.drops"), "2");
  l.close();
});

test("GetIPAddress and SetIPAddress fill the destination annotation or another", async () => {
  const l = await lab(
    `f :: Feed -> GetIPAddress(16) -> GetIPAddress(ANNO 20, IP src) -> a :: Catch;
     g :: Feed -> MarkIPHeader -> GetIPAddress(IP src, ANNO 20) -> s :: SetIPAddress(1.2.3.4) -> b :: Catch`,
  );
  l.feed([ipv4(), new Uint8Array(19)]);
  l.feed([ipv4()], "g");
  const [whole, short] = l.caught("a");
  assert.equal([...whole.anno.subarray(ANNO_DST_IP, 4)], [192, 0, 2, 1]);
  assert.equal([...whole.anno.subarray(20, 24)], [0, 0, 0, 0], "no header is marked");
  assert.equal([...short.anno.subarray(0, 4)], [0, 0, 0, 0]);
  const [b] = l.caught("b");
  assert.equal([...b.anno.subarray(0, 4)], [1, 2, 3, 4]);
  assert.equal([...b.anno.subarray(20, 24)], [10, 0, 0, 1]);
  assert.is(l.read("s.addr"), "1.2.3.4");
  await l.router.write("s.addr", "200.0.0.1");
  l.feed([ipv4()], "g");
  assert.equal([...l.caught("b")[0].anno.subarray(0, 4)], [200, 0, 0, 1]);
  l.close();
  assert.equal((await complaints("Feed -> GetIPAddress -> Catch"))[1], "set one of OFFSET, IP");
  assert.equal((await complaints("Feed -> GetIPAddress(4, IP src) -> Catch"))[1], "set one of OFFSET, IP");
  assert.equal((await complaints("Feed -> GetIPAddress(IP both) -> Catch"))[1], "bad IP");
});

test("GetIP6Address and SetIP6Address fill the 16-byte destination annotation", async () => {
  const l = await lab(
    "f :: Feed -> GetIP6Address(24) -> a :: Catch; g :: Feed -> SetIP6Address(2001:db8::99) -> b :: Catch",
  );
  l.feed([ipv6()]);
  l.feed([ipv6()], "g");
  assert.equal(l.caught("a")[0].anno.slice(0, 16), ip6("2001:db8:1::1"));
  assert.equal(l.caught("b")[0].anno.slice(0, 16), ip6("2001:db8::99"));
  l.close();
});

test("DropBroadcasts keeps back what came as a link-level broadcast or multicast", async () => {
  const l = await lab("f :: Feed -> d :: DropBroadcasts -> on :: Catch; d[1] -> back :: Catch");
  const types = [0, PACKET_BROADCAST, PACKET_MULTICAST, 3, 4];
  l.feed(types.map((packetType) => ({ bytes: ipv4(), packetType })));
  assert.equal(
    l.caught("on").map((c) => c.packetType),
    [0, 3, 4],
  );
  assert.equal(
    l.caught("back").map((c) => c.packetType),
    [1, 2],
  );
  assert.is(l.read("d.drops"), "2");
  assert.equal(l.lines, ["DropBroadcasts: dropped a packet"]);
  l.close();
});

test.run();
