// LISPMapServer: xTRs of one site that merge their registrations, and EIDs that move.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { authenticate, verifyAuthentication } from "../../../../src/lisp/control/authentication.js";
import { packetOf, record, sentOf } from "../control.js";
import type { Bench } from "../harness.js";
import {
  A,
  B,
  bench,
  eidsOf,
  ids,
  MS,
  notifies,
  register,
  request,
  rlocsOf,
  SITES,
} from "./map-server-lab.js";

test("xTRs that ask for merging are answered for together, and each learns the whole", async () => {
  const b = await bench();
  const merge = { merge: true, proxyReply: true };
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { ...merge, ids: ids(1) });
  assert.equal(rlocsOf(notifies(b)[0].message), ["192.0.2.1"]);
  register(b, 1, [record("10.1.0.0/16", "192.0.2.2")], { ...merge, ids: ids(2), from: "192.0.2.2" });
  const told = notifies(b);
  assert.equal(told.map((n) => [n.to, ...rlocsOf(n.message)]).sort(), [
    ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
    ["192.0.2.2", "192.0.2.1", "192.0.2.2"],
  ]);
  request(b, "10.1.0.9");
  assert.equal(rlocsOf(sentOf(b, "out", "map-reply")[0].message), ["192.0.2.1", "192.0.2.2"]);
  // One that leaves leaves the other.
  register(b, 2, [record("10.1.0.0/16", "192.0.2.1", { ttl: 0 })], {
    ...merge,
    ids: ids(1),
    wantNotify: false,
  });
  b.take("out");
  request(b, "10.1.0.9");
  assert.equal(rlocsOf(sentOf(b, "out", "map-reply")[0].message), ["192.0.2.2"]);
  b.close();
});

/** 10.1.0.0/16 at 192.0.2.1; then 10.1.0.7 appears behind 192.0.2.2. */
async function moved(more = ""): Promise<Bench> {
  const b = await bench(more);
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { ids: ids(1) });
  b.take("out");
  register(b, 1, [record("10.1.0.7/32", "192.0.2.2")], { ids: ids(2), from: "192.0.2.2" });
  return b;
}

test("an EID that moves: the new xTR is acknowledged, and the one with the subnet is told", async () => {
  const b = await moved();
  const told = notifies(b);
  assert.equal(told.map((n) => [n.to, ...eidsOf(n.message), ...rlocsOf(n.message)]).sort(), [
    ["192.0.2.1", "10.1.0.7/32", "192.0.2.2"],
    ["192.0.2.2", "10.1.0.7/32", "192.0.2.2"],
  ]);
  const unsolicited = told.find((n) => n.to === "192.0.2.1")!;
  assert.is(verifyAuthentication(unsolicited.payload, unsolicited.message, [A]).verdict, "valid");
  assert.equal(unsolicited.message.ids?.xtrId, ids(1).xtrId);
  // On to a third one: now it is the second that had the EID.
  register(b, 1, [record("10.1.0.7/32", "192.0.2.3")], { ids: ids(3), from: "192.0.2.3" });
  assert.equal(
    notifies(b)
      .map((n) => n.to)
      .sort(),
    ["192.0.2.2", "192.0.2.3"],
  );
  // A refresh tells nobody.
  register(b, 2, [record("10.1.0.7/32", "192.0.2.3")], { ids: ids(3), from: "192.0.2.3" });
  assert.equal(
    notifies(b).map((n) => n.to),
    ["192.0.2.3"],
  );
  assert.is(b.read("e.unsolicited"), "2");
  b.close();
});

test("a Map-Notify about a move is sent again after 3, 3, 3, 6, 12 and 24 seconds, and given up after 48 more", async () => {
  const b = await moved();
  const start = b.clock.now();
  const times: number[] = [];
  b.take("out");
  for (let i = 0; i < 120; i++) {
    b.router.runFor(1);
    for (const _ of b.take("out")) times.push((b.clock.now() - start) / 1e9);
  }
  assert.equal(times, [3, 6, 9, 15, 27, 51]);
  assert.equal([b.read("e.pending"), b.read("e.retransmitted"), b.read("e.abandoned")], ["0", "6", "1"]);
  b.close();
});

test("an xTR that has the EID back is not told any more that another one has it", async () => {
  const b = await moved();
  const told = (): string[] => notifies(b).map((n) => `${n.to}: ${rlocsOf(n.message)}`);
  assert.ok(told().includes("192.0.2.1: 192.0.2.2"));
  // That was lost; meanwhile the EID is back.
  register(b, 2, [record("10.1.0.7/32", "192.0.2.1")], { ids: ids(1) });
  assert.equal(told().sort(), ["192.0.2.1: 192.0.2.1", "192.0.2.2: 192.0.2.1"]);
  b.router.runFor(5);
  assert.equal(told(), ["192.0.2.2: 192.0.2.1"], "sent again to the one that has it no more");
  assert.is(b.read("e.pending"), "1");
  b.close();
});

test("its Map-Notify-Ack, with the right key, ends that", async () => {
  const b = await moved();
  const { message } = notifies(b).find((n) => n.to === "192.0.2.1")!;
  const ack = { ...message, type: "map-notify-ack" } as const;
  b.push("e", [packetOf(authenticate(ack, B, 1), { from: "192.0.2.1", to: MS })]);
  b.push("e", [packetOf(authenticate({ ...ack, nonce: 1n }, A, 2), { from: "192.0.2.1", to: MS })]);
  assert.equal(
    [b.read("e.bad_authentication"), b.read("e.unawaited_ack"), b.read("e.pending")],
    ["1", "1", "1"],
  );
  b.push("e", [packetOf(authenticate(ack, A, 2), { from: "192.0.2.1", to: MS })]);
  assert.equal([b.read("e.acks"), b.read("e.pending")], ["1", "0"]);
  b.router.runFor(60);
  assert.is(b.take("out").length, 0);
  b.close();
});

/** Acknowledges all Map-Notifies to an xTR of site a that leave, and those that these lead to; what they have told, the latest last. */
function acknowledgeAll(b: Bench, xtr: string): Map<string, string> {
  const told = new Map<string, string>();
  for (let some = notifies(b); some.length > 0; some = notifies(b)) {
    for (const { to, message } of some) {
      if (to !== xtr) continue;
      for (const [i, eid] of eidsOf(message).entries())
        told.set(eid, rlocsOf({ records: [message.records[i]] })[0] ?? "gone");
      b.push("e", [
        packetOf(authenticate({ ...message, type: "map-notify-ack" }, A, 2), { from: xtr, to: MS }),
      ]);
    }
    b.router.runFor(0.01);
  }
  return told;
}

const quietly = { wantNotify: false, ids: ids(2), from: "192.0.2.2" };

test("what moves while as many Map-Notifies as may wait is told as it is when they are acknowledged", async () => {
  const b = await moved(", PENDING 1");
  // Somebody else has nothing to do with that limit.
  register(b, 1, [record("10.2.3.0/24", "192.0.2.9")], { from: "192.0.2.9", key: B, algorithm: 1 });
  register(b, 2, [record("10.2.3.0/24", "192.0.2.8")], { from: "192.0.2.8", key: B, algorithm: 1 });
  assert.equal(
    notifies(b)
      .map((n) => n.to)
      .filter((to) => to !== "192.0.2.8" && to !== "192.0.2.2")
      .sort(),
    ["192.0.2.1", "192.0.2.9", "192.0.2.9"],
  );
  for (let i = 0; i < 50; i++) register(b, 10 + i, [record(`10.1.1.${i}/32`, "192.0.2.2")], quietly);
  register(b, 80, [record("10.1.1.0/32", "192.0.2.3")], quietly);
  register(b, 81, [record("10.1.1.1/32", "192.0.2.2", { ttl: 0 })], quietly);
  // The one that waits is lost.
  b.take("out");
  b.router.runFor(3);
  const told = acknowledgeAll(b, "192.0.2.1");
  assert.is(told.size, 51);
  assert.equal(
    ["10.1.0.7/32", "10.1.1.0/32", "10.1.1.1/32", "10.1.1.49/32"].map((eid) => told.get(eid)),
    ["192.0.2.2", "192.0.2.3", "gone", "192.0.2.2"],
  );
  assert.is(b.read("e.pending_full"), "0");
  b.close();
});

test("an xTR that is thousands of moves behind is told all that others have of its site", async () => {
  const b = await moved();
  const eid = (i: number): string => `10.1.${i >> 8}.${i & 255}/32`;
  for (let i = 0; i < 4300; i += 20)
    register(
      b,
      10 + i,
      Array.from({ length: 20 }, (_, k) => record(eid(256 + i + k), "192.0.2.2")),
      quietly,
    );
  b.take("out");
  b.router.runFor(3);
  const told = acknowledgeAll(b, "192.0.2.1");
  for (let i = 0; i < 4300; i++) assert.is(told.get(eid(256 + i)), "192.0.2.2");
  assert.equal([b.read("e.pending_full"), b.read("e.abandoned")], ["0", "0"]);
  // What nobody has any more is not found again: of this the latest few thousand are kept.
  for (let i = 0; i < 4300; i += 20)
    register(
      b,
      6000 + i,
      Array.from({ length: 20 }, (_, k) => record(eid(256 + i + k), "192.0.2.2", { ttl: 0 })),
      quietly,
    );
  assert.is(b.read("e.pending_full"), String(4300 - 32 - 4096));
  b.close();
});

test("after a hot swap what was told is still acknowledged, and the rest told", async () => {
  const b = await moved(", PENDING 1");
  for (let i = 0; i < 3; i++) register(b, 10 + i, [record(`10.1.1.${i}/32`, "192.0.2.2")], quietly);
  b.take("out");
  await b.router.swap(`feed :: Feed -> e :: LISPMapServer(${SITES}, RLOC4 ${MS}, PENDING 2) -> out :: Sink`);
  b.router.runFor(3.1);
  assert.equal([...acknowledgeAll(b, "192.0.2.1").keys()].sort(), [
    "10.1.0.7/32",
    "10.1.1.0/32",
    "10.1.1.1/32",
    "10.1.1.2/32",
  ]);
  assert.is(b.read("e.pending"), "0");
  b.close();
});

test.run();
