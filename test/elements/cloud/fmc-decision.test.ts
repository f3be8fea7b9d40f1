// FMCDecision: what is decided when users move, data centres are drained, and operators order; what is let through, kept
// and told.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FMCDecision } from "../../../elements/cloud/fmc-decision.js";
import type { Decision } from "../../../src/cloud/decision/decision.js";
import type { MobilityTrackerOffer } from "../../../src/cloud/offers.js";
import type { UserMove, UserState } from "../../../src/cloud/users/tracker.js";
import type { Whereabouts } from "../../../src/cloud/users/whereabouts.js";
import { Element, Loader, Router, type RouterOptions, SimulatedClock } from "../../../src/index.js";
import { parseEidAndInstance } from "../../../src/lisp/mapping.js";
import type { Store, StoreProvider } from "../../../src/router/store.js";
import { MemoryStore } from "../../../src/store/memory-store.js";
import { failure } from "../lisp/control.js";

const EID = parseEidAndInstance("10.1.0.7");

/** Stands in for FMCMobilityTracker: users are where a test puts them. */
class Users extends Element implements MobilityTrackerOffer {
  static readonly spec = { ports: "0/0", args: {} } as const;
  readonly #listeners: ((move: UserMove) => void)[] = [];
  readonly #users = new Map<string, UserState>();

  override offers() {
    return { FMCMobilityTracker: this };
  }
  user(name: string): UserState | null {
    return this.#users.get(name) ?? null;
  }
  where(): Whereabouts | null {
    return null;
  }
  onMove(listener: (move: UserMove) => void): () => void {
    this.#listeners.push(listener);
    return () => {};
  }
  onRelabel(): () => void {
    return () => {};
  }
  onClaim(): () => void {
    return () => {};
  }
  override takeState(old: Element): void {
    if (old instanceof Users) for (const [name, user] of old.#users) this.#users.set(name, user);
  }

  /** null: it is nowhere. */
  put(name: string, network: string | null): void {
    const from = this.#users.get(name)?.where ?? null;
    const moves = (this.#users.get(name)?.moves ?? 0) + Number(from !== null && network !== null);
    const at = { latitude: 0, longitude: 0 };
    const to: Whereabouts | null =
      network === null
        ? null
        : { locators: [], length: 32, network: { kind: "access", name: network }, at, since: 0 };
    this.#users.set(name, { name, eid: EID, where: to, moves });
    for (const listener of this.#listeners) listener({ user: name, eid: EID, from, to, moves });
  }
}

/** A line: data centres and access networks at 0, 1, 2 and 3 degrees of longitude, 111 km from one to the next. */
const PLACES = [0, 1, 2, 3]
  .flatMap((n) => [
    `access n${n} at 0 ${n} rloc 10.0.1.${n + 1}`,
    `dc d${n} at 0 ${n} vms 2 memory 8G rloc 10.0.2.${n + 1}`,
  ])
  .join(", ");
const ONE = "service s, vm v service s dc d0 eid 10.3.0.1, user u eid 10.1.0.1 use s";

interface Controller {
  readonly r: Router;
  readonly users: Users;
  readonly told: Decision[];
  readonly put: (user: string, network: string | null) => void;
  readonly read: (handler: string, text?: string) => string;
}

async function start(
  entries = ONE,
  more = "",
  options: RouterOptions = {},
  before = "",
): Promise<Controller> {
  const loader = new Loader();
  loader.add(Users, "Users");
  const text = `${before} c :: FMCCatalogue(${PLACES}, ${entries}); u :: Users; d :: FMCDecision(c, u ${more})`;
  const r = await Router.fromText(text, { clock: new SimulatedClock(), log: () => {}, loader, ...options });
  const users = r.find("u") as Users;
  const told: Decision[] = [];
  (r.find("d") as FMCDecision).onDecision((decision) => told.push(decision));
  const put = (user: string, network: string | null): void => {
    users.put(user, network);
    r.runFor(0.01);
  };
  return { r, users, told, put, read: (handler, text_ = "") => r.read(`d.${handler}`, text_).trim() };
}

const said = ({ reason, user, service, transfers }: Decision): string =>
  [reason, user ?? "-", service, ...transfers.map(({ vm, from, to }) => `${vm}:${from}>${to}`)].join(" ");
const places = ({ r }: Controller, vms = "c.entries"): string =>
  [...r.read(vms, "vm").matchAll(/vm (\w+) service \w+ dc (\w+)/g)]
    .map(([, vm, dc]) => `${vm} ${dc}`)
    .join(", ");

/** Carries out all that is decided, at once. */
function obey(c: Controller): void {
  (c.r.find("d") as FMCDecision).onDecision(({ transfers }) => {
    for (const { vm, to } of transfers) c.r.write("c.place", `${vm} ${to}`).catch(() => {});
  });
}

test("a user's move is decided for each service that it uses, told, kept, and explained", async () => {
  const c = await start(
    `${ONE} use t, service t, vm w service t dc d2 eid 10.3.0.2, service x`,
    ", POLICY always",
  );
  c.put("u", "n0");
  c.put("u", "n2");
  assert.equal(c.told.map(said), ["seen u s", "seen u t w:d2>d0", "moved u s v:d0>d2", "moved u t w:d2>d2"]);
  assert.equal(
    c.told.map((d) => d.number),
    [1, 2, 3, 4],
  );
  assert.equal(c.read("decisions", "3").split("\n"), [
    "3 0.010 moved u s migrate v:d0>d2 d2: 0.0 km to the users, not 222 km",
    "4 0.010 moved u t migrate w:d2>d2 d2: 0.0 km to the users, not 222 km",
  ]);
  assert.equal(c.read("why", "2").split("\n"), [
    "decision 2 at 0.000 s",
    "service t, user u: seen",
    "policy always",
    "w from d2 to d0: replaced at 0.010 s, by decision 4",
    "because d0: 0.0 km to the users, not 222 km",
  ]);
  (c.r.find("d") as FMCDecision).finished(3, "v", "failed", "no room");
  assert.match(c.read("why", "3"), /v from d0 to d2: failed at 0\.020 s, no room/);
  const json = c
    .read("decisions_json", "3")
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.equal(
    [json[0].transfers, json[0].outcomes, json[0].seconds],
    [[{ vm: "v", from: "d0", to: "d2" }], [{ outcome: "failed", why: "no room", seconds: 0.02 }], 0.01],
  );
  assert.equal(
    ["decisions", "stays", "migrations"].map((h) => c.r.read(`d.${h}`)),
    [c.r.read("d.decisions"), "1", "3"],
  );
  for (const wrong of ["99", "0", "x", "-1"])
    assert.match(await failure(async () => c.read("why", wrong)), /decision|number/);
  c.r.close();
});

test("a full data centre takes no more, what is on its way there counted; the next nearest does, and why says so", async () => {
  const vms = ["a", "b", "e"].map(
    (n, i) =>
      `service s${n}, vm ${n} service s${n} dc d${i} eid 10.3.0.${i + 1}, user u${n} eid 10.1.0.${i + 1} use s${n}`,
  );
  const c = await start(vms.join(", "), ", POLICY always");
  for (const n of ["a", "b", "e"]) c.put(`u${n}`, "n3");
  assert.equal(c.told.map(said), ["seen ua sa a:d0>d3", "seen ub sb b:d1>d3", "seen ue se"]);
  assert.match(c.told[2].why, /nothing nearer to the users than 111 km \(d3 is full\)/);
  assert.is(c.read("pending"), "a d3 1\nb d3 2");
  const decision = c.r.find("d") as FMCDecision;
  decision.finished(1, "a", "failed", "");
  decision.finished(1, "b", "failed", "not its decision");
  assert.is(c.read("pending"), "b d3 2");
  await c.r.write("d.decide", "se");
  c.r.runFor(0.01);
  assert.is(said(c.told[3]), "asked - se e:d2>d3");
  // One arrives; of the other nobody tells any more.
  await c.r.write("c.place", "b d3");
  assert.match(c.read("why", "2"), /b from d1 to d3: done/);
  c.r.runFor(601);
  assert.equal([c.read("pending"), c.read("expired")], ["", "1"]);
  assert.match(c.read("why"), /e from d2 to d3: expired/);
  c.r.close();
});

test("several users of one service: it goes where it is nearest to all of them", async () => {
  const users = ["a", "b", "e"].map((n, i) => `user ${n} eid 10.1.0.${i + 1} use s`).join(", ");
  const c = await start(`service s, vm v service s dc d0 eid 10.3.0.1, ${users}`, ", POLICY always");
  obey(c);
  c.put("a", "n0");
  c.put("b", "n0");
  c.put("e", "n3");
  assert.is(places(c), "v d0", "the mean is least at two of three");
  c.put("b", "n3");
  assert.is(places(c), "v d3");
  c.put("a", "n3");
  c.put("e", null);
  await c.r.write("c.remove", "user b");
  c.put("a", "n1");
  assert.is(places(c), "v d1");
  // Who does not use it any more does not count.
  await c.r.write("c.add", "user a eid 10.1.0.1");
  c.put("e", "n2");
  assert.is(places(c), "v d2");
  c.r.close();
});

test("services with a policy of their own are decided for by that; the important ones first", async () => {
  const c = await start(
    `service s policy never, service t policy every K 2, service w priority 9 policy always,
    vm s1 service s dc d0 eid 10.3.0.1, vm t1 service t dc d1 eid 10.3.0.2, vm w1 service w dc d1 eid 10.3.0.3,
    user u eid 10.1.0.1 use s use t use w`,
    ", POLICY never",
  );
  c.put("u", "n0");
  for (const n of ["n3", "n2"]) c.put("u", n);
  assert.equal(
    c.told.slice(3).map((d) => `${said(d)} ${d.policy}`),
    [
      "moved u w w1:d1>d3 always",
      "moved u s never",
      "moved u t every K 2",
      "moved u w w1:d1>d2 always",
      "moved u s never",
      "moved u t t1:d1>d2 every K 2",
    ],
  );
  await c.r.write("c.add", "service s policy nowhere");
  c.put("u", "n1");
  const [last] = c.told.filter((d) => d.service === "s").slice(-1);
  assert.match(last.why, /not by its own policy: there is no policy 'nowhere'/);
  assert.is(c.read("policy_missing"), "1");
  c.r.close();
});

test("a drained data centre is rid of what it has and what is coming, whatever the policy; the pinned stay", async () => {
  const c = await start(
    `service s, service t apart, vm s1 service s dc d1 eid 10.3.0.1, vm s2 service s dc d1 eid 10.3.0.2 pinned,
    vm t1 service t dc d0 eid 10.3.0.3, user u eid 10.1.0.1 use s, user w eid 10.1.0.2 use t`,
    ", POLICY never",
  );
  c.put("u", "n1");
  c.put("w", "n1");
  await c.r.write("d.migrate", "t1 d2 it is hot there");
  await c.r.write("d.migrate", "s1 d0");
  await c.r.write("c.drain", "d2");
  c.r.runFor(0.01);
  assert.is(said(c.told.at(-1)!), "drained - t t1:d0>d0");
  await c.r.write("c.drain", "d1");
  c.r.runFor(0.01);
  // s1 is on its way out.
  assert.match(c.read("decisions").split("\n").at(-1)!, /drained - s stay - .*s2 is pinned/);
  (c.r.find("d") as FMCDecision).finished(4, "s1", "failed");
  await c.r.write("c.undrain", "d1");
  await c.r.write("c.drain", "d1");
  c.r.runFor(0.01);
  assert.match(said(c.told.at(-1)!), /^drained - s s1:d1>d0$/);
  c.r.close();
});

test("parts of a drained data centre that find no room together leave one by one", async () => {
  const c = await start(
    `service s, service t, vm s1 service s dc d1 eid 10.3.0.1, vm s2 service s dc d1 eid 10.3.0.2,
    vm t0 service t dc d0 eid 10.3.0.3, vm t2 service t dc d2 eid 10.3.0.4, vm t3 service t dc d3 eid 10.3.0.5, user u eid 10.1.0.1 use s`,
    ", POLICY never",
  );
  c.put("u", "n0");
  await c.r.write("c.drain", "d1");
  c.r.runFor(0.01);
  assert.is(said(c.told.at(-1)!), "drained - s s1:d1>d0 s2:d1>d2");
  c.r.close();
});

test("an operator's order is a decision; what cannot be is refused, with why", async () => {
  const c = await start(
    `${ONE}, vm p service s dc d3 eid 10.3.0.2 pinned, vm q service s dc d3 eid 10.3.0.3`,
  );
  await c.r.write("d.migrate", "v d2 for a test");
  assert.equal(
    [said(c.told[0]), c.told[0].why, c.told[0].policy],
    ["ordered - s v:d0>d2", "for a test", null],
  );
  await c.r.write("c.drain", "d1");
  const refused: readonly [string, RegExp][] = [
    ["v", /expected 'VM DC/],
    ["x d1", /there is no vm 'x'/],
    ["v d9", /there is no dc 'd9'/],
    ["v d2", /v is in d2, or on its way there/],
    ["v d1", /d1 is drained/],
    ["v d3", /d3 is full/],
    ["p d0", /p is pinned/],
  ];
  for (const [text, words] of refused) assert.match(await failure(() => c.r.write("d.migrate", text)), words);
  assert.match(await failure(() => c.r.write("d.decide", "x")), /there is no service 'x'/);
  c.r.close();
});

test("entries that go while something is under way end it", async () => {
  const c = await start(`${ONE}, service t, vm w service t dc d0 eid 10.3.0.2`);
  await c.r.write("d.migrate", "v d2");
  await c.r.write("d.migrate", "w d3");
  await c.r.write("c.remove", "vm v");
  await c.r.write("c.remove", "dc d3");
  assert.match(c.read("why", "1"), /v from d0 to d2: cancelled at .*, it was taken out of the catalogue/);
  assert.match(c.read("why", "2"), /w from d0 to d3: cancelled at .*, d3 was taken out/);
  assert.is(c.read("pending"), "");
  c.users.put("u", "n3");
  await c.r.write("c.remove", "user u");
  c.r.runFor(0.01);
  assert.equal([c.told.length, c.read("waiting")], [2, "0"]);
  c.r.close();
});

test("no more decisions than KEEP are kept, and numbers go on, over a restart too", async () => {
  const disk = new MemoryStore();
  const stores: StoreProvider = {
    used: false,
    open: async (): Promise<Store> => ({
      load: (each) => disk.load(each),
      commit: (operations) => disk.commit(operations),
      close: async () => {},
    }),
  };
  const entries = `${ONE}, STORE lmdb:x`;
  const c = await start(entries, ", KEEP 3", { stores });
  for (let i = 0; i < 5; i++) c.put("u", `n${i & 1}`);
  assert.equal(
    c
      .read("decisions")
      .split("\n")
      .map((line) => line.split(" ")[0]),
    ["3", "4", "5"],
  );
  assert.match(await failure(async () => c.read("why", "2")), /decision 2 is not kept/);
  await new Promise((resolve) => setImmediate(resolve));
  c.r.close();
  const again = await start(entries, "", { stores });
  again.put("u", "n0");
  assert.is(again.told[0].number, 1001);
  again.r.close();
});

test("a hot swap keeps decisions and what is under way", async () => {
  const c = await start();
  await c.r.write("d.migrate", "v d2");
  c.users.put("u", "n3");
  await c.r.swap(`c :: FMCCatalogue(${PLACES}, ${ONE}); u :: Users; d :: FMCDecision(c, u, POLICY always)`);
  const told: Decision[] = [];
  (c.r.find("d") as FMCDecision).onDecision((decision) => told.push(decision));
  c.r.runFor(0.01);
  assert.equal(told.map(said), ["seen u s v:d0>d3"]);
  assert.match(c.read("why", "1"), /replaced/);
  c.r.close();
});

test("many users that move at once are all decided for, some at a time", async () => {
  const users = Array.from({ length: 500 }, (_, i) => `user u${i} eid 10.1.${i >> 8}.${i & 255} use s`).join(
    ", ",
  );
  const c = await start(`service s, vm v service s dc d0 eid 10.3.0.1, ${users}`, ", POLICY never");
  for (let i = 0; i < 500; i++) c.users.put(`u${i}`, "n1");
  assert.is(c.read("waiting"), "500");
  c.r.runFor(0.005);
  const part = c.told.length;
  assert.ok(part > 0 && part < 100, `${part} decided`);
  c.r.runFor(1);
  assert.equal([c.told.length, c.read("waiting")], [500, "0"]);
  c.r.close();
});

// ---- Policies of packages ---------------------------------------------------------------

/** Runs with a package in node_modules beside the configuration. */
async function withPackage(
  policies: Readonly<Record<string, string>> | unknown,
  code: string,
  run: (file: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-policies-"));
  try {
    const own = join(folder, "node_modules/my-policies");
    mkdirSync(own, { recursive: true });
    writeFileSync(
      join(own, "package.json"),
      JSON.stringify({ name: "my-policies", type: "module", sluice: { api: 1, elements: {}, policies } }),
    );
    writeFileSync(join(own, "own.js"), code);
    const file = join(folder, "controller.click");
    writeFileSync(file, "");
    await run(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const PACKAGE = `
export class Farthest {
  static spec = { doc: "the other way", args: { STEP: { type: "unsigned", default: "1", doc: "how far" } } };
  constructor({ STEP }) { this.step = STEP; }
  decide({ parts, centres }) {
    return { transfers: parts.map(({ vm }) => ({ vm, to: centres.at(-this.step).name })), why: "far\\n away" };
  }
}
export class Wild {
  static spec = { doc: "d", args: {} };
  decide() {
    return { transfers: [["v", "d9"], ["nobody", "d1"], ["v", "d2"], ["v", "d1"]].map(([vm, to]) => ({ vm, to })), why: "wild" };
  }
}
export class Throws { static spec = { doc: "d", args: {} }; decide() { throw new Error("oh"); } }
export class Nothing { static spec = { doc: "d", args: {} }; decide() { return { transfers: [{}], why: "" }; } }
export class Broken { static spec = { doc: "d", args: {} }; constructor() { throw new Error("no"); } }
export class Undecided { static spec = { doc: "d", args: {} }; }
export const Value = 7;
`;
const OWN = Object.fromEntries(
  ["Farthest", "Wild", "Throws", "Nothing", "Broken", "Undecided", "Value", "Missing"].map((name) => [
    name,
    "own.js",
  ]),
);
const REQUIRE = "require(package my-policies);";

test("a package brings policies: what they say is let through as far as it can be", async () => {
  await withPackage(OWN, PACKAGE, async (file) => {
    const decided = async (policy: string): Promise<Controller> => {
      const c = await start(ONE, `, POLICY ${policy}`, { file }, REQUIRE);
      c.put("u", "n1");
      return c;
    };
    const far = await decided("Farthest STEP 1");
    assert.equal([said(far.told[0]), far.told[0].why], ["seen u s v:d0>d3", "far away"]);
    assert.match(far.read("policies"), /nearest MARGIN 0 GAIN 0 HOLD 0: .*\nFarthest: of a package/);
    far.r.close();
    const wild = await decided("Wild");
    assert.is(said(wild.told[0]), "seen u s");
    assert.is(
      wild.told[0].why,
      "wild; refused: there is no dc 'd9'; refused: nobody is none of its parts, or twice there; refused: v is none of its parts, or twice there; refused: v is none of its parts, or twice there",
    );
    assert.is(wild.read("refused"), "4");
    wild.r.close();
    for (const [policy, why] of [
      ["Throws", "the policy failed: oh"],
      ["Nothing", "the policy failed: its verdict is not { transfers: [{ vm, to }], why }"],
    ]) {
      const c = await decided(policy);
      assert.equal([said(c.told[0]), c.told[0].why, c.read("policy_failed")], ["seen u s", why, "1"]);
      c.r.close();
    }
  });
});

test("a package's policy that cannot be used is an error of the configuration", async () => {
  await withPackage(OWN, PACKAGE, async (file) => {
    const wrong = (policy: string): Promise<string> =>
      failure(() => start(ONE, `, POLICY ${policy}`, { file }, REQUIRE));
    assert.match(await wrong("Broken"), /POLICY: policy 'Broken': no/);
    assert.match(await wrong("Undecided"), /policy 'Undecided' has no decide\(\)/);
    assert.match(await wrong("Value"), /policy 'Value' is not a class/);
    assert.match(await wrong("Missing"), /exports no 'Missing'/);
    assert.match(await wrong("Farthest STEP x"), /policy 'Farthest': STEP/);
    assert.match(await wrong("Nearest"), /is it 'nearest'\?/);
    assert.match(
      await failure(() => start("service s policy Broken", "", { file }, REQUIRE)),
      /service 's': policy 'Broken'/,
    );
  });
  for (const policies of [[7], { Own: 7 }, "x"])
    await withPackage(policies, PACKAGE, async (file) => {
      assert.match(
        await failure(() => start(ONE, "", { file }, REQUIRE)),
        /"policies" of its package.json is not an object of files by name/,
      );
    });
});

test("elements that are not what they are named as are errors", async () => {
  const message = await failure(() =>
    Router.fromText("c :: FMCCatalogue; d :: FMCDecision(c, c)", { log: () => {} }),
  );
  assert.match(message, /TRACKER is not a FMCMobilityTracker/);
});

test.run();
