// How an element declares its configuration arguments: as data, from which
// come the parser's behaviour, the manual and completion.

import type { Prefix } from "../../net/prefix.js";

/** The value each argument type yields. */
export interface ArgTypes {
  /** Whole number within [min, max] (default the 32-bit signed range); `0x`, octal and `_` as in Click. */
  int: number;
  /** Whole number within [min, max] (default 0 to 2^32 - 1). */
  unsigned: number;
  /** Whole number up to 2^53, e.g. a LIMIT; may be -1 where `min` says so. */
  long: number;
  real: number;
  bool: boolean;
  /** Quotes removed. */
  string: string;
  /** A string without spaces. */
  word: string;
  /** One of `choices`. */
  choice: string;
  /** The argument's text as written, quotes and all. */
  any: string;
  filename: string;
  /** Seconds; units s, ms, us, ns, m/min, h/hr. */
  seconds: number;
  /** An absolute or relative time, exact. */
  timestamp: Timestamp;
  /** Bytes a second; units bps, Bps, k/M/G. */
  bandwidth: number;
  /** 6 bytes. */
  ether: Uint8Array;
  /** IPv4 address, host order, unsigned. */
  ip: number;
  /** IPv4 addresses separated by spaces. */
  ip_list: readonly number[];
  ip_prefix: IPPrefix;
  ip_prefix_list: readonly IPPrefix[];
  /** 16 bytes. */
  ip6: Uint8Array;
  ip6_list: readonly Uint8Array[];
  ip6_prefix: Prefix;
  /** An IPv4 (4 bytes) or IPv6 (16 bytes) address. */
  address: Uint8Array;
  /** An IPv4 or IPv6 prefix. */
  prefix: Prefix;
  /** A port number or service name; `protocol` 6 or 17. */
  ip_port: number;
  /** A number or a name of the database `database` (`ip protos`, ...). */
  named: number;
  /** An annotation of `size` bytes. */
  anno: AnnoRef;
  /** An element of the same router, by name from the caller's compound outward. */
  element: unknown;
  /** `element.handler [value]`. */
  handler: HandlerRef;
}

export interface Timestamp {
  readonly seconds: number;
  readonly nanoseconds: number;
}
export interface IPPrefix {
  /** Host order, unsigned; host bits as written. */
  readonly address: number;
  readonly mask: number;
  readonly length: number;
}

export interface AnnoRef {
  /** Offset inside the 48-byte annotation area. */
  readonly offset: number;
  readonly size: number;
}
export interface HandlerRef {
  /** The element named, null for a global handler. */
  readonly element: string | null;
  readonly handler: string;
  readonly value: string;
}

export interface ArgSpec {
  readonly type: keyof ArgTypes;
  /** What it means, in a sentence, with its unit. */
  readonly doc: string;
  /** May be given by position (in the order of declaration) as well as by keyword. Default: keyword only. */
  readonly positional?: boolean;
  /** Must be given. */
  readonly required?: boolean;
  /** The value, as configuration text, when it is not given. */
  readonly default?: string;
  /** Inclusive bounds for numbers. */
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** Bytes of an annotation. */
  readonly size?: number;
  readonly protocol?: number;
  readonly database?: string;
  /** When it is not given, the text of this argument, declared before it, is read as its value too: a name for both. */
  readonly sameAs?: string;
  /** The keyword may be given several times; the value is an array, in order. */
  readonly many?: boolean;
  /** It has a secret in it: no handler shows its text. */
  readonly secret?: boolean;
  /** Takes all remaining positional arguments; the value is an array. At most one, declared last. */
  readonly rest?: boolean;
}

export type ArgSpecs = Readonly<Record<string, ArgSpec>>;

type ValueOf<A extends ArgSpec> = A extends { rest: true } | { many: true }
  ? readonly ArgTypes[A["type"]][]
  : A extends { required: true } | { default: string }
    ? ArgTypes[A["type"]]
    : ArgTypes[A["type"]] | undefined;

/** The parsed arguments of an element whose spec declares `S`. */
export type ArgValues<S extends ArgSpecs | undefined> = S extends ArgSpecs
  ? { readonly [K in keyof S]: ValueOf<S[K]> }
  : Record<string, never>;
