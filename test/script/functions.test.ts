// The functions of scripts: what each gives, and what it refuses.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { HandlerError } from "../../src/index.js";
import { FUNCTIONS } from "../../src/script/functions.js";
import * as fc from "../property.js";

const CALLS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  add: [
    ["10 5 2", "17"],
    ["1 2.5", "3.5"],
    ["0x10 010", "24"],
    ["9223372036854775807 1", "-9223372036854775808"],
  ],
  sub: [
    ["10 5 2", "3"],
    ["1", "1"],
  ],
  min: [
    ["5 10 2", "2"],
    ["5 -1.5", "-1.5"],
  ],
  max: [["5 10 2", "10"]],
  mul: [
    ["3 4", "12"],
    ["", "1"],
  ],
  div: [
    ["10 4", "2.5"],
    ["9 3", "3"],
    ["1 3", "0.333333333333"],
    ["1 0", "inf"],
  ],
  idiv: [
    ["10 4", "2"],
    ["-7 2", "-3"],
  ],
  mod: [
    ["7 3", "1"],
    ["-7 3", "-1"],
  ],
  rem: [
    ["7.5 2", "1.5"],
    ["7 3", "1"],
  ],
  neg: [
    ["5", "-5"],
    ["-2.5", "2.5"],
  ],
  abs: [
    ["-5", "5"],
    ["2.5", "2.5"],
  ],
  eq: [
    ["10 0xA", "true"],
    ["10x 10x", "true"],
    ["1 1.0", "true"],
    ["\"a b\" 'a b'", "true"],
  ],
  ne: [["1 2", "true"]],
  lt: [
    ["9 10", "true"],
    ["9x 10x", "false"],
  ],
  le: [
    ["9 8", "false"],
    ["8 8", "true"],
  ],
  gt: [["1e3 999", "true"]],
  ge: [["2 3", "false"]],
  not: [
    ["true", "false"],
    ["0", "true"],
  ],
  and: [
    ["true true", "true"],
    ["true 0 nonsense", "false"],
    ["", "true"],
  ],
  or: [
    ["false 1", "true"],
    ["", "false"],
  ],
  nand: [
    ["true true", "false"],
    ["false true", "true"],
  ],
  nor: [
    ["false false", "true"],
    ["false true", "false"],
  ],
  if: [
    ["true a b", "a"],
    ["no a b", "b"],
    ["no a", ""],
  ],
  in: [
    ["foo bar foo", "true"],
    ["foo bar", "false"],
    ['foo "foo"', "true"],
  ],
  first: [
    ["a b", "a"],
    ['"a b" c', '"a b"'],
  ],
  length: [["abcdef", "6"]],
  unquote: [['"a\\n"', "a\n"]],
  htons: [["0x1234", String(0x3412)]],
  ntohl: [["0x12345678", String(0x78563412)]],
  htonl: [["1", String(0x01000000)]],
  ntohs: [["1", "256"]],
  sprintf: [
    ['"%05x" 127', "0007f"],
    ['"%-4d|%+d|% d" 7 7 7', "7   |+7| 7"],
    ['"%*d" 4 7', "   7"],
    ['"%.3d %#x %#o %X" 7 255 8 255', "007 0xff 010 FF"],
    ['"%s%%%10s%-3s|" "a b" x y', "a b%         xy  |"],
    ['"%hd %hu" 65537 65537', "1 1"],
    ["plain", "plain"],
  ],
};
for (const [name, cases] of Object.entries(CALLS))
  test(`the function ${name} gives what Click's gives`, () => {
    for (const [args, expected] of cases) assert.is(FUNCTIONS[name](args), expected, `${name} ${args}`);
  });

const WRONG: readonly (readonly [string, string, string])[] = [
  ["add", "1 x", "expected list of numbers"],
  ["mod", "1.5 2", "expected two numbers"],
  ["mod", "1 0", "division by zero"],
  ["neg", "", "expected one number"],
  ["eq", "1", "expected two numbers"],
  ["not", "maybe", "syntax error"],
  ["and", "true maybe", "syntax error"],
  ["sprintf", '"%d"', "syntax error"],
  ["sprintf", '"%q" 1', "syntax error"],
  ["sprintf", '"%u" -1', "syntax error"],
  ["sprintf", "x 1", "syntax error"],
  ["sprintf", '"%999999999d" 1', "syntax error"],
  ["htons", "x", "syntax error"],
];
for (const [name, args, message] of WRONG)
  test(`${name} ${args} is refused: ${message}`, () => {
    assert.throws(
      () => FUNCTIONS[name](args),
      (e: Error) => e instanceof HandlerError && e.message === message,
    );
  });

test("whole-number functions agree with exact arithmetic, wrapped to 64 bits", () => {
  const int64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
  fc.assert(
    fc.property(fc.array(int64, { minLength: 1, maxLength: 6 }), (list) => {
      const text = list.join(" ");
      const wrap = (n: bigint): string => String(BigInt.asIntN(64, n));
      assert.is(FUNCTIONS.add(text), wrap(list.reduce((a, b) => a + b)));
      assert.is(FUNCTIONS.sub(text), wrap(list.reduce((a, b) => a - b)));
      assert.is(FUNCTIONS.mul(text), wrap(list.reduce((a, b) => a * b)));
      assert.is(FUNCTIONS.max(text), String(list.reduce((a, b) => (a > b ? a : b))));
    }),
  );
});

test("functions fail with a HandlerError or not at all, whatever text they get", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(FUNCTIONS)), fc.string({ maxLength: 40 }), (name, text) => {
      try {
        assert.type(FUNCTIONS[name](text), "string");
      } catch (e) {
        assert.instance(e, HandlerError);
      }
    }),
    { numRuns: 2000 },
  );
});

test.run();
