// Reading and making packet headers: inlined into the kernels, not exported from the module.

import { csumOf } from "./checksum";
import {
  ANNO_DST_IP, SLOT_ANNO, SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_TIMESTAMP, SLOT_TRANSPORT,
} from "./layout";

export const IP_HEADER: u32 = 20;
export const IP6_HEADER: u32 = 40;
export const UDP_HEADER: u32 = 8;

// @ts-ignore: decorator
@inline
export function be16(at: u32): u32 {
  return bswap<u16>(load<u16>(at));
}

// @ts-ignore: decorator
@inline
export function put16(at: u32, value: u32): void {
  store<u16>(at, bswap<u16>(<u16>value));
}

/** Bytes from the network header to the end of the data; 0 when it is unset or does not lie within the data. */
// @ts-ignore: decorator
@inline
export function networkLength(slot: u32): u32 {
  const at = load<u32>(slot, SLOT_NETWORK);
  const data = load<u32>(slot, SLOT_DATA);
  const end = data + load<u32>(slot, SLOT_LENGTH);
  return at < data || at > end ? 0 : end - at;
}

/**
 * Bytes of the IPv4 header at `at`, of which `room` bytes are there: 0 unless version and header length are
 * right and the header is all there.
 */
// @ts-ignore: decorator
@inline
export function ipHeaderLength(at: u32, room: u32): u32 {
  if (room < IP_HEADER) return 0;
  const first: u32 = load<u8>(at);
  const length = (first & 15) << 2;
  return first >> 4 != 4 || length < IP_HEADER || length > room ? 0 : length;
}

/** Computes and stores the checksum of the IPv4 header of `length` bytes at `at`. */
export function setIpSum(at: u32, length: u32): void {
  store<u16>(at, 0, 10);
  store<u16>(at, <u16>csumOf(at, length), 10);
}

/** Sets the network and transport header and the IPv4 destination annotation (network order). */
// @ts-ignore: decorator
@inline
export function markIp(slot: u32, at: u32, headerLength: u32, destination: u32): void {
  store<u32>(slot, at, SLOT_NETWORK);
  store<u32>(slot, at + headerLength, SLOT_TRANSPORT);
  store<u32>(slot, destination, SLOT_ANNO + ANNO_DST_IP);
}

/** Sets the timestamp from seconds and nanoseconds since the epoch. */
// @ts-ignore: decorator
@inline
export function stamp(slot: u32, seconds: u32, nanoseconds: u32): void {
  store<u64>(slot, <u64>seconds * 1000000000 + nanoseconds, SLOT_TIMESTAMP);
}
