// The Internet checksum (RFC 1071), for slow paths; batches are summed by the kernels of assembly/checksum.ts.

/** Adds `bytes` to a one's complement sum of big-endian words; an odd last byte is padded with zero. */
export function addToSum(sum: number, bytes: Uint8Array): number {
  let total = sum;
  for (let i = 0; i + 1 < bytes.length; i += 2) total += (bytes[i] << 8) | bytes[i + 1];
  if (bytes.length % 2 === 1) total += bytes[bytes.length - 1] << 8;
  while (total > 0xffff) total = (total % 0x10000) + Math.floor(total / 0x10000);
  return total;
}

/** The checksum of `bytes`, whose checksum field is zero; 0 over bytes whose field is right. */
export function checksum(bytes: Uint8Array, sum = 0): number {
  return addToSum(sum, bytes) ^ 0xffff;
}

/**
 * The sum of the pseudo header of a transport message of `length` bytes, for `checksum`'s second argument:
 * RFC 768 for addresses of 4 bytes, RFC 8200 section 8.1 for 16.
 */
export function pseudoSum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): number {
  const rest = Uint8Array.of(0, protocol, (length >>> 24) & 255, (length >>> 16) & 255, length >>> 8, length);
  return addToSum(addToSum(addToSum(0, source), destination), rest);
}
