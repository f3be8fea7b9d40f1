// Instances by their IDs.

import { INSTANCE_IID, INSTANCE_PAGE, INSTANCE_SIZE, ROOT_DIRECTORY, ROOT_SHIFT } from "./lisp-layout";

/** Address of instance `iid` below `root`, 0 when it is not there. */
export function findInstance(root: u32, iid: u32): u32 {
  const hash = iid * 0x9e3779b1;
  const page = load<u32>(load<u32>(root, ROOT_DIRECTORY) + ((hash >> load<u32>(root, ROOT_SHIFT)) << 2));
  let place = hash >> 8;
  while (true) {
    const at = page + (place & (INSTANCE_PAGE - 1)) * INSTANCE_SIZE;
    const there = load<u32>(at, INSTANCE_IID);
    if (there == 0) return 0;
    if (there == iid + 1) return at;
    place++;
  }
}
