// How errors of a configuration reach a person or a program.

import { existsSync, readFileSync } from "node:fs";
import { HIDDEN, hasSecrets } from "../lang/args/secrets.js";
import { type ConfigurationError, type Diagnostic, diagnosticText } from "../lang/diagnostics.js";
import type { Input } from "./input.js";
import { readManual } from "./manual.js";
import { withSuggestions } from "./suggest.js";

export type ReportFormat = "text" | "json";

/**
 * The text of `diagnostics`. `text` is Click's, line by line; with `source` (the configuration, on a terminal) each
 * also shows its line with a caret, and a hint. `json` is an array of objects, hints included.
 */
export function report(diagnostics: readonly Diagnostic[], format: ReportFormat, source?: Input): string {
  if (format === "json") return `${JSON.stringify(withSuggestions(diagnostics), null, 2)}\n`;
  return (source === undefined ? diagnostics : withSuggestions(diagnostics))
    .map((d) => `${diagnosticText(d)}\n${source === undefined ? "" : excerpt(d, source)}`)
    .join("");
}

/** The last line Click prints when a configuration that reads well cannot start. */
export function verdict(error: ConfigurationError): string {
  return error.stage === "initialize" ? "Router could not be initialized!\n" : "";
}

/** The text of the file in which `d` is, null when that cannot be read (any more). */
function textAround(d: Diagnostic, main: Input): string | null {
  const file = d.landmark?.file;
  if (file === undefined || file === main.file) return main.text;
  return existsSync(file) ? readFileSync(file, "latin1") : null;
}

/** The line up to where an element begins to say its arguments that may have secrets among them. */
function open(line: string): string {
  for (const { name, spec } of readManual().values()) {
    const at = hasSecrets(spec.args ?? {}) ? line.search(new RegExp(`\\b${name}\\s*\\(`)) : -1;
    if (at >= 0) return `${line.slice(0, at)}${name}(${HIDDEN}`;
  }
  return line;
}

function excerpt(d: Diagnostic, main: Input): string {
  const source = textAround(d, main);
  const offset = d.landmark?.offset;
  let text = "";
  if (source !== null && offset !== undefined && offset <= source.length) {
    const start = source.lastIndexOf("\n", offset - 1) + 1;
    const newline = source.indexOf("\n", offset);
    const line = open(source.slice(start, newline < 0 ? undefined : newline).replace(/\t/g, " "));
    if (line.length <= 200) {
      const column = Math.min(offset - start, line.length);
      const width = Math.max(1, Math.min(d.landmark?.length ?? 1, line.length - column));
      text += `    ${line}\n    ${" ".repeat(column)}${"^".repeat(width)}\n`;
    }
  }
  return d.hint === undefined ? text : `${text}    hint: ${d.hint}\n`;
}
