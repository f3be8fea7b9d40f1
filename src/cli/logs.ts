// sluice logs: what happened in a running service.

import type { ServiceEvent } from "../vnf/service/events.js";
import type { Command } from "./command.js";
import { type OptionSpec, optionHelp, wholeOption } from "./options.js";
import { asking, connect, interruption, parseWords, SERVICE_OPTIONS } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "follow", short: "f", doc: "go on until Ctrl-C" },
  { long: "lines", short: "n", value: "yes", valueName: "N", doc: "at most so many, the latest (1000)" },
  { long: "json", doc: "print JSON, an object a line" },
  ...SERVICE_OPTIONS,
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice logs [OPTION]... [FUNCTION]";

const HELP = `Usage: ${USAGE}

Prints what happened in a running service, or to one function or link of it: starts and
ends with their reasons, lines that elements wrote, faults that were injected; each with
the seconds since the service began.

Options:
${optionHelp(OPTIONS)}
`;

/** An event as people read it. */
export function eventText(e: ServiceEvent): string {
  return `${e.at.toFixed(3).padStart(10)} ${e.about.padEnd(12)} ${e.kind === "fault" ? "fault: " : ""}${e.message}`;
}

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "at most one function", 0, 1);
  const api = connect(options);
  const query = new URLSearchParams({
    most: String(wholeOption("lines", options.get("lines") ?? "1000", 1, 1e9)),
  });
  if (plain.length > 0) query.set("about", plain[0]);
  const text = options.has("json") ? (e: ServiceEvent) => JSON.stringify(e) : eventText;
  const print = (e: ServiceEvent): boolean => process.stdout.write(`${text(e)}\n`);
  if (!options.has("follow")) {
    for (const e of await asking(api.get<ServiceEvent[]>(`/v1/events?${query}`))) print(e);
    return 0;
  }
  query.set("follow", "true");
  const { signal, release } = interruption();
  const follow = async (): Promise<void> => {
    for await (const e of api.lines<ServiceEvent>(`/v1/events?${query}`, signal)) print(e);
  };
  await asking(follow());
  release();
  return 0;
}

export const command: Command = { help: HELP, usage: USAGE, run };
