// LISPMobility where somebody who knows says that an EID comes or leaves.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { hear } from "../../../../src/lisp/mobility/frames.js";
import { ARP_REPLY } from "../../../../src/wire/arp.js";
import { ND_SOLICITED } from "../../../../src/wire/icmp6.js";
import { failure } from "../control.js";
import { Bench, hex, ip } from "../harness.js";
import { arp, bench, complaints, counts, HOST, hosts, nd, RANGES, registered, US } from "./mobility-lab.js";
import { fromSite, GUEST, HOME, numbers, OWN, packet, site, start, toward } from "./told-lab.js";

const LENGTH = { 4: 32, 6: 128 } as const;

for (const family of [4, 6] as const) {
  const [guest, own] = [GUEST[family], OWN[family]];

  test(`packets for an expected guest are held, and reach it first and in order once it is claimed, IPv${family}`, async () => {
    const b = await start();
    toward(b, guest, 1);
    assert.equal(numbers(b, "stray"), [1], "nobody knows it");
    await b.router.write("e.expect", `${guest} 5`);
    toward(b, guest, 2, 40);
    b.router.runFor(1);
    toward(b, guest, 41);
    assert.equal([b.read("e.expected"), ...counts(b, "held")], [`${guest} 4.000 40 0`, "40"]);
    assert.equal([registered(b), numbers(b, "here")], [[], []]);
    await b.router.write("e.claim", guest);
    toward(b, guest, 42);
    assert.equal(
      numbers(b, "here"),
      Array.from({ length: 41 }, (_, i) => i + 2),
    );
    assert.equal(registered(b), [`${guest}/${LENGTH[family]} 10.0.0.2/1/50 ttl 300`]);
    assert.is(b.read("cache.table"), `${guest}/${LENGTH[family]} action natively-forward`);
    assert.equal([hosts(b), b.read("e.expected")], [[`${guest} here`], ""]);
    // What was said again, late, holds nothing of one that is here.
    await b.router.write("e.expect", `${guest} 5`);
    toward(b, guest, 43);
    assert.equal([b.read("e.expected"), numbers(b, "here")], ["", [43]]);
    assert.equal(counts(b, "arrivals", "held"), ["1", "40"]);
    b.close();
    assert.is(b.router.memory.slotsUsed, 0);
  });

  test(`what is held goes the usual way when the patience is over, and when it is cancelled, IPv${family}`, async () => {
    const b = await start();
    await b.router.write("e.expect", `${guest} 0.5`);
    toward(b, guest, 1, 2);
    b.router.runFor(0.4);
    assert.equal(numbers(b, "stray"), []);
    b.router.runFor(0.2);
    toward(b, guest, 3);
    assert.equal([numbers(b, "away"), numbers(b, "stray"), b.read("e.expected")], [[1, 2], [3], ""]);
    // One that has left: it is sent after it.
    await b.router.write("e.away", `${own} 10.0.0.3`);
    await b.router.write("e.expect", `${own} 60s`);
    toward(b, own, 4, 5);
    // Said again, it counts from now.
    b.router.runFor(50);
    await b.router.write("e.expect", `${own} 60s`);
    b.router.runFor(50);
    assert.equal([numbers(b, "away"), hosts(b)], [[], [`${own} away`]]);
    await b.router.write("e.cancel", own);
    await b.router.write("e.cancel", own);
    toward(b, own, 6);
    assert.equal([numbers(b, "away"), numbers(b, "here"), b.read("e.expected")], [[4, 5, 6], [], ""]);
    b.close();
  });

  test(`a host that has left is expected back, and claimed without anybody knowing its hardware address, IPv${family}`, async () => {
    const b = await start();
    await b.router.write("e.away", `${own} 10.0.0.3`);
    toward(b, own, 1);
    await b.router.write("e.expect", `${own} 5`);
    toward(b, own, 2, 3);
    b.take("s0");
    await b.router.write("e.claim", own);
    toward(b, own, 4);
    assert.equal([numbers(b, "away"), numbers(b, "here")], [[1], [2, 3, 4]]);
    assert.equal(hosts(b), [`${own} returned`]);
    assert.equal(registered(b), [`${own}/${LENGTH[family]} 10.0.0.2/1/50 ttl 300`]);
    assert.is(b.read("cache.size"), "0");
    // It is asked for at once; when it answers, who sent to us is told.
    const [question, ...more] = b.take("s0");
    assert.equal([hear(question.bytes)?.asks, more.length], [parseRloc(own), 0]);
    b.push("frames", [
      family === 4 ? arp(ARP_REPLY, own, "192.168.2.1") : nd("advertise", own, "fd02::1", own, ND_SOLICITED),
    ]);
    const [told] = b.take("s0");
    assert.equal(hear(told.bytes), { sender: parseRloc(own), mac: HOST, asks: null, answers: null });
    b.router.runFor(11);
    assert.equal([hosts(b), registered(b)], [[], []]);
    toward(b, own, 5);
    assert.equal(numbers(b, "home"), [5]);
    b.close();
  });

  test(`one that is released is neither registered nor delivered to, and its neighbours reach it through us, IPv${family}`, async () => {
    const b = await start();
    for (const eid of [guest, own]) {
      await b.router.write("e.claim", eid);
      b.take("s0");
      await b.router.write("e.arm", `${eid} 10 10.0.0.3/1/50 10.0.0.2/1/50 10.0.0.4/2/100`);
      assert.is(b.read("e.armed"), `${eid} 10.000 ${eid}/${LENGTH[family]} 10.0.0.3/1/50 10.0.0.4/2/100`);
      toward(b, eid, 1);
      assert.equal(numbers(b, "here"), [1], "armed, and here");
      await b.router.write("e.release", eid);
      toward(b, eid, 2);
      assert.equal([numbers(b, "away"), numbers(b, "here"), registered(b)], [[2], [], []]);
      assert.equal([hosts(b).at(-1), b.read("e.armed")], [`${eid} away`, ""]);
      assert.ok(
        b.read("cache.table").includes(`${eid}/${LENGTH[family]} 10.0.0.3/1/50 10.0.0.4/2/100 ttl 300`),
      );
      const [told, ...more] = b.take("s0");
      assert.equal(
        [hear(told.bytes), more.length],
        [{ sender: parseRloc(eid), mac: US, asks: null, answers: null }, 0],
      );
      // Said once more, with or without where to, nothing changes.
      await b.router.write("e.release", eid);
      await b.router.write("e.release", `${eid} 10.0.0.3 10.0.0.4`);
      assert.equal([b.take("s0").length, hosts(b).at(-1)], [0, `${eid} away`]);
    }
    assert.is(b.read("e.departures"), "2");
    // It did not come there, and goes elsewhere; later it is for others to say so.
    await b.router.write("e.release", `${own} 10.0.0.9`);
    assert.match(b.read("cache.lookup", own), /10\.0\.0\.9/);
    b.router.runFor(60.1);
    assert.match(await failure(() => b.router.write("e.release", `${own} 10.0.0.8`)), /is not here, or/);
    await b.router.write("e.release", `${own} 10.0.0.9`);
    assert.equal([b.read("e.departures"), hosts(b).length], ["3", 2]);
    b.close();
  });
}

test("a host of the site that nobody has moved yet is expected by nobody, and may be armed and released", async () => {
  const b = await start();
  await b.router.write("e.expect", `${OWN[4]} 5`);
  toward(b, OWN[4], 1);
  assert.equal(numbers(b, "home"), [1], "it is here");
  await b.router.write("e.arm", `${OWN[4]} 5 10.0.0.3`);
  await b.router.write("e.release", OWN[4]);
  toward(b, OWN[4], 2);
  assert.equal([numbers(b, "away"), hosts(b)], [[2], [`${OWN[4]} away`]]);
  // The router has restarted and forgotten a guest: who is armed is known.
  assert.match(await failure(() => b.router.write("e.release", `${GUEST[4]} 10.0.0.3`)), /is not here, or/);
  await b.router.write("e.arm", `${GUEST[4]} 5 10.0.0.3`);
  await b.router.write("e.release", `${GUEST[4]} 10.0.0.4`);
  assert.match(b.read("cache.lookup", GUEST[4]), /10\.0\.0\.4\//);
  toward(b, GUEST[4], 3);
  assert.equal(numbers(b, "away"), [3]);
  b.close();
});

test("what it was armed for is forgotten in time, by a claim, and by a cancel", async () => {
  const b = await start();
  const armed = async (): Promise<void> => {
    await b.router.write("e.claim", GUEST[4]);
    await b.router.write("e.arm", `${GUEST[4]} 1 10.0.0.3`);
  };
  const refused = (): Promise<string> => failure(() => b.router.write("e.release", GUEST[4]));
  await armed();
  b.router.runFor(1.1);
  assert.match(await refused(), /nobody has said where it goes/);
  await armed();
  await b.router.write("e.cancel", GUEST[4]);
  assert.match(await refused(), /nobody has said where it goes/);
  await armed();
  await b.router.write("e.claim", GUEST[4]);
  assert.match(await refused(), /nobody has said where it goes/);
  assert.equal(hosts(b), [`${GUEST[4]} here`]);
  b.close();
});

test("there and back within seconds, and on at the source as the target failed", async () => {
  const b = await start();
  const eid = OWN[4];
  for (let i = 0; i < 3; i++) {
    await b.router.write("e.release", `${eid} 10.0.0.3`);
    toward(b, eid, 1);
    await b.router.write("e.expect", `${eid} 5`);
    toward(b, eid, 2);
    await b.router.write("e.claim", `${eid} 02:00:00:00:00:09`);
    toward(b, eid, 3);
    assert.equal([numbers(b, "away"), numbers(b, "here")], [[1], [2, 3]]);
    assert.equal([hosts(b), registered(b).length], [[`${eid} returned`], 1]);
    b.router.runFor(0.5);
  }
  assert.equal(counts(b, "arrivals", "departures"), ["3", "3"]);
  b.close();
});

test("a claimed host is believed as one that has answered is: asked when it is silent, and given up", async () => {
  const b = await start(", IDLE 10, ANNOUNCE 1");
  await b.router.write("e.claim", `${GUEST[4]} 02:00:00:00:00:09`);
  // Its answer would show switches where it is.
  assert.equal([b.read("e.asked"), b.read("e.table")], ["1", `${GUEST[4]} here 02-00-00-00-00-09 0.000`]);
  b.router.runFor(9.5);
  toward(b, GUEST[4], 1);
  b.router.runFor(9);
  assert.is(b.read("e.asked"), "1", "packets for it keep it, as for others");
  b.router.runFor(5);
  assert.equal([b.read("e.losses"), hosts(b)], ["1", []]);
  // Claimed again, with another hardware address, or the same said twice.
  for (const mac of ["02:00:00:00:00:09", "02:00:00:00:00:0a", "02:00:00:00:00:0a"])
    await b.router.write("e.claim", `${GUEST[4]} ${mac}`);
  assert.match(b.read("e.table"), /02-00-00-00-00-0A/);
  assert.equal(counts(b, "arrivals"), ["2"]);
  b.close();
});

test("the first packets of an expected host are held, too; it is asked for, and its answer is as good as a claim", async () => {
  const b = await start();
  const eid = GUEST[4];
  fromSite(b, eid, 1);
  assert.equal(counts(b, "unproven"), ["1"]);
  await b.router.write("e.expect", `${eid} 5`);
  b.router.runFor(4);
  b.take("s0");
  await b.router.write("e.expect", `${eid} 5`);
  fromSite(b, eid, 2);
  toward(b, eid, 3);
  assert.equal([b.read("e.expected"), numbers(b, "out")], [`${eid} 5.000 1 1`, []]);
  assert.equal(hear(b.take("s0")[0].bytes)?.asks, ip(eid));
  b.push("frames", [arp(ARP_REPLY, eid, "192.168.1.1")]);
  fromSite(b, eid, 4);
  assert.equal([numbers(b, "out"), numbers(b, "here"), hosts(b)], [[2, 4], [3], [`${eid} here`]]);
  // Where the patience is over they prove nothing, as ever.
  await b.router.write("e.expect", `${GUEST[6]} 0.1`);
  fromSite(b, GUEST[6], 5);
  b.router.runFor(0.2);
  assert.equal([numbers(b, "out"), ...counts(b, "unproven", "arrivals")], [[], "2", "1"]);
  b.close();
});

test("as many packets are held as may be: for one EID, in all, and for PATIENCE; more are dropped, the last ones", async () => {
  const b = await start(", HOLD 3, QUEUE 5, PATIENCE 2, CAPACITY 3");
  for (const eid of ["192.168.1.10", "192.168.1.11", "fd01::10"])
    await b.router.write("e.expect", `${eid} 100`);
  assert.match(
    await failure(() => b.router.write("e.expect", "192.168.1.12 1")),
    /as many are expected as may be/,
  );
  await b.router.write("e.expect", "fd01::10 100");
  toward(b, "192.168.1.10", 1, 4);
  fromSite(b, "192.168.1.10", 5);
  toward(b, "fd01::10", 6, 8);
  assert.equal(counts(b, "held", "hold_full"), ["5", "3"]);
  assert.equal(b.router.memory.slotsUsed, 5);
  b.router.runFor(2.1);
  assert.equal([numbers(b, "away").sort(), b.read("e.expected")], [[1, 2, 3, 6, 7], ""]);
  b.close();
});

test("packets that nobody expects, and what is no packet, are not held", async () => {
  const b = await start();
  await b.router.write("e.expect", `${GUEST[4]} 100`);
  const others = [packet(1, "192.168.1.11", "192.168.1.11"), packet(2, "fd01::10", "fd01::10")];
  for (const port of ["to", "from"])
    b.push(port, [...others, hex("45"), hex("60".repeat(30)), hex("00".repeat(40))]);
  assert.equal(counts(b, "unexpected", "malformed", "held"), ["4", "6", "0"]);
  // Where what comes from the site cannot go on, it is not held, either.
  b.close();
  const without = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2); frames :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02, ${RANGES},
      LOCATORS 10.0.0.2) -> s0 :: Sink; e [1] -> Discard; Idle -> e; Idle -> [2] e; Idle -> [3] e;
    f :: Feed -> from :: Null -> [4] e;`);
  await without.router.write("e.expect", `${GUEST[4]} 100`);
  without.push("from", [packet(1, GUEST[4], "192.168.3.10")]);
  assert.equal(counts(without, "unproven", "held"), ["1", "0"]);
  without.close();
  const nobody = await bench();
  assert.match(
    await failure(() => nobody.router.write("e.expect", `${GUEST[4]} 1`)),
    /packets cannot be held/,
  );
  nobody.close();
});

test("a hot swap keeps what is expected, what is armed, and what is held", async () => {
  const b = await start(", HOLD 4");
  const eid = GUEST[4];
  await b.router.write("e.expect", `${eid} 5`);
  await b.router.write("e.expect", `${GUEST[6]} 5`);
  await b.router.write("e.release", `${OWN[6]} 10.0.0.3`);
  await b.router.write("e.arm", `${OWN[4]} 20 10.0.0.3`);
  toward(b, eid, 1, 3);
  fromSite(b, eid, 4);
  toward(b, GUEST[6], 5);
  b.router.runFor(1);
  // With room for less, and without a place for one.
  await b.router.swap(site(", HOLD 2", `192.168.1.0/24 192.168.1.1, ${HOME}`));
  assert.equal([b.read("e.expected"), ...counts(b, "hold_full")], [`${eid} 4.000 2 0`, "3"]);
  assert.equal(
    [b.read("e.armed"), hosts(b)],
    [`${OWN[4]} 19.000 ${OWN[4]}/32 10.0.0.3/1/100`, [`${OWN[6]} away`]],
  );
  await b.router.write("e.claim", eid);
  toward(b, eid, 6);
  assert.equal(numbers(b, "here"), [1, 2, 6]);
  await b.router.write("e.expect", `${eid.replace("10", "11")} 5`);
  toward(b, "192.168.1.11", 7);
  await b.router.swap("Idle -> Discard;");
  assert.is(b.router.memory.slotsUsed, 0);
  b.close();
});

test("what there is no room for is refused", async () => {
  const full = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2, CAPACITY 1); f :: Feed -> cache :: LISPMapCache(CAPACITY 1, 10.9.0.0/16 10.0.0.9) -> Discard;
    e :: LISPMobility(site, 02:00:00:00:00:02, ${RANGES}, ${HOME}, LOCATORS 10.0.0.2, CACHE cache, CAPACITY 1); Idle -> e -> Discard;
    Idle -> [1] e;`);
  assert.match(await failure(() => full.router.write("e.claim", GUEST[4])), /no room for another host/);
  await full.router.write("e.arm", `${GUEST[4]} 5 10.0.0.3`);
  await full.router.write("e.arm", `${GUEST[4]} 5 10.0.0.4`);
  assert.match(
    await failure(() => full.router.write("e.arm", `${GUEST[6]} 5 10.0.0.3`)),
    /no room, or no RLOC/,
  );
  assert.match(await failure(() => full.router.write("e.release", GUEST[4])), /or there is no room/);
  assert.equal([hosts(full), registered(full)], [[], []]);
  full.close();
});

test("handlers refuse what cannot be", async () => {
  const b = await start();
  const fails = (handler: string, text: string): Promise<string> =>
    failure(() => b.router.write(`e.${handler}`, text));
  for (const handler of ["expect", "claim", "arm"]) {
    assert.match(await fails(handler, "10.0.0.1 5 10.0.0.3"), /10\.0\.0\.1 is in no dynamic-EID range/);
    assert.match(await fails(handler, "host 5 10.0.0.3"), /'host' is not an IP address/);
  }
  for (const text of ["", " 0", " -1", " soon"]) {
    assert.match(await fails("expect", GUEST[4] + text), /time/);
    assert.match(await fails("arm", `${GUEST[4]}${text === "" ? " x" : text} 10.0.0.3`), /time/);
  }
  assert.match(await fails("claim", `${GUEST[4]} 1`), /'1' is no hardware address of one host/);
  assert.match(await fails("claim", `${GUEST[4]} ff:ff:ff:ff:ff:ff`), /is no hardware address of one host/);
  assert.match(await fails("arm", `${GUEST[4]} 5`), /expected an RLOC/);
  assert.match(await fails("arm", `${GUEST[4]} 5 10.0.0.2`), /no RLOC of others that may be used/);
  assert.match(await fails("arm", `${GUEST[4]} 5 10.0.0.3/255`), /no RLOC of others that may be used/);
  assert.match(await fails("release", `${OWN[4]} 10.0.0.2`), /nobody has said where it goes/);
  assert.match(await fails("release", "10.0.0.1 10.0.0.3"), /10\.0\.0\.1 is not here/);
  assert.match(await fails("cancel", "host"), /'host' is not an IP address/);
  assert.equal([hosts(b), b.read("e.expected"), b.read("e.armed")], [[], "", ""]);
  b.close();
  assert.equal(
    await complaints(
      `s :: LISPSite; e :: LISPMobility(s, 02:00:00:00:00:02, NEIGHBOURS s) -> Discard; Idle -> e; Idle -> [1] e`,
    ),
    ["NEIGHBOURS is not a Neighbours"],
  );
});

test("whoever sends packets to the site learns a claimed host's hardware address at once", async () => {
  const b = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2);
    f1 :: Feed -> arp :: ARPQuerier(192.168.2.1, 02:00:00:00:00:02, ANNOUNCE 0) -> a :: Sink; Idle -> [1] arp;
    f2 :: Feed -> nd :: IP6NDSolicitor(fd02::1, 02:00:00:00:00:02, ANNOUNCE 0) -> a; Idle -> [1] nd;
    e :: LISPMobility(site, 02:00:00:00:00:02, ${RANGES}, LOCATORS 10.0.0.2, NEIGHBOURS arp, NEIGHBOURS nd) -> Discard;
    Idle -> e; Idle -> [1] e;`);
  for (const eid of [GUEST[4], GUEST[6]]) await b.router.write("e.claim", `${eid} 02:00:00:00:00:09`);
  assert.match(b.read("arp.table"), /^192\.168\.1\.10 1 02-00-00-00-00-09/);
  assert.match(b.read("nd.table"), /^fd01::10 1 02-00-00-00-00-09/);
  await b.router.write("e.claim", `${GUEST[4]} 02:00:00:00:00:0a`);
  assert.match(b.read("arp.table"), /^192\.168\.1\.10 1 02-00-00-00-00-0A/);
  b.close();
});

test.run();
