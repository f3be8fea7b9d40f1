// Reads the instructions of a Script.

import { parseInteger } from "../lang/args/numbers.js";
import { shiftSpaces } from "../lang/args/text.js";

/** How execution of a script can end; each is also the name of a label. */
export type Ending = "end" | "exit" | "stop" | "error" | "errorq";

export type Operation =
  | Ending
  /** What makes a script that does not begin with a wait start by itself. */
  | "initial"
  | "wait_step"
  | "wait_time"
  | "print"
  | "read"
  | "write"
  | "set"
  | "init"
  | "export"
  | "label"
  | "goto"
  | "return";

export interface Instruction {
  readonly operation: Operation;
  /** Its text, variables not yet replaced. */
  readonly text: string;
  /** Remove a level of quotes: the forms whose names end in `q`. */
  readonly unquote: boolean;
  /** `set`, `init`, `export`, `return`: the variable. `label`: its name. */
  readonly name: string;
  /** `wait_step`: steps it waits for. `print`: 1 when a newline is added. */
  readonly count: number;
  /** `print`: where to; empty = the router's output. */
  readonly file: string;
  readonly append: boolean;
  /** `goto`: a place among the instructions, or how to end. */
  readonly target: number | Ending;
}

/** The instructions, and Click's words for what is wrong. */
export interface Program {
  readonly instructions: readonly Instruction[];
  readonly errors: readonly string[];
}

const ENDINGS: readonly string[] = ["end", "exit", "stop", "error", "errorq"];

/** The variable that holds what `return` returns. */
export const RESULT = "_";

function instruction(operation: Operation, parts: Partial<Instruction> = {}): Instruction {
  return {
    operation,
    text: "",
    unquote: false,
    name: "",
    count: 0,
    file: "",
    append: false,
    target: 0,
    ...parts,
  };
}

/** The place of `label`: of an instruction, or a way to end; undefined where there is none. */
export function findLabel(instructions: readonly Instruction[], label: string): number | Ending | undefined {
  const at = instructions.findIndex((i) => i.operation === "label" && i.name === label);
  if (at >= 0) return at;
  if (ENDINGS.includes(label)) return label as Ending;
  return label === "begin" || label === "loop" ? 0 : undefined;
}

/** Reads `args`, an instruction each. `driver`: the script decides when the router stops. */
export function readProgram(args: readonly string[], driver: boolean): Program {
  const instructions: Instruction[] = [];
  const errors: string[] = [];
  for (const arg of args) {
    const [word, text] = shiftSpaces(arg);
    if (word === "") continue;
    const read = readInstruction(word, text);
    if (read === null) {
      errors.push(`syntax error at '${word}'`);
      continue;
    }
    // A script begins by waiting, be it for the router to run.
    if (instructions.length === 0 && read.operation !== "wait_step" && read.operation !== "wait_time")
      instructions.push(instruction("initial"));
    instructions.push(read);
  }
  if (instructions.length === 0)
    instructions.push(instruction(driver ? "wait_step" : "initial", { count: 1 }));
  const targets = instructions.map((i) => {
    if (i.operation !== "goto") return i;
    const [label, condition] = shiftSpaces(i.text);
    const target = label === "" ? 0 : findLabel(instructions, label);
    if (target === undefined) errors.push(`no such label '${label}'`);
    return { ...i, text: condition, target: target ?? 0 };
  });
  targets.push(instruction(driver ? "stop" : "end"));
  return { instructions: targets, errors };
}

/** `word`'s instruction; null where its text does not suit it. */
function readInstruction(word: string, text: string): Instruction | null {
  const unquote = word.endsWith("q");
  switch (word) {
    case "pause":
    case "wait_step":
    case "wait_stop":
      return waitStep(text);
    case "wait":
      return text === "" ? waitStep(text) : instruction("wait_time", { text });
    case "wait_time":
    case "wait_for":
      return instruction("wait_time", { text });
    case "print":
    case "printq":
    case "printn":
    case "printnq":
      return print(text, word.startsWith("printn") ? 0 : 1, unquote);
    case "save":
    case "append": {
      const [handler, file] = shiftSpaces(text);
      const where = file === "" || file === "-" ? "" : file;
      return instruction("print", { text: handler, count: 1, file: where, append: word === "append" });
    }
    case "read":
    case "readq":
      return instruction("read", { text, unquote });
    case "write":
    case "writeq":
      return instruction("write", { text, unquote });
    case "goto":
      return instruction("goto", { text });
    case "loop":
      return text === "" ? instruction("goto") : null;
    case "return":
    case "returnq":
      return instruction("return", { text, unquote, name: RESULT });
    case "set":
    case "setq":
    case "init":
    case "initq":
    case "export":
    case "exportq": {
      const [name, value] = shiftSpaces(text);
      const operation = (unquote ? word.slice(0, -1) : word) as "set" | "init" | "export";
      if (name === "" || (operation === "set" && value === "")) return null;
      return instruction(operation, { name, text: value, unquote });
    }
    case "label": {
      const [name, rest] = shiftSpaces(text);
      return name === "" || rest !== "" ? null : instruction("label", { name });
    }
    case "error":
    case "errorq":
      return instruction(word, { text, unquote });
    case "end":
    case "exit":
    case "stop":
      return text === "" ? instruction(word) : null;
    default:
      return null;
  }
}

function waitStep(text: string): Instruction | null {
  if (text === "") return instruction("wait_step", { count: 1 });
  const parsed = parseInteger(text, false);
  if ("error" in parsed || parsed.value > 0xffffffff) return null;
  return instruction("wait_step", { count: parsed.value });
}

/** `[>FILE | >>FILE] TEXT`. */
function print(text: string, count: number, unquote: boolean): Instruction {
  const arrows = /^>>?/.exec(text)?.[0].length ?? 0;
  if (arrows === 0) return instruction("print", { text, count, unquote });
  const [file, rest] = shiftSpaces(text.slice(arrows));
  const where = file === "-" ? "" : file;
  return instruction("print", { text: rest, count, unquote, file: where, append: arrows === 2 });
}
