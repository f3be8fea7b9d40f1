// Which experiments there are: each is a file of `experiments/`, and one of a user's own may be named by its file.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Experiment, LabError } from "./experiment.js";

/** Name -> module. A name of two words is a group and one of its experiments. */
const MODULES: Readonly<Record<string, string>> = {
  links: "experiments/links.js",
  tcp: "experiments/tcp.js",
};

export interface Found {
  readonly experiment: Experiment;
  /** Path of its module, which the processes that run it load. */
  readonly file: string;
}

export function experimentNames(): string[] {
  return Object.keys(MODULES);
}

/** An experiment of the catalogue. */
export async function findExperiment(name: string): Promise<Found> {
  return loadExperiment(fileURLToPath(new URL(MODULES[name], import.meta.url)));
}

/** The experiment that the module at path `file` exports. Rejects with LabError where there is none. */
export async function loadExperiment(file: string): Promise<Found> {
  const path = resolve(file);
  if (!existsSync(path)) throw new LabError("GRID", `there is no file ${file}`);
  const { experiment } = (await import(pathToFileURL(path).href)) as { experiment?: Experiment };
  if (typeof experiment?.run !== "function" || typeof experiment.name !== "string")
    throw new LabError("GRID", `${file} exports no 'experiment'`);
  if (!NAME.test(experiment.name))
    throw new LabError(
      "GRID",
      `${file}: ‘${experiment.name}’ is no name for an experiment: one or two words`,
    );
  return { experiment, file: path };
}

const WORD = "[a-z][a-z0-9-]{0,31}";
const NAME = new RegExp(`^${WORD}( ${WORD})?$`);
