// LISPDecap: what it takes off, what it keeps, what it refuses. Paragraphs are
// RFC 9300's unless said otherwise.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { FLAG_CSUM_OK, FLAG_PARTIAL_CSUM, SLOT_CSUM_START, SLOT_FLAGS } from "../../../../assembly/layout.js";
import { LISPDecap } from "../../../../elements/lisp/data-plane/lisp-decap.js";
import * as fc from "../../../property.js";
import { fillSlot, touched } from "../../../slot-canary.js";
import { failure } from "../control.js";
import { Bench, checksum, hex, ip, ipv4, ipv6, lisp, SIX_B, toHex, udp } from "../harness.js";
import { complaints } from "../mobility/mobility-lab.js";
import { decap, INNER, NOTHING, OUTER, summed, word, ZERO } from "./decap-lab.js";

test("both families within both: the inner packet leaves, its header set, its instance ID noted", async () => {
  const b = await Bench.of("LISPDecap(ALL_IIDS true)", 2);
  for (const f of OUTER) {
    for (const inner of INNER) {
      b.push("e", [lisp(inner, ZERO, f), lisp(inner, word("0800000000006500"), f)]);
      const seen = b.take("s0");
      assert.equal(
        seen.map((s) => [toHex(s.bytes), s.network, s.iid]),
        [
          [toHex(inner), 0, 0],
          [toHex(inner), 0, 101],
        ],
      );
    }
  }
  assert.is(b.read("e.count"), "8");
  b.close();
});

test("a packet whose network header is behind an Ethernet header, and padding behind it, are taken as they are", async () => {
  const b = await Bench.of("LISPDecap", 2);
  const frame = Uint8Array.of(...new Uint8Array(14), ...lisp(INNER[0]), 1, 2, 3, 4);
  b.push("e", [frame], { network: 14 });
  assert.equal(
    b.take("s0").map((s) => s.bytes),
    [INNER[0]],
  );
  b.close();
});

test("padding inside the datagram goes, and options of the outer header", async () => {
  const b = await Bench.of("LISPDecap", 2);
  b.push("e", [lisp(Uint8Array.of(...INNER[0], 7, 7)), lisp(Uint8Array.of(...INNER[1], 7, 7))]);
  assert.equal(
    b.take("s0").map((s) => s.bytes),
    INNER,
  );
  const plain = lisp(INNER[0]);
  const options = Uint8Array.of(0x46, ...plain.subarray(1, 20), 1, 1, 1, 1, ...plain.subarray(20));
  new DataView(options.buffer).setUint16(2, options.length);
  b.push("e", [options]);
  assert.equal(
    b.take("s0").map((s) => s.bytes),
    [INNER[0]],
  );
  b.close();
});

test("TTL: the inner becomes the outer where that is less (5.3), and the checksum stays right", async () => {
  const b = await Bench.of("LISPDecap", 2);
  for (const f of OUTER) {
    for (const make of [ipv4, ipv6]) {
      for (const [outer, inner] of [
        [64, 10],
        [10, 64],
        [5, 5],
        [1, 255],
        [255, 1],
      ]) {
        b.push("e", [lisp(make(hex("00ff"), { ttl: inner }), ZERO, { ...f, ttl: outer })]);
        const [seen] = b.take("s0");
        assert.equal(seen.bytes, make(hex("00ff"), { ttl: Math.min(outer, inner) }));
      }
    }
  }
  b.close();
});

test("a packet without any hop left goes no further", async () => {
  const b = await Bench.of("LISPDecap", 2);
  for (const f of OUTER)
    for (const make of [ipv4, ipv6])
      for (const [outer, inner] of [
        [0, 255],
        [255, 0],
        [0, 0],
      ])
        b.push("e", [lisp(make(NOTHING, { ttl: inner }), ZERO, { ...f, ttl: outer })]);
  assert.equal(b.take("s0"), []);
  assert.is(b.read("e.expired"), "12");
  b.close();
});

test("nobody sends from the site's own EIDs out of another site, but mobile hosts of it", async () => {
  const site = "site :: LISPSite(10.1.0.0/16 192.0.2.2, fd01:0:0:1::/64 192.0.2.2);";
  const forged = INNER.map((inner) => lisp(inner));
  const honest = [ipv4(NOTHING, { source: ip("10.9.0.1") }), ipv6(NOTHING, { source: SIX_B })].map((p) =>
    lisp(p),
  );
  const b = await Bench.start(
    `${site} feed :: Feed -> e :: LISPDecap(ALL_IIDS true, SITE site); e -> s0 :: Sink`,
  );
  b.push("e", [...forged, ...honest]);
  assert.is(b.take("s0").length, 2);
  assert.is(b.read("e.own_source"), "2");
  // EIDs of the same number in another instance are somebody else's.
  b.push(
    "e",
    INNER.map((inner) => lisp(inner, hex("0800000000000700"))),
  );
  assert.is(b.take("s0").length, 2);
  await b.router.write("site.remove", "10.1.0.0/16");
  b.push("e", forged);
  assert.is(b.take("s0").length, 1, "no longer the site's");
  b.close();

  const mobile = await Bench.start(`${site}
    feed :: Feed -> e :: LISPDecap(SITE site, MOBILITY m); e -> s0 :: Sink;
    Idle -> cache :: LISPMapCache -> Discard;
    Idle -> m :: LISPMobility(site, 02:00:00:00:00:02, 10.1.0.0/16 10.1.0.254, fd01:0:0:1::/64 fd01:0:0:1::fe,
      LOCATORS "192.0.2.2", CACHE cache) -> Discard; Idle -> [1] m`);
  mobile.push("e", forged);
  assert.is(mobile.take("s0").length, 0, "at home, for all that is known");
  await mobile.router.write("m.away", "10.1.0.1 192.0.2.9");
  await mobile.router.write("m.away", "fd01:0:0:1::1 192.0.2.9");
  mobile.push("e", forged);
  assert.is(mobile.take("s0").length, 2, "elsewhere");
  mobile.close();
  assert.equal(await complaints("Idle -> LISPDecap(SITE d, MOBILITY d) -> d :: Discard"), [
    "SITE is not a LISPSite",
    "MOBILITY is not a LISPMobility",
  ]);
});

// RFC 6040 section 4.2, figure 4: rows the arriving inner, columns the arriving outer. Codes: 00 Not-ECT, 01 ECT(1),
// 10 ECT(0), 11 CE.
const ECN: Readonly<Record<number, Readonly<Record<number, number | null>>>> = {
  0: { 0: 0b00, 2: 0b00, 1: 0b00, 3: null },
  2: { 0: 0b10, 2: 0b10, 1: 0b01, 3: 0b11 },
  1: { 0: 0b01, 2: 0b01, 1: 0b01, 3: 0b11 },
  3: { 0: 0b11, 2: 0b11, 1: 0b11, 3: 0b11 },
};

test("ECN: all sixteen pairs of RFC 6040, both families; congestion a packet cannot carry drops it", async () => {
  const b = await Bench.of("LISPDecap", 2);
  let dropped = 0;
  for (const f of OUTER) {
    for (const make of [ipv4, ipv6]) {
      for (let inner = 0; inner < 4; inner++) {
        for (let outer = 0; outer < 4; outer++) {
          b.push("e", [lisp(make(NOTHING, { tos: inner }), ZERO, { ...f, tos: outer })]);
          const expected = ECN[inner][outer];
          if (expected === null) dropped++;
          assert.equal(
            b.take("s0").map((s) => s.bytes),
            expected === null ? [] : [make(NOTHING, { tos: expected })],
            `inner ${inner}, outer ${outer}`,
          );
        }
      }
    }
  }
  assert.equal([b.read("e.bad_ecn"), dropped], ["4", 4]);
  b.close();
});

test("DSCP: copied from the outer header (5.3), or left", async () => {
  for (const [args, expected] of [
    ["", 0xb8],
    ["DSCP false", 0x28],
  ] as const) {
    const b = await Bench.of(`LISPDecap(${args})`, 2);
    for (const f of OUTER)
      for (const make of [ipv4, ipv6]) {
        b.push("e", [lisp(make(NOTHING, { tos: 0x28 | 2 }), ZERO, { ...f, tos: 0xb8 | 3 })]);
        assert.equal(
          b.take("s0").map((s) => s.bytes),
          [make(NOTHING, { tos: expected | 3 })],
        );
      }
    b.close();
  }
});

test("UDP checksums: 0 accepted for both families, right ones too, wrong ones refused unless told not to look (5.3)", async () => {
  for (const [args, refused] of [
    ["", 1],
    ["CHECKSUM false", 0],
  ] as const) {
    for (const f of OUTER) {
      for (const length of [1, 2, 63, 64, 65, 1000]) {
        const b = await Bench.of(`LISPDecap(${args})`, 2);
        const inner = ipv4(new Uint8Array(length).map((_, i) => i * 7));
        const right = summed(lisp(inner, ZERO, f));
        const wrong = Uint8Array.from(right);
        wrong[wrong.length - 1] ^= 1;
        b.push("e", [lisp(inner, ZERO, f), right, wrong]);
        assert.equal([b.take("s0").length, b.read("e.bad_checksum")], [3 - refused, String(refused)]);
        b.close();
      }
    }
  }
});

test("a checksum the device vouches for, or that the sender's device still owed, is not looked at", async () => {
  const b = await Bench.of("LISPDecap", 2);
  const wrong = lisp(INNER[0]);
  wrong[26] = 1;
  const flagsOf = (slot: number): number => b.router.memory.u8[slot + SLOT_FLAGS];
  b.push("e", [wrong], { flags: FLAG_CSUM_OK });
  b.push("e", [wrong], { flags: FLAG_PARTIAL_CSUM, sumStart: 20 });
  const seen = b.take("s0");
  assert.equal(
    seen.map((s) => flagsOf(s.slot)),
    [0, 0],
    "neither says anything of the inner packet",
  );
  b.push("e", [lisp(ipv4(udp(1, 2, NOTHING)))], { flags: FLAG_PARTIAL_CSUM, sumStart: 56 });
  const [owed] = b.take("s0");
  assert.equal(
    [flagsOf(owed.slot), b.router.memory.u16[(owed.slot + SLOT_CSUM_START) >>> 1]],
    [FLAG_PARTIAL_CSUM, 20],
  );
  b.close();
});

test("unless told otherwise only packets without an instance ID, or in instance 0, are delivered (section 8)", async () => {
  const ids = ["0000000012345678", "0800000000000000", "0800000000000500", "08ffffffffffff00"].map(word);
  for (const [args, delivered] of [
    ["", [0, 0]],
    ["IID 5", [5]],
    ["IID 5, IID 0", [0, 0, 5]],
    ["ALL_IIDS true", [0, 0, 5, 0xffffff]],
  ] as const) {
    const b = await Bench.of(`LISPDecap(${args})`, 2);
    b.push(
      "e",
      ids.map((h) => lisp(INNER[0], h)),
    );
    assert.equal(
      [b.take("s0").map((s) => s.iid), b.read("e.unknown_iid")],
      [delivered, String(ids.length - delivered.length)],
      args,
    );
    b.close();
  }
  assert.match(
    await failure(() => Bench.of("LISPDecap(IID 1, ALL_IIDS true)", 2)),
    /IID and ALL_IIDS exclude each other/,
  );
});

test("the reserved bit of the header (R, 5.3) changes nothing", async () => {
  const b = await Bench.of("LISPDecap", 2);
  b.push(
    "e",
    ["0000000000000000", "0400000000000000", "8400000100000000"].map((h) => lisp(INNER[0], word(h))),
  );
  assert.equal(
    b.take("s0").map((s) => toHex(s.bytes)),
    [1, 2, 3].map(() => toHex(INNER[0])),
  );
  b.close();
});

test("only instance IDs of ours are accepted where they are named; 0 means also without the I bit", async () => {
  const b = await Bench.of("LISPDecap(IID 101, IID 0)", 2);
  const ids = ["0000000012345678", "0800000000000000", "0800000000006500", "0800000000006600"].map(word);
  b.push(
    "e",
    ids.map((h) => lisp(INNER[0], h)),
  );
  assert.equal(
    [b.take("s0").map((s) => s.iid), b.take("s1").length, b.read("e.unknown_iid")],
    [[0, 0, 101], 1, "1"],
  );
  decap(b).expect(102);
  decap(b).unexpect(0);
  b.push(
    "e",
    ids.map((h) => lisp(INNER[0], h)),
  );
  assert.equal([b.take("s0").map((s) => s.iid), b.read("e.unknown_iid")], [[101, 102], "3"]);
  b.close();
});

test("refused packets go to output 1 as they came, with their reason; each reason is counted", async () => {
  const b = await Bench.of("LISPDecap", 2);
  const bad: [string, Uint8Array][] = [];
  for (const f of OUTER) {
    const good = lisp(INNER[0], ZERO, f);
    const at = f.source === undefined ? 20 : 40;
    const change = (i: number, value: number): Uint8Array => {
      const p = Uint8Array.from(good);
      p[i] = value;
      return p;
    };
    bad.push(
      ["truncated", good.subarray(0, good.length - 1)],
      [
        "truncated",
        Uint8Array.from(lisp(NOTHING, ZERO, f).subarray(0, at + 15)).map((x, i, a) => fixLength(x, i, a)),
      ],
      ["not_lisp", change(f.source === undefined ? 9 : 6, 6)],
      ["not_lisp", change(at + 3, 0xf6)],
      ["not_lisp", change(0, 0x50)],
      ["fragment", f.source === undefined ? change(6, 0x20) : change(6, 44)],
      ["bad_length", change(at + 5, 15)],
      ["bad_length", change(at + 4, 0xff)],
      ["encrypted", change(at + 8, 0x01)],
      ["bad_inner", change(at + 16, 0x35)],
      ["bad_inner", change(at + 16, 0x44)],
      ["bad_inner", change(at + 18, 0xff)],
      ["bad_inner", change(at + 19, 19)],
      ["bad_inner", lisp(new Uint8Array(19).fill(0x45), ZERO, f)],
      ["bad_inner", lisp(ipv6(hex("01")).subarray(0, 40), ZERO, f)],
    );
  }
  bad.push(["fragment", lisp(INNER[0], ZERO, { fragment: 0x0001 })]);
  const header = lisp(INNER[0]);
  header[0] = 0x44;
  bad.push(["bad_length", header]);
  const short = lisp(INNER[0]);
  short[2] = 0;
  short[3] = 19;
  bad.push(["bad_length", short]);
  const names = Object.keys(LISPDecap.spec.drops);
  for (const [reason, packet] of bad) {
    const before = Number(b.read(`e.${reason}`));
    b.push("e", [packet]);
    const seen = b.take("s1");
    assert.equal(
      seen.map((s) => [names[s.reason], toHex(s.bytes)]),
      [[reason, toHex(packet)]],
    );
    assert.is(b.read(`e.${reason}`), String(before + 1));
  }
  assert.equal(b.take("s0"), []);
  b.close();
});

/** Makes the outer length fit what is left of a packet. */
function fixLength(x: number, i: number, packet: Uint8Array): number {
  if (packet[0] >> 4 === 4) return i === 3 ? packet.length : x;
  return i === 5 ? packet.length - 40 : x;
}

test("without output 1 the refused are dropped", async () => {
  const b = await Bench.of("LISPDecap", 1);
  b.push("e", [hex("45"), lisp(INNER[0])]);
  assert.equal([b.take("s0").length, b.read("e.truncated"), b.router.memory.slotsUsed], [1, "1", 0]);
  b.close();
});

test("cut at any length a packet is refused, and what stands beside it in memory stays", async () => {
  const b = await Bench.of("LISPDecap(PEERS 8)", 2);
  const { memory } = b.router;
  for (const f of OUTER) {
    for (const inner of INNER) {
      for (const whole of [lisp(inner, word("e8aaaaaa00006507"), f), summed(lisp(inner, ZERO, f))]) {
        for (let n = 0; n < whole.length; n++) {
          const canary = memory.kernels.poolTake();
          fillSlot(memory, canary, 0x77);
          // As it came, and with the outer length made to fit.
          const cut = whole.slice(0, n);
          b.push("e", [cut, cut.map((x, i) => (n > 40 ? fixLength(x, i, cut) : x))]);
          assert.equal([b.take("s0").length, b.take("s1").length], [0, 2], `${n} bytes`);
          assert.is(touched(memory, canary, 0x77), null);
          memory.kernels.poolGive(canary);
        }
      }
    }
  }
  b.close();
});

// ---- Against a slow twin ----------------------------------------------------------

/** What is to become of a packet, from sections 5.3 and 8, checksums aside; null: refused. */
function slowDecap(p: Uint8Array): { readonly bytes: string; readonly iid: number } | null {
  const u16 = (i: number): number => (p[i] << 8) | p[i + 1];
  const version = p[0] >> 4;
  if (p.length < 20 || (version !== 4 && version !== 6)) return null;
  const at = version === 4 ? (p[0] & 15) * 4 : 40;
  const end = version === 4 ? u16(2) : 40 + u16(4);
  if (at < 20 || end > p.length || p[version === 4 ? 9 : 6] !== 17) return null;
  if (version === 4 && (u16(6) & 0x3fff) !== 0) return null;
  const length = u16(at + 4);
  if (end - at < 16 || u16(at + 2) !== 4341 || length < 16 || length > end - at) return null;
  const flags = p[at + 8];
  if ((flags & 3) !== 0) return null;
  const inner = Uint8Array.from(p.subarray(at + 16, at + length));
  if (inner.length < 20) return null;
  const tos = version === 4 ? p[1] : ((p[0] & 15) << 4) | (p[1] >> 4);
  const ttl = version === 4 ? p[8] : p[7];
  const size = inner[0] >> 4 === 4 ? (inner[2] << 8) | inner[3] : ((inner[4] << 8) | inner[5]) + 40;
  if (size > inner.length) return null;
  if (inner[0] >> 4 === 4) {
    if ((inner[0] & 15) < 5 || size < (inner[0] & 15) * 4) return null;
    const ecn = ECN[inner[1] & 3][tos & 3];
    if (ecn === null) return null;
    inner[1] = (tos & 0xfc) | ecn;
    inner[8] = Math.min(inner[8], ttl);
    if (inner[8] === 0) return null;
    inner.set([0, 0], 10);
    const sum = checksum(inner.subarray(0, (inner[0] & 15) * 4));
    inner.set([sum >> 8, sum & 255], 10);
  } else if (inner[0] >> 4 === 6) {
    const ecn = ECN[(inner[1] >> 4) & 3][tos & 3];
    if (ecn === null) return null;
    const merged = (tos & 0xfc) | ecn;
    inner[0] = 0x60 | (merged >> 4);
    inner[1] = ((merged & 15) << 4) | (inner[1] & 15);
    inner[7] = Math.min(inner[7], ttl);
    if (inner[7] === 0) return null;
  } else return null;
  const iid = (flags & 8) === 0 ? 0 : (p[at + 12] << 16) | u16(at + 13);
  return { bytes: toHex(inner.subarray(0, size)), iid };
}

test("any packet, damaged anywhere, is taken or refused as the slow twin does", async () => {
  const b = await Bench.of("LISPDecap(CHECKSUM false, PEERS 8, ALL_IIDS true)", 2);
  const packet = fc
    .record({
      outer: fc.constantFrom(...OUTER),
      inner: fc.constantFrom(ipv4, ipv6),
      payload: fc.uint8Array({ maxLength: 30 }),
      header: fc.uint8Array({ minLength: 8, maxLength: 8 }),
      tos: fc.tuple(fc.nat(255), fc.nat(255)),
      ttl: fc.tuple(fc.nat(255), fc.nat(255)),
      damage: fc.array(fc.tuple(fc.nat(110), fc.nat(255)), { maxLength: 2 }),
      cut: fc.option(fc.nat(110), { freq: 10 }),
    })
    .map(({ outer, inner, payload, header, tos, ttl, damage, cut }) => {
      header[0] &= 0xfc;
      const p = lisp(inner(payload, { tos: tos[0], ttl: ttl[0] }), header, {
        ...outer,
        tos: tos[1],
        ttl: ttl[1],
      });
      for (const [i, x] of damage) if (i < p.length) p[i] = x;
      return cut === null ? p : p.slice(0, cut);
    });
  // The kernel corrects a checksum, the twin makes it anew: they agree where it was right before.
  const rightSum = (p: Uint8Array): boolean => {
    const at = (p[0] >> 4 === 4 ? (p[0] & 15) * 4 : 40) + 16;
    return p[at] >> 4 !== 4 || checksum(p.subarray(at, at + (p[at] & 15) * 4)) === 0;
  };
  fc.assert(
    fc.property(fc.array(packet, { minLength: 1, maxLength: 10 }), (packets) => {
      const good = packets.map((p) => [p, slowDecap(p)] as const).filter(([, r]) => r !== null);
      b.push("e", packets);
      const seen = b.take("s0");
      assert.is(b.take("s1").length, packets.length - good.length);
      assert.is(seen.length, good.length);
      for (const [i, [p, expected]] of good.entries()) {
        assert.is(seen[i].iid, expected!.iid);
        if (rightSum(p)) assert.is(toHex(seen[i].bytes), expected!.bytes);
      }
    }),
    { numRuns: 1000 },
  );
  b.close();
});

test.run();
