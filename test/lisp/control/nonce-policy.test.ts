// Replay of nonces (RFC 9301, section 5.6), and our own nonces over a restart.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  NonceCounter,
  NonceGuard,
  type NonceState,
  NonceStateError,
} from "../../../src/lisp/control/nonce-policy.js";
import * as fc from "../../property.js";

test("strict: only a greater nonce is fresh, of each peer by itself", () => {
  const guard = new NonceGuard("strict");
  assert.is(guard.accept("a", 100n), "fresh");
  assert.is(guard.accept("a", 100n), "replay");
  assert.is(guard.accept("a", 99n), "replay");
  assert.is(guard.accept("a", 101n), "fresh");
  assert.is(guard.accept("b", 5n), "fresh");
  assert.is(guard.accept("a", 2n ** 64n - 1n), "fresh");
  assert.is(guard.accept("a", 2n ** 63n), "replay", "nonces are unsigned");
});

test("lenient: random nonces are fresh, those of before are replays, the last one is a retransmission", () => {
  const guard = new NonceGuard("lenient", { window: 3 });
  for (const nonce of [50n, 10n, 90n]) assert.is(guard.accept("a", nonce), "fresh");
  assert.is(guard.accept("a", 90n), "repeat");
  assert.is(guard.accept("a", 10n), "replay");
  assert.is(guard.accept("a", 50n), "replay");
  assert.is(guard.accept("a", 1n), "fresh");
  assert.is(guard.check("a", 50n), "fresh", "no longer among the last three");
});

test("what is only checked is not remembered: who has no key cannot use up a nonce", () => {
  const guard = new NonceGuard("strict");
  guard.accept("a", 1n);
  assert.is(guard.check("a", 1000n), "fresh");
  assert.is(guard.accept("a", 2n), "fresh");
});

test("a refused nonce changes nothing", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("strict" as const, "lenient" as const),
      fc.array(fc.bigInt({ min: 0n, max: 40n }), { maxLength: 60 }),
      (policy, nonces) => {
        const guard = new NonceGuard(policy, { window: 4 });
        const fresh: bigint[] = [];
        for (const nonce of nonces) {
          const before = JSON.stringify(guard.state());
          // The obvious oracle: all nonces that were fresh, in order.
          const last = fresh.slice(-4);
          const expected =
            policy === "strict"
              ? fresh.every((n) => n < nonce)
                ? "fresh"
                : "replay"
              : nonce === last.at(-1)
                ? "repeat"
                : last.includes(nonce)
                  ? "replay"
                  : "fresh";
          assert.is(guard.accept("p", nonce), expected);
          if (expected === "fresh") fresh.push(nonce);
          else assert.is(JSON.stringify(guard.state()), before);
        }
      },
    ),
  );
});

test("peers beyond the limit are refused, those known go on", () => {
  const guard = new NonceGuard("strict", { peersMax: 2 });
  assert.is(guard.accept("a", 1n), "fresh");
  assert.is(guard.accept("b", 1n), "fresh");
  assert.is(guard.accept("c", 1n), "full");
  assert.is(guard.accept("a", 2n), "fresh");
  guard.forget("b");
  assert.is(guard.accept("c", 1n), "fresh");
});

test("what was seen before a restart is a replay after it", () => {
  for (const policy of ["strict", "lenient"] as const) {
    const guard = new NonceGuard(policy);
    guard.accept("a", 0xfedcba9876543210n);
    guard.accept("__proto__", 7n);
    const restarted = new NonceGuard(policy);
    restarted.restore(JSON.parse(JSON.stringify(guard.state())));
    assert.is(restarted.check("a", 0xfedcba9876543210n), policy === "strict" ? "replay" : "repeat");
    assert.is(restarted.check("a", 0xfedcba9876543211n), "fresh");
    assert.equal(restarted.stateOf("a"), ["fedcba9876543210"]);
    assert.is(restarted.check("__proto__", 7n), policy === "strict" ? "replay" : "repeat");
    assert.is(restarted.stateOf("b"), null);
  }
});

test("a policy made strict goes on from the greatest nonce that was seen", () => {
  const guard = new NonceGuard("lenient");
  for (const nonce of [50n, 90n, 10n]) guard.accept("a", nonce);
  const strict = new NonceGuard("strict");
  strict.restore(guard.state());
  assert.is(strict.check("a", 60n), "replay");
  assert.is(strict.check("a", 91n), "fresh");
});

test("a damaged state is refused whole", () => {
  const guard = new NonceGuard("strict", { peersMax: 2 });
  const damaged: readonly NonceState[] = [
    { a: ["01"], b: ["x"] },
    { a: ["01"], b: ["12345678123456780"] },
    { a: ["01"], b: [5 as unknown as string] },
    { a: ["01"], b: ["1"], c: ["1"] },
  ];
  for (const state of damaged) {
    assert.throws(
      () => guard.restore(state),
      (e: unknown) => e instanceof NonceStateError,
    );
    assert.equal(guard.state(), {});
  }
});

test("our nonces increase, over a crash too, and are stored once a block", () => {
  let stored = 1000n;
  let saves = 0;
  const save = (limit: bigint): void => {
    stored = limit;
    saves++;
  };
  let last = stored - 1n;
  for (let run = 0; run < 3; run++) {
    const counter = new NonceCounter(stored, save, 16);
    for (let i = 0; i < 20; i++) {
      const nonce = counter.next();
      assert.ok(nonce > last && nonce < stored);
      last = nonce;
    }
  }
  assert.is(saves, 6);
});

test("when the nonces of a key are used up, no more are given", () => {
  let stored = 0n;
  const counter = new NonceCounter(2n ** 64n - 3n, (limit) => {
    stored = limit;
  });
  counter.next();
  assert.is(counter.next(), 2n ** 64n - 2n);
  assert.throws(() => counter.next(), /no nonces/);
  assert.throws(() => new NonceCounter(stored).next(), /no nonces/);
  assert.throws(() => new NonceCounter(-1n), /not a nonce/);
});

test.run();
