// The bytes of a network-order word that a mask needs, as one load.

export interface Part {
  /** First byte within the word, and how many. */
  readonly start: number;
  readonly bytes: 1 | 2 | 4;
  /** All bits of such a load. */
  readonly full: number;
  /** The part of a word as a number. */
  value(word: number): number;
  /** The part of a word as a little-endian load sees it. */
  stored(word: number): number;
}

/** The smallest load that holds all bits of `mask`. */
export function wordPart(mask: number): Part {
  for (let start = 0; start < 4; start++) {
    const shift = 24 - start * 8;
    if ((mask & ~(0xff << shift)) !== 0) continue;
    const value = (word: number): number => (word >>> shift) & 0xff;
    return { start, bytes: 1, full: 0xff, value, stored: value };
  }
  for (let start = 0; start < 3; start++) {
    const shift = 16 - start * 8;
    if ((mask & ~(0xffff << shift)) !== 0) continue;
    const value = (word: number): number => (word >>> shift) & 0xffff;
    const stored = (word: number): number => (value(word) >>> 8) | ((value(word) & 0xff) << 8);
    return { start, bytes: 2, full: 0xffff, value, stored };
  }
  return { start: 0, bytes: 4, full: 0xffffffff, value: (word) => word >>> 0, stored: swap };
}

function swap(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
