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

/** Stands for the element that answers a question. */
class ElementOf {
  readonly question: number;

  constructor(question: number) {
    this.question = question;
  }
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
   * What `make` gives for `text`: plain data, elements in it where it asked for them. The caller may keep and change it.
   * `make` must depend on nothing but `text` and what it asks of the context that it is given.
   */
  get<T>(text: string, context: ArgContext, make: (context: ArgContext) => T): T {
    const known = this.#entries.get(text);
    if (known !== undefined) {
      const answers = answersOf(known.questions, context);
      if (answers !== null) return restored(known.value, answers) as T;
    }
    const asking = new Asking(context);
    const value = make(asking);
    const { questions } = asking;
    try {
      const kept = stored(value, questions);
      // No element of a router must stay here after it.
      const facts = questions.map((q) => (q.database === null ? { ...q, answer: isThere(q.answer) } : q));
      this.#entries.set(text, { questions: facts, value: kept });
    } catch (e) {
      if (!(e instanceof Unkept)) throw e;
    }
    return value;
  }
}

const isThere = (element: unknown): boolean => element !== undefined && element !== null;

/** The present answers; null where they are not what they were. */
function answersOf(questions: readonly Question[], context: ArgContext): unknown[] | null {
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

/** A copy of `value` in which elements are the questions that they answered. Throws Unkept for other objects than plain ones. */
function stored(value: unknown, questions: readonly Question[]): unknown {
  if (typeof value === "function") throw new Unkept();
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (Array.isArray(value)) return value.map((v) => stored(v, questions));
  const question = questions.findIndex((q) => q.database === null && q.answer === value);
  if (question >= 0) return new ElementOf(question);
  if (Object.getPrototypeOf(value) !== Object.prototype) throw new Unkept();
  const copy: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) copy[name] = stored(part, questions);
  return copy;
}

function restored(value: unknown, answers: readonly unknown[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof ElementOf) return answers[value.question];
  if (Array.isArray(value)) return value.map((v) => restored(v, answers));
  const copy: Record<string, unknown> = {};
  for (const name in value) copy[name] = restored((value as Record<string, unknown>)[name], answers);
  return copy;
}
