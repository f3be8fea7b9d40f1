// timeout: 300
// A host that moves between tunnel routers of conf/xtr.click, which are told so by Change-Priority messages of a controller.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MobilityNetwork, type Options } from "./mobility-network.js";

/** The mobile host, and a host of site 3 that talks with it. */
const HOSTS = { 4: ["192.168.1.10", "192.168.3.10"], 6: ["fd01::10", "fd03::10"] } as const;
const LENGTH = { 4: 32, 6: 128 } as const;
type Family = 4 | 6;
const TRUST = "key 9:moves eid any";

/** A controller that says where EIDs are. */
const controller = (trust: string, iid: number): string => `
require(library control-host.click);
Idle -> cache :: LISPMapCache -> Discard;
control [5] -> changes :: LISPChangePriority(cache, RLOC $RLOC4, RLOC $RLOC6, TRUST ${trust}, IID ${iid}) -> to_core;
control [0], control [1], control [2], control [3], control [4] -> Discard;
`;

/** The host is at site 1, and its peer's tunnel router knows just the prefix of that. */
async function atHome(
  family: Family,
  { trust = TRUST, ...options }: Options & { readonly trust?: string } = {},
): Promise<MobilityNetwork> {
  const n = await MobilityNetwork.make({
    controller: controller(trust, options.iid ?? 0),
    ...options,
    site: (i) => ({ CHANGE_PRIORITY: TRUST, ...options.site?.(i) }),
  });
  await n.plug(1);
  n.run(3);
  const [me, far] = HOSTS[family];
  n.ping("host3", far, me, 0.4);
  return n;
}

/** Has the controller say it; what is answered is read later. */
async function say(n: MobilityNetwork, site: number, event: string, eid: string, to?: number): Promise<void> {
  const rloc = to === undefined ? "" : ` 10.0.0.${to}`;
  await n.write("controller", "changes.send", `10.0.0.${site} hypervisor ${event} ${eid}${rloc}`);
}

/** Whom one tunnel router trusts; the others as all do. */
function only(that: boolean, trust: string): Record<string, string> {
  return that ? { CHANGE_PRIORITY: trust } : {};
}

const outcomes = (n: MobilityNetwork): string[] =>
  n
    .read("controller", "changes.outcomes")
    .split("\n")
    .map((line) => line.split(": ").slice(1).join());

/** The sites that host it: where it is here or back, or at home where nobody has it. */
function hosting(n: MobilityNetwork, eid: string): number[] {
  return [1, 2, 3].filter((i) => {
    const line = n
      .read(`xtr${i}`, "mobility.table")
      .split("\n")
      .find((l) => l.startsWith(`${eid} `));
    return line === undefined ? i === 1 : !line.includes(" away ");
  });
}

/** Packets for it that came from site 3 to site 1. */
function viaSource(n: MobilityNetwork, eid: string, iid: number): string | undefined {
  const lines = n.read("xtr1", "peers.table", `${eid} iid ${iid}`).split("\n");
  return lines.find((line) => line.includes(" 10.0.0.3 "))?.split(" ")[3];
}

interface Arm {
  /** Before the host stops at the source; once it runs at the target. */
  readonly before?: (n: MobilityNetwork, eid: string) => Promise<void>;
  readonly after: (n: MobilityNetwork, eid: string) => Promise<void>;
  /** Its statuses. */
  readonly answers: number;
  readonly smr?: boolean;
}

const ARMS: Readonly<Record<string, Arm>> = {
  "b, c2: the target is told, and tells": { after: (n, eid) => say(n, 2, "arrived", eid, 1), answers: 1 },
  "c1: both are told, and the source tells": {
    after: async (n, eid) => {
      await say(n, 2, "arrived", eid);
      await say(n, 1, "left", eid, 2);
    },
    answers: 2,
  },
  "d: both are told, and the source solicits": {
    after: async (n, eid) => {
      await say(n, 2, "arrived", eid);
      await say(n, 1, "left", eid, 2);
    },
    answers: 2,
    smr: true,
  },
  "e: both are told before": {
    before: async (n, eid) => {
      await say(n, 2, "expect", eid);
      await say(n, 1, "leaving", eid, 2);
    },
    after: async (n, eid) => {
      await say(n, 1, "left", eid);
      n.run(0.03);
      await say(n, 2, "arrived", eid);
    },
    answers: 4,
  },
};

for (const [arm, { before, after, answers, smr = false }] of Object.entries(ARMS))
  for (const family of [4, 6] as const)
    for (const iid of family === 4 ? [0, 5] : [0])
      test(`arm ${arm}: IPv${family}${iid === 0 ? "" : `, instance ${iid}`}`, async () => {
        const [me, far] = HOSTS[family];
        const entry = `${me}/${LENGTH[family]}`;
        const n = await atHome(family, {
          iid,
          site: () => ({ CHANGE_PRIORITY_BY: smr ? "smr" : "message" }),
        });
        assert.not.ok(n.read("xtr3", "cache.table").includes(entry));
        await before?.(n, me);
        n.run(0.1);
        assert.equal(hosting(n, me), [1], "to be told before is not to have it");
        const requests = n.number("xtr3", "resolver.requests");
        await n.plug(2);
        await after(n, me);
        n.run(smr ? 4 : 0.05);
        assert.equal(hosting(n, me), [2]);
        assert.match(n.read("xtr3", "cache.table"), new RegExp(`^${entry} 10\\.0\\.0\\.2/1/100 `, "m"));
        assert.is(n.number("xtr3", "resolver.requests") > requests, smr);
        assert.is(n.number("xtr3", "changes.updates"), smr ? 0 : 1);
        const roundabout = viaSource(n, me, iid);
        assert.ok(Number(roundabout) >= 20);
        assert.equal(n.ping("host3", far, me, 0.4), { sent: 20, answered: 20 });
        assert.is(viaSource(n, me, iid), roundabout, "none by way of site 1");
        assert.equal(outcomes(n), Array(answers).fill("done"));
        n.run(2);
        const registered = n.read("ms", "ms.registrations").split("\n");
        assert.equal(registered.filter((line) => line.includes(`${entry} `)).length, 1);
        assert.ok(registered.some((line) => line.includes(`${entry} 10.0.0.2/1/100`)));
        assert.equal(hosting(n, me), [2], "and the mapping system agrees");
        n.close();
      });

test("on to the next site, and home: each time one has it, and the peer knows", async () => {
  const [me, far] = HOSTS[4];
  const n = await atHome(4);
  const move = async (from: number, to: number): Promise<void> => {
    await n.plug(to);
    await say(n, to, "arrived", me, from);
    n.run(0.1);
    assert.equal(hosting(n, me), [to]);
    n.run(3);
    assert.equal(hosting(n, me), [to]);
  };
  await move(1, 2);
  assert.equal(n.ping("host3", far, me, 0.2), { sent: 10, answered: 10 });
  await move(2, 1);
  assert.equal(n.ping("host3", far, me, 0.2), { sent: 10, answered: 10 });
  assert.match(n.read("xtr3", "cache.table"), /^192\.168\.1\.10\/32 10\.0\.0\.1\/1\/100 /m);
  await move(1, 2);
  assert.equal(n.ping("host3", far, me, 0.2), { sent: 10, answered: 10 });
  assert.match(n.read("xtr3", "cache.table"), /^192\.168\.1\.10\/32 10\.0\.0\.2\/1\/100 /m);
  n.close();
});

test("messages of any end that are lost for 0.25 s: sent again, and done once", async () => {
  const [me] = HOSTS[4];
  for (const end of [1, 2, 3, 5]) {
    const n = await atHome(4);
    await n.plug(2);
    await n.write("core", `loss${end}.switch`, "1");
    await say(n, 2, "arrived", me, 1);
    n.run(0.25);
    await n.write("core", `loss${end}.switch`, "0");
    n.run(3);
    assert.equal([outcomes(n), hosting(n, me)], [["done"], [2]], `port ${end}`);
    assert.match(n.read("xtr3", "cache.table"), /^192\.168\.1\.10\/32 10\.0\.0\.2\/1\/100 /m);
    assert.is(n.read("xtr3", "changes.updates"), "1");
    n.close();
  }
});

test("a peer that hears nothing, is switched off, or trusts nobody: it gets an SMR, asks, and knows", async () => {
  const [me, far] = HOSTS[4];
  for (const [what, trust] of [
    ["deaf", "key 9:moves eid any"],
    ["off", '""'],
    ["of another key", "key 9:other eid any"],
  ] as const) {
    const n = await atHome(4, { site: (i) => only(i === 3, trust) });
    const requests = n.number("xtr3", "resolver.requests");
    await n.plug(2);
    // Its acknowledgements are lost at least.
    if (what === "deaf") await n.write("core", "loss3.switch", "1");
    await say(n, 2, "arrived", me);
    await say(n, 1, "left", me, 2);
    n.run(4);
    assert.is(n.read("xtr1", "changes.smrs"), "1", what);
    assert.ok(n.number("xtr3", "resolver.requests") > requests, what);
    assert.match(n.read("xtr3", "cache.table"), /^192\.168\.1\.10\/32 10\.0\.0\.2\/1\/100 /m);
    assert.equal(n.ping("host3", far, me, 0.2), { sent: 10, answered: 10 });
    n.close();
  }
});

test("what is not authentic, or not for this EID, changes nothing; without keys all is as if there were none", async () => {
  const [me] = HOSTS[4];
  for (const [trust, at2, drop] of [
    ["key 9:other eid any", "key 9:moves eid any", "bad_auth"],
    ["key 9:moves eid any", "key 9:moves eid 192.168.2.0/24", "unauthorized"],
    ["key 9:moves eid any", '""', "off"],
  ] as const) {
    const n = await atHome(4, { trust, site: (i) => only(i === 2, at2) });
    await say(n, 2, "arrived", me, 1);
    n.run(2);
    assert.equal([hosting(n, me), n.read("xtr2", "mobility.table")], [[1], ""]);
    assert.ok(n.number("xtr2", `changes.${drop}`) > 0, drop);
    assert.equal(outcomes(n), [drop === "unauthorized" ? "unauthorized" : "silent"]);
    n.close();
  }
});

test.run();
