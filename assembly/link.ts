// Packets of links between routers: out of one router's memory as bytes in a row, and into the other's as packets.

import { csumComplete } from "./checksum";
import {
  FLAG_PARTIAL_CSUM, PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, SLOT_DATA, SLOT_FLAGS, SLOT_LENGTH,
  SLOT_MAC, SLOT_PACKET_TYPE, SLOT_TIMESTAMP,
} from "./layout";
import { poolLongest, poolTakeFor } from "./pool";
import { slotAt, slotEnd } from "./slot";

/** Packet type of the frame at `data` for a receiver with the address `mac0`, `mac4` (its bytes in memory's order). */
// @ts-ignore: decorator
@inline
function typeOf(data: u32, length: u32, mac0: u32, mac4: u32): u32 {
  if (length < 6) return PACKET_HOST;
  const first = load<u32>(data);
  const last: u32 = load<u16>(data, 4);
  if (first == mac0 && last == mac4) return PACKET_HOST;
  if (!(first & 1)) return PACKET_OTHERHOST;
  return first == 0xffffffff && last == 0xffff ? PACKET_BROADCAST : PACKET_MULTICAST;
}

/** Copies `length` bytes where `room` bytes may be written: small packets in whole vectors, which a call takes longer for. */
// @ts-ignore: decorator
@inline
function copy(to: u32, from: u32, length: u32, room: u32): void {
  if (length > 256 || ((length + 15) & ~15) > room) memory.copy(to, from, length);
  else for (let at: u32 = 0; at < length; at += 16) v128.store(to + at, v128.load(from + at));
}

/**
 * Makes `count` packets of the bytes at `bytes`, one after the other. The array at `batch` has their lengths, and gets
 * the packets instead. With `ethernet` 1 they get their packet type, for a receiver with the address `mac0` (4 bytes)
 * and `mac4` (2 bytes), and their MAC header; all get the timestamp, in two halves. Returns how many were made, in bits
 * 0 to 8; for how many there was no memory, in bits 9 to 17; how many were larger than a packet, from bit 18 on.
 */
export function linkReceive(
  batch: u32, count: u32, bytes: u32, ethernet: u32, mac0: u32, mac4: u32, stampLow: u32, stampHigh: u32,
): u32 {
  let made: u32 = 0;
  let noSlot: u32 = 0;
  let tooBig: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const length = load<u32>(batch + (i << 2));
    const from = bytes;
    bytes += length;
    const slot = poolTakeFor(length);
    if (slot == 0) {
      if (length > poolLongest()) tooBig++;
      else noSlot++;
      continue;
    }
    const data = load<u32>(slot, SLOT_DATA);
    copy(data, from, length, slotEnd(slot) - data);
    store<u32>(slot, length, SLOT_LENGTH);
    if (ethernet) {
      store<u32>(slot, data, SLOT_MAC);
      store<u8>(slot, typeOf(data, length, mac0, mac4), SLOT_PACKET_TYPE);
    }
    store<u32>(slot, stampLow, SLOT_TIMESTAMP);
    store<u32>(slot, stampHigh, SLOT_TIMESTAMP + 4);
    // No packet comes before its length in the array.
    store<u32>(batch + (made++ << 2), slot);
  }
  return made | (noSlot << 9) | (tooBig << 18);
}

/**
 * Lays the bytes of the `count` packets of `batch` one after the other from `to` on, their partial checksums completed.
 * 15 bytes behind them are written, too. Returns how many bytes these are.
 */
export function linkSend(batch: u32, count: u32, to: u32): u32 {
  const start = to;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (load<u8>(slot, SLOT_FLAGS) & FLAG_PARTIAL_CSUM) csumComplete(slot);
    const length = load<u32>(slot, SLOT_LENGTH);
    copy(to, load<u32>(slot, SLOT_DATA), length, length + 15);
    to += length;
  }
  return to - start;
}
