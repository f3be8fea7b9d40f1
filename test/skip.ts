// Tests that need more than Node: root, a compiler, an emulator.

import { test as uvuTest } from "uvu";

/** A line that says which test was skipped and why; run.ts counts these and repeats them. */
export const SKIP_LINE: RegExp = /^SKIP [^\n]+: [^\n]+$/;

type Declare = (name: string, body: () => void | Promise<void>) => void;

/**
 * Where `condition` holds, declares tests as `test` does (that of a suite may be given);
 * elsewhere it prints `SKIP name: reason` for each and declares nothing. `test.run()` is
 * needed all the same:
 *
 *     const rootTest = skipUnless(process.getuid?.() === 0, "needs root");
 *     rootTest("a namespace's ping is answered", async () => { ... });
 *     test.run();
 */
export function skipUnless(condition: boolean, reason: string, test: Declare = uvuTest): Declare {
  if (condition) return test;
  return (name) => console.log(`SKIP ${oneLine(name)}: ${oneLine(reason)}`);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim() || "(none)";
}
