// The Internet checksum (RFC 1071, RFC 1624). Sums and fields are passed as a
// little-endian load of the field gives them: the sum does not depend on byte
// order, so nothing is ever swapped.

import {
  FLAG_PARTIAL_CSUM, SLOT_CSUM_OFFSET, SLOT_CSUM_START, SLOT_DATA, SLOT_FLAGS, SLOT_LENGTH, SLOT_REASON,
} from "./layout";
import { count64, slotAt } from "./slot";
import { swap16 } from "./byte-order";

/** Folds a sum of 16-bit or 32-bit words to 16 bits. */
// @ts-ignore: decorator
@inline
export function csumFold(sum: u64): u32 {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return sum as u32;
}

// Below this many bytes the set-up of the vector sum costs more than it saves (measured).
const VECTOR_FROM: u32 = 64;
// Vectors that fit four 32-bit lanes before they can overflow: 2 * 0xffff a lane each.
const VECTOR_RUN: u32 = 0x4000;

// @ts-ignore: decorator
@inline
function pairs(at: u32): v128 {
  return i32x4.extadd_pairwise_i16x8_u(v128.load(at));
}

/** Sum of `length` bytes, a multiple of 64, as eight 16-bit words a vector. */
function vectorSum(at: u32, length: u32): u64 {
  let total: u64 = 0;
  while (length != 0) {
    const run = min<u32>(length, VECTOR_RUN * 16);
    const end = at + run;
    let a = i32x4.splat(0);
    let b = i32x4.splat(0);
    for (; at < end; at += 64) {
      a = i32x4.add(a, i32x4.add(pairs(at), pairs(at + 16)));
      b = i32x4.add(b, i32x4.add(pairs(at + 32), pairs(at + 48)));
    }
    const wide = i64x2.add(
      i64x2.add(i64x2.extend_low_i32x4_u(a), i64x2.extend_high_i32x4_u(a)),
      i64x2.add(i64x2.extend_low_i32x4_u(b), i64x2.extend_high_i32x4_u(b)),
    );
    total += i64x2.extract_lane(wide, 0) + i64x2.extract_lane(wide, 1);
    length -= run;
  }
  return total;
}

// @ts-ignore: decorator
@inline
function scalarSum(at: u32, length: u32): u64 {
  let sum: u64 = 0;
  const end = at + length;
  for (; at + 8 <= end; at += 8) sum += (load<u32>(at) as u64) + load<u32>(at, 4);
  if ((length & 4) != 0) {
    sum += load<u32>(at);
    at += 4;
  }
  if ((length & 2) != 0) {
    sum += load<u16>(at);
    at += 2;
  }
  // A last odd byte is the first of a word whose second byte is zero.
  if ((length & 1) != 0) sum += load<u8>(at);
  return sum;
}

/**
 * Adds `length` bytes at `at` (any alignment) to a 16-bit one's complement sum. To go on with more bytes,
 * all ranges but the last must have even lengths. The checksum field is the complement of the result.
 */
export function csumAdd(sum: u32, at: u32, length: u32): u32 {
  if (length < VECTOR_FROM) return csumFold(scalarSum(at, length) + sum);
  const whole = length & ~63;
  return csumFold(vectorSum(at, whole) + scalarSum(at + whole, length & 63) + sum);
}

/** The checksum field of `length` bytes: the complement of their sum. 0 over bytes whose field is right. */
export function csumOf(at: u32, length: u32): u32 {
  return csumAdd(0, at, length) ^ 0xffff;
}

/** Sum of an IPv4 header of `words` 32-bit words (5..15): 0xffff when its checksum is right. */
// @ts-ignore: decorator
@inline
export function csumHeader(at: u32, words: u32): u32 {
  let sum =
    (load<u32>(at) as u64) + load<u32>(at, 4) + load<u32>(at, 8) + load<u32>(at, 12) + load<u32>(at, 16);
  for (let i: u32 = 5; i < words; i++) sum += load<u32>(at + (i << 2));
  // At most 36 bits: fewer folds than csumFold needs.
  let folded = ((sum & 0xffff) + (sum >> 16)) as u32;
  folded = (folded & 0xffff) + (folded >> 16);
  return (folded & 0xffff) + (folded >> 16);
}

/** The checksum field after one 16-bit word under it changed from `before` to `after` (RFC 1624, equation 3). */
export function csumUpdate(field: u32, before: u32, after: u32): u32 {
  return csumFold(((field ^ 0xffff) & 0xffff) + ((before ^ 0xffff) & 0xffff) + (after & 0xffff)) ^ 0xffff;
}

/** The checksum field after a 32-bit word at an even offset under it changed. */
export function csumUpdate32(field: u32, before: u32, after: u32): u32 {
  return csumFold((((field ^ 0xffff) & 0xffff) as u64) + (~before as u64) + (after as u64)) ^ 0xffff;
}

/** Sum of the pseudo-header (RFC 9293 section 3.1) of the IPv4 header at `ip`; `length` bytes of `protocol` follow. */
export function csumPseudo4(ip: u32, protocol: u32, length: u32): u32 {
  const addresses = (load<u32>(ip, 12) as u64) + load<u32>(ip, 16);
  return csumFold(addresses + (protocol << 8) + swap16(length));
}

/** Sum of the pseudo-header (RFC 8200 section 8.1) of the IPv6 header at `ip`; `length` bytes of `protocol` follow. */
export function csumPseudo6(ip: u32, protocol: u32, length: u32): u32 {
  let sum: u64 = (protocol << 8) + swap16(length) + swap16(length >> 16);
  for (let i: u32 = 8; i < 40; i += 4) sum += load<u32>(ip + i);
  return csumFold(sum);
}

/**
 * Completes the transport checksum that its sender left to the device: the field holds the pseudo-header's
 * sum, and with FLAG_PARTIAL_CSUM the slot says where it is (as a virtio-net header does, Virtio 1.2 section
 * 5.1.6). Clears the flag. False when the place is not within the data; the packet is then as it was.
 */
export function csumComplete(slot: u32): bool {
  const length = load<u32>(slot, SLOT_LENGTH);
  const start = load<u16>(slot, SLOT_CSUM_START) as u32;
  const offset = load<u16>(slot, SLOT_CSUM_OFFSET) as u32;
  if (start + offset + 2 > length) return false;
  const from = load<u32>(slot, SLOT_DATA) + start;
  const field = csumOf(from, length - start);
  // 0 would tell UDP that there is none; both stand for the same sum.
  store<u16>(from + offset, field == 0 ? 0xffff : field);
  store<u8>(slot, load<u8>(slot, SLOT_FLAGS) & ~FLAG_PARTIAL_CSUM, SLOT_FLAGS);
  return true;
}

/**
 * Completes the checksum of each packet that has FLAG_PARTIAL_CSUM. Good packets stay in `batch`, in order;
 * those whose checksum lies outside the data go to `badOut` with SLOT_REASON 0. Returns the number of good ones.
 * State: u64 count of bad packets.
 */
export function csumCompleteBatch(state: u32, batch: u32, count: u32, badOut: u32): u32 {
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if ((load<u8>(slot, SLOT_FLAGS) & FLAG_PARTIAL_CSUM) == 0 || csumComplete(slot)) {
      store<u32>(batch + (good++ << 2), slot);
    } else {
      store<u16>(slot, 0, SLOT_REASON);
      count64(state, 1);
      store<u32>(badOut + ((i - good) << 2), slot);
    }
  }
  return good;
}
