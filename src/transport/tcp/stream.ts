// A stream of pseudo-random bytes that both ends know: the byte at any position follows from the position and a seed.
// So a receiver can check every byte as it comes, in any order, without a file. Four bytes come of one 32-bit number,
// the least significant first.

/** The number that bytes 4 * `word` to 4 * `word` + 3 of stream `seed` are made of. */
function wordAt(seed: number, word: number): number {
  // The mixing of a 32-bit hash (MurmurHash3's finalizer); the high bits of very long streams count too.
  let x = Math.imul(word >>> 0, 0x9e3779b1) ^ Math.imul(Math.floor(word / 4294967296) + 1, 0x85ebca77) ^ seed;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** The byte at `offset` of stream `seed`. */
export function streamByte(seed: number, offset: number): number {
  return (wordAt(seed, Math.floor(offset / 4)) >>> (8 * (offset % 4))) & 255;
}

/** Writes bytes `offset` to `offset` + `length` of stream `seed` to `at`. */
export function writeStream(view: DataView, at: number, seed: number, offset: number, length: number): void {
  let done = 0;
  for (; done < length && (offset + done) % 4 !== 0; done++)
    view.setUint8(at + done, streamByte(seed, offset + done));
  for (let word = (offset + done) / 4; done + 4 <= length; done += 4, word++)
    view.setInt32(at + done, wordAt(seed, word), true);
  for (; done < length; done++) view.setUint8(at + done, streamByte(seed, offset + done));
}

/** How many of `length` bytes at `at` are not what stream `seed` has from `offset` on. */
export function streamErrors(
  view: DataView,
  at: number,
  seed: number,
  offset: number,
  length: number,
): number {
  let wrong = 0;
  const check = (i: number): void => {
    if (view.getUint8(at + i) !== streamByte(seed, offset + i)) wrong++;
  };
  let done = 0;
  for (; done < length && (offset + done) % 4 !== 0; done++) check(done);
  for (let word = (offset + done) / 4; done + 4 <= length; done += 4, word++) {
    if (view.getInt32(at + done, true) === wordAt(seed, word)) continue;
    for (let i = 0; i < 4; i++) check(done + i);
  }
  for (; done < length; done++) check(done);
  return wrong;
}
