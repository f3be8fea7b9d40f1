// Packets made from frames that wait in memory: generated traffic, recorded traffic.

import { SLOT_DATA, SLOT_LENGTH, SLOT_PACKET_TYPE } from "./layout";
import { poolTakeFor } from "./pool";
import { FRAME_ADDRESS, FRAME_LENGTH, FRAME_SIZE, FRAME_TYPE } from "./replay-layout";

/**
 * Fills `batch` with up to `count` packets: copies of the frames from number `first` on, of `total` in all, with the
 * first again after the last. `frames` is an array of records (FRAME_* of replay-layout.ts). Returns how many there
 * were slots for.
 */
export function replayBatch(batch: u32, count: u32, frames: u32, total: u32, first: u32): u32 {
  let frame = first;
  for (let i: u32 = 0; i < count; i++) {
    const record = frames + frame * FRAME_SIZE;
    const from = load<u32>(record, FRAME_ADDRESS);
    const length = load<u32>(record, FRAME_LENGTH);
    // Whole vectors: whoever loads the frames sees to it that the last one may be read.
    const slot = poolTakeFor((length + 15) & ~15);
    if (slot == 0) return i;
    store<u32>(batch + (i << 2), slot);
    const to = load<u32>(slot, SLOT_DATA);
    for (let at: u32 = 0; at < length; at += 16) v128.store(to + at, v128.load(from + at));
    store<u32>(slot, length, SLOT_LENGTH);
    store<u8>(slot, load<u8>(record, FRAME_TYPE), SLOT_PACKET_TYPE);
    if (++frame == total) frame = 0;
  }
  return count;
}
