// HyStart (Ha and Rhee, "Taming the elephants: new TCP slow start", 2011), as Linux has it: leaves slow start before it
// overruns the queue, when the acknowledgements of one round come for longer than half a round-trip time, or when the
// round-trip time has grown by an eighth.

/** Below this window nothing is concluded, segments. */
const LEAST_WINDOW = 16;
/** Acknowledgements that follow one another within this belong to one train, ns. */
const TRAIN_GAP = 2e6;
/** A train is longer by this because its sender does not send all at one moment, ns. */
const TRAIN_SLACK = 1e6;
/** Measurements of a round before its round-trip time is judged. */
const SAMPLES = 8;
/** An eighth of the round-trip time counts as growth, within these bounds, ns. */
const GROWTH_LEAST = 4e6;
const GROWTH_MOST = 16e6;

export class HyStart {
  #found = false;
  #roundEnd = 0;
  #roundStart = 0;
  #lastAck = 0;
  #samples = 0;
  #roundRtt = Number.POSITIVE_INFINITY;
  #started = false;

  /** Begins anew, for another slow start. */
  reset(): void {
    this.#found = false;
    this.#started = false;
  }

  /** Takes a round-trip time, ns, measured in slow start; `least` is that of the path. Returns whether to leave it. */
  exits(
    size: number,
    rtt: number,
    least: number,
    { now, una, next }: { readonly now: number; readonly una: number; readonly next: number },
  ): boolean {
    if (this.#found) return false;
    if (!this.#started || una > this.#roundEnd) {
      this.#started = true;
      this.#roundStart = this.#lastAck = now;
      this.#roundEnd = next;
      this.#samples = 0;
      this.#roundRtt = Number.POSITIVE_INFINITY;
    }
    if (size < LEAST_WINDOW) return false;
    if (now - this.#lastAck <= TRAIN_GAP) {
      this.#lastAck = now;
      if (now - this.#roundStart > (least + TRAIN_SLACK) / 2) this.#found = true;
    }
    this.#roundRtt = Math.min(this.#roundRtt, rtt);
    if (this.#samples < SAMPLES) this.#samples++;
    else if (this.#roundRtt > least + Math.min(Math.max(least / 8, GROWTH_LEAST), GROWTH_MOST))
      this.#found = true;
    return this.#found;
  }
}
