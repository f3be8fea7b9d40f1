// timeout: 300
// sluice fmc, with conf/services/follow-me-cloud.yaml in real time: what its controller knows, and what it is told to do.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { until } from "../until.js";
import { OwnService } from "./own-service.js";
import { type Outcome, sluice } from "./sluice.js";

const cloud = new OwnService("follow-me-cloud");
const fmc = (...words: string[]): Promise<Outcome> => sluice(["fmc", ...words, ...cloud.words]);
const json = async (...words: string[]): Promise<unknown> => {
  const { code, out, err } = await fmc(...words, "--json");
  assert.is(code, 0, err);
  return JSON.parse(out);
};

test.before(async () => {
  const up = await sluice(["up", "-d", cloud.file, ...cloud.words]);
  assert.is(up.code, 0, up.err);
  // Where its user and its machine are has to be known.
  await until(
    async () => /north/.test((await fmc("users")).out) && / dc1 +dc1 /.test((await fmc("services")).out),
  );
});

test.after(() => cloud.close());

test("users and services are listed with where they are", async () => {
  const users = await fmc("users");
  assert.match(
    users.out,
    /^USER +NETWORK +LOCATORS +SINCE +MOVES +USES\nuser1 +north +10\.0\.0\.1 +[\d.]+ s +0 +video\n$/,
  );
  const services = await fmc("services");
  assert.match(services.out, /^video +- +vm1 +dc1 +dc1 +10\.0\.0\.3 +[\d.]+ s +-$/m);
  const [service] = (await json("services")) as {
    name: string;
    vms: { name: string; registered: unknown[] }[];
  }[];
  assert.equal([service.name, service.vms[0].name, service.vms[0].registered.length], ["video", "vm1", 2]);
  const [user] = (await json("users")) as { name: string; moves: number }[];
  assert.equal([user.name, user.moves], ["user1", 0]);
});

test("decisions are listed, and why tells all of one: of the last, unless its number is given", async () => {
  assert.match(
    (await fmc("decisions")).out,
    /^N +AT +SERVICE .*\n1 +[\d.]+ +video +user1 seen +nearest +stay /,
  );
  const last = await fmc("why");
  assert.match(last.out, /^decision 1 at /);
  assert.is((await fmc("why", "1")).out, last.out);
  assert.equal(((await json("why")) as { migrations: unknown[] }).migrations, []);
  const [decision] = (await json("decisions")) as { number: number; transfers: unknown[] }[];
  assert.equal([decision.number, decision.transfers], [1, []]);
});

test("migrate waits for the end and tells of it; status and why --migration have the steps", async () => {
  assert.is((await fmc("status")).out, "no migrations\n");
  const { code, out, err } = await fmc("migrate", "vm1", "dc2", "--arm", "c1", "--why", "for a test");
  assert.equal([code, out], [0, ""], err);
  assert.match(err, /^vm1 dc1 to dc2: settled$/m);
  assert.match(
    (await fmc("status")).out,
    /^1 +vm1 +dc1 +dc2 +c1 +settled +\d+ s ago +[\d.]+ s +\S+ +for a test$/m,
  );
  const steps = (await fmc("why", "1", "--migration")).out;
  assert.match(steps, /^migration 1: vm1 from dc1 to dc2, arm c1: settled$/m);
  assert.match(steps, /resumed +controller +F14\.5 F15\.4 +tells the routers of dc2: arrived/);
  assert.match((await fmc("services")).out, /^video +- +vm1 +dc2 /m);
  const status = (await json("status")) as { acting: boolean; migrations: { vm: string; state: string }[] };
  assert.equal([status.acting, status.migrations.map((m) => [m.vm, m.state])], [true, [["vm1", "settled"]]]);
});

test("a machine that is pinned does not migrate; pin --undo lets it go, drain sends it away", async () => {
  assert.is((await fmc("pin", "vm1")).code, 0);
  assert.match((await fmc("services")).out, /pinned$/m);
  const refused = await fmc("migrate", "vm1", "dc1");
  assert.equal([refused.code, refused.err], [1, "'vm1' is pinned to dc2\n"]);
  assert.is((await fmc("pin", "vm1", "--undo")).code, 0);
  assert.is((await fmc("drain", "dc2")).code, 0);
  await until(async () => /^2 +vm1 +dc2 +dc1 +e +settled /m.test((await fmc("status")).out));
  assert.match((await fmc("why")).out, /service video: drained\n[\s\S]*^migration 2: vm1 from dc2 to dc1/m);
  assert.is((await fmc("drain", "dc2", "--undo")).code, 0);
  const begun = await fmc("migrate", "vm1", "dc2", "--detach");
  assert.equal([begun.code, begun.err], [0, ""]);
});

test("what is not there is named, with what may be meant", async () => {
  for (const [words, what] of [
    [["migrate", "vm2", "dc1"], "there is no virtual machine 'vm2' (is it 'vm1'?)"],
    [["migrate", "vm1", "paris"], "there is no data centre 'paris' (there are dc1, dc2)"],
    [["migrate", "vm1", "dc1", "--arm", "f"], "there is no arm 'f': it is one of a, b, c1, c2, d, e"],
    [["pin", "wm1"], "there is no virtual machine 'wm1' (is it 'vm1'?)"],
    [["drain", "dc11"], "there is no data centre 'dc11' (is it 'dc1'?)"],
    [["why", "99"], "decision 99 is not kept, or was never made"],
    [["why", "99", "--migration"], "migration 99 is not kept (any more)"],
    [["users", "--function", "ms"], "ms is no controller, or does not run: it has no FMCCatalogue"],
  ] as const) {
    const { code, err } = await fmc(...words);
    assert.equal([code, err], [1, `${what}\n`]);
  }
  assert.match(
    (await fmc("users", "--function", "nobody")).err,
    /^there is no function 'nobody' \(there are: .*fmc/,
  );
});

test("wrong words are told with the usage", async () => {
  for (const [words, what] of [
    [["why", "one"], /one.* is no number/],
    [["why", "--migration"], /the number of a migration is missing/],
    [["migrate", "vm1"], /expected a virtual machine and a data centre/],
    [["status", "all"], /all.* is one word too many/],
    [["nothing"], /there is no command .*nothing.*; it is one of status, users/],
  ] as const) {
    const { code, err } = await sluice(["fmc", ...words]);
    assert.is(code, 1);
    assert.match(err, what);
  }
});

test.run();
