// Those who listen to one kind of news.

import { MemoryError } from "../packet/memory.js";
import type { Element } from "./element.js";

interface Entry<A extends readonly unknown[]> {
  readonly listener: (...news: A) => void;
  /** It threw before, and that was logged. */
  failed: boolean;
}

/**
 * What one listener throws is logged, the first time with whose fault it is, and kept from the others and from whoever has
 * the news. Only that the router's memory is exhausted (MemoryError) is for that one: it is thrown once all have heard.
 */
export class Listeners<A extends readonly unknown[]> {
  readonly #what: string;
  readonly #log: (line: string) => void;
  readonly #entries = new Set<Entry<A>>();

  /** `what`: what they listen to, for the log. */
  constructor(what: string, log: (line: string) => void) {
    this.#what = what;
    this.#log = log;
  }

  /** Calls `listener` with what is told from now on, until the function it returns is called. */
  add(listener: (...news: A) => void): () => void {
    const entry = { listener, failed: false };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** Tells all, in the order in which they came. */
  tell(...news: A): void {
    let exhausted: MemoryError | null = null;
    for (const entry of this.#entries) {
      try {
        entry.listener(...news);
      } catch (error) {
        if (error instanceof MemoryError) exhausted = error;
        else if (!entry.failed) {
          entry.failed = true;
          this.#log(failedListener(this.#what, entry.listener.name, error));
        }
      }
    }
    if (exhausted !== null) throw exhausted;
  }

  /** Forgets all. */
  clear(): void {
    this.#entries.clear();
  }
}

/** Listeners to news of `element`, on whose behalf it is logged. */
export function listenersOf<A extends readonly unknown[]>(element: Element, what: string): Listeners<A> {
  return new Listeners(what, (line) => element.router.log(`${element.declaration}: ${line}`));
}

/** The line that says that a listener threw; `name`: its own, "" where it has none. */
export function failedListener(what: string, name: string, error: unknown): string {
  const who = name === "" ? `a listener to ${what}` : `${name}, which listens to ${what},`;
  return `${who} failed: ${error}${thrownAt(error)}`;
}

/** Where an error was thrown, ` (at FUNCTION (FILE:LINE))`; "" where that is not known. */
export function thrownAt(error: unknown): string {
  const frame = error instanceof Error ? /\n\s+at (.+)/.exec(error.stack ?? "")?.[1] : undefined;
  return frame === undefined ? "" : ` (at ${frame})`;
}
