// The example plug-in's kernel. An installed plug-in imports these from "sluice/assembly/...".

import { SLOT_DATA, SLOT_LENGTH } from "../../../assembly/layout";
import { count64, slotAt } from "../../../assembly/slot";

/** `state`: u64 counter of bytes, then the key. */
export function xorBatch(state: u32, batch: u32, count: u32): void {
  const key = load<u8>(state, 8);
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const data = load<u32>(slot, SLOT_DATA);
    const length = load<u32>(slot, SLOT_LENGTH);
    for (let n: u32 = 0; n < length; n++) store<u8>(data + n, load<u8>(data + n) ^ key);
    count64(state, length);
  }
}
