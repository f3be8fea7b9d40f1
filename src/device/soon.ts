/** Calls a function once, after the current turn of the event loop. Asking again before that only replaces the function. */
export class Soon {
  #wake: (() => void) | null = null;
  readonly #run = (): void => {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  };

  call(wake: () => void): void {
    const asked = this.#wake !== null;
    this.#wake = wake;
    if (!asked) setImmediate(this.#run);
  }

  cancel(): void {
    // The pending turn finds nothing to do; a later call before it only asks for a second one.
    this.#wake = null;
  }
}
