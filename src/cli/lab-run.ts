// One experiment as a command: its options, its run, and what it prints.

import { writeFileSync } from "node:fs";
import { availableParallelism, release, type } from "node:os";
import type { Found } from "../lab/catalogue.js";
import { csv } from "../lab/csv.js";
import type { Experiment, Value, WorldKind } from "../lab/experiment.js";
import { LabError } from "../lab/experiment.js";
import { Journal, journalKey, resultsFolder } from "../lab/journal.js";
import { checkNeeds } from "../lab/needs.js";
import { atATime, estimate, type Plan, plan } from "../lab/plan.js";
import { svg } from "../lab/plot.js";
import { failureText, runJobs } from "../lab/runner.js";
import { type Result, summarize } from "../lab/summary.js";
import { systemError } from "../router/system-error.js";
import { columns } from "./columns.js";
import { type Command, CommandError, UsageError } from "./command.js";
import { LabProgress } from "./lab-progress.js";
import { claimText, duration, groupTable } from "./lab-text.js";
import { type OptionSpec, optionHelp, parseOptions, wholeOption } from "./options.js";
import { shownWord } from "./own-words.js";
import { interruption } from "./running.js";

/** Cores used without `--full`. */
export const DEFAULT_CORES = 2;
const SEEDS_MAX = 100_000;
const JOBS_MAX = 1024;
const INTERRUPTED = 130;

const OPTIONS: readonly OptionSpec[] = [
  { long: "full", doc: "the whole grid and all seeds, on all cores" },
  { long: "real", doc: "in real time, with the kernel's part" },
  { long: "seeds", value: "yes", valueName: "N", doc: "so many runs of each cell" },
  {
    long: "only",
    value: "yes",
    valueName: "NAME=VALUE",
    doc: "only cells with this value (several: 'NAME=A,B'); may be repeated",
  },
  {
    long: "jobs",
    value: "yes",
    valueName: "N",
    doc: "runs at a time (2; with --full as many as cores; real ones that would disturb each other: 1)",
  },
  {
    long: "out",
    value: "yes",
    valueName: "DIR",
    doc: "where rows are kept (default: the user's state folder)",
  },
  { long: "again", doc: "run anew what was run before" },
  { long: "json", doc: "print rows, statistics and claims as JSON" },
  { long: "csv", doc: "print the rows as CSV" },
  { long: "svg", value: "yes", valueName: "FILE", doc: "draw the plots into FILE, too" },
  { long: "help", doc: "print this and exit" },
];

interface Settings {
  full: boolean;
  world: WorldKind;
  seeds: number | null;
  jobs: number | null;
  out: string;
  again: boolean;
  format: "text" | "json" | "csv";
  svg: string | null;
  readonly only: Map<string, string[]>;
}

export function experimentCommand(found: Found): Command {
  const { experiment } = found;
  const usage = `sluice lab ${experiment.name} [OPTION]...`;
  return { help: help(experiment, usage), usage, run: (words) => telling(run(found, settings(words))) };
}

/** What went wrong is the command's error. */
async function telling(work: Promise<number>): Promise<number> {
  try {
    return await work;
  } catch (e) {
    if (e instanceof LabError) throw new CommandError(`sluice lab: ${e.message}`);
    throw e;
  }
}

function help(experiment: Experiment, usage: string): string {
  const { title, source, doc, parameters, keys = [], measures, seeds } = experiment;
  const values = (list: readonly Value[]): string => list.map(String).join(", ");
  const rows = parameters.map(({ name, unit, doc, values: all, reduced = all }) => {
    const whole = reduced.length === all.length ? "" : `; --full: ${values(all)}`;
    return [`  ${name}${unit === undefined ? "" : ` (${unit})`}`, `${doc}: ${values(reduced)}${whole}`];
  });
  const told = [...keys, ...measures].map(({ name, unit, doc }) => [
    `  ${name}${unit === undefined ? "" : ` (${unit})`}`,
    doc,
  ]);
  const section = (heading: string, lines: readonly string[][]): string =>
    lines.length === 0 ? "" : `\n${heading}:\n${columns(lines, "<<")}`;
  return `Usage: ${usage}

${title} (${source})

${doc}
${section("Parameters", rows)}${section("Measures", told)}
Each cell is run ${seeds.reduced} times; with --full ${seeds.full} times. Rows are kept as they
come: the same command goes on where it was stopped.

Options:
${optionHelp(OPTIONS)}
`;
}

function settings(words: readonly string[]): Settings {
  const s: Settings = {
    full: false,
    world: "simulated",
    seeds: null,
    jobs: null,
    out: resultsFolder(),
    again: false,
    format: "text",
    svg: null,
    only: new Map(),
  };
  for (const { name, value } of parseOptions(words, OPTIONS)) {
    if (name === "full") s.full = true;
    else if (name === "real") s.world = "real";
    else if (name === "seeds") s.seeds = wholeOption(name, value, 1, SEEDS_MAX);
    else if (name === "jobs") s.jobs = wholeOption(name, value, 1, JOBS_MAX);
    else if (name === "out") s.out = value;
    else if (name === "again") s.again = true;
    else if (name === "svg") s.svg = value;
    else if (name === "only") filter(s.only, value);
    else if (name === "json" || name === "csv") {
      if (s.format !== "text" && s.format !== name)
        throw new UsageError("--json and --csv cannot stand together");
      s.format = name;
    } else throw new UsageError(`‘${shownWord(value)}’ is one word too many`);
  }
  return s;
}

function filter(only: Map<string, string[]>, text: string): void {
  const [, name, values] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined) throw new UsageError(`--only ‘${text}’ is not NAME=VALUE`);
  only.set(name, [...(only.get(name) ?? []), ...values.split(",")]);
}

async function run(found: Found, s: Settings): Promise<number> {
  const { experiment, file } = found;
  checkNeeds(experiment, s.world);
  const planned = plan(experiment, s);
  const { journal, interrupted, failed } = await collect(
    found,
    planned,
    s,
    journalKey(experiment, file, s.world),
  );
  if (interrupted) {
    const kept = planned.jobs.filter((job) => journal.rows(job.id) !== undefined).length;
    process.stderr.write(
      `stopped: ${kept} of ${planned.jobs.length} runs are done and kept in ${journal.file}; the same command goes on\n`,
    );
    return INTERRUPTED;
  }
  const results = planned.jobs.flatMap(({ id, cell, seed }) =>
    (journal.rows(id) ?? []).map((row): Result => ({ world: s.world, cell, seed, row })),
  );
  process.stdout.write(shown(experiment, planned, results, s));
  if (s.svg !== null) await draw(experiment, results, s.svg);
  return failed ? 1 : 0;
}

interface Collected {
  readonly journal: Journal;
  readonly interrupted: boolean;
  readonly failed: boolean;
}

/** Runs what there are no rows of yet. */
async function collect(
  { experiment, file }: Found,
  { jobs }: Plan,
  s: Settings,
  key: string,
): Promise<Collected> {
  const { world } = s;
  const journal = await Journal.open(s.out, experiment, world, key);
  const { signal, release: free } = interruption();
  try {
    if (journal.damage !== null) {
      const { lines, kept } = journal.damage;
      process.stderr.write(
        `${journal.file}: line ${lines.join(", ")} damaged: those runs are done again, the others are kept (as it was: ${kept})\n`,
      );
    }
    if (s.again) journal.clear();
    const missing = jobs.filter((job) => journal.rows(job.id) === undefined).length;
    const cores = s.full ? availableParallelism() : DEFAULT_CORES;
    const together = s.jobs ?? atATime(experiment, world, cores);
    if (missing < jobs.length)
      process.stderr.write(
        `${jobs.length - missing} of ${jobs.length} runs are there already (${journal.file}; --again runs them anew)\n`,
      );
    if (missing > 0) {
      const time = duration(estimate(experiment, world, missing, together)!);
      process.stderr.write(`${missing} runs, ${Math.min(together, missing)} at a time, about ${time}\n`);
    }
    const progress = new LabProgress(missing, together);
    const failures = await runJobs({
      found: { experiment, file },
      world,
      jobs,
      together,
      journal,
      signal,
      progress: (done, failed) => progress.show(done, failed),
    }).finally(() => progress.end());
    for (const failure of failures) process.stderr.write(`failed: ${failureText(failure)}\n`);
    return { journal, interrupted: signal.aborted, failed: failures.length > 0 };
  } finally {
    free();
    journal.close();
  }
}

function shown(
  experiment: Experiment,
  { reduced, seeds }: Plan,
  results: readonly Result[],
  s: Settings,
): string {
  if (s.format === "csv") return csv(experiment, results);
  const groups = summarize(experiment, results);
  const claims = experiment.claims?.(groups) ?? [];
  const { name, title, source, inputs = [] } = experiment;
  if (s.format === "json") {
    const kernel = s.world === "real" ? `${type()} ${release()}` : null;
    const rows = results.map(({ world, cell, seed, row }) => ({ world, seed, ...cell, ...row }));
    const all = {
      experiment: name,
      title,
      source,
      world: s.world,
      kernel,
      reduced,
      seeds,
      inputs,
      rows,
      groups,
      claims,
    };
    return `${JSON.stringify(all, null, 2)}\n`;
  }
  const kernel = s.world === "real" ? `, ${type()} ${release()}` : "";
  const over = seeds === 1 ? "one run of each cell" : `mean and 95 % confidence interval of ${seeds} runs`;
  const grid = reduced === null ? "the whole grid" : `reduced: ${reduced} (--full runs all)`;
  return (
    `${title} (${source})\n${s.world}${kernel}; ${grid}; ${over}\n` +
    inputs.map((line) => `input: ${line}\n`).join("") +
    `\n${groupTable(experiment, groups)}` +
    (claims.length === 0 ? "" : `\n${claims.map(claimText).join("")}`)
  );
}

async function draw(experiment: Experiment, results: readonly Result[], file: string): Promise<void> {
  const text = await svg(experiment, summarize(experiment, results));
  try {
    writeFileSync(file, text);
  } catch (e) {
    throw new CommandError(`${file}: ${systemError(e)}`);
  }
}
