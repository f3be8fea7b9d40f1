// What is remembered of senders, beside a slow one that remembers everything.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SimulatedClock } from "../../../src/index.js";
import { nonceAt } from "../../../src/lisp/change-priority/clock-nonces.js";
import { HeardMessages } from "../../../src/lisp/change-priority/heard-messages.js";
import * as fc from "../../property.js";

const AGE = 10;
const mac = (n: number): Uint8Array => Uint8Array.of(n);

function heard(senders = 8, messages = 16): { clock: SimulatedClock; memory: HeardMessages } {
  const clock = new SimulatedClock();
  return { clock, memory: new HeardMessages({ clock, age: AGE, senders, messages }) };
}

/** One message: whose, seconds after which it comes, how old it is then, in whole seconds, and its content. */
const arrivals = fc.array(
  fc.tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 14 }),
    fc.integer({ min: 0, max: 1 }),
  ),
  { maxLength: 60 },
);

test("of any messages in any order each has its effect once, those too old none, and all fresh ones have it", () => {
  fc.assert(
    fc.property(arrivals, (list) => {
      const { clock, memory } = heard(8, 64);
      const start = nonceAt(clock);
      const all = new Map<string, number>();
      for (const [who, wait, ago, content] of list) {
        clock.advance(clock.now() + wait * 1e9);
        const nonce = nonceAt(clock, ago);
        const name = `${who} ${nonce}`;
        const before = all.get(name);
        const { kind } = memory.check(String(who), nonce, mac(content));
        const old = ago > AGE || nonce < start;
        if (before === undefined) assert.is(kind, old ? "replay" : "fresh");
        else if (before !== content) assert.is(kind, "replay");
        // What is too old to come again may be forgotten.
        else assert.ok(kind === "repeated" || (old && kind === "replay"), kind);
        if (kind !== "fresh") continue;
        all.set(name, content);
        memory.remember(String(who), { nonce, mac: mac(content), status: content, eids: [] });
      }
    }),
    { numRuns: 500 },
  );
});

test("of more messages than are remembered the oldest are not taken again", () => {
  const { clock, memory } = heard(8, 4);
  const first = nonceAt(clock);
  for (let i = 0n; i < 6n; i++)
    memory.remember("a", { nonce: first + 2n * i, mac: mac(0), status: 0, eids: [] });
  const kinds = [0n, 1n, 2n, 3n, 4n, 5n, 10n, 11n].map((i) => memory.check("a", first + i, mac(0)).kind);
  assert.equal(kinds, ["replay", "replay", "replay", "fresh", "repeated", "fresh", "repeated", "fresh"]);
});

test("a sender more than are remembered is taken once one of them is too old to be replayed", () => {
  const { clock, memory } = heard(2);
  for (const who of ["a", "b"])
    memory.remember(who, { nonce: nonceAt(clock), mac: mac(0), status: 0, eids: [] });
  assert.is(memory.check("c", nonceAt(clock), mac(0)).kind, "full");
  clock.advance(11e9);
  assert.is(memory.check("c", nonceAt(clock), mac(0)).kind, "fresh");
  assert.is(memory.size, 0);
});

test("what was made before it began, or is of the future, is not taken; a hot swap does not begin anew", () => {
  const { clock, memory } = heard();
  const begin = nonceAt(clock);
  clock.advance(5e9);
  const kinds = (of: HeardMessages, ...nonces: bigint[]): string[] =>
    nonces.map((nonce) => of.check("a", nonce, mac(0)).kind);
  const nonces = [begin - 1n, begin, nonceAt(clock, -AGE), nonceAt(clock, -AGE) + 1n];
  assert.equal(kinds(memory, ...nonces), ["replay", "fresh", "fresh", "replay"]);
  const next = new HeardMessages({ clock, age: AGE, senders: 8, messages: 16 });
  assert.equal(kinds(next, begin), ["replay"]);
  next.takeOver(memory);
  assert.equal(kinds(next, begin), ["fresh"]);
});

test("a later message about one of the EIDs supersedes, of the same sender", () => {
  const { clock, memory } = heard();
  const nonce = nonceAt(clock);
  memory.remember("a", { nonce, mac: mac(0), status: 0, eids: ["x", "y"] });
  assert.equal(
    [
      ["a", nonce - 1n, "y"],
      ["a", nonce - 1n, "z"],
      ["a", nonce + 1n, "y"],
      ["b", nonce - 1n, "y"],
    ].map(([who, n, eid]) => memory.isSuperseded(who as string, n as bigint, [eid as string, "w"])),
    [true, false, false, false],
  );
});

test.run();
