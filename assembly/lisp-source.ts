// What a LISP header says of the mapping that a packet's source EID has: Source Map-Version and Locator-Status-Bits
// (RFC 9300, section 5.3: those of the longest EID-prefix of ours that holds it).

import { SLOT_DATA, SLOT_IID } from "./layout";
import { lispEncap } from "./lisp-encap";
import { ENCAP_SITE, SITE_FLAGS, SITE_HAS_LSB, SITE_LSB, SITE_VERSION } from "./lisp-layout";
import { findPrefix } from "./lisp-verify";
import { slotAt } from "./slot";

const L_BIT: u32 = 0x40;
const V_BIT: u32 = 0x10;
const I_BIT: u32 = 0x08;
/** The Source Map-Version in the header's first word, as it lies in memory. */
const SOURCE: u32 = 0x00f0ff00;

/** Writes what is said of the sender's EID-prefix into the LISP header at `lisp`, before the inner header at `inner`. */
// @ts-ignore: decorator
@inline
function sign(root: u32, iid: u32, lisp: u32): void {
  const inner = lisp + 8;
  const four = (load<u8>(inner) & 0xf0) == 0x40;
  const record = findPrefix(root, iid, inner + (four ? 12 : 8), four);
  if (record == 0) return;
  let word = load<u32>(lisp);
  if ((word & V_BIT) != 0) word = (word & ~SOURCE) | bswap<u32>(load<u32>(record, SITE_VERSION) << 12);
  if ((load<u32>(record, SITE_FLAGS) & SITE_HAS_LSB) != 0) {
    word |= L_BIT;
    const bits = load<u32>(record, SITE_LSB);
    if ((word & I_BIT) != 0) store<u8>(lisp, bits as u8, 7);
    else store<u32>(lisp, bswap<u32>(bits), 4);
  }
  store<u32>(lisp, word);
}

/** lispEncap, and then what is to be said of each packet's source EID. */
export function lispEncapSources(state: u32, batch: u32, count: u32, big: u32): u32 {
  const counts = lispEncap(state, batch, count, big);
  const root = load<u32>(state, ENCAP_SITE);
  const kept = counts & 1023;
  for (let i: u32 = 0; i < kept; i++) {
    const slot = slotAt(batch, i);
    const start = load<u32>(slot, SLOT_DATA);
    const lisp = start + ((load<u8>(start) & 0xf0) == 0x40 ? 28 : 48);
    sign(root, load<u32>(slot, SLOT_IID), lisp);
  }
  return counts;
}
