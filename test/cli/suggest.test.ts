// What errors say beyond Click's words: the place, and what may have been meant.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { report } from "../../src/cli/report.js";
import { ConfigurationError, Router, SimulatedClock } from "../../src/index.js";
import { nearest } from "../../src/lang/nearest.js";

async function forPeople(text: string, file = "config"): Promise<string> {
  try {
    await Router.fromText(text, { file, clock: new SimulatedClock() });
    return "";
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return report(e.diagnostics, "text", { text, file });
  }
}

test("a misspelt class is shown in its line, with the one that was meant", async () => {
  assert.is(
    await forPeople("a :: Idle\n  -> Stirp(14) -> Discard;"),
    "config:2: undeclared element 'Stirp'\n      -> Stirp(14) -> Discard;\n         ^^^^^\n    hint: is it Strip?\n",
  );
});

test("a misspelt argument is shown with the one that was meant", async () => {
  assert.match(
    await forPeople("Idle -> Queue -> Discard(BURTS 3)"),
    /hint: is BURTS meant to be BURST\?; 'sluice elements Discard' lists its arguments/,
  );
});

test("an error in a library shows the library's line", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-suggest-"));
  try {
    const library = join(folder, "lib.click");
    const source = "// one\nIdle -> Strip(14, 2) -> Discard;\n";
    writeFileSync(library, source);
    const landmark = { file: library, line: 2, column: 9, offset: 15, length: 5 };
    const said = report([{ severity: "error", code: "x", landmark, message: "m" }], "text", {
      text: "main",
      file: "main.click",
    });
    assert.is(said, `${library}:2: m\n    Idle -> Strip(14, 2) -> Discard;\n            ^^^^^\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("names far from every other have no suggestion", () => {
  assert.is(nearest("Foo", ["Discard", "Idle"]), null);
  assert.is(nearest("queue", ["Queue"]), "Queue");
  assert.is(nearest("", ["A"]), null);
});

test("the line that is shown has nothing in place of an element's secrets", async () => {
  const text = "site :: LISPSite; Idle -> LISPRegistrar(site, MAP_SERVER 192.0.2.9 key hush sha9) -> Discard";
  const said = await forPeople(text);
  assert.match(said, /MAP_SERVER: word 4 is not/);
  assert.match(said, /^ {4}site :: LISPSite; Idle -> LISPRegistrar\(\*\*\*\) -> Discard$/m);
  assert.not.match(said, /hush/);
});

test.run();
