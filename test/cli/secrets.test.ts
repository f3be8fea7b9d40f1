// timeout: 300
// A secret in any position of a configuration, with any mistake: it is in nothing that anybody gets to see.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { shownWord, wordsWithoutSecrets } from "../../src/cli/own-words.js";
import { report } from "../../src/cli/report.js";
import { ConfigurationError, Router, SimulatedClock } from "../../src/index.js";
import { parseDescriptor } from "../../src/vnf/descriptor/read.js";
import * as fc from "../property.js";
import { launch, sluice } from "./sluice.js";

const HUSH = /hush/i;

/** Everything that is said of a configuration: errors in all forms, what is logged, and what the handlers give. */
async function everythingSaid(text: string, variables: Record<string, string> = {}): Promise<string> {
  const said: string[] = [];
  const log = (line: string): void => void said.push(line);
  const options = { file: "config", clock: new SimulatedClock(), log, print: log, variables };
  try {
    const router = await Router.fromText(text, options);
    for (const element of [null, ...router.elements])
      for (const handler of router.handlers(element).values())
        if (handler.read !== undefined && !handler.spec.params && !handler.spec.private)
          said.push(String(handler.read("")));
    router.close();
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    const source = { text, file: "config" };
    said.push(e.message, report(e.diagnostics, "text", source), report(e.diagnostics, "json"));
  }
  return said.join("\n");
}

/** Where secrets stand, by mistake or not: KEY is one with all that belongs to it. */
const POSITIONS = [
  "ms :: LISPMapServer(a key KEY eid 10.0.0.0/8, RLOC4 10.0.0.1)",
  'ms :: LISPMapServer("a key KEY eid 10.0.0.0/8", RLOC4 10.0.0.1)',
  "ms :: LISPMapServer(a key x eid 10.0.0.0/8, RLOC4 10.0.0.1, PUBSUB_KEY KEY)",
  "ms :: LISPMapServer(KEY, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(KEY key a eid 10.0.0.0/8, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(a KEY eid 10.0.0.0/8, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(a key x KEY eid 10.0.0.0/8, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(a key x eid KEY, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(a key x iid KEY eid 10.0.0.0/8, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(a key x eid 10.0.0.0/8 KEY, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(a eid 10.0.0.0/8 key KEY, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(a key KEY eid 10.0.0.0/8, b key KEY eid 10.0.0.0/8, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(a key KEY eid 10.0.0.0/8, RLOC4 KEY)",
  "ms :: LISPMapServer(a key KEY eid 10.0.0.0/8, RLOC 10.0.0.1, PUBSUB KEY)",
  "ms :: LISPMapSever(a key KEY eid 10.0.0.0/8, RLOC4 10.0.0.1)",
  "ms :: LISPMapServer(a key KEY eid 10.0.0.0/8,\n  RLOC4 10.0.0.1,\n PUBSUB_KEY KEY,\n FOO KEY)",
  "elementclass MS { $k | Idle -> ms :: LISPMapServer(a key $k eid 10.0.0.0/8, RLOC4 10.0.0.1) -> Discard } MS(KEY); MS(KEY, KEY); x",
  "define($K KEY); ms :: LISPMapServer(a key $K eid 10.0.0.0/8, RLOC4 10.0.0.1)",
  "s :: LISPSite; ms :: LISPRegistrar(s, RLOC 10.0.0.2, MAP_SERVER 10.0.0.1 key KEY merge)",
  "s :: LISPSite; ms :: LISPRegistrar(s, RLOC 10.0.0.2, MAP_SERVER KEY)",
  "s :: LISPSite; ms :: LISPRegistrar(s, RLOC 10.0.0.2, MAP_SERVER 10.0.0.1 KEY)",
  "s :: LISPSite; ms :: LISPRegistrar(s, RLOC 10.0.0.2, MAP_SERVER 10.0.0.1 key x KEY)",
  "s :: LISPSite; ms :: LISPRegistrar(s, RLOC 10.0.0.2, MAP_SERVER KEY key 10.0.0.1)",
  "s :: LISPSite; ms :: LISPRegistrar(s, KEY, MAP_SERVER 10.0.0.1 key KEY no-key)",
];

/** Secrets, and how they come apart: quoted, with an ID or algorithm, cut by what means something. */
const SECRETS = [
  "hush",
  "1:hush",
  "300:hush",
  "12345678:hush",
  "hush sha1",
  "hush sha9",
  "'hush hush'",
  '"hush hush"',
  "hush hush",
  "'hush",
  "x,hush",
  "x,hush eid 10.1.0.0/16",
  "x, hush hush",
  "x)hush",
  "x)hush y",
  "hu(hush",
  "x)hush(y",
  "$hush",
  "file:hush",
  "env:hush",
  "1:file:/no/such/file",
  "***hush",
  "hush=hush",
  "x/*hush",
  "x//hush",
  "x\\hush",
  "",
];

test("no error, log or handler says a secret, whatever is wrong with it", async () => {
  let count = 0;
  for (const position of POSITIONS)
    for (const secret of SECRETS) {
      const texts = [position, `Idle -> ${position} -> Discrad`, `${position}\nIdle -> `];
      const text = texts[count++ % texts.length].replace(/(?<!PUBSUB_)KEY/g, () => secret);
      assert.not.match(await everythingSaid(text), HUSH, text);
    }
});

test("nor does it in places that nobody thought of", async () => {
  const piece = fc.constantFrom(
    ..."a key eid iid 10.0.0.0/8 merge , ; ( ) \" ' : sha1 1: RLOC4 10.0.0.1 -> $x { } [ ] | \\ file: env: more".split(
      " ",
    ),
  );
  const config = fc.tuple(
    fc.array(piece, { maxLength: 8 }),
    fc.array(
      piece.filter((p) => !/[;()[\]{}|>]/.test(p)),
      { maxLength: 4 },
    ),
  );
  await fc.assert(
    fc.asyncProperty(config, async ([before, after]) => {
      // What a closing parenthesis before it leaves outside of all arguments is no argument's secret.
      const inside = before.filter((p) => !/[)};|]/.test(p));
      const text = `Idle -> ms :: LISPMapServer(${inside.join(" ")} hush ${after.join(" ")}, RLOC4 10.0.0.1) -> Discard`;
      assert.not.match(await everythingSaid(text), HUSH, text);
    }),
    { numRuns: 100 },
  );
});

const KEYED =
  "ms :: LISPMapServer(a key $K eid 10.0.0.0/8, RLOC4 10.0.0.1, PUBSUB_KEY 1:$K); Idle -> ms -> Discard";

test("flatten, check and run -o print no secret, unless they are asked to", async () => {
  for (const words of [
    ["flatten", "-e", KEYED, "K=hush"],
    ["flatten", "--json", "-e", KEYED, "K=hush"],
    ["check", "-e", `${KEYED} x`, "K=hush"],
    ["check", "--json", "-e", `${KEYED} x`, "K=hush"],
    ["run", "-q", "-o", "-", "-e", KEYED, "K=hush"],
    [
      "run",
      "-q",
      "-h",
      "config",
      "-h",
      "flatconfig",
      "-h",
      "ms.config",
      "-h",
      "ms.sites",
      "-e",
      KEYED,
      "K=hush",
    ],
  ]) {
    const { out, err } = await sluice(words);
    assert.not.match(out + err, HUSH, words.join(" "));
    assert.ok(out.length + err.length > 10);
  }
  const { out } = await sluice(["flatten", "--secrets", "-e", KEYED, "K=hush"]);
  assert.match(out, /a key hush eid/);
});

test("a word that is taken for a file, or is one too many, is said without its value", async () => {
  for (const words of [
    ["run", "MY-SITES=a key hush"],
    ["check", "S ITES=a key hush"],
    ["up", "SITES=hush"],
    ["ps", "K=hush"],
    ["demo", "K=hush"],
    ["lisp", "decode", "10.0.0.0/8=hush"],
    ["lisp", "decode", "--key", "hush=10.0.0.0/8", "x"],
    ["lisp", "decode", "--key", "hush", "x"],
    ["lisp", "decode", "--keys=10.0.0.0/8=hush", "x"],
  ]) {
    const { code, out, err } = await sluice(words);
    assert.not.match(out + err, HUSH, words.join(" "));
    assert.is(code, 1);
  }
  assert.equal(["a.click", "SITES=a key x"].map(shownWord), ["a.click", "SITES=***"]);
});

test("secrets among a command's words are overwritten in the list of processes", async () => {
  const words = [
    "-e",
    'Script(print "up", pause)',
    "SITES=a key hush eid 10.0.0.0/8",
    "PUBSUB_KEY=7:hush",
    "X=1",
  ];
  const program = launch(words);
  await program.until(() => program.out() === "up\n");
  const shown = readFileSync(`/proc/${program.pid}/cmdline`, "utf8");
  assert.not.match(shown, HUSH);
  assert.match(shown, /SITES=a key \*\*\* eid 10\.0\.0\.0\/8 PUBSUB_KEY=\*\*\* X=1/);
  program.kill("SIGTERM");
  await program.ended;
});

for (const [word, shown] of [
  [
    "SITES=a key hush sha1 eid 10.0.0.0/8, b key 1:'hush hush' eid 11.0.0.0/8",
    "SITES=a key *** sha1 eid 10.0.0.0/8, b key *** eid 11.0.0.0/8",
  ],
  ["SITES=a key file:/x eid 10.0.0.0/8", "SITES=a key file:/x eid 10.0.0.0/8"],
  ["MAP_SERVER=10.0.0.1 key 1:env:K merge", "MAP_SERVER=10.0.0.1 key 1:env:K merge"],
  ["PUBSUB_KEY=hush hush", "PUBSUB_KEY=***"],
  ["PUBSUB_KEY=file:/x", "PUBSUB_KEY=file:/x"],
  ["LISPSubscriber(r, PUBSUB_KEY hush, X 1)", "LISPSubscriber(r, PUBSUB_KEY ***, X 1)"],
  ["--key=10.0.0.0/8=hush", "--key=10.0.0.0/8=***"],
  ["--key=10.0.0.0/8=env:K", "--key=10.0.0.0/8=env:K"],
  ["conf/xtr.click", "conf/xtr.click"],
] as const)
  test(`in the list of processes: ${shown}`, () => assert.equal(wordsWithoutSecrets([word]), [shown]));

const DESCRIPTOR =
  "service: s\nfunctions:\n  f:\n    graph: f.click\n    parameters:\n      SITES: a key hush\n";

test("a descriptor's errors say no parameter, in whatever form", () => {
  for (const text of [
    DESCRIPTOR.replace("a key hush", "[a key hush]"),
    DESCRIPTOR.replace("a key hush", "{ a: hush }"),
    DESCRIPTOR.replace("a key hush", "*hush"),
    DESCRIPTOR.replace("a key hush", "!hush x"),
    DESCRIPTOR.replace("a key hush", '"a key hush'),
    DESCRIPTOR.replace("a key hush", "a key: hush: x"),
    DESCRIPTOR.replace("a key hush", "- hush"),
    DESCRIPTOR.replace("SITES: a key hush", '"a hush": x'),
    DESCRIPTOR.replace("SITES: a key hush", "SITES: hush\n      SITES: hush"),
    DESCRIPTOR.replace("SITES: a key hush", "SITES: hush\n     OTHER: hush"),
    DESCRIPTOR.replace("parameters:\n      SITES: a key hush", "parameters: { SITES: [hush], X: hush }"),
    DESCRIPTOR.replace("parameters:\n      SITES: a key hush", "parameters: hush"),
    `${DESCRIPTOR}nonsense: 10.0.0.1 key hush\n`,
  ]) {
    try {
      parseDescriptor(text, "s.yaml");
      assert.unreachable(text);
    } catch (e) {
      if (!(e instanceof ConfigurationError)) throw e;
      const shown = report(e.diagnostics, "text", { text, file: "s.yaml", kind: "descriptor" });
      assert.not.match(`${e.message}\n${shown}\n${report(e.diagnostics, "json")}`, HUSH, text);
    }
  }
});

test("a service whose graph is wrong says so without its parameters", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-"));
  try {
    const file = join(folder, "s.yaml");
    writeFileSync(file, DESCRIPTOR.replace("SITES: a key hush", "SITES: a key x hush\n      BAD: x)hush"));
    writeFileSync(
      join(folder, "f.click"),
      "Idle -> LISPMapServer($SITES, RLOC4 10.0.0.1, PUBSUB_KEY $BAD) -> Discard",
    );
    const { code, out, err } = await sluice(["up", file, "--state", join(folder, "state"), "--seconds", "1"]);
    assert.is(code, 1);
    assert.not.match(out + err, HUSH);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
