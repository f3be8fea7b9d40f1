// Keys in configurations: one syntax, and no error that says a secret.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { algorithmName, idsOf, keyAlgorithm, parseKey } from "../../../src/lisp/control/keys.js";
import { parseMapServer } from "../../../src/lisp/etr/map-server-config.js";
import { parseSite, siteLabel } from "../../../src/lisp/map-server/sites.js";

function said(run: () => unknown): string {
  try {
    run();
    return "";
  } catch (e) {
    return (e as Error).message;
  }
}

for (const [text, id, secret, algorithm] of [
  ["secret", 0, "secret", "sha256"],
  ["7:secret", 7, "secret", "sha256"],
  ["secret sha1", 0, "secret", "sha1"],
  ["255:secret HKDF", 255, "secret", "hkdf"],
  ["1:7:secret", 1, "7:secret", "sha256"],
  ["0:'two words' sha256", 0, "two words", "sha256"],
  ['"7:secret sha1"', 7, "secret", "sha1"],
  ["sha1", 0, "sha1", "sha256"],
  ["sha1 sha1", 0, "sha1", "sha1"],
  ["x:y", 0, "x:y", "sha256"],
] as const)
  test(`the key ${text}`, () => {
    const key = parseKey(text)!;
    assert.equal(
      [key.id, new TextDecoder().decode(key.secret), algorithmName(keyAlgorithm(key))],
      [id, secret, algorithm],
    );
    assert.equal(idsOf(key), /^"?\d+:/.test(text) ? [id] : [0, 1]);
  });

test("a Map-Server's key and a site's are written the same, with several of both algorithms", () => {
  const keys = "key 1:old sha1 key 2:'new one' hkdf key third";
  assert.equal(parseMapServer(`192.0.2.9 ${keys} merge`).keys, parseSite(`a ${keys} eid 10.0.0.0/8`).keys);
  assert.is(parseMapServer(`192.0.2.9 ${keys} merge`).merge, true);
  assert.is(parseKey(" "), null);
});

test("a key may stand in a file or in the environment", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice keys-"));
  const file = join(folder, "site.key");
  writeFileSync(file, "from a file\n", { mode: 0o600 });
  process.env.SLUICE_TEST_KEY = "from the environment";
  try {
    for (const [text, id, secret, algorithm] of [
      [`file:"${file}"`, 0, "from a file", "sha256"],
      [`7:file:"${file}" sha1`, 7, "from a file", "sha1"],
      ["env:SLUICE_TEST_KEY hkdf", 0, "from the environment", "hkdf"],
      ["1:env:SLUICE_TEST_KEY", 1, "from the environment", "sha256"],
      // In quotes it is the secret itself.
      ["1:'file:x'", 1, "file:x", "sha256"],
      ['1:"env:HOME"', 1, "env:HOME", "sha256"],
    ] as const) {
      const { keys } = parseMapServer(`192.0.2.9 key ${text} merge`);
      assert.equal(keys, parseSite(`a key ${text} eid 10.0.0.0/8`).keys);
      assert.equal(
        [keys[0].id, new TextDecoder().decode(keys[0].secret), algorithmName(keyAlgorithm(keys[0]))],
        [id, secret, algorithm],
      );
    }
    assert.is(new TextDecoder().decode(parseKey("env:SLUICE_TEST_KEY")!.secret), "from the environment");
    assert.match(
      said(() => parseKey("env:SLUICE_TEST_NONE")),
      /SLUICE_TEST_NONE is not set/,
    );
  } finally {
    delete process.env.SLUICE_TEST_KEY;
    rmSync(folder, { recursive: true });
  }
});

test("a secret is UTF-8, whether the text has bytes or letters", () => {
  for (const secret of ["grün", "ключ", "\u00fc", "plain"]) {
    const utf8 = new TextEncoder().encode(secret);
    const bytes = Buffer.from(secret, "utf8").toString("latin1");
    assert.equal(parseKey(`0:${secret}`)!.secret, utf8);
    assert.equal(parseKey(`0:"${bytes}"`)!.secret, utf8, "as a file's text has it");
  }
});

test("a site is named in an error where its name can be nothing else", () => {
  const texts = ["a key x", "half eid 10.0.0.0/8", "b eid 10.0.0.0/8", "c", "d key y sha1", "half iid 1"];
  assert.equal(
    texts.map((_, i) => siteLabel(texts, i)),
    ["site 'a'", "site 2", "site 'b'", "site 4", "site 'd'", "site 6"],
  );
});

test("no error says a secret, wherever it stands", () => {
  for (const text of [
    "256:hush",
    "hush hush",
    "1 sha256 hush",
    "key hush",
    "key 1:x hush",
    "key 1:hush key 1:hush",
    "key 1:hush no-key",
    "no-key 1:hush",
    "key 1:hush key",
    "key 1:hush eid",
    "eid hush key 10.0.0.0/8",
    "iid hush key x eid 10.0.0.0/8",
    "key file:hush",
    "key env:hush",
    "key 12345678:hush",
    "key *** hush",
  ])
    for (const run of [
      () => parseKey(`${text} x`),
      () => parseMapServer(`192.0.2.9 ${text} x`),
      () => parseSite(`a ${text} x`),
      () => parseMapServer(`hush ${text}`),
      () => parseSite(`${"hush".repeat(30)} ${text}`),
    ]) {
      assert.is.not(said(run), "", text);
      assert.not.match(said(run), /hush/);
    }
});

test.run();
