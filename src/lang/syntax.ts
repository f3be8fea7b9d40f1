// The lossless syntax tree of a configuration. Tokens cover the source without
// a gap (a token begins with the white space and comments before it), and
// nodes name tokens by index, so any tool can get from meaning to text.

import type { Diagnostic, Landmark } from "./diagnostics.js";
import type { FlatRequirement } from "./flat.js";

/**
 * `ident`, `variable`, `config` (all text between the parentheses of a
 * configuration), `eof`, the keywords and operators as written, or the one
 * character itself.
 */
export type TokenKind = string;

export interface Token {
  readonly kind: TokenKind;
  /** Where the white space and comments before the token begin: the end of the previous token. */
  readonly leading: number;
  /** Offsets of the token's own text in the source, in UTF-16 units. */
  readonly start: number;
  readonly end: number;
  /** File and line that hold once the token is read, as line directives have it. */
  readonly file: string;
  readonly line: number;
  /** Offset at which the source line begins that `start` is on. */
  readonly lineStart: number;
}

/**
 * When something is meant to happen in Click's single pass over the text:
 * `step` orders it among all errors and actions, `token` is the last one read
 * by then (Click's messages give that line).
 */
export interface Moment {
  readonly step: number;
  readonly token: number;
}

/** `(…)` behind a class: the text without line directives. `token` is the `config` token. */
export interface ConfigSyntax {
  readonly token: number;
  readonly text: string;
  readonly moment: Moment;
}

/** Ports in brackets; `expandable` for `[]` and a trailing comma. */
export interface PortsSyntax {
  readonly ports: readonly number[];
  readonly expandable: boolean;
  readonly first: number;
  readonly last: number;
}

export interface FormalSyntax {
  /** Variable name without `$`. */
  readonly name: string;
  /** Empty for a positional parameter; `__REST__` for the remaining arguments. */
  readonly keyword: string;
  readonly token: number;
}

/** One alternative of a compound: formals and statements. */
export interface CompoundBody {
  readonly formals: readonly FormalSyntax[];
  readonly statements: readonly Statement[];
  /** Before the formals: where Click places the compound. */
  readonly begin: Moment;
  readonly end: Moment;
}

export interface CompoundSyntax {
  readonly kind: "compound";
  readonly bodies: readonly CompoundBody[];
  /** `...`: what fits no body is looked up in the previous class of the same name. */
  readonly extension: Moment | null;
  readonly first: number;
  readonly last: number;
}

export interface GroupSyntax {
  readonly kind: "group";
  readonly statements: readonly Statement[];
  readonly begin: Moment;
  readonly end: Moment;
  readonly first: number;
  readonly last: number;
}

export interface NameSyntax {
  readonly kind: "name";
  readonly name: string;
  readonly first: number;
  readonly last: number;
}

/** A missing first or last element of a chain, which means the group's or compound's own ports. */
export interface ImplicitSyntax {
  readonly kind: "implicit";
  readonly name: "input" | "output";
  readonly arrow: string;
  /** Whether a chain began with a bare arrow, where Click may suggest to write `input`. */
  readonly bare: boolean;
  readonly moment: Moment;
  readonly first: number;
  readonly last: number;
}

/** What follows `::`. */
export interface ClassSyntax {
  /** Null where the class is missing. */
  readonly type: NameSyntax | CompoundSyntax | null;
  readonly moment: Moment;
}

export interface ElementSyntax {
  readonly reference: NameSyntax | CompoundSyntax | GroupSyntax | ImplicitSyntax;
  readonly inputs: PortsSyntax | null;
  readonly outputs: PortsSyntax | null;
  readonly declaration: ClassSyntax | null;
  readonly config: ConfigSyntax | null;
  /** Where the element is, for Click: read up to its name. */
  readonly place: number;
}

/** Elements separated by commas: one link of a chain. */
export interface LinkSyntax {
  readonly elements: readonly ElementSyntax[];
  /** `a, b :: Class(config)`: the class and configuration hold for all. */
  readonly spread: boolean;
  readonly declare: Moment;
  /** The arrow before this link; null for the first one. */
  readonly arrow: { readonly kind: "->" | "=>"; readonly token: number } | null;
  readonly connect: Moment;
}

export interface ConnectionSyntax {
  readonly kind: "connection";
  readonly links: readonly LinkSyntax[];
  readonly end: Moment;
  readonly first: number;
  readonly last: number;
}

export interface ElementClassSyntax {
  readonly kind: "elementclass";
  readonly name: string;
  /** Null where neither a class nor a compound follows. */
  readonly type: NameSyntax | CompoundSyntax | null;
  readonly moment: Moment;
  readonly first: number;
  readonly last: number;
}

export interface RequireSyntax {
  readonly kind: "require";
  readonly requirements: readonly FlatRequirement[];
  readonly moment: Moment;
  readonly first: number;
  readonly last: number;
}

export interface DefineSyntax {
  readonly kind: "define";
  readonly variables: readonly { readonly name: string; readonly value: string }[];
  readonly moment: Moment;
  readonly first: number;
  readonly last: number;
}

/** A lone `;`, or a token that fits nowhere (reported). */
export interface StraySyntax {
  readonly kind: "stray";
  readonly first: number;
  readonly last: number;
}

export type Statement = ConnectionSyntax | ElementClassSyntax | RequireSyntax | DefineSyntax | StraySyntax;

export interface SyntaxTree {
  readonly file: string;
  readonly source: string;
  /** All tokens in order; the last is `eof`. */
  readonly tokens: readonly Token[];
  readonly statements: readonly Statement[];
  /** What the text requires, libraries too; in order. */
  readonly requirements: readonly FlatRequirement[];
  /** Errors of form, in order. Errors of meaning come from elaborate(), which returns these among them. */
  readonly diagnostics: readonly Diagnostic[];
  /** `steps[i]` places `diagnostics[i]` among the moments of the nodes. */
  readonly steps: readonly number[];
}

/** The token's own text. */
export function tokenText(source: string, token: Token): string {
  return source.slice(token.start, token.end);
}

/** The landmark of a token: the line Click would name, the column and extent of `piece` (default: the same). */
export function tokenLandmark(token: Token, piece: Token = token): Landmark {
  return {
    file: token.file,
    line: token.line,
    column: piece.start - piece.lineStart + 1,
    offset: piece.start,
    length: piece.end - piece.start,
  };
}
