// Kernels of devices: they lay out what the kernel reads and writes, and turn
// what it wrote into packets.

import { csumComplete } from "./checksum";
import {
  ADDR_SIZE, BOUNCE_SIZE, CONTROL_SIZE, IO_BATCH, LINK_IP, MMSG_LENGTH, MMSG_SIZE, RX_ADDRESSED, RX_ADDRS, RX_BARE, RX_BASE,
  RX_BOUNCE, RX_BYTES, RX_CAP, RX_CONTROL, RX_COUNT, RX_CSUM, RX_IOVS, RX_LINK, RX_MAC, RX_MSGS, RX_NEXT, RX_NO_SLOT,
  RX_PACKETS, RX_SEG, RX_SEGMENTED, RX_SLOTS, RX_STAMP, RX_TOO_BIG, RX_VNET, SEG_LENGTH, TX_BARE, TX_BASE, TX_CSUM, TX_IOVS,
  TX_MAX, TX_MSGS, TX_VNET, VNET_SIZE,
} from "./device-layout";
import {
  FLAG_CSUM_OK, FLAG_PARTIAL_CSUM, PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, SLOT_CSUM_OFFSET,
  SLOT_CSUM_START, SLOT_DATA, SLOT_FLAGS, SLOT_LENGTH, SLOT_MAC, SLOT_PACKET_TYPE, SLOT_TIMESTAMP,
} from "./layout";
import { poolEnlarge, poolGive, poolGiveBatch, poolLongest, poolTake, poolTakeFor } from "./pool";
import { segmentBegin, segmentLength, segmentNext } from "./segment";
import { count64, slotAt, slotEnd, slotStart } from "./slot";

const MSG_TRUNC: u32 = 0x20;
const NEEDS_CSUM: u32 = 1; // VIRTIO_NET_HDR_F_NEEDS_CSUM
const DATA_VALID: u32 = 2; // VIRTIO_NET_HDR_F_DATA_VALID
const SOL_SOCKET: u32 = 1;
const SCM_TIMESTAMPNS: u32 = 35;
const SOL_PACKET: u32 = 263;
const PACKET_AUXDATA: u32 = 8;
const TP_STATUS_VLAN_VALID: u32 = 0x10;
const TP_STATUS_VLAN_TPID_VALID: u32 = 0x40;

// @ts-ignore: decorator
@inline
function setIov(iov: u32, address: u64, length: u32): void {
  store<u64>(iov, address);
  store<u64>(iov, <u64>length, 8);
}

/** Completes the packet's partial checksum, if it has one. Returns 1 when it had. */
function complete(slot: u32): u32 {
  if (!(load<u8>(slot, SLOT_FLAGS) & FLAG_PARTIAL_CSUM) || !csumComplete(slot)) return 0;
  store<u8>(slot, load<u8>(slot, SLOT_FLAGS) | FLAG_CSUM_OK, SLOT_FLAGS);
  return 1;
}

/** Makes every message ready to be received into. Returns how many are: fewer than RX_CAP when the pool is short of slots. */
export function deviceRefill(rx: u32): u32 {
  const base = load<u64>(rx, RX_BASE);
  const cap = load<u32>(rx, RX_CAP);
  for (let i: u32 = 0; i < cap; i++) {
    const held = rx + RX_SLOTS + (i << 2);
    let slot = load<u32>(held);
    if (slot == 0) {
      slot = poolTake();
      if (slot == 0) return i;
      store<u32>(held, slot);
      const room = slotEnd(slot) - load<u32>(slot, SLOT_DATA);
      const iov = rx + RX_IOVS + i * 48;
      setIov(iov + 16, base + <u64>load<u32>(slot, SLOT_DATA), room);
      // The first `room` bytes of a bounce buffer stay free for the part that went into the slot.
      setIov(iov + 32, base + <u64>(load<u32>(rx, RX_BOUNCE) + i * BOUNCE_SIZE + room), BOUNCE_SIZE - room);
    }
    const message = rx + RX_MSGS + i * MMSG_SIZE;
    if (load<u32>(rx, RX_ADDRESSED)) {
      store<u32>(message, ADDR_SIZE, 8);
      store<u64>(message, CONTROL_SIZE, 40);
    }
  }
  return cap;
}

/** Lays out the parts of the messages that never change. RX_BASE, RX_CAP, RX_BOUNCE, RX_ADDRESSED and RX_BARE are set. */
export function deviceInit(rx: u32): void {
  const base = load<u64>(rx, RX_BASE);
  for (let i: u32 = 0; i < load<u32>(rx, RX_CAP); i++) {
    const message = rx + RX_MSGS + i * MMSG_SIZE;
    const iov = rx + RX_IOVS + i * 48;
    setIov(iov, base + <u64>(rx + RX_VNET + i * 16), load<u8>(rx, RX_BARE) ? 0 : VNET_SIZE);
    store<u64>(message, base + <u64>iov, 16);
    store<u64>(message, 3, 24);
    if (load<u32>(rx, RX_ADDRESSED)) {
      store<u64>(message, base + <u64>(rx + RX_ADDRS + i * ADDR_SIZE));
      store<u64>(message, base + <u64>(rx + RX_CONTROL + i * CONTROL_SIZE), 32);
    }
  }
}

/** Gives the slots held for receiving back to the pool. */
export function deviceDrain(rx: u32): void {
  for (let i: u32 = 0; i < <u32>IO_BATCH; i++) {
    const held = rx + RX_SLOTS + (i << 2);
    if (load<u32>(held) != 0) poolGive(load<u32>(held));
    store<u32>(held, 0);
  }
  store<u32>(rx, load<u32>(rx, RX_COUNT), RX_NEXT);
  store<u32>(rx, 0, RX_SEG + SEG_LENGTH);
}

/** Puts back the VLAN tag that the kernel took out of the frame. */
function insertTag(slot: u32, tag: u32): void {
  const data = load<u32>(slot, SLOT_DATA) - 4;
  if (data < slotStart(slot) || load<u32>(slot, SLOT_LENGTH) < 14) return;
  memory.copy(data, data + 4, 12);
  store<u32>(data, bswap<u32>(tag), 12);
  store<u32>(slot, data, SLOT_DATA);
  store<u32>(slot, load<u32>(slot, SLOT_LENGTH) + 4, SLOT_LENGTH);
}

/**
 * Puts together the frame of `length` bytes of which the first `room` are in the slot's own buffer and the others in the
 * bounce buffer, in a larger one. False when there is none.
 */
function join(slot: u32, room: u32, bounce: u32, length: u32): bool {
  store<u32>(slot, room, SLOT_LENGTH);
  const joined = poolEnlarge(slot, 0, length);
  if (joined) memory.copy(load<u32>(slot, SLOT_DATA) + room, bounce + room, length - room);
  store<u32>(slot, 0, SLOT_LENGTH);
  return joined;
}

/** Packet type by destination address, where the kernel does not say. */
function typeOf(rx: u32, data: u32): u32 {
  if (load<u32>(rx, RX_LINK) == LINK_IP) return PACKET_HOST;
  if (load<u32>(data) == load<u32>(rx, RX_MAC) && load<u16>(data, 4) == load<u16>(rx, RX_MAC + 4)) return PACKET_HOST;
  if (load<u32>(data) == 0xffffffff && load<u16>(data, 4) == 0xffff) return PACKET_BROADCAST;
  return load<u8>(data) & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

/**
 * Turns received messages into packets, in order, appended to `batch` from `count` on until it holds `limit`.
 * What does not fit stays for the next call. Returns the new count.
 */
export function deviceTake(rx: u32, batch: u32, count: u32, limit: u32): u32 {
  const first = count;
  let bytes: u64 = 0;
  const messages = load<u32>(rx, RX_COUNT);
  let next = load<u32>(rx, RX_NEXT);
  const seg = rx + RX_SEG;
  const header: u32 = load<u8>(rx, RX_BARE) ? 0 : VNET_SIZE;
  while (next < messages && count < limit) {
    const i = next;
    const message = rx + RX_MSGS + i * MMSG_SIZE;
    const vnet = rx + RX_VNET + i * 16;
    const held = rx + RX_SLOTS + (i << 2);
    const flags = load<u8>(vnet);
    const gso: u32 = load<u8>(vnet, 1) & 0x7f;

    let slot: u32 = 0;
    if (load<u32>(seg, SEG_LENGTH) == 0) {
      const total = load<u32>(message, MMSG_LENGTH);
      const length: u32 = total < header ? 0 : total - header;
      const into = load<u32>(held);
      const data = load<u32>(into, SLOT_DATA);
      const room = slotEnd(into) - data;
      const longest = poolLongest() - (data - slotStart(into));
      if (load<u32>(message, 48) & MSG_TRUNC || (gso == 0 && length > longest)) {
        count64(rx + RX_TOO_BIG, 1);
        next++;
        continue;
      }
      if (gso == 0) {
        if (length > room && !join(into, room, load<u32>(rx, RX_BOUNCE) + i * BOUNCE_SIZE, length)) {
          count64(rx + RX_NO_SLOT, 1);
          next++;
          continue;
        }
        slot = into;
        store<u32>(held, 0);
        store<u32>(slot, length, SLOT_LENGTH);
      } else {
        const frame = load<u32>(rx, RX_BOUNCE) + i * BOUNCE_SIZE;
        memory.copy(frame, data, min<u32>(length, room));
        const begun = segmentBegin(
          seg, frame, length, load<u32>(rx, RX_LINK), gso, load<u16>(vnet, 4), flags & NEEDS_CSUM, longest,
        );
        if (!begun) {
          count64(rx + RX_TOO_BIG, 1);
          next++;
          continue;
        }
        count64(rx + RX_SEGMENTED, 1);
      }
    }
    if (slot == 0) {
      slot = poolTakeFor(segmentLength(seg));
      if (slot == 0) {
        // The rest of the frame is lost: waiting for slots here would hold up everything behind it.
        count64(rx + RX_NO_SLOT, 1);
        store<u32>(seg, 0, SEG_LENGTH);
        next++;
        continue;
      }
      if (segmentNext(seg, slot) == 0) next++;
      store<u8>(slot, FLAG_CSUM_OK, SLOT_FLAGS);
    } else {
      next++;
      if (flags & NEEDS_CSUM) {
        store<u8>(slot, FLAG_PARTIAL_CSUM, SLOT_FLAGS);
        store<u16>(slot, load<u16>(vnet, 6), SLOT_CSUM_START);
        store<u16>(slot, load<u16>(vnet, 8), SLOT_CSUM_OFFSET);
        count64(rx + RX_CSUM, complete(slot));
      } else if (flags & DATA_VALID) store<u8>(slot, FLAG_CSUM_OK, SLOT_FLAGS);
    }

    let stamp = load<u64>(rx, RX_STAMP);
    if (load<u32>(rx, RX_ADDRESSED)) {
      store<u8>(slot, load<u8>(rx + RX_ADDRS + i * ADDR_SIZE, 10), SLOT_PACKET_TYPE);
      let control = rx + RX_CONTROL + i * CONTROL_SIZE;
      const end = control + min<u32>(<u32>load<u64>(message, 40), CONTROL_SIZE);
      while (control + 16 < end) {
        const size = <u32>load<u64>(control);
        const level = load<u32>(control, 8);
        const kind = load<u32>(control, 12);
        if (size < 16 || size > end - control) break;
        if (level == SOL_SOCKET && kind == SCM_TIMESTAMPNS && size >= 32)
          stamp = load<u64>(control, 16) * 1000000000 + load<u64>(control, 24);
        else if (level == SOL_PACKET && kind == PACKET_AUXDATA && size >= 36) {
          const status = load<u32>(control, 16);
          if (status & TP_STATUS_VLAN_VALID) {
            const tpid: u32 = status & TP_STATUS_VLAN_TPID_VALID ? load<u16>(control, 34) : 0x8100;
            insertTag(slot, (tpid << 16) | <u32>load<u16>(control, 32));
          }
        }
        control += (size + 7) & ~7;
      }
    } else if (load<u32>(slot, SLOT_LENGTH) >= 14 || load<u32>(rx, RX_LINK) == LINK_IP)
      store<u8>(slot, typeOf(rx, load<u32>(slot, SLOT_DATA)), SLOT_PACKET_TYPE);
    store<u64>(slot, stamp, SLOT_TIMESTAMP);
    if (load<u32>(rx, RX_LINK) != LINK_IP) store<u32>(slot, load<u32>(slot, SLOT_DATA), SLOT_MAC);
    store<u32>(batch + (count++ << 2), slot);
    bytes += load<u32>(slot, SLOT_LENGTH);
  }
  store<u32>(rx, next, RX_NEXT);
  count64(rx + RX_PACKETS, count - first);
  count64(rx + RX_BYTES, bytes);
  return count;
}

/** Lays out the parts of the transmit messages that never change. TX_BASE and TX_BARE are set. */
export function deviceInitSend(tx: u32): void {
  const base = load<u64>(tx, TX_BASE);
  for (let i: u32 = 0; i < <u32>IO_BATCH; i++) {
    const iov = tx + TX_IOVS + i * 32;
    const message = tx + TX_MSGS + i * MMSG_SIZE;
    setIov(iov, base + <u64>(tx + TX_VNET), load<u8>(tx, TX_BARE) ? 0 : VNET_SIZE);
    store<u64>(message, base + <u64>iov, 16);
    store<u64>(message, 2, 24);
  }
}

/** Whether the frame is larger than TX_MAX; a VLAN tag (IEEE 802.1Q) does not count. */
function tooBig(slot: u32, most: u32): bool {
  const length = load<u32>(slot, SLOT_LENGTH);
  if (length <= most) return false;
  return length > most + 4 || length < 18 || load<u16>(load<u32>(slot, SLOT_DATA), 12) != 0x0081;
}

/**
 * Points the first `count` (at most IO_BATCH) messages at the packets of `batch` and completes their checksums.
 * Returns how many are ready: those before the first that is too big.
 */
export function devicePrepare(tx: u32, batch: u32, count: u32): u32 {
  const base = load<u64>(tx, TX_BASE);
  const most = load<u32>(tx, TX_MAX);
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    if (most != 0 && tooBig(slot, most)) return i;
    count64(tx + TX_CSUM, complete(slot));
    setIov(tx + TX_IOVS + i * 32 + 16, base + <u64>load<u32>(slot, SLOT_DATA), load<u32>(slot, SLOT_LENGTH));
  }
  return count;
}

/** Gives the first `taken` packets of `batch` back to the pool and moves the other `count - taken` to its front. */
export function batchTaken(batch: u32, count: u32, taken: u32): void {
  poolGiveBatch(batch, taken);
  memory.copy(batch, batch + (taken << 2), (count - taken) << 2);
}
