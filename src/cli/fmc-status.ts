// sluice fmc status: the migrations of a Follow-Me Cloud.

import { columns } from "./columns.js";
import { type Command, CommandError } from "./command.js";
import { CONTROLLER_OPTIONS, type Controller, controllerOf } from "./fmc-controller.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [{ long: "json", doc: "print JSON" }, ...CONTROLLER_OPTIONS];

const USAGE = "sluice fmc status [OPTION]...";

const HELP = `Usage: ${USAGE}

Lists the migrations that go on and the last that have ended: number, virtual machine, from
where to where, how packets are redirected (arm), state, how long ago it began, how long it
took so far, bytes of memory sent, and why.

Options:
${optionHelp(OPTIONS)}
`;

/** What FMCMigration says of a migration; `at`: milliseconds since 1970. */
export interface MigrationView {
  readonly number: number;
  readonly vm: string;
  readonly from: string;
  readonly to: string;
  readonly arm: string;
  readonly state: string;
  readonly reason: string;
  /** null: nobody has decided it, it was asked for by hand. */
  readonly decision: number | null;
  readonly bytes: number;
  readonly history: readonly {
    readonly at: number;
    readonly state: string;
    readonly from: string;
    readonly item: string;
    readonly what: string;
  }[];
}

const ENDED: readonly string[] = ["settled", "cancelled", "failed"];

/** Whether it goes on no more. */
export function ended({ state }: MigrationView): boolean {
  return ENDED.includes(state);
}

/** The migrations that are kept, from `number` on, the first first. */
export function migrationsOf(controller: Controller, number = 1): Promise<MigrationView[]> {
  return controller.objects<MigrationView>("FMCMigration", "status_json", String(number));
}

async function run(words: readonly string[]): Promise<number> {
  const { options } = parseWords(words, OPTIONS, "options only", 0, 0);
  const controller = await controllerOf(options);
  const migrations = await migrationsOf(controller);
  const acting = (await controller.read("FMCMigration", "acting")).trim() === "true";
  if (options.has("json")) {
    process.stdout.write(`${JSON.stringify({ controller: controller.name, acting, migrations }, null, 2)}\n`);
    return 0;
  }
  const elsewhere = acting ? "" : `${controller.name} waits: another controller acts\n`;
  process.stdout.write(`${elsewhere}${migrations.length === 0 ? "no migrations\n" : statusText(migrations)}`);
  return 0;
}

function statusText(migrations: readonly MigrationView[]): string {
  const now = Date.now();
  const rows = migrations.map((m) => {
    const first = m.history.at(0)?.at ?? now;
    const took = ((ended(m) ? (m.history.at(-1)?.at ?? now) : now) - first) / 1000;
    const began = `${((now - first) / 1000).toFixed(0)} s ago`;
    const words = [
      m.vm,
      m.from,
      m.to,
      m.arm,
      m.state,
      began,
      `${took.toFixed(1)} s`,
      m.bytes === 0 ? "-" : String(m.bytes),
    ];
    return [String(m.number), ...words, m.reason];
  });
  const head = ["N", "VM", "FROM", "TO", "ARM", "STATE", "BEGAN", "TOOK", "BYTES", "WHY"];
  return columns([head, ...rows], "><<<<<>>><");
}

/** A line for each step of a migration, seconds since its first. */
export function historyText({ history }: MigrationView): string {
  const first = history.at(0)?.at ?? 0;
  const rows = history.map((h) => [
    ((h.at - first) / 1000).toFixed(3),
    h.state,
    h.from,
    h.item === "" ? "-" : h.item,
    h.what,
  ]);
  return rows.length === 0 ? "" : columns(rows, ">");
}

/** Throws CommandError where no such migration is kept. */
export async function migrationOf(controller: Controller, number: number): Promise<MigrationView> {
  const found = (await migrationsOf(controller, number)).find((m) => m.number === number);
  if (found === undefined) throw new CommandError(`migration ${number} is not kept (any more)`);
  return found;
}

export const command: Command = { help: HELP, usage: USAGE, run };
