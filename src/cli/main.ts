#!/usr/bin/env node
// The program: finds the command named by the first word; `run` is the default.

import { ConfigurationError } from "../lang/diagnostics.js";
import { NotOwnError } from "../system/own-files.js";
import { StateError } from "../vnf/state/folder.js";
import { CommandError, type CommandTable, commandList, UsageError } from "./command.js";
import { Output } from "./output.js";
import { hideOwnSecrets } from "./own-words.js";

const COMMANDS: CommandTable = {
  run: [() => import("./run.js"), "run a router configuration (the default)"],
  check: [() => import("./check.js"), "say what is wrong with a configuration, without starting it"],
  flatten: [() => import("./flatten.js"), "print a configuration without compounds and variables"],
  bench: [() => import("./bench.js"), "measure what a packet costs in a configuration"],
  up: [() => import("./up.js"), "bring up a service of network functions"],
  ps: [() => import("./ps.js"), "list the services that run, and their functions"],
  top: [() => import("./top.js"), "show what the functions of a service do"],
  fmc: [() => import("./fmc.js"), "ask a Follow-Me Cloud's controller, and migrate virtual machines"],
  links: [() => import("./links.js"), "show what the links of a service do, pair by pair"],
  logs: [() => import("./logs.js"), "print what happened in a service"],
  handler: [() => import("./handler.js"), "read and write handlers of a function"],
  trace: [() => import("./trace.js"), "show packets' ways through the elements of a function"],
  operate: [() => import("./operate.js"), "start, stop, heal, update and scale functions"],
  apply: [() => import("./apply.js"), "change a service to what its descriptor says now"],
  down: [() => import("./down.js"), "end a service"],
  demo: [() => import("./demo.js"), "two tunnel routers and two hosts in this process"],
  lab: [() => import("./lab.js"), "list the experiments, or run one"],
  elements: [() => import("./elements.js"), "list the elements, or print their manual pages"],
  lisp: [() => import("./lisp.js"), "captures of LISP, and questions to mapping systems and tunnel routers"],
};

/** Errors whose message is a sentence for the user. */
const TOLD = [CommandError, ConfigurationError, NotOwnError, StateError] as const;

const OVERVIEW = `sluice: a modular packet router

Usage: sluice [COMMAND] [OPTION]... [ROUTERFILE] [VAR=VALUE]...

Commands:
${commandList(COMMANDS)}

'sluice COMMAND --help' says more of each.
`;

async function main(words: readonly string[]): Promise<number> {
  hideOwnSecrets(words);
  if (words.length === 1 && (words[0] === "help" || words[0] === "--help")) {
    const output = new Output(false);
    process.stdout.write(`${OVERVIEW}\n${(await COMMANDS.run[0]()).command.help}`);
    return output.status(0);
  }
  const named = words.length > 0 && Object.hasOwn(COMMANDS, words[0]);
  let { command } = await COMMANDS[named ? words[0] : "run"][0]();
  let rest = named ? words.slice(1) : words;
  let name = named ? `sluice ${words[0]}` : "sluice";
  while (rest.length > 0 && command.commands !== undefined && Object.hasOwn(command.commands, rest[0])) {
    name += ` ${rest[0]}`;
    ({ command } = await command.commands[rest[0]][0]());
    rest = rest.slice(1);
  }
  const output = new Output(command.serves === true);
  if (rest.includes("--help")) {
    process.stdout.write(command.help);
    return output.status(0);
  }
  try {
    return output.status(await command.run(rest, output));
  } catch (e) {
    if (e instanceof UsageError) {
      const usage = command.usage ?? `${name} [OPTION]... [ROUTERFILE]`;
      process.stderr.write(
        `sluice: ${e.message}\nUsage: ${usage}\nTry '${name} --help' for more information.\n`,
      );
    } else if (TOLD.some((kind) => e instanceof kind)) {
      process.stderr.write(`${(e as Error).message}\n`);
    } else {
      process.stderr.write(`sluice: internal error, please report it: ${(e as Error)?.stack ?? e}\n`);
    }
    return 1;
  }
}

// Node would open a debugger's port.
process.on("SIGUSR1", () => {});
process.exitCode = await main(process.argv.slice(2));
