// FMCCatalogue: what a controller knows, from its configuration, from handlers, and after a restart.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FMCCatalogue } from "../../../elements/cloud/fmc-catalogue.js";
import { Router, type RouterOptions, SimulatedClock } from "../../../src/index.js";
import { type Store, StoreError, type StoreProvider } from "../../../src/router/store.js";
import { FollowedStore } from "../../../src/store/followed-store.js";
import { MemoryStore } from "../../../src/store/memory-store.js";
import { EtcdCluster, etcdMissing } from "../../lisp/database/etcd-cluster.js";
import { skipUnless } from "../../skip.js";
import { CommonStore } from "../../store/common-store.js";
import { until } from "../../until.js";
import { failure } from "../lisp/control.js";

const ENTRIES = `dc paris at 48.86 2.35 vms 20 memory 64G rloc 10.0.3.1 agent 10.0.3.9 key 5:hush,
  dc lyon rloc 10.0.4.1, access north at 50.63 3.06 rloc 10.0.1.1, service video type video,
  vm video1 service video dc paris eid 192.168.3.10 eid fd03::10, user alice class gold eid 192.168.1.10 use video`;

/** A store that outlives its routers, and fails when it is told to. */
class Disk implements StoreProvider {
  readonly store = new MemoryStore();
  failing = false;
  used = false;
  async open(): Promise<Store> {
    const { store } = this;
    return {
      load: (each) => store.load(each),
      commit: async (operations) => {
        if (this.failing) throw new StoreError("the disk is full");
        await store.commit(operations);
      },
      close: async () => {},
    };
  }
}

function start(more = "", options: RouterOptions = {}, entries = ENTRIES): Promise<Router> {
  const text = `c :: FMCCatalogue(${entries}${more})`;
  return Router.fromText(text, { clock: new SimulatedClock(), log: () => {}, ...options });
}

const element = (router: Router): FMCCatalogue => router.find("c") as FMCCatalogue;

test("what is configured is listed as it can be configured, without secrets, and as JSON", async () => {
  const r = await start();
  assert.is(r.read("c.size"), "6");
  assert.equal(r.read("c.entries").split("\n"), [
    "dc paris at 48.86 2.35 vms 20 memory 64G rloc 10.0.3.1 router 10.0.3.1 agent 10.0.3.9 port 4344 key 5:* sha256",
    "dc lyon rloc 10.0.4.1 router 10.0.4.1",
    "access north at 50.63 3.06 rloc 10.0.1.1",
    "service video type video",
    "vm video1 service video dc paris memory 1G mtu 1500 iid 0 eid 192.168.3.10 eid fd03::10",
    "user alice class gold iid 0 eid 192.168.1.10/32 use video",
    "",
  ]);
  assert.is(r.read("c.entries", "dc from lyon"), "dc lyon rloc 10.0.4.1 router 10.0.4.1\n");
  const json = r
    .read("c.entries_json")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(json[0], {
    ...{ kind: "dc", name: "paris", at: { latitude: 48.86, longitude: 2.35 }, vms: 20, memory: 64 * 2 ** 30 },
    ...{ mtu: null, rlocs: ["10.0.3.1"], routers: ["10.0.3.1"], agent: { address: "10.0.3.9", port: 4344 } },
    ...{ drained: false, used: { vms: 1, memory: 2 ** 30 } },
  });
  assert.equal(json[3], {
    ...{ kind: "service", name: "video", type: "video", task: null, priority: 0, apart: false, policy: null },
    ...{ parts: ["video1"], users: 1 },
  });
  assert.equal(
    [json[4].eids[1], json[5].eids[0]],
    [
      { iid: 0, address: "fd03::10" },
      { iid: 0, prefix: "192.168.1.10/32" },
    ],
  );
  for (const h of r.handlers(element(r)).keys()) {
    const { read } = r.handler(`c.${h}`);
    if (read !== undefined) assert.not.match(String(read("")), /hush/);
  }
  r.close();
});

test("what is wrong in an entry is an error that names it", async () => {
  const message = await failure(() =>
    start(
      "",
      {},
      "dc paris rloc 10.0.3.1, dc paris rloc 10.0.3.2, vm v service s dc paris eid 10.1.0.1, dc x, user u eid 1",
    ),
  );
  assert.match(message, /dc 'paris': there is a dc 'paris' already/);
  assert.match(message, /dc 'x': a data centre needs a locator/);
  assert.match(message, /user 'u': word 4 '1' is not an EID-prefix/);
  assert.match(message, /vm 'v': there is no service 's'/);
  assert.match(await failure(() => start(", STORE here")), /STORE: the store should be 'memory'/);
  assert.match(await failure(() => start(", STORE lmdb:/dev/null/x")), /STORE: cannot open/);
});

test("handlers change it, listeners are told, and what it does not take is the handler's error", async () => {
  const r = await start();
  const told: string[] = [];
  const end = element(r).onChange(({ kind, name, what }) => told.push(`${kind} ${name} ${what}`));
  await r.write("c.add", "dc brest rloc 10.0.5.1");
  await r.write("c.place", "video1 brest");
  await r.write("c.pin", "video1");
  await r.write("c.unpin", " video1 ");
  await r.write("c.drain", "paris");
  await r.write("c.undrain", "paris");
  await r.write("c.remove", "user alice");
  await r.write("c.reset", "user alice");
  end();
  await r.write("c.remove", "access north");
  assert.equal(told, [
    ...["dc brest added", "vm video1 placed", "vm video1 pinned", "vm video1 unpinned"],
    ...["dc paris drained", "dc paris undrained", "user alice removed", "user alice added"],
  ]);
  assert.equal(r.read("c.changed").trim().split("\n"), ["dc brest", "vm video1", "dc paris", "access north"]);
  assert.is(r.read("c.changes"), "9");
  const refused: readonly [string, string, RegExp][] = [
    ["add", "dc", /a name is missing/],
    ["add", "dc x rloc 10.0.9.9 agent 10.0.9.8 key file:/nowhere/at-all", /nowhere/],
    ["remove", "dc brest", /still has the virtual machine 'video1'/],
    ["remove", "dc", /expected 'KIND NAME'/],
    ["remove", "thing x", /none of dc, access/],
    ["reset", "service video", /nothing of a service 'video' was changed/],
    ["drain", "nowhere", /there is no dc 'nowhere'/],
    ["pin", "", /there is no vm ''/],
    ["place", "video1", /expected 'VM DC'/],
    ["place", "video1 nowhere", /there is no dc 'nowhere'/],
  ];
  for (const [handler, value, words] of refused)
    assert.match(await failure(() => r.write(`c.${handler}`, value)), words);
  for (const wrong of ["thing", "dc to x", "dc from", "dc from a b"])
    assert.match(await failure(async () => r.read("c.entries", wrong)), /none of dc|expected/);
  r.close();
});

test("a controller that starts again has what was changed, over a configuration that may be another one", async () => {
  const stores = new Disk();
  const first = await start(", STORE lmdb:fmc", { stores });
  await first.write("c.add", "dc brest rloc 10.0.5.1");
  await first.write("c.place", "video1 brest");
  await first.write("c.drain", "paris");
  await first.write("c.remove", "user alice");
  first.close();
  const again = await start(", STORE lmdb:fmc", { stores }, ENTRIES.replace("vms 20", "vms 7"));
  assert.match(again.read("c.entries", "vm"), /dc brest/);
  assert.match(again.read("c.entries", "dc"), /dc paris .* vms 7 .* drained\n/);
  assert.is(again.read("c.entries", "user"), "");
  assert.equal([again.read("c.store"), again.read("c.unreadable")], ["lmdb present", "0"]);
  again.close();
  // The virtual machine's data centre was added at run time, and is forgotten.
  await stores.store.commit([{ key: Buffer.from("fmc/catalogue/dc/brest"), value: null }]);
  const log: string[] = [];
  const third = await start(", STORE lmdb:fmc", { stores, log: (line) => log.push(line) });
  assert.match(third.read("c.entries", "vm"), /dc paris/);
  assert.is(third.read("c.unreadable"), "1");
  assert.match(third.read("c.store_skipped"), /^1\nvm\/video1 there is no dc 'brest'\n/);
  assert.match(log.join(), /1 keys of the store could not be read/);
  third.close();
});

test("keys that are not to be read stay as they are; others' are left alone", async () => {
  const stores = new Disk();
  const values = { "fmc/catalogue/dc/x": "{", "fmc/catalogue/so": "{}", "fmc/migration/1": "?" };
  await stores.store.commit(
    Object.entries(values).map(([key, value]) => ({ key: Buffer.from(key), value: Buffer.from(value) })),
  );
  const r = await start(", STORE lmdb:fmc", { stores });
  assert.equal([r.read("c.unreadable"), r.read("c.size"), stores.store.size], ["2", "6", 3]);
  r.close();
});

test("what the store does not take is told, and written as soon as it does", async () => {
  const stores = new Disk();
  const log: string[] = [];
  const r = await start(", STORE lmdb:fmc", { stores, log: (line) => log.push(line) });
  stores.failing = true;
  assert.match(
    await failure(() => r.write("c.drain", "lyon")),
    /it is changed, but not kept yet: the disk is full/,
  );
  assert.equal([r.read("c.store_failed"), r.read("c.store")], ["1", "lmdb fails: the disk is full"]);
  assert.match(log.join(), /the store failed: the disk is full/);
  stores.failing = false;
  r.runFor(1);
  await element(r).flush();
  assert.equal([stores.store.size, r.read("c.store")], [1, "lmdb present"]);
  r.close();
});

test("a hot swap keeps what was changed", async () => {
  const stores = new Disk();
  for (const store of ["", ", STORE lmdb:fmc"]) {
    const r = await start(store, { stores });
    await r.write("c.pin", "video1");
    await r.swap(`c :: FMCCatalogue(${ENTRIES}, dc nice rloc 10.0.6.1${store})`);
    assert.match(r.read("c.entries", "vm"), /pinned/);
    assert.is(r.read("c.size"), "7");
    await r.write("c.drain", "nice");
    assert.match(r.read("c.changed"), /vm video1\ndc nice/);
    r.close();
  }
  assert.is(stores.store.size, 2);
});

test("two controllers of one store have the same changes", async () => {
  const common = new CommonStore();
  const told: string[] = [];
  const routers: Router[] = [];
  for (let i = 0; i < 2; i++) {
    const stores: StoreProvider = {
      used: false,
      open: (_name, news) => FollowedStore.open(common.join(), news!),
    };
    routers.push(await start(", STORE lmdb:fmc", { stores }));
  }
  element(routers[1]).onChange(({ name, what }) => told.push(`${name} ${what}`));
  await routers[0].write("c.place", "video1 lyon");
  await routers[0].write("c.add", "user bob eid 192.168.1.11 use video");
  await routers[0].write("c.drain", "lyon");
  assert.match(await failure(() => routers[0].write("c.reset", "vm video1")), /it moves by a migration/);
  await routers[0].write("c.reset", "dc lyon");
  await routers[0].write("c.remove", "user bob");
  assert.equal(told, ["video1 placed", "bob added", "lyon drained", "lyon undrained", "bob removed"]);
  assert.is(routers[1].read("c.entries"), routers[0].read("c.entries"));
  for (const r of routers) r.close();
});

test("lmdb keeps it, for one controller at a time", async () => {
  const folder = mkdtempSync(`${tmpdir()}/sluice-catalogue-`);
  try {
    const r = await start(`, STORE lmdb:${folder}`);
    await r.write("c.drain", "lyon");
    assert.match(await failure(() => start(`, STORE lmdb:${folder}`)), /cannot open .* has it/);
    r.close();
    const again = await start(`, STORE lmdb:${folder}`);
    assert.match(again.read("c.entries", "dc from lyon"), /drained/);
    again.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

skipUnless(etcdMissing() === null, etcdMissing() ?? "")(
  "two controllers of one etcd cluster have the same changes, and one that starts later finds them",
  async () => {
    const cluster = await EtcdCluster.start(1);
    try {
      const store = `, STORE etcd:${cluster.hosts.map(({ host, port }) => `${host}:${port}`).join(",")}`;
      const [a, b] = [await start(store), await start(store)];
      const told: string[] = [];
      element(b).onChange(({ name, what }) => told.push(`${name} ${what}`));
      await a.write("c.place", "video1 lyon");
      await until(() => told.length === 1, "the other one is told");
      await b.write("c.drain", "paris");
      await until(() => a.read("c.entries") === b.read("c.entries"), "the first one is told");
      assert.equal(told, ["video1 placed", "paris drained"]);
      const numbers = [element(a).nextNumber("decision"), element(a).nextNumber("decision")];
      await element(a).flush();
      for (const r of [a, b]) r.close();
      const again = await start(store);
      assert.match(again.read("c.entries", "vm"), /dc lyon/);
      assert.equal([...numbers, element(again).nextNumber("decision")], [1, 2, 1001]);
      again.close();
    } finally {
      await cluster.close();
    }
  },
);

test.run();
