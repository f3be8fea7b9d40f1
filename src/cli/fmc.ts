// sluice fmc: the commands about a running Follow-Me Cloud.

import { type Command, type CommandTable, commandList, UsageError } from "./command.js";

const COMMANDS: CommandTable = {
  status: [() => import("./fmc-status.js"), "list migrations, those that go on and the last that ended"],
  users: [() => import("./fmc-users.js"), "list users, where they are and since when"],
  services: [() => import("./fmc-services.js"), "list services, their virtual machines and where these are"],
  decisions: [() => import("./fmc-decisions.js"), "list what was decided"],
  why: [
    () => import("./fmc-why.js"),
    "tell all that is known of a decision, and of the migrations it led to",
  ],
  migrate: [() => import("./fmc-migrate.js"), "migrate a virtual machine"],
  pin: [() => import("./fmc-pin.js"), "keep a virtual machine where it is, or let it go again"],
  drain: [() => import("./fmc-drain.js"), "rid a data centre of virtual machines, or open it again"],
};

const USAGE = "sluice fmc COMMAND [OPTION]... [WORD]...";

const HELP = `Usage: ${USAGE}

Asks the controller of a running service (conf/fmc-controller.click in it), and tells it
what to do.

Commands:
${commandList(COMMANDS)}

'sluice fmc COMMAND --help' says more of each.
`;

async function run(words: readonly string[]): Promise<number> {
  const what = words.length === 0 ? "no command given" : `there is no command ‘${words[0]}’`;
  throw new UsageError(`fmc: ${what}; it is one of ${Object.keys(COMMANDS).join(", ")}`);
}

export const command: Command = { help: HELP, usage: USAGE, commands: COMMANDS, run };
