// The handlers of one router: its own and its elements', made when they are first asked for.

import type { Element } from "./element.js";
import { elementHandlers } from "./element-handlers.js";
import { globalHandlers } from "./global-handlers.js";
import { type Handler, HandlerError, handlerName } from "./handler.js";
import type { Router } from "./router.js";
import type { HandlerSpec } from "./spec.js";

export class HandlerTable {
  readonly #router: Router;
  /** By their element; the global ones by the router. */
  readonly #handlers = new WeakMap<object, ReadonlyMap<string, Handler>>();

  constructor(router: Router) {
    this.#router = router;
  }

  /** The handlers of `element`, or the global ones when it is null, by name. */
  of(element: Element | null): ReadonlyMap<string, Handler> {
    const owner = element ?? this.#router;
    let handlers = this.#handlers.get(owner);
    if (handlers === undefined) {
      handlers = element === null ? globalHandlers(this.#router) : elementHandlers(element);
      this.#handlers.set(owner, handlers);
    }
    return handlers;
  }

  /** The handler `name` of `element`, or the global one when that is null. */
  named(element: Element | null, name: string): Handler | undefined {
    const found = this.of(element).get(name);
    if (found !== undefined || element === null) return found;
    const code = element.anyHandler(name);
    return code === null ? undefined : { element, name, spec: ANY_HANDLER, ...code };
  }

  /** The handler `path`, as seen from `from`. Throws HandlerError in Click's words. */
  find(path: string, from: Element | undefined): Handler {
    const { element, name } = this.#owner(path, from);
    const found = this.named(element, name);
    if (found === undefined)
      throw new HandlerError("NO_HANDLER", `no '${handlerName(element, name)}' handler`);
    return found;
  }

  #owner(path: string, from: Element | undefined): { element: Element | null; name: string } {
    // Names of elements have no dots; names of handlers may.
    const dot = path.indexOf(".");
    const name = path.slice(dot + 1);
    if (dot > 0) {
      const element = this.#router.find(path.slice(0, dot), from);
      if (element === undefined) throw new HandlerError("NO_ELEMENT", `no element '${path.slice(0, dot)}'`);
      return { element, name };
    }
    const own = dot < 0 && from !== undefined && this.named(from, name) !== undefined;
    return { element: own ? from : null, name };
  }
}

const ANY_HANDLER: HandlerSpec = { doc: "any other name", read: true, write: true, params: true };
