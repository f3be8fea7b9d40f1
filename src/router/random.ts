// Random numbers of one router: cryptographic in real time, seeded in simulation.

import { randomFillSync } from "node:crypto";

export interface Random {
  /** Uniform in [0, 2^32). */
  u32(): number;
  /** Uniform in [0, 1), 32 bits of it random. */
  real(): number;
  /** Uniform whole number in [0, n), without bias; n from 1 to 2^32. */
  below(n: number): number;
}

abstract class RandomBase implements Random {
  abstract u32(): number;

  real(): number {
    return this.u32() / 4294967296;
  }

  below(n: number): number {
    // Numbers past the largest multiple of n are drawn again.
    const limit = 4294967296 - (4294967296 % n);
    let x = this.u32();
    while (x >= limit) x = this.u32();
    return x % n;
  }
}

/** From the operating system, in blocks: nonces of a running router must not be guessable. */
export class SystemRandom extends RandomBase {
  readonly #block = new Uint32Array(256);
  #next = 256;

  u32(): number {
    if (this.#next === 256) {
      randomFillSync(this.#block);
      this.#next = 0;
    }
    return this.#block[this.#next++];
  }
}

/** xoshiro128** (Blackman and Vigna), its state filled from the seed by a mixing sequence. */
export class SeededRandom extends RandomBase {
  readonly #s = new Uint32Array(4);

  constructor(seed: number) {
    super();
    let x = seed >>> 0;
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) >>> 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      this.#s[i] = z ^ (z >>> 16);
    }
  }

  u32(): number {
    const s = this.#s;
    const x = Math.imul(s[1], 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }
}
