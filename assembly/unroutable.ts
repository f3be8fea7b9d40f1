// DropUnroutable: addresses that stand for no host elsewhere (RFC 6890; RFC 4291, section 2.4; RFC 1812, section 5.3).

import {
  UNROUTABLE_BAD_PACKET, UNROUTABLE_BAD_SOURCE, UNROUTABLE_BROADCAST, UNROUTABLE_BROADCASTS,
  UNROUTABLE_BROADCASTS_COUNT, UNROUTABLE_LINK_LOCAL, UNROUTABLE_LOOPBACK, UNROUTABLE_MULTICAST, UNROUTABLE_RESERVED,
  UNROUTABLE_UNSPECIFIED,
} from "./ip-layout";
import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK } from "./layout";
import { PASSED, reject } from "./reject";
import { slotAt } from "./slot";

/** What an IPv4 address stands for; PASSED for one that may be a host's anywhere. As addressScope in src/net. */
// @ts-ignore: decorator
@inline
function scope4(at: u32): u32 {
  const first: u32 = load<u8>(at);
  // 1 to 126: most of what there is.
  if (first - 1 < 126) return PASSED;
  if (first == 0) return UNROUTABLE_UNSPECIFIED;
  if (first == 127) return UNROUTABLE_LOOPBACK;
  if (first < 224) return load<u16>(at) == 0xfea9 ? UNROUTABLE_LINK_LOCAL : PASSED;
  if (first < 240) return UNROUTABLE_MULTICAST;
  return load<u32>(at) == 0xffffffff ? UNROUTABLE_BROADCAST : UNROUTABLE_RESERVED;
}

/** The same of an IPv6 address; an IPv4 address in it (::ffff:0:0/96) is on no wire, but names what it stands for. */
// @ts-ignore: decorator
@inline
function scope6(at: u32): u32 {
  const first: u32 = load<u8>(at);
  if (first == 0xff) return UNROUTABLE_MULTICAST;
  if (first == 0xfe && (load<u8>(at, 1) & 0xc0) == 0x80) return UNROUTABLE_LINK_LOCAL;
  if (load<u64>(at) != 0) return PASSED;
  const third = load<u32>(at, 8);
  if (third == 0xffff0000) return UNROUTABLE_RESERVED;
  const last = load<u32>(at, 12);
  if (third != 0 || (last & 0x00ffffff) != 0) return PASSED;
  return last == 0 ? UNROUTABLE_UNSPECIFIED : last == 0x01000000 ? UNROUTABLE_LOOPBACK : PASSED;
}

/** Why the packet goes nowhere; PASSED where it may go on. */
// @ts-ignore: decorator
@inline
function unroutable(state: u32, slot: u32): u32 {
  const data = load<u32>(slot, SLOT_DATA);
  const end = data + load<u32>(slot, SLOT_LENGTH);
  const network = load<u32>(slot, SLOT_NETWORK);
  const at = network == 0 ? data : network;
  if (at < data || at + 20 > end) return UNROUTABLE_BAD_PACKET;
  const version = load<u8>(at) >> 4;
  if (version == 4) {
    const scope = scope4(at + 16);
    if (scope != PASSED) return scope;
    const count = load<u32>(state, UNROUTABLE_BROADCASTS_COUNT);
    const list = load<u32>(state, UNROUTABLE_BROADCASTS);
    const destination = load<u32>(at, 16);
    for (let i: u32 = 0; i < count; i++)
      if (load<u32>(list + (i << 2)) == destination) return UNROUTABLE_BROADCAST;
    return scope4(at + 12) == PASSED ? PASSED : UNROUTABLE_BAD_SOURCE;
  }
  if (version != 6 || at + 40 > end) return UNROUTABLE_BAD_PACKET;
  const scope = scope6(at + 24);
  if (scope != PASSED) return scope;
  return scope6(at + 8) == PASSED ? PASSED : UNROUTABLE_BAD_SOURCE;
}

/** Moves the packets that no router may send on to `bad`, and counts why. Returns how many stay in `batch`. */
export function dropUnroutable(state: u32, batch: u32, count: u32, bad: u32): u32 {
  let kept: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const reason = unroutable(state, slot);
    if (reason == PASSED) store<u32>(batch + (kept++ << 2), slot);
    else {
      reject(state, slot, reason);
      store<u32>(bad + ((i - kept) << 2), slot);
    }
  }
  return kept;
}
