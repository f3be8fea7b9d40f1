// sluice apply: changes a running service to what a descriptor says now.

import { resolve } from "node:path";
import { parseDescriptor } from "../vnf/descriptor/read.js";
import type { Command } from "./command.js";
import { complain, readDescriptorText } from "./complain.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { asking, connect, parseWords, SERVICE_OPTIONS } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [...SERVICE_OPTIONS, { long: "help", doc: "print this and exit" }];

const USAGE = "sluice apply [OPTION]... FILE";

const HELP = `Usage: ${USAGE}

Changes a running service to what the descriptor in FILE says, touching only what differs:
functions with another graph or other parameters are hot-swapped and keep their state, links
change under way, and only what cannot change (devices, isolation, memory) is started anew.
FILE and its graphs lie inside the folder of the service. Prints what was done.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "a descriptor", 1, 1);
  const file = resolve(plain[0]);
  const text = readDescriptorText(plain[0]);
  try {
    const { name } = parseDescriptor(text, plain[0]);
    const given = options.has("service") ? options : new Map([...options, ["service", name]]);
    const { changes } = (await asking(connect(given).call("PUT", "/v1/service", { file }))) as {
      changes: string[];
    };
    process.stdout.write(changes.length === 0 ? "nothing differs\n" : `${changes.join("\n")}\n`);
    return 0;
  } catch (e) {
    return complain(e, { text, file: plain[0] });
  }
}

export const command: Command = { help: HELP, usage: USAGE, run };
