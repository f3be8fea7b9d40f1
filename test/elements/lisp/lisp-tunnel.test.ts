// Through LISPEncap and back through LISPDecap; and what another decoder,
// tshark, reads in between.

import { test } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "../../property.js";
import { COMPLAINTS, isSet, judged, tsharkTest } from "../../tshark.js";
import { Bench, hex, ip, ipv4, ipv6, SIX_A, toHex, udp } from "./harness.js";

const MAPPINGS =
  "0.0.0.0/1 192.0.2.2, 128.0.0.0/1 2001:db8::2, ::/1 2001:db8::3, 8000::/1 192.0.2.3, 10.0.0.0/8 192.0.2.2 iid 101";

test("decapsulation undoes encapsulation in all four family combinations, whatever the options", async () => {
  for (const options of [
    "",
    ", NONCE true, ECHO true",
    ", VERSION 7, STATUS_BITS 5",
    ", IID always, FLOW_LABEL false",
    ", TTL 255, DF copy",
  ]) {
    const b = await Bench.start(
      `feed :: Feed -> m :: LISPMapCache(${MAPPINGS}) -> LISPEncap(192.0.2.1, 2001:db8::1${options}) -> t :: LISPDecap(PEERS 8) -> s0 :: Sink; t[1] -> s1 :: Sink`,
    );
    const packet = fc
      .record({
        six: fc.boolean(),
        to: fc.uint8Array({ minLength: 16, maxLength: 16 }),
        payload: fc.uint8Array({ maxLength: 200 }),
        tos: fc.nat(255),
        // An ETR drops what has no hop left.
        ttl: fc.integer({ min: 1, max: 255 }),
        protocol: fc.constantFrom(1, 6, 17, 132),
      })
      .map(({ six, to, payload, ...f }) =>
        six
          ? ipv6(payload, { ...f, source: SIX_A, destination: to })
          : ipv4(payload, { ...f, destination: to.subarray(0, 4) }),
      );
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 8 }), (packets) => {
        b.push("m", packets);
        assert.equal(
          b.take("s0").map((s) => toHex(s.bytes)),
          packets.map(toHex),
        );
        assert.equal(b.take("s1"), []);
      }),
      { numRuns: 60 },
    );
    b.close();
  }
});

test("the instance ID goes through the tunnel", async () => {
  const b = await Bench.start(
    "feed :: Feed -> m :: LISPMapCache(10.0.0.0/8 192.0.2.2 iid 16777215, 10.0.0.0/8 192.0.2.2 iid 1, PACKET_IID true)" +
      " -> LISPEncap(192.0.2.1) -> LISPDecap(IID 1, IID 16777215) -> s0 :: Sink",
  );
  b.push("m", [ipv4(hex("00"))], { iid: 16777215 });
  b.push("m", [ipv4(hex("00"))], { iid: 1 });
  assert.equal(
    b.take("s0").map((s) => s.iid),
    [16777215, 1],
  );
  b.close();
});

test("re-encapsulation: the new outer header carries the old one's TTL (5.3)", async () => {
  const b = await Bench.start(
    "feed :: Feed -> m :: LISPMapCache(0.0.0.0/0 192.0.2.2) -> LISPEncap(192.0.2.1, TTL 9) -> LISPDecap" +
      " -> n :: LISPMapCache(0.0.0.0/0 192.0.2.3) -> LISPEncap(192.0.2.2) -> s0 :: Sink",
  );
  b.push("m", [ipv4(hex("00"), { ttl: 64 })]);
  const [{ bytes }] = b.take("s0");
  assert.equal([bytes[8], bytes[36 + 8], bytes.subarray(16, 20)], [9, 9, ip("192.0.2.3")]);
  b.close();
});

test("a tunnel works on a pull path too; what goes astray leaves by push", async () => {
  const b = await Bench.start(
    "feed :: Feed -> q :: Queue -> m :: LISPMapCache(10.2.0.0/16 192.0.2.2) -> LISPEncap(192.0.2.1) -> LISPDecap" +
      " -> Unqueue(BURST 8) -> s0 :: Sink; m[1] -> s1 :: Sink",
  );
  const [near, far] = [ipv4(hex("00")), ipv4(hex("00"), { destination: ip("10.3.0.1") })];
  b.push("q", [near, far, far, near]);
  b.router.step(20);
  assert.equal(
    [b.take("s0").map((s) => s.bytes), b.take("s1").map((s) => s.bytes)],
    [
      [near, near],
      [far, far],
    ],
  );
  b.close();
});

tsharkTest("tshark reads of the headers what was meant, and finds the checksums good", async () => {
  const b = await Bench.start(
    "feed :: Feed -> m :: LISPMapCache(10.2.0.0/16 192.0.2.2 iid 101, 10.3.0.0/16 2001:db8::2 iid 101, fd01::/16 192.0.2.3 iid 101, IID 101)" +
      " -> LISPEncap(192.0.2.1, 2001:db8::1, NONCE true, ECHO true, STATUS_BITS 5) -> s0 :: Sink",
  );
  b.push("m", [
    ipv4(udp(1000, 2000, hex("0102")), { tos: 0xb8, ttl: 33 }),
    ipv4(udp(1000, 2000, hex("0102")), { destination: ip("10.3.0.1") }),
    ipv6(udp(1000, 2000, hex("0102"))),
  ]);
  const packets = b.take("s0").map((s) => s.bytes);
  b.close();
  const flags = ["nonce", "enr", "lsb", "mv", "iid"].map((flag) => `lisp-data.flags.${flag}`);
  const fields = ["ip.src", "ipv6.src", "ip.ttl", "ip.dsfield.dscp", "udp.dstport", "ip.checksum.status"];
  fields.push("lisp-data.iid", "lisp-data.nonce", "lisp-data.lsb8");
  const rows = judged(packets, [...fields, ...flags, ...COMPLAINTS]);
  for (const [i, row] of rows.entries()) {
    const at = packets[i][0] >> 4 === 4 ? 28 : 48;
    assert.equal(
      flags.map((flag) => isSet(row[flag])),
      [true, true, true, false, true],
    );
    assert.is(row["lisp-data.iid"], "101");
    const nonce = Number.parseInt(toHex(packets[i].subarray(at + 1, at + 4)), 16);
    assert.equal([Number(row["lisp-data.nonce"]), Number(row["lisp-data.lsb8"])], [nonce, 5]);
    assert.match(row["udp.dstport"], /^4341/);
    assert.not.match(row["ip.checksum.status"], "0", "1 is good, 0 bad");
    for (const complaint of COMPLAINTS) assert.is(row[complaint], "");
  }
  const of = (i: number, names: readonly string[]): string[] => names.map((name) => rows[i][name]);
  assert.equal(of(0, ["ip.src", "ip.ttl", "ip.dsfield.dscp"]), ["192.0.2.1,10.1.0.1", "33,33", "46,46"]);
  assert.equal(of(1, ["ip.src", "ipv6.src"]), ["10.1.0.1", "2001:db8::1"]);
  assert.equal(of(2, ["ip.src", "ipv6.src"]), ["192.0.2.1", "fd01:0:0:1::1"]);
});

test.run();
