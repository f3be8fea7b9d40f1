// Where an xTR keeps how far its nonces have come (RFC 9301, section 5.6): one file, one hexadecimal number.

import { closeSync, fsyncSync, ftruncateSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { type Clock, wallTime } from "../../router/clock.js";
import { SluiceError } from "../../sluice-error.js";
import { openOwnFile, readOwnFile } from "../../system/own-files.js";
import { writeAll } from "../../system/write-all.js";
import { NonceCounter, nonceText } from "./nonce-policy.js";

/** A file that holds no nonce, or cannot be read or written. */
export class NonceFileError extends SluiceError {
  readonly code = "NONCE_FILE";
}

/**
 * Nonces that go on where the file says that those of former runs ended, or at the wall clock's seconds (upper half)
 * where that is later: without a file (null) the clock alone keeps them increasing over a restart. `block`: how many are
 * reserved in the file at once. Throws NonceFileError, also out of `next`, when the file cannot be read or written.
 */
export function nonceCounter(clock: Clock, file: string | null, block?: number): NonceCounter {
  const { seconds, nanoseconds } = wallTime(clock, clock.now());
  const byClock = (BigInt(seconds) << 32n) | (BigInt(nanoseconds) << 2n);
  if (file === null) return new NonceCounter(byClock);
  const stored = read(file);
  return new NonceCounter(stored > byClock ? stored : byClock, (limit) => write(file, limit), block);
}

function read(file: string): bigint {
  let text: string;
  try {
    text = readOwnFile(file).trim();
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === "ENOENT") return 0n;
    throw new NonceFileError((e as Error).message);
  }
  if (!/^[0-9a-f]{1,16}$/.test(text)) throw new NonceFileError(`${file} does not hold a nonce`);
  return BigInt(`0x${text}`);
}

/** The new file is on disk, under its name, before this returns: a nonce used twice would be refused as a replay. */
function write(file: string, nonce: bigint): void {
  try {
    const next = `${file}.new`;
    const fd = openOwnFile(next, "r+", { create: true });
    try {
      // What a run that was killed has left.
      ftruncateSync(fd, 0);
      writeAll(fd, Buffer.from(`${nonceText(nonce)}\n`));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(next, file);
    const folder = openSync(dirname(file), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (e) {
    throw new NonceFileError((e as Error).message);
  }
}
