// timeout: 300
// A user goes to another subnet, and its virtual machine follows: the steps of the paper (its sections III-A to III-C, Figs. 3
// and 4) as messages between the functions of follow-me-cloud.yaml, and what holds afterwards.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DataCentre, FollowMeCloud, ROUTER, VM } from "./cloud.js";

/** What each message is in the paper (III-A the scenario, III-B and Fig. 3 the migration, III-C and Fig. 4 the decision). */
const STEPS: readonly (readonly [name: string, message: RegExp])[] = [
  [
    "the tunnel router of subnet 2 tells MR/MS of the movement (F13.2)",
    /^xtr2 to ms: map-register 192\.168\.1\.10\/32/,
  ],
  [
    "MR/MS tells the controller where the user is (F13.3, F14.1)",
    /^ms to fmc: map-notify 192\.168\.1\.10\/32/,
  ],
  [
    "the controller asks who is in charge of the source's domain (F14.3)",
    /^fmc to ms: map-request 192\.168\.3\.0\/24/,
  ],
  ["and of the target's (F14.3)", /^fmc to ms: map-request 192\.168\.4\.0\/24/],
  ["MR/MS answers (F14.3)", /^ms to fmc: map-reply 192\.168\.4\.0\/24/],
  ["it asks the source's hypervisor to migrate (F13.5, F14.4, F15.1)", /^fmc to agent1: request migrate/],
  ["which does so (F15.2)", /^agent1 to fmc: event started/],
  [
    "the virtual machine runs at the target, the controller hears (F13.6, F15.3)",
    /^agent2 to fmc: event resumed/,
  ],
  [
    "the source's tunnel router is told (F14.5, F15.4)",
    /^fmc to xtr3: hypervisor left 192\.168\.3\.10\/32 fd03::10\/128$/,
  ],
  ["and the target's (F14.5, F15.4)", /^fmc to xtr4: hypervisor arrived 192\.168\.3\.10\/32 fd03::10\/128$/],
  [
    "that one registers the EIDs as hosts (F15.5)",
    /^xtr4 to ms: map-register 192\.168\.3\.10\/32 fd03::10\/128$/,
  ],
  ["MR/MS tells the controller (F13.8, F15.8)", /^ms to fmc: map-notify 192\.168\.3\.10\/32/],
  [
    "the source's tunnel router tells the user's (F13.7, F15.7)",
    /^xtr3 to xtr2: cache left 192\.168\.3\.10\/32/,
  ],
];

/** Items of the paper that the controller's own history of a migration names. */
const ITEMS = ["F13.4", "F13.5", "F13.6", "F13.8", "F13.9", "F14.2", "F14.3", "F14.4", "F14.5"].concat([
  "F15.1",
  "F15.2",
  "F15.3",
  "F15.4",
  "F15.5",
  "F15.6",
  "F15.8",
]);

test("F13, F14, F15: the controller hears, decides, and both tunnel routers are told when the machine runs (arm c1)", async () => {
  const cloud = await FollowMeCloud.up({ fmc: { ARM: "c1" } });
  const from = cloud.now;
  await cloud.move(2);
  await cloud.settled(1);
  await cloud.run(0.5);
  let after = from;
  for (const [name, message] of STEPS) {
    const found = cloud.heard.find(({ at, text }) => at >= after && message.test(text));
    assert.ok(found, `${name}: not after ${after} s`);
    after = found.at;
  }
  // One way of the links after the Map-Server knows it: no more.
  const [[, known], [, told]] = STEPS;
  const late = cloud.first(told, from).at - cloud.first(known, from).at;
  assert.ok(Math.abs(late - 0.001) < 1e-4, `${late} s`);
  const decisions = (await cloud.read("fmc", "decision.decisions")).split("\n");
  assert.match(decisions.at(-1)!, / moved user1 video migrate vm1:dc1>dc2 /);
  const history = await cloud.read("fmc", "migration.history", "1");
  for (const item of ITEMS) assert.match(history, new RegExp(`\\b${item.replace(".", "\\.")}\\b`), item);
  await cloud.end();
});

/** The four requirements of III-B after a migration: the EIDs are at `dc`, as others see it and as it is. */
async function continues(cloud: FollowMeCloud, dc: DataCentre, user: 1 | 2): Promise<void> {
  const there = ROUTER[dc];
  const gone = there === "xtr3" ? "xtr4" : "xtr3";
  const rloc = `10.0.0.${there.slice(3)}`;
  const away = new RegExp(` away .* ${rloc.replaceAll(".", "\\.")}/`);
  const registrations = (await cloud.read("ms", "ms.registrations")).split("\n");
  for (const [eid, length] of [
    [VM[4], 32],
    [VM[6], 128],
  ] as const) {
    const line = async (name: string): Promise<string> =>
      (await cloud.read(name, "mobility.table")).split("\n").find((l) => l.startsWith(`${eid} `)) ?? "";
    // (iii) The mapping system: by the host's own prefix, or at home by the subnet's.
    const own = registrations.filter((l) => l.startsWith(`${eid}/${length} `)).map((l) => l.split(" ")[1]);
    if (dc === "dc1")
      assert.ok(
        own.every((l) => l.startsWith(`${rloc}/`)),
        `${eid}: ${own}`,
      );
    else assert.equal(own, [`${rloc}/1/100`], eid);
    // (ii) The one that has it delivers to it; (iv) the former one does not, and knows where it is.
    assert.not.match(await line(there), / away /, `${eid} at ${there}`);
    if (dc === "dc2") assert.match(await line(there), / here /, `${eid} at ${there}`);
    assert.match(await line(gone), away, `${eid} at ${gone}`);
    // (iii) The user's tunnel router sends there.
    const cached = await cloud.read(`xtr${user}`, "cache.lookup", eid);
    assert.match(cached, new RegExp(`\\b${rloc.replaceAll(".", "\\.")}\\b`), `xtr${user}: ${cached}`);
  }
  // (i) The EIDs are kept: the user reaches the same addresses.
  for (const answers of ["answers.count", "answers6.count"]) {
    const before = await cloud.number("user1", answers);
    await cloud.run(3);
    assert.ok((await cloud.number("user1", answers)) >= before + 5, `${answers} of user1`);
  }
}

test("F16: EIDs are kept, one site claims them, and all know it: after each of three migrations, and home again", async () => {
  const cloud = await FollowMeCloud.up();
  for (const [i, [subnet, dc]] of (
    [
      [2, "dc2"],
      [1, "dc1"],
      [2, "dc2"],
      [1, "dc1"],
    ] as const
  ).entries()) {
    await cloud.move(subnet);
    await cloud.settled(i + 1);
    await cloud.run(1);
    await continues(cloud, dc, subnet);
  }
  assert.is(cloud.service.function("vm1").restarts, 0);
  assert.is(await cloud.number("fmc", "migration.settled"), 4);
  await cloud.end();
});

test("by every arm the machine ends at one site, and all know it", async () => {
  // Arm d is how tunnel routers are configured.
  for (const [by, arms] of [
    ["message", ["a", "b", "c1", "c2", "e"]],
    ["smr", ["d"]],
  ] as const) {
    const cloud = await FollowMeCloud.up({ fmc: { POLICY: "never" }, routers: { CHANGE_PRIORITY_BY: by } });
    for (const [i, arm] of arms.entries()) {
      const dc = i % 2 === 0 ? "dc2" : "dc1";
      await cloud.migrate(i + 1, dc, arm);
      await cloud.run(1);
      await continues(cloud, dc, 1);
    }
    assert.is(
      cloud.heard.some(({ text }) => / cache left /.test(text)),
      by === "message",
    );
    await cloud.end();
  }
});

test.run();
