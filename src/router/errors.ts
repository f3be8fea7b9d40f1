// Messages with the context they arose in, as Click's error handlers print them.

import type { ErrorSink } from "./element.js";

/**
 * Sends messages on, a line at a time: the context's line once, before the first of them, then each indented by
 * two spaces. Contexts nest.
 */
export class ErrorContext implements ErrorSink {
  /** Errors so far, those of inner contexts included. */
  errors = 0;
  readonly #context: string | null;
  readonly #emit: (line: string) => void;
  readonly #outer: ErrorContext | null;
  #opened = false;

  /** `context` null: messages go on as they are. */
  constructor(context: string | null, emit: (line: string) => void, outer: ErrorContext | null = null) {
    this.#context = context;
    this.#emit = emit;
    this.#outer = outer;
  }

  within(context: string): ErrorContext {
    return new ErrorContext(context, (line) => this.message(line), this);
  }

  error(message: string): void {
    this.message(message);
    for (let c: ErrorContext | null = this; c !== null; c = c.#outer) c.errors++;
  }

  warning(message: string): void {
    this.message(`warning: ${message}`);
  }

  message(message: string): void {
    if (this.#context !== null && !this.#opened) {
      this.#opened = true;
      this.#emit(this.#context);
    }
    for (const line of message.split("\n")) this.#emit(this.#context === null ? line : `  ${line}`);
  }
}
