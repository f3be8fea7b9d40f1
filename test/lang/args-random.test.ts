// Argument types against random texts, and values written and read back.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { EMPTY_CONTEXT, parseValue } from "../../src/lang/args/parse.js";
import type { ArgTypes } from "../../src/lang/args/spec.js";
import * as fc from "../property.js";

const TYPES: readonly (keyof ArgTypes)[] = [
  "int",
  "unsigned",
  "long",
  "real",
  "bool",
  "string",
  "word",
  "choice",
  "any",
  "filename",
  "seconds",
  "timestamp",
  "bandwidth",
  "ether",
  "ip",
  "ip_prefix",
  "ip6",
  "ip6_prefix",
  "address",
  "prefix",
  "ip_port",
  "named",
  "anno",
  "element",
  "handler",
];

test("no text makes a type's parser throw", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom(..."0123456789abcdefxXe_+-./: ms\"'\\<>") }),
  );
  fc.assert(
    fc.property(fc.constantFrom(...TYPES), text, (type, x) => {
      const parsed = parseValue(x, { type }, EMPTY_CONTEXT);
      assert.ok("value" in parsed || parsed.error.length > 0);
    }),
    { numRuns: 2000 },
  );
});

test("whole numbers are read back in every base", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (n) => {
      const sign = n < 0 ? "-" : "";
      const size = Math.abs(n);
      const octal = `${sign}0${size.toString(8)}`;
      for (const text of [`${n}`, `${sign}0x${size.toString(16)}`, `${sign}0b${size.toString(2)}`, octal]) {
        assert.equal(parseValue(text, { type: "int" }, EMPTY_CONTEXT), { value: n });
      }
    }),
  );
});

test("timestamps are exact to the nanosecond", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 0, max: 999999999 }), (seconds, nanoseconds) => {
      const text = `${seconds}.${String(nanoseconds).padStart(9, "0")}`;
      assert.equal(parseValue(text, { type: "timestamp" }, EMPTY_CONTEXT), {
        value: { seconds, nanoseconds },
      });
      const inNanoseconds = `${BigInt(seconds) * 1000000000n + BigInt(nanoseconds)}`;
      if (seconds < 9007199) {
        const parsed = parseValue(`${inNanoseconds}ns`, { type: "timestamp" }, EMPTY_CONTEXT);
        assert.equal(parsed, { value: { seconds, nanoseconds } });
      }
    }),
  );
});

test("addresses are read back as written", () => {
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      const [a, b, c, d] = text.split(".").map(Number);
      const value = ((a * 256 + b) * 256 + c) * 256 + d;
      assert.equal(parseValue(text, { type: "ip" }, EMPTY_CONTEXT), { value });
    }),
  );
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const parsed = parseValue(text, { type: "ip6" }, EMPTY_CONTEXT);
      assert.ok("value" in parsed, text);
      // The platform's own reader of IPv6 addresses is the oracle.
      const groups = Array.from({ length: 8 }, (_, i) =>
        (parsed.value[2 * i] * 256 + parsed.value[2 * i + 1]).toString(16),
      );
      assert.is(new URL(`http://[${text}]`).hostname, new URL(`http://[${groups.join(":")}]`).hostname);
    }),
  );
});

test("a long run of digits, signs or groups is no trouble", () => {
  const size = 1 << 18;
  for (const type of TYPES) {
    for (const unit of ["1", "1_", "1.", "1:", "::", "/", "e1", " ", "0", ".0", "-"]) {
      parseValue(unit.repeat(size), { type }, EMPTY_CONTEXT);
      parseValue(`1${unit.repeat(size)}x`, { type }, EMPTY_CONTEXT);
    }
  }
});

test.run();
