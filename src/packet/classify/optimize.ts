// Shortens the paths of a decision program: a branch leads past all tests
// whose answer already follows from the answers before it. No node is ever
// copied, so a program only shrinks.

import type { Fields, Known } from "./knowledge.js";
import type { Program, Target } from "./program.js";

/** Steps of reasoning that may be spent on one program; branches met after that stay as they are. */
const MAX_WORK = 30_000_000;

/**
 * Adds to `p` an optimised copy of what is below `root`, given what is known
 * there, and returns its root. `fields` is the program's, and carries the work
 * spent from one call to the next.
 */
export function optimize(p: Program, root: Target, known: Known, fields: Fields): Target {
  fields.extend(p.tests);
  const { tests, test } = p;
  const at = new Map<number, Known>();
  const yes = new Map<number, Target>();
  const no = new Map<number, Target>();

  // Leads a branch on as far as `k` answers the tests it meets.
  const lead = (target: Target, k: Known): Target => {
    while (target >= 0 && fields.work < MAX_WORK) {
      const answer = k.decide(fields, test[target], tests[test[target]]);
      if (answer === undefined) break;
      target = answer ? p.yes[target] : p.no[target];
    }
    if (target >= 0) at.set(target, at.get(target)?.meet(k) ?? k);
    return target;
  };

  const start = lead(root, known);
  for (let i = start; at.size > 0; i--) {
    const k = at.get(i);
    if (k === undefined) continue;
    at.delete(i);
    const id = test[i];
    yes.set(i, lead(p.yes[i], k.learn(fields, id, tests[id], true)));
    no.set(i, lead(p.no[i], k.learn(fields, id, tests[id], false)));
  }

  const made = new Map<number, Target>();
  const place = (t: Target): Target => (t < 0 ? t : (made.get(t) as Target));
  for (const i of [...yes.keys()].reverse())
    made.set(i, p.addNode(test[i], place(yes.get(i) as Target), place(no.get(i) as Target)));
  return place(start);
}
