// The xTR's elements and the mapping system's together: what one sends the other understands.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Bench, hex, ip, ipv4, udp } from "./harness.js";

const KEY = "key 1:secret";
/** An xTR at 192.0.2.1, another at 192.0.2.2, and a Map-Server with its Map-Resolver at 192.0.2.100, on one wire. */
const graph = (second: string, more = ""): string => `
  site1 :: LISPSite(10.1.0.0/16 192.0.2.1);
  reg1 :: LISPRegistrar(site1, RLOC 192.0.2.1, MAP_SERVER 192.0.2.100 ${KEY} proxy-reply ${more});
  site2 :: LISPSite(${second});
  reg2 :: LISPRegistrar(site2, RLOC 192.0.2.2, MAP_SERVER 192.0.2.100 ${KEY} proxy-reply ${more});
  feed :: Feed -> cache :: LISPMapCache() -> found :: Sink;
  cache[1] -> ask :: LISPResolver(cache, RLOC 192.0.2.2, MAP_RESOLVER 192.0.2.100);
  ask[1] -> cache; cache[2] -> native :: Sink;
  ms :: LISPMapServer(a key secret eid 10.0.0.0/8 more, RLOC4 192.0.2.100);
  mr :: LISPMapResolver(RLOC4 192.0.2.100, MAP_SERVER ms);
  net :: IPClassifier(dst host 192.0.2.1, dst host 192.0.2.2, dst host 192.0.2.100);
  reg1, reg2, ask, ms, mr -> Queue -> Unqueue -> net;
  net[0] -> c1 :: LISPControlClassifier;
  net[1] -> c2 :: LISPControlClassifier;
  net[2] -> c3 :: LISPControlClassifier;
  c1[3] -> reg1; c1[0], c1[1], c1[2], c1[4], c1[5] -> Discard;
  c2[3] -> reg2; c2[1] -> [1] ask; c2[0], c2[2], c2[4], c2[5] -> Discard;
  c3[2], c3[3] -> ms; c3[4] -> mr; c3[0], c3[1], c3[5] -> Discard;
`;

test("two xTRs register, and a packet's EID is resolved through Map-Resolver and Map-Server", async () => {
  const b = await Bench.start(graph("10.2.0.0/16 192.0.2.2"));
  b.router.runFor(1);
  assert.equal(
    [b.read("reg1.registered"), b.read("reg2.registered"), b.read("ms.size")],
    ["true", "true", "2"],
  );
  b.push("cache", [ipv4(udp(1, 2, hex("")), { destination: ip("10.1.0.9") })]);
  b.router.runFor(1);
  assert.is(b.take("found").length, 1);
  assert.match(b.read("cache.table"), /^10\.1\.0\.0\/16 192\.0\.2\.1\/1\/100 ttl /);
  // Registrations are refreshed, so that none ends.
  b.router.runFor(600);
  assert.equal([b.read("ms.size"), b.read("ms.replayed"), b.read("ms.bad_authentication")], ["2", "0", "0"]);
  b.close();
});

test("an EID that moves to another xTR: the one with the subnet is told, and acknowledges it", async () => {
  const b = await Bench.start(graph("10.1.0.9/32 192.0.2.2"));
  b.router.runFor(5);
  assert.equal([b.read("ms.unsolicited"), b.read("ms.acks"), b.read("ms.pending")], ["1", "1", "0"]);
  assert.is(b.read("reg1.unsolicited"), "1");
  b.close();
});

/** Two xTRs of one site, and the site's locators as each of them has them. */
const multihomed = (first: string, second: string, flags: string): string =>
  graph(`10.1.0.0/16 ${second}`)
    .replace("10.1.0.0/16 192.0.2.1", `10.1.0.0/16 ${first}`)
    .replaceAll("proxy-reply", `proxy-reply ${flags}`);

for (const [what, first, second, flags, locators, registrations] of [
  [
    "both with the same set of RLOCs",
    "192.0.2.1 192.0.2.2",
    "192.0.2.1 192.0.2.2",
    "",
    "192.0.2.1/1/100 192.0.2.2/1/100",
    1,
  ],
  ["both with an RLOC that is neither's own", "192.0.2.7", "192.0.2.7", "", "192.0.2.7/1/100", 1],
  [
    "each with its own RLOC, merged",
    "192.0.2.1",
    "192.0.2.2/3/30",
    "merge",
    "192.0.2.1/1/100 192.0.2.2/3/30",
    2,
  ],
  [
    "the same RLOCs, merged",
    "192.0.2.1 192.0.2.2",
    "192.0.2.1 192.0.2.2",
    "merge",
    "192.0.2.1/1/100 192.0.2.2/1/100",
    2,
  ],
] as const)
  test(`two xTRs of one site under one key, nonces strict: ${what}`, async () => {
    const b = await Bench.start(multihomed(first, second, flags));
    b.router.runFor(2);
    const told = b.read("ms.unsolicited");
    b.router.runFor(1000);
    assert.equal(
      ["registered", "late", "replay", "bad_auth"].flatMap((h) => [b.read(`reg1.${h}`), b.read(`reg2.${h}`)]),
      ["true", "true", "0", "0", "0", "0", "0", "0"],
    );
    assert.equal(
      [b.read("ms.replayed"), b.read("ms.bad_authentication"), b.read("ms.pending")],
      ["0", "0", "0"],
    );
    assert.is(b.read("ms.registrations").split("\n").length, registrations);
    // Refreshes tell nobody of anything.
    assert.is(b.read("ms.unsolicited"), told);
    b.push("cache", [ipv4(udp(1, 2, hex("")), { destination: ip("10.1.0.9") })]);
    b.router.runFor(1);
    assert.match(b.read("cache.table"), new RegExp(`^10\\.1\\.0\\.0/16 ${locators} ttl`));
    // One of two leaves: the other one stays where they merge.
    await b.router.write("site1.remove", "10.1.0.0/16");
    b.router.runFor(1);
    assert.is(b.read("ms.registrations").split("\n").filter(Boolean).length, 1);
    b.router.runFor(70);
    assert.match(b.read("ms.registrations"), /from 192\.0\.2\.2 left \d+ xtr [0-9a-f]{32} proxy/);
    b.close();
  });

test("a Map-Notify that is back before the Map-Register's push returns acknowledges it", async () => {
  const b = await Bench.start(`
    site :: LISPSite(10.1.0.0/16 192.0.2.1, 10.2.0.0/16 192.0.2.1);
    reg :: LISPRegistrar(site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.100 ${KEY}, RECORDS 1)
      -> ms :: LISPMapServer(a key secret eid 10.0.0.0/8 more, RLOC4 192.0.2.100) -> reg;`);
  b.router.runFor(0);
  assert.equal(
    [b.read("reg.registered"), b.read("reg.registers"), b.read("reg.notifies"), b.read("reg.late")],
    ["true", "2", "2", "0"],
  );
  assert.match(b.read("reg.table"), /registered 0 0\.000 20\.000\n.*registered 0 0\.000 20\.000$/);
  // What goes is gone with the first withdrawal, and nothing is sent again.
  await b.router.write("site.remove", "10.2.0.0/16");
  b.router.runFor(19);
  assert.equal([b.read("reg.registers"), b.read("ms.size")], ["3", "1"]);
  b.router.runFor(100);
  assert.equal([b.read("reg.notifies"), b.read("reg.registers")], ["8", "8"]);
  b.close();
});

test("an EID that nobody has any more: the one with the subnet is told", async () => {
  const b = await Bench.start(graph("10.1.0.9/32 192.0.2.2"));
  b.router.runFor(5);
  await b.router.write("site2.remove", "10.1.0.9/32");
  b.router.runFor(5);
  assert.equal([b.read("ms.size"), b.read("ms.unsolicited"), b.read("ms.acks")], ["1", "2", "2"]);
  assert.is(b.read("reg1.unsolicited"), "2");
  b.close();
});

test.run();
