// Routers that share blueprints do what routers without them do, and notice what changed.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ClassifyingElement } from "../../elements/classification/classifying.js";
import { Loader, libraryReader } from "../../src/loader.js";
import { Blueprints } from "../../src/router/blueprints.js";
import { Memo } from "../../src/router/memo.js";
import { Router, type RouterOptions } from "../../src/router/router.js";

const loader = new Loader();

async function start(text: string, options: Partial<RouterOptions> = {}): Promise<Router> {
  const router = new Router({ loader, memory: { slots: 64, bytes: 2 ** 20 }, log: () => {}, ...options });
  await router.start(text, options.file ?? "config");
  return router;
}

const TEXT = `
  define($NET 10.0.0.0/8);
  AddressInfo(here 10.1.1.1);
  elementclass Pass { input -> Null -> output }
  i :: Idle -> c :: IPClassifier(dst net $NET, dst host here, -);
  c [0] -> q :: Queue(5) -> Unqueue -> r :: RadixIPLookup(10.0.0.0/8 0, 0.0.0.0/0 192.0.2.1 1);
  c [1] -> Pass -> Discard; c [2] -> k :: Classifier(12/0800, -); k [0] -> Discard; k [1] -> Discard;
  r [0] -> Discard; r [1] -> Discard;`;

/** What can be read of a router's graph. */
function told(router: Router): string[] {
  return router.elements.flatMap((e) => [
    `${e.name} ${e.className} ${e.config}`,
    ...["ports", "program", "table", "capacity"].map((h) =>
      router.handlers(e).get(h)?.read === undefined ? "" : router.read(`${e.name}.${h}`),
    ),
  ]);
}

test("the second router of a text is as the first, and as one that shares nothing", async () => {
  const alone = await start(TEXT);
  const blueprints = new Blueprints();
  const first = await start(TEXT, { blueprints });
  const second = await start(TEXT, { blueprints });
  assert.equal(told(first), told(alone));
  assert.equal(told(second), told(alone));
  assert.is(second.graph.flat, first.graph.flat);
  for (const r of [alone, first, second]) r.close();
});

test("other variables make another graph", async () => {
  const blueprints = new Blueprints();
  const routers = [];
  for (const NET of ["10.0.0.0/8", "172.16.0.0/12", "10.0.0.0/8"])
    routers.push(await start(TEXT, { blueprints, variables: { NET } }));
  const [a, b, again] = routers.map((r) => r.read("c.program"));
  assert.is.not(a, b);
  assert.is(again, a);
  for (const r of routers) r.close();
});

test("other variables share connections where those are the same, and only there", async () => {
  const blueprints = new Blueprints();
  const text = `
    define($CAPACITY 5, $ARGS 7);
    elementclass Hold { $a | input -> Queue($a) -> output || $a, $b | input -> Queue($a) -> Strip($b) -> output }
    Idle -> q :: Queue($CAPACITY) -> Unqueue -> h :: Hold($ARGS) -> Discard;`;
  const routers = [];
  for (const variables of [{}, { CAPACITY: "6" }, { ARGS: "7, 8" }, { CAPACITY: "9" }] as Record<
    string,
    string
  >[])
    routers.push([await start(text, { blueprints, variables }), await start(text, { variables })]);
  for (const [shared, alone] of routers) assert.equal(told(shared), told(alone));
  const [plain, larger, stripped, last] = routers.map(([r]) => r.graph.flat.connections);
  assert.is(larger, plain);
  assert.is.not(stripped, plain);
  assert.is(stripped.length, plain.length + 1);
  assert.equal(last, plain);
  for (const r of routers.flat()) r.close();
});

test("a text with errors has them each time, with each set of variables", async () => {
  const blueprints = new Blueprints();
  const text = "elementclass C { $a | input -> Null -> output } Idle -> C($X) -> Discard; Idle -> [1] Null;";
  const message = async (options: Partial<RouterOptions>): Promise<string> => {
    try {
      (await start(text, options)).close();
      return "";
    } catch (e) {
      return (e as Error).message;
    }
  };
  for (const variables of [{ X: "1" }, { X: "1, 2" }, { X: "1, 2" }, { X: "1" }]) {
    const alone = await message({ variables });
    assert.is.not(alone, "");
    assert.is(await message({ variables, blueprints }), alone);
  }
});

test("what an element changes in its router is not seen in another", async () => {
  const blueprints = new Blueprints();
  const a = await start(TEXT, { blueprints });
  const b = await start(TEXT, { blueprints });
  await a.write("r.add", "10.9.0.0/16 1");
  await a.write("c.pattern0", "dst host 10.9.9.9");
  const c = await start(TEXT, { blueprints });
  assert.is(b.read("r.lookup", "10.9.1.1"), c.read("r.lookup", "10.9.1.1"));
  assert.is(c.read("c.program"), b.read("c.program"));
  assert.is.not(a.read("c.program"), b.read("c.program"));
  assert.is.not((a.find("c") as ClassifyingElement).state, 0);
  for (const r of [a, b, c]) r.close();
});

test("a library that changed is read again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-blueprints-"));
  try {
    const file = join(folder, "main.click");
    const blueprints = new Blueprints();
    const readLibrary = libraryReader("");
    const options = { blueprints, readLibrary, file };
    const queue = async (text: string): Promise<string> => {
      writeFileSync(join(folder, "part.click"), text);
      const router = await start("require(library part.click); Idle -> q -> Discard;", options);
      const capacity = router.read("q.capacity");
      router.close();
      return capacity;
    };
    writeFileSync(file, "");
    assert.is(await queue("q :: Queue(7);"), "7");
    assert.is(await queue("q :: Queue(7);"), "7");
    assert.is(await queue("q :: Queue(85);"), "85");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("errors are reported each time, and a class that has come since is found", async () => {
  const blueprints = new Blueprints();
  const mine = new Loader();
  const text = "Idle -> Mine -> Discard;";
  const attempt = async (): Promise<string> => {
    try {
      (await start(text, { blueprints, loader: mine })).close();
      return "";
    } catch (e) {
      return (e as Error).message;
    }
  };
  assert.match(await attempt(), /Mine/);
  assert.match(await attempt(), /Mine/);
  mine.add(await loader.load("Null"), "Mine");
  assert.is(await attempt(), "");
});

test("what was read holds while its context answers alike", () => {
  const memo = new Memo(2);
  let made = 0;
  const read = (names: Record<string, number | Uint8Array>, elements: Record<string, object> = {}): unknown =>
    memo.get("text", { lookup: (_, name) => names[name], element: (name) => elements[name] }, (context) => {
      made++;
      return { port: context.lookup("ports", "p"), list: [context.element("e")], bytes: Uint8Array.of(1, 2) };
    });
  const [one, two] = [{ a: 1 }, { a: 2 }];
  const first = read({ p: 80 }, { e: one }) as { port: number; list: unknown[]; bytes: Uint8Array };
  assert.is(first.list[0], one);
  first.bytes[0] = 99;
  assert.equal(read({ p: 80 }, { e: two }), { port: 80, list: [two], bytes: Uint8Array.of(1, 2) });
  assert.is(made, 1);
  assert.equal((read({ p: 81 }, { e: two }) as { port: number }).port, 81);
  assert.equal((read({ p: Uint8Array.of(7) }, { e: two }) as { port: unknown }).port, Uint8Array.of(7));
  read({ p: Uint8Array.of(7) }, { e: two });
  assert.is(made, 3);
  read({ p: Uint8Array.of(7) });
  assert.is(made, 4, "there is no such element now");
});

test.run();
