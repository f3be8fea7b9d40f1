// How handlers are found, listed and called; what the router's own give.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HandlerError, Router, type RouterOptions, SimulatedClock } from "../../src/index.js";
import { formatReal, formatTime } from "../../src/router/format.js";
import { HandlerCall } from "../../src/router/handler-call.js";

const CONFIG = `
x :: Idle;
elementclass Inner { x :: Script(TYPE PASSIVE, return inner); y :: Idle; }
elementclass Outer { x :: Script(TYPE PASSIVE, return outer); i :: Inner; z :: Idle; }
o :: Outer;`;

async function start(text: string, options: RouterOptions = {}): Promise<Router> {
  return Router.fromText(text, { clock: new SimulatedClock(), log: () => {}, print: () => {}, ...options });
}

function message(run: () => unknown): string {
  try {
    run();
  } catch (e) {
    assert.instance(e, HandlerError);
    return (e as Error).message;
  }
  assert.unreachable();
  return "";
}

test("a name is looked up in the caller's compound, then in those around it", async () => {
  const router = await start(CONFIG);
  const at = (from: string, path: string): string => router.handler(path, router.find(from)).element!.name;
  assert.is(at("o/i/y", "x.name"), "o/i/x");
  assert.is(at("o/z", "x.name"), "o/x");
  assert.is(at("x", "x.name"), "x");
  assert.is(at("o/i/y", "z.name"), "o/z");
  assert.is(at("o/z", "i/x.name"), "o/i/x");
  assert.is(at("o/i/y", "o/x.name"), "o/x");
  assert.is(router.handler("o/i/x.class").element!.name, "o/i/x");
  router.close();
});

test("without an element the caller's own handler comes first; a leading dot means the router", async () => {
  const router = await start(CONFIG);
  const x = router.find("o/x");
  const parse = (text: string): string => HandlerCall.parse(router, text, { from: x, access: "read" }).name;
  assert.is(parse("config"), "o/x.config");
  assert.is(parse(".config"), "config");
  assert.is(parse("driver"), "driver");
  assert.is(parse('"x.config"'), "o/x.config");
  assert.is(router.handler("config", x).element, x);
  assert.is(router.handler(".config", x).element, null);
  router.close();
});

test("what is missing is said in Click's words: the driver's, and those of configurations", async () => {
  const router = await start(CONFIG);
  const from = router.find("x");
  const driver: readonly (readonly [string, string])[] = [
    ["no.x", "no element 'no'"],
    ["nope", "no 'nope' handler"],
    [".nope", "no 'nope' handler"],
    ["o/x.nope", "no 'o/x.nope' handler"],
    ["x.a.b", "no 'x.a.b' handler"],
  ];
  for (const [path, expected] of driver)
    assert.is(
      message(() => router.handler(path)),
      expected,
    );
  const calls: readonly (readonly [string, "read" | "write", string])[] = [
    ["no.x", "read", "no element named 'no'"],
    ["nope", "read", "no 'nope' read handler"],
    ["x.nope 3", "write", "no 'x.nope' write handler"],
    ["list", "write", "no 'list' write handler"],
    ["stop", "read", "no 'stop' read handler"],
    ["list 3", "read", "read handler 'list' does not take parameters"],
    ["", "read", "bad handler name"],
  ];
  for (const [text, access, expected] of calls)
    assert.is(
      message(() => HandlerCall.parse(router, text, { from, access })),
      expected,
    );
  assert.is(
    message(() => router.read("stop")),
    "'stop' is a write handler",
  );
  assert.is(
    message(() => router.read("list", "3")),
    "read handler 'list' does not take parameters",
  );
  await router.write("list").then(
    () => assert.unreachable(),
    (e) => assert.is(e.message, "'list' is a read handler"),
  );
  router.close();
});

test("a call keeps its value as it is written, or unquoted where that is asked for", async () => {
  const router = await start("s :: Script(TYPE PASSIVE)");
  const call = (unquote: boolean): string =>
    HandlerCall.parse(router, 's.length "a  b"', { access: "read", unquote }).read();
  assert.is(call(false), "6");
  assert.is(call(true), "4");
  assert.is(String(HandlerCall.parse(router, "s.length x", { access: "read" })), "s.length x");
  router.close();
});

test("handlers are listed last added first, the common ones at the end", async () => {
  const router = await start("c :: Idle -> d :: Discard");
  assert.match(
    router.read("d.handlers"),
    /\ncount\tr\nhandlers\tr\.\nports\tr\.\nconfig\tr\.\nclass\tr\.\nname\tr\.\n$/,
  );
  router.close();
});

test("private handlers are not listed", async () => {
  const router = await start("s :: Script(TYPE PASSIVE)");
  assert.not(/^(cat|catq|kill)\t/m.test(router.read("s.handlers")));
  assert.match(router.read("s.handlers"), /^run\trw\+$/m);
  router.close();
});

test("the router's handlers are Click's", async () => {
  const router = await start("a :: Idle -> b :: Discard");
  assert.is(
    router.read("handlers"),
    "version\tr\ndriver\tr\nconfig\tr\nflatconfig\tr\nrequirements\tr\nhandlers\tr\nlist\tr\nstop\tw\nclasses\tr\npackages\tr\ntimewarp\tr\n",
  );
  assert.is(router.read("list"), "2\na\nb\n");
  assert.is(router.read("config"), "a :: Idle -> b :: Discard");
  assert.is(router.read("flatconfig"), "a :: Idle;\nb :: Discard;\n\na -> b;\n");
  assert.match(router.read("classes"), /^Script$/m);
  router.close();
});

test("a metered router counts what passes its active ports", async () => {
  const router = await start("s :: InfiniteSource(LIMIT 3) -> q :: Queue -> d :: Discard", { metered: true });
  router.runFor(0.1);
  assert.is(router.read("active_ports"), "s\to0\nd\ti0\n");
  assert.is(router.read("active_port_stats"), "3\n3\n");
  assert.is(router.read("q.ports"), "1 input\npush\t-\ts [0]\n1 output\npull\t-\t[0] d\n");
  assert.is(router.read("d.ports"), "1 input\npull~\t3\tq [0]\n0 outputs\n");
  assert.is(router.read("s.ports"), "0 inputs\n1 output\npush~\t3\t[0] q\n");
  router.close();
});

test("an element may be given another configuration only where its class allows that", async () => {
  const router = await start("q :: Queue(3) -> Discard; Idle -> q; i :: Idle");
  await router.write("q.config", "7");
  assert.is(router.read("q.capacity"), "7");
  assert.match(
    message(() => HandlerCall.parse(router, "i.config x", { access: "write" })),
    /no 'i.config' write/,
  );
  router.close();
});

test("numbers and times are printed as C prints them", () => {
  const numbers: readonly (readonly [number, string])[] = [
    [0, "0"],
    [1.5, "1.5"],
    [-2, "-2"],
    [1 / 3, "0.333333333333"],
    [1e11, "100000000000"],
    [123456789012, "123456789012"],
    [1e12, "1e+12"],
    [1.25e-5, "1.25e-05"],
    [0.0001, "0.0001"],
    [999999999999.9, "1e+12"],
    [Number.POSITIVE_INFINITY, "inf"],
    [Number.NaN, "nan"],
  ];
  for (const [x, text] of numbers) assert.is(formatReal(x), text);
  assert.is(formatTime({ seconds: 12, nanoseconds: 3_999 }), "12.000003");
});

test.run();
