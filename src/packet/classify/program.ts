// A decision program: a directed acyclic graph of tests, each with a yes and
// a no branch to another test or to an output.

import type { Expr, Rule, Test } from "./expr.js";
import { requiredLength } from "./expr.js";

/**
 * Where a branch leads: a node's index, or, where negative, the complement of
 * an output number (`~output`).
 */
export type Target = number;

/**
 * The graph, with every equal test and every equal node kept once. A node's
 * branches lead to lower indices only, so descending order is topological.
 */
export class Program {
  readonly tests: Test[] = [];
  /** By node: the index of its test, and its branches. */
  readonly test: number[] = [];
  readonly yes: Target[] = [];
  readonly no: Target[] = [];
  readonly #testIds = new Map<string, number>();
  readonly #nodeIds = new Map<string, number>();

  /** The index of `test`, adding it if it is new. */
  addTest(test: Test): number {
    const key = `${test.kind}${test.anchor},${test.offset},${test.mask},${test.values.join()}`;
    const known = this.#testIds.get(key);
    if (known !== undefined) return known;
    this.#testIds.set(key, this.tests.length);
    return this.tests.push(test) - 1;
  }

  /** The node that asks `test`; the branch itself where both are the same. */
  addNode(test: number, yes: Target, no: Target): Target {
    if (yes === no) return yes;
    const key = `${test},${yes},${no}`;
    const known = this.#nodeIds.get(key);
    if (known !== undefined) return known;
    this.#nodeIds.set(key, this.test.length);
    this.test.push(test);
    this.yes.push(yes);
    return this.no.push(no) - 1;
  }

  /** Adds `expr`: packets that match it go to `yes`, the others to `no`. */
  addExpr(expr: Expr, yes: Target, no: Target): Target {
    switch (expr.kind) {
      case "const":
        return expr.value ? yes : no;
      case "not":
        return this.addExpr(expr.of, no, yes);
      case "test": {
        const asked = this.addNode(this.addTest(expr.test), yes, no);
        const length = requiredLength(expr.test);
        if (length === 0) return asked;
        return this.addNode(this.addTest(lengthTest(expr.test.anchor, length)), asked, expr.short ? yes : no);
      }
      case "and":
        return expr.of.reduceRight((next, e) => this.addExpr(e, next, no), yes);
      case "or":
        return expr.of.reduceRight((next, e) => this.addExpr(e, yes, next), no);
      case "choose":
        return expr.cases.reduceRight(
          (next, [c, y]) => this.addExpr(c, this.addExpr(y, yes, no), next),
          this.addExpr(expr.no, yes, no),
        );
    }
  }

  /** Adds rules, first match wins; packets that match none go to `otherwise`. */
  addRules(rules: readonly Rule[], otherwise: Target): Target {
    return rules.reduceRight((next, rule) => this.addExpr(rule.expr, ~rule.output, next), otherwise);
  }

  /** Adds the nodes below `root` again, with `target` in place of the output branch `leaf`. */
  graft(root: Target, leaf: Target, target: Target): Target {
    const made = new Map<Target, Target>([[leaf, target]]);
    const place = (t: Target): Target => made.get(t) ?? t;
    for (const i of this.reachable(root).reverse())
      made.set(i, this.addNode(this.test[i], place(this.yes[i]), place(this.no[i])));
    return place(root);
  }

  /** The nodes reachable from `root`, descending (so in topological order). */
  reachable(root: Target): number[] {
    const seen = new Set<number>();
    const waiting = root < 0 ? [] : [root];
    for (let i = waiting.pop(); i !== undefined; i = waiting.pop()) {
      if (i < 0 || seen.has(i)) continue;
      seen.add(i);
      waiting.push(this.yes[i], this.no[i]);
    }
    return [...seen].sort((a, b) => b - a);
  }

  /** The outputs that some packet may leave on. */
  outputs(root: Target): Set<number> {
    if (root < 0) return new Set([~root]);
    const found = new Set<number>();
    for (const i of this.reachable(root)) {
      if (this.yes[i] < 0) found.add(~this.yes[i]);
      if (this.no[i] < 0) found.add(~this.no[i]);
    }
    return found;
  }
}

export function lengthTest(anchor: Test["anchor"], length: number): Test {
  return { kind: "len", anchor, offset: 0, mask: 0, values: [length] };
}
