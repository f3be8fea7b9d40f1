// Instances by their IDs.

import { INSTANCE_IID, INSTANCE_SIZE, ROOT_INDEX, ROOT_MASK } from "./lisp-layout";

/** Address of instance `iid` below `root`, 0 when it is not there. */
export function findInstance(root: u32, iid: u32): u32 {
  const index = load<u32>(root, ROOT_INDEX);
  const mask = load<u32>(root, ROOT_MASK);
  let place = (iid * 0x9e3779b1) >> 8;
  while (true) {
    const at = index + (place & mask) * INSTANCE_SIZE;
    const there = load<u32>(at, INSTANCE_IID);
    if (there == 0) return 0;
    if (there == iid + 1) return at;
    place++;
  }
}
