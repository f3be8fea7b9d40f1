// Every drop has a test that makes it happen: a file that names the element and reads, or lists, the reason.

import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ElementSpec } from "../../src/router/spec.js";

const at = (path: string): URL => new URL(path, import.meta.url);
const manual: Record<string, { readonly spec: ElementSpec }> = JSON.parse(
  readFileSync(at("../../manual.json"), "utf8"),
);
/** The tests' sources but for those that feed elements with anything at all: what they count is not looked at. */
const tests = readdirSync(at("../../../test"), { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".test.ts") && !/^(hostile|house)\b/.test(file))
  .map((file) => readFileSync(at(`../../../test/${file}`), "utf8"));

/** Reasons that cannot come, with why they are declared. */
const NEVER: Readonly<Record<string, string>> = {
  "CheckIPHeader2.checksum": "the element is CheckIPHeader, whose handlers Click has for both",
};

for (const [name, { spec }] of Object.entries(manual)) {
  for (const reason of Object.keys(spec.drops ?? {})) {
    if (NEVER[`${name}.${reason}`] !== undefined) continue;
    test(`a test makes ${name} drop for ${reason}`, () => {
      const element = new RegExp(`\\b${name}\\b`);
      const read = new RegExp(`[."'\`]${reason}\\b|\\b${reason}:`);
      assert.ok(tests.some((text) => element.test(text) && read.test(text)));
    });
  }
}

test("what never comes is declared", () => {
  for (const dropped of Object.keys(NEVER)) {
    const [name, reason] = dropped.split(".");
    assert.ok(manual[name]?.spec.drops?.[reason] !== undefined, dropped);
  }
});

test.run();
