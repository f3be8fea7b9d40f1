// Whether an instance in a thread or process still lives: an endless loop ends nothing by itself.

import type { End } from "./instance.js";

const LOOK_MS = 500;
/** Looks without a sign of life after which it hangs. Many: where processors are short a thread may wait for seconds. */
const LOOKS = 20;

/**
 * Looks for signs of life until `end` is called. Looks are counted and not time: who was held up itself, or stopped,
 * has not looked.
 */
export class LifeWatch {
  readonly #timer: NodeJS.Timeout;
  #still = 0;

  /** `alive`: whether there was a sign since it was last asked. `hung` is called once. */
  constructor(alive: () => boolean, hung: (end: End) => void) {
    this.#timer = setInterval(() => {
      this.#still = alive() ? 0 : this.#still + 1;
      if (this.#still < LOOKS) return;
      this.end();
      const seconds = (LOOK_MS * LOOKS) / 1000;
      hung({ kind: "hung", message: `no sign of life in ${seconds} s: an endless loop?` });
    }, LOOK_MS);
    this.#timer.unref();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
