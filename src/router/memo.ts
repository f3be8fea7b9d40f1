// Results of reading configurations, kept with what they asked of their context, so that they hold where it answers alike.

import type { ArgContext } from "../lang/args/context.js";
import { Recent } from "./recent.js";

/** A question about a name of a database, or, where that is null, about an element: only whether there is one counts. */
interface Question {
  readonly database: string | null;
  readonly name: string;
  readonly answer: unknown;
}

interface Entry {
  readonly questions: readonly Question[];
  readonly value: unknown;
}

/** What has to be made anew each time, from the present answers. */
interface Template {
  make(answers: readonly unknown[]): unknown;
}

/** The element that answers a question. */
class ElementOf implements Template {
  readonly question: number;

  constructor(question: number) {
    this.question = question;
  }

  make(answers: readonly unknown[]): unknown {
    return answers[this.question];
  }
}

/** Bytes, which nothing can protect from being changed. */
class BytesOf implements Template {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes.slice();
  }

  make(): Uint8Array {
    return this.bytes.slice();
  }
}

class ListOf implements Template {
  readonly parts: readonly unknown[];

  constructor(parts: readonly unknown[]) {
    this.parts = parts;
  }

  make(answers: readonly unknown[]): unknown[] {
    return this.parts.map((part) => made(part, answers));
  }
}

class RecordOf implements Template {
  /** The record, and templates where it has any. */
  readonly record: Readonly<Record<string, unknown>>;
  readonly templates: readonly (readonly [string, Template])[];

  constructor(record: Readonly<Record<string, unknown>>) {
    this.record = record;
    this.templates = Object.entries(record).filter((e): e is [string, Template] => isTemplate(e[1]));
  }

  make(answers: readonly unknown[]): Record<string, unknown> {
    const copy = { ...this.record };
    for (const [name, template] of this.templates) copy[name] = template.make(answers);
    return copy;
  }
}

function isTemplate(value: unknown): value is Template {
  return (
    value instanceof ElementOf ||
    value instanceof BytesOf ||
    value instanceof ListOf ||
    value instanceof RecordOf
  );
}

function made(value: unknown, answers: readonly unknown[]): unknown {
  return isTemplate(value) ? value.make(answers) : value;
}

/** A value that cannot be kept. */
class Unkept extends Error {}

/** Passes questions on, and keeps them. */
class Asking implements ArgContext {
  readonly questions: Question[] = [];
  readonly home?: string;
  readonly #context: ArgContext;

  constructor(context: ArgContext) {
    this.#context = context;
    this.home = context.home;
  }

  lookup(database: string, name: string): number | Uint8Array | undefined {
    const answer = this.#context.lookup(database, name);
    this.questions.push({ database, name, answer });
    return answer;
  }

  element(name: string): unknown {
    const answer = this.#context.element(name);
    this.questions.push({ database: null, name, answer });
    return answer;
  }
}

/** What one reader made of the texts that it was given, at most `limit` of them. */
export class Memo {
  readonly #entries: Recent<string, Entry>;

  constructor(limit: number) {
    this.#entries = new Recent(limit);
  }

  /**
   * What `make` gives for `text`: plain data, elements in it where it asked for them, which nobody may change (what holds
   * neither bytes nor elements is the same object each time, and frozen). `make` must depend on nothing but `text` and
   * what it asks of the context that it is given.
   */
  get<T>(text: string, context: ArgContext, make: (context: ArgContext) => T): T {
    const known = this.#entries.get(text);
    if (known !== undefined) {
      const answers = answersOf(known.questions, context);
      if (answers !== null) return made(known.value, answers) as T;
    }
    const asking = new Asking(context);
    const value = make(asking);
    const { questions } = asking;
    let kept: unknown;
    try {
      kept = stored(value, questions);
    } catch (e) {
      if (e instanceof Unkept) return value;
      throw e;
    }
    // No element of a router must stay here after it.
    const facts = questions.map((q) => (q.database === null ? { ...q, answer: isThere(q.answer) } : q));
    this.#entries.set(text, { questions: facts, value: kept });
    return isTemplate(kept) ? value : (kept as T);
  }
}

const isThere = (element: unknown): boolean => element !== undefined && element !== null;

const NO_ANSWERS: readonly unknown[] = [];

/** The present answers; null where they are not what they were. */
function answersOf(questions: readonly Question[], context: ArgContext): readonly unknown[] | null {
  if (questions.length === 0) return NO_ANSWERS;
  const answers: unknown[] = [];
  for (const { database, name, answer } of questions) {
    const now = database === null ? context.element(name) : context.lookup(database, name);
    if (database === null ? isThere(now) !== answer : !sameAnswer(now, answer)) return null;
    answers.push(now);
  }
  return answers;
}

function sameAnswer(a: unknown, b: unknown): boolean {
  if (!(a instanceof Uint8Array && b instanceof Uint8Array)) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** `value` frozen, a copy of it, or a template where it holds bytes or elements. Throws Unkept for other objects than plain ones. */
function stored(value: unknown, questions: readonly Question[]): unknown {
  if (typeof value === "function") throw new Unkept();
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return new BytesOf(value);
  if (Array.isArray(value)) {
    const parts = value.map((v) => stored(v, questions));
    return parts.some(isTemplate) ? new ListOf(parts) : Object.freeze(parts);
  }
  const question = questions.findIndex((q) => q.database === null && q.answer === value);
  if (question >= 0) return new ElementOf(question);
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new Unkept();
  const copy: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) copy[name] = stored(part, questions);
  return Object.values(copy).some(isTemplate) ? new RecordOf(copy) : Object.freeze(copy);
}
