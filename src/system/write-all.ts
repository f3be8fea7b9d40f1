// Writing to files and pipes without leaving something over.

import { writeSync } from "node:fs";

/** Milliseconds before a pipe that is full is tried again. */
const AGAIN_MS = 1;

/**
 * Writes all of `bytes`: the system may take less at a time, as on a disk that is nearly full. Waits for the reader of a
 * pipe that is full, as C's library does, also where the pipe itself would not. Throws what the system says.
 */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; )
    try {
      done += writeSync(fd, bytes, done);
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== "EAGAIN") throw e;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
    }
}
