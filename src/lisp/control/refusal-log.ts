// What is refused, on the log: at once, and of each sender once in a while only, so that nobody can flood the log nor
// keep others off it.

import type { Element } from "../../router/element.js";
import type { Timer } from "../../router/timer.js";
import { TokenBucket } from "../../router/token-bucket.js";

/** Nanoseconds between two lines of one sender for one reason. */
const INTERVAL = 10e9;
/** Lines a second, and at once, of all senders together: what is over waits. */
const RATE = 20;
const BURST = 100;
/** Lines that are remembered, or wait. */
const LINES_MAX = 1024;

interface Line {
  text: string;
  /** How often it has happened since it was last on the log. */
  count: number;
  /** Steady nanoseconds until which it is not on the log again. */
  until: number;
}

export class RefusalLog {
  readonly #element: Element;
  readonly #timer: Timer;
  readonly #bucket: TokenBucket;
  /** By reason and sender: those to be told, the oldest first, and those told lately, in the order of `until`. */
  readonly #waiting = new Map<string, Line>();
  readonly #told = new Map<string, Line>();
  /** Refusals for which there was no room. */
  #others = 0;

  constructor(element: Element) {
    this.#element = element;
    this.#timer = element.newTimer(() => this.#run());
    this.#bucket = TokenBucket.full(RATE, BURST, element.router.clock.now());
  }

  /** Tells what was refused of a sender, and why: `reason` is one word of a few. Of those within INTERVAL the last text. */
  tell(sender: string, reason: string, text: string): void {
    const name = `${reason} ${sender}`;
    const line = this.#told.get(name) ?? this.#waiting.get(name);
    if (line !== undefined) {
      line.text = text;
      line.count++;
    } else if (this.#told.size + this.#waiting.size >= LINES_MAX) this.#others++;
    else {
      this.#waiting.set(name, { text, count: 1, until: 0 });
      this.#run();
    }
  }

  #run(): void {
    const now = this.#element.router.clock.now();
    for (const [name, line] of this.#told) {
      if (line.until > now) break;
      this.#told.delete(name);
      if (line.count > 0) this.#waiting.set(name, line);
    }
    for (const [name, line] of this.#waiting) {
      if (this.#bucket.take(1, now) === 0) break;
      const again = line.count > 1 ? ` (${line.count} times in ${INTERVAL / 1e9} s)` : "";
      this.#log(`${line.text}${again}`);
      line.count = 0;
      line.until = now + INTERVAL;
      this.#waiting.delete(name);
      this.#told.set(name, line);
    }
    if (this.#others > 0 && this.#waiting.size === 0 && this.#bucket.take(1, now) === 1) {
      this.#log(`${this.#others} more refusals, of too many senders to name each`);
      this.#others = 0;
    }
    this.#schedule();
  }

  #log(text: string): void {
    this.#element.router.log(`${this.#element.declaration}: ${text}`);
  }

  #schedule(): void {
    const told = this.#told.values().next();
    if (this.#waiting.size > 0) this.#timer.scheduleAt(this.#bucket.next(1));
    else if (told.done) this.#timer.unschedule();
    else this.#timer.scheduleAt(told.value.until);
  }
}
