// Keys in configurations: one syntax, and no error that says a secret.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { algorithmName, idsOf, keyAlgorithm, parseKey } from "../../../src/lisp/control/keys.js";
import { parseMapServer } from "../../../src/lisp/etr/map-server-config.js";
import { parseSite } from "../../../src/lisp/map-server/sites.js";

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
  ])
    for (const run of [
      () => parseKey(`${text} x`),
      () => parseMapServer(`192.0.2.9 ${text} x`),
      () => parseSite(`a ${text} x`),
    ]) {
      assert.is.not(said(run), "", text);
      assert.not.match(said(run), /hush/);
    }
});

test.run();
