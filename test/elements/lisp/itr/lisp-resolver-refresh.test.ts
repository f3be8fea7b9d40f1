// LISPResolver asks again for mappings in use before their time is over.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPMapCache } from "../../../../elements/lisp/itr/lisp-map-cache.js";
import { parseMapping } from "../../../../src/lisp/mapping.js";
import { packetOf, record, reply, requestsTo } from "../control.js";
import { Bench, ip, ipv4, udp } from "../harness.js";

const to = (destination: string): Uint8Array =>
  ipv4(udp(1, 2, new Uint8Array(0)), { destination: ip(destination) });

const bench = (args = "", mappings = ""): Promise<Bench> =>
  Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(${mappings}) -> found :: Sink;
    cache[1] -> e :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9${args});
    answers :: Counter; f2 :: Feed -> answers -> [1] e;
    e[0] -> out :: Sink; e[1] -> cache; cache[2] -> native :: Sink;
  `);

/** What was asked for since the last time: the EID-prefix, and what nonce. */
const asked = (b: Bench): { readonly eid: string; readonly nonce: bigint }[] =>
  requestsTo(b, "out").map(({ message }) => {
    const [{ eid, maskLength }] = message.records;
    return { eid: `${eid.kind === "ip" ? eid.address.join(".") : ""}/${maskLength}`, nonce: message.nonce };
  });

const answer = (b: Bench, nonce: bigint, ...records: ReturnType<typeof record>[]): void =>
  b.push("answers", [packetOf(reply(nonce, ...records))]);

/** The mapping of 10.2.0.0/16 for some minutes. */
const mapping = (minutes = 1): ReturnType<typeof record> =>
  record("10.2.0.0/16", "192.0.2.2", { ttl: minutes });

/** A bench that has just resolved 10.2.0.0/16 for a minute. */
async function resolved(args = ""): Promise<Bench> {
  const b = await bench(args);
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(0);
  answer(b, asked(b)[0].nonce, mapping());
  b.take("found");
  return b;
}

/** For `seconds`, a packet each second if `sends` says so; gives what was asked for, `SECOND EID-PREFIX`. */
function run(
  b: Bench,
  seconds: number,
  sends: (second: number) => boolean,
  answers = mapping,
): readonly string[] {
  const said: string[] = [];
  for (let second = 1; second <= seconds; second++) {
    b.router.runFor(1);
    for (const { eid, nonce } of asked(b)) {
      said.push(`${second} ${eid}`);
      const record = answers();
      if (record.ttl > 0) answer(b, nonce, record);
    }
    if (sends(second)) b.push("cache", [to("10.2.0.7")]);
  }
  return said;
}

const never = (): ReturnType<typeof record> => record("10.2.0.0/16", "", { ttl: 0 });

test("a mapping in use is asked for 15 seconds before its end, and its flow never waits", async () => {
  const b = await resolved();
  const said = run(b, 300, () => true);
  assert.is(b.take("found").length, 300);
  assert.equal(new Set(said.map((s) => s.split(" ")[1])), new Set(["10.2.0.0/16"]));
  const times = said.map((s) => Number.parseInt(s, 10));
  for (const [i, time] of times.entries()) {
    const since = time - (times[i - 1] ?? 0);
    assert.ok(since >= 45 && since <= 50, `asked in seconds ${times}`);
  }
  assert.equal([b.read("e.refreshes"), b.read("cache.misses")], [String(times.length), "1"]);
  assert.match(b.read("e.history"), /"event":"asked","because":"refresh"/);
  b.close();
});

test("the Map-Request that refreshes has no Source EID (RFC 9301, section 5.3)", async () => {
  const b = await resolved();
  for (let second = 0; second < 50; second++) {
    b.push("cache", [to("10.2.0.7")]);
    b.router.runFor(1);
  }
  const [{ message }] = requestsTo(b, "out");
  assert.equal([message.sourceEid.kind, message.smrInvoked], ["none", false]);
  b.close();
});

test("a mapping that nobody uses towards its end is left to end", async () => {
  const b = await resolved();
  assert.equal(
    run(b, 120, (second) => second < 28),
    [],
  );
  assert.equal([b.read("cache.size"), b.read("e.refreshes")], ["0", "0"]);
  b.close();
});

test("traffic that begins shortly before the end is in time", async () => {
  const b = await resolved();
  const [first] = run(b, 70, (second) => second > 52);
  assert.ok(/^5[3-7] 10\.2\.0\.0\/16$/.test(first), first);
  assert.is(b.read("cache.misses"), "1");
  b.close();
});

test("a refresh without an answer stops nothing: the EID of the next packet is asked for", async () => {
  const b = await resolved();
  const said = run(b, 75, (second) => second < 64, never);
  assert.ok(said.filter((s) => s.endsWith("10.2.0.0/16")).length > 3, `${said}`);
  assert.ok(said.includes("61 10.2.0.7/32"), `${said}`);
  assert.equal([b.read("cache.size"), b.read("e.resting")], ["0", "0"]);
  b.close();
});

test("an answer that is negative takes the mapping's place", async () => {
  const b = await resolved();
  run(
    b,
    55,
    () => true,
    () => record("10.2.0.0/16", "", { action: 1 }),
  );
  assert.match(b.read("cache.table"), /^10\.2\.0\.0\/16 action natively-forward ttl 89\d$/);
  assert.ok(b.take("native").length > 3);
  b.close();
});

test("mappings without locators, and with REFRESH 0 any, are left to end", async () => {
  const off = await resolved(", REFRESH 0");
  assert.equal(
    run(off, 62, (second) => second < 60),
    [],
  );
  off.close();
  const negative = await bench("", "10.2.0.0/16 action natively-forward ttl 60");
  assert.equal(
    run(negative, 59, () => true),
    [],
  );
  assert.is(negative.take("native").length, 59);
  negative.close();
});

test("a short TTL is refreshed in its last quarter; one without end never", async () => {
  const b = await bench("", "10.2.0.0/16 192.0.2.2 ttl 20, 10.3.0.0/16 192.0.2.3");
  const [first] = run(b, 20, () => true);
  assert.ok(/^1[5-8] 10\.2\.0\.0\/16$/.test(first), first);
  b.close();
});

test("what there is no room to ask for is asked for as soon as there is", async () => {
  const b = await resolved(", CAPACITY 1, RETRIES 0, TIMEOUT 5, MAX_TIMEOUT 5, PAUSE 1");
  run(b, 44, () => true);
  // Another EID takes the only place until second 50.
  b.push("cache", [to("10.9.0.1")]);
  const said = run(
    b,
    12,
    () => true,
    () => mapping(),
  );
  const at = said.findIndex((s) => s.endsWith("10.2.0.0/16"));
  assert.ok(at >= 0, `${said}`);
  assert.equal([b.read("e.refreshes"), b.read("cache.misses")], ["1", "2"]);
  b.close();
});

test("after a hot swap of the whole graph mappings in use are refreshed as before", async () => {
  const b = await resolved();
  run(b, 30, () => true);
  await b.router.swap(b.router.source);
  const said = run(b, 25, () => true);
  assert.ok(/^(1[5-9]|20) 10\.2\.0\.0\/16$/.test(said[0]), `${said}`);
  b.close();
});

test("of thousands that end at once those in use are refreshed, each once, and no others", async () => {
  const MANY = 3000;
  const b = await bench(", CAPACITY 8192, RATE 10000");
  const { cache } = b.router.find("cache") as LISPMapCache;
  const eid = (i: number): string => `10.${i >> 8}.${i & 255}.0/24`;
  for (let i = 0; i < MANY; i++) cache.insert(parseMapping(`${eid(i)} 192.0.2.2 ttl 60`));
  const inUse = Array.from({ length: MANY }, (_, i) => i).filter((i) => i % 5 === 0);
  const said: string[] = [];
  for (let second = 1; second < 58; second++) {
    b.router.runFor(1);
    for (const { eid: one, nonce } of asked(b)) {
      said.push(one);
      answer(b, nonce, record(one, "192.0.2.2", { ttl: 1 }));
    }
    const packets = inUse.map((i) => to(`10.${i >> 8}.${i & 255}.7`));
    for (let i = 0; i < packets.length; i += 200) b.push("cache", packets.slice(i, i + 200));
    b.take("found");
    // Others come and go, so that what is gone through moves.
    for (let i = 0; i < 50; i++)
      cache.insert(parseMapping(`172.16.${second}.${i}/32 192.0.2.2 ttl ${1 + i}`));
  }
  assert.equal(said.sort(), inUse.map(eid).sort());
  b.router.runFor(4);
  assert.ok(inUse.every((i) => cache.lookup(0, ip(`10.${i >> 8}.${i & 255}.7`)) !== null));
  assert.is(cache.lookup(0, ip("10.0.1.7")), null);
  b.close();
});

test.run();
