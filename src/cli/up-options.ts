// The command line of `sluice up`.

import { ISOLATIONS, type Isolation } from "../vnf/descriptor/model.js";
import { UsageError } from "./command.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords } from "./running.js";
import { positive } from "./top.js";

const OPTIONS: readonly OptionSpec[] = [
  {
    long: "isolation",
    value: "yes",
    valueName: "KIND",
    doc: "inline, thread or process, for every function",
  },
  { long: "simtime", doc: "simulated time: no waiting, the same every time" },
  { long: "seed", value: "yes", valueName: "N", doc: "with --simtime: another seed than the descriptor's" },
  { long: "seconds", value: "yes", valueName: "N", doc: "how long to run (until Ctrl-C; with --simtime 60)" },
  { long: "top", doc: "show what the functions do, as 'sluice top'" },
  { long: "logs", doc: "print also the lines that elements write" },
  { long: "detach", short: "d", doc: "return as soon as it runs; 'sluice down' ends it" },
  { long: "api", value: "yes", valueName: "PORT", doc: "TCP port of the API on the loopback address (any)" },
  {
    long: "clickpath",
    short: "C",
    value: "yes",
    valueName: "PATH",
    doc: "folders with libraries, parted by ':'",
  },
  {
    long: "state",
    value: "yes",
    valueName: "FOLDER",
    doc: "where services are known (default: SLUICE_STATE, else the user's runtime folder)",
  },
  { long: "help", doc: "print this and exit" },
];

export const USAGE = "sluice up [OPTION]... FILE";

export const HELP = `Usage: ${USAGE}

Brings up the service that the descriptor in FILE (YAML) describes: lays its links, starts
its functions, watches them and starts them again when they fail, until Ctrl-C or
'sluice down'. The commands ps, top, logs, handler, operate, trace, apply and down work on it;
they use its HTTP API, whose address and token lie in the service's folder under --state.

Options:
${optionHelp(OPTIONS)}
`;

export interface UpSettings {
  readonly file: string;
  /** Null: as the descriptor says. */
  readonly isolation: Isolation | null;
  readonly simtime: boolean;
  readonly seed: number | null;
  /** Null: until it is interrupted. */
  readonly seconds: number | null;
  readonly top: boolean;
  readonly logs: boolean;
  readonly detach: boolean;
  readonly api: number;
  readonly clickpath: string;
  readonly state: string | undefined;
}

export function settings(words: readonly string[]): UpSettings {
  const { words: plain, options } = parseWords(words, OPTIONS, "a descriptor", 1, 1);
  const isolation = options.get("isolation") ?? null;
  if (isolation !== null && !Object.hasOwn(ISOLATIONS, isolation))
    throw new UsageError(`--isolation is ${Object.keys(ISOLATIONS).join(", ")}, not ‘${isolation}’`);
  const simtime = options.has("simtime");
  if (simtime && options.has("detach")) throw new UsageError("--simtime does not go with --detach");
  if (!simtime && options.has("seed")) throw new UsageError("--seed goes with --simtime");
  const whole = (name: string, most: number): number | null => {
    const text = options.get(name);
    if (text === undefined) return null;
    if (!/^\d+$/.test(text) || Number(text) > most)
      throw new UsageError(`--${name} needs a whole number up to ${most}, not ‘${text}’`);
    return Number(text);
  };
  const seconds = options.has("seconds") ? positive(options.get("seconds")!, "--seconds") : null;
  return {
    file: plain[0],
    isolation: isolation as Isolation | null,
    simtime,
    seed: whole("seed", 2 ** 32 - 1),
    seconds: seconds ?? (simtime ? 60 : null),
    top: options.has("top"),
    logs: options.has("logs"),
    detach: options.has("detach"),
    api: whole("api", 65535) ?? 0,
    clickpath: options.get("clickpath") ?? "",
    state: options.get("state"),
  };
}
