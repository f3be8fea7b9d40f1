// A call of a write handler that a configuration asks for: COUNT_CALL, END_CALL and the like.

import type { HandlerRef } from "../lang/args/spec.js";
import type { Element, ErrorSink } from "./element.js";
import { HandlerCall } from "./handler-call.js";

/** One write, on behalf of an element. The handler is looked up once all elements are configured. */
export class ConfiguredCall {
  readonly #owner: Element;
  readonly #text: string;
  #call: HandlerCall | null = null;

  constructor(owner: Element, { element, handler, value }: HandlerRef) {
    this.#owner = owner;
    this.#text = `${element === null ? "" : `${element}.`}${handler} ${value}`;
  }

  /** Looks the handler up; reports to `errors` what is wrong with it. */
  initialize(errors: ErrorSink): void {
    try {
      this.resolve();
    } catch (e) {
      errors.error((e as Error).message);
    }
  }

  /** Looks the handler up. Throws HandlerError in Click's words. */
  resolve(): void {
    const { router } = this.#owner;
    this.#call = HandlerCall.parse(router, this.#text, { from: this.#owner, access: "write" });
  }

  /** Writes; what goes wrong is logged. */
  call(): void {
    const complain = (e: unknown): void =>
      this.#owner.router.log(`${this.#owner.declaration}: ${e instanceof Error ? e.message : String(e)}`);
    try {
      const done = this.#call?.write();
      if (done !== undefined) done.catch(complain);
    } catch (e) {
      complain(e);
    }
  }
}
