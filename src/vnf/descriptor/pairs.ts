// The pairs of a link that have a delay, jitter or loss of their own: from the descriptor's list, and from tables in files.

import { dirname, resolve } from "node:path";
import type { Diagnostic } from "../../lang/diagnostics.js";
import { oneEnd, readTable, unreadable } from "./matrix.js";
import type { EndPair, PairDescriptor, PathImpairments } from "./model.js";
import { duration, durationText, share, shareText } from "./quantity.js";

type Quantity = string | number;

/** A pair as the descriptor writes it. */
export interface PairDocument {
  readonly from?: string;
  readonly to?: string;
  readonly between?: readonly [string, string];
  readonly delay?: Quantity;
  readonly rtt?: Quantity;
  readonly jitter?: Quantity;
  readonly loss?: Quantity;
}

/** Tables in files; a text is that of delays. */
export type MatrixDocument =
  | string
  | {
      readonly delay?: string;
      readonly rtt?: string;
      readonly jitter?: string;
      readonly loss?: string;
      readonly unit?: "s" | "ms" | "us";
    };

/** Pairs of one link with something wrong after which no more are looked at. */
const MOST = 50;

/** Seconds of the longest delay and jitter; the schema says the same. */
const LONGEST = 3600;

export interface PairsReader {
  /** The descriptor's file: tables are found from its folder. */
  readonly file: string;
  readonly ends: ReadonlyMap<string, readonly string[]>;
  /** Whether a file may be read. */
  allowed(path: string): boolean;
  problem(path: readonly (string | number)[], message: string, hint?: string): void;
  problems(found: readonly Diagnostic[]): void;
}

/** The ends that a pair names, one way or both; none when something is wrong with them, which is told. */
export function endPairs(
  { from, to, between }: Pick<PairDocument, "from" | "to" | "between">,
  path: readonly (string | number)[],
  reader: PairsReader,
): EndPair[] {
  if ((between === undefined) === (from === undefined && to === undefined)) {
    reader.problem(path, "a pair is either 'from' one end 'to' another, or 'between' two");
    return [];
  }
  if (between === undefined && (from === undefined || to === undefined)) {
    reader.problem(
      path,
      `a pair that has '${from === undefined ? "to" : "from"}' needs '${from === undefined ? "from" : "to"}'`,
    );
    return [];
  }
  const written: readonly (readonly [string, readonly (string | number)[]])[] =
    between === undefined
      ? [
          [from!, [...path, "from"]],
          [to!, [...path, "to"]],
        ]
      : between.map((name, i) => [name, [...path, "between", i]] as const);
  const names = written.map(([name, at]) => {
    const end = oneEnd(name, reader.ends);
    if ("name" in end) return end.name;
    reader.problem(at, end.problem, end.hint);
    return null;
  });
  const [a, b] = names;
  if (a === null || b === null) return [];
  if (a === b) {
    reader.problem(written[1][1], `a pair has two ends: '${written[1][0]}' is both`);
    return [];
  }
  return between === undefined
    ? [{ from: a, to: b }]
    : [
        { from: a, to: b },
        { from: b, to: a },
      ];
}

/** The pairs of a link; `path` is the link's place. What the list says goes before what tables say. */
export function readPairs(
  pairs: readonly PairDocument[],
  matrix: MatrixDocument | undefined,
  path: readonly (string | number)[],
  reader: PairsReader,
): PairDescriptor[] {
  const all = new Map<string, PairDescriptor>();
  const add = (pair: EndPair, has: Partial<PathImpairments>): void => {
    const key = `${pair.from} ${pair.to}`;
    all.set(key, { ...(all.get(key) ?? pair), ...has });
  };
  if (matrix !== undefined) readTables(matrix, [...path, "matrix"], reader, add);
  const listed = new Map<string, number>();
  let wrong = 0;
  const counting: PairsReader = {
    ...reader,
    problem: (at, message, hint) => {
      wrong++;
      reader.problem(at, message, hint);
    },
  };
  for (const [i, pair] of pairs.entries()) {
    if (wrong >= MOST) {
      reader.problem([...path, "pairs", i], "and perhaps more: the pairs from here on were not looked at");
      break;
    }
    const at = [...path, "pairs", i];
    const has = impairmentsOf(pair, at, counting);
    for (const ends of endPairs(pair, at, counting)) {
      const key = `${ends.from} ${ends.to}`;
      const before = listed.get(key);
      if (before !== undefined)
        counting.problem(
          at,
          `the pair from ${ends.from} to ${ends.to} stands here twice: it is number ${before + 1}, too`,
        );
      listed.set(key, i);
      add(ends, has);
    }
  }
  return [...all.values()];
}

function impairmentsOf(
  pair: PairDocument,
  path: readonly (string | number)[],
  reader: PairsReader,
): Partial<PathImpairments> {
  const { delay, rtt, jitter, loss, between } = pair;
  if (delay === undefined && rtt === undefined && jitter === undefined && loss === undefined)
    reader.problem(path, "what has the pair of its own? Expected one of delay, rtt, jitter, loss");
  if (rtt !== undefined && delay !== undefined)
    reader.problem([...path, "rtt"], "a pair has either 'delay' or 'rtt'");
  if (rtt !== undefined && between === undefined)
    reader.problem([...path, "rtt"], "'rtt' is there and back: it goes with 'between'");
  return {
    ...(delay === undefined ? {} : { delay: duration(delay) }),
    ...(rtt === undefined ? {} : { delay: duration(rtt) / 2 }),
    ...(jitter === undefined ? {} : { jitter: duration(jitter) }),
    ...(loss === undefined ? {} : { loss: share(loss) }),
  };
}

function readTables(
  matrix: MatrixDocument,
  path: readonly (string | number)[],
  reader: PairsReader,
  add: (pair: EndPair, has: Partial<PathImpairments>) => void,
): void {
  const tables = typeof matrix === "string" ? { delay: matrix } : matrix;
  if (tables.delay !== undefined && tables.rtt !== undefined) {
    reader.problem([...path, "rtt"], "a matrix is either of 'delay' or of 'rtt'");
    return;
  }
  const unit = { s: 1, ms: 1e-3, us: 1e-6 }[tables.unit ?? "s"];
  const time =
    (most: number) =>
    (text: string): number | string => {
      const seconds = durationText(text, unit);
      return seconds !== null && seconds <= most
        ? seconds
        : `a time of at most ${most} s, like 5ms (a bare number is in ${tables.unit ?? "s"})`;
    };
  const kinds = {
    delay: time(LONGEST),
    rtt: time(2 * LONGEST),
    jitter: time(LONGEST),
    loss: (text: string) => shareText(text) ?? "a share, like 1% or 0.01",
  };
  for (const kind of ["delay", "rtt", "jitter", "loss"] as const) {
    const file = tables[kind];
    if (file === undefined) continue;
    const at = typeof matrix === "string" ? path : [...path, kind];
    const full = resolve(dirname(reader.file), file);
    const why = unreadable(full);
    if (why !== null || !reader.allowed(full)) {
      reader.problem(at, why ?? `${file} lies outside of where descriptors' files may lie`);
      continue;
    }
    const { cells, problems } = readTable(full, { ends: reader.ends, value: kinds[kind] });
    reader.problems(problems);
    // A round trip is the same from either end: a table may have only one half.
    const known = new Set(cells.map(({ from, to }) => `${from} ${to}`));
    for (const { from, to, value } of cells) {
      add({ from, to }, kind === "rtt" ? { delay: value / 2 } : { [kind]: value });
      if (kind === "rtt" && !known.has(`${to} ${from}`)) add({ from: to, to: from }, { delay: value / 2 });
    }
  }
}
