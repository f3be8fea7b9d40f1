// timeout: 300
// What a migration costs those who talk with the virtual machine, and when the tunnel routers know of it, by arm.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { AGENT, type DataCentre, FollowMeCloud, ROUTER } from "./cloud.js";

const OTHER: Readonly<Record<DataCentre, DataCentre>> = { dc1: "dc2", dc2: "dc1" };

/** Seconds from RESUME until the tunnel routers of both ends hear where the EIDs are. */
async function controlTimes(
  cloud: FollowMeCloud,
  number: number,
  to: DataCentre,
  arm: "c1" | "c2",
): Promise<{ readonly target: number; readonly source: number }> {
  const from = cloud.now;
  await cloud.migrate(number, to, arm);
  const resume = cloud.first(new RegExp(`^vm1 migration \\S+ at ${to}: resumed$`), from, cloud.told).at;
  const [target, source] = [ROUTER[to], ROUTER[OTHER[to]]];
  const arrived = cloud.first(new RegExp(`^fmc to ${target}: hypervisor arrived `), resume).at;
  const told = arm === "c1" ? `fmc to ${source}: hypervisor left ` : `${target} to ${source}: new arrived `;
  return { target: arrived - resume, source: cloud.first(new RegExp(`^${told}`), resume).at - resume };
}

/** Round-trip times, ms: between the controller and data centre 2's agent (R), the tunnel routers of both. */
const CASES = [
  { name: "as in Fig. 5", r: 5, xtr3: 1, xtr4: 10 },
  { name: "Fig. 6, case 1", r: 60, xtr3: 100, xtr4: 10 },
  { name: "Fig. 6, case 2", r: 60, xtr3: 50, xtr4: 50 },
];
const BETWEEN = 10;
const R1 = 1;

test("tunnel routers know at R/2 + RTT/2 after RESUME (c1); by the target's, half a round trip later (c2)", async () => {
  const cloud = await FollowMeCloud.up({ fmc: { POLICY: "never" } });
  // There and back: hosts of the core know each other's hardware addresses from then on.
  await cloud.migrate(1, "dc2", "c1");
  await cloud.migrate(2, "dc1", "c2");
  let number = 2;
  for (const { name, r, xtr3, xtr4 } of CASES) {
    await cloud.times({ "fmc-agent2": r / 1e3, "fmc-xtr3": xtr3 / 1e3, "fmc-xtr4": xtr4 / 1e3 });
    for (const arm of ["c1", "c2"] as const)
      for (const to of ["dc2", "dc1"] as const) {
        const [near, far] = to === "dc2" ? [xtr4, xtr3] : [xtr3, xtr4];
        const half = (to === "dc2" ? r : R1) / 2;
        const target = half + near / 2;
        const source = arm === "c1" ? half + far / 2 : target + BETWEEN / 2;
        const found = await controlTimes(cloud, ++number, to, arm);
        for (const [which, expected] of Object.entries({ target, source })) {
          const ms = found[which as keyof typeof found] * 1e3;
          assert.ok(
            Math.abs(ms - expected) < 1,
            `${name}, ${arm} to ${to}: ${which} ${ms} ms, not ${expected} ms`,
          );
        }
      }
  }
  await cloud.end();
});

test("an agent's tunnel router knows at once: the target's at RESUME (b, e), the source's at STOP (e)", async () => {
  const cloud = await FollowMeCloud.up({ fmc: { POLICY: "never" } });
  // Of the link between the two, one way; there and back where that is the first packet.
  const beside = 10e-6;
  for (const [i, arm] of (["b", "e", "b", "e"] as const).entries()) {
    const to = i % 2 === 0 ? "dc2" : "dc1";
    const from = cloud.now;
    await cloud.migrate(i + 1, to, arm);
    const event = (at: DataCentre, kind: string): number =>
      cloud.first(new RegExp(`^vm1 migration \\S+ at ${at}: ${kind}$`), from, cloud.told).at;
    const heard = (at: DataCentre, kind: string): number =>
      cloud.first(new RegExp(`^${AGENT[at]} to ${ROUTER[at]}: hypervisor ${kind} `), from).at;
    const target = heard(to, "arrived") - event(to, "resumed");
    assert.ok(target > 0 && target < 3.5 * beside, `${arm}: the target's ${target} s after RESUME`);
    if (arm === "b") continue;
    const source = heard(OTHER[to], "left") - event(OTHER[to], "stopped");
    assert.ok(source > 0 && source < 3.5 * beside, `${arm}: the source's ${source} s after STOP`);
  }
  await cloud.end();
});

interface Account {
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
}

/** What became of numbered streams of both families, to the user and to the virtual machine, over a migration. */
async function accounts(
  cloud: FollowMeCloud,
  number: number,
  to: DataCentre,
  arm: string,
): Promise<Account[]> {
  for (const host of ["user1", "vm1"]) await cloud.write(host, "numbered.reset");
  await cloud.run(0.3);
  await cloud.migrate(number, to, arm);
  await cloud.run(1);
  const found: Account[] = [];
  for (const host of ["user1", "vm1"]) {
    assert.is(await cloud.number(host, "numbered.streams"), 2);
    const count = (name: string): Promise<number> => cloud.number(host, `numbered.${name}`);
    const [lost, doubled, reordered] = await Promise.all([
      count("lost"),
      count("doubled"),
      count("reordered"),
    ]);
    found.push({ lost, doubled, reordered });
  }
  return found;
}

test("numbered streams between user and machine: arm e loses none and doubles none; c1 loses what the paper's wait costs", async () => {
  const cloud = await FollowMeCloud.up({
    fmc: { POLICY: "never" },
    hosts: { NUMBERED4: "500", NUMBERED6: "500", PING: "3600" },
  });
  await cloud.move(2);
  await cloud.run(2);
  let number = 0;
  for (const to of ["dc2", "dc1", "dc2"] as const)
    for (const { lost, doubled } of await accounts(cloud, ++number, to, "e"))
      assert.equal([lost, doubled], [0, 0], `e to ${to}`);
  for (const to of ["dc1", "dc2"] as const)
    for (const { lost, doubled } of await accounts(cloud, ++number, to, "c1")) {
      assert.is(doubled, 0);
      // Of both families, 2 ms apart: what it sends, and what comes for it, until the tunnel router there knows.
      assert.ok(lost > 0 && lost <= 60, `c1 to ${to}: ${lost} lost`);
    }
  await cloud.end();
});

test("Fig. 5: pings take 12 ms, 250 ms once the user has moved, and 3 ms when the machine has followed", async () => {
  const cloud = await FollowMeCloud.up({ fmc: { BANDWIDTH: "2Mbps" } });
  /** Milliseconds. */
  const ping = async (what: "min" | "max"): Promise<number> =>
    1e3 * Number.parseFloat(await cloud.read("user1", `ping.rtt_${what}`));
  const pings = async (): Promise<number[]> => {
    await cloud.write("user1", "ping.reset_counts");
    await cloud.run(2.2);
    return [await ping("min"), await ping("max")];
  };
  const near = (found: readonly number[], ms: number): void => {
    for (const rtt of found) assert.ok(Math.abs(rtt - ms) < 0.1, `${found} ms, not ${ms} ms`);
  };
  near(await pings(), 12);
  await cloud.move(2);
  await cloud.until("a ping comes back", async () => (await cloud.number("user1", "answers.count")) > 1);
  near([await ping("min")], 250);
  await cloud.settled(1);
  await cloud.run(0.5);
  near(await pings(), 3);
  await cloud.end();
});

test.run();
