// Which handlers the words of -h and -x mean, and what they give.

import { parseBool, parseInteger } from "../lang/args/numbers.js";
import { uncomment } from "../lang/args/text.js";
import type { Element } from "../router/element.js";
import { type Handler, HandlerError, handlerName, readHandler } from "../router/handler.js";
import { HandlerCall } from "../router/handler-call.js";
import type { Router } from "../router/router.js";
import { visibleHandler, visibleHandlers } from "../router/visible-handlers.js";

/** What reading the handlers of -h gave: the text for standard output, and what went wrong. */
export interface HandlerReport {
  readonly text: string;
  readonly errors: readonly string[];
}

/**
 * Reads the handlers that `paths` name: `H`, or `E.H` where E is an element's name, a glob, or a class, and H may be
 * `*` for all that can be read. Several handlers are printed with their names, as Click prints them.
 */
export function reportHandlers(router: Router, paths: readonly string[]): HandlerReport {
  const errors: string[] = [];
  let text = "";
  for (const path of paths) {
    const { several, handlers } = attempt(errors, () => select(router, path)) ?? {
      several: false,
      handlers: [],
    };
    const named = several || paths.length > 1;
    for (const handler of handlers) {
      const value = attempt(errors, () => readHandler(handler));
      if (value === null) continue;
      const line = value === "" || value.endsWith("\n") || handler.spec.raw ? value : `${value}\n`;
      text += named ? `${handlerName(handler.element, handler.name)}:\n${line}\n` : line;
    }
  }
  return { text, errors };
}

function attempt<T>(errors: string[], run: () => T): T | null {
  try {
    return run();
  } catch (e) {
    errors.push(e instanceof Error ? e.message : String(e));
    return null;
  }
}

interface Selection {
  /** The path may stand for several handlers. */
  readonly several: boolean;
  readonly handlers: readonly Handler[];
}

function select(router: Router, path: string): Selection {
  const dot = path.indexOf(".");
  if (dot <= 0) return { several: false, handlers: [visibleHandler(router, path)] };
  const [who, name] = [path.slice(0, dot), path.slice(dot + 1)];
  const one = router.find(who);
  if (one !== undefined && name !== "*") return { several: false, handlers: [visibleHandler(router, path)] };
  const glob = /[*?[]/.test(who);
  const elements =
    one !== undefined
      ? [one]
      : router.elements.filter((e) => (glob ? globPattern(who).test(e.name) : isA(e, who)));
  if (elements.length === 0)
    throw new HandlerError("NO_ELEMENT", glob ? `no element matching '${who}'` : `no element '${who}'`);
  const handlers = elements.flatMap((e) => {
    if (name === "*") return visibleHandlers(router, e);
    const found = router.handlerOf(e, name);
    return found === undefined ? [] : [found];
  });
  return { several: true, handlers: handlers.filter((h) => h.read !== undefined && !h.spec.private) };
}

/** Whether `element` is of class `name`, or of one made from it. */
function isA(element: Element, name: string): boolean {
  if (element.className === name) return true;
  for (let c: unknown = element.constructor; typeof c === "function"; c = Object.getPrototypeOf(c))
    if (c.name === name && name !== "Element" && name !== "") return true;
  return false;
}

/** Click's globs: `*`, `?`, `[a-z]`, `[^a-z]`, and a backslash before a character that stands for itself. */
export function globPattern(glob: string): RegExp {
  let pattern = "";
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i];
    const set = c === "[" ? /^\[(\^?)(\]?[^\]]*)\]/.exec(glob.slice(i)) : null;
    if (set !== null) {
      pattern += `[${set[1]}${set[2].replace(/[\\\]^[]/g, "\\$&")}]`;
      i += set[0].length - 1;
    } else if (c === "*") pattern += ".*";
    else if (c === "?") pattern += ".";
    else {
      const plain = c === "\\" && i + 1 < glob.length ? glob[++i] : c;
      pattern += plain.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
    }
  }
  try {
    return new RegExp(`^${pattern}$`, "s");
  } catch {
    // A set like [z-a] matches nothing.
    return /(?!)/;
  }
}

/** The exit status that handler `path` asks for: an integer, or a truth value (true = 0). Throws HandlerError. */
export function exitStatus(router: Router, path: string): number {
  const value = uncomment(HandlerCall.parse(router, path, { access: "read" }).read());
  const number = parseInteger(value);
  if ("value" in number && Math.abs(number.value) <= 0x7fffffff) return number.value & 0xff;
  const truth = parseBool(value);
  if ("value" in truth) return truth.value ? 0 : 1;
  throw new HandlerError("FAILED", "exit handler value should be integer");
}
