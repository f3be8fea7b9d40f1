// How arguments are found by position and keyword, what is said where they are wrong,
// and the types that a declaration gives.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeArg, describeArgs } from "../../src/lang/args/describe.js";
import { ArgSpecError, EMPTY_CONTEXT, parseArgs } from "../../src/lang/args/parse.js";
import type { ArgSpec, ArgSpecs, ArgValues } from "../../src/lang/args/spec.js";
import * as fc from "../property.js";

const doc = "";

const STRIP = {
  LENGTH: { type: "unsigned", doc, positional: true, required: true },
} as const satisfies ArgSpecs;

const PRINT = {
  LABEL: { type: "string", doc, positional: true },
  MAXLENGTH: { type: "int", doc, positional: true, default: "24" },
  CONTENTS: { type: "bool", doc, default: "true" },
} as const satisfies ArgSpecs;

const PAIR = {
  A: { type: "word", doc, positional: true, required: true },
  B: { type: "word", doc, positional: true, default: "b" },
  C: { type: "word", doc },
} as const satisfies ArgSpecs;

const FILTER = {
  STRICT: { type: "bool", doc, default: "false" },
  PATTERN: { type: "any", doc, rest: true },
} as const satisfies ArgSpecs;

const MANY = {
  FIRST: { type: "int", doc, positional: true, required: true },
  FILE: { type: "word", doc, many: true },
  N: { type: "int", doc, positional: true, many: true },
} as const satisfies ArgSpecs;

function errorsOf(config: string, specs: ArgSpecs): readonly string[] {
  return parseArgs(config, specs, EMPTY_CONTEXT).errors;
}

function valuesOf<S extends ArgSpecs>(config: string, specs: S): ArgValues<S> {
  const { values, errors } = parseArgs(config, specs, EMPTY_CONTEXT);
  assert.equal(errors, [], config);
  return values;
}

test("arguments are taken by position and by keyword", () => {
  assert.equal(valuesOf("14", STRIP), { LENGTH: 14 });
  assert.equal(valuesOf("LENGTH 14", STRIP), { LENGTH: 14 });
  assert.equal(valuesOf("hi, 3", PRINT), { LABEL: "hi", MAXLENGTH: 3, CONTENTS: true });
  assert.equal(valuesOf("MAXLENGTH 3, LABEL hi", PRINT), { LABEL: "hi", MAXLENGTH: 3, CONTENTS: true });
  assert.equal(valuesOf("hi, CONTENTS\n  no", PRINT), { LABEL: "hi", MAXLENGTH: 24, CONTENTS: false });
  assert.equal(valuesOf("", PRINT), { LABEL: undefined, MAXLENGTH: 24, CONTENTS: true });
});

test("an argument that is not given may be read from another's text", () => {
  const specs = {
    IP: { type: "ip", doc, positional: true, required: true },
    ETH: { type: "ether", doc, positional: true, required: true, sameAs: "IP" },
  } as const satisfies ArgSpecs;
  const mac = Uint8Array.of(2, 0, 0, 0, 0, 1);
  const context = {
    ...EMPTY_CONTEXT,
    lookup: (database: string, name: string) =>
      name !== "host" ? undefined : database === "ip addresses" ? 0x0a000001 : mac,
  };
  assert.equal(parseArgs("host", specs, context).values, { IP: 0x0a000001, ETH: mac });
  assert.equal(parseArgs("IP host", specs, context).values.ETH, mac);
  assert.equal(parseArgs("host, 1:2:3:4:5:6", specs, context).values.ETH, Uint8Array.of(1, 2, 3, 4, 5, 6));
  assert.equal(parseArgs("10.0.0.1", specs, context).errors, ["ETH: parse error"]);
  assert.equal(parseArgs("", specs, context).errors, [
    "IP: required argument missing",
    "ETH: required argument missing",
  ]);
});

test("an empty argument holds its place and counts as not given", () => {
  assert.equal(valuesOf(", 3", PRINT), { LABEL: undefined, MAXLENGTH: 3, CONTENTS: true });
  assert.equal(errorsOf(" , ", STRIP), ["LENGTH: required argument missing"]);
});

test("a keyword without text is a positional argument", () => {
  assert.equal(valuesOf("LABEL", PRINT).LABEL, "LABEL");
  assert.equal(valuesOf("LABEL /* nothing */", PRINT).LABEL, "LABEL");
});

test("a later keyword wins, over earlier ones and over the position", () => {
  assert.is(valuesOf("LABEL a, LABEL b", PRINT).LABEL, "b");
  assert.is(valuesOf("a, LABEL b", PRINT).LABEL, "b");
});

test("a keyword before a positional argument ends the positions", () => {
  assert.equal(errorsOf("CONTENTS no, y", PRINT), ["too many arguments"]);
  assert.equal(valuesOf("C x, A y", PAIR), { A: "y", B: "b", C: "x" });
});

test("a missing required argument takes one that looks like another's keyword", () => {
  assert.equal(valuesOf('"x y"', { A: { type: "string", doc, positional: true, required: true } }).A, "x y");
  const anyone = { A: { type: "any", doc, positional: true, required: true } } as const satisfies ArgSpecs;
  assert.is(valuesOf("allow all", anyone).A, "allow all");
  assert.equal(errorsOf("C x", PAIR), ["A: parse error"]);
});

test("an optional argument does not take what looks like a keyword", () => {
  assert.equal(errorsOf("hello world", PRINT), ["hello: unknown argument"]);
});

test("Click's examples give Click's errors", () => {
  assert.equal(errorsOf("MAXLENGTH abc, FOO 3", PRINT), [
    "MAXLENGTH: invalid number",
    "FOO: unknown argument",
  ]);
  assert.equal(errorsOf("", STRIP), ["LENGTH: required argument missing"]);
  assert.equal(errorsOf("1,2", {}), ["too many arguments"]);
});

test("errors come as arguments are declared, then unknown ones as written, then too many, once", () => {
  const specs = {
    X: { type: "int", doc, positional: true, max: 5 },
    Y: { type: "bool", doc, positional: true },
    Z: { type: "ip", doc, required: true },
  } as const satisfies ArgSpecs;
  assert.equal(errorsOf("9, maybe, 3, Q 1, 4, P 2", specs), [
    "X: out of range, bound 5",
    "Y: parse error",
    "Z: required argument missing",
    "Q: unknown argument",
    "P: unknown argument",
    "too many arguments",
  ]);
});

test("keywords may hold colons, points, question and exclamation marks, and are case-sensitive", () => {
  assert.equal(errorsOf("a:b.c?! 1", PRINT), ["a:b.c?!: unknown argument"]);
  assert.equal(errorsOf("label x", PRINT), ["label: unknown argument"]);
  assert.equal(errorsOf("1x 2", {}), ["too many arguments"]);
});

test("rest takes all that is left, unknown keywords and empty arguments included", () => {
  assert.equal(valuesOf("allow tcp, , 1 STRICT, STRICT yes, deny all", FILTER), {
    STRICT: true,
    PATTERN: ["allow tcp", "", "1 STRICT", "deny all"],
  });
  assert.equal(valuesOf("", FILTER), { STRICT: false, PATTERN: [] });
});

test("a required rest wants one argument at least", () => {
  const specs = { P: { type: "any", doc, rest: true, required: true } } as const satisfies ArgSpecs;
  assert.equal(errorsOf("", specs), ["P: required argument missing"]);
});

test("every wrong argument of a rest is reported", () => {
  const specs = { P: { type: "ip", doc, rest: true } } as const satisfies ArgSpecs;
  assert.equal(errorsOf("1.2.3.4, x, 5", specs), ["P: parse error", "P: parse error"]);
});

test("many collects a keyword's values, and positions, in order", () => {
  assert.equal(valuesOf("1, 2, 3, FILE a, FILE b", MANY), { FIRST: 1, FILE: ["a", "b"], N: [2, 3] });
  assert.equal(valuesOf("1, FILE a", MANY), { FIRST: 1, FILE: ["a"], N: [] });
  assert.equal(valuesOf("1, N 4, N 5", MANY).N, [4, 5]);
  assert.equal(errorsOf("1, 2, N 4, 6", MANY), ["too many arguments"]);
});

test("a default that its own type refuses is the element's fault", () => {
  const specs = { X: { type: "int", doc, default: "many" } } as const satisfies ArgSpecs;
  assert.throws(
    () => parseArgs("", specs, EMPTY_CONTEXT),
    (e: unknown) => e instanceof ArgSpecError && e.code === "ARG_SPEC",
  );
  assert.is(valuesOf("X 3", specs).X, 3);
});

test("keywords named like an object's own properties are plain keywords", () => {
  assert.equal(errorsOf("constructor 1, __proto__ 2", PRINT), [
    "constructor: unknown argument",
    "__proto__: unknown argument",
  ]);
});

interface Reading {
  readonly values: Record<string, unknown>;
  readonly errors: string[];
}

/** The rules of the search again, each argument a record with a mark, as plainly as can be said. */
function slowParse(pieces: readonly string[], specs: ArgSpecs): Reading {
  const args = pieces.map((text) => {
    const keyword = /^([A-Za-z_]\w*) +(?=.)/.exec(text);
    return { text, keyword: keyword?.[1], value: text.slice(keyword?.[0].length ?? 0), used: "" };
  });
  const values: Record<string, unknown> = {};
  const errors: string[] = [];
  const take = (name: string, spec: ArgSpec, required: boolean): string | undefined => {
    const named = args.filter((arg) => arg.used === "" && arg.keyword === name);
    const next = spec.positional ? args.find((arg) => arg.used !== "position") : undefined;
    const free = next?.used === "" && (next.keyword === undefined || (required && named.length === 0));
    const here = free ? next : undefined;
    const candidates = args.filter((arg) => arg === here || named.includes(arg));
    const winner = spec.many ? candidates[0] : candidates.at(-1);
    for (const arg of spec.many ? candidates.slice(0, 1) : candidates) {
      arg.used = arg === here ? "position" : "keyword";
    }
    return winner === here ? winner?.text : winner?.value;
  };
  for (const [name, spec] of Object.entries(specs)) {
    const first = take(name, spec, spec.required ?? false);
    const given = first !== undefined && first !== "";
    if (!given && spec.required) errors.push(`${name}: required argument missing`);
    if (!spec.many) {
      if (given || !spec.required) values[name] = given ? first : undefined;
      continue;
    }
    const list: string[] = [];
    for (let text = first; text !== undefined && text !== ""; text = take(name, spec, false)) list.push(text);
    values[name] = list;
  }
  const left = args.filter((arg) => arg.used === "");
  for (const arg of left) if (arg.keyword !== undefined) errors.push(`${arg.keyword}: unknown argument`);
  if (left.some((arg) => arg.keyword === undefined)) errors.push("too many arguments");
  return { values, errors };
}

test("any declaration reads any arguments as the plain rules say", () => {
  const piece = fc.constantFrom("", "1", "x y", '"p q"', "A 1", "A 2", "B 3", "B  4", "C 5", "D 6", "A");
  const spec = fc.record({
    type: fc.constant("any" as const),
    doc: fc.constant(doc),
    positional: fc.boolean(),
    required: fc.boolean(),
    many: fc.boolean(),
  });
  const declared = fc
    .subarray(["A", "B", "C"])
    .chain((names) => fc.record(Object.fromEntries(names.map((n) => [n, spec]))));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), declared, (pieces, specs: ArgSpecs) => {
      const texts = pieces.at(-1) === "" ? [...pieces, "1"] : pieces;
      const parsed = parseArgs(texts.join(", "), { ...specs }, EMPTY_CONTEXT);
      assert.equal(parsed, slowParse(texts, specs));
    }),
    { numRuns: 5000 },
  );
});

test("a hundred thousand arguments of a keyword are read in one pass", () => {
  const count = 100_000;
  assert.is(valuesOf(`1, ${"N 1,".repeat(count)}`, { FIRST: MANY.FIRST, N: MANY.N }).N.length, count);
  assert.is(valuesOf(`1, ${"1,".repeat(count)}`, { FIRST: MANY.FIRST, N: MANY.N }).N.length, count);
  assert.is(errorsOf("Z 1,".repeat(count), PRINT).length, count);
});

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(value: T): void => assert.ok(value);

test("a declaration gives its values' types", () => {
  holds<Same<ArgValues<typeof STRIP>["LENGTH"], number>>(true);
  holds<Same<ArgValues<typeof PRINT>["LABEL"], string | undefined>>(true);
  holds<Same<ArgValues<typeof PRINT>["MAXLENGTH"], number>>(true);
  holds<Same<ArgValues<typeof PRINT>["CONTENTS"], boolean>>(true);
  holds<Same<ArgValues<typeof FILTER>["PATTERN"], readonly string[]>>(true);
  holds<Same<ArgValues<typeof MANY>["N"], readonly number[]>>(true);
  holds<Same<keyof ArgValues<typeof PAIR>, "A" | "B" | "C">>(true);
  // @ts-expect-error an optional argument may be undefined
  const label: string = valuesOf("", PRINT).LABEL;
  assert.is(label, undefined);
  // @ts-expect-error a type that does not exist
  const wrong = { X: { type: "intt", doc } } as const satisfies ArgSpecs;
  assert.ok(wrong);
});

test("a synopsis shows positions, brackets, repetition and keywords", () => {
  assert.is(describeArgs("Strip", STRIP), "Strip(LENGTH)");
  assert.is(describeArgs("Print", PRINT), "Print([LABEL, MAXLENGTH], ...keywords)");
  assert.is(describeArgs("IPFilter", FILTER), "IPFilter([PATTERN, ...], ...keywords)");
  assert.is(describeArgs("Idle", {}), "Idle");
  const specs = {
    A: { type: "int", doc, positional: true, required: true },
    P: { type: "word", doc, required: true },
    R: { type: "any", doc, rest: true, required: true },
  } as const satisfies ArgSpecs;
  assert.is(describeArgs("X", specs), "X(A, R, ..., P <word>)");
});

test("an argument's line tells type, bounds and default", () => {
  assert.is(
    describeArg({ type: "unsigned", doc, min: 1, max: 64, default: "28" }),
    "unsigned, 1 to 64, default 28",
  );
  assert.is(describeArg({ type: "choice", doc, choices: ["A", "B"], required: true }), "A | B, required");
  assert.is(describeArg({ type: "anno", doc, size: 1 }), "anno, 1 byte");
});

test.run();
