// Configurations and what Click's userlevel driver printed for them (recorded
// from Kohler's Click, snapshot of July 2022), as far as the language goes.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { diagnosticText } from "../../src/lang/diagnostics.js";
import { elaborate } from "../../src/lang/elaborate.js";
import { flatText } from "../../src/lang/flat-text.js";
import { parse } from "../../src/lang/parser.js";

const CLASSES = "Idle Queue Discard Null Tee Print Paint Script InfiniteSource ToDump Strip Counter".split(
  " ",
);
const known = new Set(CLASSES);

function errors(text: string, file = "config"): string[] {
  const { diagnostics } = elaborate(parse(text, { file }), { hasClass: (name) => known.has(name) });
  return diagnostics.map(diagnosticText);
}

const cases: readonly (readonly [text: string, ...messages: string[]])[] = [
  ["Idle -> Queue -> Queue -> Discard;"],
  ["InfiniteSource -> ToDump;"],
  ["i::Idle; i -> Print -> d::Discard; x :: Null; i[1]->x -> d; x -> d;"],
  ["Idle -> Print(MAXLENGTH abc, FOO 3) -> Discard"],
  ["Idle -> Strip -> Discard(1,2)"],
  ["provide(x); Idle", "config:1: syntax error near 'provide'", "config:1: undeclared element 'x'"],
  [
    "elementclass X { $a, K $b | input -> Print($a) -> output } Idle -> X(1) -> Discard",
    "config:1: no match for 'X[1 argument, 1 input, 1 output]'",
    "config:1: candidates are:",
    "config:1:   X(<arg>, K)[1 input, 1 output]",
  ],
  [
    "elementclass X { [1]input -> output } Idle -> X -> Discard;",
    "config:1: input ports ignored at start of chain",
  ],
  ["require(package nope); Idle;"],
  ["a->", "config:1: undeclared element 'a'", "config:1: syntax error near ''"],
  ["}", "config:1: syntax error near '}'"],
  ["Idle -> {", "config:1: expected '}'", "config:1: '@2' has no input 0"],
  [""],
  ["x :: Idle"],
  [
    'Idle -> Tee -> Discard; 1 :: Idle; Script(print "hi") -> Discard',
    "config:1: element name '1' has all-digit component",
  ],
  ["Script(print $(add 1 2), print hello.count, stop)"],
  ["s :: Script(TYPE PASSIVE, return 7); Script(stop)"],
];

for (const [text, ...messages] of cases) {
  test(`Click's messages for: ${text}`, () => {
    assert.equal(errors(text), messages);
  });
}

test("a redeclaration names both places, and what follows is still reported", () => {
  const text = "// first line\na :: Idle; a :: Null;\nb -> a;\nc :: Foo;\n";
  assert.equal(errors(text, "e1.click"), [
    "e1.click:2: redeclaration of element 'a'",
    "e1.click:2: element 'a' previously declared here",
    "e1.click:3: undeclared element 'b'",
    "e1.click:4: unknown element class 'Foo'",
  ]);
});

test("the flat text is Click's -o output", () => {
  const text =
    "define($x 3) elementclass Z { $n | input -> Paint($n) -> Paint($x) -> output } " +
    `Idle -> Z(5) -> z :: Z(${"$"}{x}) -> Discard`;
  const { graph } = elaborate(parse(text, { file: "config" }), { hasClass: (name) => known.has(name) });
  assert.is(
    flatText(graph),
    `Idle@1 :: Idle;
Discard@4 :: Discard;
Z@2/Paint@1 :: Paint(5);
Z@2/Paint@2 :: Paint(3);
z/Paint@1 :: Paint(3);
z/Paint@2 :: Paint(3);

Idle@1 -> Z@2/Paint@1
    -> Z@2/Paint@2
    -> z/Paint@1
    -> z/Paint@2
    -> Discard@4;
`,
  );
});

test("a requirement can be read straight after parsing, and stands first in the flat text", () => {
  const tree = parse("require(package nope, compact_config, other); Idle;", { file: "config" });
  assert.equal(
    tree.requirements.map(({ kind, value }) => [kind, value]),
    [
      ["package", "nope"],
      ["compact_config", ""],
      ["package", "other"],
    ],
  );
  const text = 'require(package "nope", compact_config, package "other");\n\nIdle@1 :: Idle;\n\n';
  assert.is(flatText(elaborate(tree).graph), text);
});

test.run();
