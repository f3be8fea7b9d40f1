// When a packet came, by the router's steady clock.

import type { Element } from "./element.js";

/** Packets wait no longer inside a router, nanoseconds: a timestamp that is older, or of the future, is of another clock. */
const BELIEVED = 1e8;

/** Steady nanosecond at which the packet in `slot` came: that of its device's timestamp where it has one, else now. */
export function arrival({ memory, router }: Element, slot: number): number {
  const now = router.clock.now();
  const { seconds, nanoseconds } = router.clock.start;
  const at = memory.kernels.stampSteady(slot, seconds, nanoseconds);
  return at <= now && at > now - BELIEVED ? at : now;
}
