// Sites with many EID-prefixes and many locators: nothing that they register or answer is too much for a packet.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { grouped, RECORDS_BYTES, recordBytes } from "../../../src/lisp/control/record-groups.js";
import { parseRloc } from "../../../src/lisp/mapping.js";
import { covers, masked, prefixText } from "../../../src/net/prefix.js";
import { eidPrefix, ipAddress } from "../../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import type { EidRecord } from "../../../src/wire/lisp-control/record.js";
import * as fc from "../../property.js";
import { packetOf, record, sentOf } from "./control.js";
import { Bench } from "./harness.js";

const KEY = "key secret";

/** Locators 198.18.FROM.N, `count` of them. */
const rlocs = (from: number, count: number): string =>
  Array.from({ length: count }, (_, n) => `198.18.${from}.${n + 1}`).join(" ");

/** xTRs of one site at 192.0.2.1, 192.0.2.2 ..., each with its site's text, and their Map-Server. */
function system(sites: readonly string[], flags: string): Promise<Bench> {
  const xtrs = sites.map((site, i) => {
    const own = `192.0.2.${i + 1}`;
    return `site${i} :: LISPSite(${site});
      reg${i} :: LISPRegistrar(site${i}, RLOC ${own}, MAP_SERVER 192.0.2.100 ${KEY} ${flags});
      reg${i} -> q; net[${i}] -> c${i} :: LISPControlClassifier;
      c${i}[3] -> reg${i}; c${i}[0], c${i}[1], c${i}[2], c${i}[4], c${i}[5] -> Discard;`;
  });
  const hosts = [...sites.map((_, i) => `dst host 192.0.2.${i + 1}`), "-"];
  return Bench.start(`
    q :: Queue(4000) -> Unqueue -> net :: IPClassifier(${hosts.join(", ")});
    net[${sites.length}] -> ms :: LISPMapServer(a ${KEY} eid 10.0.0.0/8 more, RLOC4 192.0.2.100) -> q;
    ${xtrs.join("\n")}`);
}

const prefixes = (count: number, locators: string): string =>
  Array.from({ length: count }, (_, n) => `10.${n >> 8}.${n & 255}.0/24 ${locators}`).join(", ");

test("a site with 500 EID-prefixes and 32 locators is registered, every one acknowledged at once", async () => {
  const b = await system([prefixes(500, rlocs(1, 32))], "proxy-reply");
  b.router.runFor(0.5);
  assert.equal(
    ["ms.size", "ms.not_sent", "reg0.registered", "reg0.late", "reg0.no_slot"].map((h) => b.read(h)),
    ["500", "0", "true", "0", "0"],
  );
  assert.is(b.read("reg0.registers"), b.read("reg0.notifies"));
  b.close();
});

test("what three ETRs register together is acknowledged in as many Map-Notifies as it takes", async () => {
  const b = await system(
    [1, 2, 3].map((i) => prefixes(60, rlocs(i, 11))),
    "proxy-reply merge",
  );
  b.router.runFor(0.5);
  for (const i of [0, 1, 2])
    assert.equal([b.read(`reg${i}.registered`), b.read(`reg${i}.late`)], ["true", "0"], `xTR ${i}`);
  assert.equal([b.read("ms.size"), b.read("ms.not_sent")], ["60", "0"]);
  const sent = Number(b.read("reg2.registers"));
  // The last one's message of 12 records is acknowledged with 33 locators in each.
  assert.ok(Number(b.read("reg2.notifies")) > sent, `${sent} Map-Registers`);
  // All know all in the end.
  b.router.runFor(10);
  assert.equal([b.read("ms.pending"), b.read("ms.abandoned"), b.read("ms.not_sent")], ["0", "0", "0"]);
  b.close();
});

test("records are grouped in their order, each group as large as it may be", () => {
  const some = Array.from({ length: 40 }, (_, n) => record(`10.0.${n}.0/24`, rlocs(1, (n * 7) % 40)));
  const groups = grouped(some);
  assert.equal(groups.flat(), some);
  for (const [i, group] of groups.entries()) {
    assert.ok(group.length === 1 || recordBytes(group) <= RECORDS_BYTES);
    const next = groups[i + 1]?.[0];
    if (next !== undefined) assert.ok(recordBytes([...group, next]) > RECORDS_BYTES);
  }
  assert.equal(grouped([]), []);
  const large = record("10.0.0.0/24", rlocs(1, 250));
  assert.equal(grouped([large, large]), [[large], [large]]);
});

interface Asked {
  readonly address: Uint8Array;
  readonly length: number;
}

/** A prefix within 10.1.0.0/16; short ones and close ones often. */
const anyPrefix = fc
  .tuple(
    fc.integer({ min: 16, max: 32 }),
    fc.constantFrom(0, 1, 127, 128, 255),
    fc.constantFrom(0, 1, 64, 255),
  )
  .map(([length, c, d]): Asked => ({ address: masked(Uint8Array.of(10, 1, c, d), length), length }));

const anySite = fc.record({
  prefixes: fc.uniqueArray(anyPrefix, { minLength: 1, maxLength: 30, selector: (p) => prefixText(p) }),
  locators: fc.constantFrom(1, 2, 32),
  asked: anyPrefix,
});

/** Checks a Map-Reply: it fits, what it says of the address is right, and no prefix in one it has is left out. */
function check(records: readonly EidRecord[], prefixes: readonly Asked[], asked: Asked): void {
  assert.ok(records.length === 1 || recordBytes(records) <= RECORDS_BYTES, `${recordBytes(records)} bytes`);
  const told = records.map((r) => ({ ...eidPrefix(r)!.eid, first: r.locators[0] }));
  const longest = <T extends Asked>(all: readonly T[]): T | undefined =>
    all.filter((p) => covers(p, asked.address)).sort((a, b) => b.length - a.length)[0];
  const right = longest(prefixes)!;
  const said = longest(told)!;
  assert.equal(said.first.rloc, ipAddress(Uint8Array.of(198, 18, prefixes.indexOf(right), 1)));
  for (const t of told)
    for (const p of prefixes)
      if (p.length > t.length && covers(t, p.address))
        assert.ok(
          told.some((o) => o.length === p.length && covers(o, p.address)),
          `${prefixText(p)} in ${prefixText(t)} is left out`,
        );
}

const sitesText = (prefixes: readonly Asked[], locators: number): string =>
  prefixes.map((p, i) => `${prefixText(p)} ${rlocs(i, locators)}`).join(", ");

async function reply(b: Bench, asked: Asked): Promise<readonly EidRecord[]> {
  const message = mapRequest({
    nonce: 1n,
    itrRlocs: [ipAddress(parseRloc("192.0.2.9"))],
    records: [{ eid: ipAddress(asked.address), maskLength: asked.length, subscribe: false }],
  });
  b.push("e", [packetOf(message, { to: "192.0.2.100" })]);
  const [{ message: answer }] = sentOf(b, "out", "map-reply");
  return answer.records;
}

test("an ETR's Map-Reply fits a packet, and leaves out no prefix within one that it names", async () => {
  await fc.assert(
    fc.asyncProperty(anySite, async ({ prefixes, locators, asked }) => {
      const whole: Asked = { address: Uint8Array.of(10, 1, 0, 0), length: 16 };
      const all = prefixes.some((p) => p.length === 16) ? prefixes : [whole, ...prefixes];
      const b = await Bench.start(`
        site :: LISPSite(${sitesText(all, locators)});
        feed :: Feed -> e :: LISPMapReplier(site, RLOC 192.0.2.100) -> out :: Sink; Feed -> [1] e`);
      check(await reply(b, asked), all, asked);
      b.close();
    }),
    { numRuns: 60 },
  );
});

test("a Map-Server's Map-Reply fits a packet, and leaves out no prefix within one that it names", async () => {
  await fc.assert(
    fc.asyncProperty(anySite, async ({ prefixes, locators, asked }) => {
      const whole: Asked = { address: Uint8Array.of(10, 1, 0, 0), length: 16 };
      const all = prefixes.some((p) => p.length === 16) ? prefixes : [whole, ...prefixes];
      const b = await Bench.start(`
        site :: LISPSite(${sitesText(all, locators)});
        reg :: LISPRegistrar(site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.100 ${KEY} proxy-reply);
        e :: LISPMapServer(a ${KEY} eid 10.1.0.0/16 more, RLOC4 192.0.2.100) -> c :: IPClassifier(dst host 192.0.2.1, -);
        feed :: Feed -> reg -> e; c[0] -> reg; c[1] -> out :: Sink`);
      b.router.runFor(0);
      assert.is(b.read("e.size"), String(all.length));
      check(await reply(b, asked), all, asked);
      b.close();
    }),
    { numRuns: 60 },
  );
});

test("an answer to a probe has the mapping that was probed, however much is in it", async () => {
  const many = Array.from({ length: 20 }, (_, n) => `10.1.${n}.0/24 192.0.2.1`).join(", ");
  const b = await Bench.start(`
    site :: LISPSite(10.1.0.0/16 192.0.2.100, ${many});
    feed :: Feed -> e :: LISPMapReplier(site, RLOC 192.0.2.100) -> out :: Sink; Feed -> [1] e`);
  const message = mapRequest({
    nonce: 1n,
    probe: true,
    itrRlocs: [ipAddress(parseRloc("192.0.2.9"))],
    records: [{ eid: ipAddress(parseRloc("10.1.0.0")), maskLength: 16, subscribe: false }],
  });
  b.push("e", [packetOf(message, { to: "192.0.2.100" })]);
  const [{ message: answer }] = sentOf(b, "out", "map-reply");
  assert.equal(
    answer.records.map((r) => [r.maskLength, r.locators[0].probed]),
    [[16, true]],
  );
  b.close();
});

test.run();
