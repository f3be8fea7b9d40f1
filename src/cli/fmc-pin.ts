// sluice fmc pin: a virtual machine stays where it is, whatever its users do.

import type { Command } from "./command.js";
import { CONTROLLER_OPTIONS, controllerOf } from "./fmc-controller.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "undo", doc: "let it go where it is sent again" },
  ...CONTROLLER_OPTIONS,
];

const USAGE = "sluice fmc pin [OPTION]... VM";

const HELP = `Usage: ${USAGE}

Keeps a virtual machine in the data centre where it is: no policy moves it, and 'sluice fmc
migrate' is refused.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "a virtual machine", 1, 1);
  const controller = await controllerOf(options);
  await controller.expect("vm", plain[0]);
  await controller.write("FMCCatalogue", options.has("undo") ? "unpin" : "pin", plain[0]);
  return 0;
}

export const command: Command = { help: HELP, usage: USAGE, run };
