// A line of a configuration or a descriptor as a person may see it beside an error: without what may hold secrets.
// Whatever is wrong may be that a secret stands where none is looked for, so that all is hidden but what certainly is none.

import { HIDDEN, hasSecrets } from "../lang/args/secrets.js";
import { configRegions } from "../lang/config-regions.js";
import { nearest } from "../lang/nearest.js";
import { readManual } from "./manual.js";

/** Longer lines are not shown. */
const LONGEST = 200;

export type SourceKind = "configuration" | "descriptor";

/** The line of `source` around `offset`, and below it a mark under `length` characters there; empty where it is too long. */
export function excerpt(source: string, offset: number, length: number, kind: SourceKind): string {
  if (offset > source.length) return "";
  const start = source.lastIndexOf("\n", offset - 1) + 1;
  const newline = source.indexOf("\n", offset);
  const end = newline < 0 ? source.length : newline;
  const hidden = kind === "descriptor" ? hiddenYaml(source, start, end) : hiddenArguments(source, start, end);
  let line = "";
  let column = -1;
  let at = start;
  const show = (to: number): void => {
    if (column < 0 && offset <= to) column = line.length + Math.max(0, offset - at);
    line += source.slice(at, to);
  };
  for (const { from, to } of hidden) {
    show(Math.max(at, from));
    if (column < 0 && offset < to) column = line.length;
    line += HIDDEN;
    at = Math.max(at, to);
  }
  show(end);
  if (line.length > LONGEST) return "";
  const width = Math.max(1, Math.min(length, line.length - column));
  return `    ${line.replace(/\t/g, " ")}\n    ${" ".repeat(column)}${"^".repeat(width)}\n`;
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The arguments on a line but for those of classes without secrets. What follows broken ones is hidden with them. */
function hiddenArguments(source: string, start: number, end: number): Span[] {
  const manual = readManual();
  const spans: Span[] = [];
  for (const { owner, from, to, tail } of configRegions(source)) {
    if (tail <= start || from >= end) continue;
    // A misspelt class stands for the one that is meant.
    const meant = owner === "define" ? null : nearest(owner, [...manual.keys()]);
    const page = manual.get(owner) ?? manual.get(meant ?? "");
    if (page !== undefined && !hasSecrets(page.spec.args ?? {})) continue;
    // Parentheses that are not closed may have taken in anything.
    spans.push({ from: Math.max(from, start), to: Math.min(tail, end) });
    if (tail > to) spans.push({ from: Math.min(tail, end), to: end });
  }
  return merged(spans);
}

function merged(spans: readonly Span[]): Span[] {
  const all: Span[] = [];
  for (const span of spans) {
    const last = all.at(-1);
    if (last !== undefined && span.from <= last.to)
      all[all.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    else if (span.from < span.to) all.push(span);
  }
  return all;
}

/** What is below `parameters` of a descriptor, and what stands behind the word `key` anywhere. */
function hiddenYaml(source: string, start: number, end: number): Span[] {
  const line = source.slice(start, end);
  const parameters = /\bparameters["']?\s*:/.exec(line);
  if (parameters !== null) return [{ from: start + parameters.index + parameters[0].length, to: end }];
  if (belowParameters(source, start)) {
    const [name] = /^\s*(?:- )?[A-Za-z_]\w*\s*:/.exec(line) ?? /^\s*/.exec(line)!;
    return name.length < line.length ? [{ from: start + name.length, to: end }] : [];
  }
  const key = /\bkey\b|_KEY\b/.exec(line);
  return key === null ? [] : [{ from: start + key.index + key[0].length, to: end }];
}

/** Whether a line is indented deeper than a line with `parameters:` above it, with nothing less deep between. */
function belowParameters(source: string, start: number): boolean {
  const indent = (line: string): number => /^[ \t]*/.exec(line)![0].length;
  const lines = source.slice(0, start).split("\n").slice(0, -1);
  const newline = source.indexOf("\n", start);
  let depth = indent(source.slice(start, newline < 0 ? undefined : newline));
  for (let i = lines.length - 1; i >= 0 && depth > 0; i--) {
    const line = lines[i];
    if (/^\s*(#.*)?$/.test(line) || indent(line) >= depth) continue;
    if (/\bparameters["']?\s*:/.test(line)) return true;
    depth = indent(line);
  }
  return false;
}
