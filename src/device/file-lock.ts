// A file that one holder at a time has locked: flock(2), which the kernel gives back however its holder ends.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { DeviceError } from "../router/device.js";
import * as sys from "./syscalls.js";

const LOCK_EX = 2;
const LOCK_NB = 4;
/** A holder that is just ending may have its time: so often it is tried again, and milliseconds between. */
const TRIES = 50;
const AGAIN = 20;

/** Holder as the file says it, for whoever comes second; nobody else reads it. */
const HOLDER_MAX = 300;

/**
 * Locks a file, made if it is not there, and writes into it who has it; the function returned unlocks it. A lock is of
 * whoever opened the file: it holds against the same process and against other namespaces, too. Rejects with
 * DeviceError: `BUSY` names who has it, `IO`, `UNSUPPORTED` where there are no system calls.
 */
export async function lockFile(path: string): Promise<() => void> {
  const calls = new sys.Syscalls();
  let fd: number;
  try {
    fd = openSync(path, "a+");
  } catch (error) {
    throw new DeviceError("IO", (error as Error).message);
  }
  // Counted, not timed: on a busy machine the holder has as much more time as we have.
  let tries = 0;
  while (calls.flock(fd, LOCK_EX | LOCK_NB) < 0) {
    const { errno } = calls;
    if (errno === sys.EINTR) continue;
    if (errno === sys.EAGAIN && tries++ < TRIES) {
      await new Promise((later) => setTimeout(later, AGAIN));
      continue;
    }
    const holder = errno === sys.EAGAIN ? holderOf(path) : "";
    closeSync(fd);
    if (errno === sys.EAGAIN) throw new DeviceError("BUSY", `${holder} has it`);
    throw new DeviceError("IO", `cannot lock ${path}: ${sys.errorText(errno)}`);
  }
  // Only told, never trusted: what counts is the lock.
  ftruncateSync(fd, 0);
  writeSync(fd, `process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}\n`);
  let held = true;
  return () => {
    // The file stays: unlinked, a second holder could lock another one of its name.
    if (held) closeSync(fd);
    held = false;
  };
}

function holderOf(path: string): string {
  try {
    const line = readFileSync(path, "latin1").slice(0, HOLDER_MAX).split("\n", 1)[0];
    return /^process \d+ on [\w.-]+, since [\w.:-]+$/.test(line) ? line : "another process";
  } catch {
    return "another process";
  }
}
