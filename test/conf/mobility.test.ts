// timeout: 300
// A host that moves between the sites of three tunnel routers from conf/xtr.click, in simulated time.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MobilityNetwork, RANGES } from "./mobility-network.js";

/** The mobile host, its neighbour at home, and a host of each other site. */
const HOSTS = {
  4: ["192.168.1.10", "192.168.1.11", "192.168.2.10", "192.168.3.10"],
  6: ["fd01::10", "fd01::11", "fd02::10", "fd03::10"],
} as const;
const LENGTH = { 4: 32, 6: 128 } as const;

/** Every echo request is answered: between the mobile host and one at each site, asked from either side. */
function allAnswered(n: MobilityNetwork, family: 4 | 6, where: string): void {
  const [me, ...others] = HOSTS[family];
  for (const [i, other] of others.entries()) {
    const host = `host${i + 1}`;
    for (const [from, source, to] of [
      ["mobile", me, other],
      [host, other, me],
    ]) {
      const { sent, answered } = n.ping(from, source, to, 0.4);
      assert.is(answered, sent, `${where}: ${source} asks ${to}`);
    }
  }
}

const registered = (n: MobilityNetwork): string[] =>
  n
    .read("ms", "ms.registrations")
    .split("\n")
    .map((line) => line.split(" ").slice(0, 2).join(" "));

for (const family of [4, 6] as const)
  for (const proxy of [false, true])
    test(`a host goes visiting, on, and home, and is reached everywhere, IPv${family}${proxy ? ", by proxy replies" : ""}`, async () => {
      const [me] = HOSTS[family];
      const eid = `${me}/${LENGTH[family]}`;
      const n = await MobilityNetwork.make({ proxy });
      await n.plug(1);
      n.run(3);
      allAnswered(n, family, "at home");
      assert.is(n.read("xtr1", "mobility.table"), "", "an ordinary host of its site");

      await n.plug(2);
      n.run(0.05);
      // Nobody has sent anything yet: it is the host's own first packet that tells.
      assert.equal(n.ping("mobile", me, HOSTS[family][3], 0.4), { sent: 20, answered: 20 });
      assert.match(n.read("xtr2", "mobility.table"), new RegExp(`^${me} here 02-00-00-00-09-01 `));
      assert.match(
        n.read("xtr1", "mobility.table"),
        new RegExp(`^${me} away - [\\d.]+ ${eid} 10\\.0\\.0\\.2/1/100`),
      );
      assert.ok(registered(n).includes(`${eid} 10.0.0.2/1/100`));
      allAnswered(n, family, "visiting");
      // Site 3 has exchanged packets with it and was told; site 2 is where it is.
      assert.match(n.read("xtr3", "cache.table"), new RegExp(`${eid} 10\\.0\\.0\\.2/1/100 `));
      assert.equal([n.read("xtr1", "smr.sent"), n.read("xtr3", "solicited.invoked")], ["1", "1"]);

      await n.plug(3);
      n.run(0.05);
      n.ping("mobile", me, HOSTS[family][1], 0.4);
      assert.match(
        n.read("xtr2", "mobility.table"),
        new RegExp(`^${me} away - [\\d.]+ ${eid} 10\\.0\\.0\\.3/1/100`),
      );
      n.run(4);
      allAnswered(n, family, "elsewhere");

      await n.plug(1);
      n.run(0.05);
      n.ping("mobile", me, HOSTS[family][2], 0.4);
      assert.match(n.read("xtr1", "mobility.table"), new RegExp(`^${me} returned 02-00-00-00-09-01 `));
      assert.match(n.read("xtr3", "mobility.table"), new RegExp(`^${me} away `));
      allAnswered(n, family, "returned");
      n.run(15);
      assert.is(n.read("xtr1", "mobility.table"), "");
      assert.not.ok(
        registered(n).some((line) => line.startsWith(eid)),
        "only the site's prefix is registered",
      );
      allAnswered(n, family, "at home again");
      for (const i of [1, 2, 3])
        assert.is(n.read(`xtr${i}`, "cache.refused"), "0", "nobody asks for what it has itself");
      n.close();
    });

test("both tunnel routers are told by a controller: a host that says nothing is reached", async () => {
  for (const family of [4, 6] as const) {
    const [me, , , far] = HOSTS[family];
    const n = await MobilityNetwork.make();
    await n.plug(1);
    n.run(3);
    n.ping("host3", far, me, 0.4);
    await n.plug(2);
    await n.write("xtr2", "mobility.add", me);
    await n.write("xtr1", "mobility.away", `${me} 10.0.0.2`);
    n.run(0.05);
    assert.equal(n.ping("host3", far, me, 0.4), { sent: 20, answered: 20 });
    assert.match(n.read("xtr1", "peers.table", me), new RegExp(`^0 ${me} 10\\.0\\.0\\.3 `));
    await n.write("xtr2", "mobility.remove", me);
    n.run(1);
    assert.is(n.read("xtr1", "mobility.table"), "", "its home hears that nobody has it");
    n.close();
  }
});

test("a packet from a forged source registers nothing, a flood of them asks for few, others pass", async () => {
  const n = await MobilityNetwork.make();
  await n.plug(1);
  n.run(3);
  const before = n.read("ms", "ms.size");
  n.send("host2", "192.168.1.77", "192.168.3.10");
  n.send("host2", "fd01::77", "fd03::10");
  n.run(5);
  assert.equal(
    ["asked", "unanswered", "arrivals", "table"].map((h) => n.read("xtr2", `mobility.${h}`)),
    ["6", "2", "0", ""],
  );
  for (let i = 0; i < 200; i++) n.send("host2", `192.168.1.${i % 250}`, "192.168.3.10");
  n.run(5);
  assert.ok(n.number("xtr2", "mobility.asked") <= 6 + 3 * 21);
  assert.ok(n.number("xtr2", "mobility.rate") >= 179);
  assert.is(n.read("ms", "ms.size"), before);
  // Outside of all ranges: dropped as it always was.
  n.send("host2", "172.16.0.1", "192.168.3.10");
  n.run(1);
  assert.is(n.read("xtr2", "mobility.asking"), "0");
  assert.is(n.read("host3", "asked4.count"), "0");
  n.close();
});

test("without ranges nobody is taken up, and nobody let go", async () => {
  const n = await MobilityNetwork.make({ ranges: "" });
  await n.plug(2);
  n.run(3);
  n.ping("mobile", "192.168.1.10", "192.168.3.10", 1);
  assert.equal([n.read("xtr2", "mobility.asked"), n.read("xtr2", "mobility.table")], ["0", ""]);
  assert.is(n.read("host3", "asked4.count"), "0");
  assert.is(n.read("xtr3", "peers.table"), "");
  n.close();
});

test("hosts of other sites than the ranges have are not taken up", async () => {
  const n = await MobilityNetwork.make({ ranges: "192.168.3.0/24 192.168.3.1" });
  await n.plug(2);
  n.run(3);
  n.ping("mobile", "192.168.1.10", "192.168.3.10", 1);
  assert.equal([n.read("xtr2", "mobility.asked"), n.read("xtr2", "mobility.table")], ["0", ""]);
  n.close();
});

test("a tunnel router with a wrong key takes nobody's host away", async () => {
  const n = await MobilityNetwork.make({ secret2: "another" });
  await n.plug(2);
  n.run(3);
  n.ping("mobile", "192.168.1.10", "192.168.3.10", 1);
  assert.match(n.read("xtr2", "mobility.table"), /^192\.168\.1\.10 here /);
  assert.ok(n.number("ms", "ms.bad_authentication") > 0);
  assert.not.ok(registered(n).some((line) => line.startsWith("192.168.1.10/32")));
  assert.is(n.read("xtr1", "mobility.table"), "");
  n.close();
});

test("a host that is switched off is asked for, given up, and its home has it again", async () => {
  const n = await MobilityNetwork.make({ ranges: RANGES });
  await n.plug(2);
  n.run(3);
  n.ping("mobile", "192.168.1.10", "192.168.3.10", 0.2);
  // It is silent for an hour, but answers: it stays.
  n.run(3600);
  assert.match(n.read("xtr2", "mobility.table"), /^192\.168\.1\.10 here /);
  assert.is(n.read("xtr2", "mobility.losses"), "0");
  n.unplug();
  n.run(70);
  assert.equal([n.read("xtr2", "mobility.table"), n.read("xtr2", "mobility.losses")], ["", "1"]);
  assert.not.ok(registered(n).some((line) => line.startsWith("192.168.1.10/32")));
  assert.is(n.read("xtr1", "mobility.table"), "");
  await n.plug(1);
  n.run(1);
  allAnswered(n, 4, "at home");
  n.close();
});

test.run();
