// The pattern language of IPFilter and IPClassifier: tcpdump-like expressions
// over the IP header, the transport header and Ethernet addresses.
//
//   expr    = or { "?" expr ":" or }          or   = term { ("or" | "||") term }
//   term    = factor { ["and" | "&&"] factor }
//   factor  = ("not" | "!") factor | "(" expr ")" | "true" | "false" | primitive
//   primitive = { qualifier } [ "[" POS [":" LEN] "]" ] [ "&" MASK ] [ relation ] [ value ]

import { PORT_DROP } from "../../../assembly/layout.js";
import type { PatternRules } from "./classifier.js";
import { and, choose, type Expr, FALSE, not, or, type Rule, TRUE } from "./expr.js";
import { type Data, type Header, Primitive, type Reporter } from "./ip-primitive.js";
import { byteField, integer, lookup, type PatternNames } from "./ip-words.js";

/** Levels of parentheses and ternaries. */
const MAX_DEPTH = 400;

/** Reads IPFilter's arguments, `ACTION PATTERN` each (unquoted), of an element with `outputs` outputs. */
export function parseIPFilter(args: readonly string[], outputs: number, names: PatternNames): PatternRules {
  const [errors, warnings]: [string[], string[]] = [[], []];
  const rules: Rule[] = [];
  args.forEach((arg, i) => {
    const say: Reporter = {
      error: (m) => errors.push(`pattern ${i}: ${m}`),
      warning: (m) => warnings.push(`pattern ${i}: ${m}`),
    };
    const words = separate(arg);
    if (words.length === 0) errors.push(`empty pattern ${i}`);
    else
      rules.push({
        output: readAction(words[0], outputs, say),
        expr: readPattern(words.slice(1), names, say),
      });
  });
  return { rules, errors, warnings };
}

/** Reads IPClassifier's arguments (unquoted); pattern i stands for output i. */
export function parseIPClassifier(args: readonly string[], names: PatternNames): PatternRules {
  return parseIPFilter(
    args.map((arg, i) => `${i} ${arg}`),
    args.length,
    names,
  );
}

function readAction(word: string, outputs: number, say: Reporter): number {
  if (word === "allow") {
    if (outputs === 0) say.error("'allow' is meaningless, element has zero outputs");
    return 0;
  }
  if (word === "deny" && outputs > 1) say.warning("meaning of 'deny' has changed (now it means 'drop')");
  if (word === "deny" || word === "drop") return PORT_DROP;
  const number = integer(word);
  if (number === undefined) say.error(`unknown slot ID '${word}'`);
  else if (number >= outputs) say.error(`slot '${number | 0}' out of range`);
  else return number;
  return PORT_DROP;
}

function readPattern(words: readonly string[], names: PatternNames, say: Reporter): Expr {
  if (words.length === 0 || (words.length === 1 && ["-", "any", "all"].includes(words[0]))) return TRUE;
  try {
    return new Parser(words, names, say).pattern();
  } catch (e) {
    if (!(e instanceof TooDeep)) throw e;
    say.error(`expression nested too deeply, bound ${MAX_DEPTH}`);
    return FALSE;
  }
}

class TooDeep extends Error {}

/** The words of a pattern, as Click separates them. */
function separate(text: string): readonly string[] {
  return text.match(/&&|\|\||[<>!=]=|[A-Za-z0-9\-./@_:]+|\S/g) ?? [];
}

class Parser {
  readonly #words: readonly string[];
  readonly #names: PatternNames;
  readonly #say: Reporter;
  #at = 0;
  #depth = 0;
  /** The last complete primitive, from which the next one may take what it leaves out. */
  #previous: Primitive;

  constructor(words: readonly string[], names: PatternNames, say: Reporter) {
    this.#words = words;
    this.#names = names;
    this.#say = say;
    this.#previous = new Primitive(say);
  }

  pattern(): Expr {
    const e = this.#expr();
    if (this.#at < this.#words.length)
      this.#say.error(`garbage after expression at '${this.#words[this.#at]}'`);
    return e;
  }

  #is(...words: string[]): boolean {
    return words.includes(this.#words[this.#at]);
  }

  #expr(): Expr {
    if (++this.#depth > MAX_DEPTH) throw new TooDeep();
    const cases: [Expr, Expr][] = [];
    let last = this.#or();
    while (this.#is("?")) {
      const start = ++this.#at;
      const yes = this.#expr();
      if (this.#at === start || !this.#is(":")) {
        this.#say.error("missing ':' in ternary expression");
        break;
      }
      this.#at++;
      cases.push([last, yes]);
      last = this.#or();
    }
    this.#depth--;
    return choose(cases, last);
  }

  #or(): Expr {
    const terms = [this.#term()];
    while (this.#is("or", "||")) {
      this.#at++;
      terms.push(this.#term());
    }
    return or(terms);
  }

  #term(): Expr {
    const factors: Expr[] = [];
    for (let needed = true; ; ) {
      const start = this.#at;
      const factor = this.#factor();
      if (this.#at === start) {
        if (needed) this.#say.error("missing expression");
        return and(factors);
      }
      factors.push(factor);
      needed = this.#is("and", "&&");
      if (needed) this.#at++;
    }
  }

  #factor(): Expr {
    let negated = false;
    const start = this.#at;
    while (this.#is("not", "!")) {
      this.#at++;
      negated = !negated;
    }
    const first = this.#at;
    let e: Expr;
    if (this.#is("(")) {
      const inside = ++this.#at;
      e = this.#expr();
      if (this.#at === inside) this.#say.error("missing expression after '('");
      if (this.#is(")")) this.#at++;
      else if (this.#at !== inside) this.#say.error("missing ')'");
    } else {
      e = this.#primitive();
      if (this.#at === first && first > start)
        this.#say.error(`missing expression after '${this.#words[first - 1]}'`);
    }
    return negated ? not(e) : e;
  }

  #primitive(): Expr {
    const start = this.#at;
    if (start >= this.#words.length || this.#is(")", "||", "or", "?", ":")) return TRUE;
    if (this.#is("true", "false")) return this.#words[this.#at++] === "true" ? TRUE : FALSE;

    const p = new Primitive(this.#say);
    let { header, negated } = this.#qualifiers(p);
    if (this.#at !== start) this.#previous = new Primitive(this.#say);
    if (this.#previous.data.type === "ether host") header = "ether";
    if (this.#operator() === "[" && this.#at > start && p.type === null) this.#brackets(p);
    this.#mask(p, header);
    this.#relation(p);
    if (this.#at < this.#words.length) this.#value(p, header);

    if (this.#at === start) {
      this.#say.error(`empty term near '${this.#words[start]}'`);
      return TRUE;
    }
    if (!p.check(this.#previous, header)) return TRUE;
    this.#previous = p;
    return negated ? not(p.expr()) : p.expr();
  }

  #qualifiers(p: Primitive): { header: Header | null; negated: boolean } {
    let header: Header | null = null;
    let negated = false;
    for (; this.#at < this.#words.length; this.#at++) {
      const word = this.#words[this.#at];
      const meaning = lookup(this.#names, word, null, null);
      if (meaning?.is === "type") {
        p.setType(meaning.type);
        if (typeof meaning.type !== "string" && meaning.type.protocol !== null)
          p.setProtocol(meaning.type.protocol);
      } else if (meaning?.is === "value" && meaning.type === "proto") p.setProtocol(meaning.value);
      else if (meaning !== null) break;
      else if (word === "src") {
        const [joint, other] = this.#words.slice(this.#at + 1, this.#at + 3);
        const both = other === "dst" || other === "dest";
        if (both && (joint === "and" || joint === "&&")) p.setEnds("src and dst");
        else if (both && (joint === "or" || joint === "||")) p.setEnds("src or dst");
        else {
          p.setEnds("src");
          continue;
        }
        this.#at += 2;
      } else if (word === "dst" || word === "dest") p.setEnds("dst");
      else if (word === "ip" || word === "ether") {
        if (header !== null) break;
        header = word;
      } else if (word === "not" || word === "!") negated = !negated;
      else break;
    }
    return { header, negated };
  }

  /** The word here, if another follows: an operator is never the last word. */
  #operator(): string {
    return this.#at < this.#words.length - 1 ? this.#words[this.#at] : "";
  }

  /** `[POS]`, `[POS:LEN]` or `[FIRST,LAST]`. */
  #brackets(p: Primitive): void {
    const start = this.#at + 1;
    const end = this.#words.indexOf("]", start);
    if (end < 0) {
      this.#say.error("missing ']'");
      this.#at = start;
      return;
    }
    this.#at = end + 1;
    const [, first, mark, second] =
      /^([^:,]*)(?:([:,])([^:,]+))?$/.exec(this.#words.slice(start, end).join("")) ?? [];
    const position = first === undefined ? undefined : integer(first);
    const other = second === undefined ? 1 : integer(second);
    if (position === undefined || other === undefined) {
      this.#say.error("syntax error after '[', expected '[POS]' or '[POS:LEN]'");
      return;
    }
    const length = mark === "," ? other - position + 1 : other;
    if (length < 1 || length > 4)
      this.#say.error("LEN in '[POS:LEN]' out of range, should be between 1 and 4");
    else if (position > 8191) this.#say.error(`field [${position | 0}:${length}] out of range, bound 8191`);
    else if (position >> 2 !== (position + length - 1) >> 2)
      this.#say.error(`field [${position}:${length}] does not fit in a single word`);
    else p.setType(byteField(position, length, p.protocol));
  }

  #mask(p: Primitive, header: Header | null): void {
    if (this.#operator() !== "&") return;
    const word = this.#words[this.#at + 1];
    const data = this.#number(word) ?? this.#address(word, header);
    if (data === null) return;
    this.#at += 2;
    if (data.type !== "ether host" && data.value === 0) this.#say.error("zero mask ignored");
    else p.provided = data;
  }

  #relation(p: Primitive): void {
    const word = this.#operator();
    const [, first, equal] = /^([<>!=])(=?)$/.exec(word) ?? [];
    if (first === undefined || word === "!") return;
    this.#at++;
    if (first === "!") p.negated = true;
    else if (first !== "=") {
      // >= is not <, and <= is not >.
      p.negated = equal !== "";
      p.relation = (first === ">") === (equal === "") ? ">" : "<";
    }
  }

  #value(p: Primitive, header: Header | null): void {
    const word = this.#words[this.#at++];
    const meaning = lookup(this.#names, word, p.type === "bad" ? null : p.type, p.protocol);
    if (meaning?.is === "unclear") {
      this.#say.error(meaning.message);
      p.type = "bad";
      return;
    }
    if (meaning?.is === "value") {
      p.data = { type: meaning.type, value: meaning.value };
      return;
    }
    const data = this.#number(word) ?? this.#prefixOrAddress(word, p, header);
    if (data !== null) p.data = data;
    else {
      if (p.relation !== "=" || p.negated) this.#say.error(`dangling operator near '${word}'`);
      this.#at--;
    }
  }

  #number(word: string): Data | null {
    const value = integer(word);
    return value === undefined ? null : { type: "int", value };
  }

  #prefixOrAddress(word: string, p: Primitive, header: Header | null): Data | null {
    const address = this.#address(word, header);
    if (address?.type === "host") {
      if (this.#operator() === "mask") {
        const mask = this.#names.ip(this.#words[this.#at + 1]);
        if (mask !== undefined) {
          this.#at += 2;
          return { type: "net", value: address.value, mask };
        }
      }
      if (p.type !== "net") return address;
    }
    const prefix = header === "ether" ? undefined : this.#names.ipPrefix(word);
    return prefix === undefined ? address : { type: "net", value: prefix.address, mask: prefix.mask };
  }

  #address(word: string, header: Header | null): Data | null {
    const ip = header === "ether" ? undefined : this.#names.ip(word);
    if (ip !== undefined) return { type: "host", value: ip };
    const ether = header === "ip" ? undefined : this.#names.ether(word);
    return ether === undefined ? null : { type: "ether host", value: 0, ether };
  }
}
