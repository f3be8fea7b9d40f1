// Entries of a catalogue for property tests.

import type { Entry } from "../../../src/cloud/catalogue/model.js";
import { isRoutable, sameAddress } from "../../../src/net/address.js";
import { sameEid } from "../../../src/net/eid.js";
import { bytes, canonicalPrefix } from "../../net/arbitrary.js";
import * as fc from "../../property.js";

/** A record as a program has it. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

export const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/);
const address = fc.oneof(bytes(4), bytes(16)).filter(isRoutable);
const addresses = fc.uniqueArray(address, { minLength: 1, maxLength: 4, comparator: sameAddress });
const at = fc.option(
  record({
    latitude: fc.integer({ min: -90_000, max: 90_000 }).map((n) => n / 1000 + 0),
    longitude: fc.integer({ min: -180_000_000, max: 180_000_000 }).map((n) => n / 1_000_000 + 0),
  }),
);
const size = fc.oneof(
  fc.integer({ min: 1, max: 1000 }).map((n) => n * 2 ** 20),
  fc.integer({ min: 1, max: 2 ** 45 }),
);
const mtu = fc.integer({ min: 576, max: 65535 });
const iid = fc.constantFrom(0, 1, 5, 0xffffff);

/** Each kind of entry; those of data centres without keys, which no text shows. */
export const anyEntry: fc.Arbitrary<Entry> = fc.oneof(
  record({
    kind: fc.constant("dc" as const),
    name,
    at,
    vms: fc.option(fc.nat(1e9)),
    memory: fc.option(size),
    mtu: fc.option(mtu),
    rlocs: addresses,
    routers: addresses,
    agent: fc.option(record({ address, port: fc.integer({ min: 1, max: 65535 }), key: fc.constant(null) })),
    drained: fc.boolean(),
  }),
  record({ kind: fc.constant("access" as const), name, at, rlocs: addresses }),
  record({
    kind: fc.constant("service" as const),
    name,
    type: fc.option(name),
    task: fc.option(name),
    priority: fc.nat(255),
    apart: fc.boolean(),
    policy: fc.option(fc.constantFrom("always", "every K 10", "nearest MARGIN 10 GAIN 0.2")),
  }),
  record({
    kind: fc.constant("vm" as const),
    name,
    service: name,
    dc: name,
    memory: size,
    mtu,
    eids: fc.uniqueArray(record({ iid, address }), {
      minLength: 1,
      maxLength: 5,
      comparator: (a, b) => a.iid === b.iid && sameAddress(a.address, b.address),
    }),
    pinned: fc.boolean(),
  }),
  record({
    kind: fc.constant("user" as const),
    name,
    class: fc.option(name),
    eids: fc.uniqueArray(record({ iid, eid: canonicalPrefix }), {
      minLength: 1,
      maxLength: 5,
      comparator: sameEid,
    }),
    uses: fc.uniqueArray(name, { maxLength: 4 }),
  }),
);
