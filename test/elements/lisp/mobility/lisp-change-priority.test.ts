// LISPChangePriority: what it does when it is told where an EID is, and whom it tells.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { nonceAt } from "../../../../src/lisp/change-priority/clock-nonces.js";
import { authenticate } from "../../../../src/lisp/control/authentication.js";
import { changePriority } from "../../../../src/wire/lisp-control/change-priority.js";
import { packetOf, record } from "../control.js";
import { Bench, ip, ipv4, udp } from "../harness.js";
import { ChangeNetwork, type Travelling } from "./change-lab.js";

const EIDS = { 4: "192.168.1.10", 6: "fd01::10" } as const;
const LENGTHS = { 4: 32, 6: 128 } as const;

/** EID at node 1; node 3 exchanges packets with it, over the RLOC of a family. */
async function atOne(
  family: 4 | 6,
  args?: (n: number) => string,
  iid = 0,
): Promise<{ n: ChangeNetwork; eid: string; entry: string }> {
  const n = await ChangeNetwork.make({ ...(args === undefined ? {} : { args }), iid });
  const eid = EIDS[family];
  n.hosted(1).here.add(eid);
  n.hosted(1).peers.set(eid, [family === 4 ? "10.0.0.3" : "fd00::3"]);
  return { n, eid, entry: `${eid}/${LENGTHS[family]}` };
}

for (const family of [4, 6] as const)
  for (const iid of [0, 5]) {
    const name = `IPv${family}${iid === 0 ? "" : `, instance ${iid}`}`;
    const trust = (): string => `, TRUST key 1:secret iid ${iid} eid 192.168.0.0/16 eid fd01::/16`;

    test(`${name}: arrived, with who had it: that one lets it go, and its peers know it at once`, async () => {
      const { n, eid, entry } = await atOne(family, trust, iid);
      assert.is(await n.say("10.0.0.2", "hypervisor arrived", eid, "10.0.0.1"), "done");
      assert.equal(n.said().sort(), [
        "1>2 new arrived !0",
        "1>2 reply peers",
        "2>1 new arrived",
        "2>1 reply peers !0",
        "2>3 cache arrived",
        "2>4 hypervisor arrived !0",
        "3>2 cache arrived !0",
        "4>2 hypervisor arrived",
      ]);
      assert.equal(n.hosted(2).did, [`claim ${eid}`]);
      assert.equal(n.hosted(1).did, [`release ${eid} ${family === 4 ? "10.0.0.2" : "10.0.0.2 fd00::2"}`]);
      assert.ok(n.cached(3).includes(`${entry} 10.0.0.2/1/100`));
      assert.equal([n.hosted(1).here.size, n.hosted(2).here.size], [0, 1], "one hosts it");
      assert.is(n.bench.read("c2.waiting"), "0");
      n.close();
    });

    test(`${name}: left: what the site of the source was told, it tells its peers`, async () => {
      const { n, eid, entry } = await atOne(family, trust, iid);
      assert.is(await n.say("10.0.0.1", "hypervisor left", eid, "10.0.0.2"), "done");
      assert.equal(n.said(), [
        "4>1 hypervisor left",
        "1>4 hypervisor left !0",
        "1>3 cache left",
        "3>1 cache left !0",
      ]);
      assert.equal(n.hosted(1).did, [`release ${eid} 10.0.0.2`]);
      assert.ok(n.cached(3).includes(`${entry} 10.0.0.2/1/100`));
      assert.equal(n.counts(3, "heard", "updates"), ["1", "1"]);
      n.close();
    });

    test(`${name}: make before break: both are told before, and the source goes by what it was told`, async () => {
      const { n, eid, entry } = await atOne(family, trust, iid);
      assert.is(await n.say("10.0.0.2", "hypervisor expect", eid), "done");
      assert.is(await n.say("10.0.0.1", "hypervisor leaving", eid, "10.0.0.2"), "done");
      assert.match(n.bench.read("c2.table"), new RegExp(`^${entry}( iid 5)? expected 2[\\d.]+$`));
      assert.match(n.bench.read("c1.table"), new RegExp(`^${entry}( iid 5)? armed 2[\\d.]+ 10\\.0\\.0\\.2$`));
      assert.is(n.cached(3).length, 1, "nobody is told yet");
      assert.is(await n.say("10.0.0.1", "hypervisor left", eid), "done");
      assert.is(await n.say("10.0.0.2", "hypervisor arrived", eid), "done");
      assert.equal(n.hosted(1).did, [`arm ${eid} 10.0.0.2 30`, `release ${eid} armed`]);
      assert.equal(n.hosted(2).did, [`expect ${eid} 30`, `claim ${eid}`]);
      assert.ok(n.cached(3).includes(`${entry} 10.0.0.2/1/100`));
      assert.equal([n.bench.read("c1.table"), n.bench.read("c2.table")], ["", ""]);
      n.close();
    });
  }

test("cancel undoes what was told before: later the EID cannot leave to nowhere", async () => {
  const { n, eid } = await atOne(4);
  await n.say("10.0.0.1", "hypervisor leaving", eid, "10.0.0.2");
  assert.is(await n.say("10.0.0.1", "hypervisor cancel", eid), "done");
  assert.is(n.bench.read("c1.table"), "");
  assert.is(await n.say("10.0.0.1", "hypervisor left", eid), "not-hosted");
  assert.equal(n.hosted(1).did, [`arm ${eid} 10.0.0.2 30`, `cancel ${eid}`, `release ${eid} armed`]);
  assert.equal([...n.hosted(1).here], [eid]);
  n.close();
});

test("what was told before is over after PATIENCE", async () => {
  const { n, eid } = await atOne(4, () => ", PATIENCE 2");
  await n.say("10.0.0.1", "hypervisor leaving", eid, "10.0.0.2");
  n.run(2);
  assert.is(n.bench.read("c1.table"), "");
  assert.is(await n.say("10.0.0.1", "hypervisor left", eid), "not-hosted");
  n.close();
});

test("a record's TTL says for how long it holds, up to an hour", async () => {
  const { n, eid } = await atOne(4);
  await n.say("10.0.0.2", "hypervisor expect", eid, "ttl", "120");
  await n.say("10.0.0.1", "hypervisor leaving", eid, "10.0.0.2", "ttl", "7200");
  assert.equal(n.hosted(2).did, [`expect ${eid} 120`]);
  assert.equal(n.hosted(1).did, [`arm ${eid} 10.0.0.2 3600`]);
  n.close();
});

test("peers are told in slices, and wait while many do not answer: none is left out", async () => {
  const { n, eid } = await atOne(4, () => ", CAPACITY 50");
  const peers = Array.from({ length: 300 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  n.hosted(1).peers.set(eid, [...peers, "10.0.0.3"]);
  await n.bench.router.write("c4.send", `10.0.0.1 hypervisor left ${eid} 10.0.0.2`);
  n.run(0.04);
  assert.ok(Number(n.bench.read("c1.waiting")) <= 50 && Number(n.bench.read("c1.sent")) >= 40);
  n.run(8);
  assert.equal(n.counts(1, "sent", "silent", "unsent", "waiting"), ["301", "300", "0", "0"]);
  assert.ok(n.cached(3).includes(`${eid}/32 10.0.0.2/1/100`));
  n.close();
});

test("who has an EID again while its peers are told that it has left tells them no more", async () => {
  const { n, eid } = await atOne(4, () => ", CAPACITY 20");
  n.hosted(1).peers.set(
    eid,
    Array.from({ length: 300 }, (_, i) => `10.1.${i >> 8}.${i & 255}`),
  );
  await n.bench.router.write("c4.send", `10.0.0.1 hypervisor left ${eid} 10.0.0.2`);
  n.run(0.05);
  await n.bench.router.write("c4.send", `10.0.0.1 hypervisor arrived ${eid}`);
  n.run(9);
  assert.equal([...n.hosted(1).here], [eid]);
  assert.ok(Number(n.bench.read("c1.sent")) <= 40);
  n.close();
});

test("a proxy has no EIDs: it takes what is for its map-cache, and nothing else", async () => {
  const n = await ChangeNetwork.make({ proxy: 3 });
  assert.is(await n.say("10.0.0.3", "cache left", "192.168.1.10", "10.0.0.2"), "done");
  assert.ok(n.cached(3).includes("192.168.1.10/32 10.0.0.2/1/100"));
  assert.is(await n.say("10.0.0.3", "new arrived", "192.168.1.10", "10.0.0.1"), "done");
  assert.ok(n.cached(3).includes("192.168.1.10/32 10.0.0.1/1/100"));
  assert.is(await n.say("10.0.0.3", "hypervisor arrived", "192.168.1.10", "10.0.0.1"), "no-room");
  assert.is(await n.say("10.0.0.3", "hypervisor expect", "192.168.1.10"), "no-room");
  assert.is(await n.say("10.0.0.3", "hypervisor left", "192.168.1.10", "10.0.0.1"), "not-hosted");
  assert.is(await n.say("10.0.0.3", "hypervisor leaving", "192.168.1.10", "10.0.0.1"), "not-hosted");
  assert.is(await n.say("10.0.0.3", "hypervisor cancel", "192.168.1.10"), "done");
  assert.is(await n.say("10.0.0.3", "reply peers", "192.168.1.10", "10.0.0.1"), "unexpected");
  n.close();
});

test("packets that wait for a mapping go on when a message brings it", async () => {
  const b = await Bench.start(`
    feed :: Feed -> cache :: LISPMapCache -> s0 :: Sink;
    cache[1] -> ask :: LISPResolver(cache, RLOC 10.0.0.3, MAP_RESOLVER 10.0.0.9) -> Discard;
    Idle -> [1] ask; ask[1] -> cache;
    in :: Feed -> c :: LISPChangePriority(cache, RLOC 10.0.0.3, RESOLVER ask, TRUST key 1:secret eid any) -> s1 :: Sink;
  `);
  b.push("cache", [ipv4(udp(1, 2, new Uint8Array(0)), { destination: ip("192.168.1.10") })]);
  b.router.runFor(0);
  assert.equal([b.take("s0").length, b.read("ask.waiting")], [0, "1"]);
  const nonce = nonceAt(b.clock);
  const message = changePriority({
    role: "cache",
    event: "left",
    nonce,
    records: [record("192.168.1.10/32", "10.0.0.2")],
  });
  const ends = { source: ip("10.0.0.1"), destination: ip("10.0.0.3") };
  const key = { id: 1, secret: new TextEncoder().encode("secret") };
  b.push("c", [packetOf(authenticate(message, key, 2, "all", ends), { from: "10.0.0.1", to: "10.0.0.3" })]);
  assert.equal([b.take("s0").length, b.read("ask.waiting")], [1, "0"]);
  b.close();
});

test("every status, and that nothing has changed with it", async () => {
  const { n, eid } = await atOne(4, (i) => (i === 3 ? ", ACTIVE false" : ""));
  const no = async (
    status: string,
    to: number,
    what: string,
    ...words: [string, ...string[]]
  ): Promise<void> => {
    assert.is(await n.say(`10.0.0.${to}`, what, ...words), status, `${what} ${words.join(" ")}`);
  };
  for (const event of ["peers", "unassigned-0", "unassigned-7"])
    await no("unknown-event", 1, `hypervisor ${event}`, eid);
  await no("unknown-event", 1, "new left", eid, "10.0.0.2");
  await no("unknown-event", 1, "cache expect", eid);
  await no("unknown-event", 1, "reply arrived", eid);
  await no("not-hosted", 2, "hypervisor left", eid, "10.0.0.1");
  await no("not-hosted", 2, "hypervisor leaving", eid, "10.0.0.1");
  await no("switched-off", 3, "hypervisor arrived", eid);
  await no("contradicted", 1, "cache arrived", eid, "10.0.0.2");
  await no("contradicted", 1, "cache arrived", "192.168.77.1", "10.0.0.2");
  await no("contradicted", 1, "new arrived", "192.168.77.1", "10.0.0.2");
  await no("unusable", 1, "cache arrived", "192.168.1.0/24", "10.0.0.2");
  await no("unusable", 2, "cache arrived", eid);
  await no("unusable", 2, "new arrived", eid);
  await no("unusable", 1, "hypervisor leaving", eid);
  await no("unexpected", 1, "reply peers", eid, "10.0.0.3");
  n.hosted(2).room = false;
  await no("no-room", 2, "hypervisor arrived", eid);
  await no("no-room", 2, "hypervisor expect", eid);
  n.hosted(1).room = false;
  await no("no-room", 1, "hypervisor leaving", eid, "10.0.0.2");
  assert.equal([...n.hosted(1).here], [eid]);
  assert.equal(
    [n.cached(1), n.cached(2), n.cached(3)].map((c) => c.join()),
    Array(3).fill("192.168.77.1/32 10.0.0.77/1/100"),
  );
  assert.equal(
    [1, 2, 3].map((i) => n.counts(i, "heard", "updates").join()),
    ["0,0", "0,0", "0,0"],
  );
  assert.is(Number(n.counts(1, "refused")[0]) > 10, true);
  n.close();
});

test("a map-cache that is full, of mappings that stay, has no room", async () => {
  const n = await ChangeNetwork.make({ cache: () => ", CAPACITY 1" });
  assert.is(await n.say("10.0.0.3", "cache arrived", "192.168.1.10", "10.0.0.2"), "no-room");
  n.close();
});

test("an EID of another instance is not one of its own", async () => {
  const n = await ChangeNetwork.make({ args: () => ", TRUST key 1:secret eid any" });
  for (const what of ["hypervisor arrived", "new arrived", "cache left"])
    assert.is(await n.say("10.0.0.1", what, "192.168.1.10", "10.0.0.2", "iid", "7"), "unusable");
  assert.equal(n.hosted(1).did, []);
  n.close();
});

// ---- Messages that are lost ----------------------------------------------------------

const LOST: Readonly<Record<string, (m: Travelling, nth: number) => boolean>> = {
  "the first of each": (_, nth) => nth === 1,
  "the first acknowledgement of each": (m, nth) => m.message.acknowledges && nth === 1,
  "the first two of each message": (m, nth) => !m.message.acknowledges && nth <= 2,
  "the first two acknowledgements of each": (m, nth) => m.message.acknowledges && nth <= 2,
};

for (const [what, lost] of Object.entries(LOST))
  test(`${what} is lost: it ends as if none were, and everything is done once`, async () => {
    const { n, eid } = await atOne(4);
    const times = new Map<string, number>();
    n.lose = (m) => {
      const name = `${m.message.nonce} ${m.source} ${m.message.acknowledges}`;
      times.set(name, (times.get(name) ?? 0) + 1);
      return lost(m, times.get(name)!);
    };
    await n.say("10.0.0.2", "hypervisor arrived", eid, "10.0.0.1");
    n.run(3);
    assert.equal([n.hosted(1).did, n.hosted(2).did], [[`release ${eid} 10.0.0.2`], [`claim ${eid}`]]);
    assert.ok(n.cached(3).includes(`${eid}/32 10.0.0.2/1/100`));
    assert.equal(n.counts(3, "updates", "heard"), ["1", "1"]);
    assert.equal(
      [1, 2, 3, 4].map((i) => n.counts(i, "waiting", "smrs").join()),
      Array(4).fill("0,0"),
    );
    const repeats = what.includes("two acknowledgements")
      ? "2"
      : what.includes("acknowledgement")
        ? "1"
        : "0";
    if (!what.endsWith("first of each")) assert.is(n.counts(3, "repeated")[0], repeats);
    n.close();
  });

test("a peer that never answers gets SMRs 0.7 s later, and again", async () => {
  const { n, eid } = await atOne(4);
  n.lose = (m) => m.destination.at(-1) === 3;
  await n.say("10.0.0.1", "hypervisor left", eid, "10.0.0.2");
  assert.equal(
    n.said().filter((line) => line.startsWith("1>3")),
    Array(3).fill("1>3 cache left"),
  );
  n.run(5);
  assert.equal(n.counts(1, "silent", "smrs", "resent"), ["1", "1", "2"]);
  assert.is(n.bench.take("m1").length, 2);
  assert.match(n.bench.read("c1.outcomes"), /^10\.0\.0\.3 cache left 192\.168\.1\.10\/32: silent$/);
  n.close();
});

for (const [what, args] of [
  ["that is switched off", ", ACTIVE false"],
  ["that does not trust it with the EID", ", TRUST key 1:secret eid 192.168.2.0/24"],
  ["that trusts nobody", ', TRUST ""'],
  ["with another secret", ", TRUST key 1:other eid any"],
] as const)
  test(`a peer ${what} gets SMRs`, async () => {
    const { n, eid } = await atOne(4, (i) => (i === 3 ? args : ""));
    await n.say("10.0.0.1", "hypervisor left", eid, "10.0.0.2");
    n.run(5);
    assert.is(n.bench.take("m1").length, 2);
    assert.is(n.cached(3).length, 1, "only an answer to its own Map-Request will change it");
    n.close();
  });

test("BY smr: peers get SMRs alone, of either arm", async () => {
  for (const to of ["10.0.0.1", "10.0.0.2"]) {
    const { n, eid } = await atOne(4, () => ", BY smr");
    const left = to === "10.0.0.1";
    await n.say(to, left ? "hypervisor left" : "hypervisor arrived", eid, left ? "10.0.0.2" : "10.0.0.1");
    n.run(5);
    assert.not.ok(n.said().some((line) => line.includes("cache")));
    assert.is(n.bench.take(left ? "m1" : "m2").length, 2);
    n.close();
  }
});

test("TELL false: who had it is not told", async () => {
  const { n, eid } = await atOne(4, () => ", TELL false");
  await n.say("10.0.0.2", "hypervisor arrived", eid, "10.0.0.1");
  assert.equal(n.said(), ["4>2 hypervisor arrived", "2>4 hypervisor arrived !0"]);
  n.close();
});

test("one that had heard already that the EID is elsewhere still says who its peers are", async () => {
  const { n, eid } = await atOne(4);
  n.hosted(1).here.delete(eid);
  await n.say("10.0.0.2", "hypervisor arrived", eid, "10.0.0.1");
  assert.equal(n.hosted(1).did, []);
  assert.ok(n.cached(1).includes(`${eid}/32 10.0.0.2/1/100`));
  assert.ok(n.cached(3).includes(`${eid}/32 10.0.0.2/1/100`));
  n.close();
});

test("many peers are named in several replies, all are told, and none that is a party itself", async () => {
  const { n, eid } = await atOne(4);
  const peers = Array.from({ length: 100 }, (_, i) => `10.0.1.${i + 1}`);
  n.hosted(1).peers.set(eid, [...peers, "10.0.0.1", "10.0.0.2", "fd00::9"]);
  await n.say("10.0.0.2", "hypervisor arrived", eid, "10.0.0.1");
  const said = n.said();
  assert.is(said.filter((line) => line === "1>2 reply peers").length, 3);
  assert.equal(n.counts(2, "sent"), ["102"], "one to who had it, and one to each of 101 peers");
  n.run(1);
  assert.equal(n.counts(2, "silent", "smrs"), ["101", "101"]);
  n.close();
});

test.run();
