// Handlers as those outside of the router may have them: sockets, the API, the command line. Private ones are for the
// configuration alone.

import type { Element } from "./element.js";
import { type Handler, HandlerError, handlerName } from "./handler.js";
import type { Router } from "./router.js";

/** The handlers of `element` (null: the router's) that are not private, in the order of `handlers`. */
export function visibleHandlers(router: Router, element: Element | null): Handler[] {
  return [...router.handlers(element).values()].filter((h) => !h.spec.private);
}

/** The handler `path`, `element.handler` or `handler`. Throws HandlerError for a private one as for one that is not there. */
export function visibleHandler(router: Router, path: string): Handler {
  const handler = router.handler(path);
  if (!handler.spec.private) return handler;
  throw new HandlerError("NO_HANDLER", `no '${handlerName(handler.element, handler.name)}' handler`);
}
