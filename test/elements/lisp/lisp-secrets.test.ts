// What the LISP elements share with their peers is not shown by any handler.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { readHandler } from "../../../src/router/handler.js";
import { failure } from "./control.js";
import { Bench } from "./harness.js";

const GRAPH = `
  define($SECRET hush-define)
  site :: LISPSite(10.1.0.0/16 192.0.2.1);
  reg :: LISPRegistrar(site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.100 key 1:hush-1 sha1 key 2:$SECRET)
    -> ms :: LISPMapServer(a key hush-3 eid 10.0.0.0/8 more, "b key 'hush 4' eid 11.0.0.0/8",
         RLOC4 192.0.2.100, PUBSUB_KEY 7:hush-5) -> reg;`;

test("no handler shows a secret; the rest of the configuration is there", async () => {
  const b = await Bench.start(GRAPH);
  b.router.runFor(1);
  assert.is(b.read("reg.config"), "site, RLOC 192.0.2.1, MAP_SERVER ***");
  assert.is(b.read("ms.config"), "***, ***, RLOC4 192.0.2.100, PUBSUB_KEY ***");
  assert.is(b.read("site.config"), "10.1.0.0/16 192.0.2.1");
  assert.match(b.read("flatconfig"), /reg :: LISPRegistrar\(site, RLOC 192\.0\.2\.1, MAP_SERVER \*\*\*\);/);
  assert.is(b.read("config"), b.read("flatconfig"));
  let handlers = 0;
  const none = b.router.handlers(null);
  for (const all of [none, ...b.router.elements.map((e) => b.router.handlers(e))])
    for (const handler of all.values())
      if (handler.read !== undefined) {
        assert.not.match(readHandler(handler), /hush/, handler.name);
        handlers++;
      }
  assert.ok(handlers > 60);
  b.close();
});

test("what a handler shows cannot come back as a configuration: no secret becomes '***'", async () => {
  const b = await Bench.start(GRAPH);
  const shown = b.read("config");
  assert.match(await failure(() => b.router.swap(shown)), /MAP_SERVER: word 1 is no address of a Map-Server/);
  assert.match(
    await failure(() =>
      Bench.start("ms :: LISPMapServer(RLOC4 192.0.2.1, PUBSUB_KEY ***); Idle -> ms -> Discard"),
    ),
    /PUBSUB_KEY: '\*\*\*' stands for a secret/,
  );
  assert.match(
    await failure(() => b.router.swap(GRAPH.replace("sha1", "sha2"))),
    /MAP_SERVER: word 4 is not/,
  );
  assert.not.match(await failure(() => b.router.swap(GRAPH.replace("sha1", "sha2"))), /hush/);
  b.close();
});

test("a hot swap to another key takes effect", async () => {
  const b = await Bench.start(GRAPH);
  b.router.runFor(1);
  const refused = Number(b.read("ms.bad_authentication"));
  assert.ok(refused > 0);
  await b.router.swap(GRAPH.replace("1:hush-1 sha1", "hush-3"));
  b.router.runFor(1);
  assert.is(b.read("reg.registered"), "true");
  b.close();
});

test.run();
