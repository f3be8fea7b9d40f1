// The arguments of a configuration string, as those who read them use them up one after the other.

import type { ArgSpec } from "./spec.js";
import { isSpace } from "./text.js";

/** An argument's place in the reading. */
const USED_BY_POSITION = -1;
const USED_BY_KEYWORD = -2;

/** A used argument: its number, and the length of the keyword that it was taken by (0: by position). */
export interface Taken {
  readonly place: number;
  readonly keyword: number;
}

/** Where a keyword starts arguments; those before `all[next]` are used. */
interface Places {
  readonly all: number[];
  next: number;
}

/** The arguments of a configuration string, and which of them have been read. */
export class Arguments {
  readonly #texts: readonly string[];
  /** The length of the keyword that starts an argument, 0 for none, or a mark of its use. */
  readonly #keywords: number[];
  readonly #byKeyword = new Map<string, Places>();
  #taken: Taken[] = [];
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

  /** The texts of the argument that `spec` declares as `keyword`: one at most, but for `many` and `rest`. */
  take(keyword: string, spec: Pick<ArgSpec, "positional" | "required" | "many" | "rest">): string[] {
    const { positional = false, required = false } = spec;
    this.#taken = [];
    if (spec.rest) return this.#takeRest();
    if (spec.many) return this.#takeMany(keyword, positional, required);
    const text = this.#find(keyword, positional, required, false);
    return text === undefined ? [] : [text];
  }

  /** What the last `take` used, also where a later one counted in its stead. */
  get taken(): readonly Taken[] {
    return this.#taken;
  }

  /**
   * The text of the argument that `keyword` names, or of the next one by position; undefined
   * where there is none. A later keyword wins over an earlier one and over the position; with
   * `first` the earliest is taken and the others stay for the next call.
   */
  #find(keyword: string, positional: boolean, required: boolean, first: boolean): string | undefined {
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
    this.#taken.push({ place, keyword });
    let at = keyword;
    const text = this.#texts[place];
    while (keyword > 0 && isSpace(text[at])) at++;
    return text.slice(at);
  }

  /** Everything not yet used, in order. */
  #takeRest(): string[] {
    return this.#texts.filter((_, place) => {
      const unused = this.#keywords[place] >= 0;
      if (unused) this.#take(place, 0, USED_BY_POSITION);
      return unused;
    });
  }

  /** All that `keyword` names, or that is there by position. */
  #takeMany(keyword: string, positional: boolean, required: boolean): string[] {
    const texts: string[] = [];
    for (;;) {
      const text = this.#find(keyword, positional, required && texts.length === 0, true);
      // An empty argument ends the list, as it ends Click's.
      if (text === undefined || text === "") return texts;
      texts.push(text);
    }
  }

  /** What is wrong with the arguments that nothing has read; `shown`: whether a keyword may be said. */
  leftover(shown: (keyword: string) => boolean): string[] {
    const errors: string[] = [];
    for (const [i, length] of this.#keywords.entries()) {
      if (length <= 0) continue;
      const keyword = this.#texts[i].slice(0, length);
      errors.push(`${shown(keyword) ? keyword : `argument ${i + 1}`}: unknown argument`);
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
