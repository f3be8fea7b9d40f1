// Changing an element's configuration while it runs.

import { joinArgs, splitArgs } from "../lang/args/text.js";
import type { Element } from "./element.js";
import { type HandlerCode, HandlerError } from "./handler.js";

/** Configures `element` anew with the configuration string `text`. Throws HandlerError with what is wrong; it then goes on as it was. */
export function reconfigure(element: Element, text: string): void {
  const errors: string[] = [];
  element.graph.configureElement(element, text, {
    error: (m) => errors.push(m),
    warning: (m) => element.router.log(m),
  });
  if (errors.length > 0) throw new HandlerError("FAILED", errors.join("\n"));
  element.config = text;
}

/**
 * A handler that reads an argument with `read` and, written, configures the element anew with that argument
 * changed: given by `keyword`, or at `position` (from 0) among the positional ones. For elements whose spec is `live`.
 */
export function argumentHandler(
  element: Element,
  keyword: string,
  position: number,
  read: () => string | number | boolean,
): HandlerCode {
  return {
    read,
    write: (value) => reconfigure(element, withArgument(element.config, keyword, position, value.trim())),
  };
}

/** `config` with one argument replaced, or added by keyword. */
export function withArgument(config: string, keyword: string, position: number, value: string): string {
  const args = splitArgs(config);
  const isKeyword = (arg: string): boolean => /^[A-Za-z_][\w:.?!]*\s/.test(arg);
  const named = args.findIndex((arg) => isKeyword(arg) && arg.split(/\s/, 1)[0] === keyword);
  if (named >= 0) args[named] = `${keyword} ${value}`;
  else if (position < args.length && !args.slice(0, position + 1).some(isKeyword)) args[position] = value;
  else args.push(`${keyword} ${value}`);
  return joinArgs(args);
}
