// Whatever is told of hosts, in whatever order, and whatever packets come: each packet is accounted for, and no host is in
// two states.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { ARP_REPLY } from "../../../../src/wire/arp.js";
import * as fc from "../../../property.js";
import type { Bench } from "../harness.js";
import { arp, RANGES } from "./mobility-lab.js";
import { fromSite, GUEST, HOME, OWN, site, start, toward } from "./told-lab.js";

const EIDS = [GUEST[4], GUEST[6], OWN[4], OWN[6], "192.168.1.11"] as const;
const SINKS = ["home", "here", "away", "stray", "out"] as const;
const DROPS = ["unproven", "rate", "hold_full", "unexpected", "malformed"] as const;
const ARGS = ", HOLD 5, QUEUE 8, CAPACITY 4, IDLE 3, LINGER 2, TTL 60, TIMEOUT 0.5, PATIENCE 4, ANNOUNCE 1";

interface Step {
  readonly what: (typeof WHAT)[number];
  readonly eid: (typeof EIDS)[number];
  readonly n: number;
}
const WHAT = [
  "expect",
  "claim",
  "arm",
  "release",
  "release-to",
  "cancel",
  "away",
  "remove",
  "answer",
  "to",
  "to",
  "to",
  "from",
  "wait",
  "swap",
] as const;

const steps = fc.array(
  fc.record({
    what: fc.constantFrom(...WHAT),
    eid: fc.constantFrom(...EIDS),
    n: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 1, maxLength: 60, size: "max" },
);

/** What is true of a site at any time, and what each packet came to. */
class Observer {
  readonly #b: Bench;
  /** Numbers of the packets sent; and, by sink and EID, the last one that came there. */
  #sent = 0;
  readonly #last = new Map<string, number>();
  #arrived = 0;
  /** Of elements before hot swaps. */
  #dropped = 0;

  constructor(b: Bench) {
    this.#b = b;
  }

  send(which: "to" | "from", eid: string, count: number): void {
    for (let i = 0; i < count; i++) {
      if (which === "to") toward(this.#b, eid, ++this.#sent);
      else fromSite(this.#b, eid, ++this.#sent);
    }
  }

  /** A hot swap is about to begin counting anew. */
  swapping(): void {
    this.check();
    this.#dropped += this.#drops();
  }

  #drops(): number {
    return DROPS.reduce((sum, name) => sum + Number(this.#b.read(`e.${name}`)), 0);
  }

  check(): void {
    const b = this.#b;
    for (const sink of SINKS)
      for (const { bytes } of b.take(sink)) {
        const n = (bytes[bytes.length - 2] << 8) | bytes[bytes.length - 1];
        const four = bytes[0] >> 4 === 4;
        const name = `${sink} ${bytes.subarray(four ? 12 : 8, four ? 20 : 40)}`;
        assert.ok(n > (this.#last.get(name) ?? 0), `${n} after ${this.#last.get(name)} at ${sink}`);
        this.#last.set(name, n);
        this.#arrived++;
      }
    const lines = (handler: string): string[][] =>
      b
        .read(`e.${handler}`)
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split(" "));
    const expected = lines("expected");
    const held = expected.reduce((sum, [, , to, from]) => sum + Number(to) + Number(from), 0);
    assert.is(b.router.memory.slotsUsed, held, "packets in memory are those held");
    const dropped = this.#dropped + this.#drops();
    assert.is(this.#arrived + held + dropped, this.#sent, "every packet is accounted for");
    const states = lines("table");
    const here = states.filter(([, state]) => state !== "away").map(([eid]) => eid);
    assert.equal(
      expected.filter(([eid]) => here.includes(eid)),
      [],
      "who is here is not expected",
    );
    const own = b
      .read("site.table")
      .split("\n")
      .map((line) => line.split("/")[0]);
    assert.equal(
      EIDS.filter((eid) => own.includes(eid)).sort(),
      [...here].sort(),
      "who is here is registered, and nobody else",
    );
    const names = states.map(([eid]) => eid);
    assert.is(new Set(names).size, names.length);
  }

  /** Which way a packet for an EID goes that comes now. */
  probe(eid: string): void {
    const b = this.#b;
    this.check();
    const state =
      b
        .read("e.table")
        .split("\n")
        .find((line) => line.startsWith(`${eid} `))
        ?.split(" ")[1] ?? null;
    const expected = b
      .read("e.expected")
      .split("\n")
      .some((line) => line.startsWith(`${eid} `));
    const before = [b.read("e.held"), b.read("e.hold_full")].map(Number);
    toward(b, eid, ++this.#sent);
    const after = [b.read("e.held"), b.read("e.hold_full")].map(Number);
    const kept = after[0] + after[1] - before[0] - before[1];
    const home = (Object.values(OWN) as string[]).includes(eid);
    const way = state === "here" || state === "returned" ? "here" : state === null && home ? "home" : null;
    const to = way ?? (expected ? "held" : state === "away" ? "away" : "stray");
    if (to === "held") assert.is(kept, 1, `${eid} is expected`);
    else
      assert.is((b.router.find(to) as unknown as { seen: unknown[] }).seen.length, 1, `${eid} goes to ${to}`);
    this.check();
  }
}

async function perform(b: Bench, observer: Observer, { what, eid, n }: Step): Promise<void> {
  // What cannot be is refused, and must change nothing that the observer sees.
  const write = async (handler: string, value: string): Promise<void> => {
    try {
      await b.router.write(`e.${handler}`, value);
    } catch (e) {
      assert.is((e as { code?: string }).code, "FAILED", String(e));
    }
  };
  switch (what) {
    case "expect":
      return write("expect", `${eid} ${n}`);
    case "claim":
      return write("claim", n % 2 === 0 ? eid : `${eid} 02:00:00:00:00:0${n}`);
    case "arm":
      return write("arm", `${eid} ${n} 10.0.0.${2 + n}`);
    case "release":
      return write("release", eid);
    case "release-to":
      return write("release", `${eid} 10.0.0.${2 + n}`);
    case "cancel":
    case "remove":
      return write(what, eid);
    case "away":
      return write("away", `${eid} 10.0.0.${2 + n}`);
    case "answer": {
      const router = eid.startsWith("192.168.2.") ? "192.168.2.1" : "192.168.1.1";
      if (!eid.includes(":")) b.push("frames", [arp(ARP_REPLY, eid, router)]);
      return;
    }
    case "to":
    case "from":
      return observer.send(what, eid, n);
    case "wait":
      return b.router.runFor(n / 2);
    case "swap":
      observer.swapping();
      // Now with room for less, or without some of the ranges.
      return b.router.swap(
        site(n % 2 === 0 ? ARGS : ARGS.replace("HOLD 5", "HOLD 3"), n < 4 ? undefined : `${RANGES}, ${HOME}`),
      ) as Promise<never>;
  }
}

test("whatever is told, in whatever order: each packet is delivered, held, sent after, or dropped with a reason", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const b = await start(ARGS);
      const observer = new Observer(b);
      try {
        for (const step of all) {
          await perform(b, observer, step);
          observer.check();
        }
        for (const eid of EIDS) observer.probe(eid);
        // Nothing is held for ever.
        b.router.runFor(5);
        observer.check();
        assert.equal([b.read("e.expected"), b.router.memory.slotsUsed], ["", 0]);
      } finally {
        b.close();
      }
    }),
    { numRuns: 60 },
  );
});

test.run();
