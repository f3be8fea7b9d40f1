// IP packets from and to a TUN interface: what KernelTun checks.

import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK, SLOT_TRANSPORT } from "./layout";
import { count64, slotAt } from "./slot";

/**
 * Sets the network and transport headers of IPv4 and IPv6 packets whose header and announced length fit their
 * data; bytes after the packet are cut off. Others go to `bad`. Returns how many stay in `batch`.
 */
export function tunReceive(_state: u32, batch: u32, count: u32, bad: u32): u32 {
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const at = load<u32>(slot, SLOT_DATA);
    const room = load<u32>(slot, SLOT_LENGTH);
    let header: u32 = 0;
    let length: u32 = 0;
    if (room >= 20) {
      const version: u32 = load<u8>(at) >> 4;
      if (version == 4) {
        header = (<u32>load<u8>(at) & 15) << 2;
        length = bswap<u16>(load<u16>(at, 2));
      } else if (version == 6) {
        header = 40;
        length = 40 + <u32>bswap<u16>(load<u16>(at, 4));
      }
    }
    if (header < 20 || length < header || length > room) {
      store<u32>(bad + ((i - good) << 2), slot);
      continue;
    }
    store<u32>(slot, at, SLOT_NETWORK);
    store<u32>(slot, at + header, SLOT_TRANSPORT);
    store<u32>(slot, length, SLOT_LENGTH);
    store<u32>(batch + (good++ << 2), slot);
  }
  return good;
}

/**
 * Makes each packet begin with its network header. Those without one, of another version than 4 and 6, and those
 * longer than `mtu` bytes go to `bad`, counted in the three counters at `drops`. Returns how many stay in `batch`.
 */
export function tunSend(drops: u32, batch: u32, count: u32, bad: u32, mtu: u32): u32 {
  let good: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const data = load<u32>(slot, SLOT_DATA);
    const end = data + load<u32>(slot, SLOT_LENGTH);
    const at = load<u32>(slot, SLOT_NETWORK);
    let reason: i32 = -1;
    if (at < data || end < at + 20) {
      reason = 0;
    } else {
      const version: u32 = load<u8>(at) >> 4;
      if (version != 4 && version != 6) reason = 1;
      else if (end - at > mtu) reason = 2;
    }
    if (reason >= 0) {
      count64(drops + (<u32>reason << 3), 1);
      store<u32>(bad + ((i - good) << 2), slot);
      continue;
    }
    store<u32>(slot, at, SLOT_DATA);
    store<u32>(slot, end - at, SLOT_LENGTH);
    store<u32>(batch + (good++ << 2), slot);
  }
  return good;
}
