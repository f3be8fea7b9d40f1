// What is known of a packet at some point of a decision program, from the
// answers on the way there. Immutable; forgetting something is always sound.

import { ANCHORS, type Test } from "./expr.js";

/** What is known of one field (a word under a mask). */
interface Fact {
  readonly lo: number;
  readonly hi: number;
  /** The only values possible, where they are known. */
  readonly only: readonly number[] | null;
  /** Values that are excluded. */
  readonly never: Never | null;
}
interface Never {
  readonly values: readonly number[];
  readonly rest: Never | null;
  readonly depth: number;
}
interface Bits {
  readonly mask: number;
  readonly value: number;
}

const MAX_FACTS = 64;
const MAX_ONLY = 64;

/** The fields that a program's tests look at, numbered. */
export class Fields {
  /** By test: its field and its word. */
  readonly field: number[] = [];
  readonly word: number[] = [];
  /** By field: its mask. */
  readonly mask: number[] = [];
  /** By word: its fields. */
  readonly ofWord: number[][] = [];
  /** Steps of reasoning spent, so that a caller can bound them. */
  work = 0;

  readonly #fields = new Map<string, number>();
  readonly #words = new Map<string, number>();

  /** Takes in the tests that were added since. */
  extend(tests: readonly Test[]): void {
    for (let id = this.field.length; id < tests.length; id++) {
      const { anchor, offset, mask } = tests[id];
      const place = `${anchor},${offset}`;
      let word = this.#words.get(place);
      if (word === undefined) {
        word = this.ofWord.push([]) - 1;
        this.#words.set(place, word);
      }
      let field = this.#fields.get(`${place},${mask}`);
      if (field === undefined) {
        field = this.mask.push(mask) - 1;
        this.#fields.set(`${place},${mask}`, field);
        this.ofWord[word].push(field);
      }
      this.field.push(field);
      this.word.push(word);
    }
  }
}

export class Known {
  /** By anchor: the least and the greatest length possible. */
  readonly #lengths: readonly number[];
  readonly #facts: ReadonlyMap<number, Fact>;
  readonly #bits: ReadonlyMap<number, Bits>;

  private constructor(
    lengths: readonly number[],
    facts: ReadonlyMap<number, Fact>,
    bits: ReadonlyMap<number, Bits>,
  ) {
    this.#lengths = lengths;
    this.#facts = facts;
    this.#bits = bits;
  }

  /** Nothing known but the least lengths, by anchor. */
  static lengths(least: readonly number[] = []): Known {
    const lengths: number[] = [];
    for (let a = 0; a < ANCHORS; a++) lengths.push(least[a] ?? 0, 0x7fffffff);
    return new Known(lengths, new Map(), new Map());
  }

  /** The answer to test number `id`, if it follows from what is known. */
  decide(fields: Fields, id: number, test: Test): boolean | undefined {
    fields.work++;
    if (test.kind === "len") {
      const [least, most] = [this.#lengths[test.anchor * 2], this.#lengths[test.anchor * 2 + 1]];
      return least >= test.values[0] ? true : most < test.values[0] ? false : undefined;
    }
    const fact = this.#facts.get(fields.field[id]);
    const bits = this.#bits.get(fields.word[id]);
    if (fact === undefined && bits === undefined && this.#facts.size === 0) return undefined;
    const all = bits !== undefined && (test.mask & ~bits.mask) === 0;
    if (test.kind === "gt") {
      if (all) return (bits.value & test.mask) >>> 0 > test.values[0];
      if (fact === undefined) return undefined;
      return fact.lo > test.values[0] ? true : fact.hi <= test.values[0] ? false : undefined;
    }
    if (all) return has(test.values, (bits.value & test.mask) >>> 0);
    if (!test.values.some((v) => this.#possible(fields, id, test.mask, v))) return false;
    if (fact?.only?.every((v) => has(test.values, v))) return true;
    return undefined;
  }

  #possible(fields: Fields, id: number, mask: number, value: number): boolean {
    const bits = this.#bits.get(fields.word[id]);
    if (bits !== undefined && ((value ^ bits.value) & bits.mask & mask) !== 0) return false;
    for (const field of fields.ofWord[fields.word[id]]) {
      const under = fields.mask[field];
      if ((under & ~mask) !== 0) continue;
      const fact = this.#facts.get(field);
      if (fact !== undefined && !allows(fields, fact, (value & under) >>> 0)) return false;
    }
    return true;
  }

  /** What is known once test number `id` was answered. */
  learn(fields: Fields, id: number, test: Test, answer: boolean): Known {
    if (test.kind === "len") {
      const lengths = [...this.#lengths];
      const [least, most] = [test.anchor * 2, test.anchor * 2 + 1];
      if (answer) lengths[least] = Math.max(lengths[least], test.values[0]);
      else lengths[most] = Math.min(lengths[most], test.values[0] - 1);
      return new Known(lengths, this.#facts, this.#bits);
    }
    const field = fields.field[id];
    const old = this.#facts.get(field) ?? { lo: 0, hi: test.mask, only: null, never: null };
    const fact = narrow(fields, old, test, answer);
    const facts = new Map(this.#facts);
    facts.delete(field);
    facts.set(field, fact);
    if (facts.size > MAX_FACTS) facts.delete(facts.keys().next().value as number);
    let bits = this.#bits;
    if (fact.only !== null && fact.only.length > 0) {
      const ones = fact.only.reduce((a, b) => a & b);
      const same = test.mask & ~(fact.only.reduce((a, b) => a | b) ^ ones);
      const word = fields.word[id];
      const before = bits.get(word) ?? { mask: 0, value: 0 };
      const copy = new Map(bits);
      copy.set(word, { mask: before.mask | same, value: before.value | (ones & same) });
      if (copy.size > MAX_FACTS) copy.delete(copy.keys().next().value as number);
      bits = copy;
    }
    return new Known(this.#lengths, facts, bits);
  }

  /** What holds in both. */
  meet(other: Known): Known {
    if (other === this) return this;
    const lengths = this.#lengths.map((n, i) =>
      i % 2 === 0 ? Math.min(n, other.#lengths[i]) : Math.max(n, other.#lengths[i]),
    );
    const facts = new Map<number, Fact>();
    for (const [field, a] of this.#facts) {
      const b = other.#facts.get(field);
      if (b !== undefined) facts.set(field, a === b ? a : meetFacts(a, b));
    }
    const bits = new Map<number, Bits>();
    for (const [word, a] of this.#bits) {
      const b = other.#bits.get(word);
      if (b === undefined) continue;
      const mask = a.mask & b.mask & ~(a.value ^ b.value);
      if (mask !== 0) bits.set(word, { mask, value: a.value & mask });
    }
    return new Known(lengths, facts, bits);
  }
}

function has(values: readonly number[], value: number): boolean {
  let [low, high] = [0, values.length];
  while (low < high) {
    const mid = (low + high) >>> 1;
    if (values[mid] < value) low = mid + 1;
    else high = mid;
  }
  return values[low] === value;
}

function allows(fields: Fields, fact: Fact, value: number): boolean {
  if (value < fact.lo || value > fact.hi) return false;
  if (fact.only !== null) return has(fact.only, value);
  for (let n = fact.never; n !== null; n = n.rest) {
    fields.work++;
    if (has(n.values, value)) return false;
  }
  return true;
}

function narrow(fields: Fields, old: Fact, test: Test, answer: boolean): Fact {
  let { lo, hi, only, never } = old;
  if (test.kind === "gt") {
    if (answer) lo = Math.max(lo, test.values[0] + 1);
    else hi = Math.min(hi, test.values[0]);
    if (only !== null) only = only.filter((v) => v >= lo && v <= hi);
    else if (lo === hi) only = [lo];
  } else if (answer) {
    only = test.values.filter((v) => allows(fields, old, v));
    never = null;
  } else if (only !== null) only = only.filter((v) => !has(test.values, v));
  // A field of one bit that is not the one value is the other.
  else if ((test.mask & (test.mask - 1)) === 0) only = [0, test.mask].filter((v) => !has(test.values, v));
  else never = { values: test.values, rest: never, depth: (never?.depth ?? 0) + 1 };
  if (only !== null && only.length > 0) {
    lo = Math.max(lo, only[0]);
    hi = Math.min(hi, only[only.length - 1]);
  }
  return { lo, hi, only, never };
}

function meetFacts(a: Fact, b: Fact): Fact {
  let only: readonly number[] | null = null;
  if (a.only !== null && b.only !== null && a.only.length + b.only.length <= MAX_ONLY)
    only = [...new Set([...a.only, ...b.only])].sort((x, y) => x - y);
  // Both lists grew from a common one; what stands in that holds in both.
  let [x, y] = [a.never, b.never];
  while (x !== y) {
    if (x === null || y === null)
      return { lo: Math.min(a.lo, b.lo), hi: Math.max(a.hi, b.hi), only, never: null };
    if (x.depth >= y.depth) x = x.rest;
    else y = y.rest;
  }
  return { lo: Math.min(a.lo, b.lo), hi: Math.max(a.hi, b.hi), only, never: x };
}
