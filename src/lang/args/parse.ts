// Reads a configuration string into an element's declared arguments, as Click's Args does.

import { SluiceError } from "../../sluice-error.js";
import { nearest } from "../nearest.js";
import * as addresses from "./address.js";
import { Arguments } from "./arguments.js";
import { parseBandwidth } from "./bandwidth.js";
import { type ArgContext, fail, ok, type Parsed } from "./context.js";
import * as names from "./names.js";
import * as numbers from "./numbers.js";
import { hasSecrets } from "./secrets.js";
import type { ArgSpec, ArgSpecs, ArgTypes, ArgValues } from "./spec.js";
import * as strings from "./strings.js";
import { splitArgs, splitSpaces } from "./text.js";
import { parseSeconds, parseTimestamp } from "./time.js";

export { type ArgContext, EMPTY_CONTEXT, type Parsed } from "./context.js";

export interface ParsedArgs<S extends ArgSpecs> {
  /** Complete only where there are no errors. */
  readonly values: ArgValues<S>;
  /** Click's words, in Click's order: arguments as declared, then unknown ones, then too many. */
  readonly errors: readonly string[];
}

/** A spec that contradicts itself: a fault of the element, not of its configuration. */
export class ArgSpecError extends SluiceError {
  readonly code = "ARG_SPEC";

  constructor(name: string, message: string) {
    super(`argument ${name}: ${message}`);
  }
}

/** How a type is read: everything of an ArgSpec but how it is called and given. */
export type ValueSpec = Omit<ArgSpec, "doc" | "positional" | "required" | "default" | "many" | "rest">;

type Parser<T> = (text: string, spec: ValueSpec, context: ArgContext) => Parsed<T>;

/** Reads items separated by spaces. */
function list<T>(item: (text: string, context: ArgContext) => Parsed<T>): Parser<readonly T[]> {
  return (text, _, context) => {
    const values: T[] = [];
    for (const word of splitSpaces(text)) {
      const parsed = item(word, context);
      if ("error" in parsed) return fail(parsed.error);
      values.push(parsed.value);
    }
    return ok(values);
  };
}

const PARSERS: { readonly [K in keyof ArgTypes]: Parser<ArgTypes[K]> } = {
  int: (text, { min = numbers.INT_MIN, max = numbers.INT_MAX }) => numbers.parseBounded(text, min, max, true),
  unsigned: (text, { min = 0, max = numbers.UNSIGNED_MAX }) => numbers.parseBounded(text, min, max, min < 0),
  long: (text, { min = 0, max = Number.MAX_SAFE_INTEGER }) => numbers.parseBounded(text, min, max, min < 0),
  real: (text, { min, max }) => numbers.parseReal(text, min, max),
  bool: (text) => numbers.parseBool(text),
  string: (text) => strings.parseString(text),
  word: (text) => strings.parseWord(text),
  choice: (text, { choices = [] }) => strings.parseChoice(text, choices),
  any: (text) => ok(text),
  filename: (text, _, context) => strings.parseFilename(text, context.home),
  seconds: (text, { min, max }) => parseSeconds(text, min, max),
  timestamp: (text) => parseTimestamp(text),
  bandwidth: (text, { min, max }) => parseBandwidth(text, min, max),
  ether: (text, _, context) => addresses.parseEther(text, context),
  ip: (text, _, context) => addresses.parseIP(text, context),
  ip_list: list(addresses.parseIP),
  ip_prefix: (text, _, context) => addresses.parseIPPrefix(text, context),
  ip_prefix_list: list(addresses.parseIPPrefix),
  ip6: (text, _, context) => addresses.parseIP6(text, context),
  ip6_list: list(addresses.parseIP6),
  ip6_prefix: (text, _, context) => addresses.parseIP6Prefix(text, context),
  address: (text, _, context) => addresses.parseAddress(text, context),
  prefix: (text, _, context) => addresses.parsePrefix(text, context),
  ip_port: (text, { protocol = 6 }, context) => names.parsePort(text, protocol, context),
  named: (text, { database = "", min, max }, context) => names.parseNamed(text, database, context, min, max),
  anno: (text, { size }, context) => names.parseAnno(text, size, context),
  element: (text, _, context) => names.parseElement(text, context),
  handler: (text) => strings.parseHandler(text),
};

/** Reads one value, e.g. an item of a list or what a write handler was given. */
export function parseValue<K extends keyof ArgTypes>(
  text: string,
  spec: ValueSpec & { readonly type: K },
  context: ArgContext,
): Parsed<ArgTypes[K]> {
  return PARSERS[spec.type](text, spec, context);
}

/**
 * Reads `config` as `specs` declares, in the order of declaration. Arguments that are not given
 * (or empty) have their default (or what `sameAs` names), or are undefined; `many` and `rest` give arrays. `rest` also
 * takes what looks like an unknown keyword (`allow tcp`).
 */
export function parseArgs<S extends ArgSpecs>(config: string, specs: S, context: ArgContext): ParsedArgs<S> {
  const args = new Arguments(splitArgs(config));
  const values: Record<string, unknown> = {};
  const errors: string[] = [];
  const given = new Map<string, string>();

  for (const [name, spec] of Object.entries<ArgSpec>(specs)) {
    const { required = false } = spec;
    const read = (text: string): unknown => {
      const parsed = parseValue(text, spec, context);
      if ("value" in parsed) return parsed.value;
      errors.push(`${name}: ${parsed.error}`);
      return undefined;
    };
    if (spec.rest || spec.many) {
      const texts = args.take(name, spec);
      if (texts.length === 0 && required) errors.push(`${name}: required argument missing`);
      values[name] = texts.map(read);
      continue;
    }
    let text = args.take(name, spec).at(0);
    if (text === undefined && spec.sameAs !== undefined) text = given.get(spec.sameAs);
    if (text !== undefined) given.set(name, text);
    if (text !== undefined && text !== "") values[name] = read(text);
    else if (required) errors.push(`${name}: required argument missing`);
    else values[name] = defaultOf(name, spec, context);
  }
  // What follows a comma in a secret looks like an argument, too: only names that are nearly right are said.
  const known = Object.keys(specs);
  const shown = hasSecrets(specs) ? (keyword: string) => nearest(keyword, known) !== null : () => true;
  errors.push(...args.leftover(shown));
  return { values: values as ArgValues<S>, errors };
}

function defaultOf(name: string, spec: ArgSpec, context: ArgContext): unknown {
  if (spec.default === undefined) return undefined;
  const parsed = parseValue(spec.default, spec, context);
  if ("error" in parsed) throw new ArgSpecError(name, `default '${spec.default}': ${parsed.error}`);
  return parsed.value;
}
