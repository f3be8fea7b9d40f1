// What strace saw of a process that keeps registrations in LMDB: whether each was on disk before it was acknowledged.

/** For `strace -e`, with `-f -y`: what writes and syncs. */
export const TRACED_CALLS = "write,writev,pwrite64,pwritev,fdatasync,fsync,msync,openat";

export interface SyncTrace {
  /** Acknowledgements in all, and the numbers (from 1) of those that were said before their data was on disk. */
  readonly acknowledged: number;
  readonly early: readonly number[];
  /** Whether the last write of a transaction, by which it counts, is one that is synced by itself. */
  readonly synced: boolean;
}

/**
 * Reads a trace of registrations that came one at a time; `acknowledges` tells the calls that acknowledge one. LMDB
 * writes pages, syncs them, then writes which are valid through a descriptor whose writes are synced.
 */
export function readSyncTrace(trace: string, acknowledges: (call: string) => boolean): SyncTrace {
  let step: "nothing" | "written" | "synced" | "valid" = "nothing";
  let synced = false;
  let acknowledged = 0;
  const early: number[] = [];
  const unfinished = new Map<string, string>();
  for (const line of trace.split("\n")) {
    const thread = line.split(" ", 1)[0];
    if (line.endsWith("<unfinished ...>")) {
      unfinished.set(thread, line);
      continue;
    }
    // A call counts when it returns.
    const call = line.includes(" resumed>") ? (unfinished.get(thread) ?? "") : line;
    if (/openat\(.*data\.mdb", O_WRONLY\|O_DSYNC/.test(call)) synced = true;
    if (acknowledges(call)) {
      acknowledged++;
      if (step !== "valid") early.push(acknowledged);
      step = "nothing";
    } else if (!call.includes("data.mdb")) {
      // Something else.
    } else if (/ fdatasync\(/.test(call)) {
      if (step === "written") step = "synced";
    } else if (/ (write|writev|pwrite64|pwritev)\(/.test(call)) {
      step = step === "synced" ? "valid" : "written";
    }
  }
  return { acknowledged, early, synced };
}
