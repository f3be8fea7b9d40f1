// Between host order and little-endian loads of network order.

/** A 32-bit word with its bytes in the other order. */
export function swap32(word: number): number {
  return ((word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | ((word & 0xff) << 24)) >>> 0;
}
