// LISPPeerLog: which peers exchange packets with which EIDs.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { Bench, ip, ipv4, ipv6, lisp } from "../harness.js";
import { complaints, empty, from4 } from "./mobility-lab.js";

const logged = (args = ""): Promise<Bench> =>
  Bench.start(`
    core :: Feed -> decap :: LISPDecap(PEERS 64) -> log :: LISPPeerLog(decap${args}) -> s0 :: Sink;
    site :: Feed -> cache :: LISPMapCache(10.0.0.0/8 192.0.2.9, fd00::/8 2001:db8::9) -> [1] log; log[1] -> s1 :: Sink;
  `);
const pairs = (b: Bench, eid = ""): string[] =>
  b
    .read("log.table", eid)
    .split("\n")
    .filter((l) => l !== "")
    .sort();

test("peers are kept for each EID, both ways and families", async () => {
  const b = await logged();
  const inner = [
    ipv4(empty, { destination: ip("192.168.1.10") }),
    ipv6(empty, { destination: parseRloc("fd01::10") }),
  ];
  b.push("decap", [
    lisp(inner[0]),
    lisp(inner[0]),
    lisp(inner[1]),
    lisp(inner[0], undefined, { source: parseRloc("2001:db8::1") }),
  ]);
  b.push("cache", [from4("192.168.1.10"), ipv6(empty, { source: parseRloc("fd01::10") })]);
  assert.equal([b.take("s0").length, b.take("s1").length], [4, 2]);
  assert.equal(pairs(b), [
    "0 192.168.1.10 192.0.2.1 2 0 0.000",
    "0 192.168.1.10 192.0.2.9 0 1 0.000",
    "0 192.168.1.10 2001:db8::1 1 0 0.000",
    "0 fd01::10 192.0.2.1 1 0 0.000",
    "0 fd01::10 2001:db8::9 0 1 0.000",
  ]);
  assert.equal(pairs(b, "fd01::10").length, 2);
  assert.equal(pairs(b, "192.168.1.10 iid 4"), []);
  assert.throws(() => b.read("log.table", "x y"), /expected 'EID-PREFIX \[iid N\]'/);
  await b.router.write("log.clear", "");
  assert.equal(pairs(b), []);
  b.close();
});

test("it keeps no more than it may: the pairs that were silent longest go", async () => {
  const b = await logged(", CAPACITY 8");
  for (let i = 0; i < 50; i++) {
    b.push("decap", [lisp(ipv4(empty, { destination: ip(`192.168.1.${i}`) }))]);
    b.router.runFor(1);
  }
  assert.equal(
    pairs(b)
      .map((l) => Number(l.split(" ")[1].split(".")[3]))
      .sort((a, c) => a - c),
    [42, 43, 44, 45, 46, 47, 48, 49],
  );
  b.close();
});

test("it keeps nothing until it is wanted, nor of packets that no LISPDecap or LISPMapCache has seen", async () => {
  const b = await logged(", ACTIVE false");
  b.push("decap", [lisp(ipv4(empty))]);
  assert.equal([b.take("s0").length, pairs(b)], [1, []]);
  b.close();
  const strange = await logged();
  for (const route of [0, 1, 0xfffffff0, 5000]) strange.push("log", [ipv4(empty)], { route });
  assert.equal([strange.take("s0").length, pairs(strange)], [4, []]);
  strange.close();
  assert.equal(
    await complaints("s :: LISPSite; Idle -> l :: LISPPeerLog(s) -> Discard; Idle -> [1] l; l[1] -> Discard"),
    ["DECAP is not a LISPDecap"],
  );
});

test("a hot swap keeps the peers", async () => {
  const text = `
    core :: Feed -> decap :: LISPDecap(PEERS 64) -> log :: LISPPeerLog(decap) -> s0 :: Sink; Idle -> [1] log; log[1] -> Discard;`;
  const b = await Bench.start(text);
  b.push("decap", [lisp(ipv4(empty))]);
  await b.router.swap(`${text} Idle -> Discard;`);
  assert.is(pairs(b).length, 1);
  b.close();
});

test("the pairs of one EID are just those that the whole table has of it, as pairs come, go and take others over", async () => {
  const b = await logged(", CAPACITY 64");
  const eid = (n: number): string =>
    n % 3 === 0 ? `fd01::${(1 + (n % 23)).toString(16)}` : `192.168.1.${n % 23}`;
  for (let round = 0; round < 40; round++) {
    for (let n = 0; n < 12; n++) {
      const k = (round * 31 + n * 17) % 97;
      const inner = eid(k).includes(":")
        ? ipv6(empty, { destination: parseRloc(eid(k)) })
        : ipv4(empty, { destination: ip(eid(k)) });
      b.push("decap", [lisp(inner, undefined, { source: parseRloc(`192.0.2.${1 + ((k + round) % 11)}`) })]);
    }
    b.router.runFor(1);
    const all = pairs(b);
    for (let k = 0; k < 69; k++)
      assert.equal(
        pairs(b, eid(k)),
        all.filter((line) => line.split(" ")[1] === eid(k)),
      );
    if (round === 25) await b.router.write("log.clear", "");
  }
  assert.ok(pairs(b).length > 40);
  b.close();
});

test.run();
