import { test } from "uvu";
import * as assert from "uvu/assert";
import { ANNO_FIX_IP_SRC, ANNO_ICMP_PARAM, SLOT_MTU } from "../../../assembly/layout.js";
import { ipBytes } from "../../../src/net/address.js";
import { type IcmpMessage, readIcmp, writeIcmp } from "../../../src/wire/icmp.js";
import { type Icmp6Message, readIcmp6, writeIcmp6 } from "../../../src/wire/icmp6.js";
import { type Ipv4Packet, readIpv4 } from "../../../src/wire/ipv4.js";
import { type Ipv6Packet, readIpv6 } from "../../../src/wire/ipv6.js";
import { filling, hex, ip, ip6, ipv4, ipv6, udp4 } from "../../packets.js";
import * as fc from "../../property.js";
import { noMoreRoom } from "../../slot-canary.js";
import { type Caught, complaints, type Fed, lab } from "../lab.js";

interface Answer {
  readonly packet: Ipv4Packet;
  readonly icmp: IcmpMessage;
  readonly caught: Caught;
}

function answerOf(caught: Caught): Answer {
  const packet = readIpv4(caught.bytes);
  assert.is(packet.protocol, 1);
  return { packet, icmp: readIcmp(packet.payload), caught };
}

/** What ICMPError of `config` answers to `fed`, and which drop counter moved. */
async function error(config: string, fed: Fed | Uint8Array): Promise<{ answer: Answer | null; why: string }> {
  const l = await lab(`f :: Feed -> MarkIPHeader -> e :: ICMPError(${config}) -> c :: Catch`);
  l.feed([fed]);
  const [caught] = l.caught("c");
  const why = l
    .read("e.drops_by_reason")
    .split("\n")
    .filter((line) => line.split("\t")[1] === "1")
    .map((line) => line.split("\t")[0])
    .join();
  l.close();
  assert.is(why === "", caught !== undefined);
  return { answer: caught === undefined ? null : answerOf(caught), why };
}

test("ICMPError answers with the packet's beginning, to its source", async () => {
  const original = udp4({ ttl: 1 }, { payload: filling(40) });
  const { answer } = await error("18.26.4.24, timeexceeded, reassembly", new Uint8Array([...original, 1, 2]));
  const { packet, icmp, caught } = answer!;
  assert.is(packet.source, ip("18.26.4.24"));
  assert.is(packet.destination, ip("10.0.0.1"));
  assert.is(packet.ttl, 200);
  assert.is(packet.id, 1);
  assert.equal([icmp.type, icmp.code, icmp.rest], [11, 1, 0]);
  assert.equal(new Uint8Array(icmp.payload), original);
  assert.equal([...caught.anno.subarray(0, 4)], [10, 0, 0, 1]);
  assert.is(caught.anno[ANNO_FIX_IP_SRC], 1);
  assert.equal([caught.network, caught.transport], [0, 20]);
  assert.is(caught.timestamp, 1_000_000_000_000_000_000n);
});

test("an ICMPError message is at most MTU bytes long", async () => {
  const big = ipv4({ payload: filling(1500) });
  for (const [config, length] of [
    ["1.1.1.1, 3, 1", 576],
    ["1.1.1.1, 3, 1, MTU 100", 100],
    ["1.1.1.1, 3, 1, MTU 10", 28],
    ["1.1.1.1, 3, 1, MTU 4000", 1548],
  ] as const) {
    const { answer } = await error(config, big);
    assert.is(answer!.caught.bytes.length, length, config);
    assert.equal(new Uint8Array(answer!.icmp.payload), big.subarray(0, length - 28));
  }
});

test("ICMPError makes room where headroom lacks, and drops what there is none for", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader -> e :: ICMPError(1.1.1.1, 3, 1, MTU 9000) -> c :: Catch");
  const original = ipv4({ payload: filling(100) });
  l.feed([{ bytes: original, headroom: 0 }]);
  assert.equal(new Uint8Array(answerOf(l.caught("c")[0]).icmp.payload), original);
  const large = ipv4({ payload: filling(2048 - 20) });
  l.feed([{ bytes: large, headroom: 0 }]);
  assert.equal(new Uint8Array(answerOf(l.caught("c")[0]).icmp.payload), large);
  const { kernels } = l.router.memory;
  const spare = kernels.poolTake();
  const waiting = kernels.poolTakeFor(3000);
  noMoreRoom(l.router.memory);
  kernels.poolGive(spare);
  l.feed([{ bytes: large, headroom: 0 }]);
  assert.is(l.caught("c").length, 0);
  kernels.poolGive(waiting);
  assert.is(l.read("e.no_room"), "1");
  l.close();
});

test("particulars: a problem's place, a redirect's gateway, the next hop's MTU", async () => {
  const problem = await error("1.1.1.1, parameterproblem, erroratptr", {
    bytes: ipv4(),
    anno: { [ANNO_ICMP_PARAM]: 22 },
  });
  assert.is(problem.answer!.icmp.rest, 22 << 24);
  const redirect = await error("1.1.1.1, redirect, host", {
    bytes: ipv4(),
    anno: { 0: ipBytes(ip("10.0.0.254")) },
  });
  assert.is(redirect.answer!.icmp.rest, ip("10.0.0.254"));
  assert.is((await error("1.1.1.1, unreachable, needfrag, PMTU 1400", ipv4())).answer!.icmp.rest, 1400);
  const found: Fed = { bytes: ipv4(), slot: (memory, slot) => memory.set32(slot + SLOT_MTU, 1280) };
  assert.is((await error("1.1.1.1, unreachable, needfrag", found)).answer!.icmp.rest, 1280);
  assert.is((await error("1.1.1.1, unreachable, needfrag, PMTU 900", found)).answer!.icmp.rest, 900);
  assert.is((await error("1.1.1.1, unreachable, needfrag", ipv4())).answer!.icmp.rest, 0);
  assert.is((await error("1.1.1.1, unreachable, host", found)).answer!.icmp.rest, 0);
});

test("SET_FIX_ANNO false leaves the annotation alone", async () => {
  const { answer } = await error("1.1.1.1, 3, 1, SET_FIX_ANNO false", ipv4());
  assert.is(answer!.caught.anno[ANNO_FIX_IP_SRC], 0);
});

const icmp = (type: number): Uint8Array =>
  ipv4({ protocol: 1, payload: writeIcmp({ type, code: 0, rest: 0, payload: filling(4) }) });

const refusals: readonly (readonly [what: string, fed: Fed | Uint8Array, why: string])[] = [
  ["ICMP unreachable", icmp(3), "icmp_error"],
  ["ICMP source quench", icmp(4), "icmp_error"],
  ["ICMP redirect", icmp(5), "icmp_error"],
  ["ICMP time exceeded", icmp(11), "icmp_error"],
  ["ICMP parameter problem", icmp(12), "icmp_error"],
  ["an echo request", icmp(8), ""],
  ["ICMP cut off before its code", ipv4({ protocol: 1, payload: hex("080000") }), "icmp_error"],
  ["a packet to everybody", ipv4({ destination: 0xffffffff }), "not_unicast"],
  ["a packet to a group", ipv4({ destination: ip("224.0.0.1") }), "not_unicast"],
  ["a packet to a known broadcast address", ipv4({ destination: ip("10.0.0.255") }), "not_unicast"],
  ["a link-level broadcast", { bytes: ipv4(), packetType: 1 }, "link_broadcast"],
  ["a link-level multicast", { bytes: ipv4(), packetType: 2 }, "link_broadcast"],
  ["a packet for another host", { bytes: ipv4(), packetType: 3 }, ""],
  ["a packet from 0.0.0.0", ipv4({ source: 0 }), "bad_source"],
  ["a packet from net 0", ipv4({ source: ip("0.1.2.3") }), "bad_source"],
  ["a packet from this host", ipv4({ source: ip("127.0.0.1") }), "bad_source"],
  ["a packet from a group", ipv4({ source: ip("230.0.0.1") }), "bad_source"],
  ["a packet from class E", ipv4({ source: ip("240.0.0.1") }), "bad_source"],
  ["a packet from everybody", ipv4({ source: 0xffffffff }), "bad_source"],
  ["a packet from a known broadcast address", ipv4({ source: ip("10.0.0.255") }), "bad_source"],
  ["a later fragment", ipv4({ fragmentOffset: 8 }), "fragment"],
  ["the first fragment", ipv4({ moreFragments: true }), ""],
  ["a later fragment of ICMP", ipv4({ protocol: 1, fragmentOffset: 8, payload: hex("03") }), "fragment"],
  ["half a header", ipv4().subarray(0, 19), "no_header"],
  ["an IPv6 packet", ipv6(), "no_header"],
];

for (const [what, fed, why] of refusals) {
  test(`ICMPError: ${what} is ${why === "" ? "answered" : `not answered (${why})`}`, async () => {
    assert.is((await error("1.1.1.1, unreachable, host, 10.0.0.255", fed)).why, why);
  });
}

test("a source route is reversed in the answer, but for a redirect or a fault in it", async () => {
  // Loose source route, passed two routers of three.
  const options = hex("83 0f 0c 01010101 02020202 03030303 00".replace(/ /g, ""));
  const packet = ipv4({ options, payload: filling(8) });
  const { answer } = await error("9.9.9.9, unreachable, host", packet);
  assert.equal(answer!.packet.options, hex("83 0b 04 02020202 01010101 00".replace(/ /g, "")));
  assert.equal(new Uint8Array(answer!.icmp.payload), packet);
  assert.is((await error("9.9.9.9, redirect, host", packet)).why, "source_routed");
  const fault = { bytes: packet, anno: { [ANNO_ICMP_PARAM]: 22 } };
  assert.is((await error("9.9.9.9, parameterproblem", fault)).answer!.packet.options.length, 0);
  const elsewhere = { bytes: packet, anno: { [ANNO_ICMP_PARAM]: 8 } };
  assert.is((await error("9.9.9.9, parameterproblem", elsewhere)).answer!.packet.options.length, 12);
});

test("whatever the options, an answer has a good header and quotes the packet", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader -> e :: ICMPError(9.9.9.9, 3, 1) -> c :: Catch");
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.uint8Array({ minLength: 40, maxLength: 40 }),
      (words, noise) => {
        const options = noise.slice(0, words * 4);
        options[0] = noise[0] < 200 ? 0x83 : noise[0];
        const packet = ipv4({ options, payload: filling(8) });
        l.feed([packet]);
        const { icmp: message } = answerOf(l.caught("c")[0]);
        assert.equal(new Uint8Array(message.payload), packet);
      },
    ),
    { numRuns: 500 },
  );
  l.close();
});

test("ICMPError's handlers and its words for wrong arguments", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader -> e :: ICMPError(1.1.1.1, unreachable, needfrag) -> c :: Catch",
  );
  assert.equal(
    ["src", "mtu", "pmtu"].map((h) => l.read(`e.${h}`)),
    ["1.1.1.1", "576", "0"],
  );
  await l.router.write("e.src", "200.2.2.2");
  await l.router.write("e.pmtu", "1300");
  await l.router.write("e.mtu", "60");
  l.feed([ipv4({ payload: filling(100) }), ipv4()]);
  const [first, second] = l.caught("c").map(answerOf);
  assert.is(first.packet.source, ip("200.2.2.2"));
  assert.is(first.icmp.rest, 1300);
  assert.is(first.caught.bytes.length, 60);
  assert.equal([first.packet.id, second.packet.id], [1, 2]);
  l.close();
  const words: Readonly<Record<string, string>> = {
    "1.1.1.1, 300": "ICMP type must be between 0 and 255",
    "1.1.1.1, echo": "ICMP type 8 is not an error type",
    "1.1.1.1, unreachable, transit": "argument 2 takes ICMP code (integer between 0 and 255)",
    "1.1.1.1, unreachable, 256": "argument 2 takes ICMP code (integer between 0 and 255)",
    "1.1.1.1": "TYPE: required argument missing",
  };
  for (const [config, message] of Object.entries(words))
    assert.is((await complaints(`Feed -> ICMPError(${config}) -> Catch`))[1], message, config);
});

// ---- ICMPv6 -------------------------------------------------------------------

interface Answer6 {
  readonly packet: Ipv6Packet;
  readonly icmp: Icmp6Message;
  readonly caught: Caught;
}

async function error6(
  config: string,
  fed: Fed | Uint8Array,
): Promise<{ answer: Answer6 | null; why: string }> {
  const l = await lab(`f :: Feed -> MarkIP6Header -> e :: ICMP6Error(${config}) -> c :: Catch`);
  l.feed([fed]);
  const [caught] = l.caught("c");
  const why = l
    .read("e.drops_by_reason")
    .split("\n")
    .filter((line) => line.split("\t")[1] === "1")
    .map((line) => line.split("\t")[0])
    .join();
  l.close();
  if (caught === undefined) return { answer: null, why };
  const packet = readIpv6(caught.bytes);
  assert.is(packet.nextHeader, 58);
  return { answer: { packet, icmp: readIcmp6(packet.payload, packet), caught }, why };
}

test("ICMP6Error answers with the packet's beginning, 1280 bytes in all", async () => {
  const short = ipv6({ payload: filling(33) });
  const { answer } = await error6("2001:db8::99, 3, 0", new Uint8Array([...short, 7, 7]));
  const { packet, icmp: message, caught } = answer!;
  assert.equal(packet.source, ip6("2001:db8::99"));
  assert.equal(packet.destination, ip6("2001:db8::1"));
  assert.is(packet.hopLimit, 255);
  assert.equal([message.type, message.code, message.rest], [3, 0, 0]);
  assert.equal(new Uint8Array(message.payload), short);
  assert.equal(caught.anno.slice(0, 16), ip6("2001:db8::1"));
  assert.is(caught.anno[ANNO_FIX_IP_SRC], 1);
  assert.equal([caught.network, caught.transport], [0, 40]);
  const long = ipv6({ payload: filling(1500) });
  const cut = (await error6("2001:db8::99, 1, 4", long)).answer!;
  assert.is(cut.caught.bytes.length, 1280);
  assert.equal(new Uint8Array(cut.icmp.payload), long.subarray(0, 1232));
});

test("ICMP6Error's particulars: the MTU, the place of a problem, a redirect's addresses and option", async () => {
  const found: Fed = { bytes: ipv6(), slot: (memory, slot) => memory.set32(slot + SLOT_MTU, 1400) };
  assert.is((await error6("::9, 2, 0", found)).answer!.icmp.rest, 1400);
  assert.is((await error6("::9, 2, 0, PMTU 1300", found)).answer!.icmp.rest, 1300);
  assert.is((await error6("::9, 2, 0", ipv6())).answer!.icmp.rest, 1280);
  const problem = await error6("::9, 4, 1", { bytes: ipv6(), anno: { [ANNO_ICMP_PARAM]: 6 } });
  assert.is(problem.answer!.icmp.rest, 6);
  const original = ipv6({ payload: filling(13) });
  const redirect = await error6("fe80::9, 137, 0", { bytes: original, anno: { 0: ip6("fe80::5") } });
  const { payload } = redirect.answer!.icmp;
  assert.equal(payload.slice(0, 16), ip6("fe80::5"));
  assert.equal(payload.slice(16, 32), ip6("2001:db8:1::1"));
  assert.equal([payload[32], payload[33]], [4, 1 + 6]);
  assert.equal(payload.slice(40), original.slice(0, 48));
});

const icmp6 = (type: number): Uint8Array => {
  const ends = { source: ip6("2001:db8::1"), destination: ip6("2001:db8:1::1") };
  return writeIcmp6({ type, code: 0, rest: 0, payload: filling(4) }, ends);
};
const behind = (header: string, type: number): Uint8Array =>
  ipv6({
    nextHeader: Number.parseInt(header.slice(0, 2), 16),
    payload: new Uint8Array([...hex(header.slice(2)), ...icmp6(type)]),
  });

const refusals6: readonly (readonly [what: string, fed: Fed | Uint8Array, why: string, tooBig?: string])[] = [
  ["an error", ipv6({ nextHeader: 58, payload: icmp6(1) }), "icmp_error", "icmp_error"],
  ["a redirect", ipv6({ nextHeader: 58, payload: icmp6(137) }), "icmp_error", "icmp_error"],
  ["an echo request", ipv6({ nextHeader: 58, payload: icmp6(128) }), ""],
  ["ICMPv6 without a type", ipv6({ nextHeader: 58 }), "icmp_error", "icmp_error"],
  ["an error behind hop-by-hop options", behind("003a00010400000000", 1), "icmp_error", "icmp_error"],
  ["an echo request behind hop-by-hop options", behind("003a00010400000000", 128), ""],
  [
    "an error behind a long routing header",
    behind(`2b3a01${"00".repeat(14)}`, 3),
    "icmp_error",
    "icmp_error",
  ],
  ["an error in a first fragment", behind("2c3a00000100000000", 1), "icmp_error", "icmp_error"],
  ["a later fragment of ICMPv6", behind("2c3a00000800000000", 128), "icmp_error", "icmp_error"],
  ["a later fragment of UDP", behind("2c1100000800000000", 1), ""],
  [
    "an error behind an authentication header",
    behind(`333a02${"00".repeat(14)}`, 1),
    "icmp_error",
    "icmp_error",
  ],
  ["a packet to a group", ipv6({ destination: ip6("ff02::1") }), "not_unicast", ""],
  ["a link-level multicast", { bytes: ipv6(), packetType: 2 }, "link_broadcast", ""],
  ["a packet from ::", ipv6({ source: ip6("::") }), "bad_source", "bad_source"],
  ["a packet from ::1", ipv6({ source: ip6("::1") }), "bad_source", "bad_source"],
  ["a packet from ::2", ipv6({ source: ip6("::2") }), ""],
  ["a packet from a group", ipv6({ source: ip6("ff02::1") }), "bad_source", "bad_source"],
  ["half a header", ipv6().subarray(0, 39), "no_header", "no_header"],
  ["an IPv4 packet", ipv4({ payload: filling(30) }), "no_header", "no_header"],
];

for (const [what, fed, why, tooBig = ""] of refusals6) {
  test(`ICMP6Error: ${what} is ${why === "" ? "answered" : `not answered (${why})`}`, async () => {
    assert.is((await error6("2001:db8::99, 1, 0", fed)).why, why);
    assert.is((await error6("2001:db8::99, 2, 0", fed)).why, tooBig, "packet too big");
    assert.is((await error6("2001:db8::99, 4, 2", fed)).why, tooBig, "unknown option");
  });
}

test("extension headers that lie about their length do no harm", async () => {
  const l = await lab("f :: Feed -> MarkIP6Header -> e :: ICMP6Error(::9, 1, 0) -> c :: Catch");
  fc.assert(
    fc.property(
      fc.constantFrom(0, 43, 44, 51, 60, 135),
      fc.uint8Array({ maxLength: 80 }),
      (nextHeader, payload) => {
        l.feed([ipv6({ nextHeader, payload })]);
        for (const c of l.caught("c")) {
          const packet = readIpv6(c.bytes);
          assert.equal(
            new Uint8Array(readIcmp6(packet.payload, packet).payload),
            ipv6({ nextHeader, payload }),
          );
        }
      },
    ),
    { numRuns: 500 },
  );
  l.close();
});

test("ICMP6Error refuses what is no error, and no source", async () => {
  assert.is(
    (await complaints("Feed -> ICMP6Error(::1, 128, 0) -> Catch"))[1],
    "ICMP6 type 128 is not an error or redirect type",
  );
  assert.is((await complaints("Feed -> ICMP6Error(::, 1, 0) -> Catch"))[1], "SRC must not be ::");
  const wrong = "argument 3 takes ICMP6 code (integer between 0 and 255)";
  for (const code of ["256", "port"])
    assert.is((await complaints(`Feed -> ICMP6Error(::1, timeexceeded, ${code}) -> Catch`))[1], wrong);
  assert.is((await error6("::9, unreachable, port", ipv6())).answer!.icmp.code, 4);
  assert.is((await error6("::9, packettoobig, 0", ipv6())).answer!.icmp.type, 2);
});

test.run();
