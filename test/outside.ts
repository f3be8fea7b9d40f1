// What a test process has outside of itself (namespaces, processes, folders): given back when it ends, also when it is
// told to end by a signal. What it cannot give back any more, because it was killed, the runner does: it reads what is
// noted here.

import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ledger } from "../src/vnf/state/ledger.js";

/** Milliseconds that giving back may take after a signal. The runner waits somewhat longer. */
const PATIENCE_MS = 5000;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

const file = join(tmpdir(), `resources-${process.pid}`);
/** Where to note what outlives this process when it is killed, before it is made. */
export const ledger: Ledger = new Ledger(file);

const undos = new Set<() => unknown>();
let listening = false;

/**
 * Lets `undo` run, once, when the process is told to end or ends by itself; not any more when the function that this
 * returns was called. By then only what `undo` does without waiting is done, except after a signal.
 */
export function atEnd(undo: () => unknown): () => void {
  if (!listening) listen();
  undos.add(undo);
  return () => undos.delete(undo);
}

function listen(): void {
  listening = true;
  process.on("exit", () => {
    void undoAll();
    if (ledger.resources().length === 0) rmSync(file, { force: true });
  });
  for (const [signal, number] of Object.entries(SIGNALS))
    process.once(signal, () => {
      setTimeout(() => process.exit(128 + number), PATIENCE_MS);
      void undoAll().then(() => process.exit(128 + number));
    });
}

/** The last made first. */
async function undoAll(): Promise<void> {
  const all = [...undos].reverse();
  undos.clear();
  const done = all.map(async (undo) => undo());
  for (const result of await Promise.allSettled(done))
    if (result.status === "rejected") console.error(result.reason);
}
