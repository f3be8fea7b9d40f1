// timeout: 240
// A mapping changes, and of one kind of message the first ones get lost: every ITR has the new mapping within seconds.
// And anything changes while anything gets lost: in the end all have what the Map-Server has.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LispControlMessage } from "../../src/wire/lisp-control/message.js";
import * as fc from "../property.js";
import { Core, type Sent } from "./core-network.js";

/** Seconds in which every ITR has a changed mapping when one message of a kind gets lost, and when two do. */
const BOUNDS = [4, 10] as const;

const to = (last: number) => (sent: Sent) => sent.destination.at(-1) === last;
const isItr = (sent: Sent): boolean => to(1)(sent) || to(3)(sent);
const inner = (m: LispControlMessage): LispControlMessage | null =>
  m.type === "encapsulated-control" ? (m.inner?.message ?? null) : m;
const isAsked = (m: LispControlMessage): boolean => {
  const request = inner(m);
  return request?.type === "map-request" && request.smrInvoked;
};

interface Kind {
  readonly name: string;
  readonly is: (message: LispControlMessage, sent: Sent) => boolean;
  /** Who answers, who tells of changes, and how many xTRs the site has. */
  readonly proxy: boolean;
  readonly pubsub: boolean;
  readonly xtrs: 1 | 2;
}

const alone = { proxy: false, pubsub: false, xtrs: 1 } as const;
const shared = { proxy: true, pubsub: false, xtrs: 2 } as const;
const published = { proxy: true, pubsub: true, xtrs: 1 } as const;

const KINDS: readonly Kind[] = [
  { ...alone, name: "Map-Register", is: (m) => m.type === "map-register" },
  { ...alone, name: "Map-Notify", is: (m) => m.type === "map-notify" },
  { ...alone, name: "SMR", is: (m) => m.type === "map-request" && m.smr },
  { ...alone, name: "SMR-invoked Map-Request", is: isAsked },
  { ...alone, name: "Map-Reply", is: (m) => m.type === "map-reply" },
  {
    ...shared,
    name: "Map-Notify to the site's other xTR",
    is: (m, sent) => m.type === "map-notify" && to(4)(sent),
  },
  { ...shared, name: "Map-Notify-Ack", is: (m) => m.type === "map-notify-ack" },
  {
    ...shared,
    name: "SMR of the site's other xTR",
    is: (m, s) => m.type === "map-request" && m.smr && to(3)(s),
  },
  { ...published, name: "Publication", is: (m, sent) => m.type === "map-notify" && isItr(sent) },
  { ...published, name: "acknowledgement of a Publication", is: (m) => m.type === "map-notify-ack" },
];

for (const { name, is, proxy, pubsub, xtrs } of KINDS)
  test(`every ITR has a changed mapping though the first message of a kind gets lost, or two: ${name}`, async () => {
    const core = await Core.start({ proxy, pubsub, shared: xtrs === 2 });
    for (const [i, bound] of BOUNDS.entries()) {
      // Without SMRs where publications are to tell.
      const quiet = (m: LispControlMessage): boolean => pubsub && m.type === "map-request" && m.smr;
      let left = i + 1;
      core.lose = (m, sent) => quiet(m) || (left > 0 && is(m, sent) && left-- > 0);
      await core.change(20 + i);
      core.run(bound);
      assert.is(left, 0, `${i + 1} lost`);
      for (const itr of core.itrs)
        assert.is(core.weightAt(itr), 20 + i, `${itr} after ${bound} s, ${i + 1} lost`);
      // The next one is a change of its own.
      core.lose = () => false;
      core.run(60);
    }
    core.close();
  });

/** Part of all packets that get lost on each link, and seconds after the last change until all is told nevertheless. */
const LOSS = 0.15;
const PATIENCE = 240;

const ADDRESSES = ["192.168.2.10", "192.168.2.99", "192.168.2.200"];
const PREFIXES = ["192.168.2.0/24", "192.168.2.0/25", "192.168.2.128/25", "192.168.2.10/32"];

const change = fc.record({
  prefix: fc.constantFrom(...PREFIXES),
  /** null: it goes; the whole of the site stays. */
  weight: fc.option(fc.integer({ min: 1, max: 99 }), { freq: 4 }),
  seconds: fc.constantFrom(0, 0.3, 2, 10),
});

test("whatever changes while 15 % of the packets on each link get lost, all ITRs have what the Map-Server has in the end", async () => {
  const modes = [
    { proxy: false, pubsub: false },
    { proxy: true, pubsub: false },
    { proxy: true, pubsub: true },
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...modes), fc.array(change, { maxLength: 8 }), async (mode, changes) => {
      const core = await Core.start({ ...mode, shared: false, loss: LOSS });
      for (const itr of core.itrs) for (const a of ADDRESSES) await core.ask(itr, `${a}/32`);
      core.run(30);
      for (const { prefix, weight, seconds } of changes) {
        if (weight !== null) await core.change(weight, prefix);
        else if (prefix !== PREFIXES[0]) await core.remove(prefix);
        core.run(seconds);
      }
      core.run(PATIENCE);
      for (const a of ADDRESSES) {
        const expected = core.registeredWeight(a);
        for (const itr of core.itrs) assert.is(core.weightAt(itr, a), expected, `${itr}: ${a}`);
      }
      core.close();
    }),
    { numRuns: Number(process.env.RUNS ?? 5) },
  );
});

test.run();
