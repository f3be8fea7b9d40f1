// A file that one holder at a time has locked: flock(2), which the kernel gives back however its holder ends.

import { closeSync, ftruncateSync, readFileSync, realpathSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { DeviceError } from "../router/device.js";
import { checkOwnFolder, NotOwnError, openOwnFile } from "../system/own-files.js";
import { writeAll } from "../system/write-all.js";
import * as sys from "./syscalls.js";

const LOCK_EX = 2;
const LOCK_NB = 4;
/** A holder that is just ending may have its time: so often it is tried again, and milliseconds between. */
const TRIES = 50;
const AGAIN = 20;

/** Holder as the file says it, for whoever comes second; nobody else reads it. */
const HOLDER_MAX = 300;

/** Unlocks a file. Whoever has `fd` besides, as a child process may, holds the lock, too. */
export type Unlock = (() => void) & { readonly fd: number };

/**
 * Locks a file, made if it is not there, and writes into it who has it; the function returned unlocks it. A lock is of
 * whoever opened the file: it holds against the same process and against other namespaces, too. Whoever can open the
 * file can lock it: it is this user's alone, in a folder that nobody else may write to. Rejects with DeviceError:
 * `BUSY` names who has it, `PERMISSION` who else could, `IO`, `UNSUPPORTED` where there are no system calls.
 */
export async function lockFile(path: string): Promise<Unlock> {
  const calls = new sys.Syscalls();
  let fd: number;
  try {
    checkOwnFolder(realpathSync(dirname(path)));
    // Locks are never taken on trust: what others may read is closed to them from now on.
    fd = openOwnFile(path, "r+", { create: true, tighten: true });
  } catch (error) {
    const why = `cannot lock ${path}: ${(error as Error).message}`;
    throw new DeviceError(error instanceof NotOwnError ? "PERMISSION" : "IO", why);
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
  writeAll(fd, Buffer.from(`process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}\n`));
  let held = true;
  const unlock = (): void => {
    // The file stays: unlinked, a second holder could lock another one of its name.
    if (held) closeSync(fd);
    held = false;
  };
  return Object.assign(unlock, { fd });
}

function holderOf(path: string): string {
  try {
    const line = readFileSync(path, "latin1").slice(0, HOLDER_MAX).split("\n", 1)[0];
    return /^process \d+ on [\w.-]+, since [\w.:-]+$/.test(line) ? line : "another process";
  } catch {
    return "another process";
  }
}

/**
 * `lockFile`, where there are locks; elsewhere nothing keeps others from using the file's folder, and `log` is told.
 * Rejects as `lockFile` does.
 */
export async function lockWhereLocksAre(path: string, log: (line: string) => void): Promise<() => void> {
  try {
    return await lockFile(path);
  } catch (e) {
    if (!(e instanceof DeviceError) || e.code !== "UNSUPPORTED") throw e;
    log(`nothing keeps others from using ${path}'s folder: no locks here`);
    return () => {};
  }
}
