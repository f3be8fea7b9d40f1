// How far data centres are from a service's users, as these move.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Catalogue } from "../../../src/cloud/catalogue/catalogue.js";
import { parseEntry } from "../../../src/cloud/catalogue/entry-text.js";
import { Audience } from "../../../src/cloud/decision/audience.js";
import { distance } from "../../../src/cloud/geography.js";
import * as fc from "../../property.js";

const ENTRIES = [
  ...["dc a at 10 10 rloc 10.0.0.1", "dc b at -3 70.5 rloc 10.0.0.2", "dc c rloc 10.0.0.3"],
  ...["access m at 48 2 rloc 10.0.1.1", "access n at 10 10 rloc 10.0.1.2", "access o rloc 10.0.1.3"],
  ...[
    "service s",
    "service t",
    "user u eid 10.1.0.1 use s",
    "user v eid 10.1.0.2 use s use t",
    "user w eid 10.1.0.3 use t",
  ],
];
const NETWORKS = ["access m", "access n", "access o", "dc a", "dc c", null] as const;

const step = fc.oneof(
  fc.tuple(fc.constantFrom("u", "v", "w", "nobody"), fc.constantFrom(...NETWORKS)),
  // Networks and data centres change their places, and come and go.
  fc.constantFrom(
    "access m at 1 1 rloc 10.0.1.1",
    "access m rloc 10.0.1.1",
    "dc b at 0 0 rloc 10.0.0.2",
    "dc d at 7 7 rloc 10.0.0.9",
  ),
  fc.constantFrom("user u eid 10.1.0.1 use t", "user u eid 10.1.0.1 use s use t", "user w eid 10.1.0.3"),
);

test("whoever moves, and whatever changes, the means are those over all users whose place is known", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const catalogue = new Catalogue({ capacity: 100, iid: 0, keep: () => {}, tell: () => {} });
      for (const text of ENTRIES) catalogue.configure(parseEntry(text));
      const audience = new Audience(catalogue);
      const where = new Map<string, (typeof NETWORKS)[number]>();
      const put = (user: string): void => {
        const [kind, name] = where.get(user)?.split(" ") ?? [];
        audience.set(user, name === undefined ? null : { kind: kind as "dc", name });
      };
      for (const one of steps) {
        if (typeof one === "string") {
          const { kind, name } = catalogue.add(one);
          if (kind === "user") put(name);
          else audience.moved();
        } else {
          where.set(...one);
          put(one[0]);
        }
        for (const service of ["s", "t"]) {
          const users = [...catalogue.usersOf(service)].flatMap((user) => {
            const [kind, name] = where.get(user)?.split(" ") ?? [];
            const at = name === undefined ? null : catalogue.get(kind as "dc", name)!.at;
            return at === null ? [] : [at];
          });
          const reach = audience.reach(service);
          assert.is(reach.located, users.length);
          for (const { name, at } of catalogue.all("dc")) {
            const mean =
              at === null ? null : users.reduce((n, user) => n + distance(user, at), 0) / users.length;
            const found = reach.distance(name);
            if (mean === null || users.length === 0) assert.is(found, null);
            else assert.ok(found !== null && Math.abs(found - mean) < 1e-6, `${found} and ${mean}`);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

test.run();
