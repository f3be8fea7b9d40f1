// Addresses: each family, and each LCAF by hand from RFC 8060.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  addressBits,
  eidAddress,
  eidFields,
  eidPrefix,
  type LispAddress,
  readAddress,
  writeAddress,
} from "../../../src/wire/lisp-control/address.js";
import { Reader, Writer } from "../../../src/wire/lisp-control/cursor.js";
import { LispControlError, type LispControlErrorCode } from "../../../src/wire/lisp-control/error.js";
import { LCAF_DEPTH_MAX, LCAF_ITEMS_MAX } from "../../../src/wire/lisp-control/lcaf.js";
import { hex, toHex } from "./fixtures.js";

function written(address: LispAddress): string {
  const w = new Writer();
  writeAddress(w, address);
  return toHex(w.finish());
}

function read(text: string): LispAddress {
  const r = new Reader(hex(text));
  const address = readAddress(r);
  assert.is(r.left, 0);
  return address;
}

const V4: LispAddress = { kind: "ip", address: Uint8Array.of(10, 0, 1, 2) };
const V6: LispAddress = { kind: "ip", address: hex("20010db8000000000000000000000001") };
const V4_HEX = "0001 0a000102";
const V6_HEX = "0002 20010db8000000000000000000000001";

// [what and where it is said, bytes, record]
const TABLE: readonly (readonly [string, string, LispAddress])[] = [
  ["AFI 0: no address (RFC 9301, section 5.2, Source-EID-AFI)", "0000", { kind: "none" }],
  ["AFI 1: IPv4", V4_HEX, V4],
  ["AFI 2: IPv6", V6_HEX, V6],
  ["AFI 17: a name up to its zero byte", "0011 78747231 00", { kind: "name", name: "xtr1" }],
  [
    "AFI 16389: 48-bit MAC (RFC 8060, section 5.1)",
    "4005 020000000001",
    { kind: "mac", address: hex("020000000001") },
  ],
  [
    "type 1: AFI list (4.10.1)",
    `4003 00 00 01 00 0018 ${V4_HEX} ${V6_HEX}`,
    { kind: "list", addresses: [V4, V6] },
  ],
  [
    "type 2: instance ID (4.1)",
    `4003 00 00 02 20 000a 00000065 ${V4_HEX}`,
    { kind: "instance", iid: 101, iidMaskLength: 32, address: V4 },
  ],
  [
    "type 5: geo-coordinates (4.3)",
    `4003 00 00 05 00 0012 80 30 33 18 00 02 15 03 fffffff6 ${V4_HEX}`,
    {
      kind: "geo",
      north: true,
      latitude: { degrees: 48, minutes: 51, seconds: 24 },
      east: false,
      longitude: { degrees: 2, minutes: 21, seconds: 3 },
      altitude: -10,
      address: V4,
    },
  ],
  [
    "type 7: NAT traversal without RTRs (4.4)",
    `4003 00 00 07 00 0012 10f6 9c40 ${V4_HEX} ${V4_HEX} 0000`,
    {
      kind: "nat",
      msPort: 4342,
      etrPort: 40000,
      globalEtr: V4,
      ms: V4,
      privateEtr: { kind: "none" },
      rtrs: [],
    },
  ],
  [
    "type 10: explicit locator path, L, P and S of each hop (4.6)",
    `4003 00 00 0a 00 0020 0004 ${V4_HEX} 0002 ${V4_HEX} 0001 ${V4_HEX} fff8 ${V4_HEX}`,
    {
      kind: "path",
      hops: [
        { lookup: true, probe: false, strict: false, address: V4 },
        { lookup: false, probe: true, strict: false, address: V4 },
        { lookup: false, probe: false, strict: true, address: V4 },
        { lookup: false, probe: false, strict: false, reserved: 0x1fff, address: V4 },
      ],
    },
  ],
  [
    "type 12: source and destination (4.8)",
    `4003 00 00 0c 00 0010 0000 18 20 ${V4_HEX} ${V4_HEX}`,
    { kind: "source-destination", sourceLength: 24, destinationLength: 32, source: V4, destination: V4 },
  ],
  [
    "type 13: replication list (4.9)",
    `4003 00 00 0d 00 0014 0000 00 00 ${V4_HEX} 1234 56 80 ${V4_HEX}`,
    {
      kind: "replication",
      entries: [
        { level: 0, address: V4 },
        { level: 128, reserved: 0x123456, address: V4 },
      ],
    },
  ],
  [
    "another type is kept as it is (here 3, AS number, 4.2)",
    `4003 00 00 03 00 000a 0000fde9 ${V4_HEX}`,
    { kind: "opaque", lcafType: 3, body: hex(`0000fde9 ${V4_HEX}`) },
  ],
  [
    "Rsvd1, Flags and Rsvd2 are kept",
    `4003 01 02 01 03 0006 ${V4_HEX}`,
    { kind: "list", addresses: [V4], reserved1: 1, flags: 2, reserved2: 3 },
  ],
  [
    "an LCAF inside another",
    `4003 00 00 01 00 0012 4003 00 00 02 00 000a 00000065 ${V4_HEX}`,
    {
      kind: "list",
      addresses: [{ kind: "instance", iid: 101, iidMaskLength: 0, address: V4 }],
    },
  ],
];

for (const [what, text, address] of TABLE)
  test(what, () => {
    assert.equal(read(text), address);
    assert.is(written(address), toHex(hex(text)));
  });

function refused(text: string, code: LispControlErrorCode): void {
  assert.throws(
    () => read(text),
    (e: unknown) => {
      assert.instance(e, LispControlError);
      assert.is((e as LispControlError).code, code, (e as Error).message);
      return true;
    },
  );
}

test("a length that its contents do not fill, or overrun, is refused", () => {
  refused(`4003 00 00 02 00 000b 00000065 ${V4_HEX} 00`, "BAD_LENGTH");
  refused(`4003 00 00 02 00 0009 00000065 ${V4_HEX}`, "TRUNCATED");
  refused(`4003 00 00 02 00 ffff 00000065 ${V4_HEX}`, "TRUNCATED");
  refused("4003 00 00 02", "TRUNCATED");
});

test("an unknown address family inside an LCAF is refused", () => {
  refused("4003 00 00 01 00 0003 0003 00", "BAD_AFI");
});

test("names without an end, and too long ones, are refused", () => {
  refused("0011 7874", "TRUNCATED");
  refused(`0011 ${"78".repeat(256)}00`, "BAD_LENGTH");
  assert.equal(read(`0011 ${"78".repeat(255)}00`), { kind: "name", name: "x".repeat(255) });
  for (const name of ["x".repeat(256), "a\0b", "\u0100"])
    assert.throws(() => written({ kind: "name", name }), /not a name/);
});

/** An AFI list in an AFI list, `n` deep. */
function nested(n: number): LispAddress {
  return n === 0 ? V4 : { kind: "list", addresses: [nested(n - 1)] };
}

test("LCAFs nest as deep as the limit, in both directions", () => {
  const deepest = nested(LCAF_DEPTH_MAX);
  const text = written(deepest);
  assert.equal(read(text), deepest);
  assert.throws(
    () => written(nested(LCAF_DEPTH_MAX + 1)),
    (e: unknown) => (e as LispControlError).code === "TOO_DEEP",
  );
  refused(`4003 00 00 01 00 ${(text.length / 2).toString(16).padStart(4, "0")} ${text}`, "TOO_DEEP");
});

test("after an LCAF that ends, the next may nest as deep", () => {
  const both: LispAddress = {
    kind: "list",
    addresses: [nested(LCAF_DEPTH_MAX - 1), nested(LCAF_DEPTH_MAX - 1)],
  };
  assert.equal(read(written(both)), both);
});

test("a list has as many items as the limit", () => {
  const list = (n: number): LispAddress => ({
    kind: "list",
    addresses: Array.from({ length: n }, () => ({ kind: "none" })),
  });
  assert.equal(read(written(list(LCAF_ITEMS_MAX))), list(LCAF_ITEMS_MAX));
  assert.throws(
    () => written(list(LCAF_ITEMS_MAX + 1)),
    (e: unknown) => (e as LispControlError).code === "TOO_MANY",
  );
  refused(`4003 00 00 01 00 0200 ${"0000".repeat(LCAF_ITEMS_MAX + 1)}`, "TOO_MANY");
});

test("an EID is an instance ID and a prefix, or none that tables know", () => {
  const address = Uint8Array.of(10, 0, 1, 2);
  assert.equal(eidAddress(0, address), V4);
  for (const [iid, length] of [
    [101, 24],
    [0, 32],
  ]) {
    const fields = { eid: eidAddress(iid, address), maskLength: length };
    assert.equal(eidPrefix(fields), { iid, eid: { address, length } });
    assert.equal(eidFields({ iid, eid: { address, length } }), fields);
  }
  assert.is(eidPrefix({ eid: { kind: "name", name: "x" }, maskLength: 0 }), null);
  assert.is(eidPrefix({ eid: nested(1), maskLength: 0 }), null);
  assert.equal([V4, V6, eidAddress(5, address), nested(1)].map(addressBits), [32, 128, 32, null]);
});

test.run();
