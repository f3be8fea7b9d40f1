// Which handlers the words of -h mean.

import type { Element } from "../router/element.js";
import { type Handler, HandlerError } from "../router/handler.js";
import type { Router } from "../router/router.js";

export interface Selected {
  readonly path: string;
  readonly handler: Handler;
}

/** `E.H` for an element's name, a class name or a glob E; `H` for a global handler. Throws HandlerError. */
export function selectHandlers(router: Router, path: string): Selected[] {
  const dot = path.lastIndexOf(".");
  if (dot <= 0) return [{ path, handler: router.handler(path) }];
  const [who, name] = [path.slice(0, dot), path.slice(dot + 1)];
  const one = router.find(who);
  const elements = one !== undefined ? [one] : matching(router, who);
  if (elements.length === 0) throw new HandlerError("NO_ELEMENT", `no element '${who}'`);
  return elements.flatMap((e) => {
    const names =
      name === "*"
        ? [...router.handlers(e).values()].filter((h) => h.read !== undefined).map((h) => h.name)
        : [name];
    return names.map((n) => ({ path: `${e.name}.${n}`, handler: router.handler(`${e.name}.${n}`) }));
  });
}

function matching(router: Router, who: string): Element[] {
  const ofClass = router.elements.filter((e) => e.className === who);
  if (ofClass.length > 0 || !/[*?[]/.test(who)) return ofClass;
  const pattern = new RegExp(
    `^${who
      .replace(/[.+^${}()|\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
  return router.elements.filter((e) => pattern.test(e.name));
}
