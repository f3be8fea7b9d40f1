// Handlers: the named values through which an element is read and written while it runs.

import { parseArgs } from "../lang/args/parse.js";
import type { ArgSpec, ArgSpecs, ArgTypes, ArgValues } from "../lang/args/spec.js";
import { joinArgs, splitSpaces } from "../lang/args/text.js";
import { MemoryError } from "../packet/memory.js";
import { CodedError } from "../sluice-error.js";
import type { Element } from "./element.js";
import type { HandlerSpec } from "./spec.js";

/** What an element supplies for one handler. Reading gives text; writing may take a while (it then returns a promise). */
export interface HandlerCode {
  readonly read?: (parameters: string) => string | number | boolean;
  readonly write?: (value: string) => void | Promise<void>;
}

/** A handler as others use it: its owner (null = global), its name, its contract and its code. */
export interface Handler extends HandlerCode {
  readonly element: Element | null;
  readonly name: string;
  readonly spec: HandlerSpec;
}

/** A handler that does not exist, does not allow this, or failed; the message is Click's. */
export class HandlerError extends CodedError {
  /** `NO_ELEMENT`, `NO_HANDLER`, `NOT_READABLE`, `NOT_WRITABLE`, `FAILED`. */
  declare readonly code: string;
  /** What a Script sees as `$?`: Click's -EINVAL, but for scripts that end otherwise. */
  readonly status: number;

  constructor(code: string, message: string, status = -22) {
    super(code, message);
    this.status = status;
  }
}

/** Runs `run` for a handler: an error of one of `kinds`, by default any, becomes the handler's (`FAILED`), with its text. */
export function asHandlerError<T>(
  run: () => T,
  ...kinds: readonly (abstract new (
    ...args: never[]
  ) => Error)[]
): T {
  try {
    return run();
  } catch (e) {
    if (kinds.length > 0 && !kinds.some((kind) => e instanceof kind)) throw e;
    throw new HandlerError("FAILED", e instanceof Error ? e.message : String(e));
  }
}

/** `write`, failing with HandlerError where the router's memory cannot hold what was written. */
export function withinMemory(write: NonNullable<HandlerCode["write"]>): NonNullable<HandlerCode["write"]> {
  const fail = (e: unknown): never => {
    throw e instanceof MemoryError ? new HandlerError("FAILED", e.message) : e;
  };
  return (value) => {
    try {
      return write(value)?.catch(fail);
    } catch (e) {
      return fail(e);
    }
  };
}

/** `element.handler`, or `handler` for a global one. */
export function handlerName(element: Element | null, name: string): string {
  return element === null ? name : `${element.name}.${name}`;
}

/** Calls a read handler and gives its value as text. Throws HandlerError when it is only written, or fails. */
export function readHandler(handler: Handler, parameters = ""): string {
  if (handler.read === undefined)
    throw new HandlerError(
      "NOT_READABLE",
      `'${handlerName(handler.element, handler.name)}' is a write handler`,
    );
  if (parameters !== "" && !handler.spec.params)
    throw new HandlerError(
      "FAILED",
      `read handler '${handlerName(handler.element, handler.name)}' does not take parameters`,
    );
  const value = handler.read(parameters);
  return typeof value === "string" ? value : String(value);
}

/** Click's flag letters of a handler, as `handlers` lists them. */
export function handlerFlags(handler: Handler): string {
  const { spec } = handler;
  return [
    handler.read !== undefined && "r",
    handler.write !== undefined && "w",
    spec.params && handler.read !== undefined && "+",
    spec.raw && "%",
    spec.calm && ".",
    spec.expensive && "$",
    spec.button && "b",
    spec.checkbox && "c",
  ]
    .filter(Boolean)
    .join("");
}

/** Parses text written to a handler as one configuration argument. Throws HandlerError (with `complaint`) when it is not one. */
export function handlerValue<S extends ArgSpec>(
  spec: S,
  text: string,
  complaint?: string,
): ArgTypes[S["type"]] {
  const specs = { value: { ...spec, positional: true, required: true } };
  const context = { lookup: () => undefined, element: () => undefined };
  const { values, errors } = parseArgs(text.trim(), specs, context);
  if (errors.length > 0)
    throw new HandlerError("FAILED", complaint ?? errors.join("\n").replace(/^value: /gm, ""));
  return values.value as ArgTypes[S["type"]];
}

/** Parses words written to a handler of `element` as the arguments `specs`. Throws HandlerError when they are not. */
export function handlerWords<S extends ArgSpecs>(element: Element, specs: S, text: string): ArgValues<S> {
  const { values, errors } = parseArgs(joinArgs(splitSpaces(text)), specs, element.graph.argContext(element));
  if (errors.length > 0) throw new HandlerError("FAILED", errors.join("\n"));
  return values;
}

/**
 * A handler over a value: reads it, and (with `set`) writes it after parsing what was written as `spec`; what cannot
 * be parsed fails with `complaint`, or with what the parser says.
 */
export function valueHandler<S extends ArgSpec>(
  spec: S,
  get: () => ArgTypes[S["type"]] & (string | number | boolean),
  set?: (value: ArgTypes[S["type"]]) => void,
  complaint?: string,
): HandlerCode {
  if (set === undefined) return { read: get };
  return { read: get, write: (text) => set(handlerValue(spec, text, complaint)) };
}
