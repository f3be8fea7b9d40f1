import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  bytesOf,
  hasSpace,
  joinArgs,
  quote,
  shiftSpaces,
  splitArgs,
  splitSpaces,
  uncomment,
  unquote,
} from "../../src/lang/args/text.js";
import * as fc from "../property.js";

/** Text made of what means something in a configuration. */
const configText = fc
  .array(
    fc.constantFrom(
      "a",
      "B7",
      " ",
      "\n",
      "\r",
      "\r\n",
      ",",
      '"',
      "'",
      "\\",
      "\\<",
      ">",
      "//",
      "/*",
      "*/",
      "#",
      "# 1",
      "$",
      "é",
      "\\x4",
      "\\12",
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));

const splits: readonly (readonly [string, readonly string[]])[] = [
  ["", []],
  ["  ", []],
  ["a, b, c", ["a", "b", "c"]],
  ["  a   b  ", ["a   b"]],
  ["a,", ["a"]],
  ["a, ", ["a"]],
  [",", [""]],
  ["a,,b", ["a", "", "b"]],
  [", a", ["", "a"]],
  ["a /* , */ b,  c, ", ["a b", "c"]],
  ["a/*x*/b", ["a b"]],
  ["a // one, two\nb", ["a b"]],
  ["a // one\r\n, b", ["a", "b"]],
  ["/* only */", []],
  ["a /* open, b", ["a"]],
  ['"x, y" // ?', ['"x, y"']],
  ["'x, \"y', z", ["'x, \"y'", "z"]],
  ['"x\\", y", z', ['"x\\", y"', "z"]],
  ["'x\\', y", ["'x\\'", "y"]],
  ["\\<61, 62>, z", ["\\<61, 62>", "z"]],
  ["\\<61 /* > */ 62>, z", ["\\<61 /* > */ 62>", "z"]],
  ['"open, b', ['"open, b']],
  ["\\, a", ["\\", "a"]],
  ["a / b", ["a / b"]],
  ['a,\n# 12 "f.click"\nb', ["a", "b"]],
  ['a\n#line 12 "f, g"\n b', ["a b"]],
  ["a\n# no, b", ["a\n# no", "b"]],
  ["a # 1, b", ["a # 1", "b"]],
  ["'a\n# 1\n'", ["'a\n# 1\n'"]],
];

for (const [text, expected] of splits) {
  test(`${JSON.stringify(text)} has the arguments ${JSON.stringify(expected)}`, () => {
    assert.equal(splitArgs(text), expected);
  });
}

const unquotes: readonly (readonly [string, string])[] = [
  ["", ""],
  ["a", "a"],
  ['a"b"c', "abc"],
  ["a 'b  c'", "a b  c"],
  ['"\\a\\b\\t\\n\\v\\f\\r\\\\"', "\x07\b\t\n\v\f\r\\"],
  ['"\\101\\1018\\7\\400"', "AA8\x07\0"],
  ['"\\x41\\x14142\\xg"', "AB\0g"],
  ['"\\<48656c6C 6f 2 /* And finally */ 1>"', "Hello!"],
  ["\\<48 65>x", "Hex"],
  ["\\<4 8 6>", "H"],
  ["\\<48", "H"],
  ['"a\\\nb\\\r\nc\\\rd"', "abcd"],
  ['"\\$\\q\\\'\\"\\,"', "$q'\","],
  ["'a\\n\"'", 'a\\n"'],
  ["a\\n", "a\\n"],
  ['"a\\', "a\\"],
  ['"open', "open"],
  ["\"\\n\" abc /* 123 */ '/* def */'", "\n abc /* def */"],
];

for (const [text, expected] of unquotes) {
  test(`${JSON.stringify(text)} unquoted is ${JSON.stringify(expected)}`, () => {
    assert.is(unquote(text), expected);
  });
}

test("quoting escapes what double quotes and variables would touch, and all but visible ASCII", () => {
  assert.is(quote(""), '""');
  assert.is(quote("a b"), '"a b"');
  assert.is(quote('$x "\\'), '"\\$x \\"\\\\"');
  assert.is(quote("\t\r\n\0\x7f\xff"), '"\\t\\r\\n\\000\\177\\377"');
});

test("unquoting what was quoted gives back any string", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (x) => unquote(quote(x)) === x));
  fc.assert(fc.property(configText, (x) => unquote(quote(x)) === x));
});

test("a quoted string is one argument and one item", () => {
  fc.assert(
    fc.property(fc.array(configText, { minLength: 1 }), (texts) => {
      const quoted = texts.map((x) => quote(x));
      assert.equal(splitArgs(joinArgs(quoted)), quoted);
      assert.equal(splitSpaces(quoted.join(" ")), quoted);
    }),
  );
});

test("splitting split arguments again changes nothing", () => {
  fc.assert(
    fc.property(configText, (text) => {
      // The last argument is left out: what it leaves open is not closed.
      for (const arg of splitArgs(text).slice(0, -1)) assert.equal(splitArgs(arg), arg === "" ? [] : [arg]);
    }),
  );
});

test("no text makes the text functions fail", () => {
  fc.assert(
    fc.property(configText, (text) => {
      splitArgs(text);
      unquote(text);
      uncomment(text);
      hasSpace(text);
      bytesOf(text);
      const items = splitSpaces(text);
      const [item, rest] = shiftSpaces(text);
      assert.is(item, items[0] ?? "");
      assert.equal(splitSpaces(rest), items.slice(1));
    }),
  );
});

test("hostile text of a megabyte is read in one pass", () => {
  // A pass that were quadratic would take hours, and the runner would end it.
  const size = 1 << 20;
  for (const unit of [
    '"',
    "'",
    "\\",
    "\\<",
    "/*",
    "//",
    ",",
    " ",
    "\n#",
    "\n# ",
    "# 1\n",
    '"\\<',
    "a /**/",
    "/",
    "\\<//",
  ]) {
    const text = unit.repeat(size / unit.length);
    splitArgs(text);
    splitSpaces(text);
    unquote(text);
    hasSpace(text);
  }
});

test("items are split at spaces and comments outside quotes", () => {
  assert.equal(splitSpaces("a  b, c"), ["a", "b,", "c"]);
  assert.equal(splitSpaces("  'a /*?*/ b'c /* d */ e//f\ng"), ["'a /*?*/ b'c", "e", "g"]);
  assert.equal(shiftSpaces(" print  a b "), ["print", "a b "]);
  assert.equal(shiftSpaces("  "), ["", ""]);
});

test("a character up to U+00FF is one byte", () => {
  assert.equal([...bytesOf("a\xe9\0")], [0x61, 0xe9, 0]);
  assert.equal([...bytesOf("€")], [0xe2, 0x82, 0xac]);
});

test.run();
