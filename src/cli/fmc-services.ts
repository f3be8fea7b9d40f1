// sluice fmc services: the services of a Follow-Me Cloud, their virtual machines, and where these are.

import { columns } from "./columns.js";
import type { Command } from "./command.js";
import { CONTROLLER_OPTIONS, controllerOf } from "./fmc-controller.js";
import { type WhereView, whereWords } from "./fmc-users.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [{ long: "json", doc: "print JSON" }, ...CONTROLLER_OPTIONS];

const USAGE = "sluice fmc services [OPTION]...";

const HELP = `Usage: ${USAGE}

Lists the services with their virtual machines: the data centre where the controller has
each, the network that has registered its first EID, with the locators and since when, and
whether it is pinned.

Options:
${optionHelp(OPTIONS)}
`;

interface ServiceEntry {
  readonly name: string;
  readonly policy: string | null;
}

interface VmEntry {
  readonly name: string;
  readonly service: string;
  readonly dc: string;
  readonly pinned: boolean;
}

interface VmPlace {
  readonly name: string;
  readonly eids: readonly { readonly eid: string; readonly where: WhereView | null }[];
}

async function run(words: readonly string[]): Promise<number> {
  const { options } = parseWords(words, OPTIONS, "options only", 0, 0);
  const controller = await controllerOf(options);
  const services = await controller.objects<ServiceEntry>("FMCCatalogue", "entries_json", "service");
  const vms = await controller.objects<VmEntry>("FMCCatalogue", "entries_json", "vm");
  const places = new Map(
    (await controller.objects<VmPlace>("FMCMobilityTracker", "vms_json")).map((p) => [p.name, p.eids]),
  );
  const all = services.map((s) => ({
    ...s,
    vms: vms.filter((v) => v.service === s.name).map((v) => ({ ...v, registered: places.get(v.name) ?? [] })),
  }));
  if (options.has("json")) {
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return 0;
  }
  const rows = all.flatMap((s) =>
    s.vms.map((v) => [
      s.name,
      s.policy ?? "-",
      v.name,
      v.dc,
      ...whereWords(v.registered.at(0)?.where ?? null),
      v.pinned ? "pinned" : "-",
    ]),
  );
  const bare = all
    .filter((s) => s.vms.length === 0)
    .map((s) => [s.name, s.policy ?? "-", ...Array(6).fill("-")]);
  const head = ["SERVICE", "POLICY", "VM", "AT", "REGISTERED", "LOCATORS", "SINCE", "PINNED"];
  process.stdout.write(all.length === 0 ? "no services\n" : columns([head, ...rows, ...bare], "<<<<<<><"));
  return 0;
}

export const command: Command = { help: HELP, usage: USAGE, run };
