// Where a command gets its configuration: a file, standard input, or an expression on the command line.

import { readFileSync } from "node:fs";
import { readArchive } from "../lang/archive.js";
import { systemError } from "../router/system-error.js";
import { CommandError, UsageError } from "./command.js";
import type { OptionSpec } from "./options.js";
import { shownWord } from "./own-words.js";

/** The options by which every command that takes a configuration is told where it is. */
export const INPUT_OPTIONS: readonly OptionSpec[] = [
  {
    long: "file",
    short: "f",
    value: "yes",
    valueName: "FILE",
    doc: "read the configuration from FILE ('-': standard input)",
  },
  { long: "expression", short: "e", value: "yes", valueName: "EXPR", doc: "use EXPR as the configuration" },
  {
    long: "clickpath",
    short: "C",
    value: "yes",
    valueName: "PATH",
    doc: "folders with libraries, parted by ':'",
  },
];

export interface Input {
  /** The configuration's text, a byte a character. */
  readonly text: string;
  /** Its name in landmarks. */
  readonly file: string;
}

/** `VAR=VALUE` on the command line. */
export function variable(word: string): [string, string] | null {
  const match = /^([A-Za-z_]\w*)=([\s\S]*)$/.exec(word);
  return match === null ? null : [match[1], match[2]];
}

/** Reads the configuration: `expression` if given, else `file` (`-` or null: standard input). */
export function readInput(file: string | null, expression: string | null): Input {
  if (expression !== null) {
    if (file !== null) throw new UsageError("router configuration specified twice");
    return { text: Buffer.from(expression, "utf8").toString("latin1"), file: "config" };
  }
  const standard = file === null || file === "-";
  const name = standard ? "<stdin>" : file;
  let bytes: Buffer;
  try {
    bytes = readFileSync(standard ? 0 : file);
  } catch (e) {
    throw new CommandError(`${shownWord(name)}: ${systemError(e)}`);
  }
  let archive: Map<string, Uint8Array> | null;
  try {
    archive = readArchive(bytes);
  } catch (e) {
    throw new CommandError(`${name}: ${(e as Error).message}`);
  }
  if (archive === null) return { text: bytes.toString("latin1"), file: name };
  const config = archive.get("config");
  if (config === undefined) throw new CommandError(`${name}: archive has no 'config' section`);
  return { text: Buffer.from(config).toString("latin1"), file: name };
}
