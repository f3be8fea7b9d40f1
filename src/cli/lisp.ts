// sluice lisp: the commands about LISP.

import { type Command, type CommandTable, commandList, UsageError } from "./command.js";

const COMMANDS: CommandTable = {
  decode: [() => import("./lisp-decode.js"), "print the LISP messages of a capture as JSON"],
  lig: [() => import("./lisp-lig.js"), "ask the mapping system for an EID"],
  why: [() => import("./lisp-why.js"), "ask a running router why packets to an EID go where they go"],
};

const USAGE = "sluice lisp COMMAND [OPTION]... [WORD]...";

const HELP = `Usage: ${USAGE}

Commands:
${commandList(COMMANDS)}

'sluice lisp COMMAND --help' says more of each.
`;

async function run(words: readonly string[]): Promise<number> {
  const what = words.length === 0 ? "no command given" : `there is no command ‘${words[0]}’`;
  throw new UsageError(`lisp: ${what}; it is one of ${Object.keys(COMMANDS).join(", ")}`);
}

export const command: Command = { help: HELP, usage: USAGE, commands: COMMANDS, run };
