// What the report handlers of sinks are asked.

import { HandlerError } from "../../router/handler.js";

export interface ReportArgs {
  /** Only streams of this number. */
  readonly number?: number;
  readonly json: boolean;
}

/** Reads `[NUMBER] [--json]`, in either order; `what` the number is stands in the error. Throws HandlerError. */
export function reportArgs(text: string, what: string): ReportArgs {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const json = words.includes("--json");
  const [word, ...more] = words.filter((w) => w !== "--json");
  if (word === undefined) return { json };
  const number = Number(word);
  if (more.length > 0 || !/^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(word) || number > 0xffffffff)
    throw new HandlerError("FAILED", `expected '[${what}] [--json]', not '${text.trim()}'`);
  return { number, json };
}
