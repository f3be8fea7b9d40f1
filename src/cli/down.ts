// sluice down: ends a service and takes away all that it had.

import { endService } from "../vnf/manager/down.js";
import type { Command } from "./command.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { parseWords, SERVICE_OPTIONS, serviceFolder } from "./running.js";
import { positive } from "./top.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "timeout", value: "yes", valueName: "SECONDS", doc: "after which its manager is killed (20)" },
  ...SERVICE_OPTIONS.filter((o) => o.long === "state"),
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice down [OPTION]... [SERVICE]";

const HELP = `Usage: ${USAGE}

Terminates a running service. Where its manager was killed, what that left (processes,
network namespaces, interfaces, files) is removed: what the service's folder has noted, if
nobody else could have written that, and nothing else.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "at most one service", 0, 1);
  const seconds = positive(options.get("timeout") ?? "20", "--timeout");
  const { how, gone, stays } = await endService(serviceFolder(plain[0], options), seconds);
  if (how === "killed")
    process.stdout.write("its manager did not end and was killed; removed what it left\n");
  if (how === "removed") process.stdout.write("its manager was gone; removed what it left\n");
  for (const line of gone) process.stdout.write(`removed ${line}\n`);
  for (const line of stays) process.stderr.write(`cannot remove ${line}\n`);
  return stays.length === 0 ? 0 : 1;
}

export const command: Command = { help: HELP, usage: USAGE, run };
