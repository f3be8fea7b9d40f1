// sluice fmc users: the users of a Follow-Me Cloud, and where they are.

import { columns } from "./columns.js";
import type { Command } from "./command.js";
import { CONTROLLER_OPTIONS, controllerOf } from "./fmc-controller.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [{ long: "json", doc: "print JSON" }, ...CONTROLLER_OPTIONS];

const USAGE = "sluice fmc users [OPTION]...";

const HELP = `Usage: ${USAGE}

Lists the users that the controller knows: the network they are in, the locators that they
are registered with, since when, how often they have moved, and the services they use.

Options:
${optionHelp(OPTIONS)}
`;

/** Where an EID is registered; null where that is not known. */
export interface WhereView {
  readonly network: { readonly kind: string; readonly name: string } | null;
  readonly locators: readonly { readonly rloc: string }[];
  readonly seconds: number;
}

interface UserView {
  readonly name: string;
  readonly uses: readonly string[];
  readonly where: WhereView | null;
  readonly moves: number;
}

async function run(words: readonly string[]): Promise<number> {
  const { options } = parseWords(words, OPTIONS, "options only", 0, 0);
  const controller = await controllerOf(options);
  const users = await controller.objects<UserView>("FMCMobilityTracker", "users_json");
  if (options.has("json")) process.stdout.write(`${JSON.stringify(users, null, 2)}\n`);
  else process.stdout.write(users.length === 0 ? "no users\n" : usersText(users));
  return 0;
}

function usersText(users: readonly UserView[]): string {
  const rows = users.map((u) => [u.name, ...whereWords(u.where), String(u.moves), u.uses.join(", ") || "-"]);
  return columns([["USER", "NETWORK", "LOCATORS", "SINCE", "MOVES", "USES"], ...rows], "<<<>><");
}

/** Network, locators and seconds; `-` for what is not known. */
export function whereWords(where: WhereView | null): string[] {
  if (where === null) return ["-", "-", "-"];
  const locators = where.locators.map((l) => l.rloc).join(" ");
  return [where.network?.name ?? "-", locators || "-", `${where.seconds.toFixed(1)} s`];
}

export const command: Command = { help: HELP, usage: USAGE, run };
