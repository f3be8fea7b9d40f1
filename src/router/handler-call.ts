// Calls of handlers by name, as configurations write them: `element.handler value`.

import { shiftSpaces, unquote } from "../lang/args/text.js";
import type { Element } from "./element.js";
import { type Handler, HandlerError, handlerName, readHandler } from "./handler.js";
import type { Router } from "./router.js";

export interface CallOptions {
  /** The element that calls: names are looked up from its compound outward, its own handlers come first. */
  readonly from?: Element;
  readonly access: "read" | "write";
  /** Remove one level of quotes from the value. */
  readonly unquote?: boolean;
}

/** A handler and the value (or parameters) it is to be called with. */
export class HandlerCall {
  readonly handler: Handler;
  readonly value: string;

  /**
   * Finds the handler that `text` names: `handler value`, `.handler value` (global) or `element.handler value`.
   * Throws HandlerError in Click's words.
   */
  static parse(router: Router, text: string, options: CallOptions): HandlerCall {
    const [word, rest] = shiftSpaces(text);
    const path = unquote(word);
    if (path === "") throw new HandlerError("NO_HANDLER", "bad handler name");
    const value = options.unquote ? unquote(rest) : rest;
    const { from, access } = options;
    const dot = path.indexOf(".");
    const name = path.slice(dot + 1);
    let element: Element | null = null;
    if (dot > 0) {
      const found = router.find(path.slice(0, dot), from);
      if (found === undefined)
        throw new HandlerError("NO_ELEMENT", `no element named '${path.slice(0, dot)}'`);
      element = found;
    } else if (dot < 0 && from !== undefined && router.handlerOf(from, name) !== undefined) element = from;
    const handler = router.handlerOf(element, name);
    if (handler?.[access] === undefined)
      throw new HandlerError("NO_HANDLER", `no '${handlerName(element, name)}' ${access} handler`);
    if (access === "read" && value !== "" && !handler.spec.params)
      throw new HandlerError(
        "FAILED",
        `read handler '${handlerName(element, name)}' does not take parameters`,
      );
    return new HandlerCall(handler, value);
  }

  constructor(handler: Handler, value: string) {
    this.handler = handler;
    this.value = value;
  }

  /** `element.handler`, or `handler` for a global one. */
  get name(): string {
    return handlerName(this.handler.element, this.handler.name);
  }

  /** The call as it could be written. */
  toString(): string {
    return this.value === "" ? this.name : `${this.name} ${this.value}`;
  }

  read(): string {
    return readHandler(this.handler, this.value);
  }

  write(): void | Promise<void> {
    return this.handler.write?.(this.value);
  }
}
