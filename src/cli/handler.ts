// sluice handler: reads and writes handlers of a running function.

import type { HandlerInfo } from "../vnf/instance/protocol.js";
import type { Command } from "./command.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { asking, connect, parseWords, SERVICE_OPTIONS } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "parameters", short: "p", value: "yes", valueName: "TEXT", doc: "what a read handler takes" },
  { long: "json", doc: "print JSON" },
  ...SERVICE_OPTIONS,
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice handler [OPTION]... FUNCTION [ELEMENT.]HANDLER [VALUE]";

const HELP = `Usage: ${USAGE}

Prints what a handler of a running function gives, or writes VALUE to it. Without a
handler's name ('ELEMENT.') it lists the element's handlers; '.' lists the global ones.
A VALUE that begins with '-' stands after '--'.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const { words: plain, options } = parseWords(words, OPTIONS, "a function and a handler", 2, 3);
  const [name, handler, value] = plain;
  const api = connect(options);
  const json = (answer: unknown): void => void process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  const base = `/v1/functions/${encodeURIComponent(name)}/handlers`;
  if (handler.endsWith(".")) {
    const element = handler === "." ? "" : `?element=${encodeURIComponent(handler.slice(0, -1))}`;
    const found = await asking(api.get<HandlerInfo[]>(`${base}${element}`));
    if (options.has("json")) {
      json(found);
      return 0;
    }
    const access = (h: HandlerInfo): string => `${h.read ? "r" : "-"}${h.write ? "w" : "-"}`;
    process.stdout.write(found.map((h) => `${access(h)} ${h.name.padEnd(20)} ${h.doc}\n`).join(""));
    return 0;
  }
  const path = `${base}/${encodeURIComponent(handler)}`;
  if (value !== undefined) {
    await asking(api.call("PUT", path, { value }));
    return 0;
  }
  const parameters = options.get("parameters");
  const query = parameters === undefined ? "" : `?parameters=${encodeURIComponent(parameters)}`;
  const { value: text } = await asking(api.get<{ value: string }>(`${path}${query}`));
  if (options.has("json")) json({ value: text });
  else process.stdout.write(text.endsWith("\n") || text === "" ? text : `${text}\n`);
  return 0;
}

export const command: Command = { help: HELP, usage: USAGE, run };
