// sluice ps: the services that run, and their functions.

import { NotOwnError } from "../system/own-files.js";
import { processRuns } from "../system/processes.js";
import { ApiClient, ApiError } from "../vnf/api/client.js";
import type { FunctionView, ServiceView } from "../vnf/api/routes.js";
import { ServiceFolder, StateError, servicesKnown, stateFolder } from "../vnf/state/folder.js";
import { columns } from "./columns.js";
import type { Command } from "./command.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords, SERVICE_OPTIONS } from "./running.js";
import { placeText } from "./top-view.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "json", doc: "print JSON" },
  ...SERVICE_OPTIONS.filter((o) => o.long === "state"),
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice ps [OPTION]...";

const HELP = `Usage: ${USAGE}

Lists the services that run, and the state of their functions. A service whose manager was
killed is shown too: 'sluice down NAME' removes what it left.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const { options } = parseWords(words, OPTIONS, "no words", 0, 0);
  const state = options.get("state") ?? stateFolder();
  const found = await Promise.all(servicesKnown(state).map((name) => find(new ServiceFolder(name, state))));
  process.stdout.write(options.has("json") ? `${JSON.stringify(found, null, 2)}\n` : table(found));
  return 0;
}

interface Found {
  readonly name: string;
  /**
   * Of the service; its functions have their own. `gone`: its manager is; `refused`: its folder could be somebody else's.
   */
  readonly state: "running" | "starting" | "silent" | "gone" | "refused";
  readonly view: ServiceView | null;
  /** Why there is no more to be said. */
  readonly why: string;
}

async function find(folder: ServiceFolder): Promise<Found> {
  const { name } = folder;
  const without = (state: Found["state"], why: string): Found => ({ name, state, view: null, why });
  try {
    const record = folder.read();
    if (record === null || !processRuns(record)) return without("gone", "its manager does not run");
    const token = folder.token();
    if (record.url === "" || token === null) return without("starting", "");
    const view = await new ApiClient(record.url, token).get<ServiceView>("/v1/service");
    return { name, state: "running", view, why: "" };
  } catch (e) {
    if (e instanceof StateError || e instanceof NotOwnError) return without("refused", e.message);
    if (!(e instanceof ApiError)) throw e;
    return without("silent", e.message);
  }
}

function table(found: readonly Found[]): string {
  if (found.length === 0) return "no service runs here\n";
  const rows = [["SERVICE", "FUNCTION", "STATE", "ISOLATION", "PID", "UPTIME", "RESTARTS", "LAST END"]];
  for (const { name, state, view, why } of found) {
    if (view === null) rows.push([name, "-", state, "-", "-", "-", "-", why]);
    for (const f of view?.functions ?? []) rows.push(row(name, f));
  }
  return columns(rows);
}

function row(service: string, f: FunctionView): string[] {
  const uptime = f.uptime === null ? "-" : `${f.uptime.toFixed(1)} s`;
  return [
    service,
    f.name,
    f.vm === null ? f.state : `${f.state}, ${placeText(f.vm)}`,
    f.isolation,
    String(f.pid ?? "-"),
    uptime,
    String(f.restarts),
    f.lastEnd ?? "-",
  ];
}

export const command: Command = { help: HELP, usage: USAGE, run };
