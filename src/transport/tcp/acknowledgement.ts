// An acknowledgement as the sending half wants it.

/** Positions, and times in steady ns. Used again and again. */
export class Acknowledgement {
  position = 0;
  /** Ends of SACK blocks, two each. */
  readonly sack: Float64Array = new Float64Array(8);
  sackCount = 0;
  /** When the timestamp that it echoes was sent, exact to a millisecond; -1 without. */
  echoed = -1;
  /** It may count as a duplicate: no data, no change of the window. */
  pure = false;
}

/** SACK blocks of the last acknowledgement: what they cover need not be looked at again. */
export class KnownBlocks {
  readonly #ends = new Float64Array(8);
  #count = 0;

  /** Keeps the blocks of `ack` from number `first` on. */
  keep({ sack, sackCount }: Acknowledgement, first: number): void {
    this.#count = sackCount - first;
    for (let i = 0; i < 2 * this.#count; i++) this.#ends[i] = sack[2 * first + i];
  }

  clear(): void {
    this.#count = 0;
  }

  /** End of the block that holds `position`; 0 where none does. */
  until(position: number): number {
    for (let i = 0; i < this.#count; i++)
      if (this.#ends[2 * i] <= position && position < this.#ends[2 * i + 1]) return this.#ends[2 * i + 1];
    return 0;
  }
}
