// What a packet pattern says, as a boolean expression over tests of packet
// words. Both pattern languages parse to this, and programs are built from it.

/** Where an offset counts from: the data's start, or one of the header pointers. */
export const ANCHOR_DATA = 0;
export const ANCHOR_MAC = 1;
export const ANCHOR_NETWORK = 2;
export const ANCHOR_TRANSPORT = 3;
export const ANCHORS = 4;
export type Anchor = 0 | 1 | 2 | 3;

/**
 * A question about one packet. Words are 32 bits in network order, so the
 * first byte is the highest: `mask` 0xff000000 is the byte at `offset`.
 * - `in`: word & mask is one of `values` (sorted, distinct, within the mask);
 * - `gt`: word & mask, as an unsigned number, is greater than `values[0]`;
 * - `len`: at least `values[0]` bytes follow the anchor (offset and mask are 0).
 */
export interface Test {
  readonly kind: "in" | "gt" | "len";
  readonly anchor: Anchor;
  readonly offset: number;
  readonly mask: number;
  readonly values: readonly number[];
}

/**
 * An expression. `test.short` is the answer where the packet ends before the
 * last byte that the mask looks at. `choose` is `c1 ? y1 : c2 ? y2 : … : no`.
 */
export type Expr =
  | { readonly kind: "const"; readonly value: boolean }
  | { readonly kind: "test"; readonly test: Test; readonly short: boolean }
  | { readonly kind: "not"; readonly of: Expr }
  | { readonly kind: "and" | "or"; readonly of: readonly Expr[] }
  | { readonly kind: "choose"; readonly cases: readonly (readonly [Expr, Expr])[]; readonly no: Expr };

/** Packets that match `expr` and no earlier rule leave on `output` (PORT_DROP: dropped). */
export interface Rule {
  readonly expr: Expr;
  readonly output: number;
}

export const TRUE: Expr = { kind: "const", value: true };
export const FALSE: Expr = { kind: "const", value: false };

/** Bytes that must follow the anchor for `test` to be answered. */
export function requiredLength(test: Test): number {
  const { mask } = test;
  if (test.kind === "len" || mask === 0) return 0;
  if ((mask & 0xff) !== 0) return test.offset + 4;
  if ((mask & 0xff00) !== 0) return test.offset + 3;
  return test.offset + ((mask & 0xff0000) !== 0 ? 2 : 1);
}

/** word & mask equals value. A mask of 0 is always true, however short the packet. */
export function equals(anchor: Anchor, offset: number, mask: number, value: number): Expr {
  const m = mask >>> 0;
  if (m === 0) return TRUE;
  return {
    kind: "test",
    test: { kind: "in", anchor, offset, mask: m, values: [(value & m) >>> 0] },
    short: false,
  };
}

/** word & mask, as a number, is greater than value; false where the field is cut off. */
export function greater(anchor: Anchor, offset: number, mask: number, value: number): Expr {
  if (value >>> 0 >= mask >>> 0) return FALSE;
  const test: Test = { kind: "gt", anchor, offset, mask: mask >>> 0, values: [value >>> 0] };
  return { kind: "test", test, short: false };
}

/** At least `length` bytes follow the anchor. */
export function longEnough(anchor: Anchor, length: number): Expr {
  if (length <= 0) return TRUE;
  return {
    kind: "test",
    test: { kind: "len", anchor, offset: 0, mask: 0, values: [length] },
    short: false,
  };
}

export function not(of: Expr): Expr {
  if (of.kind === "const") return of.value ? FALSE : TRUE;
  return of.kind === "not" ? of.of : { kind: "not", of };
}

/**
 * The opposite, but with the same answer where a tested field is cut off: `ip
 * ttl != 1` is not true of a packet without a TTL. (Length tests stay.)
 */
export function notUnlessShort(of: Expr): Expr {
  return not(flipShort(of));
}

function flipShort(e: Expr): Expr {
  switch (e.kind) {
    case "const":
      return e;
    case "test":
      return { ...e, short: !e.short };
    case "not":
      return { kind: "not", of: flipShort(e.of) };
    case "choose":
      return {
        kind: "choose",
        cases: e.cases.map(([c, y]) => [flipShort(c), flipShort(y)]),
        no: flipShort(e.no),
      };
    default:
      return { kind: e.kind, of: e.of.map(flipShort) };
  }
}

/** All of them. The tests are put into one order, so that rules share what they test first. */
export function and(of: readonly Expr[]): Expr {
  return combine("and", of);
}

/** Any of them. */
export function or(of: readonly Expr[]): Expr {
  return combine("or", of);
}

export function choose(cases: readonly (readonly [Expr, Expr])[], no: Expr): Expr {
  return cases.length === 0 ? no : { kind: "choose", cases, no };
}

/** Tests in an expression. */
export function countTests(e: Expr): number {
  const sum = (of: readonly Expr[]): number => of.reduce((n, x) => n + countTests(x), 0);
  switch (e.kind) {
    case "const":
      return 0;
    case "test":
      return 1;
    case "not":
      return countTests(e.of);
    case "choose":
      return sum(e.cases.flat()) + countTests(e.no);
    default:
      return sum(e.of);
  }
}

function combine(kind: "and" | "or", of: readonly Expr[]): Expr {
  const flat: Expr[] = [];
  for (const e of of) {
    if (e.kind === kind) for (const inner of e.of) flat.push(inner);
    else if (e.kind !== "const") flat.push(e);
    else if (e.value === (kind === "or")) return e;
  }
  const tests = flat.filter((e) => e.kind === "test").sort((a, b) => order(a.test, b.test));
  const rest = flat.filter((e) => e.kind !== "test");
  const merged: Expr[] = [];
  let last: (Expr & { kind: "test" }) | undefined;
  for (const e of tests) {
    if (last !== undefined && kind === "or" && sameField(last, e)) {
      const values = [...new Set([...last.test.values, ...e.test.values])].sort((a, b) => a - b);
      last = { ...last, test: { ...last.test, values } };
      merged[merged.length - 1] = last;
    } else {
      merged.push(e);
      last = e;
    }
  }
  const all = [...merged, ...rest];
  if (all.length === 0) return kind === "and" ? TRUE : FALSE;
  return all.length === 1 ? all[0] : { kind, of: all };
}

function sameField(a: Expr & { kind: "test" }, b: Expr & { kind: "test" }): boolean {
  const [x, y] = [a.test, b.test];
  return (
    a.short === b.short &&
    x.kind === "in" &&
    y.kind === "in" &&
    x.anchor === y.anchor &&
    x.offset === y.offset &&
    x.mask === y.mask
  );
}

// Lengths first; the IP protocol before the other header words, since most rules of a filter name one.
function order(a: Test, b: Test): number {
  return (
    a.anchor - b.anchor ||
    Number(b.kind === "len") - Number(a.kind === "len") ||
    place(a) - place(b) ||
    a.mask - b.mask ||
    a.values[0] - b.values[0]
  );
}

function place(t: Test): number {
  return t.anchor === ANCHOR_NETWORK && t.offset === 8 ? 3 : t.offset;
}
