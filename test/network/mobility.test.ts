// timeout: 600
// A host that moves between two sites while it pings, in network namespaces: conf/xtr.click and conf/map-server.click as
// processes, the host a kernel's own. How long it was not heard of, and how many pings that cost, is printed.

import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { startAllowance } from "../lag.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { MovingGuest } from "./moving-guest.js";
import { ended, namespacesRefused } from "./namespaces.js";
import { ping } from "./ping.js";
import { waitForPing } from "./xtr-network.js";

const refused = namespacesRefused();
const tests = suite("a host that moves, in namespaces");
const test = skipUnless(refused === null, refused ?? "", tests);
/** Seconds between pings. */
const EVERY = 0.02;

let lab: MovingGuest;

interface Pings {
  readonly sent: number;
  readonly received: number;
  /** Longest time between two answers, milliseconds; and how long it may be. */
  readonly gap: number;
  readonly allowed: number;
}

/** How many pings are to be answered before the host moves, and how many more once it has. */
const GO_ON = 30;
/** Milliseconds that it may be unheard of: a kernel asks for its neighbours once in a second. */
const SILENCE = 4000;

/** Pings from one host for as long as `during` takes; they are answered before it begins, and again after it. */
async function pings(from: string, to: string, during: () => Promise<void>): Promise<Pings> {
  const child = lab.network.start(from, "ping", ["-D", "-i", String(EVERY), "-W", "1", to]);
  const done = ended(child);
  let said = "";
  child.stdout!.on("data", (text) => (said += text));
  const answers = (): number[] =>
    [...said.matchAll(/^\[(\d+\.\d+)\] \d+ bytes from /gm)].map((m) => Number(m[1]) * 1000);
  const more = async (): Promise<void> => {
    const before = answers().length;
    await until(() => answers().length >= before + GO_ON, `pings from ${from} to ${to} are answered`);
  };
  await more();
  const allowance = startAllowance();
  await during();
  await more();
  const allowed = SILENCE + allowance();
  child.kill("SIGINT");
  const { out } = await done;
  const times = answers();
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(out)!;
  const gap = Math.max(...times.slice(1).map((t, i) => t - times[i]));
  return { sent: Number(sent), received: Number(received), gap, allowed };
}

if (refused === null) {
  tests.before(async () => {
    const trust = "key 1:moves eid 192.168.1.0/24 eid fd01::/64 at 10.0.0.0/24 at fd00::/64";
    lab = await MovingGuest.start("mobility", { CHANGE_PRIORITY: trust }, (n, folder) => ({
      CHANGE_PRIORITY_STATE: join(folder, `nonces${n}`),
    }));
  });
  tests.after(() => lab.close());
}

const FAMILIES = [
  ["IPv4", "192.168.1.10", "192.168.1.11", "192.168.2.10", "/32"],
  ["IPv6", "fd01::10", "fd01::11", "fd02::10", "/128"],
] as const;

for (const [family, guest, home, host2, length] of FAMILIES) {
  const table = (n: number): Promise<string> => lab.xtrs.get(n)!.read("mobility.table");
  const says = (n: number, state: string) => (): Promise<boolean> => lab.says(n, guest, state);
  const report = (what: string, { sent, received, gap }: Pings): void =>
    console.log(
      `${family} ${what}: ${sent - received} of ${sent} pings lost, no answer for ${gap.toFixed(0)} ms`,
    );

  test(`a host's pings go on when it is moved to another site, ${family}`, async () => {
    waitForPing(lab.network, "guest", home);
    waitForPing(lab.network, "guest", host2);
    const result = await pings("guest", host2, async () => {
      lab.move(1, 2);
      await until(says(2, "here"), `${guest} is at site 2`);
      await until(says(1, "away"), `site 1 knows`);
    });
    report("goes visiting, pings a host of the site that it visits", result);
    assert.ok(result.gap < result.allowed, JSON.stringify(result));
    assert.match(
      await lab.mapServer.read("ms.registrations", `${guest}${length}`),
      new RegExp(`^${guest}${length} 10\\.0\\.0\\.2/`),
    );
  });

  test(`away from home it is reached from there, and reaches it, ${family}`, async () => {
    waitForPing(lab.network, "home", guest);
    waitForPing(lab.network, "guest", home);
    for (const [from, to] of [
      ["home", guest],
      ["guest", home],
      ["host2", guest],
    ])
      ping(lab.network, from, to, 20, { interval: 0.05 });
  });

  test(`its pings go on when it returns, ${family}`, async () => {
    const result = await pings("guest", home, async () => {
      lab.move(2, 1);
      await until(says(1, "returned"), `${guest} is home`);
      await until(says(2, "away"), `site 2 knows`);
    });
    report("goes home, pings a host there", result);
    assert.ok(result.gap < result.allowed, JSON.stringify(result));
    // Registered by itself only until all know.
    await until(
      async () => !(await lab.mapServer.read("ms.registrations")).includes(`${guest}${length}`),
      "only the site's prefix is registered",
    );
    assert.not.match(await table(1), new RegExp(`^${guest} `, "m"));
    waitForPing(lab.network, "host2", guest);
  });
}

/** Has xtr1 say it, as who speaks for hypervisors would, and waits for what is answered. */
async function told(rloc: string, event: string, eid: string, other: string): Promise<void> {
  const outcomes = (n: number): Promise<string> => lab.xtrs.get(n)!.read("changes.outcomes");
  const before = await outcomes(1);
  await lab.xtrs.get(1)!.write("changes.send", `${rloc} hypervisor ${event} ${eid} ${other}`);
  await until(async () => (await outcomes(1)) !== before, `${event} is answered`);
  assert.match((await outcomes(1)).split("\n").at(-1)!, /: done$/);
}

test("a host that says nothing moves by Change-Priority messages, over RLOCs of either family, and over a restart", async () => {
  for (const [eid, length, rlocs] of [
    ["192.168.1.77", 32, ["10.0.0.1", "10.0.0.2"]],
    ["fd01::77", 128, ["fd00::1", "fd00::2"]],
  ] as const) {
    await told(rlocs[1], "arrived", eid, rlocs[0]);
    const table = (n: number): Promise<string> => lab.xtrs.get(n)!.read("mobility.table");
    // N to xtr1, and its reply, which names no peers.
    await until(async () => (await table(1)).includes(`${eid} away - `), "site 1 has let it go");
    assert.ok((await table(2)).includes(`${eid} here `));
    assert.ok(
      (await lab.xtrs.get(2)!.read("changes.outcomes")).includes(
        `${rlocs[0]} new arrived ${eid}/${length}: done`,
      ),
    );
    const line = new RegExp(`^${eid}/${length} 10\\.0\\.0\\.2/`);
    await until(
      async () => line.test(await lab.mapServer.read("ms.registrations", `${eid}/${length}`)),
      "it is registered",
    );
  }
  // The nonces of another run go on, and are taken.
  await lab.xtrs.get(1)!.kill();
  lab.xtrs.get(1)!.restart();
  await lab.xtrs.get(1)!.running();
  await told("10.0.0.2", "left", "192.168.1.77", "10.0.0.1");
  assert.ok((await lab.xtrs.get(2)!.read("mobility.table")).includes("192.168.1.77 away - "));
  assert.is(await lab.xtrs.get(2)!.read("changes.replay"), "0");
});

tests.run();
