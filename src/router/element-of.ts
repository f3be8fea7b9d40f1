// Arguments that name an element of a certain class.

import type { Element, ErrorSink } from "./element.js";

/**
 * `value` where it is an element of class `kind`; null, and an error that names the argument, where it is another. Not
 * given (undefined): null without an error.
 */
export function elementOf<T extends Element>(
  value: unknown,
  kind: abstract new (...args: never[]) => T,
  name: string,
  errors: ErrorSink,
): T | null {
  if (value === undefined) return null;
  if (value instanceof kind) return value;
  errors.error(`${name} is not a ${kind.name}`);
  return null;
}
