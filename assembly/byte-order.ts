// Between network order and little-endian words. Not exported from the module.

/** The low 16 bits of `n` with their bytes in the other order; what is above goes. */
// @ts-ignore: decorator
@inline
export function swap16(n: u32): u32 {
  return ((n & 0xff) << 8) | ((n >> 8) & 0xff);
}
