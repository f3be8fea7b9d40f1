// sluice fmc drain: a data centre is to be rid of its virtual machines.

import type { Command } from "./command.js";
import { CONTROLLER_OPTIONS, controllerOf } from "./fmc-controller.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "undo", doc: "it takes virtual machines again" },
  ...CONTROLLER_OPTIONS,
];

const USAGE = "sluice fmc drain [OPTION]... DC";

const HELP = `Usage: ${USAGE}

A data centre takes no more virtual machines, and those that it has and that are not pinned
migrate to others, whatever their policies say. 'sluice fmc status' shows them go.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "a data centre", 1, 1);
  const controller = await controllerOf(options);
  await controller.expect("dc", plain[0]);
  await controller.write("FMCCatalogue", options.has("undo") ? "undrain" : "drain", plain[0]);
  return 0;
}

export const command: Command = { help: HELP, usage: USAGE, run };
