// Slow, plain twins of the checksum and header kernels, on byte arrays.

/** One's complement sum of big-endian 16-bit words, a last odd byte padded with zero; folded to 16 bits. */
export function plainSum(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return sum;
}

/** The value of a checksum field over the bytes. */
export function plainChecksum(bytes: Uint8Array, initial = 0): number {
  return 0xffff - plainSum(bytes, initial);
}

/** A 16-bit number with its bytes swapped: from the kernels' little-endian loads to network order, and back. */
export function swap16(n: number): number {
  return ((n & 0xff) << 8) | (n >>> 8);
}

/** An IPv4 header (with a right checksum, unless `checksum` is given) and `payload` bytes. */
export function ipv4(fields: {
  readonly words?: number;
  readonly version?: number;
  readonly total?: number;
  readonly ttl?: number;
  readonly checksum?: number;
  readonly source?: readonly number[];
  readonly destination?: readonly number[];
  readonly payload?: number;
}): Uint8Array {
  const words = fields.words ?? 5;
  const header = Math.max(20, words * 4);
  const payload = fields.payload ?? 8;
  const bytes = new Uint8Array(header + payload).fill(0xa5, header);
  const view = new DataView(bytes.buffer);
  bytes[0] = ((fields.version ?? 4) << 4) | words;
  view.setUint16(2, fields.total ?? header + payload);
  bytes[8] = fields.ttl ?? 64;
  bytes[9] = 17;
  bytes.set(fields.source ?? [10, 0, 0, 1], 12);
  bytes.set(fields.destination ?? [10, 0, 0, 2], 16);
  view.setUint16(10, fields.checksum ?? plainChecksum(bytes.subarray(0, words * 4)));
  return bytes;
}

export interface CheckOptions {
  readonly offset: number;
  readonly checksum: boolean;
  /** Addresses as text, "10.0.0.1". */
  readonly badSource: readonly string[];
  readonly goodDestination: readonly string[];
}

/** What CheckIPHeader makes of the data: the reason's number, or what is left of the data and the header's length. */
export function plainCheck(
  data: Uint8Array,
  options: CheckOptions,
): number | { length: number; header: number } {
  const ip = data.subarray(Math.min(options.offset, data.length));
  if (ip.length < 20) return 0;
  if (ip[0] >>> 4 !== 4) return 1;
  const header = (ip[0] & 15) * 4;
  if (header < 20) return 2;
  const total = ip[2] * 256 + ip[3];
  if (total > ip.length || total < header) return 3;
  if (options.checksum && plainSum(ip.subarray(0, header)) !== 0xffff) return 4;
  const source = ip.subarray(12, 16).join(".");
  const destination = ip.subarray(16, 20).join(".");
  if (options.badSource.includes(source) && !options.goodDestination.includes(destination)) return 5;
  return { length: options.offset + total, header };
}
