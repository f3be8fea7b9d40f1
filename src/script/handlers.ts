// The handlers of Script: their contract, and those that need more than their text.

import { readFileSync } from "node:fs";
import { parseInteger } from "../lang/args/numbers.js";
import { parseFilename } from "../lang/args/strings.js";
import { quote, shiftSpaces, splitSpaces } from "../lang/args/text.js";
import { wallTime } from "../router/clock.js";
import type { Element } from "../router/element.js";
import { formatTime } from "../router/format.js";
import type { HandlerCode } from "../router/handler.js";
import { HandlerCall } from "../router/handler-call.js";
import type { HandlerSpec } from "../router/spec.js";
import { systemError } from "../router/system-error.js";
import { FUNCTION_DOCS } from "./functions.js";
import type { ScriptVariables } from "./variables.js";
import { failed } from "./words.js";

const CALLED = { read: true, params: true } as const;

/** The contract, in the order in which Click adds the handlers. */
export const SCRIPT_HANDLERS: Readonly<Record<string, HandlerSpec>> = {
  step: { write: true, doc: "takes COUNT steps (default 1) past waits" },
  goto: { write: true, doc: "goes to a label and runs from there" },
  run: { ...CALLED, write: true, doc: "runs the script from its start; reading gives what it returns" },
  ...Object.fromEntries(Object.entries(FUNCTION_DOCS).map(([name, doc]) => [name, { ...CALLED, doc }])),
  random: { ...CALLED, doc: "a random number below N, or from N1 to N2, or below 2^31" },
  now: { read: true, doc: "the wall-clock time in seconds" },
  readable: { ...CALLED, doc: "whether all named handlers can be read" },
  writable: { ...CALLED, doc: "whether all named handlers can be written" },
  cat: { ...CALLED, private: true, doc: "the content of a file" },
  catq: { ...CALLED, private: true, doc: "the content of a file, quoted" },
  kill: { ...CALLED, private: true, doc: "sends a signal (name or number) to processes" },
  get: { ...CALLED, doc: "the value of a variable" },
  set: { write: true, doc: "gives a variable a value" },
  shift: { ...CALLED, doc: "takes the first word off a variable (default args) and gives it" },
};

/** Click's RAND_MAX, plus one. */
const RANDOM_RANGE = 2 ** 31;

/** The code of the handlers that are more than functions. */
export function systemHandlers(element: Element, variables: ScriptVariables): Record<string, HandlerCode> {
  const { router } = element;
  const all =
    (access: "read" | "write") =>
    (text: string): boolean =>
      splitSpaces(text).every((name) => {
        try {
          HandlerCall.parse(router, name, { from: element, access });
          return true;
        } catch {
          return false;
        }
      });
  const variable = (text: string, fallback: string): string => {
    const [name = fallback, ...rest] = splitSpaces(text);
    if (name === "") throw failed("no variable");
    if (rest.length > 0) throw failed("too many arguments");
    return name;
  };
  return {
    random: { read: (text) => random(element, text) },
    now: { read: () => formatTime(wallTime(router.clock, router.clock.now())) },
    readable: { read: all("read") },
    writable: { read: all("write") },
    cat: { read: content },
    catq: { read: (text) => quote(content(text)) },
    kill: { read: (text) => kill(element, text) },
    get: { read: (text) => variables.get(variable(text, "")) },
    set: {
      write: (text) => {
        const [name, value] = shiftSpaces(text);
        if (name === "") throw failed("no variable");
        variables.set(name, value);
      },
    },
    shift: { read: (text) => variables.shift(variable(text, "args")) },
  };
}

function random(element: Element, text: string): number {
  const numbers = splitSpaces(text).map((word) => parseInteger(word, false));
  const [n1, n2] = numbers.map((n) => ("error" in n || n.value > 0xffffffff ? Number.NaN : n.value));
  if (n1 === undefined) return element.router.random.below(RANDOM_RANGE);
  if (numbers.length > 2) throw failed("too many arguments");
  if (Number.isNaN(n1)) throw failed("N1: invalid number");
  if (Number.isNaN(n2)) throw failed("N2: invalid number");
  if (n2 === undefined ? n1 === 0 : n2 < n1) throw failed("bad N");
  return n2 === undefined ? element.router.random.below(n1) : n1 + element.router.random.below(n2 - n1 + 1);
}

function content(text: string): string {
  const file = parseFilename(text, undefined);
  if ("error" in file) throw failed("bad FILE");
  try {
    return readFileSync(file.value, "latin1");
  } catch (e) {
    throw failed(`${file.value}: ${systemError(e)}`);
  }
}

function kill(element: Element, text: string): string {
  const { signals } = element.router;
  const [name = "", ...processes] = splitSpaces(text);
  const signo = /^\d+$/.test(name) ? Number(name) : signals.number(name);
  if (signo === undefined || signo > 32) throw failed("bad SIGNO");
  for (const word of processes) {
    const pid = parseInteger(word);
    if ("error" in pid || Math.abs(pid.value) > 0x7fffffff) throw failed("bad PID");
    try {
      signals.send(pid.value, signo);
    } catch (e) {
      throw failed(`kill(${pid.value}, ${signo}): ${systemError(e)}`);
    }
  }
  return "";
}
