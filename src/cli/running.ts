// How commands find the running service that they are about.

import type { Orchestrator } from "../cloud/orchestrator.js";
import { FacilityError } from "../router/facility.js";
import { NotOwnError } from "../system/own-files.js";
import { processRuns } from "../system/processes.js";
import { ApiClient, ApiError } from "../vnf/api/client.js";
import { apiOrchestrator } from "../vnf/api/orchestrator.js";
import { ServiceFolder, StateError, servicesKnown, stateFolder } from "../vnf/state/folder.js";
import { CommandError, UsageError } from "./command.js";
import { placed } from "./complain.js";
import { type OptionSpec, parseOptions } from "./options.js";
import { shownWord } from "./own-words.js";

/** The options of every command that asks a running service. */
export const SERVICE_OPTIONS: readonly OptionSpec[] = [
  {
    long: "service",
    short: "s",
    value: "yes",
    valueName: "NAME",
    doc: "the service (default: the one that runs)",
  },
  {
    long: "state",
    value: "yes",
    valueName: "FOLDER",
    doc: "where services are known (default: SLUICE_STATE, else the user's runtime folder)",
  },
];

export interface Parsed {
  readonly words: readonly string[];
  readonly options: ReadonlyMap<string, string>;
}

/** Splits a command line; `least` to `most` words, called `names` in errors. */
export function parseWords(
  words: readonly string[],
  specs: readonly OptionSpec[],
  names: string,
  least: number,
  most: number,
): Parsed {
  const options = new Map<string, string>();
  const plain: string[] = [];
  for (const { name, value } of parseOptions(words, specs)) {
    if (name === null) plain.push(value);
    else options.set(name, value);
  }
  if (plain.length < least) throw new UsageError(`expected ${names}`);
  if (plain.length > most) throw new UsageError(`‘${shownWord(plain[most])}’ is one word too many`);
  return { words: plain, options };
}

/** The folder of service `name`, or of the only one there is. Throws CommandError, StateError or NotOwnError. */
export function serviceFolder(name: string | undefined, options: ReadonlyMap<string, string>): ServiceFolder {
  const state = options.get("state") ?? stateFolder();
  const known = servicesKnown(state);
  const chosen = name ?? (known.length === 1 ? known[0] : undefined);
  if (chosen === undefined) {
    throw new CommandError(
      known.length === 0
        ? "no service runs here: 'sluice up FILE' starts one"
        : `several services run (${known.join(", ")}): say which`,
    );
  }
  const folder = new ServiceFolder(chosen, state);
  if (!folder.exists)
    throw new CommandError(`there is no service '${chosen}' (there are: ${known.join(", ") || "none"})`);
  return folder;
}

/** The API of the running service that `options` name. Throws CommandError, StateError or NotOwnError. */
export function connect(options: ReadonlyMap<string, string>): ApiClient {
  const folder = serviceFolder(options.get("service"), options);
  const record = folder.read();
  if (record === null) throw new CommandError(`service '${folder.name}' has just ended`);
  if (!processRuns(record))
    throw new CommandError(
      `the manager of service '${record.name}' does not run any more: 'sluice down ${record.name}' removes what it left`,
    );
  const token = folder.token();
  if (record.url === "" || token === null)
    throw new CommandError(`service '${record.name}' comes up: it cannot be asked yet`);
  return new ApiClient(record.url, token);
}

/** The orchestrator of the running service `name`, or, for "", of the only one. Throws FacilityError. */
export function orchestratorOf(name: string): Orchestrator {
  try {
    return apiOrchestrator(connect(name === "" ? new Map() : new Map([["service", name]])));
  } catch (e) {
    if (e instanceof CommandError || e instanceof StateError || e instanceof NotOwnError)
      throw new FacilityError("NO_SUCH_NAME", e.message);
    throw e;
  }
}

/** Runs what talks to the API; what it refuses becomes the command's error. */
export async function asking<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (e) {
    if (!(e instanceof ApiError)) throw e;
    const hint = e.status === 0 ? "\n'sluice down' removes what a killed manager left" : "";
    const text = e.diagnostics.length > 0 ? placed(e.diagnostics).trimEnd() : e.message;
    throw new CommandError(`${text}${hint}`);
  }
}

/** What tells a program to end in order: Ctrl-C, a service manager, a terminal that goes. */
export const ENDINGS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Ends with Ctrl-C. */
export function interruption(): { readonly signal: AbortSignal; release(): void } {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  for (const name of ENDINGS) process.once(name, abort);
  return {
    signal: stop.signal,
    release() {
      for (const name of ENDINGS) process.removeListener(name, abort);
    },
  };
}
