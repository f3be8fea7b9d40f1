// Secret arguments in configuration text.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { withoutSecrets } from "../../src/lang/args/secrets.js";
import type { ArgSpecs } from "../../src/lang/args/spec.js";

const NAME = { type: "word", positional: true, doc: "" } as const;
const KEY = { type: "any", secret: true, doc: "" } as const;

const cases: readonly (readonly [what: string, specs: ArgSpecs, config: string, shown: string])[] = [
  ["no argument is secret: as it was written", { NAME }, "a  /* b */, NAME  c", "a  /* b */, NAME  c"],
  ["by keyword", { NAME, KEY }, "a, KEY hush", "a, KEY ***"],
  ["with a comma and a comment in it", { NAME, KEY }, 'a, KEY "hu,sh" /* hush */', "a, KEY ***"],
  ["by position", { NAME, KEY: { ...KEY, positional: true } }, "a, hush", "a, ***"],
  [
    "by position, like another's keyword",
    { KEY: { ...KEY, positional: true, required: true }, NAME },
    "NAME hush, b",
    "***, b",
  ],
  [
    "several by one keyword",
    { NAME, KEY: { ...KEY, many: true } },
    "a, KEY hush, KEY hush",
    "a, KEY ***, KEY ***",
  ],
  [
    "the rest, like an unknown keyword",
    { NAME, KEY: { ...KEY, positional: true, rest: true } },
    "b, a key hush, hush",
    "b, ***, ***",
  ],
  ["given twice: the earlier one, too", { NAME, KEY }, "a, KEY hush, KEY hush", "a, KEY ***, KEY ***"],
  ["what nobody reads", { NAME, KEY }, "a, KEEY hush, hush", "a, ***, ***"],
  ["empty", { NAME, KEY }, "a, , KEY ", "a, , ***"],
];

for (const [what, specs, config, shown] of cases)
  test(what, () => assert.is(withoutSecrets(config, specs), shown));

test.run();
