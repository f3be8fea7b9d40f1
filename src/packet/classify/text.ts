// A decision program as text, in the form of Click's `program` handler.

import { PORT_DROP } from "../../../assembly/layout.js";
import type { Test } from "./expr.js";
import type { Program, Target } from "./program.js";

// IPFilter's programs show where a word counts from in its offset: Click's numbers.
const BIAS = [0, 0, 256, 512];

/** One line a comparison, then the length up to which packets need no length checks, by Click's reckoning. */
export function programText(program: Program, root: Target, safe: readonly number[]): string {
  const lines: string[] = [];
  const nodes = program.reachable(root);
  const step = new Map<number, number>();
  let steps = 0;
  for (const i of nodes) {
    step.set(i, steps);
    steps += program.tests[program.test[i]].values.length;
  }
  const target = (t: Target): string => {
    if (t >= 0) return `step ${step.get(t)}`;
    return ~t === PORT_DROP ? "[X]" : `[${~t}]`;
  };
  for (const i of nodes) {
    const test = program.tests[program.test[i]];
    test.values.forEach((value, k) => {
      const n = (step.get(i) as number) + k;
      const no = k + 1 < test.values.length ? `step ${n + 1}` : target(program.no[i]);
      lines.push(
        `${String(n).padStart(2)} ${question(test, value)}  yes->${target(program.yes[i])}  no->${no}`,
      );
    });
  }
  if (root < 0) lines.push(`all->${target(root)}`);
  const length = Math.max(...safe.map((n, anchor) => (n > 0 ? n + BIAS[anchor] : 0)));
  lines.push(`safe length ${length}`, "alignment offset 0", "");
  return lines.join("\n");
}

function question(test: Test, value: number): string {
  const offset = String(BIAS[test.anchor] + test.offset).padStart(3);
  if (test.kind === "len") return `${offset} length>=${value}`;
  return `${offset}/${test.kind === "gt" ? ">" : ""}${hex(value)}%${hex(test.mask)}`;
}

function hex(n: number): string {
  return n.toString(16).padStart(8, "0");
}
