// What reading an argument needs from outside, and what it yields.

/**
 * The world of the element whose arguments are read. Names are resolved from the element's
 * own compound outward; a router gives the names that its AddressInfo, PortInfo and the like
 * define, the built-in tables of databases.ts are asked after it.
 */
export interface ArgContext {
  /**
   * The value of `name` in `database` (see DATABASES for their names and shapes): a number, or
   * bytes in network order for addresses. Undefined where there is none.
   */
  lookup(database: string, name: string): number | Uint8Array | undefined;
  /** The element that `name` means here; undefined where there is none. */
  element(name: string): unknown;
  /** What `~` means in file names. */
  readonly home?: string;
}

/** A context with no names but the built-in ones, and no elements. */
export const EMPTY_CONTEXT: ArgContext = {
  lookup: () => undefined,
  element: () => undefined,
};

/** A value read, or what is wrong with the text (Click's words, without the argument's name). */
export type Parsed<T> = { readonly value: T } | { readonly error: string };

export function ok<T>(value: T): Parsed<T> {
  return { value };
}

export function fail(error = "parse error"): { readonly error: string } {
  return { error };
}

function outOfRange(bound: number): { readonly error: string } {
  return { error: `out of range, bound ${bound}` };
}

/** `value` where it lies within [min, max], else Click's error with the bound it passes. */
export function within(value: number, min: number, max: number): Parsed<number> {
  if (value < min) return outOfRange(min);
  return value > max ? outOfRange(max) : ok(value);
}
