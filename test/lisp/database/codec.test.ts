// Entries and store records as bytes.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeEntry, EntryFormatError, encodeEntry } from "../../../src/lisp/database/codec.js";
import {
  entryKey,
  nonceKey,
  parseKey,
  RecordError,
  seal,
  unseal,
} from "../../../src/lisp/database/records.js";
import { checkEntry, type Entry, RegistrationError } from "../../../src/lisp/database/registration.js";
import { MappingError } from "../../../src/lisp/mapping.js";
import * as fc from "../../property.js";
import { anyKey, entry, entryFor, registration } from "./entries.js";

const anyExpiry = fc.oneof(
  fc.constant(Number.POSITIVE_INFINITY),
  fc.double({ min: 0, max: 1e18, noNaN: true }),
);
const anyEntry = anyKey.chain((k) => entryFor(k, anyExpiry));

test("an entry reads back as it was written", () => {
  fc.assert(
    fc.property(anyEntry, (e) => {
      assert.equal(decodeEntry(e, encodeEntry(e, 0)), e);
    }),
  );
});

test("stored bytes: those of version 1, which databases already have", () => {
  const four = { nonce: 0x0102030405060708n, expiry: 1e9 };
  const six = {
    source: Uint8Array.from({ length: 16 }, (_, i) => i),
    xtrId: new Uint8Array(16).fill(0xaa),
    siteId: 7n,
    proxy: true,
    nonce: 2n,
  };
  for (const [text, more, key, value] of [
    [
      "10.1.0.0/16 192.0.2.1/1/100 ttl 60 iid 66051",
      four,
      "65 010203 0a010000 10",
      `51479aec 01 01 41cdcd6500000000 00000001 0102030405060708
       24 00 0000 404e000000000000 c0000201 04 65617374 01 02 01 64 ff 00 c0000201`,
    ],
    [
      "2001:db8:1::/48 2001:db8::1/2/50 iid 5",
      six,
      "65 000005 20010db8000100000000000000000000 30",
      `3e27ba12 01 01 7ff0000000000000 ffffffff 0000000000000002
       5e 00 0000 000102030405060708090a0b0c0d0e0f aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 0000000000000007
       04 65617374 01 03 02 32 ff 00 20010db8000000000000000000000001`,
    ],
  ] as const) {
    const e = entry(text, more);
    const name = entryKey(e);
    const sealed = seal(name, encodeEntry(e, 0));
    assert.is(Buffer.from(name).toString("hex"), key.replaceAll(/\s/g, ""));
    assert.is(Buffer.from(sealed).toString("hex"), value.replaceAll(/\s/g, ""));
    assert.equal(parseKey(name), { kind: "entry", of: { iid: e.iid, eid: e.eid } });
  }
});

test("an entry is read where it stands, and nothing of it stays behind in those bytes", () => {
  const e = entry("10.0.0.0/8 192.0.2.1 2001:db8::1/2 ttl 60", {
    raw: Uint8Array.of(1, 2),
    xtrId: new Uint8Array(16),
  });
  const bytes = encodeEntry(e, 0);
  const among = new Uint8Array(bytes.length + 20).fill(0xff);
  among.set(bytes, 7);
  const read = decodeEntry(e, among, new DataView(among.buffer), 7, bytes.length);
  among.fill(0);
  assert.equal(withDefaults(read), withDefaults(e));
});

/** parseMapping leaves the L and p bits out. */
function withDefaults(e: Entry): unknown {
  return e.registrations.map((r) => ({
    ...r,
    mapping: {
      ...r.mapping,
      locators: r.mapping.locators.map((l) => ({ local: false, probed: false, ...l })),
    },
  }));
}

test("bytes that are cut short, lengthened or of another format are refused", () => {
  fc.assert(
    fc.property(anyEntry, fc.nat(), (e, n) => {
      const bytes = encodeEntry(e, 0);
      const refused = (b: Uint8Array): void =>
        assert.throws(
          () => decodeEntry(e, b),
          (x: unknown) => x instanceof EntryFormatError,
        );
      refused(bytes.subarray(0, n % bytes.length));
      refused(Uint8Array.of(...bytes, 0));
      refused(Uint8Array.of(2, ...bytes.subarray(1)));
    }),
  );
});

test("changed bytes are refused or read as some entry, never anything else", () => {
  fc.assert(
    fc.property(
      anyEntry,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 }),
      (e, changes) => {
        const bytes = encodeEntry(e, 0);
        for (const [at, to] of changes) bytes[at % bytes.length] = to;
        try {
          checkEntry(decodeEntry(e, bytes));
        } catch (error) {
          assert.ok(
            error instanceof EntryFormatError ||
              error instanceof RegistrationError ||
              error instanceof MappingError,
            String(error),
          );
        }
      },
    ),
  );
});

test("a key says what it is of; other keys are refused", () => {
  fc.assert(fc.property(anyKey, (k) => assert.equal(parseKey(entryKey(k)), { kind: "entry", of: k })));
  assert.equal(parseKey(nonceKey("east/1/xtr")), { kind: "nonce", of: "east/1/xtr" });
  for (const bytes of [
    [],
    [0],
    [0x72, 1],
    [0x65, 0, 0, 0, 10, 0, 0, 0, 33],
    [0x65, 0, 0, 0, 10, 0, 0, 1, 24],
    [0x65, 0, 0, 0, 8],
  ])
    assert.throws(
      () => parseKey(Uint8Array.from(bytes)),
      (x: unknown) => x instanceof RecordError,
    );
});

test("a sealed value shows any changed bit, and that it stands under another key", () => {
  const name = nonceKey("a");
  const value = new Uint8Array(seal(name, Uint8Array.of(1, 2, 3)));
  assert.equal(unseal(name, value), Uint8Array.of(1, 2, 3));
  for (let bit = 0; bit < value.length * 8; bit++) {
    const changed = value.slice();
    changed[bit >> 3] ^= 1 << (bit & 7);
    assert.throws(() => unseal(name, changed), /wrong checksum/);
  }
  assert.throws(() => unseal(nonceKey("b"), value), /wrong checksum/);
  assert.throws(() => unseal(name, value.subarray(0, 3)), /cut short/);
});

test("what no entry can hold is refused when it is written", () => {
  const refused = (e: Entry, message: RegExp): void => assert.throws(() => encodeEntry(e, 0), message);
  const e = entry("10.0.0.0/8 192.0.2.1");
  const r = e.registrations[0];
  refused({ ...e, registrations: [] }, /0 registrations/);
  refused({ ...e, registrations: Array.from({ length: 256 }, () => r) }, /256 registrations/);
  refused({ ...e, registrations: [registration("10.0.0.0/9 192.0.2.1")] }, /another EID-prefix/);
  refused({ ...e, iid: 1 }, /another EID-prefix/);
  for (const [more, message] of [
    [{ source: new Uint8Array(5) }, /source of 5 bytes/],
    [{ xtrId: new Uint8Array(15) }, /xTR-ID of 15 bytes/],
    [{ siteId: -1n }, /Site-ID -1/],
    [{ nonce: 1n << 64n }, /nonce/],
    [{ expiry: Number.NaN }, /no number/],
    [{ site: "é".repeat(128) }, /site name/],
    [{ raw: new Uint8Array(65536) }, /EID-Record of 65536 bytes/],
  ] as const)
    refused({ ...e, registrations: [{ ...r, ...more }] }, message);
});

test.run();
