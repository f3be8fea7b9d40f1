// Sequence numbers. On the wire they have 32 bits and wrap (RFC 9293 section 3.4); inside they are positions, whole
// numbers that count on from the SYN, which is 0. So they are compared as numbers are, and the first data byte is 1.

const HALF = 2 ** 31;

/** The sequence number of `position`, given that of the SYN. */
export function wireNumber(initial: number, position: number): number {
  return (initial + position) >>> 0;
}

/** The position of a sequence number: of all it may stand for, the one nearest to `near`. May be negative. */
export function positionOf(initial: number, wire: number, near: number): number {
  return near + signedDistance(wire, wireNumber(initial, near));
}

/** How far 32-bit number `a` is ahead of `b`, from -2^31 to 2^31 - 1: for sequence numbers and timestamps. */
export function signedDistance(a: number, b: number): number {
  const distance = (a - b) >>> 0;
  return distance < HALF ? distance : distance - 2 * HALF;
}
