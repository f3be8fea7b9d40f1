// Entries for the tests of the mapping database: short to write, and arbitrary ones.

import type { Operation } from "../../../src/lisp/database/mapping-database.js";
import type { Entry, Registration } from "../../../src/lisp/database/registration.js";
import { ACTIONS, type Locator, mappingText, parseEid, parseMapping } from "../../../src/lisp/mapping.js";
import type { EidPrefix } from "../../../src/net/eid.js";
import { masked } from "../../../src/net/prefix.js";
import * as fc from "../../property.js";

/** A registration of the mapping that the text says, by 192.0.2.1, for good. */
export function registration(text: string, more: Partial<Registration> = {}): Registration {
  return {
    mapping: parseMapping(text),
    xtrId: null,
    siteId: null,
    source: Uint8Array.of(192, 0, 2, 1),
    site: "east",
    nonce: 1n,
    expiry: Number.POSITIVE_INFINITY,
    proxy: false,
    merge: false,
    notify: true,
    raw: null,
    ...more,
  };
}

/** An entry with one registration. */
export function entry(text: string, more: Partial<Registration> = {}): Entry {
  const r = registration(text, more);
  return { iid: r.mapping.iid, eid: r.mapping.eid, registrations: [r] };
}

export function key(text: string, iid = 0): EidPrefix {
  return { iid, eid: parseEid(text) };
}

/** The mappings of an entry, as text. */
export function texts(e: Entry | null): string[] | null {
  return e?.registrations.map((r) => mappingText(r.mapping)) ?? null;
}

const bytes = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
const address = fc.oneof(bytes(4), bytes(16));
const u64 = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
const byte = fc.integer({ min: 0, max: 255 });

/** Records like those of literals, which uvu tells from records without a prototype. */
const PLAIN = { noNullPrototype: true } as const;

const locator: fc.Arbitrary<Locator> = fc.record(
  {
    rloc: address,
    priority: byte,
    weight: byte,
    mpriority: byte,
    mweight: byte,
    reachable: fc.boolean(),
    local: fc.boolean(),
    probed: fc.boolean(),
  },
  PLAIN,
);

/** Any EID-prefix there can be. */
export const anyKey: fc.Arbitrary<EidPrefix> = fc
  .tuple(fc.integer({ min: 0, max: 0xffffff }), address, fc.nat(128))
  .map(([iid, at, n]) => {
    const length = Math.min(n, at.length * 8);
    return { iid, eid: { address: masked(at, length), length } };
  });

/** Any entry for an EID-prefix. */
export function entryFor({ iid, eid }: EidPrefix, expiry: fc.Arbitrary<number>): fc.Arbitrary<Entry> {
  const one: fc.Arbitrary<Registration> = fc.record(
    {
      mapping: fc.record(
        {
          iid: fc.constant(iid),
          eid: fc.constant(eid),
          ttl: fc.option(fc.double({ min: 0.001, max: 0xffffffff, noNaN: true })),
          action: fc.constantFrom(...ACTIONS),
          locators: fc.array(locator, { maxLength: 4 }),
          version: fc.nat(0xfff),
        },
        PLAIN,
      ),
      xtrId: fc.option(bytes(16)),
      siteId: fc.option(u64),
      source: address,
      site: fc.string({ maxLength: 40, unit: "grapheme" }).filter((s) => Buffer.byteLength(s) <= 255),
      nonce: u64,
      expiry,
      proxy: fc.boolean(),
      merge: fc.boolean(),
      notify: fc.boolean(),
      raw: fc.option(fc.uint8Array({ maxLength: 300 })),
    },
    PLAIN,
  );
  return fc.array(one, { minLength: 1, maxLength: 3 }).map((registrations) => ({ iid, eid, registrations }));
}

/** How many EID-prefixes, and how many xTRs, `numbered` has. */
export const NUMBERED_PREFIXES = 5000;
export const NUMBERED_XTRS = 50;

/** The transaction of the i-th Map-Register of a run: prefixes and xTRs take turns, the nonce is the number. */
export function numbered(i: number): Operation[] {
  const n = i % NUMBERED_PREFIXES;
  const put = entry(`10.${n >> 8}.${n & 255}.0/24 192.0.2.1/1/${i % 100} 192.0.2.2/2 ttl 1440`, {
    nonce: BigInt(i),
    expiry: 1e15,
  });
  return [{ put }, { nonce: `xtr ${i % NUMBERED_XTRS}`, value: BigInt(i) }];
}
