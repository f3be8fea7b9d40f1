// sluice lab: the experiments; which there are, and one of them.

import { availableParallelism } from "node:os";
import { experimentNames, findExperiment, loadExperiment } from "../lab/catalogue.js";
import type { Experiment, WorldKind } from "../lab/experiment.js";
import { atATime, estimate, plan } from "../lab/plan.js";
import { type Command, type CommandTable, UsageError } from "./command.js";
import { DEFAULT_CORES, experimentCommand } from "./lab-run.js";
import { columns, duration } from "./lab-text.js";
import { type OptionSpec, optionHelp } from "./options.js";
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

/** Commands for the experiments, those of a group below a command of its own. */
function commands(): CommandTable {
  const found: Record<string, CommandTable[string]> = {};
  for (const name of experimentNames()) {
    const [first, second] = name.split(" ");
    if (second === undefined) {
      found[first] = [async () => ({ command: experimentCommand(await findExperiment(name)) }), ""];
      continue;
    }
    const group = experimentNames().filter((n) => n.startsWith(`${first} `));
    found[first] ??= [async () => ({ command: groupCommand(first, group) }), ""];
  }
  return found;
}

function groupCommand(group: string, names: readonly string[]): Command {
  const own = names.map(
    (name) =>
      [
        name.slice(group.length + 1),
        [async () => ({ command: experimentCommand(await findExperiment(name)) }), ""],
      ] as const,
  );
  const usage = `sluice lab ${group} EXPERIMENT [OPTION]...`;
  const help = `Usage: ${usage}\n\nExperiments: ${names.join(", ")}\n\n'sluice lab ${names[0]} --help' says more of one.\n`;
  const run = async (words: readonly string[]): Promise<number> => {
    if (words.length > 0 && !words[0].startsWith("-"))
      throw new UsageError(
        `lab ${group}: there is no experiment ‘${words[0]}’ (there are ${names.join(", ")})`,
      );
    return list(names, words);
  };
  return { help, usage, commands: Object.fromEntries(own), run };
}

async function run(words: readonly string[], output: Parameters<Command["run"]>[1]): Promise<number> {
  if (words.length > 0 && /\.m?js$/.test(words[0]))
    return experimentCommand(await loadExperiment(words[0])).run(words.slice(1), output);
  if (words.length > 0 && !words[0].startsWith("-"))
    throw new UsageError(
      `lab: there is no experiment ‘${words[0]}’ (there are ${experimentNames().join(", ")})`,
    );
  return list(experimentNames(), words);
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

async function list(names: readonly string[], words: readonly string[]): Promise<number> {
  const { options } = parseWords(words, OPTIONS, "no word", 0, 0);
  const all = await Promise.all(names.map(async (name) => listed((await findExperiment(name)).experiment)));
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

export const command: Command = { help: HELP, usage: USAGE, commands: commands(), run };
