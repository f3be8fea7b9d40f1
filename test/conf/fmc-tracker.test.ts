// A Follow-Me Cloud controller's knowledge of its users, in simulated time: conf/map-server.click, three sites with
// conf/xtr.click, and a host that moves between them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DecisionOffer, MobilityTrackerOffer } from "../../src/cloud/offers.js";
import type { UserMove } from "../../src/cloud/users/tracker.js";
import { addressText } from "../../src/net/address.js";
import { MobilityNetwork, type Options } from "./mobility-network.js";

/** Of each link, seconds; between two at the core there are two links. */
const LINK = 0.001;

const controller = (more = "", entries = ""): string => `
require(library control-host.click);
users :: FMCCatalogue(access one at 48 2 rloc 10.0.0.1, access two at 45 5 rloc 10.0.0.2, dc three at 43 5 rloc 10.0.0.3,
  dc four at 48 2 rloc 10.0.0.4,
  service s, vm v service s dc three eid 192.168.3.10 eid fd03::10,
  user alice eid 192.168.1.10 eid fd01::10 use s ${entries});
where :: FMCMobilityTracker(users, RLOC $RLOC4, RLOC $RLOC6, MAP_RESOLVER 10.0.0.100, PUBSUB_KEY shared ${more}) -> to_core;
decide :: FMCDecision(users, where, POLICY always);
control [3] -> where; where [1] -> others :: Discard;
control [1] -> [1] where; where [2] -> Discard;
control [0], control [2], control [4], control [5] -> Discard;
`;
const SUBNETS = ", EIDS 192.168.1.0/24, EIDS fd01::/64";

interface Told extends UserMove {
  /** Simulated seconds. */
  readonly at: number;
}

async function network(
  more = SUBNETS,
  options: Options = {},
): Promise<{ readonly n: MobilityNetwork; readonly told: Told[] }> {
  const n = await MobilityNetwork.make({ controller: controller(more), pubsubKey: "shared", ...options });
  return { n, told: listen(n) };
}

function listen(n: MobilityNetwork): Told[] {
  const told: Told[] = [];
  const tracker = n.router("controller").find("where")!.offers().FMCMobilityTracker as MobilityTrackerOffer;
  tracker.onMove((move) => told.push({ ...move, at: n.simulation.clock.now() / 1e9 }));
  return told;
}

const placesOf = (told: readonly Told[]): string[] =>
  told.map(({ from, to }) => `${from?.network?.name ?? "-"} to ${to?.network?.name ?? "-"}`);

/** Runs in steps of 10 µs until the Map-Server has a text among its registrations; the simulated second. */
function registeredAt(n: MobilityNetwork, text: RegExp): number {
  for (let i = 0; i < 1e5; i++) {
    if (text.test(n.read("ms", "ms.registrations"))) return n.simulation.clock.now() / 1e9;
    n.run(1e-5);
  }
  throw new Error(`nobody registered ${text}`);
}

test("a user that moves to another subnet is known there one way of the links after the Map-Server knows it", async () => {
  for (const more of [SUBNETS, ""]) {
    const { n, told } = await network(more);
    await n.plug(1);
    n.run(5);
    assert.equal(placesOf(told), ["- to one"]);
    await n.plug(2);
    n.send("mobile", "192.168.1.10", "192.168.3.10");
    const known = registeredAt(n, /192\.168\.1\.10\/32 10\.0\.0\.2/);
    n.run(0.1);
    assert.equal(placesOf(told), ["- to one", "one to two"]);
    const [, move] = told;
    assert.ok(Math.abs(move.at - known - 2 * LINK) < 5e-5, `${move.at - known} s`);
    assert.equal([move.user, move.moves, addressText(move.eid.eid.address)], ["alice", 1, "192.168.1.10"]);
    assert.equal([move.to!.at, move.to!.length], [{ latitude: 45, longitude: 5 }, 32]);
    // Its other address comes to the same place: that is no news.
    n.send("mobile", "fd01::10", "fd03::10");
    n.run(1);
    assert.is(told.length, 2);
    assert.match(
      n.read("controller", "where.users"),
      /^alice access:two 10\.0\.0\.2\/1\/100 [\d.]+ 1 (192\.168\.1\.10\/32|fd01::10\/128)$/,
    );
    await n.plug(3);
    n.send("mobile", "fd01::10", "fd02::10");
    n.run(1);
    await n.plug(1);
    n.send("mobile", "192.168.1.10", "192.168.3.10");
    n.run(3);
    assert.equal(placesOf(told).slice(2), ["two to three", "three to one"]);
    n.close();
  }
});

test("which site has a virtual machine's EID is known, whether as a host of its own or by its subnet", async () => {
  const { n } = await network();
  n.run(5);
  assert.equal(
    n
      .read("controller", "where.vms")
      .replace(/ [\d.]+ (\d+)(?=\n|$)/g, " $1")
      .split("\n"),
    ["v 192.168.3.10/32 dc:three 10.0.0.3/1/100 24", "v fd03::10/128 dc:three 10.0.0.3/1/100 64"],
  );
  const json = JSON.parse(n.read("controller", "where.users_json"));
  assert.equal(
    [json.name, json.where.network, json.where.locators, json.eids.length, json.moves],
    ["alice", { kind: "access", name: "one" }, [{ rloc: "10.0.0.1", priority: 1, weight: 100 }], 2, 0],
  );
  n.close();
});

test("a controller in an IPv6 core is told as well", async () => {
  const six = controller(SUBNETS).replace(
    "RLOC $RLOC4, RLOC $RLOC6, MAP_RESOLVER 10.0.0.100",
    "RLOC $RLOC6, MAP_RESOLVER fd00::100",
  );
  const { n, told } = await network(SUBNETS, { controller: six });
  await n.plug(1);
  n.run(5);
  await n.plug(2);
  n.send("mobile", "fd01::10", "fd03::10");
  n.run(1);
  assert.equal(placesOf(told), ["- to one", "one to two"]);
  assert.is(addressText(told[1].eid.eid.address), "fd01::10");
  n.close();
});

test("the decision falls at the moment at which the move is known, and says why", async () => {
  const { n, told } = await network();
  const at: number[] = [];
  const decision = n.router("controller").find("decide")!.offers().FMCDecision as DecisionOffer;
  decision.onDecision(() => at.push(n.simulation.clock.now() / 1e9));
  await n.plug(1);
  n.run(5);
  await n.write("controller", "users.place", "v four");
  await n.plug(2);
  n.send("mobile", "192.168.1.10", "192.168.3.10");
  n.run(1);
  assert.equal(
    at.map((second) => second.toFixed(6)),
    told.map((move) => move.at.toFixed(6)),
  );
  assert.match(
    n.read("controller", "decide.decisions"),
    /^1 .* seen alice s migrate v:three>four four: 0\.0 km to the users, not \d+ km\n2 .* moved alice s migrate v:four>three three: 222 km to the users, not \d+ km$/,
  );
  n.close();
});

test("a user in a network that is named later counts from then on", async () => {
  const { n } = await network();
  await n.write("controller", "users.remove", "access one");
  await n.plug(1);
  n.run(5);
  await n.write("controller", "users.place", "v four");
  await n.write("controller", "decide.decide", "s");
  n.run(0.1);
  await n.write("controller", "users.add", "access uno at 43 5 rloc 10.0.0.1");
  n.run(0.1);
  await n.write("controller", "decide.decide", "s");
  n.run(0.1);
  const lines = n.read("controller", "decide.decisions").split("\n");
  assert.match(lines.at(-2)!, /asked - s stay - nothing nearer to the users than an unknown distance/);
  assert.match(lines.at(-1)!, /asked - s migrate v:four>three three: 0\.0 km/);
  n.close();
});

test("a Map-Server that has forgotten the subscriptions is asked again: nothing stays unknown for longer than RENEW", async () => {
  const { n, told } = await network(`${SUBNETS}, RENEW 20`);
  await n.plug(1);
  n.run(5);
  await n.restartMapServer();
  await n.plug(2);
  n.send("mobile", "192.168.1.10", "192.168.3.10");
  n.run(10);
  assert.is(told.length, 1);
  n.run(11);
  assert.equal(placesOf(told), ["- to one", "one to two"]);
  n.close();
});

test("a controller with another key is told nothing", async () => {
  const { n, told } = await network(SUBNETS, { pubsubKey: "other" });
  n.run(30);
  assert.equal([told.length, n.number("controller", "where.answers")], [0, 0]);
  assert.ok(n.number("controller", "others.count") > 0);
  n.close();
});

test.run();
