// What decapsulated packets say of their senders (RFC 9300, sections 10, 13):
// nonces, Locator-Status-Bits, Map-Versions, kept a peer (source RLOC and
// instance ID). What the control plane must hear of becomes an event.
//
// The table never grows: a sender that finds its eight places taken takes one
// over, so that forged sources cost memory nothing.

import { PEER_TAGS } from "./layout";
import {
  DECAP_EVENT_COUNT, DECAP_EVENTS, DECAP_PEER_MASK, DECAP_PEERS, PEER_ADDRESS, PEER_AWAITED, PEER_AWAITS,
  PEER_CHANGES, PEER_ECHO_REQUESTED, PEER_ECHOED, PEER_FAMILY, PEER_FLAGS, PEER_IID, PEER_LSB, PEER_LSB_CHANGED,
  PEER_NEW, PEER_NONCE, PEER_PACKETS, PEER_SIZE, PEER_TAG, PEER_TAGGED, PEER_VERSION_CHANGED, PEER_VERSIONS,
} from "./lisp-layout";
import { count64 } from "./slot";

const N_BIT: u32 = 0x80;
const L_BIT: u32 = 0x40;
const E_BIT: u32 = 0x20;
const V_BIT: u32 = 0x10;
const PLACES: u32 = 8;

/** Where the search for a peer begins. */
// @ts-ignore: decorator
@inline
function placeOf(address: v128, iid: u32): u64 {
  return (v128.extract_lane<u64>(address, 0) ^ rotl<u64>(v128.extract_lane<u64>(address, 1), 29) ^ iid) *
    0x9e3779b97f4a7c15;
}

// @ts-ignore: decorator
@inline
function isPeer(at: u32, address: v128, family: u32, iid: u32): bool {
  const same = !v128.any_true(v128.xor(v128.load(at, PEER_ADDRESS), address));
  return same && load<u32>(at, PEER_FAMILY) == family && load<u32>(at, PEER_IID) == iid;
}

/** The record of the peer with the 16-byte address at `address` (IPv4: the first 4, the rest 0), 0 where it is not known. */
export function lispPeer(peers: u32, mask: u32, address: u32, family: u32, iid: u32): u32 {
  const wanted = v128.load(address);
  const first = (placeOf(wanted, iid) >> 32) as u32;
  for (let i: u32 = 0; i < PLACES; i++) {
    const at = peers + ((first + i) & mask) * PEER_SIZE;
    if (isPeer(at, wanted, family, iid)) return at;
  }
  return 0;
}

/** The peer's record: its own, a free one, or one taken over (then zeroed, PEER_FAMILY 0). */
function findPeer(state: u32, address: v128, family: u32, iid: u32): u32 {
  const peers = load<u32>(state, DECAP_PEERS);
  const mask = load<u32>(state, DECAP_PEER_MASK);
  const mixed = placeOf(address, iid);
  const first = (mixed >> 32) as u32;
  let free: u32 = 0;
  for (let i: u32 = 0; i < PLACES; i++) {
    const at = peers + ((first + i) & mask) * PEER_SIZE;
    if (load<u32>(at, PEER_FAMILY) == 0) {
      if (free == 0) free = at;
      continue;
    }
    if (isPeer(at, address, family, iid)) return at;
  }
  if (free == 0) {
    // Which of the eight goes depends on the newcomer, so that no one place takes all the changes.
    free = peers + ((first + ((mixed as u32) & (PLACES - 1))) & mask) * PEER_SIZE;
    memory.fill(free, 0, PEER_SIZE);
  }
  return free;
}

/**
 * Notes one packet from the `size`-byte address at `source`: the LISP header's first word as it lies in memory, and its
 * Locator-Status-Bits. Returns the peer's record.
 */
export function notePeer(state: u32, source: u32, size: u32, iid: u32, word: u32, lsb: u32): u32 {
  const family: u32 = size == 4 ? 4 : 6;
  const address = family == 4 ? v128.load32_zero(source) : v128.load(source);
  const peer = findPeer(state, address, family, iid);
  let changes: u32 = 0;
  const flags = word & 0xff;
  const content = bswap<u32>(word) & 0xffffff;
  const known = load<u32>(peer, PEER_FAMILY) != 0;
  const before = load<u32>(peer, PEER_FLAGS);
  if (!known) {
    v128.store(peer, address, PEER_ADDRESS);
    store<u32>(peer, family, PEER_FAMILY);
    store<u32>(peer, iid, PEER_IID);
    const number = load<u32>(PEER_TAGS) + 1;
    store<u32>(PEER_TAGS, number);
    store<u32>(peer, number | PEER_TAGGED, PEER_TAG);
    changes = PEER_NEW;
  }
  if ((flags & N_BIT) != 0) {
    // A request repeats itself in every packet: it is news when the nonce is.
    const asks = (flags & E_BIT) != 0;
    if (asks && ((before & E_BIT) == 0 || content != load<u32>(peer, PEER_NONCE))) changes |= PEER_ECHO_REQUESTED;
    if (!asks && (content | PEER_AWAITS) == load<u32>(peer, PEER_AWAITED)) {
      changes |= PEER_ECHOED;
      store<u32>(peer, 0, PEER_AWAITED);
    }
    store<u32>(peer, content, PEER_NONCE);
  } else if ((flags & V_BIT) != 0) {
    if (!known || (before & V_BIT) == 0 || content != load<u32>(peer, PEER_VERSIONS)) changes |= PEER_VERSION_CHANGED;
    store<u32>(peer, content, PEER_VERSIONS);
  }
  if ((flags & L_BIT) != 0) {
    if ((before & L_BIT) == 0 || lsb != load<u32>(peer, PEER_LSB)) changes |= PEER_LSB_CHANGED;
    store<u32>(peer, lsb, PEER_LSB);
  }
  store<u32>(peer, flags, PEER_FLAGS);
  count64(peer + PEER_PACKETS, 1);
  if (changes == 0) return peer;
  // One event a peer until the control plane has looked.
  if (load<u32>(peer, PEER_CHANGES) == 0) {
    const n = load<u32>(state, DECAP_EVENT_COUNT);
    store<u32>(load<u32>(state, DECAP_EVENTS) + (n << 2), peer);
    store<u32>(state, n + 1, DECAP_EVENT_COUNT);
  }
  store<u32>(peer, load<u32>(peer, PEER_CHANGES) | changes, PEER_CHANGES);
  return peer;
}
