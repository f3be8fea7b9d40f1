// Generated messages of every kind: to bytes and back, cut short, and damaged.

import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { LispControlError } from "../../../src/wire/lisp-control/error.js";
import { decodeLispControl, encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import { anyMessage } from "./arbitrary.js";
import { controlMessages, toHex } from "./fixtures.js";

const CODES = new Set([
  "TRUNCATED",
  "BAD_TYPE",
  "BAD_AFI",
  "BAD_VERSION",
  "BAD_LENGTH",
  "BAD_CHECKSUM",
  "BAD_FIELD",
  "TOO_DEEP",
  "TOO_MANY",
  "TOO_LONG",
]);

/** Decodes what may be no message. True: it is one, and re-encodes to its bytes; false: an error as declared. */
function survives(bytes: Uint8Array): boolean {
  try {
    const encoded = encodeLispControl(decodeLispControl(bytes));
    if (Buffer.compare(encoded, bytes) !== 0)
      assert.is(toHex(encoded), toHex(bytes), "decoded, but re-encodes to other bytes");
    return true;
  } catch (e) {
    if (!(e instanceof LispControlError)) throw new Error(`${toHex(bytes)}: ${(e as Error).stack}`);
    assert.ok(CODES.has(e.code), e.code);
    assert.ok(e.offset >= 0 && e.offset <= bytes.length, `${e.message} in ${bytes.length} bytes`);
    return false;
  }
}

test("every message that can be said decodes to what it was encoded from", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      assert.equal(decodeLispControl(encodeLispControl(message)), message);
    }),
    { numRuns: 1000 },
  );
});

test("a record holds copies: the packet it came from can be reused", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const bytes = encodeLispControl(message);
      const decoded = decodeLispControl(bytes);
      bytes.fill(0xee);
      assert.equal(decoded, message);
    }),
    { numRuns: 200 },
  );
});

test("a message cut short at any length is an error or a shorter message, never another failure", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const bytes = encodeLispControl(message);
      for (let n = 0; n < bytes.length; n++) survives(bytes.subarray(0, n));
    }),
    { numRuns: 60 },
  );
});

test("a captured message cut short at any length is an error", () => {
  for (const bytes of controlMessages())
    for (let n = 0; n < bytes.length; n++)
      assert.not.ok(survives(bytes.subarray(0, n)), `${toHex(bytes)} at ${n}`);
});

/** Small numbers from a seed (mulberry32), so that a failure comes back. */
function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

test("100,000 damaged messages: read and written back as they are, or an error of the declared kind", () => {
  const seeds = [
    ...controlMessages(),
    ...fc.sample(anyMessage, { numRuns: 400, seed: 3 }).map(encodeLispControl),
  ].filter((bytes) => bytes.length <= 2000);
  const below = random(9301);
  const outcomes = [0, 0];
  for (let i = 0; i < 100_000; i++) {
    let bytes = seeds[below(seeds.length)].slice();
    const cut = below(4);
    if (cut === 0) bytes = bytes.slice(0, below(bytes.length + 1));
    else if (cut === 1) bytes = Uint8Array.of(...bytes, ...bytes.subarray(below(bytes.length + 1)));
    // The head decides more than the rest, so half of the damage goes there.
    for (let n = 1 + below(3); n > 0 && bytes.length > 0; n--) {
      const at = below(below(2) === 0 ? Math.min(bytes.length, 40) : bytes.length);
      const how = below(3);
      bytes[at] =
        how === 0 ? below(256) : how === 1 ? bytes[at] ^ (1 << below(8)) : [0, 1, 0x40, 0xff][below(4)];
    }
    outcomes[survives(bytes) ? 1 : 0]++;
  }
  // Both must happen often, or the damage tests nothing.
  assert.ok(outcomes[0] > 5_000 && outcomes[1] > 5_000, `${outcomes}`);
});

test.run();
