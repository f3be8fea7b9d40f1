// Change-Priority messages with right keys and wrong contents: whoever has a key may be broken, or hostile, too.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { nonceAt } from "../../src/lisp/change-priority/clock-nonces.js";
import { authenticate } from "../../src/lisp/control/authentication.js";
import { parseRloc } from "../../src/lisp/mapping.js";
import { eidAddress } from "../../src/wire/lisp-control/address.js";
import { type ChangePriority, changePriority } from "../../src/wire/lisp-control/change-priority.js";
import { LispControlError } from "../../src/wire/lisp-control/error.js";
import type { EidRecord } from "../../src/wire/lisp-control/record.js";
import { packetOf } from "../elements/lisp/control.js";
import { ChangeNetwork } from "../elements/lisp/mobility/change-lab.js";
import * as fc from "../property.js";
import { plainMessage } from "../wire/lisp-control/arbitrary.js";

const KEY = { id: 1, secret: new TextEncoder().encode("secret") };
const EIDS = ["192.168.1.10", "192.168.1.11", "fd01::10", "10.9.9.9"].map(parseRloc);

/** Messages of all kinds, half of their records about an EID that is known. */
const messages = fc.tuple(
  plainMessage.filter((m): m is ChangePriority => m.type === "change-priority"),
  fc.constantFrom(...EIDS),
  fc.constantFrom(0, 0, 0, 5),
  fc.boolean(),
);

function aimed(message: ChangePriority, eid: Uint8Array, iid: number): ChangePriority {
  const records = message.records.map(
    (r): EidRecord => ({ ...r, eid: eidAddress(iid, eid), maskLength: eid.length * 8 }),
  );
  return { ...message, records };
}

test("2,000 authentic messages of any content: each is answered or counted, no packet is lost, tables are bounded", async () => {
  const n = await ChangeNetwork.make({ args: () => ", TRUST key 1:secret eid any, CAPACITY 32, PATIENCE 1" });
  const { kernels } = n.bench.router.memory;
  const free = (): number => {
    const taken: number[] = [];
    for (let slot = kernels.poolTake(); slot !== 0; slot = kernels.poolTake()) taken.push(slot);
    for (const slot of taken) kernels.poolGive(slot);
    return taken.length;
  };
  const before = free();
  n.hosted(1).peers.set("192.168.1.10", ["10.0.0.3", "fd00::4", "10.0.0.99", "10.0.0.1"]);
  const ends = { source: parseRloc("10.0.0.3"), destination: parseRloc("10.0.0.1") };
  let pushed = 0;
  for (const [any, eid, iid, known] of fc.sample(messages, { numRuns: 2000, seed: 2014 })) {
    const { role, event, records, acknowledges, status } = known ? aimed(any, eid, iid) : any;
    const nonce = nonceAt(n.bench.clock) + BigInt(pushed);
    const message = changePriority({ role, event, records, acknowledges, status, nonce });
    let payload: Uint8Array;
    try {
      payload = authenticate(message, KEY, 2, "all", ends);
    } catch (e) {
      if (!(e instanceof LispControlError)) throw e;
      continue;
    }
    if (payload.length > 1400) continue;
    n.bench.push("c1", [packetOf(payload, { from: "10.0.0.3", to: "10.0.0.1" })]);
    pushed++;
    if (pushed % 20 === 0) n.run(0.05);
    assert.ok(Number(n.counts(1, "waiting")[0]) <= 32);
  }
  n.run(3);
  const [all, ...answered] = n.counts(1, "late", "heard", "refused", "unauthorized").map(Number);
  assert.is(all + answered.reduce((a, b) => a + b), pushed);
  assert.ok(all > 100 && answered[0] > 20 && answered[1] > 500, [all, ...answered].join());
  assert.equal(n.counts(1, "malformed", "bad_auth", "replay", "no_slot", "waiting"), [
    "0",
    "0",
    "0",
    "0",
    "0",
  ]);
  for (let i = 1; i <= 4; i++) for (const sink of [`s${i}`, `m${i}`]) n.bench.take(sink);
  assert.is(free(), before, "every packet was given back");
  n.close();
});

test.run();
