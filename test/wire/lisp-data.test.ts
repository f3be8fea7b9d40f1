// The LISP data header, RFC 9300 section 5.3: layouts by hand, and back again.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { LispDataError, type LispDataHeader, readLispData, writeLispData } from "../../src/wire/lisp-data.js";
import * as fc from "../property.js";

const NONE: LispDataHeader = {
  nonce: null,
  echoRequest: false,
  versions: null,
  iid: null,
  statusBits: null,
  key: 0,
};

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
}

function written(header: LispDataHeader): string {
  const out = new Uint8Array(8).fill(0xff);
  writeLispData(header, out);
  return Buffer.from(out).toString("hex");
}

// [header bytes, what they say, the paragraph of section 5.3]
const TABLE: readonly (readonly [string, Partial<LispDataHeader>, string])[] = [
  ["00000000 00000000", {}, "nothing in use: fields are 0"],
  ["80abcdef 00000000", { nonce: 0xabcdef }, "N: 24-bit nonce"],
  ["a0abcdef 00000000", { nonce: 0xabcdef, echoRequest: true }, "E with N: echo request"],
  ["40000000 80000001", { statusBits: 0x80000001 }, "L without I: 32 Locator-Status-Bits"],
  ["10123456 00000000", { versions: { source: 0x123, destination: 0x456 } }, "V: 12 and 12 bits"],
  ["08000000 00006500", { iid: 101 }, "I: 24-bit instance ID, low 8 bits zero without L"],
  ["48000000 ffffff05", { iid: 0xffffff, statusBits: 5 }, "I and L: 8 Locator-Status-Bits"],
  ["e8000001 00000203", { nonce: 1, echoRequest: true, iid: 2, statusBits: 3 }, "N, L, E, I"],
  ["03000000 00000000", { key: 3 }, "KK"],
];

for (const [text, fields, what] of TABLE) {
  test(`${what}: ${text}`, () => {
    const header = { ...NONE, ...fields };
    assert.equal(readLispData(bytes(text)), header);
    assert.is(written(header), text.replaceAll(" ", ""));
  });
}

test("with N and V set the content is a nonce; E without N and the R bit say nothing; unused bits are ignored", () => {
  assert.equal(readLispData(bytes("90abcdef 00000000")), { ...NONE, nonce: 0xabcdef });
  assert.equal(readLispData(bytes("20abcdef 00000000")), NONE);
  assert.equal(readLispData(bytes("04000000 00000000")), NONE);
  assert.equal(readLispData(bytes("00abcdef 12345678")), NONE);
  assert.equal(readLispData(bytes("08000000 00000aff")), { ...NONE, iid: 10 });
});

test("every header that can be said reads back as it was written", () => {
  const arbitrary = fc
    .record({
      content: fc.integer({ min: 0, max: 0xffffff }),
      kind: fc.constantFrom("nonce", "echo", "versions", "none"),
      iid: fc.option(fc.integer({ min: 0, max: 0xffffff })),
      bits: fc.option(fc.integer({ min: 0, max: 0xffffffff })),
      key: fc.integer({ min: 0, max: 3 }),
    })
    .map(({ content, kind, iid, bits, key }) => ({
      nonce: kind === "nonce" || kind === "echo" ? content : null,
      echoRequest: kind === "echo",
      versions: kind === "versions" ? { source: content >>> 12, destination: content & 0xfff } : null,
      iid,
      statusBits: bits === null ? null : iid === null ? bits : bits & 0xff,
      key,
    }));
  fc.assert(
    fc.property(arbitrary, fc.nat(20), (header, at) => {
      const out = new Uint8Array(at + 8);
      writeLispData(header, out, at);
      assert.equal(readLispData(out, at), header);
    }),
  );
});

test("what cannot be said is refused, and nothing is written", () => {
  const out = new Uint8Array(8);
  for (const wrong of [
    { nonce: 1, versions: { source: 1, destination: 1 } },
    { echoRequest: true },
    { nonce: 0x1000000 },
    { iid: 0x1000000 },
    { iid: 1, statusBits: 256 },
    { versions: { source: 4096, destination: 0 } },
    { statusBits: -1 },
    { key: 4 },
  ])
    assert.throws(
      () => writeLispData({ ...NONE, ...wrong }, out),
      (e: unknown) => e instanceof LispDataError,
    );
  assert.equal(out, new Uint8Array(8));
});

test("fewer than 8 bytes are no header", () => {
  for (let n = 0; n < 8; n++) {
    assert.throws(
      () => readLispData(new Uint8Array(n)),
      (e: unknown) => (e as LispDataError).code === "LISP_DATA",
    );
    assert.throws(
      () => writeLispData(NONE, new Uint8Array(n)),
      (e: unknown) => e instanceof LispDataError,
    );
  }
  assert.throws(
    () => readLispData(new Uint8Array(8), -1),
    (e: unknown) => e instanceof LispDataError,
  );
});

test.run();
