// Every element has a manual: its contract, and a doc comment that does not repeat it.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pageText, readManual, summary } from "../../src/cli/manual.js";
import { RealClock, Router, SimulatedClock } from "../../src/index.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { idleFacilities } from "../facilities.js";

interface Page {
  readonly file: string;
  readonly comment: string;
  readonly spec: ElementSpec;
}

const manual: Record<string, Page> = JSON.parse(
  readFileSync(new URL("../../manual.json", import.meta.url), "utf8"),
);
/** What the contract does not say already. */
const TAGS = ["input", "output", "example", "see"];

function tags(comment: string, tag: string): string[] {
  return [...comment.matchAll(new RegExp(`^@${tag}\\s+([\\s\\S]*?)(?=^@|(?![\\s\\S]))`, "gm"))].map((m) =>
    m[1].trim(),
  );
}

for (const [name, page] of Object.entries(manual)) {
  test(`the manual of ${name} is whole, and says nothing twice`, () => {
    const unknown = [...page.comment.matchAll(/^@(\w+)/gm)].map((m) => m[1]).filter((t) => !TAGS.includes(t));
    assert.equal(unknown, [], "tags the manual does not have");
    assert.ok(
      page.comment.replace(/^@[\s\S]*/m, "").trim().length > 20,
      "a paragraph that says what it does",
    );
    const { handlers = {}, counters = {}, drops = {}, args = {} } = page.spec;
    const docs = [...Object.values(handlers), ...Object.values(args)].map(({ doc }) => doc ?? "");
    for (const doc of [...docs, ...Object.values(counters), ...Object.values(drops)])
      assert.ok(doc.length > 3, "every argument, handler, counter and drop reason says what it is");
    const strangers = tags(page.comment, "see")
      .flatMap((names) => names.split(/[,\s]+/))
      .filter((other) => !Object.hasOwn(manual, other));
    assert.equal(strangers, [], "@see names elements that there are");
    const kebab = name
      .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
      .replace(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
      .toLowerCase();
    const file = page.file.replace(/^.*\//, "").replace(/\.js$/, "");
    assert.equal(file.replaceAll("-", ""), kebab.replaceAll("-", ""), "file name after the class");
  });

  for (const example of tags(page.comment, "example")) {
    test(`the example of ${name} runs: ${example.split("\n")[0]}`, async () => {
      const lines: string[] = [];
      const router = await Router.fromText(example, {
        clock: new SimulatedClock(),
        log: (line) => lines.push(line),
        print: () => {},
        facilities: idleFacilities(),
      });
      router.runFor(0.01);
      router.close();
    });
  }
}

test("`sluice elements` shows all of a page: every port, example and reference, and a whole sentence as its name", () => {
  for (const page of readManual().values()) {
    const text = pageText(page).replace(/\s+/g, " ");
    for (const tag of ["input", "output", "example", "see"])
      for (const shown of tags(page.comment, tag))
        assert.ok(text.includes(shown.replace(/\s+/g, " ")), `${page.name}: @${tag} ${shown}`);
    assert.not.match(summary(page), /\b(e\.g|i\.e)\.$/, page.name);
  }
});

test("there are elements, and the clock of the examples is not the wall's", () => {
  assert.ok(Object.keys(manual).length > 0);
  assert.ok(new SimulatedClock().simulated && !new RealClock().simulated);
});

test.run();
