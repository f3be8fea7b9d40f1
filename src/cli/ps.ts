// sluice ps: the services that run, and their functions.

import { ApiClient, ApiError } from "../vnf/api/client.js";
import type { FunctionView, ServiceView } from "../vnf/api/routes.js";
import { ServiceFolder, servicesKnown, stateFolder } from "../vnf/state/folder.js";
import type { Command } from "./command.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords, SERVICE_OPTIONS } from "./running.js";

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
  const found = await Promise.all(
    servicesKnown(state).map((name) => find(new ServiceFolder(name, state), name)),
  );
  process.stdout.write(options.has("json") ? `${JSON.stringify(found, null, 2)}\n` : table(found));
  return 0;
}

interface Found {
  readonly name: string;
  /** Of the service; its functions have their own. `gone`: its manager is. */
  readonly state: "running" | "starting" | "silent" | "gone";
  readonly view: ServiceView | null;
  /** Why there is no more to be said. */
  readonly why: string;
}

async function find(folder: ServiceFolder, name: string): Promise<Found> {
  const record = folder.read();
  if (record === null || record.url === "")
    return { name, state: folder.manager === null ? "gone" : "starting", view: null, why: "" };
  try {
    const view = await new ApiClient(record.url, folder.token() ?? "").get<ServiceView>("/v1/service");
    return { name, state: "running", view, why: "" };
  } catch (e) {
    if (!(e instanceof ApiError)) throw e;
    return { name, state: folder.manager === null ? "gone" : "silent", view: null, why: e.message };
  }
}

function table(found: readonly Found[]): string {
  if (found.length === 0) return "no service runs here\n";
  const rows = [["SERVICE", "FUNCTION", "STATE", "ISOLATION", "PID", "UPTIME", "RESTARTS", "LAST END"]];
  for (const { name, state, view, why } of found) {
    if (view === null) rows.push([name, "-", state, "-", "-", "-", "-", why]);
    for (const f of view?.functions ?? []) rows.push(row(name, f));
  }
  const widths = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
  return rows
    .map(
      (r) =>
        `${r
          .map((cell, i) => cell.padEnd(widths[i]))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

function row(service: string, f: FunctionView): string[] {
  const uptime = f.uptime === null ? "-" : `${f.uptime.toFixed(1)} s`;
  return [
    service,
    f.name,
    f.state,
    f.isolation,
    String(f.pid ?? "-"),
    uptime,
    String(f.restarts),
    f.lastEnd ?? "-",
  ];
}

export const command: Command = { help: HELP, usage: USAGE, run };
