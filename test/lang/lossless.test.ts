// Properties that hold for any text: nothing is lost, nothing throws.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { elaborate } from "../../src/lang/elaborate.js";
import type { FlatGraph } from "../../src/lang/flat.js";
import { flatText } from "../../src/lang/flat-text.js";
import { format } from "../../src/lang/format.js";
import { MAX_DIAGNOSTICS } from "../../src/lang/limits.js";
import { parse } from "../../src/lang/parser.js";
import { splitTrivia } from "../../src/lang/trivia.js";
import * as fc from "../property.js";

const PIECES =
  "a b Idle Queue X input output 0 1 2 65535 @ / // /* */ $ $a §{a} §{a-b} §{a[1]} ( ) { } [ ] , ; : :: - -> => = | || ... elementclass require provide define package library compact_config __REST__ K \" ' \\ \\< > # #line 12 \n \r\n \r \t . é"
    .replaceAll("§", "$")
    .split(" ");
const soup = fc.array(fc.constantFrom(" ", ...PIECES), { maxLength: 60 }).map((pieces) => pieces.join(""));

const VALID = `// a configuration with everything in it
require(compact_config)
define($cap 100, $w "a b");
elementclass Lane { $color, CAP $c, __REST__ $more |
  input -> Paint($color) -> Queue($c) -> output; // the lane
  input [1] -> Discard;
  || $color | [0-1] => Tee, Discard }
elementclass Pass { (->) }
# 7 "other.click"
s, t :: Idle;
s -> [0] a :: Lane(3, CAP $cap, x, y) -> Unqueue -> d :: Discard;
t -> [1] a; u :: Tee(2) [0,1] => (Null, -> Counter ->) => d;
Idle -> { -> Print("x \${w[1]} $", '$w') -> } -> Pass -> Pass -> d /* done */
`;

/** A valid configuration with some pieces cut out, doubled or replaced. */
const mutated = fc
  .array(fc.tuple(fc.nat(VALID.length), fc.nat(12), fc.constantFrom("", ...PIECES)), { maxLength: 4 })
  .map((edits) =>
    edits.reduce((text, [at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut), VALID),
  );

const shape = ({ elements, connections }: FlatGraph) => ({
  elements: elements.map(({ name, className, config }) => [name, className, config]),
  connections: connections.map(({ from, fromPort, to, toPort }) => [from, fromPort, to, toPort]),
});

function checkLossless(text: string): void {
  const { tokens, source } = parse(text, { file: "f" });
  let at = 0;
  let rebuilt = "";
  for (const token of tokens) {
    assert.is(token.leading, at);
    assert.ok(token.start >= at && token.end >= token.start);
    const leading = source.slice(token.leading, token.start);
    const lineStart = at === 0 || /[\r\n]/.test(source[at - 1]);
    rebuilt += splitTrivia(leading, lineStart).reduce((sum, piece) => sum + piece.text, "");
    rebuilt += source.slice(token.start, token.end);
    at = token.end;
  }
  assert.is(tokens[tokens.length - 1].kind, "eof");
  assert.is(rebuilt, text);
}

test("tokens with what stands between them are the text, for any text", () => {
  fc.assert(fc.property(fc.oneof(soup, mutated, fc.string({ unit: "binary" })), checkLossless), {
    numRuns: 2000,
  });
});

test("any text elaborates without an exception, with and without known classes", () => {
  const property = fc.property(fc.oneof(soup, mutated), fc.boolean(), (text, strict) => {
    const tree = parse(text, { file: "f" });
    const { graph, diagnostics } = elaborate(tree, strict ? { hasClass: (name) => name.length > 2 } : {});
    assert.ok(diagnostics.length >= tree.diagnostics.length);
    for (const { from, to } of graph.connections) assert.ok(graph.elements[from] && graph.elements[to]);
  });
  fc.assert(property, { numRuns: 3000 });
});

test("every error of form is among the elaboration's, in the same order", () => {
  const property = fc.property(fc.oneof(soup, mutated), (text) => {
    const tree = parse(text, { file: "f" });
    const { diagnostics } = elaborate(tree);
    const shown = diagnostics.filter((d) => tree.diagnostics.includes(d));
    const cut = diagnostics.some((d) => d.code === "too-many-errors");
    assert.equal(shown, cut ? tree.diagnostics.slice(0, shown.length) : tree.diagnostics);
  });
  fc.assert(property, { numRuns: 1000 });
});

test("when there are too many errors the last ones give way, those of form too", () => {
  const tree = parse("elementclass Lane { input [65535] -> Discard }\n-> -> x", { file: "f" });
  assert.ok(tree.diagnostics.length > 0);
  const { diagnostics } = elaborate(tree);
  assert.is(diagnostics.length, MAX_DIAGNOSTICS + 1);
  assert.is(diagnostics[0].message, "'Lane' input 0 missing");
  assert.is(diagnostics[MAX_DIAGNOSTICS].code, "too-many-errors");
});

test("the flat text gives the same graph again", () => {
  let compared = 0;
  const property = fc.property(fc.oneof(mutated, soup), (text) => {
    const { graph, diagnostics } = elaborate(parse(text, { file: "f" }));
    // A class may be called 1/a, and its anonymous elements 1/a@1; but no element may be declared so.
    if (diagnostics.length > 0 || graph.elements.some(({ name }) => /(^|\/)\d+\//.test(name))) return;
    compared++;
    const again = elaborate(parse(flatText(graph), { file: "f" }));
    assert.equal(again.diagnostics, []);
    assert.equal(shape(again.graph), shape(graph));
  });
  fc.assert(property, { numRuns: 3000 });
  assert.ok(compared > 200, `${compared} configurations were valid`);
});

test("formatting changes no meaning, loses no comment, and is done at once", () => {
  const comments = (text: string) =>
    parse(text, { file: "f" }).tokens.flatMap((token) =>
      splitTrivia(text.slice(token.leading, token.start), token.leading === 0)
        .filter((piece) => piece.kind === "comment")
        .map((piece) => piece.text),
    );
  const property = fc.property(fc.oneof(mutated, soup), (text) => {
    const tree = parse(text, { file: "f" });
    const formatted = format(tree);
    const again = parse(formatted, { file: "f" });
    assert.is(again.diagnostics.length, tree.diagnostics.length);
    assert.equal(shape(elaborate(again).graph), shape(elaborate(tree).graph));
    if (tree.diagnostics.length > 0) return;
    assert.equal(comments(formatted), comments(text));
    assert.is(format(again), formatted);
  });
  fc.assert(property, { numRuns: 3000 });
});

test("formatting indents bodies and chains", () => {
  const text = "elementclass X{$a|\ninput->Queue( $a )\n->output;\n}\n\n\nIdle->X(3)[0]->[1]Discard ;";
  assert.is(
    format(parse(text, { file: "f" })),
    "elementclass X { $a |\n  input -> Queue( $a )\n      -> output;\n}\n\nIdle -> X(3) [0] -> [1] Discard;\n",
  );
});

test.run();
