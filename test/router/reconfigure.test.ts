// Changing an element's configuration while it runs.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Element, type ElementClass, HandlerError, Loader, Router, SimulatedClock } from "../../src/index.js";
import { withArgument } from "../../src/router/reconfigure.js";
import { CONFIGURE_DEFAULT } from "../../src/router/spec.js";

const cases: readonly (readonly [config: string, keyword: string, position: number, result: string])[] = [
  ["1.0.0.1, 5, 2.0.0.2, 6", "DST", 2, "1.0.0.1, 5, NEW, 6"],
  ["SRC 1.0.0.1, DST 2.0.0.2", "DST", 1, "SRC 1.0.0.1, DST NEW"],
  ["1.0.0.1, DST 2.0.0.2", "DST", 1, "1.0.0.1, DST NEW"],
  ["1.0.0.1", "DST", 1, "1.0.0.1, DST NEW"],
  ["SRC 1.0.0.1", "DST", 0, "SRC 1.0.0.1, DST NEW"],
  ["", "DST", 0, "DST NEW"],
];

for (const [config, keyword, position, result] of cases) {
  test(`${keyword}, argument ${position} of (${config}), changed gives (${result})`, () => {
    assert.is(withArgument(config, keyword, position, "NEW"), result);
  });
}

test("Paint paints with the colour that is written to its config", async () => {
  const text = "Idle -> i :: Null -> p :: Paint(2) -> s :: PaintSwitch -> Discard; s[1] -> Discard;";
  const router = await Router.fromText(
    `${text} s[2] -> two :: Counter -> Discard; s[3] -> three :: Counter -> Discard`,
  );
  router.inject("i", new Uint8Array(60));
  await router.write("p.config", "3");
  router.inject("i", new Uint8Array(60));
  assert.is(router.read("p.config"), "3");
  assert.is(router.read("p.color"), "3");
  assert.equal([router.read("two.count"), router.read("three.count")], ["1", "1"]);
  let error: unknown = null;
  await router.write("p.config", "256").catch((e) => {
    error = e;
  });
  assert.instance(error, HandlerError);
  assert.equal([router.read("p.config"), router.read("p.color")], ["3", "3"]);
  router.close();
});

/** What stays as it was configured, and why. */
const FIXED: Readonly<Record<string, string>> = {
  Tee: "its argument is its number of ports",
  PullTee: "its argument is its number of ports",
  LISPEncap: "hands its addresses to others when it starts",
  LISPMapReplier: "its limits would forget whom they count",
  LISPMapResolver: "holds another element",
  LISPPathMTU: "holds other elements",
  LISPSMRReceiver: "holds another element",
};

test("an element with nothing but values of its arguments can be configured while it runs", async () => {
  const loader = new Loader();
  const wrong: string[] = [];
  const usual = (c: ElementClass): boolean => {
    const own = ["initialize", "cleanup", "portCount", "processing"] as const;
    return own.every((name) => c.prototype[name] === Element.prototype[name]);
  };
  for (const name of loader.classes()) {
    const elementClass = await loader.load(name);
    const { spec } = elementClass;
    if (Object.keys(spec.args ?? {}).length === 0 || spec.live === true || name in FIXED) continue;
    if ((spec.configurePhase ?? CONFIGURE_DEFAULT) === CONFIGURE_DEFAULT && usual(elementClass))
      wrong.push(name);
  }
  assert.equal(wrong, []);
});

test("a source that has stopped goes on when its configuration lets it", async () => {
  const sources = { RatedSource: "RATE 10, LIMIT", TimedSource: "INTERVAL 0.1, LIMIT" };
  for (const [name, config] of Object.entries(sources)) {
    const clock = new SimulatedClock();
    const router = await Router.fromText(`s :: ${name}(${config} 2) -> c :: Counter -> Discard`, { clock });
    router.runFor(1);
    assert.is(router.read("c.count"), "2", name);
    await router.write("s.config", `${config} 3`);
    router.runFor(1);
    assert.is(router.read("c.count"), "3", name);
    await router.write("s.config", `${config} 3, ACTIVE false`);
    await router.write("s.config", `${config} 4`);
    router.runFor(1);
    assert.is(router.read("c.count"), "4", name);
    router.close();
  }
});

test.run();
