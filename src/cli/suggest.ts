// What somebody may have meant: the nearest name to one that is not known.

import type { Diagnostic } from "../lang/diagnostics.js";
import { nearest } from "../lang/nearest.js";
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
