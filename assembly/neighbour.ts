// The neighbour table: from next-hop address (IPv4 or IPv6) to hardware address, for ARP and Neighbor Discovery.
//
// A hash table of chains in the router's heap. Packets to neighbours that are known and need no attention get
// their Ethernet header here; all others go to the slow path, which owns the entries' states and times.

import { ETHER_HEADER } from "./ethernet";
import { heapAlloc, heapFree } from "./heap";
import {
  ANNO_DST_IP, NEIGHBOUR_KEY, NEIGHBOUR_KNOWN, NEIGHBOUR_LIVE, NEIGHBOUR_MAC, NEIGHBOUR_NEXT, NEIGHBOUR_QUIET,
  NEIGHBOUR_SIZE, SLOT_ANNO, SLOT_MAC,
} from "./layout";
import { prepend, slotAt } from "./slot";

const TABLE_BUCKETS = 0; // u32: address of the array of chain heads
const TABLE_MASK = 4; // u32: chains, a power of two, less one
const TABLE_COUNT = 8; // u32: entries
const TABLE_SEED = 12; // u32: so that nobody outside can choose addresses that share a chain
// While the table grows: the array before, of half as many chains, and how many of these have moved.
const TABLE_OLD = 16; // u32: 0 = it does not grow
const TABLE_MOVED = 20; // u32
const TABLE_SIZE: u32 = 32;
const FIRST_CHAINS: u32 = 64;
/** Chains that each new entry moves: so all have moved long before there are twice as many entries. */
const MOVED_AT_ONCE: u32 = 4;

/** An empty table; 0 when the heap is exhausted. */
export function neighbourCreate(seed: u32): u32 {
  const table = heapAlloc(TABLE_SIZE);
  if (table == 0) return 0;
  const buckets = heapAlloc(FIRST_CHAINS << 2);
  if (buckets == 0) {
    heapFree(table, TABLE_SIZE);
    return 0;
  }
  store<u32>(table, buckets, TABLE_BUCKETS);
  store<u32>(table, FIRST_CHAINS - 1, TABLE_MASK);
  store<u32>(table, seed | 1, TABLE_SEED);
  return table;
}

/** Frees the table, whose entries its owner has freed (`neighbourFree`). */
export function neighbourDestroy(table: u32): void {
  const chains = load<u32>(table, TABLE_MASK) + 1;
  heapFree(load<u32>(table, TABLE_BUCKETS), chains << 2);
  heapFree(load<u32>(table, TABLE_OLD), chains << 1);
  heapFree(table, TABLE_SIZE);
}

/** Frees an entry of a table that is not used any more. */
export function neighbourFree(entry: u32): void {
  heapFree(entry, NEIGHBOUR_SIZE);
}

// @ts-ignore: decorator
@inline
function mix(h: u64, word: u64, seed: u64): u64 {
  const x = (h ^ word) * (seed * 0x9e3779b97f4a7c15 | 1);
  return x ^ (x >> 32);
}

/** Address of the head of the chain that the key belongs to. */
// @ts-ignore: decorator
@inline
function chainOf(table: u32, low: u64, high: u64): u32 {
  const seed: u64 = load<u32>(table, TABLE_SEED);
  // Once more: what differs in the last bytes of an address alone is in the product's first bits.
  const h = <u32>((mix(mix(seed, low, seed), high, seed) * 0x9e3779b97f4a7c15) >> 32);
  const mask = load<u32>(table, TABLE_MASK);
  const old = load<u32>(table, TABLE_OLD);
  if (old != 0) {
    const before = h & (mask >> 1);
    if (before >= load<u32>(table, TABLE_MOVED)) return old + (before << 2);
  }
  return load<u32>(table, TABLE_BUCKETS) + ((h & mask) << 2);
}

// @ts-ignore: decorator
@inline
function find(table: u32, low: u64, high: u64): u32 {
  let entry = load<u32>(chainOf(table, low, high));
  while (entry != 0) {
    if (load<u64>(entry, NEIGHBOUR_KEY) == low && load<u64>(entry, NEIGHBOUR_KEY + 8) == high) return entry;
    entry = load<u32>(entry, NEIGHBOUR_NEXT);
  }
  return 0;
}

/** The entry of the 16-byte key at `key`, 0 when there is none. */
export function neighbourFind(table: u32, key: u32): u32 {
  return find(table, load<u64>(key), load<u64>(key, 8));
}

/** The entry of the 16-byte key at `key`, which is made (zero but for the key) where there is none; 0 when the heap is exhausted. */
export function neighbourInsert(table: u32, key: u32): u32 {
  const low = load<u64>(key);
  const high = load<u64>(key, 8);
  const found = find(table, low, high);
  if (found != 0) return found;
  const entry = heapAlloc(NEIGHBOUR_SIZE);
  if (entry == 0) return 0;
  const count = load<u32>(table, TABLE_COUNT) + 1;
  if (load<u32>(table, TABLE_OLD) != 0) move(table);
  else if (count > load<u32>(table, TABLE_MASK)) grow(table);
  store<u64>(entry, low, NEIGHBOUR_KEY);
  store<u64>(entry, high, NEIGHBOUR_KEY + 8);
  const head = chainOf(table, low, high);
  store<u32>(entry, load<u32>(head), NEIGHBOUR_NEXT);
  store<u32>(head, entry);
  store<u32>(table, count, TABLE_COUNT);
  return entry;
}

/** Twice the chains, to which entries move by and by. Without memory for them the table stays as it is, only slower. */
function grow(table: u32): void {
  const chains = load<u32>(table, TABLE_MASK) + 1;
  const buckets = heapAlloc(chains << 3);
  if (buckets == 0) return;
  store<u32>(table, load<u32>(table, TABLE_BUCKETS), TABLE_OLD);
  store<u32>(table, 0, TABLE_MOVED);
  store<u32>(table, buckets, TABLE_BUCKETS);
  store<u32>(table, (chains << 1) - 1, TABLE_MASK);
}

/** Moves the entries of the next few chains to where they belong in a table that grows. */
function move(table: u32): void {
  const old = load<u32>(table, TABLE_OLD);
  const chains = (load<u32>(table, TABLE_MASK) + 1) >> 1;
  for (let n: u32 = 0; n < MOVED_AT_ONCE; n++) {
    const i = load<u32>(table, TABLE_MOVED);
    store<u32>(table, i + 1, TABLE_MOVED);
    let entry = load<u32>(old + (i << 2));
    while (entry != 0) {
      const next = load<u32>(entry, NEIGHBOUR_NEXT);
      const head = chainOf(table, load<u64>(entry, NEIGHBOUR_KEY), load<u64>(entry, NEIGHBOUR_KEY + 8));
      store<u32>(entry, load<u32>(head), NEIGHBOUR_NEXT);
      store<u32>(head, entry);
      entry = next;
    }
    if (i + 1 < chains) continue;
    heapFree(old, chains << 2);
    store<u32>(table, 0, TABLE_OLD);
    return;
  }
}

/** Removes and frees an entry of the table. */
export function neighbourRemove(table: u32, entry: u32): void {
  let at = chainOf(table, load<u64>(entry, NEIGHBOUR_KEY), load<u64>(entry, NEIGHBOUR_KEY + 8));
  while (load<u32>(at) != entry) {
    at = load<u32>(at) + NEIGHBOUR_NEXT;
    if (at == NEIGHBOUR_NEXT) return;
  }
  store<u32>(at, load<u32>(entry, NEIGHBOUR_NEXT));
  store<u32>(table, load<u32>(table, TABLE_COUNT) - 1, TABLE_COUNT);
  heapFree(entry, NEIGHBOUR_SIZE);
}

/** Writes the header: destination from `mac` (6 bytes, 2 more are read), source and type from `template` (8 bytes). */
// @ts-ignore: decorator
@inline
function writeHeader(slot: u32, mac: u64, template: u64): bool {
  const header = prepend(slot, ETHER_HEADER);
  if (header == 0) return false;
  store<u64>(header, mac);
  store<u64>(header, template, 6);
  store<u32>(slot, header, SLOT_MAC);
  return true;
}

/** Prepends one packet's Ethernet header: destination from `mac` (6 bytes), the rest from `template` (8 bytes). 0 when its slot has no room. */
export function neighbourHeader(slot: u32, mac: u32, template: u32): u32 {
  const destination = <u64>load<u32>(mac) | (<u64>load<u16>(mac, 4) << 32);
  return writeHeader(slot, destination, load<u64>(template)) ? 1 : 0;
}

/** The hardware address of an IP multicast group: RFC 1112 section 6.4, RFC 2464 section 7. 0 for other addresses. */
// @ts-ignore: decorator
@inline
function groupAddress(low: u64, high: u64, six: bool): u64 {
  if (six) return (low & 0xff) == 0xff ? 0x3333 | ((high >> 32) << 16) : 0;
  return (low & 0xf0) == 0xe0 ? 0x5e0001 | ((low & 0xffff7f00) << 16) : 0;
}

// @ts-ignore: decorator
@inline
function encap(
  table: u32, template: u32, batch: u32, count: u32, now: f64, timeout: f64, poll: f64, misses: u32, six: bool,
): u32 {
  const source = load<u64>(template);
  let sent: u32 = 0;
  // To begin with, an address that is not the first packet's.
  let lastLow: u64 = count == 0 ? 0 : ~load<u64>(slotAt(batch, 0), SLOT_ANNO + ANNO_DST_IP);
  let lastHigh: u64 = 0;
  let mac: u64 = 0; // of the last address; 0: the slow path has to see its packets
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const low: u64 = six
      ? load<u64>(slot, SLOT_ANNO + ANNO_DST_IP)
      : <u64>load<u32>(slot, SLOT_ANNO + ANNO_DST_IP);
    const high: u64 = six ? load<u64>(slot, SLOT_ANNO + ANNO_DST_IP + 8) : 0;
    if (low != lastLow || high != lastHigh) {
      lastLow = low;
      lastHigh = high;
      mac = 0;
      const entry = find(table, low, high);
      if (entry != 0 && load<u32>(entry, NEIGHBOUR_KNOWN) != 0) {
        const age = now - load<f64>(entry, NEIGHBOUR_LIVE);
        if (age <= timeout && (age < poll || now < load<f64>(entry, NEIGHBOUR_QUIET)))
          mac = load<u64>(entry, NEIGHBOUR_MAC);
      }
      if (mac == 0) mac = groupAddress(low, high, six);
    }
    if (mac != 0 && writeHeader(slot, mac, source)) store<u32>(batch + (sent++ << 2), slot);
    else store<u32>(misses + ((i - sent) << 2), slot);
  }
  return sent;
}

/**
 * Prepends an Ethernet header to each packet whose IPv4 destination annotation is a multicast group, or a
 * neighbour known, confirmed no longer than `timeout` ago, and either confirmed less than `poll` ago or in its
 * quiet time. `template` is the header's last 8 bytes: source address, type. The others go to `misses`.
 * Times in nanoseconds. Returns how many stay in `batch`.
 */
export function neighbourEncap4(
  table: u32, template: u32, batch: u32, count: u32, now: f64, timeout: f64, poll: f64, misses: u32,
): u32 {
  return encap(table, template, batch, count, now, timeout, poll, misses, false);
}

/** The same for IPv6, by the 16-byte annotation. */
export function neighbourEncap6(
  table: u32, template: u32, batch: u32, count: u32, now: f64, timeout: f64, poll: f64, misses: u32,
): u32 {
  return encap(table, template, batch, count, now, timeout, poll, misses, true);
}
