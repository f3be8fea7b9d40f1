// Strings, words, choices, file names, and what is kept as written.

import { fail, ok, type Parsed } from "./context.js";
import type { HandlerRef } from "./spec.js";
import { hasSpace, shiftSpaces, unquote } from "./text.js";

/** One item, unquoted: spaces only inside quotes. An empty string must be written `""`. */
export function parseString(text: string): Parsed<string> {
  return text === "" || hasSpace(text) ? fail() : ok(unquote(text));
}

/** Whether `text` can stand for itself: visible ASCII without quotes, backslashes and commas. */
export function isWord(text: string): boolean {
  return /^[!#-&(-+\--[\]-~]+$/.test(text);
}

/** A string that is a word. */
export function parseWord(text: string): Parsed<string> {
  const parsed = parseString(text);
  return "error" in parsed || isWord(parsed.value) ? parsed : fail();
}

/** One of `choices`, in their spelling. */
export function parseChoice(text: string, choices: readonly string[]): Parsed<string> {
  const parsed = parseWord(text);
  if ("error" in parsed) return parsed;
  return choices.includes(parsed.value) ? parsed : fail(`expected one of ${choices.join(", ")}`);
}

/** A path: `~` at its start becomes `home` where that is known, doubled slashes become one. */
export function parseFilename(text: string, home: string | undefined): Parsed<string> {
  const parsed = parseString(text);
  if ("error" in parsed) return parsed;
  if (parsed.value === "") return fail();
  const path = home === undefined ? parsed.value : parsed.value.replace(/^~(?=\/|$)/, () => home);
  return ok(path.replace(/\/{2,}/g, "/"));
}

/** `element.handler value`, `handler value` or `.handler value`; the value stays as written. */
export function parseHandler(text: string): Parsed<HandlerRef> {
  const [name, value] = shiftSpaces(text);
  const dot = name.indexOf(".");
  const handler = name.slice(dot + 1);
  if (handler === "") return fail();
  return ok({ element: dot > 0 ? name.slice(0, dot) : null, handler, value });
}
