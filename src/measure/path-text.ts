// What is known of paths as handlers show it: a line each, or a JSON object each.

import { linesOf } from "../router/lines.js";
import type { PathReport, PathTable } from "./path-table.js";

/** Paths of one reading: each takes some microseconds to sum up. */
const PATHS_AT_ONCE = 64;

/** What the columns of `pathLine` are. */
export const PATH_COLUMNS =
  "own address, peer, up, down or unknown; probes sent and answered in the window, availability; " +
  "round-trip time in ms: last, mean, min, p50, p95, p99, max, EWMA; jitter in ms: mean, smoothed; " +
  "seconds since the last answer; - for what is not known";

/** `192.0.2.1 192.0.2.2 up 10 9 0.9000 35.000 ...`, as PATH_COLUMNS says. */
export function pathLine({
  source,
  destination,
  state,
  sent,
  answered,
  availability,
  rtt,
  jitter,
  age,
}: PathReport): string {
  const ms = (seconds: number | undefined): string =>
    seconds === undefined ? "-" : (seconds * 1e3).toFixed(3);
  const times = [rtt?.last, rtt?.mean, rtt?.min, rtt?.p50, rtt?.p95, rtt?.p99, rtt?.max, rtt?.ewma];
  return [
    source,
    destination,
    state,
    sent,
    answered,
    availability === null ? "-" : availability.toFixed(4),
    ...[...times, jitter?.mean, jitter?.smoothed].map(ms),
    age === null ? "-" : age.toFixed(3),
  ].join(" ");
}

/** The paths from `from` on (`source destination`; empty: from the first), some at a time, as `linesOf` has it. */
export function pathLines(table: PathTable, from: string, line: (report: PathReport) => string): string {
  return linesOf(
    table.paths(from),
    (path) => `${line(table.report(path))}\n`,
    ({ name }) => name,
    PATHS_AT_ONCE,
  );
}
