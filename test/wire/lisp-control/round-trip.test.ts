// Generated messages of every kind: to bytes and back, cut short, and damaged.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { decodeLispControl, encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import { runLispCodec, survives } from "../../hostile/lisp-codec.js";
import * as fc from "../../property.js";
import { anyMessage } from "./arbitrary.js";
import { controlMessages, toHex } from "./fixtures.js";

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

test("100,000 damaged messages: read and written back as they are, or an error of the declared kind", () => {
  const messages = runLispCodec(9301, 100_000);
  // Both must happen often, or the damage tests nothing.
  assert.ok(messages > 5_000 && messages < 95_000, `${messages} were messages`);
});

test.run();
