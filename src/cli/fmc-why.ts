// sluice fmc why: all that is known of a decision, and step by step of the migrations that it led to.

import { type Command, UsageError } from "./command.js";
import { CONTROLLER_OPTIONS, controllerOf } from "./fmc-controller.js";
import { historyText, type MigrationView, migrationOf, migrationsOf } from "./fmc-status.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "migration", doc: "N is the number of a migration" },
  { long: "json", doc: "print JSON" },
  ...CONTROLLER_OPTIONS,
];

const USAGE = "sluice fmc why [OPTION]... [N]";

const HELP = `Usage: ${USAGE}

Tells what decision N, by default the last one, was about, what the policy said, and what
became of it; and of each migration that it led to every step: seconds since it began, its
state, from whom that was heard, what the step is in the paper (F13 to F15), and what it is.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "a number at most", 0, 1);
  const [number = ""] = plain;
  if (number !== "" && !/^[1-9]\d{0,8}$/.test(number)) throw new UsageError(`‘${number}’ is no number`);
  if (options.has("migration") && number === "") throw new UsageError("the number of a migration is missing");
  const controller = await controllerOf(options);
  if (options.has("migration")) {
    print(options, null, [await migrationOf(controller, Number(number))]);
    return 0;
  }
  const decision = await controller.read("FMCDecision", "why", number);
  // Without a number it is the last one's, which its first line says.
  const about = number === "" ? Number(/^decision (\d+)/.exec(decision)?.[1] ?? 0) : Number(number);
  print(
    options,
    decision,
    (await migrationsOf(controller)).filter((m) => m.decision === about),
  );
  return 0;
}

function print(
  options: ReadonlyMap<string, string>,
  decision: string | null,
  migrations: readonly MigrationView[],
): void {
  if (options.has("json")) {
    process.stdout.write(`${JSON.stringify({ decision, migrations }, null, 2)}\n`);
    return;
  }
  if (decision !== null) process.stdout.write(decision);
  for (const m of migrations) {
    process.stdout.write(
      `\nmigration ${m.number}: ${m.vm} from ${m.from} to ${m.to}, arm ${m.arm}: ${m.state}\n`,
    );
    process.stdout.write(historyText(m));
  }
}

export const command: Command = { help: HELP, usage: USAGE, run };
