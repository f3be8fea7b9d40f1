// What nobody with the key, the nonce or the right said changes nothing: every table of an xTR and of a Map-Server is
// the same to the last byte afterwards, nothing is sent, and the reason is counted.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { authenticate } from "../../../src/lisp/control/authentication.js";
import { parseRloc } from "../../../src/lisp/mapping.js";
import { ipAddress, NO_ADDRESS } from "../../../src/wire/lisp-control/address.js";
import { mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import { packetOf, sentTo } from "./control.js";
import { ip, ipv4, udp } from "./harness.js";
import {
  eidRequest,
  HUB,
  inEcm,
  MS,
  OTHER,
  registering,
  replyTo,
  signed,
  subscription,
  XTR,
} from "./unmoved/messages.js";
import { ON_SERVER } from "./unmoved/server.js";
import { type Attack, SINKS, stateOf, toServer, toXtr, type World, world } from "./unmoved/world.js";
import { ON_XTR } from "./unmoved/xtr.js";

for (const [where, attacks, send] of [
  ["an xTR", ON_XTR, toXtr],
  ["a Map-Server", ON_SERVER, toServer],
] as const)
  for (const [name, counter, attack, ends] of attacks)
    test(`${where} changes nothing for ${name}: ${counter}`, async () => {
      const w = await world();
      const before = stateOf(w.b);
      const count = Number(w.b.read(counter));
      send(w.b, attack(w), ends);
      assert.is(Number(w.b.read(counter)), count + 1);
      assert.is(stateOf(w.b), before);
      assert.equal(
        SINKS.filter((sink) => w.b.take(sink).length > 0),
        [],
        "nothing is sent",
      );
      w.b.close();
    });

test("the world is what it is for: what is right does change it", async () => {
  const changes: readonly ((w: World) => void)[] = [
    (w) => toXtr(w.b, replyTo(w.request, "10.3.0.0/16")),
    (w) =>
      toXtr(w.b, { ...replyTo(w.probe, "10.2.0.0/16", "192.0.2.2"), probe: true }, { from: "192.0.2.2" }),
    (w) => toServer(w.b, signed(registering({}))),
    (w) =>
      toServer(w.b, authenticate({ ...w.published, type: "map-notify-ack" }, HUB, 2, "ids"), { from: OTHER }),
    (w) => toServer(w.b, inEcm(subscription(42n, { itrRlocs: [NO_ADDRESS] }))),
  ];
  for (const change of changes) {
    const w = await world();
    const before = stateOf(w.b);
    change(w);
    assert.is.not(stateOf(w.b), before);
    w.b.close();
  }
});

for (const [name, element, counter, attack] of [
  [
    "an answer to a probe without a record",
    "prober",
    "prober.malformed",
    (w) => mapReply({ nonce: w.probe.nonce, probe: true, records: [] }),
  ],
  ["a Map-Reply in an ECM", "ms", "ms.unexpected", () => inEcm(mapReply({ nonce: 1n, records: [] }))],
] as const satisfies readonly (readonly [string, string, string, Attack[2]])[])
  test(`past the classifier nothing changes for ${name} either: ${counter}`, async () => {
    const w = await world();
    const before = stateOf(w.b);
    w.b.push(element, [packetOf(attack(w), { from: OTHER })]);
    assert.equal([w.b.read(counter), stateOf(w.b)], ["1", before]);
    assert.is(w.b.take("answers").length, 0);
    w.b.close();
  });

test("an SMR, from whomever, only has the mapping system asked, once in three seconds; never its sender", async () => {
  const w = await world();
  const kept = ["cache.table", "cache.rlocs", "prober.table", "reg.table"].map((h) => w.b.read(h));
  const smr = eidRequest("10.1.0.1", { smr: true, sourceEid: ipAddress(ip("10.2.0.1")) });
  for (const from of [OTHER, "198.51.100.66"]) toXtr(w.b, smr, { from });
  w.b.router.runFor(0);
  const sent = sentTo(w.b, "asked");
  assert.equal(
    sent.map((s) => [s.message.type, s.destination]),
    [["encapsulated-control", parseRloc(MS)]],
  );
  assert.equal([w.b.read("solicited.invoked"), w.b.read("solicited.limited")], ["1", "1"]);
  assert.equal(
    ["cache.table", "cache.rlocs", "prober.table", "reg.table"].map((h) => w.b.read(h)),
    kept,
  );
  w.b.close();
});

test("no sender of data packets becomes a locator: nothing is gleaned", async () => {
  const w = await world();
  const before = stateOf(w.b);
  const inside = ipv4(udp(1, 2, new Uint8Array(4)), { source: ip("10.7.0.1"), destination: ip("10.1.0.1") });
  const outer = udp(0xf000, 4341, Uint8Array.of(...new Uint8Array(8), ...inside));
  w.b.push("decap", [ipv4(outer, { source: ip(OTHER), destination: ip(XTR) })]);
  assert.is(w.b.take("inner").length, 1);
  assert.is(stateOf(w.b), before);
  w.b.close();
});

test.run();
