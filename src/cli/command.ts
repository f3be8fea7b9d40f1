// What a command of the program is, and how commands fail.

import { SluiceError } from "../sluice-error.js";
import type { Output } from "./output.js";

/** One file a command; `main.ts` finds it by name. */
export interface Command {
  /** The text of `--help`. */
  readonly help: string;
  /** How it is called, for usage errors; by default with options and a router file. */
  readonly usage?: string;
  /** Commands of its own, which the next word may name. */
  readonly commands?: CommandTable;
  /** It goes on when nobody reads what it prints any more. Default: it ends. */
  readonly serves?: boolean;
  /** Runs it with the words after its name; the number is the exit status. */
  run(words: readonly string[], output: Output): Promise<number>;
}

/** Command name -> what it does, in one line. Each is loaded only when it is called. */
export type CommandTable = Readonly<
  Record<string, readonly [() => Promise<{ readonly command: Command }>, string]>
>;

/** The lines of a `--help` text that say which commands there are. */
export function commandList(commands: CommandTable): string {
  return Object.entries(commands)
    .map(([name, [, doc]]) => `  ${name.padEnd(10)} ${doc}`)
    .join("\n");
}

/** Wrong words on the command line; printed with a pointer to `--help`. */
export class UsageError extends SluiceError {
  readonly code = "USAGE";
}

/** A failure that is not the configuration's; printed as it is. */
export class CommandError extends SluiceError {
  readonly code = "COMMAND";
}
