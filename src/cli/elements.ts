// sluice elements: what there is, and the manual page of each.

import { type Command, CommandError } from "./command.js";
import { category, pageText, readManual, summary } from "./manual.js";
import { type OptionSpec, optionHelp, parseOptions } from "./options.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "json", doc: "print JSON" },
  { long: "help", doc: "print this and exit" },
];

const HELP = `Usage: sluice elements [OPTION]... [NAME]...

Lists the elements, or prints the manual pages of those named.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const options = parseOptions(words, OPTIONS);
  const json = options.some((o) => o.name === "json");
  const names = options.filter((o) => o.name === null).map((o) => o.value);
  const manual = readManual();
  const missing = names.filter((n) => !manual.has(n));
  if (missing.length > 0) {
    const near = [...manual.keys()].filter((n) =>
      missing.some((m) => n.toLowerCase().includes(m.toLowerCase())),
    );
    throw new CommandError(
      `no element class '${missing.join("', '")}'${near.length > 0 ? ` (is it ${near.join(", ")}?)` : "; 'sluice elements' lists them"}`,
    );
  }
  const pages = (names.length > 0 ? names : [...manual.keys()]).map((n) => manual.get(n)!);
  if (json) process.stdout.write(`${JSON.stringify(pages, null, 2)}\n`);
  else if (names.length > 0) process.stdout.write(pages.map(pageText).join("\n"));
  else {
    for (const family of [...new Set(pages.map(category))].sort()) {
      process.stdout.write(`${family}\n`);
      for (const page of pages.filter((p) => category(p) === family))
        process.stdout.write(`  ${page.name.padEnd(20)} ${summary(page)}\n`);
    }
  }
  return 0;
}

export const command: Command = { help: HELP, run };
