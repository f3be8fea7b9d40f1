// Where arguments stand in a configuration's text, whole or broken by what is in them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { configRegions } from "../../src/lang/config-regions.js";
import * as fc from "../property.js";

/** Owner, text inside, and what else may belong to it. */
const regions = (text: string): string[][] =>
  configRegions(text).map(({ owner, from, to, tail }) => [owner, text.slice(from, to), text.slice(to, tail)]);

for (const [text, expected] of [
  ["a :: Idle -> Strip(14) -> Discard;", [["Strip", "14", ""]]],
  [
    'a :: X("a)b", (c)), b :: Y(1)',
    [
      ["X", '"a)b", (c)', ""],
      ["Y", "1", ""],
    ],
  ],
  [
    "define($A 1, $B 2) Idle -> X(1)",
    [
      ["define", "$A 1, $B 2", ""],
      ["X", "1", ""],
    ],
  ],
  ["Idle -> ( [0] -> X(1) -> [0] ) -> Y", [["X", "1", ") -> [0] ) -> Y"]]],
  ["{ input -> output } (7) -> X", [["", "7", ""]]],
  [
    "X(a)b) -> Y; Z(1)",
    [
      ["X", "a", ")b) -> Y"],
      ["Z", "1", ""],
    ],
  ],
  ["X(a)b c; Y", [["X", "a", ")b c"]]],
  ["X(a) // b)\nY", [["X", "a", ") // b)\nY"]]],
  ["define($A x)y) Z", [["define", "$A x", ")y) Z"]]],
  ["X(a b", [["X", "a b", ""]]],
  ["// X(1)\n/* Y(2) */ Z(3)", [["Z", "3", ""]]],
  ["$c(1)", [["$c", "1", ""]]],
] as const)
  test(`the arguments in ${JSON.stringify(text)}`, () => assert.equal(regions(text), expected));

test("regions of any text are in order and within it", () => {
  const text = fc.string({ unit: fc.constantFrom(..."aX()\"'{}[];:->,|/* \n$#1"), maxLength: 60 });
  fc.assert(
    fc.property(text, (source) => {
      let last = 0;
      for (const { from, to, tail } of configRegions(source)) {
        assert.ok(last <= from && from <= to && to <= tail && tail <= source.length, source);
        last = to;
      }
    }),
  );
});

test.run();
