// Reads a configuration string into an element's declared arguments, as Click's Args does.

import * as addresses from "./address.js";
import { parseBandwidth } from "./bandwidth.js";
import { type ArgContext, fail, ok, type Parsed } from "./context.js";
import * as names from "./names.js";
import * as numbers from "./numbers.js";
import type { ArgSpec, ArgSpecs, ArgTypes, ArgValues } from "./spec.js";
import * as strings from "./strings.js";
import { isSpace, splitArgs, splitSpaces } from "./text.js";
import { parseSeconds, parseTimestamp } from "./time.js";

export { type ArgContext, EMPTY_CONTEXT, type Parsed } from "./context.js";

export interface ParsedArgs<S extends ArgSpecs> {
  /** Complete only where there are no errors. */
  readonly values: ArgValues<S>;
  /** Click's words, in Click's order: arguments as declared, then unknown ones, then too many. */
  readonly errors: readonly string[];
}

/** A spec that contradicts itself: a fault of the element, not of its configuration. */
export class ArgSpecError extends Error {
  readonly code = "ARG_SPEC";

  constructor(name: string, message: string) {
    super(`argument ${name}: ${message}`);
    this.name = "ArgSpecError";
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

/** An argument's place in the reading. */
const USED_BY_POSITION = -1;
const USED_BY_KEYWORD = -2;

/** Where a keyword starts arguments; those before `all[next]` are used. */
interface Places {
  readonly all: number[];
  next: number;
}

/** The arguments of a configuration string, and which of them have been read. */
class Arguments {
  readonly #texts: readonly string[];
  /** The length of the keyword that starts an argument, 0 for none, or a mark of its use. */
  readonly #keywords: number[];
  readonly #byKeyword = new Map<string, Places>();
  /** Up to here all arguments were used by position. */
  #position = 0;

  constructor(texts: readonly string[]) {
    this.#texts = texts;
    this.#keywords = texts.map(keywordLength);
    for (const [i, length] of this.#keywords.entries()) {
      if (length === 0) continue;
      const keyword = texts[i].slice(0, length);
      const places = this.#byKeyword.get(keyword);
      if (places === undefined) this.#byKeyword.set(keyword, { all: [i], next: 0 });
      else places.all.push(i);
    }
  }

  /**
   * The text of the argument that `keyword` names, or of the next one by position; undefined
   * where there is none. A later keyword wins over an earlier one and over the position; with
   * `first` the earliest is taken and the others stay for the next call.
   */
  find(keyword: string, positional: boolean, required: boolean, first: boolean): string | undefined {
    let named = this.#named(keyword);
    while (this.#keywords[this.#position] === USED_BY_POSITION) this.#position++;
    const here = this.#position;
    // What a keyword took ends the positional arguments.
    const atHand = positional && here < this.#texts.length && this.#keywords[here] >= 0;
    // A required argument takes the one at hand even where it looks like another's keyword.
    const fits = atHand && (this.#keywords[here] === 0 || (named < 0 && required));
    if (first) {
      if (fits && (named < 0 || here < named)) return this.#take(here, 0, USED_BY_POSITION);
      return named < 0 ? undefined : this.#take(named, keyword.length, USED_BY_KEYWORD);
    }
    let last = -1;
    let found: string | undefined;
    for (; named >= 0; named = this.#named(keyword)) {
      found = this.#take(named, keyword.length, USED_BY_KEYWORD);
      last = named;
    }
    if (!fits) return found;
    const taken = this.#take(here, 0, USED_BY_POSITION);
    return last > here ? found : taken;
  }

  /** The first unused argument that starts with `keyword`, or -1. */
  #named(keyword: string): number {
    const places = this.#byKeyword.get(keyword);
    if (places === undefined) return -1;
    const { all } = places;
    while (places.next < all.length && this.#keywords[all[places.next]] < 0) places.next++;
    return all[places.next] ?? -1;
  }

  #take(place: number, keyword: number, mark: number): string {
    this.#keywords[place] = mark;
    let at = keyword;
    const text = this.#texts[place];
    while (keyword > 0 && isSpace(text[at])) at++;
    return text.slice(at);
  }

  /** Everything not yet used, in order. */
  takeRest(): string[] {
    return this.#texts.filter((_, i) => {
      const unused = this.#keywords[i] >= 0;
      if (unused) this.#keywords[i] = USED_BY_POSITION;
      return unused;
    });
  }

  /** What is wrong with the arguments that nothing has read. */
  leftover(): string[] {
    const errors: string[] = [];
    for (const [i, length] of this.#keywords.entries()) {
      if (length > 0) errors.push(`${this.#texts[i].slice(0, length)}: unknown argument`);
    }
    if (this.#keywords.includes(0)) errors.push("too many arguments");
    return errors;
  }
}

/** The length of the keyword that `text` starts with, 0 where no text follows it. */
function keywordLength(text: string): number {
  const length = /^[A-Za-z_][\w:.?!]*/.exec(text)?.[0].length ?? 0;
  return length > 0 && length < text.length && isSpace(text[length]) ? length : 0;
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
    const { positional = false, required = false } = spec;
    const read = (text: string): unknown => {
      const parsed = parseValue(text, spec, context);
      if ("value" in parsed) return parsed.value;
      errors.push(`${name}: ${parsed.error}`);
      return undefined;
    };
    if (spec.rest || spec.many) {
      const texts = spec.rest ? args.takeRest() : takeMany(args, name, positional, required);
      if (texts.length === 0 && required) errors.push(`${name}: required argument missing`);
      values[name] = texts.map(read);
      continue;
    }
    let text = args.find(name, positional, required, false);
    if (text === undefined && spec.sameAs !== undefined) text = given.get(spec.sameAs);
    if (text !== undefined) given.set(name, text);
    if (text !== undefined && text !== "") values[name] = read(text);
    else if (required) errors.push(`${name}: required argument missing`);
    else values[name] = defaultOf(name, spec, context);
  }
  errors.push(...args.leftover());
  return { values: values as ArgValues<S>, errors };
}

function takeMany(args: Arguments, name: string, positional: boolean, required: boolean): string[] {
  const texts: string[] = [];
  for (;;) {
    const text = args.find(name, positional, required && texts.length === 0, true);
    // An empty argument ends the list, as it ends Click's.
    if (text === undefined || text === "") return texts;
    texts.push(text);
  }
}

function defaultOf(name: string, spec: ArgSpec, context: ArgContext): unknown {
  if (spec.default === undefined) return undefined;
  const parsed = parseValue(spec.default, spec, context);
  if ("error" in parsed) throw new ArgSpecError(name, `default '${spec.default}': ${parsed.error}`);
  return parsed.value;
}
