// Until when a router can be used, and when what it holds is released.

import { RouterError } from "./router-error.js";

/**
 * The life of something that is closed once. What it holds is released as soon as none of its own code runs, so that an
 * element which closes its router in the middle of a push still has its state until that returns.
 */
export class Lifetime {
  readonly #release: () => void;
  /** Calls of its code that have not returned. */
  #inside = 0;
  #stage: "open" | "closed" | "releasing" | "released" = "open";
  /** Ends of what waits for its code, which may never come to one by itself. */
  readonly #waiting = new Set<() => void>();

  constructor(release: () => void) {
    this.#release = release;
  }

  get closed(): boolean {
    return this.#stage !== "open";
  }

  /** Throws RouterError `CLOSED` for the call `what` when it was closed. */
  use(what: string): void {
    // Elements may look round while they are cleaned up.
    if (this.#stage === "closed" || this.#stage === "released") throw RouterError.closed(what);
  }

  /** Its code begins to run, until `leave`. */
  enter(): void {
    this.#inside++;
  }

  leave(): void {
    this.#inside--;
    this.#releaseOutside();
  }

  /** Closes it; what waits is ended. To be called once. */
  close(): void {
    this.#stage = "closed";
    for (const end of this.#waiting) end();
    this.#releaseOutside();
  }

  /** What `work` comes to; rejects with RouterError `CLOSED` for the call `what` when it is closed before. */
  unlessClosed<T>(work: Promise<T>, what: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (): void => reject(RouterError.closed(what));
      if (this.closed) end();
      this.#waiting.add(end);
      work.then(resolve, reject).finally(() => this.#waiting.delete(end));
    });
  }

  #releaseOutside(): void {
    if (this.#stage !== "closed" || this.#inside > 0) return;
    this.#stage = "releasing";
    try {
      this.#release();
    } finally {
      this.#stage = "released";
    }
  }
}
