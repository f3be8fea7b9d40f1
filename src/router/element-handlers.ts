// The handlers every element has, and those its spec declares.

import { withoutSecrets } from "../lang/args/secrets.js";
import type { Element } from "./element.js";
import { type Handler, type HandlerCode, HandlerError, handlerFlags, withinMemory } from "./handler.js";
import { type Personality, portKinds } from "./hookup.js";
import { MeteredPort, type Port } from "./port.js";
import { reconfigure } from "./reconfigure.js";
import { RouterError } from "./router-error.js";
import type { HandlerSpec } from "./spec.js";

/**
 * All handlers of `element` by name, in the order in which `handlers` lists them: as in Click, what was added last
 * comes first, and the common ones were added before any other.
 */
export function elementHandlers(element: Element): ReadonlyMap<string, Handler> {
  const all = new Map<string, Handler>();
  const add = (name: string, spec: HandlerSpec, code: HandlerCode): void => {
    if (all.has(name)) return;
    all.set(name, { element, name, spec, ...whileThere(element, code) });
  };
  const own = element.handlers();
  const declared: [string, HandlerSpec, HandlerCode][] = [];
  for (const [name, doc] of Object.entries({ ...element.spec.counters, ...element.spec.drops })) {
    const address = element.counterAddress(name);
    declared.push([name, { doc, read: true }, { read: () => element.memory.get64(address) }]);
  }
  if (element.spec.drops !== undefined) {
    const doc = "drops, a line a reason: symbol, count, sentence";
    declared.push(["drops_by_reason", { doc, read: true }, { read: () => dropLines(element) }]);
  }
  for (const [name, spec] of Object.entries(element.spec.handlers ?? {})) {
    const code = own[name];
    if (code === null) continue;
    if (code === undefined)
      throw new Error(`${element.className} declares handler '${name}' but has no code for it`);
    const { read, write } = code;
    declared.push([
      name,
      spec,
      { read: spec.read ? read : undefined, write: spec.write ? write : undefined },
    ]);
  }
  for (const [name, [spec, code]] of Object.entries(element.moreHandlers()))
    declared.push([name, spec, code]);
  taskHandlers(element, (...handler) => declared.push(handler));
  for (const handler of declared.reverse()) add(...handler);
  commonHandlers(element, add, all);
  return all;
}

/** `code`, failing once the element has no state any more: the router was closed, or a hot swap replaced its graph. */
function whileThere(element: Element, code: HandlerCode): HandlerCode {
  const { router, graph } = element;
  const check = (): void => {
    if (!graph.closed) return;
    if (router.closed) throw RouterError.closed(`'${element.name}'`);
    throw new HandlerError("NO_ELEMENT", `no element '${element.name}'`);
  };
  const { read } = code;
  const write = code.write && withinMemory(code.write);
  return {
    read:
      read &&
      ((parameters) => {
        check();
        return read(parameters);
      }),
    write:
      write &&
      ((value) => {
        check();
        router.enter();
        try {
          return write(value);
        } finally {
          router.leave();
        }
      }),
  };
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
    { doc: "its configuration, without secrets", read: true, write: element.spec.live === true, calm: true },
    {
      read: () => withoutSecrets(element.config, element.spec.args ?? {}),
      write: element.spec.live === true ? (text) => reconfigure(element, text) : undefined,
    },
  );
  add("class", { doc: "its class", read: true, calm: true }, { read: () => element.className });
  add("name", { doc: "its name", read: true, calm: true }, { read: () => element.name });
}

function portLines(element: Element): string {
  const { graph } = element;
  const kinds = portKinds(element);
  const side = (
    ports: readonly Personality[],
    word: string,
    pulls: (port: number) => boolean,
    counted: (port: number) => Port | null,
    peers: (port: number) => readonly string[],
  ): string => {
    const lines = ports.map((kind, i) => {
      const port = counted(i);
      const count = port instanceof MeteredPort ? port.meter.packets : "-";
      return `${pulls(i) ? "pull" : "push"}${kind === "agnostic" ? "~" : ""}\t${count}\t${peers(i).join(", ")}\n`;
    });
    return `${ports.length} ${ports.length === 1 ? word : `${word}s`}\n${lines.join("")}`;
  };
  return (
    side(
      kinds.inputs,
      "input",
      (i) => element.isPullInput(i),
      (i) => (element.isPullInput(i) ? element.inputs[i] : null),
      (i) => graph.sourcesOf(element, i).map((s) => `${s.element.name} [${s.port}]`),
    ) +
    side(
      kinds.outputs,
      "output",
      (i) => element.isPullOutput(i),
      (i) => (element.isPullOutput(i) ? null : element.outputs[i]),
      (i) => graph.targetsOf(element, i).map((t) => `[${t.port}] ${t.element.name}`),
    )
  );
}
