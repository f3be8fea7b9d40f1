// LISPMapCache with many mappings: what goes through all of them does so a part at a time, and comes to the same.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPMapCache } from "../../../../elements/lisp/itr/lisp-map-cache.js";
import { parseMapping } from "../../../../src/lisp/mapping.js";
import { Bench, ip, ipv4 } from "../harness.js";

const MANY = 5000;
const NOTHING = new Uint8Array(0);

async function large(ttl: (i: number) => number = () => 100): Promise<Bench> {
  const b = await Bench.start("feed :: Feed -> e :: LISPMapCache -> s :: Sink");
  const { cache } = b.router.find("e") as LISPMapCache;
  for (let i = 0; i < MANY; i++)
    cache.insert(parseMapping(`10.${i >> 8}.${i & 255}.0/24 192.${i >> 8}.2.${i & 255} ttl ${ttl(i)}`));
  return b;
}

/** All that a handler lists, part by part. */
function listed(b: Bench, handler: string): string[] {
  const lines: string[] = [];
  for (let from = ""; ; ) {
    const part = b.read(`e.${handler}`, from).split("\n");
    const last = part.at(-1)!;
    if (!last.startsWith("more: ")) return [...lines, ...part];
    assert.is(part.length, 4097);
    lines.push(...part.slice(0, -1));
    from = last.slice("more: ".length);
  }
}

test("table, counts and rlocs list everything in parts, each once", async () => {
  const b = await large();
  for (const handler of ["table", "counts", "rlocs"]) {
    const lines = listed(b, handler);
    assert.equal([lines.length, new Set(lines).size], [MANY, MANY], handler);
  }
  assert.throws(() => b.read("e.table", "x y"), /expected 'EID-PREFIX \[iid N\]'/);
  assert.throws(() => b.read("e.rlocs", "x"), /'x' is not an IP address/);
  b.close();
});

test("thousands that expire at once all go, and those that do not stay", async () => {
  const b = await large((i) => (i % 2 === 0 ? 10 : 1000));
  b.router.runFor(10.1);
  assert.equal([b.read("e.size"), b.read("e.expired")], [String(MANY / 2), String(MANY / 2)]);
  assert.ok(listed(b, "table").every((l) => l.includes("ttl 990")));
  b.close();
});

test("counts of thousands become zero", async () => {
  const b = await large();
  const packets = Array.from({ length: 200 }, (_, i) =>
    ipv4(NOTHING, { destination: ip(`10.${i % 20}.${i}.1`) }),
  );
  b.push("e", packets);
  const total = (): number => listed(b, "counts").reduce((sum, line) => sum + Number(line.split(" ")[2]), 0);
  assert.ok(total() > 100);
  await b.router.write("e.reset_counts");
  b.router.runFor(1);
  assert.is(total(), 0);
  b.close();
});

test("a map-cache with thousands that is cleared, or taken away, gives all its memory back in time", async () => {
  const b = await Bench.start("feed :: Feed -> e :: LISPMapCache -> s :: Sink");
  const fill = (): void => {
    const { cache } = b.router.find("e") as LISPMapCache;
    for (let i = 0; i < MANY; i++)
      cache.insert(parseMapping(`10.${i >> 8}.${i & 255}.0/24 192.0.2.1 ttl 1000`));
  };
  const { memory } = b.router;
  const empty = memory.heapUsed;
  fill();
  await b.router.write("e.clear");
  assert.is(b.read("e.size"), "0");
  b.router.runFor(1);
  // One RLOC record stays a record.
  assert.ok(memory.heapUsed <= empty + 128, `${memory.heapUsed - empty}`);
  fill();
  const full = memory.heapUsed;
  await b.router.swap("feed :: Feed -> s :: Sink");
  assert.ok(memory.heapUsed > full / 2, "packets go on meanwhile");
  b.router.runFor(1);
  assert.ok(memory.heapUsed < empty, `${memory.heapUsed} of ${empty}`);
  b.close();
});

test("a map-cache with thousands of instances that is cleared gives all back in time, and takes them again", async () => {
  const b = await Bench.start("feed :: Feed -> e :: LISPMapCache -> s :: Sink");
  const { memory } = b.router;
  const empty = memory.heapUsed;
  for (const round of [1, 2]) {
    const { cache } = b.router.find("e") as LISPMapCache;
    for (let i = 0; i < 2000; i++)
      for (const eid of [`10.${round}.0.0/16`, "fd00::/8"])
        cache.insert(parseMapping(`${eid} 192.0.2.1 ttl 1000 iid ${i * 997}`));
    assert.is(cache.lookup(997, ip(`10.${round}.2.3`))?.iid, 997);
    assert.equal(listed(b, "table").length, 4000);
    await b.router.write("e.clear");
    assert.equal([b.read("e.size"), cache.lookup(997, ip(`10.${round}.2.3`))], ["0", null]);
    b.router.runFor(1);
    assert.ok(memory.heapUsed <= empty + 2000 * 128, `${memory.heapUsed - empty}`);
  }
  b.close();
});

test.run();
