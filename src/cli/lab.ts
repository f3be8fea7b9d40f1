// sluice lab: the experiments; which there are, and one of them.

import { availableParallelism } from "node:os";
import { experimentNames, type Found, findExperiment, loadExperiment } from "../lab/catalogue.js";
import type { Experiment, WorldKind } from "../lab/experiment.js";
import { atATime, estimate, plan } from "../lab/plan.js";
import { columns } from "./columns.js";
import { type Command, type CommandTable, UsageError } from "./command.js";
import { DEFAULT_CORES, experimentCommand } from "./lab-run.js";
import { duration } from "./lab-text.js";
import { type OptionSpec, optionHelp } from "./options.js";
import { shownWord } from "./own-words.js";
import { parseWords } from "./running.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "json", doc: "print the list as JSON" },
  { long: "help", doc: "print this and exit" },
];

const USAGE = "sluice lab [OPTION]... [EXPERIMENT | FILE.js]";

const HELP = `Usage: ${USAGE}

Without an experiment: lists all, with the figure or section that each goes back to, and
the time that each takes, here: on two cores as it is, on all with --full, and in real time
with --real. With one: runs it and prints what came out.
'sluice lab EXPERIMENT --help' says what it does, and its parameters.

FILE.js: an experiment of one's own (docs/lab.md).

Options:
${optionHelp(OPTIONS)}
`;

/** Finds an experiment by its name. */
type Finder = (name: string) => Promise<Found>;

/** Commands for experiments, those of a group below a command of its own. */
export function experimentCommands(names: readonly string[], find: Finder): CommandTable {
  const table: Record<string, CommandTable[string]> = {};
  const one = (name: string): CommandTable[string] => [
    async () => ({ command: experimentCommand(await find(name)) }),
    "",
  ];
  for (const name of names) {
    const [first, second] = name.split(" ");
    if (second === undefined) table[first] = one(name);
    else if (table[first] === undefined) {
      const group = names.filter((n) => n.startsWith(`${first} `));
      const own = Object.fromEntries(group.map((n) => [n.slice(first.length + 1), one(n)]));
      table[first] = [async () => ({ command: groupCommand(first, group, own, find) }), ""];
    }
  }
  return table;
}

function groupCommand(
  group: string,
  names: readonly string[],
  commands: CommandTable,
  find: Finder,
): Command {
  const usage = `sluice lab ${group} EXPERIMENT [OPTION]...`;
  const help = `Usage: ${usage}

Experiments: ${names.join(", ")}. Without one of them: lists these.

'sluice lab ${names[0]} --help' says more of one.

Options:
${optionHelp(OPTIONS)}
`;
  const run = async (words: readonly string[]): Promise<number> => {
    refuseUnknown(`lab ${group}`, words, names);
    return list(names, words, find);
  };
  return { help, usage, commands, run };
}

/** Throws UsageError for the name of an experiment that there is not. */
function refuseUnknown(where: string, words: readonly string[], names: readonly string[]): void {
  if (words.length > 0 && !words[0].startsWith("-"))
    throw new UsageError(
      `${where}: there is no experiment ‘${shownWord(words[0])}’ (there are ${names.join(", ")})`,
    );
}

async function run(words: readonly string[], output: Parameters<Command["run"]>[1]): Promise<number> {
  if (words.length > 0 && /\.m?js$/.test(words[0]))
    return experimentCommand(await loadExperiment(words[0])).run(words.slice(1), output);
  refuseUnknown("lab", words, experimentNames());
  return list(experimentNames(), words, findExperiment);
}

/** What the list says of an experiment; times in seconds, null where it cannot be run so. */
interface Listed {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  readonly times: Readonly<
    Record<"simulated" | "real", { readonly reduced: number | null; readonly full: number | null }>
  >;
}

async function list(names: readonly string[], words: readonly string[], find: Finder): Promise<number> {
  const { options } = parseWords(words, OPTIONS, "no word", 0, 0);
  const all = await Promise.all(names.map(async (name) => listed((await find(name)).experiment)));
  if (options.has("json")) {
    process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
    return 0;
  }
  const time = (seconds: number | null): string => (seconds === null ? "-" : duration(seconds));
  const rows = all.map(({ name, title, source, times: { simulated, real } }) => [
    name,
    ...[simulated.reduced, simulated.full, real.reduced, real.full].map(time),
    `${title} (${source})`,
  ]);
  const heading = ["experiment", "time", "--full", "--real", "--real --full", "what"];
  process.stdout.write(columns([heading, ...rows], "<>>>><"));
  return 0;
}

function listed(experiment: Experiment): Listed {
  const { name, title, source } = experiment;
  const time = (world: WorldKind, full: boolean): number | null => {
    const { jobs } = plan(experiment, { world, full, seeds: null, only: new Map() });
    const cores = full ? availableParallelism() : DEFAULT_CORES;
    return estimate(experiment, world, jobs.length, atATime(experiment, world, cores));
  };
  const times = (world: WorldKind) => ({ reduced: time(world, false), full: time(world, true) });
  return { name, title, source, times: { simulated: times("simulated"), real: times("real") } };
}

export const command: Command = {
  help: HELP,
  usage: USAGE,
  commands: experimentCommands(experimentNames(), findExperiment),
  run,
};
