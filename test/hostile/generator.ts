// Hostile packets: random bytes, and valid packets cut, bent and spliced. The same seed gives the same packets.

import type { Random } from "../../src/router/random.js";
import { seedPackets } from "./seeds.js";

/** The longest packet made, bytes: a whole default buffer. */
export const LONGEST = 2048;

/** Values that fields are bent to. */
const EDGES = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 19, 20, 21, 39, 40, 41, 60, 63, 64, 127, 128, 254, 255];
const EDGES_16 = [
  0, 1, 7, 8, 19, 20, 27, 28, 39, 40, 576, 1279, 1280, 1500, 2047, 2048, 0x7fff, 0x8000, 0xfffe, 0xffff,
];
/** First bytes that decide a lot: versions and header lengths. */
const FIRSTS = [0x00, 0x40, 0x44, 0x45, 0x46, 0x4f, 0x50, 0x60, 0x6f, 0x80, 0xff];

export class HostilePackets {
  readonly #random: Random;
  readonly #seeds: readonly Uint8Array[];
  /** The packet made last is at the start of this. */
  readonly bytes: Uint8Array = new Uint8Array(LONGEST);
  readonly #view: DataView = new DataView(this.bytes.buffer);
  // Where the systematic part stands: every seed cut to every length.
  #seed = 0;
  #cut = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#seeds = seedPackets();
    this.#seed = random.below(this.#seeds.length);
  }

  /** Makes the next packet of at most `limit` bytes; returns its length. */
  next(limit: number): number {
    const kind = this.#random.below(16);
    let length: number;
    if (kind < 4) length = this.#truncated();
    else if (kind === 4) length = this.#noise();
    else if (kind === 5) length = this.#spliced();
    else length = this.#mutated();
    return Math.min(length, limit);
  }

  /** Cuts one seed after the other to each of its lengths in turn. */
  #truncated(): number {
    const seed = this.#seeds[this.#seed];
    const length = this.#cut++;
    this.bytes.set(seed);
    if (this.#cut > seed.length) {
      this.#cut = 0;
      this.#seed = (this.#seed + 1) % this.#seeds.length;
    }
    return length;
  }

  #noise(): number {
    const random = this.#random;
    const length = random.below(random.below(8) === 0 ? LONGEST + 1 : 160);
    for (let i = 0; i < length; i++) this.bytes[i] = random.below(256);
    if (length > 0 && random.below(2) === 0) this.bytes[0] = FIRSTS[random.below(FIRSTS.length)];
    return length;
  }

  #spliced(): number {
    const random = this.#random;
    const head = this.#pick();
    const tail = this.#pick();
    const at = random.below(head.length + 1);
    const from = random.below(tail.length + 1);
    this.bytes.set(head.subarray(0, at));
    this.bytes.set(tail.subarray(from), at);
    return at + tail.length - from;
  }

  #mutated(): number {
    const random = this.#random;
    const seed = this.#pick();
    this.bytes.set(seed);
    let { length } = seed;
    if (length === 0) return 0;
    // Most of what decides stands in front.
    const place = (): number =>
      random.below(2) === 0 ? random.below(Math.min(length, 64)) : random.below(length);
    for (let n = random.below(4); n >= 0; n--) {
      const at = place();
      switch (random.below(8)) {
        case 0:
          this.bytes[at] ^= 1 << random.below(8);
          break;
        case 1:
          this.bytes[at] = EDGES[random.below(EDGES.length)];
          break;
        case 2:
          if (at + 2 <= length) this.#view.setUint16(at, EDGES_16[random.below(EDGES_16.length)]);
          break;
        case 3:
          this.bytes[at] = random.below(256);
          break;
        case 4:
          this.bytes[0] = FIRSTS[random.below(FIRSTS.length)];
          break;
        case 5:
          this.#view.setUint16(at & ~1, length - (at & ~1));
          break;
        case 6:
          // As long as its lengths may claim.
          if (random.below(4) === 0) {
            const longer = length + random.below(LONGEST + 1 - length);
            this.bytes.fill(random.below(256), length, longer);
            length = longer;
          } else length = random.below(length) + 1;
          break;
        default:
        // as it is
      }
    }
    if (random.below(3) !== 0) this.#mend(length);
    return length;
  }

  /** Corrects the IPv4 header checksum, so that what is wrong elsewhere gets past the first check. */
  #mend(length: number): void {
    for (const at of [0, 14]) {
      const header = (this.bytes[at] & 15) * 4;
      if (this.bytes[at] >> 4 !== 4 || header < 20 || at + header > length) continue;
      this.#view.setUint16(at + 10, 0);
      let sum = 0;
      for (let i = 0; i < header; i += 2) sum += this.#view.getUint16(at + i);
      sum = (sum & 0xffff) + (sum >>> 16);
      this.#view.setUint16(at + 10, ~((sum & 0xffff) + (sum >>> 16)) & 0xffff);
      return;
    }
  }

  #pick(): Uint8Array {
    return this.#seeds[this.#random.below(this.#seeds.length)];
  }
}
