// What an ETR with thousands of EID-prefixes registers: a part at a time, each once, whatever changes meanwhile.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { authenticate } from "../../../src/lisp/control/authentication.js";
import { prefixText } from "../../../src/net/prefix.js";
import { eidPrefix } from "../../../src/wire/lisp-control/address.js";
import type { MapRegister } from "../../../src/wire/lisp-control/registration.js";
import { mapNotify } from "../../../src/wire/lisp-control/registration.js";
import { packetOf, sentOf } from "../../elements/lisp/control.js";
import type { Bench } from "../../elements/lisp/harness.js";
import { Bench as Router } from "../../elements/lisp/harness.js";

const MANY = 5000;
const KEY = { id: 0, secret: new TextEncoder().encode("secret") };
const eid = (i: number): string => `10.${i >> 8}.${i & 255}.0/24`;

async function large(count = MANY): Promise<Bench> {
  const site = Array.from({ length: count }, (_, i) => `${eid(i)} 192.0.2.1`).join(", ");
  return Router.start(
    `site :: LISPSite(${site}); feed :: Feed
      -> e :: LISPRegistrar(site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.9 key secret, QUICK 0) -> out :: Sink`,
  );
}

/** What is registered within `seconds`, by EID-prefix, and with a TTL of 0; the Map-Server answers all but `silent`. */
function registered(b: Bench, seconds: number, silent = ""): { all: string[]; gone: string[] } {
  const [all, gone]: [string[], string[]] = [[], []];
  for (let ms = 0; ms < seconds * 1000; ms += 20) {
    b.router.runFor(0.02);
    for (const { message } of sentOf(b, "out", "map-register") as { message: MapRegister }[]) {
      const records = message.records.filter((r) => prefixText(eidPrefix(r)!.eid) !== silent);
      for (const r of message.records) (r.ttl === 0 ? gone : all).push(prefixText(eidPrefix(r)!.eid));
      const bytes = authenticate(mapNotify({ type: "map-notify", nonce: message.nonce, records }), KEY, 2);
      b.push("e", [packetOf(bytes, { from: "192.0.2.9" })]);
    }
  }
  return { all, gone };
}

test("all EID-prefixes of a large site are registered, a part at a time and each once, and again when it is time", async () => {
  const b = await large();
  b.router.runFor(0);
  const first = sentOf(b, "out", "map-register").length;
  assert.ok(first > 0 && first <= 8, `${first} Map-Registers in the first turn`);
  b.router.runFor(0.9);
  const sent = sentOf(b, "out", "map-register") as { message: MapRegister }[];
  const count = sent.reduce((sum, { message }) => sum + message.records.length, 0);
  assert.is(count, MANY - 16 * first);
  assert.is(b.read("e.registered"), "false");
  const again = registered(b, 4);
  assert.equal([again.all.length, new Set(again.all).size], [MANY, MANY]);
  assert.equal([b.read("e.registered"), b.read("e.problem")], ["true", ""]);
  assert.equal(registered(b, 50).all, []);
  const minute = registered(b, 12);
  assert.equal([minute.all.length, new Set(minute.all).size], [MANY, MANY]);
  b.close();
});

test("what changes, comes and goes while a large site registers is registered as it is in the end", async () => {
  const b = await large();
  b.router.runFor(0.01);
  assert.ok(sentOf(b, "out", "map-register").length > 8);
  await b.router.write("site.remove", eid(4000));
  await b.router.write("site.remove", eid(1));
  await b.router.write("site.add", "172.16.0.0/16 192.0.2.1");
  await b.router.write("site.add", `${eid(3000)} 192.0.2.1/5/5`);
  await b.router.write("e.refresh");
  const { all, gone } = registered(b, 4);
  assert.is(new Set(all).size, MANY - 1);
  assert.ok(all.includes("172.16.0.0/16"));
  assert.equal([...new Set(gone)].sort(), [eid(1), eid(4000)].sort());
  assert.is(b.read("e.registered"), "true");
  assert.match(b.read("e.servers"), new RegExp(`${MANY - 1} ${MANY - 1}$`));
  b.close();
});

test("a Map-Notify that comes for a host which has left meanwhile counts for nothing", async () => {
  const b = await Router.start(
    `site :: LISPSite(192.168.2.0/24 192.0.2.1); feed :: Feed
      -> e :: LISPRegistrar(site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.9 key secret, QUICK 0) -> out :: Sink;
     Idle -> m :: LISPMobility(site, 02:00:00:00:00:01, 192.168.1.0/24 192.168.1.1, LOCATORS 192.0.2.1,
       REGISTRAR e) -> Discard; Idle -> [1] m`,
  );
  assert.equal(registered(b, 1).all, ["192.168.2.0/24"]);
  await b.router.write("m.add", "192.168.1.10");
  b.router.runFor(0.01);
  const [{ message }] = sentOf(b, "out", "map-register") as { message: MapRegister }[];
  assert.equal(
    message.records.map((r) => prefixText(eidPrefix(r)!.eid)),
    ["192.168.1.10/32"],
  );
  await b.router.write("m.away", "192.168.1.10 192.0.2.3");
  const late = mapNotify({ type: "map-notify", nonce: message.nonce, records: message.records });
  b.push("e", [packetOf(authenticate(late, KEY, 2), { from: "192.0.2.9" })]);
  assert.is(b.read("e.registered"), "true");
  assert.equal(registered(b, 65).all, ["192.168.2.0/24"]);
  b.close();
});

test("one EID-prefix of thousands that is not confirmed is told of, until it is", async () => {
  const b = await large();
  registered(b, 20, eid(77));
  assert.equal(
    [b.read("e.registered"), b.read("e.servers").split(" ").slice(-2).join(" ")],
    ["false", "4999 5000"],
  );
  assert.match(b.read("e.problem"), /has not confirmed 1 of 5000 EID-prefixes after [45] Map-Registers/);
  registered(b, 20);
  assert.equal([b.read("e.registered"), b.read("e.problem")], ["true", ""]);
  b.close();
});

test("refresh registers all of a large site anew, and the table lists it in parts, each once", async () => {
  const b = await large();
  registered(b, 3);
  await b.router.write("e.refresh");
  const { all } = registered(b, 2);
  assert.equal([all.length, new Set(all).size], [MANY, MANY]);
  const lines: string[] = [];
  for (let from: string | undefined = ""; from !== undefined; ) {
    const part: string[] = b.read("e.table", from).split("\n");
    from = /^more: (.*)/.exec(part.at(-1)!)?.[1];
    lines.push(...(from === undefined ? part : part.slice(0, -1)));
  }
  assert.equal([lines.length, new Set(lines).size], [MANY, MANY]);
  assert.throws(() => b.read("e.table", "192.0.2.8 10.0.0.0/8"), /192\.0\.2\.8 is no Map-Server/);
  b.close();
});

test.run();
