// Shortens every path of a decision program: a branch leads past all tests
// whose answer already follows from the answers before it. No node is ever
// copied, so a program only shrinks.

import { Fields, type Known } from "./knowledge.js";
import type { Program, Target } from "./program.js";

/** Steps of reasoning one pass may take; branches met after that stay as they are. */
const MAX_WORK = 30_000_000;

/**
 * Optimises the part of `from` below `root`, given what is known at the root,
 * and adds the result to `to`. Returns its root there.
 */
export function optimize(from: Program, root: Target, known: Known, to: Program): Target {
  if (root < 0) return root;
  const { tests, test } = from;
  const fields = new Fields(tests);
  const at: (Known | undefined)[] = new Array(root + 1);
  const yes = new Map<number, Target>();
  const no = new Map<number, Target>();

  // Leads a branch on as far as `k` answers the tests it meets.
  const lead = (target: Target, k: Known): Target => {
    while (target >= 0 && fields.work < MAX_WORK) {
      const answer = k.decide(fields, test[target], tests[test[target]]);
      if (answer === undefined) break;
      target = answer ? from.yes[target] : from.no[target];
    }
    if (target >= 0) at[target] = at[target]?.meet(k) ?? k;
    return target;
  };

  const start = lead(root, known);
  if (start < 0) return start;
  for (let i = start; i >= 0; i--) {
    const k = at[i];
    if (k === undefined) continue;
    at[i] = undefined;
    const id = test[i];
    yes.set(i, lead(from.yes[i], k.learn(fields, id, tests[id], true)));
    no.set(i, lead(from.no[i], k.learn(fields, id, tests[id], false)));
  }

  const made = new Map<number, Target>();
  const place = (target: Target): Target => (target < 0 ? target : (made.get(target) as Target));
  for (const i of [...yes.keys()].reverse()) {
    made.set(
      i,
      to.addNode(to.addTest(tests[test[i]]), place(yes.get(i) as Target), place(no.get(i) as Target)),
    );
  }
  return place(start);
}
