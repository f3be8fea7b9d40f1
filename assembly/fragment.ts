// IPFragmenter: cuts IPv4 packets into fragments (RFC 791 section 3.2).

import { csumComplete } from "./checksum";
import { IP_HEADER, be16, ipHeaderLength, networkLength, put16, setIpSum } from "./header";
import {
  FRAG_AREA, FRAG_BAD, FRAG_DROPS, FRAG_FRAGMENTS, FRAG_HEADROOM, FRAG_HONOR_DF, FRAG_HONOR_MTU, FRAG_MALFORMED,
  FRAG_MTU, FRAG_NEXT, FRAG_NO_SLOT, FRAG_RANDOM, FRAG_TOO_MANY,
} from "./forward-layout";
import {
  BATCH_MAX, FLAG_PARTIAL_CSUM, SLOT_COPIED, SLOT_DATA, SLOT_FLAGS, SLOT_GSO_SIZE, SLOT_LENGTH,
  SLOT_MAC, SLOT_MTU, SLOT_NETWORK, SLOT_TRANSPORT,
} from "./layout";
import { poolGive, poolTakeRoom } from "./pool";
import { count64, slotAt } from "./slot";

// Packets that one call hands on at most.
const ROOM: u32 = BATCH_MAX;
const DF: u32 = 0x4000;
const MF: u32 = 0x2000;

/**
 * Copies to `to` the options of the header of `length` bytes at `ip` that belong in every fragment, padded to whole
 * words. Returns their length; with `to` 0 it only counts.
 */
function copyOptions(ip: u32, length: u32, to: u32): u32 {
  let from = ip + IP_HEADER;
  const end = ip + length;
  let copied: u32 = 0;
  while (from < end) {
    const type: u32 = load<u8>(from);
    if (type == 1) {
      from++;
      continue;
    }
    if (type == 0 || from + 1 == end) break;
    const size: u32 = load<u8>(from, 1);
    if (size < 2 || from + size > end) break;
    if ((type & 0x80) != 0) {
      if (to != 0) memory.copy(to + copied, from, size);
      copied += size;
    }
    from += size;
  }
  for (; (copied & 3) != 0; copied++) if (to != 0) store<u8>(to + copied, 0);
  return copied;
}

/** Makes the fragment of `size` payload bytes at `offset` of the datagram at `ip` in `slot`; 0 when no slot is free. */
function makeFragment(
  area: u32, slot: u32, ip: u32, header: u32, offset: u32, size: u32, flags: u32, outHeader: u32,
): u32 {
  const whole = outHeader + size;
  const to = poolTakeRoom(load<u32>(area, FRAG_HEADROOM), whole);
  if (to == 0) return 0;
  const at = load<u32>(to, SLOT_DATA);
  memory.copy(to, slot, SLOT_COPIED);
  store<u32>(to, at, SLOT_DATA);
  store<u32>(to, whole, SLOT_LENGTH);
  store<u32>(to, 0, SLOT_MAC);
  store<u32>(to, at, SLOT_NETWORK);
  store<u32>(to, at + outHeader, SLOT_TRANSPORT);
  memory.copy(at, ip, IP_HEADER);
  copyOptions(ip, header, at + IP_HEADER);
  memory.copy(at + outHeader, ip + header + offset, size);
  store<u8>(at, <u8>(0x40 | (outHeader >> 2)));
  put16(at + 2, whole);
  put16(at + 6, flags);
  setIpSum(at, outHeader);
  return to;
}

/**
 * Cuts packets larger than the MTU, from packet FRAG_NEXT of `batch` on. Packets that need not be cut, and fragments
 * in order, go to `out`; those that may not be cut to `bad` (FRAG_BAD: how many). Packets that cannot be cut go back
 * to the pool. Stops, with FRAG_NEXT at the packet to go on with, when `out` is full. Returns how many are in `out`.
 */
export function ipFragment(state: u32, batch: u32, count: u32, out: u32, bad: u32): u32 {
  const area = state + FRAG_AREA;
  const most = load<u32>(area, FRAG_MTU);
  const honor = load<u32>(area, FRAG_HONOR_MTU) != 0;
  let made: u32 = 0;
  let refused: u32 = 0;
  let i = load<u32>(area, FRAG_NEXT);
  for (; i < count && made < ROOM; i++) {
    const slot = slotAt(batch, i);
    const room = networkLength(slot);
    const ip = load<u32>(slot, SLOT_NETWORK);
    const own = honor ? load<u32>(slot, SLOT_MTU) : 0;
    const mtu = own == 0 ? most : min<u32>(own, most);
    if (room <= mtu && ip != 0) {
      store<u32>(out + (made++ << 2), slot);
      continue;
    }
    if (room >= 40 && ip != 0 && (load<u8>(ip) & 0xf0) == 0x60) {
      // Only its sender may cut an IPv6 packet (RFC 8200, section 4.5).
      if (be16(ip + 4) + 40 <= mtu) {
        store<u32>(out + (made++ << 2), slot);
        continue;
      }
      count64(state + FRAG_DROPS, 1);
      store<u32>(slot, mtu, SLOT_MTU);
      store<u32>(bad + (refused++ << 2), slot);
      continue;
    }
    const header = ipHeaderLength(ip, room);
    const whole: u32 = header == 0 ? 0 : be16(ip + 2);
    // A fragment may not reach beyond the largest packet: its parts' offsets would not fit their field.
    const reach = header == 0 ? 0 : ((be16(ip + 6) & 0x1fff) << 3) + whole - header;
    if (whole < header || whole > room || header == 0 || reach > 65535) {
      count64(state + FRAG_MALFORMED, 1);
      poolGive(slot);
      continue;
    }
    if (whole <= mtu) {
      store<u32>(out + (made++ << 2), slot);
      continue;
    }
    const payload = whole - header;
    const outHeader = IP_HEADER + copyOptions(ip, header, 0);
    const first: u32 = mtu < header ? 0 : (mtu - header) & ~7;
    const field = be16(ip + 6);
    if (((field & DF) != 0 && load<u32>(area, FRAG_HONOR_DF) != 0) || first < 8) {
      count64(state + FRAG_DROPS, 1);
      store<u32>(slot, mtu, SLOT_MTU);
      store<u32>(bad + (refused++ << 2), slot);
      continue;
    }
    const each = (mtu - outHeader) & ~7;
    const pieces: u32 = 1 + (payload - first + each - 1) / each;
    if (pieces > ROOM) {
      count64(state + FRAG_TOO_MANY, 1);
      poolGive(slot);
      continue;
    }
    if (made + pieces > ROOM) break;
    if ((load<u8>(slot, SLOT_FLAGS) & FLAG_PARTIAL_CSUM) != 0) {
      // Nobody can complete the checksum once its data is in several packets.
      store<u32>(slot, ip + whole - load<u32>(slot, SLOT_DATA), SLOT_LENGTH);
      csumComplete(slot);
    }
    store<u16>(slot, 0, SLOT_GSO_SIZE);
    if ((field & DF) != 0) {
      // Senders that forbid fragments need not choose unique identifications (RFC 6864 section 4.1).
      const id = load<u32>(area, FRAG_RANDOM) * 1664525 + 1013904223;
      store<u32>(area, id, FRAG_RANDOM);
      put16(ip + 4, id >> 16);
    }
    // The later fragments first: they are copied out of this packet, which becomes the first one.
    let had: u32 = 1;
    for (let offset = first; offset < payload; offset += each) {
      const size = min<u32>(each, payload - offset);
      const more = offset + size < payload ? MF : field & MF;
      const place = (field & 0x1fff) + (offset >> 3);
      const piece = makeFragment(area, slot, ip, header, offset, size, more | (field & 0x8000) | place, outHeader);
      if (piece == 0) count64(state + FRAG_NO_SLOT, 1);
      else store<u32>(out + ((made + had++) << 2), piece);
    }
    put16(ip + 2, header + first);
    put16(ip + 6, (field & ~DF) | MF);
    setIpSum(ip, header);
    store<u32>(slot, ip + header + first - load<u32>(slot, SLOT_DATA), SLOT_LENGTH);
    store<u32>(slot, ip + header, SLOT_TRANSPORT);
    store<u32>(out + (made << 2), slot);
    made += had;
    count64(state + FRAG_FRAGMENTS, had);
  }
  store<u32>(area, i, FRAG_NEXT);
  store<u32>(area, refused, FRAG_BAD);
  return made;
}
