// The router's own handlers, as Click names them.

import { flatText } from "../lang/flat-text.js";
import { type Handler, type HandlerCode, HandlerError, handlerFlags } from "./handler.js";
import type { Router } from "./router.js";
import type { HandlerSpec } from "./spec.js";
import { VERSION } from "./version.js";

/** The global handlers by name, in the order `handlers` lists them. */
export function globalHandlers(router: Router): Map<string, Handler> {
  const all = new Map<string, Handler>();
  const add = (name: string, spec: HandlerSpec, code: HandlerCode): void => {
    all.set(name, { element: null, name, spec, ...code });
  };
  const lines = (texts: readonly string[]): string => texts.map((t) => `${t}\n`).join("");
  add("version", { doc: "the program's version", read: true, calm: true }, { read: () => VERSION });
  add("driver", { doc: "the kind of driver", read: true, calm: true }, { read: () => "userlevel" });
  add(
    "list",
    { doc: "the number of elements, then their names", read: true, calm: true },
    {
      read: () => `${router.elements.length}\n${lines(router.elements.map((e) => e.name))}`,
    },
  );
  add(
    "classes",
    { doc: "the element classes that can be used", read: true, calm: true },
    { read: () => lines(router.options.loader.classes()) },
  );
  add(
    "packages",
    { doc: "the packages that were loaded", read: true, calm: true },
    { read: () => lines(router.options.loader.packages()) },
  );
  add(
    "requirements",
    { doc: "the configuration's requirements", read: true, calm: true },
    {
      read: () =>
        lines(router.graph.flat.requirements.filter((r) => r.kind === "package").map((r) => r.value)),
    },
  );
  add(
    "flatconfig",
    { doc: "the configuration, flattened", read: true, calm: true },
    { read: () => flatText(router.graph.flat) },
  );
  add(
    "config",
    { doc: "the configuration as it was written", read: true, calm: true },
    { read: () => router.source },
  );
  add(
    "handlers",
    { doc: "these handlers and their flags", read: true, calm: true },
    {
      read: () =>
        lines([...all.values()].filter((h) => !h.spec.private).map((h) => `${h.name}\t${handlerFlags(h)}`)),
    },
  );
  add("stop", { doc: "stops the driver", write: true, button: true }, { write: () => router.stop() });
  if (router.options.hotSwap) {
    add(
      "hotconfig",
      { doc: "replaces the configuration while it runs", write: true },
      {
        write: (text) =>
          router.swap(text).catch((e: Error) => Promise.reject(new HandlerError("FAILED", e.message))),
      },
    );
  }
  return all;
}
