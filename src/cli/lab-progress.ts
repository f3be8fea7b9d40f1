// How far an experiment has come, on standard error: a bar on a terminal, now and then a line elsewhere.

import { duration } from "./lab-text.js";

const BAR = 30;
/** Milliseconds between two lines in a pipe. */
const LINE_MS = 10_000;

export class LabProgress {
  readonly #total: number;
  readonly #together: number;
  readonly #start = performance.now();
  #said = performance.now();
  #shown = false;

  /** `together` of the runs go on at a time. */
  constructor(total: number, together: number) {
    this.#total = total;
    this.#together = together;
  }

  /** `done` runs of the total, `failed` of them failed. */
  show(done: number, failed: number): void {
    const now = performance.now();
    const left = ((now - this.#start) / 1000 / done) * (this.#total - done);
    const more = failed === 0 ? "" : `, ${failed} failed`;
    // The first of several to end tells nothing of how long they take.
    const time = done < this.#together ? "" : `, about ${duration(left)} left`;
    const text = `${done} of ${this.#total} runs${more}${time}`;
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
