// How far an experiment has come, on standard error: a bar on a terminal, now and then a line elsewhere.

import { duration } from "./lab-text.js";

const BAR = 30;
/** Milliseconds between two lines in a pipe. */
const LINE_MS = 10_000;

export class LabProgress {
  readonly #total: number;
  readonly #start = performance.now();
  #said = performance.now();
  #shown = false;

  constructor(total: number) {
    this.#total = total;
  }

  /** `done` runs of the total, `failed` of them failed. */
  show(done: number, failed: number): void {
    const now = performance.now();
    const left = ((now - this.#start) / 1000 / done) * (this.#total - done);
    const more = failed === 0 ? "" : `, ${failed} failed`;
    const text = `${done} of ${this.#total} runs${more}, about ${duration(left)} left`;
    if (process.stderr.isTTY) {
      const full = Math.floor((done / this.#total) * BAR);
      process.stderr.write(`\r\x1b[K[${"#".repeat(full).padEnd(BAR, "-")}] ${text}`);
      this.#shown = true;
    } else if (now - this.#said >= LINE_MS && done < this.#total) {
      process.stderr.write(`${text}\n`);
      this.#said = now;
    }
  }

  /** Takes the bar away. */
  end(): void {
    if (this.#shown) process.stderr.write("\r\x1b[K");
  }
}
