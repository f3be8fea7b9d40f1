// Addresses of all kinds as text, and back.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { lispAddressAt, lispAddressText } from "../../src/lisp/address-text.js";
import { type Mapping, mappingText, parseMapping } from "../../src/lisp/mapping.js";
import type { LispAddress } from "../../src/wire/lisp-control/address.js";
import * as fc from "../property.js";
import { address } from "../wire/lisp-control/arbitrary.js";

/** Without the bits that have no meaning, which text does not show. */
function shown(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !["reserved", "reserved1", "reserved2", "flags"].includes(key))
      .map(([key, inner]) => [key, shown(inner)]),
  );
}

test("the text of any address is read back as that address", () => {
  fc.assert(
    fc.property(address, (a) => {
      const text = lispAddressText(a);
      const found = lispAddressAt(text);
      assert.is(found?.length, text.length, text);
      assert.equal(shown(found!.address), shown(a), text);
      assert.is(lispAddressAt(`${text}/1/100`)?.length, text.length, text);
    }),
    { numRuns: 2000 },
  );
});

test("any text is read or refused", () => {
  const pieces = [
    "path(",
    "list(",
    "geo(1-2-3-N 4-5-6-E",
    "nat(",
    "[7]",
    "10.0.0.1",
    "fd00::",
    ":S",
    '"',
    ")",
    " ",
    "/",
    "-",
    "@1",
  ];
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 })), { maxLength: 12 }),
      (parts) => {
        const text = parts.join("");
        const found = lispAddressAt(text);
        if (found !== null) assert.ok(found.length <= text.length);
      },
    ),
    { numRuns: 2000 },
  );
  assert.is(lispAddressAt("list(".repeat(10_000)), null);
});

test("the text of a mapping with locators of any kind is read back", () => {
  const value = fc.nat(255);
  const other = fc
    .record({
      rloc: address.filter((a) => a.kind !== "ip"),
      priority: value,
      weight: value,
      reachable: fc.boolean(),
    })
    .map((o) => ({ ...o, mpriority: 255, mweight: 0 }));
  const path = parseMapping(
    "10.1.0.0/16 192.0.2.1/1/50 path(192.0.2.2:S fd00::1)/2/100/down 192.0.2.3 ttl 60",
  );
  assert.equal(path.locators.length, 2);
  assert.is(
    mappingText(path),
    "10.1.0.0/16 192.0.2.1/1/50 path(192.0.2.2:S fd00::1)/2/100/down 192.0.2.3/1/100 ttl 60",
  );
  fc.assert(
    fc.property(fc.array(other, { maxLength: 4 }), fc.nat(4), (some, at) => {
      const others = some.map((o, i) => ({ ...o, place: i < at ? i : i + 1 }));
      const { locators } = parseMapping("10.1.0.0/16 192.0.2.1/1/50");
      const mapping: Mapping = {
        ...{ iid: 5, eid: { address: Uint8Array.of(10, 1, 0, 0), length: 16 }, ttl: 60, version: 0 },
        ...{ action: "no-action", locators },
        ...(others.length > 0 ? { partial: true, others } : {}),
      };
      const text = mappingText(mapping);
      assert.is(mappingText(parseMapping(text)), text);
      const kept = (m: Mapping): LispAddress[] => (m.others ?? []).map((o) => o.rloc);
      assert.equal(shown(kept(parseMapping(text))), shown(kept(mapping)));
    }),
    { numRuns: 500 },
  );
});

test.run();
