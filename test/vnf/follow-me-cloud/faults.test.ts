// timeout: 300
// Whatever crashes, at whichever step of a migration: afterwards the machine runs at one data centre, that site alone has its
// EIDs, and user and machine reach each other.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { FollowMeCloud, ROUTER, VM } from "./cloud.js";

/** What arrives when a step has begun (arm e). */
const STEPS: Readonly<Record<string, RegExp>> = {
  armed: /^fmc to xtr3: hypervisor leaving /,
  requested: /^fmc to agent1: request migrate$/,
  running: /^agent2 to fmc: event incoming$/,
  stopped: /^agent1 to xtr3: hypervisor left /,
  resumed: /^agent2 to xtr4: hypervisor arrived /,
};
const FUNCTIONS: readonly string[] = ["fmc", "ms", "agent1", "agent2", "xtr3", "xtr4", "xtr2"];
/** Of the five steps each function crashes at so many, of which the first moves on with the function: five take 14 s. */
const STEPS_EACH = 2;
/** Seconds until all is as it should be: restarts, and what is asked for again. */
const CALM = 16;

/** Seconds for which user and machine hear nothing of each other at most: one waits for the other no longer than 2 s. */
const LONGEST = 2;
/** Packets a second of each numbered stream. */
const RATE = "100";

/** The data centres whose tunnel router has an EID as its own. */
async function hosting(cloud: FollowMeCloud, eid: string): Promise<string[]> {
  const found: string[] = [];
  for (const [dc, router] of Object.entries(ROUTER)) {
    const lines = (await cloud.read(router, "mobility.table")).split("\n");
    const line = lines.find((l) => l.startsWith(`${eid} `));
    // Nothing is known of a host that has never left its home.
    if (line === undefined ? dc === "dc1" : / (here|returned) /.test(line)) found.push(dc);
  }
  return found;
}

/** One site has the EIDs, which is where the machine runs, and the user reaches it. */
async function isWell(cloud: FollowMeCloud, what: string): Promise<void> {
  const at = cloud.service.guests.at("vm1");
  for (const eid of Object.values(VM))
    assert.equal(await hosting(cloud, eid), [at], `${what}: who has ${eid}`);
  assert.match(await cloud.read("fmc", "migration.running"), /^0$/, what);
  for (const counter of ["answers.count", "answers6.count"]) {
    const before = await cloud.number("user1", counter);
    await cloud.run(2);
    assert.ok((await cloud.number("user1", counter)) >= before + 3, `${what}: ${counter}`);
  }
}

/** Seconds of the longest time without a packet of the IPv4 stream to a host. */
async function longestGap(cloud: FollowMeCloud, host: string): Promise<number> {
  const streams: readonly {
    readonly source: string;
    readonly longest_gap: number;
    readonly silent: number;
  }[] = JSON.parse(await cloud.read(host, "numbered.report", "--json"));
  const { longest_gap, silent } = streams.find(({ source }) => source.includes("."))!;
  return Math.max(longest_gap, silent);
}

test("a crash of any function at any step leaves one site that has the machine's EIDs, and it is reached", async () => {
  for (const [i, name] of FUNCTIONS.entries())
    for (const [k, [step, message]] of Object.entries(STEPS).entries()) {
      if ((i + k) % Object.keys(STEPS).length >= STEPS_EACH) continue;
      const cloud = await FollowMeCloud.up({
        fmc: { STORE: "lmdb:catalogue", MIGRATIONS: "lmdb:migrations" },
        ms: { STORE: "lmdb:registrations" },
        hosts: { NUMBERED4: RATE },
      });
      await cloud.move(2);
      await cloud.message(message);
      cloud.service.inject({ kind: "crash", function: name });
      await cloud.run(CALM);
      for (const host of ["vm1", "user1"]) {
        const gap = await longestGap(cloud, host);
        assert.ok(gap <= LONGEST, `${name} at ${step}: ${host} heard nothing for ${gap} s`);
      }
      await isWell(cloud, `${name} at ${step}`);
      await cloud.end();
    }
});

test("a user that comes back while the machine is copied: that is cancelled, and leaves no trace", async () => {
  const cloud = await FollowMeCloud.up();
  await cloud.move(2);
  await cloud.message(STEPS.running);
  await cloud.move(1);
  await cloud.until("it is cancelled", async () => (await cloud.state(1)) === "cancelled");
  await cloud.run(CALM);
  await isWell(cloud, "afterwards");
  assert.is(cloud.service.guests.at("vm1"), "dc1");
  for (const router of Object.values(ROUTER)) {
    assert.is(await cloud.read(router, "mobility.table"), "", router);
    assert.is(await cloud.read(router, "changes.table"), "", router);
  }
  const registered = await cloud.read("ms", "ms.registrations");
  for (const eid of Object.values(VM)) assert.not.match(registered, new RegExp(`^${eid}/`, "m"));
  await cloud.end();
});

test.run();
