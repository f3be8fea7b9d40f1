// The handlers every element has, and those its spec declares.

import type { Element } from "./element.js";
import { type Handler, type HandlerCode, HandlerError, handlerFlags } from "./handler.js";
import { reconfigure } from "./reconfigure.js";
import type { HandlerSpec } from "./spec.js";

/** All handlers of `element` by name, in the order `handlers` lists them: its own, its tasks', then the common ones. */
export function elementHandlers(element: Element): Map<string, Handler> {
  const all = new Map<string, Handler>();
  const add = (name: string, spec: HandlerSpec, code: HandlerCode): void => {
    if (!all.has(name)) all.set(name, { element, name, spec, ...code });
  };
  const own = element.handlers();
  for (const [name, spec] of Object.entries(element.spec.handlers ?? {})) {
    const code = own[name];
    if (code === undefined)
      throw new Error(`${element.className} declares handler '${name}' but has no code for it`);
    add(name, spec, { read: spec.read ? code.read : undefined, write: spec.write ? code.write : undefined });
  }
  for (const [name, doc] of Object.entries({ ...element.spec.counters, ...element.spec.drops })) {
    const address = element.counterAddress(name);
    add(name, { doc, read: true }, { read: () => element.memory.get64(address) });
  }
  if (element.spec.drops !== undefined) {
    add(
      "drops_by_reason",
      { doc: "drops, a line a reason: symbol, count, sentence", read: true },
      { read: () => dropLines(element) },
    );
  }
  taskHandlers(element, add);
  commonHandlers(element, add, all);
  return all;
}

type Add = (name: string, spec: HandlerSpec, code: HandlerCode) => void;

function dropLines(element: Element): string {
  return Object.entries(element.spec.drops ?? {})
    .map(
      ([symbol, sentence]) =>
        `${symbol}\t${element.memory.get64(element.counterAddress(symbol))}\t${sentence}\n`,
    )
    .join("");
}

function taskHandlers(element: Element, add: Add): void {
  const [task] = element.tasks;
  if (task === undefined) return;
  add("scheduled", { doc: "whether its task waits to run", read: true }, { read: () => task.scheduled });
  add(
    "tickets",
    { doc: "its task's share of the processor, 1 to 32768", read: true, write: true },
    {
      read: () => task.tickets,
      write: (text) => {
        const n = Number(text.trim());
        if (!Number.isInteger(n) || n < 1 || n > 32768)
          throw new HandlerError("FAILED", `tickets must be a whole number from 1 to 32768, not '${text}'`);
        task.tickets = n;
      },
    },
  );
  add(
    "home_thread",
    { doc: "the thread its task runs on: always 0, a router has one", read: true },
    { read: () => 0 },
  );
}

function commonHandlers(element: Element, add: Add, all: ReadonlyMap<string, Handler>): void {
  add(
    "handlers",
    { doc: "its handlers and their flags", read: true, calm: true },
    {
      read: () =>
        [...all.values()]
          .filter((h) => !h.spec.private)
          .map((h) => `${h.name}\t${handlerFlags(h)}\n`)
          .join(""),
    },
  );
  add(
    "ports",
    { doc: "its ports, push or pull, and their peers", read: true, calm: true },
    { read: () => portLines(element) },
  );
  add(
    "config",
    { doc: "its configuration", read: true, write: element.spec.live === true, calm: true },
    {
      read: () => element.config,
      write: element.spec.live === true ? (text) => reconfigure(element, text) : undefined,
    },
  );
  add("class", { doc: "its class", read: true, calm: true }, { read: () => element.className });
  add("name", { doc: "its name", read: true, calm: true }, { read: () => element.name });
}

function portLines(element: Element): string {
  const { graph } = element;
  const side = (count: number, word: string, line: (port: number) => string): string =>
    `${count} ${count === 1 ? word : `${word}s`}\n${Array.from({ length: count }, (_, i) => line(i)).join("")}`;
  return (
    side(element.ninputs, "input", (i) => {
      const kind = element.isPullInput(i) ? "pull" : "push";
      return `${kind}\t-\t${graph
        .sourcesOf(element, i)
        .map((s) => `${s.element.name} [${s.port}]`)
        .join(", ")}\n`;
    }) +
    side(element.noutputs, "output", (o) => {
      const kind = element.isPullOutput(o) ? "pull" : "push";
      return `${kind}\t-\t${graph
        .targetsOf(element, o)
        .map((t) => `[${t.port}] ${t.element.name}`)
        .join(", ")}\n`;
    })
  );
}
