// Mappings as text.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ACTIONS,
  type Mapping,
  MappingError,
  mappingText,
  parseEid,
  parseMapping,
} from "../../src/lisp/mapping.js";
import { addressText, isRoutable } from "../../src/net/address.js";
import * as fc from "../property.js";

test("an RLOC alone has priority 1, weight 100, multicast 255 and 0, and is reachable", () => {
  const m = parseMapping("10.1.0.0/16 192.0.2.1");
  assert.equal(m, {
    iid: 0,
    eid: { address: Uint8Array.of(10, 1, 0, 0), length: 16 },
    ttl: null,
    action: "no-action",
    version: 0,
    locators: [
      {
        rloc: Uint8Array.of(192, 0, 2, 1),
        priority: 1,
        weight: 100,
        mpriority: 255,
        mweight: 0,
        reachable: true,
      },
    ],
  });
});

test("commas and slashes both part an RLOC's numbers, and words may stand in any order", () => {
  const m = parseMapping("fd01::/16 iid 7 192.0.2.1,2,30 ttl 60 2001:db8::1/3/40/5/6/down version 9", 3);
  assert.is(m.iid, 7);
  assert.is(m.ttl, 60);
  assert.is(m.version, 9);
  assert.equal(
    m.locators.map((l) => [l.rloc.length, l.priority, l.weight, l.mpriority, l.mweight, l.reachable]),
    [
      [4, 2, 30, 255, 0, true],
      [16, 3, 40, 5, 6, false],
    ],
  );
});

test("a negative mapping names its action", () => {
  for (const action of ACTIONS) {
    const m = parseMapping(`0.0.0.0/0 action ${action}`);
    assert.equal([m.action, m.locators.length], [action, 0]);
  }
});

test("host bits of an EID-prefix are cleared", () => {
  assert.equal(parseEid("10.1.2.3/20").address, Uint8Array.of(10, 1, 0, 0));
  assert.is(addressText(parseEid("fd01:ffff::1/20").address), "fd01:f000::");
});

for (const [text, message] of [
  ["", "'' is not an EID-prefix"],
  ["10.1.0.0/16", "expected an RLOC, or 'action' and what to do"],
  ["10.1.0.0/33 192.0.2.1", "'10.1.0.0/33' is not an EID-prefix"],
  ["10.1.0.0/16 192.0.2.256", "'192.0.2.256' is not an IP address"],
  ["10.1.0.0/16 192.0.2.1/256", "priority '256' is not a whole number from 0 to 255"],
  ["10.1.0.0/16 192.0.2.1/1/x", "weight 'x' is not a whole number from 0 to 255"],
  ["10.1.0.0/16 192.0.2.1/1/1/1/1/1", "too much after RLOC '192.0.2.1'"],
  ["10.1.0.0/16 192.0.2.1 ttl", "ttl '' is not a whole number from 0 to 4294967295"],
  ["10.1.0.0/16 192.0.2.1 ttl 0", "ttl must be above 0"],
  ["10.1.0.0/16 192.0.2.1 iid 16777216", "iid '16777216' is not a whole number from 0 to 16777215"],
  ["10.1.0.0/16 192.0.2.1 version 4096", "version '4096' is not a whole number from 0 to 4095"],
  ["10.1.0.0/16 192.0.2.1 action drop", "a mapping with locators has no action"],
  [
    "10.1.0.0/16 action fly",
    "unknown action 'fly', it should be one of no-action, natively-forward, send-map-request, drop, drop-policy-denied, drop-auth-failure",
  ],
  [`10.1.0.0/16 ${"192.0.2.1 ".repeat(256)}`, "256 locators, at most 255 can be"],
] as const) {
  test(`'${text.slice(0, 40)}' is no mapping`, () => {
    assert.throws(
      () => parseMapping(text),
      (e: { code?: string; message: string }) => e.code === "MAPPING" && e.message === message,
    );
  });
}

test("IPv6 addresses are written as RFC 5952 has them", () => {
  const cases = {
    "::": "00000000000000000000000000000000",
    "::1": "00000000000000000000000000000001",
    "1::": "00010000000000000000000000000000",
    "2001:db8::1:0:0:1": "20010db8000000000001000000000001", // section 4.2.3: the first of equals
    "2001:db8:0:1:1:1:1:1": "20010db8000000010001000100010001", // section 4.2.2: one zero stays
    "2001:0:0:1::1": "20010000000000010000000000000001", // section 4.2.3: the longest
  };
  for (const [text, bytes] of Object.entries(cases))
    assert.is(addressText(Uint8Array.from(Buffer.from(bytes, "hex"))), text);
});

test("an address that can be no RLOC is none in a mapping", () => {
  for (const [address, scope] of [
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["127.0.0.1", "loopback"],
    ["169.254.1.1", "link-local"],
    ["224.0.0.1", "multicast"],
    ["239.255.255.250", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "broadcast"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["fe80::1", "link-local"],
    ["ff02::1", "multicast"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:192.0.2.1", "global"],
  ])
    assert.throws(
      () => parseMapping(`10.0.0.0/8 192.0.2.1 ${address}/1/50`),
      (e: Error) =>
        e instanceof MappingError &&
        e.message.includes(`'${address}' can be no RLOC`) &&
        e.message.includes(scope),
    );
});

const byte = fc.nat(255);
const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);
const mapping: fc.Arbitrary<Mapping> = fc
  .record(
    {
      iid: fc.nat(0xffffff),
      at: address,
      length: fc.nat(128),
      ttl: fc.option(fc.integer({ min: 1, max: 1e6 })),
      action: fc.constantFrom(...ACTIONS),
      locators: fc.array(
        fc.record(
          {
            rloc: address.filter(isRoutable),
            priority: byte,
            weight: byte,
            mpriority: byte,
            mweight: byte,
            reachable: fc.boolean(),
          },
          { noNullPrototype: true },
        ),
        { maxLength: 5 },
      ),
      version: fc.nat(4095),
    },
    { noNullPrototype: true },
  )
  .map(({ at, length, ...m }) => {
    const eid = parseEid(`${addressText(at)}/${Math.min(length, at.length * 8)}`);
    return { ...m, eid, action: m.locators.length > 0 ? "no-action" : m.action };
  });

test("every mapping reads back from its text", () => {
  fc.assert(fc.property(mapping, (m) => assert.equal(parseMapping(mappingText(m)), m)));
});

test("no text does more than be refused", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "10.0.0.0/8",
      "::/0",
      "192.0.2.1/1/1",
      "ttl",
      "iid",
      "action",
      "drop",
      "1",
      "/",
      ",",
      '"',
    ),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(word), (words) => {
      try {
        parseMapping(words.join(" "));
      } catch (e) {
        assert.is((e as { code?: string }).code, "MAPPING");
      }
    }),
    { numRuns: 500 },
  );
});

test.run();
