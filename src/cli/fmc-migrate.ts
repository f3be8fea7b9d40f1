// sluice fmc migrate: has a Follow-Me Cloud's controller migrate a virtual machine, and waits for the end.

import { type Command, CommandError } from "./command.js";
import { CONTROLLER_OPTIONS, type Controller, controllerOf } from "./fmc-controller.js";
import { ended, type MigrationView, migrationsOf } from "./fmc-status.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { interruption, parseWords } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "arm", value: "yes", valueName: "ARM", doc: "how packets are redirected: a, b, c1, c2, d or e" },
  { long: "why", value: "yes", valueName: "TEXT", doc: "a reason, for whoever asks later" },
  { long: "detach", doc: "do not wait for the end" },
  { long: "json", doc: "print the migration as JSON when it has ended" },
  ...CONTROLLER_OPTIONS,
];

const USAGE = "sluice fmc migrate [OPTION]... VM DC";

const HELP = `Usage: ${USAGE}

Migrates a virtual machine to a data centre, and tells on standard error how it goes. Ctrl-C
leaves the migration going: 'sluice fmc status' shows it.

Exit status 0 when the machine runs there and is registered there; 1 when it is where it was.

Options:
${optionHelp(OPTIONS)}
`;

const ARMS: readonly string[] = ["a", "b", "c1", "c2", "d", "e"];
/** Milliseconds between two looks at a migration. */
const LOOK_MS = 200;

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "a virtual machine and a data centre", 2, 2);
  const [vm, dc] = plain;
  const arm = options.get("arm");
  if (arm !== undefined && !ARMS.includes(arm))
    throw new CommandError(`there is no arm '${arm}': it is one of ${ARMS.join(", ")}`);
  const controller = await controllerOf(options);
  await controller.expect("vm", vm);
  await controller.expect("dc", dc);
  const last = (await migrationsOf(controller)).at(-1)?.number ?? 0;
  const why = options.get("why") ?? "asked for by sluice fmc";
  await controller.write(
    "FMCMigration",
    "migrate",
    [vm, dc, arm ?? "", why].filter((w) => w !== "").join(" "),
  );
  if (options.has("detach")) return 0;
  const migration = await follow(controller, vm, last);
  if (migration === null) {
    process.stderr.write(`sluice: ${vm} goes on migrating: 'sluice fmc status' shows it\n`);
    return 0;
  }
  if (options.has("json")) process.stdout.write(`${JSON.stringify(migration, null, 2)}\n`);
  if (migration.state === "settled") return 0;
  throw new CommandError(`${vm} did not go to ${dc}: ${migration.history.at(-1)?.what ?? migration.state}`);
}

/** Tells of every state of the migration of `vm` that has begun after number `last`; null: Ctrl-C came before its end. */
async function follow(controller: Controller, vm: string, last: number): Promise<MigrationView | null> {
  const { signal, release } = interruption();
  let told = "";
  try {
    while (!signal.aborted) {
      const found = (await migrationsOf(controller, last + 1)).find((m) => m.vm === vm);
      if (found !== undefined && found.state !== told) {
        told = found.state;
        process.stderr.write(`${vm} ${found.from} to ${found.to}: ${told}\n`);
      }
      if (found !== undefined && ended(found)) return found;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return null;
  } finally {
    release();
  }
}

export const command: Command = { help: HELP, usage: USAGE, run };
