// Our policies, and what they have in common: the nearest data centre that takes the parts.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { findPolicy, PolicyError } from "../../../src/cloud/decision/find-policy.js";
import { plan } from "../../../src/cloud/decision/plan.js";
import type { Situation } from "../../../src/cloud/decision/policy.js";
import * as fc from "../../property.js";
import { centre, part, situation } from "./situations.js";

const NONE = { part: () => null, parts: () => [] };
const GIB = 2 ** 30;

async function verdict(
  policy: string,
  s: Situation,
): Promise<{ readonly moves: string; readonly why: string }> {
  const { transfers, why } = (await findPolicy(policy, NONE)).decide(s);
  return { moves: transfers.map(({ vm, to }) => `${vm}>${to}`).join(" "), why };
}

const moves = async (policy: string, s: Situation): Promise<string> => (await verdict(policy, s)).moves;

test("always: to the nearest at every move, and nowhere where it is the nearest", async () => {
  const near = [centre("b", 5), centre("a", 100)];
  assert.is(await moves("always", situation(near, [part("v", "a")])), "v>b");
  assert.is(await moves("always", situation(near, [part("v", "b")])), "");
  // As near is not nearer, whatever its name.
  assert.is(await moves("always", situation([centre("a", 5), centre("b", 5)], [part("v", "b")])), "");
  // It is on its way there already; the user has gone back since.
  assert.is(await moves("always", situation(near, [part("v", "a", { going: "b" })])), "");
  assert.is(await moves("always", situation(near, [part("v", "b", { going: "a" })])), "v>b");
  assert.is(await moves("never", situation(near, [part("v", "a")])), "");
});

test("full, drained, with too small an MTU: the next nearest, or it stays, and why says so", async () => {
  const full = { free: { vms: 0, memory: GIB } };
  const small = { free: { vms: 9, memory: GIB - 1 } };
  const ways = [
    [full, /b is full/],
    [small, /b is full/],
    [{ drained: true }, /b is drained/],
    [{ mtu: 1400 }, /b has an MTU of 1400, v needs 1500/],
  ] as const;
  for (const [more, words] of ways) {
    const next = await verdict(
      "always",
      situation([centre("b", 5, more), centre("c", 9), centre("a", 90)], [part("v", "a")]),
    );
    assert.is(next.moves, "v>c");
    assert.match(next.why, words);
    const stays = await verdict(
      "always",
      situation([centre("b", 5, more), centre("a", 9), centre("c", 90)], [part("v", "a")]),
    );
    assert.is(stays.moves, "");
    assert.match(stays.why, words);
  }
  const nowhere = await verdict(
    "always",
    situation([centre("b", 5, full), centre("a", 9, { drained: true })], [part("v", "a")]),
  );
  assert.equal(nowhere, {
    moves: "",
    why: "nothing nearer to the users than 9.0 km (b is full, a is drained, no data centre takes it)",
  });
});

test("the parts of a service stay together, or go each for itself; those that are pinned stay", async () => {
  const room = { free: { vms: 1, memory: 8 * GIB } };
  const centres = [centre("b", 5, room), centre("c", 50), centre("a", 90)];
  const parts = [part("v1", "a"), part("v2", "a", { memory: 2 * GIB })];
  assert.is(await moves("always", situation(centres, parts)), "v1>c v2>c");
  // The larger one finds the room.
  assert.is(await moves("always", situation(centres, parts, { apart: true })), "v2>b v1>c");
  const pinned = await verdict("always", situation(centres, [parts[0], { ...parts[1], pinned: true }]));
  assert.is(pinned.moves, "v1>b");
  assert.match(pinned.why, /v2 is pinned/);
  assert.is(await moves("always", situation(centres, [{ ...parts[0], pinned: true }])), "");
});

test("where no distance is known nothing moves, but for what is in a drained data centre", async () => {
  const unknown = [centre("a", null), centre("b", null), centre("c", null, { drained: true })];
  assert.is(await moves("always", situation(unknown, [part("v", "b"), part("w", "b")])), "");
  assert.is(await moves("always", situation(unknown, [part("v", "c"), part("w", "b")])), "v>a");
  const nearest = await verdict("nearest", situation([centre("b", 5), centre("a", null)], [part("v", "a")]));
  assert.equal([nearest.moves, /not every distance is known/.test(nearest.why)], ["", true]);
});

test("every K: at the K-th move of a user, and not when one is only seen", async () => {
  const s = (n: number, more: Partial<Situation> = {}): Situation =>
    situation([centre("b", 5), centre("a", 90)], [part("v", "a")], { moves: n, ...more });
  const at: number[] = [];
  for (let n = 1; n <= 30; n++) if ((await moves("every K 10", s(n))) !== "") at.push(n);
  assert.equal(at, [10, 20, 30]);
  assert.is((await verdict("every", s(13))).why, "move 13 of u; the next at 20");
  assert.is(await moves("every K 1", s(1, { reason: "seen" })), "");
  assert.is(await moves("every K 1", s(1, { user: null })), "");
});

test("nearest: only what is nearer by more than MARGIN and GAIN, and not before HOLD is over", async () => {
  const s = (here: number, there: number, migrated: number | null = null): Situation =>
    situation(
      [centre("b", there), centre("a", here)].sort((x, y) => x.distance! - y.distance!),
      [part("v", "a")],
      { migrated },
    );
  const cases: readonly [string, number, number, number | null, string, RegExp][] = [
    ["nearest", 10, 9.9, null, "v>b", /^b: 9.9 km to the users, not 10 km$/],
    ["nearest", 10, 10, null, "", /nothing nearer/],
    ["nearest MARGIN 50", 100, 50, null, "", /^50 km nearer, no more than 50 km$/],
    ["nearest MARGIN 50", 100, 49, null, "v>b", /^b/],
    ["nearest GAIN 0.2", 100, 81, null, "", /19 km nearer, no more than 20 km/],
    ["nearest GAIN 0.2 MARGIN 5", 100, 79, null, "v>b", /^b/],
    ["nearest HOLD 30", 100, 1, 80, "", /^it was migrated 20.0 s ago, less than 30 s$/],
    ["nearest HOLD 30", 100, 1, 70, "v>b", /^b/],
  ];
  for (const [policy, here, there, migrated, wanted, why] of cases) {
    const found = await verdict(policy, s(here, there, migrated));
    assert.is(found.moves, wanted, `${policy} ${here} ${there}`);
    assert.match(found.why, why);
  }
  // It would have to go farther, as the nearer one is full.
  const full = centre("a", 1, { free: { vms: 0, memory: 0 } });
  const spread = situation([full, centre("b", 50), centre("c", 60)], [part("v", "a"), part("w", "b")]);
  assert.is(await moves("nearest", spread), "");
});

test("a policy that is not there, or takes no such arguments, is refused", async () => {
  const cases: readonly [string, RegExp][] = [
    ["", /there is no policy ''/],
    ["nearst", /there is no policy 'nearst' \(is it 'nearest'\?\)/],
    ["zzz", /known are always, never, every, nearest/],
    ["constructor", /there is no policy 'constructor'/],
    ["every K", /no value behind 'K'/],
    ["every K 0", /policy 'every': K: /],
    ["nearest FAR 3", /policy 'nearest': .*FAR/],
  ];
  for (const [text, words] of cases) {
    try {
      await findPolicy(text, NONE);
      assert.unreachable(text);
    } catch (e) {
      assert.instance(e, PolicyError);
      assert.match((e as Error).message, words);
    }
  }
});

test("whatever the situation, a plan fills no data centre above what it has left and uses none that is drained", () => {
  const anyCentre = (name: string) =>
    fc
      .tuple(
        fc.option(fc.nat(20)),
        fc.nat(3),
        fc.nat(6),
        fc.boolean(),
        fc.option(fc.constantFrom(1400, 1500)),
      )
      .map(([distance, vms, memory, drained, mtu]) =>
        centre(name, distance, { free: { vms, memory }, drained, mtu }),
      );
  const anyPart = (vm: string) =>
    fc
      .tuple(
        fc.constantFrom("a", "b", "c"),
        fc.option(fc.constantFrom("a", "b", "c")),
        fc.nat(4),
        fc.boolean(),
      )
      .map(([dc, going, memory, pinned]) =>
        part(vm, dc, { going: going === dc ? null : going, memory, pinned }),
      );
  fc.assert(
    fc.property(
      fc.tuple(anyCentre("a"), anyCentre("b"), anyCentre("c")),
      fc.tuple(anyPart("1"), anyPart("2"), anyPart("3")),
      fc.boolean(),
      (centres, parts, apart) => {
        const sorted = [...centres].sort((x, y) => (x.distance ?? 1e9) - (y.distance ?? 1e9));
        const { transfers } = plan(situation(sorted, parts, { apart }));
        assert.is(new Set(transfers.map(({ vm }) => vm)).size, transfers.length);
        for (const { vm } of transfers) assert.not.ok(parts.find((p) => p.vm === vm)!.pinned);
        for (const { name, drained, free, mtu } of centres) {
          const coming = transfers
            .filter(({ to }) => to === name)
            .map(({ vm }) => parts.find((p) => p.vm === vm)!);
          assert.not.ok(drained && coming.length > 0);
          const counted = coming.filter((p) => p.dc !== name && p.going !== name);
          assert.ok(counted.length <= free.vms || counted.length === 0);
          assert.ok(counted.reduce((n, p) => n + p.memory, 0) <= free.memory || counted.length === 0);
          if (mtu === 1400) assert.is(counted.length, 0);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test.run();
