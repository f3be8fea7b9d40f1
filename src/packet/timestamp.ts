// A slot's timestamp (u64 nanoseconds since the epoch) as seconds and
// nanoseconds, exactly and without a BigInt.

import { SLOT_TIMESTAMP } from "../../assembly/layout.js";
import type { PacketMemory } from "./memory.js";

/** Sets the packet's timestamp to `seconds` (below 2^32) and `nanoseconds` (below 10^9). */
export function writeTimestamp(
  memory: PacketMemory,
  slot: number,
  seconds: number,
  nanoseconds: number,
): void {
  const at = (slot + SLOT_TIMESTAMP) >>> 2;
  memory.u32[at] = timestampLow(seconds, nanoseconds);
  memory.u32[at + 1] = timestampHigh(seconds, nanoseconds);
}

// seconds * 10^9 exceeds 2^53: it is computed in two halves of 16 bits.
const upper = (seconds: number): number => (seconds >>> 16) * 1e9;
const lower = (seconds: number, nanoseconds: number): number =>
  (upper(seconds) % 65536) * 65536 + (seconds & 0xffff) * 1e9 + nanoseconds;

/** The lower 32 bits of a timestamp. */
export function timestampLow(seconds: number, nanoseconds: number): number {
  return lower(seconds, nanoseconds) % 4294967296;
}

/** Its upper 32 bits. */
export function timestampHigh(seconds: number, nanoseconds: number): number {
  return Math.floor(upper(seconds) / 65536) + Math.floor(lower(seconds, nanoseconds) / 4294967296);
}

/** Whole seconds of the packet's timestamp; 0 when it has none. */
export function timestampSeconds(memory: PacketMemory, slot: number): number {
  const about = Math.floor(memory.get64(slot + SLOT_TIMESTAMP) / 1e9);
  const rest = remainder(memory, slot, about);
  return rest < 0 ? about - 1 : rest >= 1e9 ? about + 1 : about;
}

/** Nanoseconds of the packet's timestamp beyond `seconds`, as timestampSeconds gave them. */
export function timestampNanoseconds(memory: PacketMemory, slot: number, seconds: number): number {
  return remainder(memory, slot, seconds);
}

// Exact as long as it lies within 31 bits, which it does: the estimate above errs by less than a microsecond.
function remainder(memory: PacketMemory, slot: number, seconds: number): number {
  return (memory.u32[(slot + SLOT_TIMESTAMP) >>> 2] - Math.imul(seconds, 1e9)) | 0;
}
