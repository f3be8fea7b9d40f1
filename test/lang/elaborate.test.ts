import { test } from "uvu";
import * as assert from "uvu/assert";
import { diagnosticText } from "../../src/lang/diagnostics.js";
import { type ElaborateOptions, elaborate } from "../../src/lang/elaborate.js";
import { flatText } from "../../src/lang/flat-text.js";
import { parse } from "../../src/lang/parser.js";

const KNOWN = new Set("Idle Queue Discard Null Tee Print Paint Counter".split(" "));
const V = "$";

function run(text: string, options: ElaborateOptions = {}) {
  const result = elaborate(parse(text, { file: "config" }), { hasClass: (n) => KNOWN.has(n), ...options });
  return { ...result, messages: result.diagnostics.map(diagnosticText) };
}

/** The flat text on one line, of a configuration without errors. */
function flat(text: string, options: ElaborateOptions = {}): string {
  const { graph, messages } = run(text, options);
  assert.equal(messages, []);
  return flatText(graph).replace(/\s+/g, " ").trim();
}

/** The configuration that `Print(config)` ends up with. */
function config(before: string, text: string, options: ElaborateOptions = {}): string {
  const { graph } = run(`${before} Print(${text});`, options);
  return graph.elements.find((e) => e.className === "Print")!.config;
}

const graphs: readonly (readonly [what: string, text: string, flat: string])[] = [
  [
    "a class and configuration hold for all names of a list",
    "a, b :: Queue(3)",
    "a :: Queue(3); b :: Queue(3);",
  ],
  [
    "inside a connection they hold for the last name only",
    "a :: Idle; d :: Discard; a -> Null, n :: Null(2) -> d",
    "a :: Idle; d :: Discard; Null@3 :: Null; n :: Null(2); a -> Null@3 -> d; a -> n -> d;",
  ],
  [
    "anonymous names count all elements, and step aside for names in use",
    "Idle@2 :: Idle; Idle; Idle",
    "Idle@2 :: Idle; Idle@3 :: Idle; Idle@4 :: Idle;",
  ],
  [
    "many to many in order with =>, ports in lists and ranges",
    "t :: Tee; q :: Queue; t [0, 2-3] => Null, [5,6] q",
    "t :: Tee; q :: Queue; Null@3 :: Null; t [2] -> [5] q; t [3] -> [6] q; t -> Null@3;",
  ],
  [
    "a lone element and an expandable port grow to the other side",
    "t :: Tee; t => a :: Null, b :: Null; t [2,] => a, b",
    "t :: Tee; a :: Null; b :: Null; t -> a; t [2] -> a; t [1] -> b; t [3] -> b;",
  ],
  [
    "a repeated connection counts once",
    "a :: Idle; d :: Discard; a -> d; a -> d",
    "a :: Idle; d :: Discard; a -> d;",
  ],
  [
    "inside its own definition a class name means the class before",
    "elementclass Queue { -> Queue(7) -> } Idle -> q :: Queue -> Discard",
    "Idle@1 :: Idle; Discard@3 :: Discard; q/Queue@1 :: Queue(7); Idle@1 -> q/Queue@1 -> Discard@3;",
  ],
  [
    "classes of a compound are not seen outside",
    "a :: { elementclass Null Tee; -> Null -> }; Idle -> a -> Null -> Discard",
    "Idle@2 :: Idle; Null@3 :: Null; Discard@4 :: Discard; a/Null@1 :: Tee; Idle@2 -> a/Null@1 -> Null@3 -> Discard@4;",
  ],
  [
    "keywords and the rest of the arguments reach their formals",
    "elementclass X { $a, K $k, __REST__ $r | Print($a, $k, $r) } x :: X(1, z, K 5, q w)",
    "x/Print@1 :: Print(1, 5, z, q w);",
  ],
];

for (const [what, text, expected] of graphs) {
  test(what, () => assert.is(flat(text), expected));
}

test("a group has the ports of its ends, and no scope", () => {
  const text =
    "Idle -> g0 :: Null; i, j :: Idle; i, j => ( [0] -> x :: Null -> [0]; [1] -> Null -> [1] ) => Discard, Discard; g0 -> x";
  assert.match(flat(text), "Idle@1 -> g0 -> x -> Discard@10; i -> x; j -> Null@9 -> Discard@11;");
});

test("overloads are chosen by ports and arguments, and ... goes on to the class before", () => {
  const text = "elementclass Null { $a | -> Paint($a) -> || $a, $b | -> Queue($a) -> || ... }";
  const result = flat(`${text} Idle -> Null -> p :: Null(1) -> q :: Null(1, 2) -> Discard`);
  assert.match(result, "Null@2 :: Null;");
  assert.match(result, "p/Paint@1 :: Paint(1);");
  assert.match(result, "q/Queue@1 :: Queue(1);");
});

const messages: readonly (readonly [text: string, ...messages: string[]])[] = [
  ["a :: Tee; b :: Tee; a [0,1] -> [0,1] b", "syntax error: many-to-many connections require '=>'"],
  ["a :: Tee; b :: Tee; a [0,1] => [0,1,2] b", "connection mismatch: 2 outputs connected to 3 inputs"],
  [
    "a :: Tee; b :: Tee; a [0,1,2,] => [0,1] b",
    "connection mismatch: 3 or more outputs connected to 2 inputs",
  ],
  ["a :: Tee; b :: Tee; a [] => [] b", "at most one expandable port allowed per connection"],
  ["a :: Idle; a(3) -> Discard", "configuration string ignored on element reference"],
  ["Idle [0]", "output ports ignored at end of chain"],
  ["Idle :: Queue", "class 'Idle' used as element name"],
  ["a ::;", "missing element type in declaration", "unknown element class 'a'"],
  ["elementclass X { ... }", "'...' should occur last, after one or more compounds"],
  ["elementclass X { -> Null -> || ... } ", "cannot extend unknown element class 'X'"],
  ["elementclass X { $a, $a | } ", "parameter '$a' multiply defined"],
  ["elementclass X { K $a, K $b | } ", "repeated keyword parameter 'K' in compound element"],
  [
    "elementclass X { K $a, $b | } ",
    "compound element parameters out of order",
    "(The correct order is '[positional], [keywords], [__REST__]'.)",
  ],
  ["define($a 1, $a 2)", "parameter '$a' multiply defined"],
  ["define(a 1)", "bad 'define' declaration: not a variable"],
  ["require(package a b)", "syntax error at requirement"],
  ["{ input [1] -> Discard }", "'<anonymous>' input 0 missing", "'@1' input 1 unused"],
  ["{ Idle -> input }", "'<anonymous>' pseudoelement 'input' may only be used as output"],
  ["x :: { -> Discard }", "'x' input 0 unused"],
  ["x :: { -> Null -> } -> Discard", "'x' input 0 unused"],
  ["Idle -> ( -> a :: Null -> [0], b :: Null -> Discard )", "implicit ports used in the middle of a chain"],
  ["a [x] -> Discard", "syntax error: port number should be integer", "undeclared element 'a'"],
];

for (const [text, ...expected] of messages) {
  test(`reports what is wrong with: ${text}`, () => {
    const found = run(text).messages.map((m) => m.replace(/^config:1: /, ""));
    for (const message of expected)
      assert.ok(found.includes(message), `${message} among ${found.join(" | ")}`);
  });
}

test("an unknown class is reported once, where it is first used", () => {
  assert.equal(run("a :: Foo;\nb :: Foo;\nFoo -> b;").messages, ["config:1: unknown element class 'Foo'"]);
});

test("no match is placed at the end of the file, its candidates where they are defined", () => {
  const { messages: found } = run("elementclass X { $a | Idle }\nx :: X;\n\n");
  assert.equal(found, [
    "config:4: no match for 'X[0 inputs, 0 outputs]'",
    "config:1: candidates are:",
    "config:1:   X(<arg>)[0 inputs, 0 outputs]",
  ]);
});

test("variables expand bare, in braces, with defaults and by word", () => {
  const before = 'define($v a "b c" d, $n 1, $w "q");';
  assert.is(config(before, `${V}v ${V}{n}`), 'a "b c" d 1');
  assert.is(config(before, `${V}{v[1]} ${V}{v[${V}n]} ${V}{v[9]}.`), '"b c" "b c" .');
  assert.is(config(before, `${V}{none-x ${V}n} ${V}{n-x}`), "x 1 1");
  assert.is(
    config(before, `'${V}n' "${V}w" ${V}none ${V}{none} ${V}(f ${V}n) ${V}?`),
    `'${V}n' "\\"q\\"" ${V}none ${V}{none} ${V}(f 1) ${V}?`,
  );
  assert.is(config(before, `1 /* ${V}n */ // ${V}n\n ${V}n`), `1 /* ${V}n */ // ${V}n\n 1`);
});

test("definitions do not depend on order, are expanded when used, and yield to those from outside", () => {
  assert.is(config(`define(${V}a ${V}b x);`, `${V}a) ; define(${V}b 2`), "2 x");
  assert.is(config(`define(${V}a 1);`, `${V}a`, { variables: { a: "9" } }), "9");
  const loop = config(`define(${V}a <${V}a>);`, `${V}a`);
  assert.match(loop, /^<+\$a>+$/);
});

test("a compound sees the variables around it, and its own before them", () => {
  const text = `define(${V}x 1, ${V}y 2); elementclass X { ${V}x | Print(${V}x ${V}y ${V}z); define(${V}z ${V}x-${V}y) } a :: X(7)`;
  assert.is(flat(text), "a/Print@1 :: Print(7 2 7-2);");
});

test("line directives move landmarks, also those inside a configuration", () => {
  const text = '# 10 "x.click"\na :: Idle(\n#line 50 "y"\n1);\nb;\n#line 3 ""\nc;\n';
  const found = run(text);
  assert.equal(found.messages, ["y:51: undeclared element 'b'", "config:3: undeclared element 'c'"]);
  assert.is(found.graph.elements[0].config, "\n\n1");
  const { file, line } = found.graph.elements[0].landmark;
  assert.equal([file, line], ["x.click", 10]);
  assert.equal(run("#pragma\nIdle").messages, ["config:1: unknown preprocessor directive"]);
});

test("a landmark carries column, offset and length of what is meant", () => {
  const { diagnostics } = run("Idle;\r\n  Idle -> nowhere");
  assert.equal(diagnostics[0].landmark, { file: "config", line: 2, column: 11, offset: 17, length: 7 });
});

test("carriage returns, line feeds and pairs of them each end one line", () => {
  assert.equal(run("\r\n\r\n\n\rx").messages, ["config:5: undeclared element 'x'"]);
});

test("a library is read once, at file scope, and its errors stand where it is required", () => {
  const asked: string[] = [];
  const readLibrary = (name: string, from: string) => {
    asked.push(`${name} from ${from}`);
    if (name === "missing") return null;
    return { file: `/lib/${name}`, text: "elementclass L { -> Null -> }\nbad;\nrequire(library more);" };
  };
  const text =
    "require(library l, library l, library missing); Idle -> L -> Discard; { require(library l) }; late;";
  const { messages: found, graph } = run(text, { readLibrary });
  assert.equal(found, [
    "/lib/l:2: undeclared element 'bad'",
    "config:1: library 'missing' not found in CLICKPATH/conf",
    "config:1: 'require library' must be used at file scope",
    "config:1: undeclared element 'late'",
  ]);
  assert.ok(graph.elements.some((e) => /^L@\d+\/Null@1$/.test(e.name)));
  assert.is(asked[1], "more from /lib/l");
});

test("where nobody says which classes there are, any undeclared name is one", () => {
  const { graph, diagnostics } = elaborate(parse("a :: Anything(1); a -> Other;", { file: "f" }));
  assert.equal(diagnostics, []);
  assert.equal(
    graph.elements.map((e) => `${e.name} :: ${e.className}`),
    ["a :: Anything", "Other@2 :: Other"],
  );
});

test("a bare arrow after a chain that does not end at output draws a suggestion", () => {
  assert.equal(
    run("{ -> Discard; -> Null -> }").messages[0],
    "config:1: warning: suggest 'input ->' or '[0] ->' to start connection",
  );
});

test.run();
