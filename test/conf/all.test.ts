// timeout: 300
// Every file in conf/ reads well, alone or (a library) through the files that require it.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sluice } from "../cli/sluice.js";

const CONF = fileURLToPath(new URL("../../../conf", import.meta.url));
const files = readdirSync(CONF).filter((f) => f.endsWith(".click"));
const texts = new Map(files.map((f) => [f, readFileSync(join(CONF, f), "utf8")]));
/** Files that others require. */
const libraries = new Set(
  [...texts.values()].flatMap((t) => [...t.matchAll(/^require\(library (\S+)\);/gm)].map((m) => m[1])),
);

/** Parameters without which a file says that something is missing. */
const NEEDED: Readonly<Record<string, readonly string[]>> = { "fmc-controller.click": ["PUBSUB_KEY=key"] };

test("there are configurations and libraries, and every library is there", () => {
  assert.ok(files.length > libraries.size && libraries.size > 0);
  for (const library of libraries) assert.ok(texts.has(library), library);
});

for (const file of files) {
  test(`${file} begins with what it is, and has nothing wrong`, async () => {
    assert.match(texts.get(file)!, new RegExp(`^// ${file.replace(".", "\\.")}: `));
    if (libraries.has(file)) return;
    const { code, err } = await sluice(["check", join(CONF, file), ...(NEEDED[file] ?? [])]);
    assert.is(code, 0, err);
    // A Map-Server has no sites until it is given some, and says so.
    const siteless =
      /^\S+: While configuring '\w+ :: LISPMapServer':\n {2}warning: no SITES given: nobody can register\n$/;
    if (texts.get(file)!.includes("$SITES ,")) assert.match(err, siteless);
    else assert.is(err, "", "no warnings");
  });
}

test.run();
