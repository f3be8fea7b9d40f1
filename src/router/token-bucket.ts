// A token bucket: how many events a rate allows, with some saved up.

/** Fills at a rate up to a capacity. Times are steady nanoseconds. */
export class TokenBucket {
  #rate = 0;
  #capacity = 0;
  #tokens = 0;
  #time = 0;

  /** A bucket of a rate (tokens a second) that is full at `now`. */
  static full(rate: number, capacity: number, now: number): TokenBucket {
    const bucket = new TokenBucket();
    bucket.assign(rate, capacity);
    bucket.set(capacity, now);
    return bucket;
  }

  /** Tokens a second. */
  get rate(): number {
    return this.#rate;
  }

  /** Sets the rate (tokens a second; 0: it never fills) and what it can hold; tokens beyond that are lost. */
  assign(rate: number, capacity: number): void {
    this.#rate = rate;
    this.#capacity = capacity;
    this.#tokens = Math.min(this.#tokens, capacity);
  }

  /** Makes it hold `tokens` at `now`. */
  set(tokens: number, now: number): void {
    this.#tokens = Math.min(tokens, this.#capacity);
    this.#time = now;
  }

  /** Adds what has come since the last refill. */
  refill(now: number): void {
    const added = ((now - this.#time) * this.#rate) / 1e9;
    this.#tokens = Math.min(this.#capacity, this.#tokens + added);
    this.#time = now;
  }

  /** Refills it and takes up to `max` whole tokens; returns how many. */
  take(max: number, now: number): number {
    this.refill(now);
    // A millionth of a token forgives what rounding to nanoseconds lost.
    const taken = Math.min(max, Math.floor(this.#tokens + 1e-6));
    this.#tokens = Math.max(0, this.#tokens - taken);
    return taken;
  }

  /** When it will hold `tokens` tokens if none are taken; Infinity when never. */
  next(tokens: number): number {
    if (this.#rate === 0 || tokens > this.#capacity) return Number.POSITIVE_INFINITY;
    return this.#time + Math.ceil(((tokens - this.#tokens) * 1e9) / this.#rate);
  }
}
