// sluice operate: starts, stops, heals, updates and scales functions of a running service.

import { type Command, UsageError } from "./command.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { asking, connect, parseWords, SERVICE_OPTIONS } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [...SERVICE_OPTIONS, { long: "help", doc: "print this and exit" }];

const USAGE = "sluice operate [OPTION]... start|stop|heal|update FUNCTION | scale FUNCTION REPLICAS";

const HELP = `Usage: ${USAGE}

Does one thing with a function of a running service:
  start, stop   start it after it was stopped; stop it in order
  heal          start it anew
  update        hot swap: its graph as the file is now, with its state
  scale         have so many replicas of it

Options:
${optionHelp(OPTIONS)}
`;

const VERBS = ["start", "stop", "heal", "update"];

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "what to do, and a function", 2, 3);
  const [verb, name, count] = plain;
  const path = `/v1/functions/${encodeURIComponent(name)}/${verb}`;
  if (verb === "scale") {
    if (!/^\d+$/.test(count ?? "")) throw new UsageError("expected the number of replicas");
    await asking(connect(options).call("POST", path, { replicas: Number(count) }));
  } else if (VERBS.includes(verb) && count === undefined) {
    await asking(connect(options).call("POST", path));
  } else throw new UsageError(`expected ${VERBS.join(", ")} with a function, or scale with its replicas`);
  return 0;
}

export const command: Command = { help: HELP, usage: USAGE, run };
