// What a line between two ports does, as text: `20ms`, `20ms 1ms`, `20ms 1ms 0.5%`, `20ms 1ms 0.5% down`.

import { SluiceError } from "../sluice-error.js";
import type { LineView, Path } from "./lines.js";

/** Longest delay and jitter, seconds. */
export const LONGEST = 3600;

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  m: 60,
  h: 3600,
};

/** Text that is not what a line does. */
export class LineTextError extends SluiceError {
  readonly code = "LINE";
}

/** Reads `DELAY [JITTER [LOSS]] [down]`. Throws LineTextError. */
export function parsePath(words: readonly string[]): Path {
  const cut = words.at(-1) === "down";
  const numbers = cut ? words.slice(0, -1) : words;
  if (numbers.length > 3 || (numbers.length === 0 && !cut))
    throw new LineTextError("expected DELAY [JITTER [LOSS]] [down]");
  const [delay = "0", jitter = "0", loss = "0"] = numbers;
  return { delay: seconds("delay", delay), jitter: seconds("jitter", jitter), loss: share(loss), cut };
}

function seconds(what: string, text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([a-z]*)$/.exec(text) ?? [];
  const value = Number(number) * (UNITS[unit === "" ? "s" : unit] ?? Number.NaN);
  if (!(value <= LONGEST))
    throw new LineTextError(`${what} '${text}': expected a time of at most ${LONGEST} s, like 5ms`);
  return value;
}

function share(text: string): number {
  const [, number, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const value = Number(number) / (percent === "%" ? 100 : 1);
  if (number === undefined || value > 1)
    throw new LineTextError(`loss '${text}': expected a share, like 1% or 0.01`);
  return value;
}

/** What `parsePath` reads as the same. */
export function pathText({ delay, jitter, loss, cut }: Path): string {
  return [decimal(delay), decimal(jitter), decimal(loss), ...(cut ? ["down"] : [])].join(" ");
}

/** A number without an exponent. */
function decimal(n: number): string {
  const text = String(n);
  return text.includes("e") ? n.toFixed(20).replace(/\.?0+$/, "") : text;
}

/** A line of what a line does and has done: its path, whether it was set, and its counts. */
export function lineText({ path, own, counts }: LineView): string {
  const { packets, lost, down, no_room } = counts;
  const { delay, jitter, loss, cut } = path;
  const what = [decimal(delay), decimal(jitter), decimal(loss), cut ? "down" : "up", own ? "own" : "common"];
  return [...what, packets, lost, down, no_room].join(" ");
}

/** The words of a setting: FROM, TO and what the line does, null where it is to do what all others do (`-`). */
export function parseSetting(text: string): { from: string; to: string; path: Path | null } {
  const [from, to, ...rest] = text.trim().split(/\s+/);
  if (to === undefined || rest.length === 0)
    throw new LineTextError(`'${text}': expected FROM TO DELAY [JITTER [LOSS]] [down], or FROM TO -`);
  return { from, to, path: rest.length === 1 && rest[0] === "-" ? null : parsePath(rest) };
}
