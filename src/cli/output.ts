// What becomes of the program when its output cannot be written. A reader that goes away ends a command without a word,
// as SIGPIPE ends other programs; what serves others goes on. A full disk is told in one line. Both are in the status.

import { constants } from "node:os";
import type { Writable } from "node:stream";
import { systemError } from "../router/system-error.js";
import { writeAll } from "../system/write-all.js";

/** As a shell has it for a program that a signal ended. */
const READER_GONE = 128 + constants.signals.SIGPIPE;

export class Output {
  readonly #serves: boolean;
  readonly #gone = new AbortController();
  #failed = 0;
  #told = false;

  /** `serves`: what is printed is not what the program runs for. */
  constructor(serves: boolean) {
    this.#serves = serves;
    this.#guard(process.stdout, "standard output");
    this.#guard(process.stderr, "standard error");
  }

  /** Aborted when a reader went away. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The exit status of a command that ended with `status`. */
  status(status: number): number {
    return status === 0 ? this.#failed : status;
  }

  /** Output could not be written, the command's own or another one: `error` says why. */
  lost(error: unknown): void {
    const gone = (error as NodeJS.ErrnoException).code === "EPIPE";
    if (gone) this.#gone.abort();
    this.#failed ||= gone ? READER_GONE : 1;
    // It may have been told before the system said so.
    if (process.exitCode === 0) process.exitCode = this.#failed;
  }

  #guard(stream: Writable & { readonly fd: number }, name: string): void {
    const failed = (error: Error): void => {
      this.lost(error);
      const tell = (error as NodeJS.ErrnoException).code !== "EPIPE" && !this.#told;
      this.#told ||= tell;
      if (tell) process.stderr.write(`sluice: ${name}: ${systemError(error)}\n`);
      if (!this.#serves) process.exit(this.#failed);
    };
    stream.on("error", failed);
    // Node's own stream for files writes once, and what the system did not take is lost without an error.
    if ("_type" in stream && stream._type === "fs")
      stream._write = (chunk: Uint8Array, _encoding, done) => {
        try {
          writeAll(stream.fd, chunk);
        } catch (e) {
          failed(e as Error);
        }
        // With an error it would write nothing any more, also when there is room again.
        done();
      };
  }
}
