// The variables of a Script.

import { shiftSpaces, splitSpaces } from "../lang/args/text.js";
import { failed } from "./words.js";

/** Those that a script sets, and those that tell it how it came to run. */
export class ScriptVariables {
  readonly #values = new Map<string, string>();
  /** `$$`: the number of the process. */
  readonly #pid: number;
  /** `$?`: how the last `write` ended; 0 for well. */
  status = 0;
  /** `$args`, and by word `$1`, `$2`...: what `run` was called with. */
  args = "";
  /** `$0`: the handler that was called. */
  handler = "";
  /** `$write`: it was written. */
  writing = false;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Makes `name` a variable, empty unless it is one already. */
  declare(name: string): void {
    if (!this.#values.has(name)) this.#values.set(name, "");
  }

  /** The value of `$name`; null where there is no such variable. */
  value(name: string): string | null {
    const own = this.#values.get(name);
    if (own !== undefined) return own;
    switch (name) {
      case "?":
        return String(this.status);
      case "args":
        return this.args;
      case "$":
        return String(this.#pid);
      case "0":
        return this.handler;
      case "#":
        return String(splitSpaces(this.args).length);
      case "write":
        return String(this.writing);
      default:
        return /^[1-9]\d{0,5}$/.test(name) ? (splitSpaces(this.args)[Number(name) - 1] ?? "") : null;
    }
  }

  /** The value of a variable that a script has set, or of `args`. Throws HandlerError when there is none. */
  get(name: string): string {
    const value = name === "args" ? this.args : this.#values.get(name);
    if (value === undefined) throw failed(`undefined variable '${name}'`);
    return value;
  }

  set(name: string, value: string): void {
    if (name === "args") this.args = value;
    else this.#values.set(name, value);
  }

  /** Takes the first word off variable `name`. Throws HandlerError when there is none. */
  shift(name: string): string {
    const [word, rest] = shiftSpaces(this.get(name));
    this.set(name, rest);
    return word;
  }
}
