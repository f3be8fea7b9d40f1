// IP prefixes: text, what they cover, masks.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { findAddress, ipBytes, sameAddress } from "../../src/net/address.js";
import {
  canonical,
  covers,
  coversPrefix,
  findPrefix,
  hostPrefix,
  isHost,
  maskBits,
  masked,
  maskLength,
  maskOf,
  overlap,
  type Prefix,
  prefixText,
  samePrefix,
} from "../../src/net/prefix.js";
import * as fc from "../property.js";
import { anyAddress, anyPrefix, binary, canonicalPrefix, nearly } from "./arbitrary.js";

/** The bits that count, as text. */
const bits = (p: Prefix): string => `${p.address.length}:${binary(p.address).slice(0, p.length)}`;

test("a prefix read from its text is itself, without the bits that do not count", () => {
  fc.assert(fc.property(canonicalPrefix, (p) => assert.equal(findPrefix(prefixText(p)), p)));
  fc.assert(fc.property(anyPrefix, (p) => assert.equal(findPrefix(prefixText(p)), canonical(p))));
});

test("prefixes overlap where one covers the other", () => {
  fc.assert(
    fc.property(anyPrefix, anyPrefix, fc.nat(128), (a, b, n) => {
      const near = { address: a.address, length: Math.min(n, a.address.length * 8) };
      for (const [x, y] of [
        [a, b],
        [a, near],
      ])
        assert.is(overlap(x, y), coversPrefix(x, y) || coversPrefix(y, x));
    }),
  );
});

test("a prefix is read from shortened addresses, masks and addresses alone as well", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["10/8", "10.0.0.0/8"],
    ["10.1/16", "10.1.0.0/16"],
    ["10.1.2.3/255.255.0.0", "10.1.0.0/16"],
    ["0/0", "0.0.0.0/0"],
    ["10.1.2.3", "10.1.2.3/32"],
    ["2001:db8::1", "2001:db8::1/128"],
    ["2001:db8::1/32", "2001:db8::/32"],
    ["2001:db8::1/ffff:fff0::", "2001:db0::/28"],
    ["::/0", "::/0"],
  ];
  for (const [text, written] of cases) assert.is(prefixText(findPrefix(text)!), written, text);
});

test("what is no prefix is none", () => {
  const wrong = [
    ...[
      "",
      "/",
      "/8",
      "10.0.0.0/",
      "10",
      "10.1",
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/8.0",
      "10.0.0.0/8/8",
    ],
    ...["10.1/24", "10.0.0.0/255.0.255.0", "10.0.0.0/ffff::", "::/129", "::/255.0.0.0", "2001:db8::/0x20"],
    ...["256/8", "10.0.0.0/0008", "::1%1/128", "10.0.0.0 /8"],
  ];
  for (const text of wrong) assert.is(findPrefix(text), null, text);
});

test("any text is a prefix that reads back, or none", () => {
  fc.assert(
    fc.property(nearly, (text) => {
      const found = findPrefix(text);
      if (found === null) return findAddress(text) === null;
      return samePrefix(findPrefix(prefixText(found))!, found);
    }),
  );
});

test("a prefix covers what begins with its bits", () => {
  fc.assert(
    fc.property(anyPrefix, anyPrefix, anyAddress, (p, q, a) => {
      assert.is(covers(p, a), bits(hostPrefix(a)).startsWith(bits(p)));
      assert.is(coversPrefix(p, q), bits(q).startsWith(bits(p)));
      assert.is(samePrefix(p, q), bits(p) === bits(q));
    }),
  );
  fc.assert(
    fc.property(anyPrefix, fc.nat(128), (p, n) => {
      const longer = { ...p, length: Math.min(p.length + n, p.address.length * 8) };
      assert.ok(coversPrefix(canonical(p), longer) && coversPrefix(p, canonical(longer)));
      assert.is(samePrefix(p, longer), p.length === longer.length);
      assert.is(isHost(longer), longer.length === p.address.length * 8);
    }),
  );
});

test("a masked address keeps its first bits, and the original stays", () => {
  fc.assert(
    fc.property(anyPrefix, ({ address, length }) => {
      const before = binary(address);
      const expected = before.slice(0, length).padEnd(before.length, "0");
      assert.is(binary(masked(address, length)), expected);
      assert.is(binary(address), before);
    }),
  );
});

test("a mask has the length that it is made with, and another word has none", () => {
  for (let n = 0; n <= 32; n++) assert.equal([maskLength(maskOf(n)), maskBits(ipBytes(maskOf(n)))], [n, n]);
  fc.assert(
    fc.property(anyAddress, (mask) => {
      const length = /^1*0*$/.test(binary(mask)) ? binary(mask).replaceAll("0", "").length : -1;
      assert.is(maskBits(mask), length);
      if (mask.length === 4) assert.is(maskLength(Buffer.from(mask).readUInt32BE()), length);
      const ones = mask.map(() => 255);
      assert.ok(sameAddress(masked(ones, maskBits(ones)), ones));
    }),
  );
});

test.run();
