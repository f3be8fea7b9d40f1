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
  const found: { name: string; view: ServiceView | null; why: string }[] = [];
  for (const name of servicesKnown(state)) {
    const folder = new ServiceFolder(name, state);
    const record = folder.read();
    try {
      const api = new ApiClient(record?.url ?? "", folder.token() ?? "");
      found.push({ name, view: await api.get<ServiceView>("/v1/service"), why: "" });
    } catch (e) {
      if (!(e instanceof ApiError)) throw e;
      found.push({ name, view: null, why: e.message });
    }
  }
  process.stdout.write(options.has("json") ? `${JSON.stringify(found, null, 2)}\n` : table(found));
  return 0;
}

function table(found: readonly { name: string; view: ServiceView | null; why: string }[]): string {
  if (found.length === 0) return "no service runs here\n";
  const rows = [["SERVICE", "FUNCTION", "STATE", "ISOLATION", "PID", "UPTIME", "RESTARTS", "LAST END"]];
  for (const { name, view, why } of found) {
    if (view === null) rows.push([name, "-", "gone", "-", "-", "-", "-", why]);
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
