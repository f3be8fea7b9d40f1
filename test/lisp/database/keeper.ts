// The process that has a store open, as the system shows it.

import { readdirSync, readFileSync } from "node:fs";

/** The number of the process that has the store in `folder` open; null when there is none. Linux only. */
export function keeperOf(folder: string): number | null {
  for (const name of readdirSync("/proc").filter((n) => /^\d+$/.test(n)))
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "latin1").split("\0");
      if (words.some((w) => w.endsWith("/lmdb-main.js")) && words.includes(folder)) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  return null;
}
