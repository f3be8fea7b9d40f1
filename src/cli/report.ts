// How errors of a configuration reach a person or a program.

import { existsSync, readFileSync } from "node:fs";
import { type ConfigurationError, type Diagnostic, diagnosticText } from "../lang/diagnostics.js";
import { excerpt, type SourceKind } from "./excerpt.js";
import type { Input } from "./input.js";
import { withSuggestions } from "./suggest.js";

export type ReportFormat = "text" | "json";

/** What the diagnostics are about. */
export interface Source extends Input {
  /** Default: a configuration. */
  readonly kind?: SourceKind;
}

/**
 * The text of `diagnostics`. `text` is Click's, line by line; with `source` (the configuration, on a terminal) each
 * also shows its line with a caret, and a hint. `json` is an array of objects, hints included.
 */
export function report(diagnostics: readonly Diagnostic[], format: ReportFormat, source?: Source): string {
  if (format === "json") return `${JSON.stringify(withSuggestions(diagnostics), null, 2)}\n`;
  return (source === undefined ? diagnostics : withSuggestions(diagnostics))
    .map((d) => `${diagnosticText(d)}\n${source === undefined ? "" : place(d, source)}`)
    .join("");
}

/** The last line Click prints when a configuration that reads well cannot start. */
export function verdict(error: ConfigurationError): string {
  return error.stage === "initialize" ? "Router could not be initialized!\n" : "";
}

/** The text of the file in which `d` is, null when that cannot be read (any more). */
function textAround(d: Diagnostic, main: Source): string | null {
  const file = d.landmark?.file;
  if (file === undefined || file === main.file) return main.text;
  return existsSync(file) ? readFileSync(file, "latin1") : null;
}

function place(d: Diagnostic, main: Source): string {
  const source = textAround(d, main);
  const { offset, length = 1, file } = d.landmark ?? {};
  // What a descriptor names are configurations.
  const kind = file === undefined || file === main.file ? (main.kind ?? "configuration") : "configuration";
  const text = source === null || offset === undefined ? "" : excerpt(source, offset, length, kind);
  return d.hint === undefined ? text : `${text}    hint: ${d.hint}\n`;
}
