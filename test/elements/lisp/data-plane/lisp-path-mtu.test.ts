// LISPPathMTU: what ICMP errors may tell of the path to a locator, and what not (RFC 9300, section 7.2).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { writeIcmp } from "../../../../src/wire/icmp.js";
import { writeIcmp6 } from "../../../../src/wire/icmp6.js";
import * as packets from "../../../packets.js";
import { failure } from "../control.js";
import { Bench } from "../harness.js";

const { ip, ip6 } = packets;
const bench = (args = ""): Promise<Bench> =>
  Bench.start(`
    Idle -> cache :: LISPMapCache(10.2.0.0/16 192.0.2.2 2001:db8::2, 10.3.0.0/16 192.0.2.3) -> Discard;
    feed :: Feed -> e :: LISPPathMTU(cache, RLOC 192.0.2.1, RLOC 2001:db8::1 ${args});`);

/** A UDP header, and what follows it. */
function udp(from: number, to: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setUint32(0, from * 65536 + to);
  new DataView(bytes.buffer).setUint16(4, size);
  return bytes;
}

interface About {
  readonly from?: string;
  readonly to?: string;
  readonly ports?: readonly [number, number];
  readonly size?: number;
  readonly protocol?: number;
  readonly quoted?: number;
  readonly type?: number;
  readonly code?: number;
}

function four(mtu: number, a: About = {}): Uint8Array {
  const about = packets.ipv4({
    source: ip(a.from ?? "192.0.2.1"),
    destination: ip(a.to ?? "192.0.2.2"),
    protocol: a.protocol ?? 17,
    payload: udp(...(a.ports ?? ([50000, 4341] as const)), (a.size ?? 1500) - 20),
  });
  const payload = writeIcmp({
    type: a.type ?? 3,
    code: a.code ?? 4,
    rest: mtu,
    payload: about.slice(0, a.quoted ?? 28),
  });
  return packets.ipv4({ source: ip("198.51.100.7"), destination: ip("192.0.2.1"), protocol: 1, payload });
}

function six(mtu: number, a: About = {}): Uint8Array {
  const about = packets.ipv6({
    source: ip6(a.from ?? "2001:db8::1"),
    destination: ip6(a.to ?? "2001:db8::2"),
    nextHeader: a.protocol ?? 17,
    payload: udp(...(a.ports ?? ([50000, 4341] as const)), (a.size ?? 1500) - 40),
  });
  const ends = { source: ip6("2001:db8::77"), destination: ip6("2001:db8::1") };
  const payload = writeIcmp6(
    { type: a.type ?? 2, code: 0, rest: mtu, payload: about.slice(0, a.quoted ?? 1232) },
    ends,
  );
  return packets.ipv6({ ...ends, nextHeader: 58, payload });
}

const mtus = (b: Bench): string[] =>
  b
    .read("cache.rlocs")
    .split("\n")
    .map((line) =>
      line
        .split(" ")
        .filter((_, i) => i === 0 || i === 3)
        .join(" "),
    );

test("a smaller MTU counts for the locator, a larger one does not, and it is forgotten after AGE", async () => {
  const b = await bench(", AGE 60");
  b.push("e", [four(1400), four(1450), six(1300), four(1380)]);
  assert.equal(mtus(b), ["192.0.2.2 1380", "192.0.2.3 0", "2001:db8::2 1300"]);
  assert.equal([b.read("e.learnt"), b.read("e.no_news")], ["3", "1"]);
  assert.is(b.read("e.table"), "192.0.2.2 1380 60.000\n2001:db8::2 1300 60.000");
  await b.router.swap(b.router.source);
  b.router.runFor(30);
  b.push("e", [four(1300)]);
  b.router.runFor(31);
  assert.equal(mtus(b), ["192.0.2.2 1300", "192.0.2.3 0", "2001:db8::2 0"]);
  b.router.runFor(30);
  assert.equal([mtus(b)[0], b.read("e.table")], ["192.0.2.2 0", ""]);
  b.close();
});

test("a router that tells no MTU: the next one there is below the packet's size (RFC 1191, section 7.1)", async () => {
  const b = await bench();
  b.push("e", [four(0)]);
  assert.is(mtus(b)[0], "192.0.2.2 1492");
  b.close();
});

for (const [reason, bad] of [
  [
    "malformed",
    [four(1400, { quoted: 27 }), six(1400, { quoted: 47 }), four(1400).slice(0, 30), Uint8Array.of(0x45)],
  ],
  ["malformed", [packets.ipv4(), packets.ipv6()]],
  ["not_too_big", [four(1400, { code: 1 }), four(1400, { type: 11 }), six(1400, { type: 1 })]],
  ["not_ours", [four(1400, { from: "192.0.2.7" }), six(1400, { from: "2001:db8::7" })]],
  [
    "not_ours",
    [four(1400, { ports: [50000, 4342] }), six(1400, { ports: [4341, 4341] }), four(1400, { protocol: 6 })],
  ],
  ["unknown_rloc", [four(1400, { to: "192.0.2.9" }), six(1400, { to: "2001:db8::9" })]],
  ["implausible", [four(1500), four(9000), four(575), four(1400, { size: 1399 }), six(1279), six(1500)]],
] as const)
  test(`nothing is learnt: ${reason} (${bad.length})`, async () => {
    const b = await bench();
    b.push("e", bad);
    assert.equal([b.read(`e.${reason}`), b.read("e.learnt")], [String(bad.length), "0"]);
    assert.ok(mtus(b).every((line) => line.endsWith(" 0")));
    b.close();
  });

test("a wrong checksum is malformed", async () => {
  const b = await bench();
  const packet = four(1400);
  packet[packet.length - 1] ^= 1;
  b.push("e", [packet]);
  assert.is(b.read("e.malformed"), "1");
  b.close();
});

test("what is no map-cache, and none at all, is refused", async () => {
  assert.match(
    await failure(() => Bench.start("d :: Idle; feed :: Feed -> LISPPathMTU(d); d -> Discard")),
    /CACHE is not a LISPMapCache/,
  );
  assert.match(await failure(() => Bench.start("Feed -> LISPPathMTU")), /no CACHE given/);
});

test.run();
