// timeout: 300
// Click's recorded behaviour of the driver: same words, same exit status.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sluice } from "./sluice.js";

interface Case {
  readonly words: readonly string[];
  readonly code: number;
  readonly out?: string;
  readonly err?: string;
}

const NO_START = "Router could not be initialized!\n";

const CASES: readonly Case[] = [
  {
    words: ["-qe", "Idle -> Queue -> Queue -> Discard;"],
    code: 1,
    err: `'Queue@2 :: Queue' pull output 0 connected to 'Queue@3 :: Queue' push input 0\n${NO_START}`,
  },
  {
    words: ["-qe", "InfiniteSource -> ToDump;"],
    code: 1,
    err: `config:1: While configuring 'ToDump@2 :: ToDump':\n  FILENAME: required argument missing\n${NO_START}`,
  },
  { words: ["-qe", "i::Idle; i -> Print -> d::Discard; x :: Null; i[1]->x -> d; x -> d;"], code: 0 },
  {
    words: ["-qe", "Idle -> Print(MAXLENGTH abc, FOO 3) -> Discard"],
    code: 1,
    err: `config:1: While configuring 'Print@2 :: Print':\n  MAXLENGTH: invalid number\n  FOO: unknown argument\n${NO_START}`,
  },
  {
    words: ["-qe", "Idle -> Strip -> Discard(1,2)"],
    code: 1,
    err: `config:1: While configuring 'Strip@2 :: Strip':\n  LENGTH: required argument missing\nconfig:1: While configuring 'Discard@3 :: Discard':\n  too many arguments\n${NO_START}`,
  },
  {
    words: ["-qe", "provide(x); Idle"],
    code: 1,
    err: "config:1: syntax error near 'provide'\nconfig:1: undeclared element 'x'\n",
  },
  {
    words: ["-qe", "elementclass X { $a, K $b | input -> Print($a) -> output } Idle -> X(1) -> Discard"],
    code: 1,
    err: "config:1: no match for 'X[1 argument, 1 input, 1 output]'\nconfig:1: candidates are:\nconfig:1:   X(<arg>, K)[1 input, 1 output]\n",
  },
  {
    words: ["-qe", "elementclass X { [1]input -> output } Idle -> X -> Discard;"],
    code: 1,
    err: "config:1: input ports ignored at start of chain\n",
  },
  {
    words: ["-qe", "a->"],
    code: 1,
    err: "config:1: undeclared element 'a'\nconfig:1: syntax error near ''\n",
  },
  { words: ["-qe", "}"], code: 1, err: "config:1: syntax error near '}'\n" },
  { words: ["-qe", "Idle -> {"], code: 1, err: "config:1: expected '}'\nconfig:1: '@2' has no input 0\n" },
  { words: ["-e", ""], code: 0, err: "warning: config: configuration has no elements, exiting\n" },
  { words: ["nofile.click"], code: 1, err: "nofile.click: No such file or directory\n" },
  { words: ["-h", "x.y", "-qe", "Idle"], code: 1, err: "no element 'x'\n" },
  { words: ["-h", "nope", "-qe", "Idle"], code: 1, err: "no 'nope' handler\n" },
  {
    words: ["-qe", "x :: Idle", "-h", "x.ports", "-h", "x.handlers"],
    code: 0,
    out: "x.ports:\n0 inputs\n0 outputs\n\nx.handlers:\nhandlers\tr.\nports\tr.\nconfig\tr.\nclass\tr.\nname\tr.\n\n",
  },
  {
    words: [
      "-qo",
      "-",
      "-e",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the configuration has a variable in braces
      "define($x 3) elementclass Z { $n | input -> Paint($n) -> Paint($x) -> output } Idle -> Z(5) -> z :: Z(${x}) -> Discard",
    ],
    code: 0,
    out: "Idle@1 :: Idle;\nDiscard@4 :: Discard;\nZ@2/Paint@1 :: Paint(5);\nZ@2/Paint@2 :: Paint(3);\nz/Paint@1 :: Paint(3);\nz/Paint@2 :: Paint(3);\n\nIdle@1 -> Z@2/Paint@1\n    -> Z@2/Paint@2\n    -> z/Paint@1\n    -> z/Paint@2\n    -> Discard@4;\n",
  },
  {
    words: ["-qe", 'Idle -> Tee -> Discard; 1 :: Idle; Script(print "hi") -> Discard'],
    code: 1,
    err: "config:1: element name '1' has all-digit component\n",
  },
  {
    words: ["-e", "Script(print $(add 1 2), print hello.count, stop)"],
    code: 0,
    out: "3\n",
    err: "While executing 'Script@1 :: Script':\n  no element named 'hello'\n",
  },
  { words: ["-x", "s.run", "-e", "s :: Script(TYPE PASSIVE, return 7); Script(stop)"], code: 7 },
];

for (const { words, code, out = "", err = "" } of CASES) {
  test(`sluice ${words.join(" ")}`, async () => {
    assert.equal(await sluice(words), { code, out, err });
  });
}

test("errors of a file come in the order of its lines, a redeclaration with its former place", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  try {
    writeFileSync(join(folder, "e1.click"), "// a comment\na :: Idle; a :: Discard;\nb -> a;\nc :: Foo;\n");
    assert.equal(await sluice(["-q", "e1.click"], { cwd: folder }), {
      code: 1,
      out: "",
      err: "e1.click:2: redeclaration of element 'a'\ne1.click:2: element 'a' previously declared here\ne1.click:3: undeclared element 'b'\ne1.click:4: unknown element class 'Foo'\n",
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an option that is none points to --help", async () => {
  const { code, err } = await sluice(["-Z"]);
  assert.is(code, 1);
  assert.is(
    Buffer.from(err, "latin1").toString("utf8"),
    "sluice: unrecognized option ‘-Z’\nUsage: sluice [OPTION]... [ROUTERFILE]\nTry 'sluice --help' for more information.\n",
  );
});

test("a package that is nowhere is named, with the places looked at", async () => {
  const { code, err } = await sluice(["-qe", "require(package nope); Idle;"], { cwd: tmpdir() });
  assert.is(code, 1);
  assert.match(
    err,
    /^While loading package 'nope':\n {2}can't find required package 'nope'\n {2}in node_modules of '.*' or the folders above it\nrequirement 'nope' not available\n$/,
  );
});

test.run();
