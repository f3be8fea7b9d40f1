// The catalogue's tables: what is found in them after whatever was changed.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Catalogue, eidsOf } from "../../../src/cloud/catalogue/catalogue.js";
import type { Change } from "../../../src/cloud/catalogue/changes.js";
import { parseEntry } from "../../../src/cloud/catalogue/entry-text.js";
import {
  type CatalogueChange,
  CatalogueError,
  type EntryKind,
  KINDS,
} from "../../../src/cloud/catalogue/model.js";
import { parseEidAndInstance } from "../../../src/lisp/mapping.js";
import { coversEid } from "../../../src/net/eid.js";
import { prefixText } from "../../../src/net/prefix.js";
import * as fc from "../../property.js";

const CONFIGURED = [
  "dc d1 vms 3 rloc 10.0.3.1 rloc 10.0.3.2",
  "dc d2 rloc 10.0.4.1",
  "access n1 rloc 10.0.1.1",
  "service s",
  "vm v1 service s dc d1 memory 1G eid 192.168.3.10 eid fd03::10",
  "user u1 eid 192.168.1.10 eid fd01::10 use s",
  "user u2 eid 192.168.1.0/24 use s",
];

interface Kept {
  readonly catalogue: Catalogue;
  readonly told: CatalogueChange[];
  readonly kept: Map<string, Change>;
}

function catalogueOf(entries: readonly string[] = CONFIGURED, capacity = 100): Kept {
  const told: CatalogueChange[] = [];
  const kept = new Map<string, Change>();
  const catalogue = new Catalogue({
    capacity,
    iid: 0,
    keep: (key, change) => {
      const text = Buffer.from(key).toString();
      if (change === null) kept.delete(text);
      else kept.set(text, change);
    },
    tell: (change) => told.push(change),
  });
  for (const text of entries) catalogue.configure(parseEntry(text));
  return { catalogue, told, kept };
}

function code(run: () => unknown): string {
  try {
    run();
    return "";
  } catch (e) {
    assert.instance(e, CatalogueError);
    return (e as CatalogueError).code;
  }
}

test("things are found by name, locator, EID and what they belong to", () => {
  const { catalogue } = catalogueOf();
  assert.is(catalogue.network(Uint8Array.of(10, 0, 3, 2))?.name, "d1");
  assert.is(catalogue.network(Uint8Array.of(10, 0, 1, 1))?.name, "n1");
  assert.is(catalogue.network(Uint8Array.of(10, 0, 9, 9)), null);
  const owner = (eid: string) => catalogue.owner(parseEidAndInstance(eid))?.name ?? null;
  assert.equal(
    [
      "192.168.1.10",
      "192.168.1.11",
      "192.168.1.0/25",
      "192.168.0.0/16",
      "fd03::10",
      "192.168.3.10 iid 5",
    ].map(owner),
    ["u1", "u2", "u2", null, "v1", null],
  );
  assert.equal(
    [catalogue.vmsOf("s").length, [...catalogue.usersOf("s")], catalogue.userCount("s")],
    [1, ["u1", "u2"], 2],
  );
  assert.equal(catalogue.loadOf("d1"), { vms: 1, memory: 2 ** 30 });
  assert.equal([catalogue.loadOf("d2"), catalogue.size], [{ vms: 0, memory: 0 }, 7]);
});

test("a virtual machine that is placed elsewhere is found there, and its old place is free", () => {
  const { catalogue, told, kept } = catalogueOf();
  catalogue.place("v1", "d2");
  catalogue.place("v1", "d2");
  assert.equal([catalogue.vmsAt("d1").length, catalogue.vmsAt("d2")[0].name], [0, "v1"]);
  assert.equal([catalogue.loadOf("d1").vms, catalogue.loadOf("d2").memory], [0, 2 ** 30]);
  assert.equal(told, [{ kind: "vm", name: "v1", what: "placed" }]);
  assert.equal([...kept], [["fmc/catalogue/vm/v1", { dc: "d2" }]]);
});

test("drained, pinned, reset: each is told and kept, once", () => {
  const { catalogue, told, kept } = catalogueOf();
  for (const on of [true, true]) catalogue.drain("d1", on);
  catalogue.pin("v1", true);
  catalogue.pin("v1", false);
  catalogue.drain("d1", false);
  catalogue.reset("vm", "v1");
  catalogue.add("dc d1 rloc 10.0.3.7 drained");
  assert.equal(
    told.map(({ name, what }) => `${name} ${what}`),
    ["d1 drained", "v1 pinned", "v1 unpinned", "d1 undrained", "v1 changed", "d1 changed", "d1 drained"],
  );
  assert.equal([...kept.keys()], ["fmc/catalogue/dc/d1"]);
  assert.is(catalogue.network(Uint8Array.of(10, 0, 3, 1)), null);
});

test("what others need, what is taken and what is not there is refused, and nothing changes", () => {
  const { catalogue, told, kept } = catalogueOf();
  const before = KINDS.map((kind) => [...catalogue.all(kind)]);
  const refused: readonly [string, () => unknown][] = [
    ["IN_USE", () => catalogue.remove("dc", "d1")],
    ["IN_USE", () => catalogue.remove("service", "s")],
    ["UNKNOWN", () => catalogue.remove("user", "nobody")],
    ["UNKNOWN", () => catalogue.reset("user", "u1")],
    ["UNKNOWN", () => catalogue.drain("d9", true)],
    ["UNKNOWN", () => catalogue.pin("v9", true)],
    ["UNKNOWN", () => catalogue.place("v1", "d9")],
    ["UNKNOWN", () => catalogue.add("vm v2 service s dc d9 eid 192.168.3.11")],
    ["UNKNOWN", () => catalogue.add("vm v2 service x dc d1 eid 192.168.3.11")],
    ["IN_USE", () => catalogue.add("vm v1 service s dc d2 eid 192.168.3.10")],
    ["TAKEN", () => catalogue.add("vm v2 service s dc d1 eid 192.168.3.10")],
    ["TAKEN", () => catalogue.add("user u3 eid 192.168.1.10")],
    ["TAKEN", () => catalogue.add("access n2 rloc 10.0.3.1")],
    ["TAKEN", () => catalogue.add("dc d2 rloc 10.0.3.1")],
    ["ENTRY", () => catalogue.add("dc")],
    ["TAKEN", () => catalogue.configure(parseEntry("service s"))],
    ["FULL", () => catalogueOf(CONFIGURED, 7).catalogue.add("service t")],
  ];
  for (const [wanted, run] of refused) assert.is(code(run), wanted);
  assert.equal([KINDS.map((kind) => [...catalogue.all(kind)]), told.length, kept.size], [before, 0, 0]);
});

test("what entries of the configuration name has to be there, in whatever order", () => {
  const { catalogue } = catalogueOf([
    "vm v service s dc d eid 10.1.0.1",
    "user u eid 10.2.0.1 use t use s",
    "service s",
  ]);
  assert.equal(
    [...catalogue.check()].map(({ entry, error }) => `${entry.name}: ${error.message}`),
    ["v: there is no dc 'd'", "u: there is no service 't'"],
  );
});

test("what was kept makes the same catalogue again, also of a configuration that says more now", () => {
  const first = catalogueOf();
  first.catalogue.add("dc d3 rloc 10.0.5.1");
  first.catalogue.add("vm v2 service s dc d3 eid 192.168.3.11 pinned");
  first.catalogue.pin("v2", false);
  first.catalogue.place("v1", "d3");
  first.catalogue.drain("d1", true);
  first.catalogue.remove("user", "u2");
  first.catalogue.add("service t");
  first.catalogue.remove("service", "t");
  const again = catalogueOf(CONFIGURED.map((text) => text.replace("memory 1G", "memory 2G")));
  for (const kind of KINDS)
    for (const [key, change] of first.kept) {
      const [, , of, name] = key.split("/");
      if (of === kind) again.catalogue.restore(kind, name, change);
    }
  const texts = ({ catalogue }: Kept) =>
    KINDS.flatMap((kind) => [...catalogue.all(kind)].map((e) => JSON.stringify(e))).sort();
  assert.equal(
    texts(again),
    texts(first).map((text) => (text.includes('"v1"') ? text.replace(`${2 ** 30}`, `${2 ** 31}`) : text)),
  );
  assert.is(again.told.length, 0);
  assert.is(
    code(() => again.catalogue.restore("vm", "v1", { dc: "gone" })),
    "UNKNOWN",
  );
});

test("another controller's changes are taken over, and told as what they are", () => {
  const { catalogue } = catalogueOf();
  assert.equal(catalogue.follow("vm", "v1", { dc: "d2", pinned: true }), ["pinned", "placed"]);
  assert.equal(catalogue.follow("dc", "d1", { drained: true }), ["drained"]);
  assert.equal(catalogue.follow("user", "u9", { entry: "user u9 eid 192.168.1.99" }), ["added"]);
  assert.equal(catalogue.follow("user", "u9", null), ["removed"]);
  assert.equal(catalogue.follow("user", "u8", null), []);
  assert.equal(catalogue.follow("dc", "d1", null), ["undrained"]);
  assert.equal(catalogue.follow("service", "s", { entry: "service s priority 3" }), ["changed"]);
  assert.is(catalogue.vmsAt("d2")[0].name, "v1");
});

/** What may be done at run time, with few names, so that all meet. */
const action = fc.oneof(
  fc
    .tuple(
      fc.constantFrom("d1", "d2", "d3"),
      fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 3 }),
    )
    .map(
      ([n, r]) =>
        (c: Catalogue) =>
          void c.add(`dc ${n} ${r.map((x) => `rloc 10.0.0.${x}`).join(" ")}`),
    ),
  fc
    .tuple(
      fc.constantFrom("v1", "v2", "v3"),
      fc.constantFrom("d1", "d2", "d3"),
      fc.constantFrom("s", "t"),
      fc.integer({ min: 1, max: 6 }),
    )
    .map(
      ([n, d, s, x]) =>
        (c: Catalogue) =>
          void c.add(`vm ${n} service ${s} dc ${d} memory ${x} eid 10.9.0.${x}`),
    ),
  fc
    .tuple(
      fc.constantFrom("u1", "u2"),
      fc.constantFrom("10.9.0.0/29", "10.9.0.2", "10.9.0.4/31"),
      fc.constantFrom("", "use s", "use t use s"),
    )
    .map(
      ([n, eid, uses]) =>
        (c: Catalogue) =>
          void c.add(`user ${n} eid ${eid} ${uses}`),
    ),
  fc.constantFrom("s", "t").map((n) => (c: Catalogue) => void c.add(`service ${n}`)),
  fc.tuple(fc.constantFrom<EntryKind>(...KINDS), fc.constantFrom("d1", "d2", "v1", "v2", "u1", "s", "t")).map(
    ([kind, n]) =>
      (c: Catalogue) =>
        c.remove(kind, n),
  ),
  fc.tuple(fc.constantFrom<EntryKind>(...KINDS), fc.constantFrom("d1", "d2", "v1", "v2", "u1", "s", "t")).map(
    ([kind, n]) =>
      (c: Catalogue) =>
        c.reset(kind, n),
  ),
  fc.tuple(fc.constantFrom("v1", "v2"), fc.constantFrom("d1", "d2", "d3")).map(
    ([v, d]) =>
      (c: Catalogue) =>
        c.place(v, d),
  ),
  fc.tuple(fc.constantFrom("v1", "v2"), fc.boolean()).map(
    ([v, on]) =>
      (c: Catalogue) =>
        c.pin(v, on),
  ),
  fc.tuple(fc.constantFrom("d1", "d2"), fc.boolean()).map(
    ([d, on]) =>
      (c: Catalogue) =>
        c.drain(d, on),
  ),
);

test("after anything, each table says the same as a search through all entries", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const { catalogue } = catalogueOf([
        "dc d1 rloc 10.0.0.1",
        "service s",
        "vm v1 service s dc d1 memory 5 eid 10.9.0.1",
      ]);
      for (const act of actions) {
        try {
          act(catalogue);
        } catch (e) {
          assert.instance(e, CatalogueError);
        }
      }
      const vms = [...catalogue.all("vm")];
      const users = [...catalogue.all("user")];
      for (const dc of ["d1", "d2", "d3"]) {
        const here = vms.filter((vm) => vm.dc === dc);
        assert.equal(
          catalogue
            .vmsAt(dc)
            .map((vm) => vm.name)
            .sort(),
          here.map((vm) => vm.name).sort(),
        );
        const memory = here.reduce((n, vm) => n + vm.memory, 0);
        assert.equal(catalogue.loadOf(dc), { vms: here.length, memory });
        if (here.length > 0) assert.not.equal(catalogue.get("dc", dc), null);
      }
      for (const service of ["s", "t"]) {
        const parts = vms.filter((vm) => vm.service === service).map((vm) => vm.name);
        assert.equal(
          catalogue
            .vmsOf(service)
            .map((vm) => vm.name)
            .sort(),
          parts.sort(),
        );
        const using = users.filter((u) => u.uses.includes(service)).map((u) => u.name);
        assert.equal(
          [[...catalogue.usersOf(service)].sort(), catalogue.userCount(service)],
          [using.sort(), using.length],
        );
      }
      for (let x = 1; x <= 9; x++) {
        const dc = [...catalogue.all("dc")].find((d) => d.rlocs.some((r) => r[3] === x)) ?? null;
        assert.equal(catalogue.network(Uint8Array.of(10, 0, 0, x)), dc);
      }
      const all = [...vms, ...users].flatMap((e) => eidsOf(e).map((prefix) => ({ name: e.name, prefix })));
      for (let x = 0; x < 8; x++) {
        const eid = parseEidAndInstance(`10.9.0.${x}`);
        const around = all.filter(({ prefix }) => coversEid(prefix, eid));
        around.sort((a, b) => b.prefix.eid.length - a.prefix.eid.length);
        assert.is(catalogue.owner(eid)?.name ?? null, around[0]?.name ?? null);
      }
      const range = parseEidAndInstance("10.9.0.0/30");
      const found: string[] = [];
      for (let from = null, done = false; !done; ) {
        const { items, next } = catalogue.ownersWithin(range, from, 2);
        found.push(...items.map(({ prefix }) => prefixText(prefix.eid)));
        from = next as never;
        done = next === null;
      }
      const within = all
        .filter(({ prefix }) => coversEid(range, prefix))
        .map(({ prefix }) => prefixText(prefix.eid));
      assert.equal([...found].sort(), within.sort());
    }),
    { numRuns: 300 },
  );
});

test.run();
