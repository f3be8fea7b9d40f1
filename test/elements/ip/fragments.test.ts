import { test } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../../assembly/layout.js";
import { ipBytes } from "../../../src/net/address.js";
import { type Ipv4Packet, readIpv4 } from "../../../src/wire/ipv4.js";
import { readUdp } from "../../../src/wire/udp.js";
import { filling, hex, ip, ipv4, udp4 } from "../../packets.js";
import * as fc from "../../property.js";
import { complaints, lab } from "../lab.js";

/** Puts a datagram together from its fragments; throws when they overlap, leave a gap, or do not end. */
function reassemble(fragments: readonly Ipv4Packet[]): { payload: Uint8Array; ended: boolean } {
  const sorted = [...fragments].sort((a, b) => a.fragmentOffset - b.fragmentOffset);
  const parts: number[] = [];
  const first = sorted[0].fragmentOffset;
  for (const [i, f] of sorted.entries()) {
    assert.is(f.fragmentOffset - first, parts.length, "no gap, no overlap");
    if (i < sorted.length - 1) assert.is(f.moreFragments, true);
    parts.push(...f.payload);
  }
  return { payload: Uint8Array.from(parts), ended: !sorted[sorted.length - 1].moreFragments };
}

test("packets up to the MTU pass as they are; what is before the network header does not count", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader(14) -> fr :: IPFragmenter(100) -> c :: Catch");
  const fits = new Uint8Array([...filling(14), ...ipv4({ payload: filling(80), dontFragment: true })]);
  l.feed([fits]);
  assert.equal(l.caught("c")[0].bytes, fits);
  assert.is(l.read("fr.fragments"), "0");
  l.close();
});

test("with HONOR_MTU packets are cut to what LISPEncap says would pass, whatever the path to their RLOC carries", async () => {
  const l = await lab(`
    f :: Feed -> MarkIPHeader -> cache :: LISPMapCache(10.2.0.0/16 192.0.2.1, 10.3.0.0/16 2001:db8::1)
      -> encap :: LISPEncap(192.0.2.9, 2001:db8::9, MTU 1300) -> c :: Catch;
    encap[1] -> fr :: IPFragmenter(65535, HONOR_MTU true) -> encap;
    fr[1] -> ICMPError(10.1.0.1, unreachable, needfrag) -> too :: Catch;
    cache[1] -> Discard`);
  for (const [to, inner] of [
    ["10.2.0.1", 1300 - 36],
    ["10.3.0.1", 1300 - 56],
  ] as const) {
    const packet = { source: ip("10.1.0.9"), destination: ip(to), payload: filling(1400) };
    l.feed([ipv4(packet), ipv4({ ...packet, dontFragment: true })]);
    const [first, second] = l.caught("c");
    const outer = 1300 - inner;
    // A fragment's payload is a multiple of 8 bytes.
    const cut = 20 + ((inner - 20) & ~7);
    assert.equal([first.bytes.length, second.bytes.length], [outer + cut, outer + 1400 + 20 - cut + 20], to);
    const [error] = l.caught("too");
    assert.is((error.bytes[20 + 6] << 8) | error.bytes[20 + 7], inner, to);
  }
  l.close();
});

test("a big packet leaves as fragments in order, between its neighbours, with its annotations", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader(4) -> fr :: IPFragmenter(68) -> c :: Catch");
  const small = new Uint8Array([1, 2, 3, 4, ...ipv4({ id: 1 })]);
  const payload = filling(130);
  const big = new Uint8Array([1, 2, 3, 4, ...ipv4({ id: 2, payload })]);
  l.feed([small, { bytes: big, packetType: 1, anno: { 0: ipBytes(ip("9.9.9.9")), 16: 7 } }, small]);
  const got = l.caught("c");
  assert.equal(
    got.map((c) => c.bytes.length),
    [24, 4 + 68, 68, 20 + 34, 24],
  );
  const fragments = got.slice(1, 4);
  for (const { anno, packetType } of fragments) {
    assert.equal([...anno.subarray(0, 4), anno[16], packetType], [9, 9, 9, 9, 7, 1]);
  }
  assert.equal(
    fragments.map((c) => [c.network, c.transport]),
    [
      [4, 24],
      [0, 20],
      [0, 20],
    ],
  );
  const packets = fragments.map((c) => readIpv4(c.bytes.subarray(c.network!)));
  const whole = reassemble(packets);
  assert.equal(whole.payload, payload);
  assert.is(whole.ended, true);
  assert.is(l.read("fr.fragments"), "3");
  l.close();
});

test("whatever the packet and the MTU, the fragments fit and hold the packet again", async () => {
  for (const mtu of [28, 60, 68, 576, 1500]) {
    const l = await lab(
      `f :: Feed -> MarkIPHeader -> fr :: IPFragmenter(${mtu}) -> c :: Catch; fr[1] -> too :: Catch`,
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1800 }),
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 100 }),
        fc.boolean(),
        (size, words, offset, moreFragments) => {
          const payload = filling(moreFragments ? size & ~7 : size);
          const options = hex("83040400 07040400 94040000".slice(0, words * 9));
          const packet = ipv4({ payload, options, fragmentOffset: offset * 8, moreFragments });
          l.feed([packet]);
          const fragments = l.caught("c").map((c) => c.bytes);
          if (fragments.length === 0) {
            // No room for 8 bytes beside the header: told apart from success by output 1.
            assert.equal(l.caught("too")[0].bytes, packet);
            assert.ok(mtu - 20 - options.length < 8);
            return;
          }
          for (const f of fragments) assert.ok(f.length <= mtu, `${f.length} > ${mtu}`);
          const read = fragments.map((f) => readIpv4(f));
          assert.is(read[0].fragmentOffset, offset * 8);
          const whole = reassemble(read);
          assert.equal(whole.payload, payload);
          assert.is(whole.ended, !moreFragments);
          assert.equal(read[0].options, options);
          if (read.length > 1) assert.is(new Set(read.map((f) => f.id)).size, 1);
        },
      ),
      { numRuns: 100 },
    );
    l.close();
  }
});

test("only the options that must be copied are in later fragments", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader -> IPFragmenter(68) -> c :: Catch");
  // Record Route (7) is not copied; strict source route (137) and an unknown one (148) are.
  const options = hex("01 07 07 04 0a000001 89 07 04 0a000002 94 04 0000 00 ".replace(/ /g, ""));
  l.feed([ipv4({ options: new Uint8Array([...options, 0, 0, 0, 0]).slice(0, 20), payload: filling(100) })]);
  const [first, ...later] = l.caught("c").map((c) => readIpv4(c.bytes));
  assert.is(first.options.length, 20);
  assert.ok(later.length > 0);
  for (const f of later) assert.equal(f.options, hex("89 07 04 0a000002 94 04 0000 00".replace(/ /g, "")));
  l.close();
});

test("a packet that must not be cut goes to output 1 with the MTU, and is reported five times", async () => {
  const l = await lab(
    "f :: Feed -> MarkIPHeader -> fr :: IPFragmenter(100) -> c :: Catch; fr[1] -> too :: Catch",
  );
  const packet = ipv4({ payload: filling(100), dontFragment: true });
  l.feed(Array(7).fill(packet));
  const refused = l.caught("too");
  assert.is(refused.length, 7);
  assert.equal(refused[0].bytes, packet);
  assert.is(refused[0].mtu, 100);
  assert.is(l.caught("c").length, 0);
  assert.is(l.read("fr.drops"), "7");
  assert.equal(l.lines, Array(5).fill("IPFragmenter(100) DF 10.0.0.1 192.0.2.1 len=120"));
  l.close();
  const verbose = await lab("f :: Feed -> MarkIPHeader -> IPFragmenter(100, VERBOSE true) -> Catch");
  verbose.feed(Array(7).fill(packet));
  assert.is(verbose.lines.length, 7);
  verbose.close();
});

test("HONOR_DF false cuts all the same, under fresh identifications", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader -> IPFragmenter(100, false) -> c :: Catch");
  const packet = ipv4({ id: 0, payload: filling(150), dontFragment: true });
  l.feed([packet, packet]);
  const read = l.caught("c").map((c) => readIpv4(c.bytes));
  assert.is(read.length, 4);
  assert.is(read[0].id, read[1].id);
  assert.is(read[2].id, read[3].id);
  assert.is.not(read[0].id, read[2].id);
  assert.ok(read.every((f) => !f.dontFragment));
  l.close();
});

test("more fragments than a batch holds leave in several batches", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader -> fr :: IPFragmenter(28) -> c :: Catch");
  l.feed(Array.from({ length: 5 }, () => ipv4({ payload: filling(800) })));
  const read = l.caught("c").map((c) => readIpv4(c.bytes));
  assert.is(read.length, 500);
  for (let i = 0; i < 5; i++)
    assert.equal(reassemble(read.slice(i * 100, i * 100 + 100)).payload, filling(800));
  assert.is(l.read("fr.fragments"), "500");
  l.close();
});

test("what cannot be cut is dropped and counted: no header, wrong lengths, too many fragments, no slot", async () => {
  const l = await lab("f :: Feed -> fr :: IPFragmenter(28) -> c :: Catch", {
    memory: { slots: 12, bufferSize: 4096 },
  });
  const marked = (bytes: Uint8Array) => ({ bytes, network: 0 });
  const lying = ipv4({ payload: filling(100) });
  lying[3] = 200;
  const neither = ipv4({ payload: filling(100) });
  neither[0] = 0x75;
  // The last fragment of a packet larger than any: its parts' offsets would run into the flags.
  const beyond = ipv4({ payload: filling(100), fragmentOffset: 0x1fff * 8 });
  l.feed([ipv4({ payload: filling(100) }), marked(lying), marked(neither), marked(beyond)]);
  assert.is(l.read("fr.malformed"), "4");
  l.feed([marked(ipv4({ payload: filling(257 * 8) }))]);
  assert.is(l.read("fr.too_many"), "1");
  assert.is(l.caught("c").length, 0);
  l.feed([marked(ipv4({ payload: filling(20 * 8) }))]);
  assert.is(l.caught("c").length, 12);
  assert.is(l.read("fr.no_slot"), "8");
  l.close();
});

test("a packet whose data only looks too long, for its padding, is not cut", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader -> fr :: IPFragmenter(40) -> c :: Catch");
  const padded = new Uint8Array([...ipv4({ payload: filling(20) }), ...filling(6)]);
  l.feed([padded]);
  assert.equal(l.caught("c")[0].bytes, padded);
  l.close();
});

test("a checksum left to the device is completed before the packet is cut", async () => {
  const l = await lab("f :: Feed -> MarkIPHeader -> IPFragmenter(68) -> c :: Catch");
  const packet = udp4({}, { payload: filling(100) });
  // The field holds the sum of the pseudo header alone.
  const partial = packet.slice();
  const pseudo = [10, 0, 0, 1, 192, 0, 2, 1, 0, 17, 0, 108];
  let sum = 0;
  for (let i = 0; i < pseudo.length; i += 2) sum += pseudo[i] * 256 + pseudo[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  partial[26] = sum >> 8;
  partial[27] = sum & 255;
  l.feed([
    {
      bytes: partial,
      slot: (memory, slot) => {
        memory.u8[slot + layout.SLOT_FLAGS] = layout.FLAG_PARTIAL_CSUM;
        memory.u16[(slot + layout.SLOT_CSUM_START) >>> 1] = 20;
        memory.u16[(slot + layout.SLOT_CSUM_OFFSET) >>> 1] = 6;
      },
    },
  ]);
  const whole = reassemble(l.caught("c").map((c) => readIpv4(c.bytes)));
  const ends = { source: ipBytes(ip("10.0.0.1")), destination: ipBytes(ip("192.0.2.1")) };
  assert.equal(new Uint8Array(readUdp(whole.payload, ends).payload), filling(100));
  l.close();
});

test("an MTU below 8 is refused", async () => {
  assert.equal((await complaints("Feed -> IPFragmenter(7) -> Catch"))[1], "MTU must be at least 8");
});

test.run();
