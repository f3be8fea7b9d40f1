// The words after `npm run bench --`.

import { parseArgs } from "node:util";

export const HELP = `Usage: npm run bench -- [OPTION]...

Measures kernels and graphs, the encapsulation graph beside its limits (one
fused kernel, one C loop), lookups in large map-caches, the longest stall while
a large one is worked on beside packets, the garbage made, a
Map-Server beside its parts and the disk, functions in a row joined by links,
a switch with a delay for each pair of its ports,
and how fast, small and many instances of a tunnel router are.
Tables go to standard output, progress to standard error.

Options:
  --quick          short runs, few of them, small tables: to see that it works
  --filter TEXT    only what has TEXT in its name; sections are called kernels,
                   encapsulation, graphs, lookups, stalls, allocation,
                   map-server, chain, links, instances
  --runs N         runs of each contestant (default 15, with --quick 3)
  --mappings N     of the map-cache in stalls (default 1000000, with --quick 20000)
  --json FILE      write everything measured to FILE ('-': standard output)
  --help           print this and exit
`;

/** Words that are none of the options. */
export class BenchUsageError extends Error {
  readonly code = "USAGE";
}

export interface BenchOptions {
  readonly quick: boolean;
  readonly filter: string;
  readonly runs: number;
  readonly mappings: number | null;
  readonly json: string | null;
  readonly help: boolean;
}

/** Throws BenchUsageError. */
export function readOptions(words: readonly string[]): BenchOptions {
  const options = {
    quick: { type: "boolean" },
    filter: { type: "string" },
    runs: { type: "string" },
    mappings: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean" },
  } as const;
  let values: {
    quick?: boolean;
    filter?: string;
    runs?: string;
    mappings?: string;
    json?: string;
    help?: boolean;
  };
  try {
    ({ values } = parseArgs({ args: [...words], options }));
  } catch (e) {
    throw new BenchUsageError((e as Error).message);
  }
  const quick = values.quick === true;
  const runs = values.runs === undefined ? (quick ? 3 : 15) : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1 || runs > 1000)
    throw new BenchUsageError(`--runs needs a whole number from 1 to 1000, not '${values.runs}'`);
  const mappings = values.mappings === undefined ? null : Number(values.mappings);
  if (mappings !== null && !(Number.isInteger(mappings) && mappings >= 1000 && mappings <= 4_000_000))
    throw new BenchUsageError(
      `--mappings needs a whole number from 1000 to 4000000, not '${values.mappings}'`,
    );
  return {
    quick,
    filter: values.filter ?? "",
    runs,
    mappings,
    json: values.json ?? null,
    help: values.help === true,
  };
}
