// sluice flatten: a configuration without compounds, groups and variables.

import { graphWithoutSecrets } from "../lang/args/secrets.js";
import { ConfigurationError } from "../lang/diagnostics.js";
import { flatText } from "../lang/flat-text.js";
import { loadClasses } from "../router/flatten.js";
import { checkSettings, printProblems } from "./check.js";
import type { Command } from "./command.js";
import { INPUT_OPTIONS } from "./input.js";
import { type OptionSpec, optionHelp } from "./options.js";

const OPTIONS: readonly OptionSpec[] = [
  ...INPUT_OPTIONS,
  { long: "json", doc: "print JSON in place of Click's language" },
  { long: "secrets", doc: "print the secrets as they are written (else *** in their places)" },
  { long: "help", doc: "print this and exit" },
];

const HELP = `Usage: sluice flatten [OPTION]... [ROUTERFILE] [VAR=VALUE]...

Prints the elements and connections that remain when every compound, group,
anonymous name and variable of a configuration is resolved.

Options:
${optionHelp(OPTIONS)}
`;

async function run(words: readonly string[]): Promise<number> {
  const { input, format, router, secrets } = checkSettings(words, OPTIONS);
  try {
    const flat = await router.flatten(input.text, input.file);
    const classes = await loadClasses(router.options.loader, flat);
    const graph = secrets ? flat : graphWithoutSecrets(flat, (name) => classes.get(name)?.spec.args ?? {});
    process.stdout.write(
      format === "json" ? `${JSON.stringify(graph, null, 2)}\n` : Buffer.from(flatText(graph), "latin1"),
    );
    return 0;
  } catch (e) {
    if (!(e instanceof ConfigurationError)) throw e;
    return printProblems(e, format, input);
  } finally {
    router.close();
  }
}

export const command: Command = { help: HELP, run };
