// Echo-nonce, Locator-Status-Bits and Map-Versions together: what tshark reads of the headers sent, and the two kernels
// behind them against slow twins on random packets.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Mapping, parseMapping } from "../../../../src/lisp/mapping.js";
import { covers } from "../../../../src/net/prefix.js";
import { readLispData, writeLispData } from "../../../../src/wire/lisp-data.js";
import * as fc from "../../../property.js";
import { isSet, judged, tsharkTest } from "../../../tshark.js";
import { Bench, ip, ipv4, ipv6, lisp, udp } from "../harness.js";

const NOTHING = udp(1, 2, new Uint8Array(0));
const OWN = [
  "10.0.0.0/8 192.0.2.1 192.0.2.7 version 4095",
  "10.1.0.0/16 192.0.2.1 192.0.2.7/down",
  "10.1.2.0/24 192.0.2.1 192.0.2.7 192.0.2.8 version 2048",
  "fd01::/16 192.0.2.1 version 1",
  "10.1.0.0/16 192.0.2.1 iid 5 version 77",
];
const CACHE = [
  "20.0.0.0/8 192.0.2.2 192.0.2.3 version 2047",
  "20.1.0.0/16 192.0.2.2",
  "20.1.2.0/24 192.0.2.3 192.0.2.2 2001:db8::2 version 4000",
  "fd02::/16 2001:db8::2 192.0.2.2 version 9",
  "20.1.0.0/16 192.0.2.2 iid 5 version 100",
];

const bench = (): Promise<Bench> =>
  Bench.start(`
    own :: LISPSite(${OWN.join(", ")});
    feed :: Feed -> cache :: LISPMapCache(${CACHE.join(", ")}, PACKET_IID true)
      -> encap :: LISPEncap(192.0.2.1, 2001:db8::1) -> s0 :: Sink;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> Discard;
    Idle -> [1] resolver; resolver[1] -> Discard;
    f2 :: Feed -> decap :: LISPDecap(ALL_IIDS true, PEERS 64) -> s1 :: Sink; decap[1] -> s2 :: Sink;
    LISPMapVersion(own, ENCAP encap, DECAP decap, RESOLVER resolver, ACTIVE true);
    LISPLocatorStatus(own, ENCAP encap, DECAP decap, CACHE cache, ACTIVE true);
    LISPEchoNonce(cache, DECAP decap, ACTIVE true, REQUEST none);
  `);

// ---- Slow twins ----------------------------------------------------------------

const MAPPINGS = [OWN, CACHE].map((texts) => texts.map((text) => parseMapping(text)));

function longest(mappings: readonly Mapping[], iid: number, address: Uint8Array): Mapping | null {
  return mappings
    .filter((m) => m.iid === iid && covers(m.eid, address))
    .reduce<Mapping | null>((best, m) => (best === null || m.eid.length > best.eid.length ? m : best), null);
}

/** RFC 9302, section 6, as it is written there. */
function isGreater(v2: number, v1: number): boolean {
  return (v2 > v1 && v2 - v1 <= 2 ** 11) || (v1 > v2 && v1 - v2 > 2 ** 11);
}

/** RFC 9302, section 7: why a packet is dropped; null: it passes. */
function verdict(
  iid: number,
  source: Uint8Array,
  destination: Uint8Array,
  versions: [number, number],
): string | null {
  const own = longest(MAPPINGS[0], iid, destination);
  if (own !== null) {
    if (own.version === 0 || versions[1] === 0) return "null_version";
    if (isGreater(versions[1], own.version)) return "newer_version";
  }
  const cached = longest(MAPPINGS[1], iid, source);
  if (cached === null || cached.version === 0 || versions[0] === 0) return null;
  return isGreater(cached.version, versions[0]) ? "older_source" : null;
}

const four = (first: number): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.constantFrom(first, 30), fc.constantFrom(1, 2), fc.constantFrom(2, 3))
    .map((t) => Uint8Array.of(...t, 1));
const six = (second: number): fc.Arbitrary<Uint8Array> =>
  fc.constantFrom(second, 3).map((s) => Uint8Array.of(0xfd, s, ...new Uint8Array(13), 1));
const iids = fc.constantFrom(0, 5, 6);

test("headers sent say what a slow twin makes of the longest EID-prefixes", async () => {
  const b = await bench();
  const sample = fc.oneof(
    fc.record({ source: four(10), destination: four(20), iid: iids }),
    fc.record({ source: six(1), destination: six(2), iid: iids }),
  );
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 30 }), (samples) => {
      const reached = samples.filter((s) => longest(MAPPINGS[1], s.iid, s.destination) !== null);
      if (reached.length === 0) return;
      const packets = reached.map((s) => (s.source.length === 4 ? ipv4 : ipv6)(NOTHING, s));
      b.push("cache", packets, { iids: reached.map((s) => s.iid) });
      const seen = b.take("s0");
      assert.is(seen.length, reached.length);
      for (const [i, { source, destination, iid }] of reached.entries()) {
        const { bytes } = seen[i];
        const own = longest(MAPPINGS[0], iid, source);
        const { version } = longest(MAPPINGS[1], iid, destination)!;
        const up =
          own === null ? null : own.locators.reduce((bits, l, k) => bits | (l.reachable ? 1 << k : 0), 0);
        assert.equal(readLispData(bytes, bytes[0] >> 4 === 4 ? 28 : 48), {
          nonce: null,
          echoRequest: false,
          versions: version === 0 ? null : { source: own?.version ?? 0, destination: version },
          iid: iid === 0 ? null : iid,
          statusBits: up,
          key: 0,
        });
      }
    }),
    { numRuns: 300 },
  );
  b.close();
});

test("packets with any versions pass or not as a slow twin says", async () => {
  const b = await bench();
  const reasons = ["null_version", "newer_version", "older_version", "older_source"] as const;
  const near = fc.oneof(
    fc.constantFrom(0, 1, 2, 9, 77, 100, 2047, 2048, 2049, 4000, 4094, 4095),
    fc.nat(4095),
  );
  const common = { iid: iids, versions: fc.tuple(near, near), bits: fc.nat(255) };
  const sample = fc.oneof(
    fc.record({ source: four(20), destination: four(10), ...common }),
    fc.record({ source: six(2), destination: six(1), ...common }),
  );
  const counts = Object.fromEntries(reasons.map((r) => [r, 0]));
  let checked = 0;
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 30 }), (samples) => {
      const packets = samples.map(({ iid, source, destination, versions, bits }, i) => {
        const header = new Uint8Array(8);
        const [from, to] = versions;
        writeLispData(
          {
            nonce: null,
            echoRequest: false,
            versions: { source: from, destination: to },
            iid: iid === 0 ? null : iid,
            statusBits: bits,
            key: 0,
          },
          header,
        );
        const payload = udp(i, 2, new Uint8Array(0));
        return lisp((source.length === 4 ? ipv4 : ipv6)(payload, { source, destination }), header, {
          source: ip("192.0.2.2"),
          destination: ip("192.0.2.1"),
        });
      });
      b.push("decap", packets);
      const passed = b.take("s1").map(({ bytes }) => (bytes[0] >> 4 === 4 ? bytes[21] : bytes[41]));
      const expected = samples.flatMap((s, i) => {
        const reason = verdict(s.iid, s.source, s.destination, s.versions);
        if (reason !== null) counts[reason]++;
        return reason === null ? [i] : [];
      });
      assert.equal(passed, expected);
      checked += samples.length;
      // What is refused leaves as it came.
      const refused = b.take("s2").map((s) => s.bytes.join());
      assert.equal(
        refused,
        packets.filter((_, i) => !expected.includes(i)).map((p) => p.join()),
      );
    }),
    { numRuns: 400 },
  );
  for (const reason of reasons) assert.is(Number(b.read(`decap.${reason}`)), counts[reason], reason);
  assert.ok(
    checked > 2000 && counts.newer_version > 50 && counts.older_source > 50 && counts.null_version > 50,
  );
  b.close();
});

tsharkTest("tshark reads Map-Versions, Locator-Status-Bits and echoes as they were meant", async () => {
  const b = await bench();
  const send = (source: string, destination: string, iid = 0): Uint8Array => {
    b.push("cache", [ipv4(NOTHING, { source: ip(source), destination: ip(destination) })], { iid });
    return b.take("s0")[0].bytes;
  };
  const packets = [
    send("10.9.0.1", "20.9.0.1"),
    send("10.1.9.1", "20.1.9.1"),
    send("10.1.2.1", "20.1.2.1"),
    send("10.1.2.1", "20.1.2.1", 5),
  ];
  // A request to be echoed, and what leaves then.
  b.push("decap", [
    lisp(ipv4(NOTHING), Uint8Array.of(0xa0, 1, 2, 3, 0, 0, 0, 0), { source: ip("192.0.2.2") }),
  ]);
  packets.push(...Array.from({ length: 40 }, (_, i) => i).map((i) => sendFlow(b, i)));
  const echoes = packets.filter((p) => (p[28] & 0x80) !== 0);
  assert.ok(echoes.length > 5 && echoes.length < 35, `${echoes.length} of 40 flows to 192.0.2.2`);
  const names = ["nonce", "lsb", "enr", "mv", "iid"].map((f) => `lisp-data.flags.${f}`);
  const values = ["srcmapver", "dstmapver", "nonce", "lsb", "lsb8", "iid"].map((f) => `lisp-data.${f}`);
  const bad = ["lisp-data.flags.en_invalid", "lisp-data.flags.nv_invalid", "_ws.malformed"];
  const fields = [...names, ...values, ...bad];
  const rows = judged([...packets.slice(0, 4), echoes[0]], fields).map((row) => fields.map((f) => row[f]));
  const read = rows.map((row) => [
    row
      .slice(0, 5)
      .map((t) => (isSet(t) ? 1 : 0))
      .join(""),
    row.slice(5, 11).map((t) => (t === "" ? null : Number(t))),
    row.slice(11).join(""),
  ]);
  assert.equal(read, [
    ["01010", [4095, 2047, null, 3, null, null], ""],
    ["01000", [null, null, null, 1, null, null], ""],
    ["01010", [2048, 4000, null, 7, null, null], ""],
    ["01011", [77, 100, null, null, 1, 5], ""],
    ["11000", [null, null, 0x010203, 3, null, null], ""],
  ]);
  b.close();
});

/** A packet of flow `i` to 20.9.0.1, which two locators share. */
function sendFlow(b: Bench, i: number): Uint8Array {
  b.push(
    "cache",
    [ipv4(udp(i, 2, new Uint8Array(0)), { source: ip("10.9.0.1"), destination: ip("20.9.0.1") })],
    {
      iid: 0,
    },
  );
  return b.take("s0")[0].bytes;
}

test.run();
