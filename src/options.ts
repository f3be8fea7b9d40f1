// Checks of what a program hands to the library: options by name, and arguments.

/** An option or argument that is not what its function takes. */
export class OptionError extends TypeError {
  readonly code = "BAD_OPTION";

  constructor(message: string) {
    super(message);
    this.name = "OptionError";
  }
}

/** A kind of value, and the words for it: "a whole number". */
export interface Kind {
  readonly words: string;
  readonly is: (value: unknown) => boolean;
}

export const FLAG: Kind = { words: "true or false", is: (v) => typeof v === "boolean" };
export const TEXT: Kind = { words: "a string", is: (v) => typeof v === "string" };
export const FUNCTION: Kind = { words: "a function", is: (v) => typeof v === "function" };
export const BYTES: Kind = { words: "a Uint8Array", is: (v) => v instanceof Uint8Array };
export const PORT: Kind = whole(0, 65535);
/** Options of their own, which whoever takes them checks. */
export const OPTIONS: Kind = { words: "an object of options", is: isObject };
/** Texts by name. */
export const TEXTS: Kind = {
  words: "an object whose values are strings",
  is: (v) => isObject(v) && Object.values(v).every((text) => typeof text === "string"),
};
export const ARRAY: Kind = { words: "an array", is: Array.isArray };

/** A whole number from `least` to `most`. */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): Kind {
  const is = (v: unknown): boolean => Number.isInteger(v) && (v as number) >= least && (v as number) <= most;
  return { words: `a whole number ${range(least, most)}`, is };
}

/** A finite number from `least` to `most`. */
export function real(least: number, most: number = Number.MAX_VALUE): Kind {
  const is = (v: unknown): boolean => Number.isFinite(v) && (v as number) >= least && (v as number) <= most;
  return { words: `a number ${range(least, most)}`, is };
}

/** Something that answers to `methods`; `words` say what: "a clock". */
export function having(words: string, ...methods: readonly string[]): Kind {
  const is = (v: unknown): boolean =>
    ((typeof v === "object" && v !== null) || typeof v === "function") &&
    methods.every((m) => typeof (v as Record<string, unknown>)[m] === "function");
  return { words: `${words} (${methods.map((m) => `${m}()`).join(", ")})`, is };
}

/** Two of a kind. */
export function pair(kind: Kind): Kind {
  return {
    words: `two of: ${kind.words}`,
    is: (v) => Array.isArray(v) && v.length === 2 && v.every((one) => kind.is(one)),
  };
}

/** One of these words. */
export function oneOf(...words: readonly string[]): Kind {
  return { words: words.map((w) => `'${w}'`).join(" or "), is: (v) => words.includes(v as string) };
}

export function orNull(kind: Kind): Kind {
  return { words: `${kind.words}, or null`, is: (v) => v === null || kind.is(v) };
}

/** Throws OptionError when `value`, the `name` of `who`, is not of its kind. */
export function checkArgument(who: string, name: string, value: unknown, kind: Kind): void {
  if (!kind.is(value)) throw new OptionError(`${who}: ${name} must be ${kind.words}, not ${shown(value)}`);
}

/**
 * Throws OptionError when `options` of `who` has a name that is not in `kinds` (a misspelt option would be without effect), or a
 * value that is not of its kind. An option that is undefined is not given; those of `required` must be.
 */
export function checkOptions(
  who: string,
  options: unknown,
  kinds: Readonly<Record<string, Kind>>,
  required: readonly string[] = [],
): void {
  if (!isObject(options))
    throw new OptionError(`${who}: options must be an object of options, not ${shown(options)}`);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined)
      throw new OptionError(
        `${who}: there is no option '${name}' (there are: ${Object.keys(kinds).join(", ")})`,
      );
    checkArgument(who, `option '${name}'`, value, kind);
  }
  for (const name of required)
    if (options[name] === undefined)
      throw new OptionError(`${who}: option '${name}' is missing: it must be ${kinds[name].words}`);
}

function isObject(v: unknown): v is Record<string, unknown> {
  return typeof v === "object" && v !== null && !Array.isArray(v) && !ArrayBuffer.isView(v);
}

function range(least: number, most: number): string {
  if (most === Number.MAX_SAFE_INTEGER || most === Number.MAX_VALUE) return `of at least ${least}`;
  return `from ${least} to ${most}`;
}

/** A short text of any value, for messages. */
function shown(value: unknown): string {
  if (typeof value === "string") return value.length > 60 ? `'${value.slice(0, 60)}...'` : `'${value}'`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return value.name === "" ? "a function" : `the function ${value.name}`;
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "an array" : `an object (${value.constructor?.name ?? "without a class"})`;
}
