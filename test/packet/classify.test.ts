import { test } from "uvu";
import * as assert from "uvu/assert";
import { PORT_DROP } from "../../assembly/layout.js";
import { BatchPool } from "../../src/packet/batch.js";
import { parseClassifier } from "../../src/packet/classify/classifier.js";
import { compileRules, MAX_TESTS, ProgramTooLargeError } from "../../src/packet/classify/compile.js";
import {
  type Anchor,
  and,
  choose,
  type Expr,
  equals,
  greater,
  longEnough,
  not,
  notUnlessShort,
  or,
  type Rule,
} from "../../src/packet/classify/expr.js";
import { PacketMemory } from "../../src/packet/memory.js";
import * as fc from "../property.js";
import { classifyAll, firstMatch, type Sample } from "./classify-oracle.js";

const memory = new PacketMemory({ bytes: 8 << 20, slots: 512 });
const batch = new BatchPool(memory).acquire();

function run(rules: readonly Rule[], samples: readonly Sample[]): number[] {
  return classifyAll(memory, batch, compileRules(rules).instantiate(memory.memory), samples);
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replace(/\s/g, "").match(/../g) ?? [], (b) => Number.parseInt(b, 16));
}

// ---- Classifier's patterns, against a reading of them byte by byte

function patternMatches(pattern: string, bytes: Uint8Array): boolean {
  if (pattern === "-") return true;
  return pattern
    .replace(/!\s+/g, "!")
    .split(/\s+/)
    .filter((c) => c !== "")
    .every((clause) => {
      const [offset, value, mask] = clause.replace("!", "").split(/[/%]/);
      let holds = true;
      for (let i = 0; i < value.length; i++) {
        const relevant =
          (value[i] === "?" ? 0 : 15) &
          (mask === undefined ? 15 : mask[i] === "?" ? 0 : Number.parseInt(mask[i], 16));
        if (relevant === 0) continue;
        const at = Number(offset) + (i >> 1);
        if (at >= bytes.length) holds = false;
        const nibble = i % 2 === 0 ? bytes[at] >> 4 : bytes[at] & 15;
        if ((nibble & relevant) !== (Number.parseInt(value[i], 16) & relevant)) holds = false;
      }
      return holds !== clause.startsWith("!");
    });
}

const classifierCases: readonly [patterns: string[], packets: [string, number][]][] = [
  [
    ["12/0806 20/0001", "12/0806 20/0002", "12/0800", "-"],
    [
      ["ffffffffffff 020000000001 0806 000108000604 0001", 0],
      ["ffffffffffff 020000000001 0806 000108000604 0002", 1],
      ["ffffffffffff 020000000001 0806 000108000604 0003", 3],
      ["ffffffffffff 020000000001 0806 000108000604 00", 3],
      ["ffffffffffff 020000000001 0800", 2],
      ["ffffffffffff 020000000001 08", 3],
      ["", 3],
    ],
  ],
  [
    ["!0/01"],
    [
      ["01", PORT_DROP],
      ["02", 0],
      ["", 0],
    ],
  ],
  [
    ["0/?1", "0/02%0f"],
    [
      ["a1", 0],
      ["a2", 1],
      ["a3", PORT_DROP],
    ],
  ],
  [
    ["3/??11??22"],
    [
      ["000000 00110022", 0],
      ["000000 ff11ff22", 0],
      ["000000 00110021", PORT_DROP],
      ["000000 001100", PORT_DROP],
    ],
  ],
  [["20/????", "-"], [["", 0]]],
  [
    ["0/01  ! 1/02", ""],
    [
      ["0101", 0],
      ["0102", 1],
    ],
  ],
  [
    ["0/01020304%ffff00ff"],
    [
      ["0102ff04", 0],
      ["01020303", PORT_DROP],
    ],
  ],
];

test("Classifier's patterns choose the output of the first that matches", () => {
  for (const [patterns, packets] of classifierCases) {
    const { rules, errors } = parseClassifier(patterns);
    assert.equal(errors, []);
    assert.equal(
      run(
        rules,
        packets.map(([p]) => ({ bytes: hex(p) })),
      ),
      packets.map(([, output]) => output),
      patterns.join(", "),
    );
  }
});

const nibble = fc.constantFrom(..."01?f");
const byte = fc.tuple(nibble, nibble).map((n) => n.join(""));
const clause = fc
  .tuple(
    fc.boolean(),
    fc.nat(9),
    fc.array(fc.tuple(byte, byte), { minLength: 1, maxLength: 6 }),
    fc.boolean(),
  )
  .map(
    ([negated, offset, pairs, masked]) =>
      `${negated ? "!" : ""}${offset}/${pairs.map((p) => p[0]).join("")}${masked ? `%${pairs.map((p) => p[1]).join("")}` : ""}`,
  );
const pattern = fc.oneof(
  { arbitrary: fc.array(clause, { minLength: 1, maxLength: 3 }).map((c) => c.join(" ")), weight: 9 },
  { arbitrary: fc.constant("-"), weight: 1 },
);
const content = fc
  .uint8Array({ minLength: 0, maxLength: 18 })
  .map((b) => b.map((x) => [0, 1, 0x10, 0x11, 0xf1, 0xff][x % 6]));

test("random Classifier patterns agree with a byte-by-byte reading on packets of every length", () => {
  fc.assert(
    fc.property(
      fc.array(pattern, { minLength: 1, maxLength: 8 }),
      fc.array(content, { minLength: 1, maxLength: 20 }),
      (patterns, packets) => {
        // Every prefix of one of them, and the rest as they are.
        const all = [...packets, ...Array.from(packets[0], (_, n) => packets[0].subarray(0, n))];
        const { rules } = parseClassifier(patterns);
        const expected = all.map((bytes) => {
          const i = patterns.findIndex((p) => patternMatches(p, bytes));
          return i < 0 ? PORT_DROP : i;
        });
        assert.equal(
          run(
            rules,
            all.map((bytes) => ({ bytes })),
          ),
          expected,
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("wrong Classifier patterns give Click's messages", () => {
  const messages = (...patterns: string[]): readonly string[] => parseClassifier(patterns).errors;
  assert.equal(messages("-", "x"), ["pattern 1: expected a digit"]);
  assert.equal(messages("12"), ["pattern 0: expected '/'"]);
  assert.equal(messages("!"), ["pattern 0: expected a digit"]);
  assert.equal(messages("12/0"), ["pattern 0: value has less than 2 hex digits"]);
  assert.equal(messages("12/080"), ["pattern 0: value has odd number of hex digits"]);
  assert.equal(messages("12/0800%ff"), ["pattern 0: mask has too few hex digits"]);
  assert.equal(messages("12/08%ffff 13/0"), [
    "pattern 0: mask has too many hex digits",
    "pattern 0: value has less than 2 hex digits",
  ]);
  assert.equal(messages("12/0800-"), ["pattern 0: expected a digit"]);
  assert.equal(messages("99999999999999999999/00"), [
    "pattern 0: offset 99999999999999999999 out of range, bound 65535",
  ]);
});

// ---- Any rules, against the expression evaluated on bytes

const anchor = fc.constantFrom<Anchor>(0, 1, 2, 3);
const field = fc.record({
  anchor,
  offset: fc.constantFrom(0, 4, 8),
  mask: fc.constantFrom(
    0xff000000,
    0x00ff0000,
    0xffff,
    0xffff0000,
    0xffffffff,
    0x00010000,
    0x80000000,
    0x00ffff00,
    0xff0000ff,
    0x1fff,
  ),
  value: fc.constantFrom(0, 0x01010101, 0x80018001, 0x00ff00ff, 0x01000001, 0xffffffff),
});
const leaf = fc.oneof(
  { weight: 5, arbitrary: field.map((f) => equals(f.anchor, f.offset, f.mask, f.value)) },
  { weight: 2, arbitrary: field.map((f) => greater(f.anchor, f.offset, f.mask, (f.value & f.mask) >>> 0)) },
  { weight: 1, arbitrary: fc.tuple(anchor, fc.nat(12)).map(([a, n]) => longEnough(a, n)) },
);
const { expr } = fc.letrec<{ expr: Expr }>((tie) => ({
  expr: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.array(tie("expr"), { minLength: 1, maxLength: 5 }).map(and),
    fc.array(tie("expr"), { minLength: 1, maxLength: 8 }).map(or),
    tie("expr").map(not),
    tie("expr").map(notUnlessShort),
    fc
      .tuple(fc.array(fc.tuple(tie("expr"), tie("expr")), { maxLength: 3 }), tie("expr"))
      .map(([c, n]) => choose(c, n)),
  ),
}));
const header = fc.option(fc.nat(20));
const sample = fc.record({
  bytes: fc.uint8Array({ minLength: 0, maxLength: 20 }).map((b) => b.map((x) => [0, 1, 0x80, 0xff][x % 4])),
  mac: header,
  network: header,
  transport: header,
});

test("a compiled program agrees with its rules evaluated one by one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ expr, output: fc.constantFrom(0, 1, 2, 3, PORT_DROP) }), { maxLength: 12 }),
      fc.array(sample, { minLength: 1, maxLength: 40 }),
      (rules, samples) => {
        assert.equal(
          run(rules, samples),
          samples.map((s) => firstMatch(rules, s)),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test("rules that keep asking about the same two bytes never remember an answer wrongly", () => {
  const byteIs = fc
    .tuple(fc.constantFrom(0, 4), fc.nat(3))
    .map(([at, v]) => equals(0, at, 0xff000000, v << 24));
  const { e } = fc.letrec<{ e: Expr }>((tie) => ({
    e: fc.oneof(
      { maxDepth: 5 },
      byteIs,
      fc.array(tie("e"), { minLength: 2, maxLength: 3 }).map(and),
      fc.array(tie("e"), { minLength: 2, maxLength: 3 }).map(or),
      tie("e").map(not),
      fc.tuple(tie("e"), tie("e"), tie("e")).map(([c, y, n]) => choose([[c, y]], n)),
    ),
  }));
  const samples = Array.from({ length: 25 }, (_, i) => ({ bytes: Uint8Array.of(i % 5, 9, 9, 9, i / 5) }));
  fc.assert(
    fc.property(fc.array(e, { minLength: 1, maxLength: 6 }), (exprs) => {
      const rules = exprs.map((expr, output) => ({ expr, output }));
      assert.equal(
        run(rules, samples),
        samples.map((s) => firstMatch(rules, s)),
      );
    }),
    { numRuns: 400 },
  );
});

test("many rules on one field are searched, whatever follows each value", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ a: fc.nat(40), b: fc.nat(4), output: fc.nat(5), both: fc.boolean() }), {
        minLength: 5,
        maxLength: 60,
      }),
      fc.array(fc.tuple(fc.nat(42), fc.nat(5)), { minLength: 1, maxLength: 50 }),
      (specs, packets) => {
        const rules = specs.map(({ a, b, output, both }) => ({
          expr: and(
            [equals(0, 0, 0xffff0000, a << 16), both ? equals(0, 4, 0xff000000, b << 24) : or([])].slice(
              0,
              both ? 2 : 1,
            ),
          ),
          output,
        }));
        const samples = packets.map(([a, b]) => ({ bytes: Uint8Array.of(0, a, 0, 0, b) }));
        assert.equal(
          run(rules, samples),
          samples.map((s) => firstMatch(rules, s)),
        );
      },
    ),
    { numRuns: 300 },
  );
});

test("prefixes and ranges of one word are searched, the first that holds wins", () => {
  const number = fc
    .tuple(fc.constantFrom(0, 1, 2, 255), fc.constantFrom(0, 1, 255), fc.constantFrom(0, 128, 255), fc.nat(2))
    .map((b) => ((b[0] << 24) | (b[1] << 16) | (b[2] << 8) | b[3]) >>> 0);
  fc.assert(
    fc.property(
      fc.constantFrom(
        [0x80000000, 0xff000000, 0xffff0000, 0xffffff00, 0xffffffff],
        [0xff000000, 0xffff0000],
        [0x0000fe00, 0x0000ff00, 0x0000ffff],
        [0x00ff0000, 0x00fff000],
        [0xf00f0000, 0xf00f00f0],
      ),
      fc.array(
        fc.record({
          mask: fc.nat(9),
          value: number,
          more: fc.boolean(),
          also: fc.boolean(),
          output: fc.nat(5),
        }),
        { minLength: 5, maxLength: 60 },
      ),
      fc.array(fc.tuple(number, fc.nat(1)), { minLength: 1, maxLength: 40 }),
      (masks, specs, packets) => {
        const rules = specs.map((s) => {
          const mask = masks[s.mask % masks.length];
          const first = s.more ? greater(0, 0, mask, s.value & mask) : equals(0, 0, mask, s.value);
          return { expr: s.also ? and([first, equals(0, 4, 0xff000000, 0)]) : first, output: s.output };
        });
        const samples = packets.map(([word, next]) => ({
          bytes: Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word, next),
        }));
        assert.equal(
          run(rules, samples),
          samples.map((x) => firstMatch(rules, x)),
        );
      },
    ),
    { numRuns: 500 },
  );
});

test("an empty batch has no common output", () => {
  assert.is(compileRules([]).instantiate(memory.memory)(batch.address, 0), -1);
});

test("rules that nothing can reach are not among the outputs", () => {
  const outputs = (...patterns: string[]): number[] =>
    [...compileRules(parseClassifier(patterns).rules).outputs].sort((a, b) => a - b);
  assert.equal(outputs("12/0800", "12/0800 20/01", "-"), [0, 2]);
  assert.equal(outputs("-", "0/00"), [0]);
  assert.equal(outputs("0/01 0/02"), [PORT_DROP]);
  assert.equal(outputs("0/01"), [0, PORT_DROP]);
});

test("the program is shown as Click shows it", () => {
  const text = compileRules(
    parseClassifier(["12/0806 20/0001", "12/0806 20/0002", "12/0800", "-"]).rules,
  ).text;
  assert.is(
    text,
    ` 0  12/08060000%ffff0000  yes->step 1  no->step 3
 1  20/00010000%ffff0000  yes->[0]  no->step 2
 2  20/00020000%ffff0000  yes->[1]  no->[3]
 3  12/08000000%ffff0000  yes->[2]  no->[3]
safe length 22
alignment offset 0
`,
  );
  assert.is(compileRules(parseClassifier(["-"]).rules).text, "all->[0]\nsafe length 0\nalignment offset 0\n");
});

test("two thousand rules make a program that is compiled and right", () => {
  const rules = Array.from({ length: 2000 }, (_, i) => ({
    expr: and([equals(0, 0, 0xffffffff, 0x0a000000 + i), equals(0, 4, 0xffff, i % 100)]),
    output: i % 7,
  }));
  const samples = Array.from({ length: 200 }, (_, i) => ({
    bytes: hex(
      `0a00${(i * 13).toString(16).padStart(4, "0")}0000${((i * 13) % 100).toString(16).padStart(4, "0")}`,
    ),
  }));
  assert.equal(
    run(rules, samples),
    samples.map((s) => firstMatch(rules, s)),
  );
});

test("a program beyond the limit is refused", () => {
  const rules = Array.from({ length: MAX_TESTS + 1 }, (_, i) => ({
    expr: equals(0, 0, 0xffffffff, i),
    output: 0,
  }));
  assert.throws(
    () => compileRules(rules),
    (e: unknown) => e instanceof ProgramTooLargeError && e.code === "PROGRAM_TOO_LARGE",
  );
});

test.run();
