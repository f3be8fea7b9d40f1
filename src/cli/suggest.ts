// What somebody may have meant: the nearest name to one that is not known.

import type { Diagnostic } from "../lang/diagnostics.js";
import { readManual } from "./manual.js";

/** Adds a hint to diagnostics of unknown element classes and arguments whose name is close to a known one. */
export function withSuggestions(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const manual = readManual();
  const classes = [...manual.keys()];
  return diagnostics.map((d) => {
    if (d.hint !== undefined) return d;
    const hints: string[] = [];
    const name = /^(?:undeclared element|unknown element class) '([^']+)'/.exec(d.message)?.[1];
    const similar = name === undefined ? null : nearest(name, classes);
    if (similar !== null) hints.push(`is it ${similar}?`);
    const page = manual.get(/^While configuring '[^']* :: ([^']+)'/.exec(d.message)?.[1] ?? "");
    for (const [, argument] of d.message.matchAll(/^ {2}(\w+): unknown argument$/gm)) {
      const known = nearest(argument, Object.keys(page?.spec.args ?? {}));
      if (known !== null) hints.push(`is ${argument} meant to be ${known}?`);
    }
    if (page !== undefined) hints.push(`'sluice elements ${page.name}' lists its arguments`);
    return hints.length === 0 ? d : { ...d, hint: hints.join("; ") };
  });
}

/** The name nearest to `name`, if it is near: other letter cases, or few letters that differ. */
export function nearest(name: string, names: readonly string[]): string | null {
  if (name.length < 2) return null;
  let best: string | null = null;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase());
    if (d < least) [best, least] = [candidate, d];
  }
  return best;
}

/** Edits (insertions, deletions, replacements, swaps of neighbours) that make `b` of `a`. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        next[j] = Math.min(next[j], before[j - 2] + 1);
    }
    [before, row] = [row, next];
  }
  return row[b.length];
}
