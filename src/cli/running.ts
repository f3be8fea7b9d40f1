// How commands find the running service that they are about.

import { ApiClient, ApiError } from "../vnf/api/client.js";
import { ServiceFolder, servicesKnown, stateFolder } from "../vnf/state/folder.js";
import { CommandError, UsageError } from "./command.js";
import { placed } from "./complain.js";
import { type OptionSpec, parseOptions } from "./options.js";

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
  if (plain.length > most) throw new UsageError(`‘${plain[most]}’ is one word too many`);
  return { words: plain, options };
}

/** The folder of service `name`, or of the only one there is. Throws CommandError. */
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

/** The API of the running service that `options` name. Throws CommandError. */
export function connect(options: ReadonlyMap<string, string>): ApiClient {
  const folder = serviceFolder(options.get("service"), options);
  const record = folder.read();
  const token = folder.token();
  if (record?.url === "" && folder.manager !== null)
    throw new CommandError(`service '${record.name}' comes up: it cannot be asked yet`);
  if (record === null || token === null)
    throw new CommandError(
      `${folder.path} cannot be read: the service is somebody else's, or 'sluice down' removes what is left`,
    );
  return new ApiClient(record.url, token);
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

/** Ends with Ctrl-C. */
export function interruption(): { readonly signal: AbortSignal; release(): void } {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  process.once("SIGINT", abort);
  process.once("SIGTERM", abort);
  return {
    signal: stop.signal,
    release() {
      process.removeListener("SIGINT", abort);
      process.removeListener("SIGTERM", abort);
    },
  };
}
