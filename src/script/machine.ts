// Executes the instructions of a Script.

import { appendFileSync, writeFileSync } from "node:fs";
import { parseBool } from "../lang/args/numbers.js";
import type { Timestamp } from "../lang/args/spec.js";
import { bytesOf, unquote } from "../lang/args/text.js";
import { parseTimestamp } from "../lang/args/time.js";
import { expandVariables, type VariableForm } from "../lang/expand.js";
import type { Element } from "../router/element.js";
import { ErrorContext } from "../router/errors.js";
import { HandlerError } from "../router/handler.js";
import { HandlerCall } from "../router/handler-call.js";
import { systemError } from "../router/system-error.js";
import type { Timer } from "../router/timer.js";
import { type Ending, type Instruction, RESULT } from "./program.js";
import { ScriptVariables } from "./variables.js";
import { failed } from "./words.js";

/** Jumps after which a script that does not wait is given up. */
const MAX_JUMPS = 1000;
const EINVAL = -22;
/** Characters that a text may have once its variables are replaced. */
const LONGEST_TEXT = 2 ** 24;

/** Who takes a step: a handler, the router that was asked to stop, the timer, or a jump to an instruction. */
export type StepType = "normal" | "router" | "timer" | "jump";

/** What a script is while it runs: the place it has come to, and its variables. */
export class ScriptMachine {
  readonly #element: Element;
  readonly #timer: Timer;
  #instructions: readonly Instruction[] = [];
  readonly variables: ScriptVariables;
  /** Of each `wait_step`: how many of its steps have been taken. */
  #taken: number[] = [];
  #initial = false;
  #place = 0;
  #steps = 0;
  /** While steps are being taken: further ones asked for by what they call. */
  #further: { steps: number } | null = null;

  constructor(element: Element, timer: Timer) {
    this.#element = element;
    this.#timer = timer;
    this.variables = new ScriptVariables(element.router.signals.pid);
  }

  load(instructions: readonly Instruction[]): void {
    this.#instructions = instructions;
    this.#taken = instructions.map(() => 0);
    for (const i of instructions) {
      const assigns = ["set", "init", "export", "return"].includes(i.operation);
      if (assigns) this.variables.declare(i.name);
    }
  }

  /** Gives `init` and `export` variables their values; `active` scripts are made to start. */
  begin(active: boolean, driver: boolean, errors: ErrorContext): void {
    for (const i of this.#instructions)
      if (i.operation === "init" || i.operation === "export")
        this.variables.set(i.name, this.#value(i, errors));
    const first = this.#instructions[0];
    if (!active) return;
    if (first.operation === "wait_time") this.#schedule(first, errors);
    else if (first.operation === "initial") {
      // A driver's script starts when the router asks what it is to do.
      if (driver) this.#element.graph.runcount--;
      else this.#timer.scheduleAfter(0);
      this.#initial = true;
    }
  }

  /** Goes to instruction `place`, where waits start anew. */
  jump(place: number): void {
    for (let i = place; i < this.#taken.length; i++) this.#taken[i] = 0;
    this.#place = place;
  }

  restart(): void {
    this.#place = 0;
  }

  /** Takes `steps` steps; inside a step that runs already they are added to those it takes. */
  take(steps: number, type: StepType, errors: ErrorContext): void {
    if (this.#further !== null) {
      if (type === "normal" || type === "router") this.#further.steps += steps;
      return;
    }
    const further = { steps };
    this.#further = further;
    let kind = type;
    let jumps = 0;
    try {
      while (further.steps >= 0) {
        const next = further.steps;
        further.steps = -1;
        jumps = this.#run(next, kind, jumps, errors);
        kind = "normal";
      }
    } catch (e) {
      // Nothing that a script does may end the router.
      errors.error(e instanceof Error ? e.message : String(e));
      this.#place = this.#instructions.length;
    } finally {
      this.#further = null;
    }
  }

  /** How the script ended, or null while it waits or once it was given up. */
  get ending(): Ending | "return" | null {
    const at = this.#instructions[this.#place];
    if (at === undefined) return null;
    if (at.operation === "goto") return typeof at.target === "string" ? at.target : null;
    const { operation } = at;
    const ends = ["end", "exit", "stop", "error", "errorq", "return"];
    return ends.includes(operation) ? (operation as Ending | "return") : null;
  }

  get result(): string {
    return this.ending === "return" ? (this.variables.value(RESULT) ?? "") : "";
  }

  #run(count: number, type: StepType, jumpsSoFar: number, errors: ErrorContext): number {
    const until = this.#steps + count;
    let jumps = jumpsSoFar;
    waiting: while (until >= this.#steps && this.#place < this.#instructions.length && jumps < MAX_JUMPS) {
      const place = this.#place++;
      const i = this.#instructions[place];
      switch (i.operation) {
        case "initial":
          if (this.#initial) this.#steps++;
          this.#initial = false;
          break;
        case "stop":
          this.#steps++;
          this.#place = place;
          if (type !== "router") this.#element.router.stop();
          return jumps + 1;
        case "wait_step": {
          const taken = Math.min(until - this.#steps, i.count - this.#taken[place]);
          this.#taken[place] += taken;
          this.#steps += taken;
          if (this.#taken[place] < i.count) {
            this.#place = place;
            break waiting;
          }
          break;
        }
        case "wait_time":
          if (this.#steps === until) {
            if (this.#schedule(i, errors)) this.#place = place;
            break waiting;
          }
          this.#steps++;
          this.#timer.unschedule();
          break;
        case "print":
          this.#print(i, errors);
          break;
        case "read":
          this.#read(i, errors);
          break;
        case "write":
          this.#write(i, errors);
          break;
        case "set":
        case "return":
          this.variables.set(i.name, this.#value(i, errors));
          if (i.operation === "return" && this.#place === place + 1) {
            this.#place = place;
            break waiting;
          }
          break;
        case "goto": {
          if (!this.#condition(i, errors)) break;
          if (typeof i.target === "string") return this.#finish(place, i.target, type, jumps);
          for (let k = i.target; k < place; k++) this.#taken[k] = 0;
          this.#place = i.target;
          break;
        }
        case "error":
        case "errorq": {
          const message = this.#value(i, errors);
          if (message !== "") errors.error(message);
          this.#place = place;
          return jumps + 1;
        }
        case "end":
        case "exit":
          this.#place = place;
          return jumps + 1;
      }
      if (this.#place !== place + 1) jumps++;
    }
    if (jumps >= MAX_JUMPS) {
      this.#element.router.log(`${this.#element.name}: too many jumps, giving up`);
      this.#place = this.#instructions.length;
      this.#timer.unschedule();
    }
    if (type === "router") this.#element.graph.runcount++;
    return jumps + 1;
  }

  /** Ends at `place`, a goto. */
  #finish(place: number, how: Ending, type: StepType, jumps: number): number {
    this.#place = place;
    if (how === "stop" && type !== "router") this.#element.router.stop();
    return jumps + 1;
  }

  #schedule(i: Instruction, errors: ErrorContext): boolean {
    const parsed = parseTimestamp(this.#expand(i.text, errors));
    if ("error" in parsed) {
      errors.error("syntax error at 'wait'");
      return false;
    }
    this.#timer.scheduleAfter(Math.max(0, nanoseconds(parsed.value)));
    return true;
  }

  #condition(i: Instruction, errors: ErrorContext): boolean {
    const text = this.#expand(i.text, errors);
    if (text === "") return true;
    const parsed = parseBool(text);
    if ("value" in parsed) return parsed.value;
    errors.error(`bad condition '${text}'`);
    return false;
  }

  #print(i: Instruction, errors: ErrorContext): void {
    const before = errors.errors;
    let text = "";
    if (/^[A-Za-z@_]/.test(i.text))
      text = this.#call(this.#expand(i.text, errors), "read", i.unquote, errors, (call) => call.read()) ?? "";
    else text = unquote(expandVariables(i.text, { expand: this.#expander(errors) }, true));
    if (errors.errors === before && i.count > 0 && !text.endsWith("\n")) text += "\n";
    if (i.file === "") this.#element.router.print(text);
    else {
      try {
        (i.append ? appendFileSync : writeFileSync)(i.file, bytesOf(text));
      } catch (e) {
        errors.error(`${i.file}: ${systemError(e)}`);
        this.#element.router.options.unwritten?.(e);
      }
    }
  }

  #read(i: Instruction, errors: ErrorContext): void {
    this.#call(this.#expand(i.text, errors), "read", i.unquote, errors, (call) => {
      for (const line of `${call.name}:\n${call.read()}`.split("\n")) this.#element.router.log(line);
    });
  }

  #write(i: Instruction, errors: ErrorContext): void {
    const { router, declaration } = this.#element;
    this.#call(this.#expand(i.text, errors), "write", i.unquote, errors, (call) => {
      // As in Click, what a handler does later (hotconfig) can only be logged.
      call.write()?.catch((e: Error) => {
        const later = new ErrorContext(`While executing '${declaration}':`, (line) => router.log(line));
        later.within(`While calling '${call}':`).error(e.message);
      });
      this.variables.status = 0;
    });
  }

  /** Finds the handler that `text` names and lets `use` call it; null when that fails, which is reported. */
  #call<T>(
    text: string,
    access: "read" | "write",
    unquoted: boolean,
    errors: ErrorContext,
    use: (call: HandlerCall) => T,
  ): T | null {
    let call: HandlerCall | null = null;
    try {
      call = HandlerCall.parse(this.#element.router, text, {
        from: this.#element,
        access,
        unquote: unquoted,
      });
      return use(call);
    } catch (e) {
      const message = e instanceof Error ? e.message : String(e);
      (call === null ? errors : errors.within(`While calling '${call}':`)).error(message);
      if (call !== null && access === "write")
        this.variables.status = e instanceof HandlerError ? e.status : EINVAL;
      return null;
    }
  }

  /** The text of `i` with variables replaced, and unquoted where it asks for that. */
  #value(i: Instruction, errors: ErrorContext): string {
    const text = this.#expand(i.text, errors);
    return i.unquote ? unquote(text) : text;
  }

  #expand(text: string, errors: ErrorContext): string {
    const expanded = expandVariables(text, { expand: this.#expander(errors) });
    if (expanded.length > LONGEST_TEXT) throw failed("text becomes too long");
    return expanded;
  }

  #expander(errors: ErrorContext): (name: string, form: VariableForm) => string | null {
    return (name, form) => {
      if (form !== "(") return this.variables.value(name);
      // What is no handler stays as it is written; one that fails has no value.
      let otherwise: string | null = null;
      try {
        const { router } = this.#element;
        const call = HandlerCall.parse(router, name, { from: this.#element, access: "read" });
        otherwise = "";
        return call.read();
      } catch (e) {
        errors.error(e instanceof Error ? e.message : String(e));
        return otherwise;
      }
    };
  }
}

function nanoseconds(t: Timestamp): number {
  return t.seconds * 1e9 + t.nanoseconds;
}
