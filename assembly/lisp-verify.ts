// What the LISP header of a packet says of mappings (RFC 9302, section 7; RFC 9300, sections 10 and 13): its
// Map-Versions and Locator-Status-Bits, against our own EID-prefixes and against the map-cache. What the control
// plane must hear of becomes an event, one a batch for the same thing, so that forged headers cost it little.

import { findInstance } from "./lisp-instance";
import {
  CACHE_ROOT, DECAP_DONE, DECAP_NEWER_VERSION, DECAP_NULL_VERSION, DECAP_OLDER_SOURCE, DECAP_OLDER_VERSION,
  EVENT_EID, EVENT_FAMILY, EVENT_IID, EVENT_KIND, EVENT_LSB, EVENT_NEWER_SOURCE, EVENT_OLDER_DESTINATION,
  EVENT_RECORD, EVENT_RLOC, EVENT_RLOC_FAMILY, EVENT_SIZE, EVENT_STATUS_BITS, EVENT_WIDTH, INSTANCE_TABLE_4,
  INSTANCE_TABLE_6, MAPPING_COUNT, MAPPING_LSB, MAPPING_STATUS, MAPPING_VERSION, REFUSED_FAMILY, REFUSED_RECORD,
  REFUSED_RLOC, REFUSED_SIZE, SITE_FLAGS, SITE_REFUSE_OLD, SITE_VERSION, STATUS_NEVER, STATUS_SEEN, VERIFY_CACHE, VERIFY_COUNT, VERIFY_EVENTS,
  VERIFY_EVENTS_MAX, VERIFY_FLAGS, VERIFY_REFUSE_SOURCE, VERIFY_REFUSED, VERIFY_REFUSED_COUNT, VERIFY_SITE,
  VERIFY_STATUS, VERIFY_VERSIONS,
} from "./lisp-layout";
import { lpm4Lookup } from "./lpm4-lookup";
import { lpm6Lookup } from "./lpm6-lookup";

const N_BIT: u32 = 0x80;
const L_BIT: u32 = 0x40;
const V_BIT: u32 = 0x10;
const I_BIT: u32 = 0x08;

/** What the longest prefix that holds the address at `at` (network order) stands for below `root`, 0 when there is none. */
// @ts-ignore: decorator
@inline
export function findPrefix(root: u32, iid: u32, at: u32, four: bool): u32 {
  if (root == 0) return 0;
  const instance = findInstance(root, iid);
  if (instance == 0) return 0;
  const table = load<u32>(instance + (four ? INSTANCE_TABLE_4 : INSTANCE_TABLE_6));
  if (table == 0) return 0;
  return four ? lpm4Lookup(table, bswap<u32>(load<u32>(at))) : lpm6Lookup(table, at);
}

/** Whether Map-Version `b` is newer than `a`, neither of them null (RFC 9302, section 6). */
function newer(a: u32, b: u32): bool {
  return b > a ? b - a <= 2048 : a - b > 2048;
}

// @ts-ignore: decorator
@inline
function address(at: u32, four: bool): v128 {
  return four ? v128.load32_zero(at) : v128.load(at);
}

/** Notes an event, once a batch; false when there is no room for it. */
function report(
  verify: u32, kind: u32, record: u32, iid: u32, eid: u32, four: bool, rloc: u32, rlocFour: bool, lsb: u32, width: u32,
): bool {
  const count = load<u32>(verify, VERIFY_COUNT);
  const sender = address(rloc, rlocFour);
  let at = verify + VERIFY_EVENTS;
  for (let i: u32 = 0; i < count; i++) {
    const same = load<u32>(at, EVENT_KIND) == kind && load<u32>(at, EVENT_RECORD) == record;
    // Of Locator-Status-Bits each change counts, so that the last one is the last.
    if (same && kind != EVENT_STATUS_BITS && !v128.any_true(v128.xor(v128.load(at, EVENT_RLOC), sender))) return true;
    at += EVENT_SIZE;
  }
  if (count == VERIFY_EVENTS_MAX) return false;
  store<u32>(at, kind, EVENT_KIND);
  store<u32>(at, four ? 4 : 6, EVENT_FAMILY);
  store<u32>(at, iid, EVENT_IID);
  store<u32>(at, record, EVENT_RECORD);
  v128.store(at, address(eid, four), EVENT_EID);
  v128.store(at, sender, EVENT_RLOC);
  store<u32>(at, rlocFour ? 4 : 6, EVENT_RLOC_FAMILY);
  store<u32>(at, lsb, EVENT_LSB);
  store<u32>(at, width, EVENT_WIDTH);
  store<u32>(verify, count + 1, VERIFY_COUNT);
  return true;
}

/** Whether this sender was told often enough that it has an old mapping of ours. */
function refused(verify: u32, record: u32, rloc: u32, rlocFour: bool): bool {
  const sender = address(rloc, rlocFour);
  const end = verify + VERIFY_REFUSED + load<u32>(verify, VERIFY_REFUSED_COUNT) * REFUSED_SIZE;
  for (let at = verify + VERIFY_REFUSED; at < end; at += REFUSED_SIZE) {
    if (load<u32>(at, REFUSED_RECORD) != record || load<u32>(at, REFUSED_FAMILY) != (rlocFour ? 4 : 6)) continue;
    if (!v128.any_true(v128.xor(v128.load(at, REFUSED_RLOC), sender))) return true;
  }
  return false;
}

/** The Destination Map-Version `theirs` of a packet to the EID at `eid` (section 7.1). Returns DECAP_DONE, or why it is dropped. */
function verifyDestination(
  verify: u32, theirs: u32, iid: u32, eid: u32, four: bool, rloc: u32, rlocFour: bool,
): u32 {
  const record = findPrefix(load<u32>(verify, VERIFY_SITE), iid, eid, four);
  if (record == 0) return DECAP_DONE;
  const ours = load<u32>(record, SITE_VERSION);
  if (ours == 0 || theirs == 0) return DECAP_NULL_VERSION;
  if (theirs == ours) return DECAP_DONE;
  if (newer(ours, theirs)) return DECAP_NEWER_VERSION;
  if ((load<u32>(record, SITE_FLAGS) & SITE_REFUSE_OLD) != 0) return DECAP_OLDER_VERSION;
  report(verify, EVENT_OLDER_DESTINATION, record, iid, eid, four, rloc, rlocFour, 0, 0);
  return refused(verify, record, rloc, rlocFour) ? DECAP_OLDER_VERSION : DECAP_DONE;
}

/** Locator-Status-Bits of the site whose `mapping` we have: an event when they differ from those that it sent last. */
function noteStatusBits(
  verify: u32, mapping: u32, word: u32, second: u32, iid: u32, eid: u32, four: bool, rloc: u32, rlocFour: bool,
): void {
  const width = min<u32>(load<u8>(mapping, MAPPING_COUNT), (word & I_BIT) != 0 ? 8 : 32);
  const status = load<u8>(mapping, MAPPING_STATUS);
  if (width == 0 || status == STATUS_NEVER) return;
  const bits = second & (0xffffffff >> (32 - width));
  if (status == STATUS_SEEN && load<u32>(mapping, MAPPING_LSB) == bits) return;
  if (!report(verify, EVENT_STATUS_BITS, mapping, iid, eid, four, rloc, rlocFour, bits, width)) return;
  store<u8>(mapping, STATUS_SEEN, MAPPING_STATUS);
  store<u32>(mapping, bits, MAPPING_LSB);
}

/**
 * Verifies what a header with the V or L bit says: its first word as it lies in memory, the second as a number.
 * `source` and `destination` are the addresses of the inner EIDs, `rloc` that of the outer source. Returns
 * DECAP_DONE, or why the packet is dropped.
 */
export function verifyHeader(
  verify: u32, word: u32, second: u32, iid: u32, source: u32, destination: u32, four: bool, rloc: u32, rlocFour: bool,
): u32 {
  const flags = load<u32>(verify, VERIFY_FLAGS);
  const versions = (word & (N_BIT | V_BIT)) == V_BIT && (flags & VERIFY_VERSIONS) != 0;
  const content = bswap<u32>(word) & 0xffffff;
  if (versions) {
    const result = verifyDestination(verify, content & 0xfff, iid, destination, four, rloc, rlocFour);
    if (result != DECAP_DONE) return result;
  }
  const theirs = versions ? content >> 12 : 0;
  const bits = (word & L_BIT) != 0 && (flags & VERIFY_STATUS) != 0;
  const cache = load<u32>(verify, VERIFY_CACHE);
  if ((theirs == 0 && !bits) || cache == 0) return DECAP_DONE;
  const mapping = findPrefix(load<u32>(cache, CACHE_ROOT), iid, source, four);
  if (mapping == 0) return DECAP_DONE;
  const known = load<u16>(mapping, MAPPING_VERSION) as u32;
  if (theirs != 0 && known != 0 && theirs != known) {
    // Section 7.2. Its Locator-Status-Bits count the locators of another mapping than ours.
    if (newer(known, theirs)) {
      report(verify, EVENT_NEWER_SOURCE, mapping, iid, source, four, rloc, rlocFour, 0, 0);
      return DECAP_DONE;
    }
    return (flags & VERIFY_REFUSE_SOURCE) != 0 ? DECAP_OLDER_SOURCE : DECAP_DONE;
  }
  if (bits) noteStatusBits(verify, mapping, word, second, iid, source, four, rloc, rlocFour);
  return DECAP_DONE;
}
