// LISPMapServer: xTRs of one site that merge their registrations, and EIDs that move.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { authenticate, verifyAuthentication } from "../../../../src/lisp/control/authentication.js";
import { packetOf, record, sentOf } from "../control.js";
import type { Bench } from "../harness.js";
import { A, B, bench, eidsOf, ids, MS, notifies, register, request, rlocsOf } from "./map-server-lab.js";

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

test("no more moves are told of than may wait", async () => {
  const b = await moved(", PENDING 1");
  register(b, 2, [record("10.1.0.8/32", "192.0.2.2")], { ids: ids(2), from: "192.0.2.2" });
  assert.equal([b.read("e.pending_full"), b.read("e.pending"), b.read("e.size")], ["1", "1", "3"]);
  b.close();
});

test.run();
