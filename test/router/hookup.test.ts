// Port counts, flow codes, push and pull, completeness: Click's rules and words.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ConfigurationError,
  Element,
  type ElementClass,
  type ElementSpec,
  Loader,
  Router,
  SimulatedClock,
} from "../../src/index.js";
import { flows } from "../../src/router/flow.js";
import { portNumbers } from "../../src/router/hookup.js";

/** An element class that only has ports. */
function shape(name: string, spec: ElementSpec): ElementClass {
  const made = {
    [name]: class extends Element {
      static readonly spec = spec;
    },
  };
  return made[name];
}

async function problems(text: string): Promise<string[]> {
  const loader = new Loader();
  loader.add(shape("Src", { ports: "0/1", processing: "h" }));
  loader.add(shape("Sink", { ports: "1/0", processing: "h" }));
  loader.add(shape("PullSink", { ports: "1/0", processing: "l" }));
  loader.add(shape("Q", { ports: "1/1", processing: "h/l" }));
  loader.add(shape("Same", { ports: "1/1" }));
  loader.add(shape("Many", { ports: "-/-", flow: "#/#" }));
  loader.add(shape("Either", { ports: "1/1-2", processing: "a/ah" }));
  try {
    (await Router.fromText(text, { loader, clock: new SimulatedClock() })).close();
    return [];
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return e.diagnostics.map((d) => d.message);
  }
}

test("port counts take as many ports as are connected, within their ranges", () => {
  const cases: [string, number, number, number, number][] = [
    ["1/1", 0, 0, 1, 1],
    ["1/1", 3, 3, 1, 1],
    ["1-2/0", 2, 1, 2, 0],
    ["1/-6", 1, 9, 1, 6],
    ["2-/-", 0, 4, 2, 4],
    ["3", 0, 0, 3, 3],
    ["1-/=", 2, 5, 5, 5],
    ["1-/=+", 2, 1, 2, 3],
    ["-/-", 0, 0, 0, 0],
  ];
  for (const [code, ins, outs, inputs, outputs] of cases)
    assert.equal(portNumbers(code, ins, outs), { inputs, outputs }, `${code} with ${ins} and ${outs}`);
});

test("flow codes say which input's packets leave on which output", () => {
  const reach = (code: string, n: number): string =>
    Array.from({ length: n }, (_, i) =>
      Array.from({ length: n }, (_, o) => (flows(code, i, o) ? "x" : ".")).join(""),
    ).join(" ");
  assert.is(reach("x/x", 2), "xx xx");
  assert.is(reach("x/y", 2), ".. ..");
  assert.is(reach("xy/x", 2), "xx ..");
  assert.is(reach("#/#", 3), "x.. .x. ..x");
  assert.is(reach("#/[^#]", 3), ".xx x.x xx.");
  assert.is(reach("[ab]c/ac", 2), "x. .x");
});

test("a push output cannot feed a pull input, nor a pull output a push input", async () => {
  assert.equal(await problems("Src -> PullSink"), [
    "'Src@1 :: Src' push output 0 connected to 'PullSink@2 :: PullSink' pull input 0",
  ]);
  assert.equal(await problems("Src -> Q -> Sink"), [
    "'Q@2 :: Q' pull output 0 connected to 'Sink@3 :: Sink' push input 0",
  ]);
});

test("agnostic ports take on what they are connected to, through any number of elements", async () => {
  assert.equal(await problems("Src -> Same -> Same -> Q -> Same -> Same -> PullSink"), []);
  assert.equal(await problems("Src -> Same -> PullSink"), [
    "agnostic 'Same@2 :: Same' in mixed context: push input 0, pull output 0",
  ]);
});

test("ports that no packets flow between may differ", async () => {
  assert.equal(await problems("m :: Many; Src -> m -> Sink; q :: Q; Src -> q -> [1] m [1] -> PullSink"), []);
});

test("an output that is always push stays push beside a pull one", async () => {
  assert.equal(await problems("Src -> Q -> e :: Either -> PullSink; e [1] -> Sink"), []);
});

test("a push output and a pull input have one peer each", async () => {
  assert.equal(await problems("s :: Src; s -> Sink; s -> Sink"), [
    "illegal reuse of 's :: Src' push output 0",
  ]);
  assert.equal(await problems("p :: PullSink; Src -> Q -> p; Src -> Q -> p"), [
    "illegal reuse of 'p :: PullSink' pull input 0",
  ]);
  assert.equal(await problems("s :: Src; k :: Sink; s -> k; s -> k"), [], "the same connection twice is one");
});

test("every port an element has must be connected", async () => {
  assert.equal(await problems("Src -> s :: Same"), ["'s :: Same' output 0 unused"]);
  assert.equal(await problems("s :: Same -> Sink"), ["'s :: Same' input 0 unused"]);
});

test("an element has no ports beyond its count", async () => {
  assert.equal(await problems("Src -> [3] k :: Sink; Src -> k"), [
    "'k :: Sink' has no input 3",
    "'Src@1 :: Src' output 0 unused",
  ]);
});

test.run();
