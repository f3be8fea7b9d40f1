#!/usr/bin/env node
// The program: finds the command named by the first word; `run` is the default.

import { ConfigurationError } from "../lang/diagnostics.js";
import { type Command, CommandError, UsageError } from "./command.js";

/** Command name -> what it does. Each is loaded only when it is called. */
const COMMANDS: Record<string, [() => Promise<{ command: Command }>, string]> = {
  run: [() => import("./run.js"), "run a router configuration (the default)"],
  check: [() => import("./check.js"), "say what is wrong with a configuration, without starting it"],
  flatten: [() => import("./flatten.js"), "print a configuration without compounds and variables"],
  bench: [() => import("./bench.js"), "measure what a packet costs in a configuration"],
  demo: [() => import("./demo.js"), "two tunnel routers and two hosts in this process"],
  elements: [() => import("./elements.js"), "list the elements, or print their manual pages"],
};

const OVERVIEW = `sluice: a modular packet router

Usage: sluice [COMMAND] [OPTION]... [ROUTERFILE] [VAR=VALUE]...

Commands:
${Object.entries(COMMANDS)
  .map(([name, [, doc]]) => `  ${name.padEnd(10)} ${doc}`)
  .join("\n")}

'sluice COMMAND --help' says more of each.
`;

async function main(words: readonly string[]): Promise<number> {
  if (words.length === 1 && (words[0] === "help" || words[0] === "--help")) {
    process.stdout.write(`${OVERVIEW}\n${(await COMMANDS.run[0]()).command.help}`);
    return 0;
  }
  const named = words.length > 0 && Object.hasOwn(COMMANDS, words[0]);
  const { command } = await COMMANDS[named ? words[0] : "run"][0]();
  const rest = named ? words.slice(1) : words;
  if (rest.includes("--help")) {
    process.stdout.write(command.help);
    return 0;
  }
  try {
    return await command.run(rest);
  } catch (e) {
    if (e instanceof UsageError) {
      const name = named ? `sluice ${words[0]}` : "sluice";
      process.stderr.write(
        `sluice: ${e.message}\nUsage: ${name} [OPTION]... [ROUTERFILE]\nTry '${name} --help' for more information.\n`,
      );
    } else if (e instanceof CommandError || e instanceof ConfigurationError) {
      process.stderr.write(`${e.message}\n`);
    } else {
      process.stderr.write(`sluice: internal error, please report it: ${(e as Error)?.stack ?? e}\n`);
    }
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
