// A host that comes home while the Map-Server cannot be reached.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { authenticate } from "../../../../src/lisp/control/authentication.js";
import { type MapRegister, mapNotify } from "../../../../src/wire/lisp-control/registration.js";
import { packetOf, type Sent, sentOf } from "../control.js";
import { Bench } from "../harness.js";
import { hosts, registered } from "./mobility-lab.js";

const KEY = { id: 1, secret: new TextEncoder().encode("secret") };
const OWN = ["192.168.2.10/32 10.0.0.2/1/50 ttl 300"];

/** Runs for `seconds`; `answers`: the Map-Server does. */
function run(b: Bench, seconds: number, answers: boolean): void {
  for (let tenth = 0; tenth < seconds * 10; tenth++) {
    b.router.runFor(0.1);
    for (const { message } of sentOf(b, "out", "map-register") as Sent<MapRegister>[]) {
      const { nonce, records } = message;
      const bytes = authenticate(mapNotify({ type: "map-notify", nonce, records }), KEY, 2);
      if (answers) b.push("registrar", [packetOf(bytes)]);
    }
  }
}

test("a host that has returned is registered by itself until the Map-Server has acknowledged it, and LINGER more", async () => {
  const b = await Bench.start(`
    site :: LISPSite(192.168.2.0/24 10.0.0.2, fd02::/64 10.0.0.2);
    f1 :: Feed -> cache :: LISPMapCache -> Discard;
    f2 :: Feed -> registrar :: LISPRegistrar(site, RLOC 10.0.0.2, MAP_SERVER 10.0.0.9 key secret) -> out :: Sink;
    f3 :: Feed -> [1] e :: LISPMobility(site, 02:00:00:00:00:02, 192.168.2.0/24 192.168.2.1, LOCATORS "10.0.0.2/1/50",
      CACHE cache, REGISTRAR registrar, LINGER 10) -> Discard;
    f4 :: Feed -> e;
  `);
  run(b, 1, true);
  await b.router.write("e.away", "192.168.2.10 10.0.0.3");
  await b.router.write("e.add", "192.168.2.10");
  run(b, 60, false);
  assert.equal([hosts(b), registered(b)], [["192.168.2.10 returned"], OWN]);
  for (let tenth = 0; b.read("registrar.registered") === "false"; tenth++) {
    assert.ok(tenth < 210, "registered at the next try");
    run(b, 0.1, true);
  }
  run(b, 9, true);
  assert.equal([hosts(b), registered(b)], [["192.168.2.10 returned"], OWN]);
  // It looks once in a second.
  run(b, 2.5, true);
  assert.equal([hosts(b), registered(b)], [[], []]);
  // With a Map-Server that answers at once it takes no more than LINGER.
  await b.router.write("e.away", "192.168.2.10 10.0.0.3");
  await b.router.write("e.add", "192.168.2.10");
  run(b, 9, true);
  assert.equal(registered(b), OWN);
  run(b, 2, true);
  assert.equal([hosts(b), registered(b)], [[], []]);
  b.close();
});

test.run();
