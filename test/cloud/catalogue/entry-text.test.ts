// The text form of catalogue entries.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeChange, encodeChange, keyedEntry } from "../../../src/cloud/catalogue/changes.js";
import { entryLabel, entryText, parseEntry } from "../../../src/cloud/catalogue/entry-text.js";
import { CatalogueError } from "../../../src/cloud/catalogue/model.js";
import { KeyError } from "../../../src/lisp/control/keys.js";
import * as fc from "../../property.js";
import { anyEntry } from "./arbitrary.js";

function refusal(text: string): string {
  try {
    parseEntry(text);
  } catch (e) {
    assert.ok(e instanceof CatalogueError || e instanceof KeyError);
    return e.message;
  }
  return "";
}

test("an entry comes back from its text as it was", () => {
  fc.assert(
    fc.property(anyEntry, (entry) => {
      assert.equal(parseEntry(entryText(entry), 7), entry);
    }),
    { numRuns: 400 },
  );
});

test("what is left out has its default", () => {
  const dc = parseEntry("dc paris rloc 10.0.3.1 agent 10.0.3.9 key 5:secret sha1");
  assert.ok(dc.kind === "dc" && dc.agent !== null);
  assert.equal([dc.at, dc.vms, dc.memory, dc.mtu, dc.drained], [null, null, null, null, false]);
  assert.equal([dc.routers, dc.agent.port, dc.agent.key!.id], [dc.rlocs, 4344, 5]);
  assert.is(entryText(dc), "dc paris rloc 10.0.3.1 router 10.0.3.1 agent 10.0.3.9 port 4344 key 5:* sha1");
  assert.is(
    entryText(parseEntry("VM web SERVICE s DC paris eid 10.1.0.1 iid 7 eid fd01::1 eid 10.1.0.1", 3)),
    "vm web service s dc paris memory 1G mtu 1500 iid 3 eid 10.1.0.1 iid 7 eid fd01::1 eid 10.1.0.1",
  );
});

test("what is wrong is told with its word, and what was wanted", () => {
  const cases: readonly [string, RegExp][] = [
    ["", /first word is none of dc, access/],
    ["data paris", /first word is none of/],
    ["dc", /^a name is missing at the end/],
    ["dc par/is rloc 10.0.0.1", /^word 2 'par\/is' is not a name/],
    ["dc paris", /needs a locator/],
    ["dc paris at 91 2 rloc 10.0.0.1", /^word 4 '91' is not a latitude, a number from -90 to 90/],
    ["dc paris at 48 2,35", /^word 5 '2,35' is not a longitude/],
    ["dc paris vms -1", /^word 4 '-1' is not a number of virtual machines/],
    ["dc paris memory 8X", /^word 4 '8X' is not a size/],
    ["dc paris rloc 224.0.0.1", /^word 4 '224.0.0.1' is not a locator/],
    ["dc paris rloc 10.0.0.1 rloc 10.0.0.1", /^word 6 '10.0.0.1' is there twice/],
    ["dc paris port 5", /^word 3 'port' is not known here/],
    ["dc paris agent 10.0.0.1 port 0", /^word 6 '0' is not a port/],
    ["access north", /needs a locator/],
    ["access north vms 3", /^word 3 'vms' is not known here; known are at, rloc/],
    ["service s priority 256", /^word 4 '256' is not a priority/],
    ["service s policy", /^a policy's name is missing/],
    ["vm v service s eid 10.0.0.1", /needs a data centre/],
    ["vm v dc d eid 10.0.0.1", /needs a service/],
    ["vm v dc d service s", /needs an EID/],
    ["vm v dc d service s iid 16777216", /^word 8 '16777216' is not an instance ID/],
    ["vm v dc d service s mtu 100", /^word 8 '100' is not an MTU/],
    ["user u", /needs an EID/],
    ["user u eid 10.0.0.0/33", /^word 4 '10.0.0.0\/33' is not an EID-prefix/],
    ["user u eid 10.0.0.1 use s use s", /^word 8 's' is there twice/],
    [`user u ${"eid 10.0.0.1 iid 1 ".repeat(2000)}`, /longer than 16384/],
    [
      `user u ${Array.from({ length: 65 }, (_, i) => `eid 10.0.0.${i}`).join(" ")}`,
      /is one more than the 64 that an entry holds/,
    ],
  ];
  for (const [text, wanted] of cases) assert.match(refusal(text), wanted);
});

test("errors about an entry with a key say nothing of its text", () => {
  for (const text of [
    "dc paris rloc 10.0.0.1 agent 10.0.0.9 key 5:hush more words",
    "dc paris rloc hush key hush",
    "dc hush! key a",
    "dc paris agent 10.0.0.9 key",
  ]) {
    assert.not.equal(refusal(text), "");
    assert.not.match(refusal(text), /hush|more words/);
  }
  const cut = ["dc paris agent 10.0.0.9 key 1:one", "two rloc 10.0.0.1", "vm two three"];
  assert.equal(
    [0, 1, 2].map((i) => entryLabel(cut, i)),
    ["dc 'paris'", "entry 2", "vm 'two'"],
  );
  assert.is(entryLabel(["dc a key 1:x", "dc secret"], 1), "entry 2");
});

test("random text is an entry, or is refused", () => {
  const word = fc.constantFrom(
    ...[
      "dc",
      "vm",
      "user",
      "service",
      "access",
      "rloc",
      "eid",
      "iid",
      "key",
      "at",
      "use",
      "policy",
      "agent",
      "port",
    ],
    ...[
      "a",
      "10.0.0.1",
      "10.0.0.0/8",
      "fd01::1",
      "1",
      "-1",
      "1e9",
      "8G",
      '"',
      "'x y'",
      "/*",
      "file:/nowhere",
      "\\<",
    ],
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word, { maxLength: 14 }).map((w) => w.join(" ")),
      ),
      (text) => {
        let entry: ReturnType<typeof parseEntry>;
        try {
          entry = parseEntry(text);
        } catch (e) {
          assert.ok(e instanceof CatalogueError || e instanceof KeyError, String(e));
          return;
        }
        assert.ok(entryText(entry).startsWith(entry.kind));
      },
    ),
    { numRuns: 3000 },
  );
});

test("a change comes back from its bytes; other bytes are refused", () => {
  const changes = fc.record(
    {
      entry: fc.string(),
      removed: fc.constant(true as const),
      drained: fc.boolean(),
      pinned: fc.boolean(),
      dc: fc.string(),
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  fc.assert(fc.property(changes, (change) => assert.equal(decodeChange(encodeChange(change)), change)));
  for (const text of [
    "",
    "[]",
    "null",
    "7",
    "{}",
    '{"format":2}',
    '{"format":1,"entry":5}',
    '{"format":1,"x":1}',
    "\xff",
  ])
    assert.throws(
      () => decodeChange(Buffer.from(text, "latin1")),
      (e: unknown) => e instanceof CatalogueError,
    );
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        decodeChange(bytes);
      } catch (e) {
        assert.ok(e instanceof CatalogueError);
      }
    }),
  );
  assert.is(keyedEntry(Buffer.from("other")), null);
  for (const key of ["fmc/catalogue/", "fmc/catalogue/dc/", "fmc/catalogue/xx/a", "fmc/catalogue/dc/a/b"])
    assert.throws(
      () => keyedEntry(Buffer.from(key)),
      (e: unknown) => e instanceof CatalogueError,
    );
});

test.run();
