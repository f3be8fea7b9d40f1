// How a decision program is laid out as structured code: which nodes get a
// block of their own, and which runs of nodes become one search.

import type { Test } from "./expr.js";
import type { Program, Target } from "./program.js";
import { type Case, cases, commonMask, type Member, type Segment, segments } from "./search.js";
import { type Part, wordPart } from "./word.js";

/** Values in a run from which on a search is better than one comparison after another. */
const SEARCH_FROM = 5;

/** A run of nodes along no branches, all about one word. */
export interface Search {
  readonly anchor: Test["anchor"];
  readonly offset: number;
  readonly mask: number;
  readonly part: Part;
  /** By value as it is stored, where all members ask for values of the same field; else null. */
  readonly cases: readonly Case[] | null;
  /** By the number in network order, otherwise. */
  readonly segments: readonly Segment[] | null;
  /** Where it leads on. */
  readonly no: Target;
}

export class Plan {
  readonly program: Program;
  readonly root: Target;
  /** Nodes with several ways in, in topological order, and each one's place in that order. */
  readonly labels: number[] = [];
  readonly label = new Map<number, number>();
  /** By the first node of the run. */
  readonly searches = new Map<number, Search>();
  /** By node: ways in, and the nodes of the tree that hangs from it by single ways. */
  readonly #ways: Uint32Array;
  readonly #size: Uint32Array;

  constructor(program: Program, root: Target) {
    this.program = program;
    this.root = root;
    this.#ways = new Uint32Array(Math.max(0, root + 1));
    this.#size = new Uint32Array(Math.max(0, root + 1));
    if (root >= 0) this.#make();
  }

  test(node: number): Test {
    return this.program.tests[this.program.test[node]];
  }

  /** Nodes that are written where `target` is led to. */
  weight(target: Target): number {
    return target < 0 || this.#ways[target] !== 1 ? 0 : this.#size[target];
  }

  #make(): void {
    const { yes, no } = this.program;
    const ways = this.#ways;
    const nodes = this.program.reachable(this.root);
    // The root is led to from outside, and is written first: it needs no block.
    ways[this.root] = 1;
    for (const i of nodes) {
      if (yes[i] >= 0) ways[yes[i]] += 1;
      if (no[i] >= 0) ways[no[i]] += 1;
    }
    const inRun = new Set<number>();
    const targets = new Map<number, Set<Target>>();
    for (const i of nodes) {
      if (inRun.has(i)) continue;
      const run = this.#run(i);
      if (run === null) continue;
      for (const m of run.nodes) inRun.add(m);
      const search = this.#search(run);
      this.searches.set(i, search);
      targets.set(i, this.#countWays(run.nodes, search));
    }
    for (const i of nodes.reverse()) {
      this.#size[i] = 1 + this.weight(yes[i]) + this.weight(no[i]);
      // No tree inside a search holds more than half of it, so nesting stays logarithmic.
      for (const t of targets.get(i) ?? []) {
        if (this.weight(t) * 2 > this.#size[i]) ways[t] += 1;
      }
    }
    for (const i of nodes.reverse()) {
      if (ways[i] > 1) this.label.set(i, this.labels.push(i) - 1);
    }
  }

  /** Counts a target once for each place of the search that leads to it; gives the targets. */
  #countWays(nodes: readonly number[], search: Search): Set<Target> {
    const ways = this.#ways;
    for (const m of nodes) {
      if (this.program.yes[m] >= 0) ways[this.program.yes[m]] -= 1;
    }
    const found = new Set<Target>();
    for (const { target } of search.cases ?? search.segments ?? []) {
      if (target === null || target < 0) continue;
      ways[target] += 1;
      found.add(target);
    }
    return found;
  }

  /** The run that starts at `node`, if it pays to search it. */
  #run(node: number): { readonly nodes: number[]; readonly mask: number; readonly same: boolean } | null {
    const first = this.test(node);
    if (first.kind === "len") return null;
    const nodes: number[] = [];
    let { mask } = first;
    let same = true;
    let values = 0;
    for (let i = node; ; ) {
      const t = this.test(i);
      nodes.push(i);
      values += t.values.length;
      same &&= t.kind === "in" && t.mask === first.mask;
      i = this.program.no[i];
      if (i < 0 || this.#ways[i] !== 1) break;
      const next = this.test(i);
      if (next.kind === "len" || next.anchor !== first.anchor || next.offset !== first.offset) break;
      const common = commonMask(mask, next.mask);
      if (common === 0) break;
      mask = common;
    }
    return values >= SEARCH_FROM ? { nodes, mask, same } : null;
  }

  #search(run: { readonly nodes: readonly number[]; readonly mask: number; readonly same: boolean }): Search {
    const { nodes, mask, same } = run;
    const { anchor, offset } = this.test(nodes[0]);
    const part = wordPart(mask);
    const members: Member[] = nodes.map((n) => ({ test: this.test(n), target: this.program.yes[n] }));
    return {
      anchor,
      offset,
      mask,
      part,
      cases: same ? cases(members, part.stored) : null,
      segments: same ? null : segments(members, mask, part),
      no: this.program.no[nodes[nodes.length - 1]],
    };
  }
}
