// What a command of the program is, and how commands fail.

/** One file a command; `main.ts` finds it by name. */
export interface Command {
  /** The text of `--help`. */
  readonly help: string;
  /** Runs it with the words after its name; the number is the exit status. */
  run(words: readonly string[]): Promise<number>;
}

/** Wrong words on the command line; printed with a pointer to `--help`. */
export class UsageError extends Error {
  readonly code = "USAGE";
}

/** A failure that is not the configuration's; printed as it is. */
export class CommandError extends Error {
  readonly code = "COMMAND";
}
