// The time that kernels stamp on packets they make.

import { NOW_NANOSECONDS, NOW_SECONDS } from "../../assembly/forward-layout.js";
import { wallTime } from "./clock.js";
import type { Element } from "./element.js";

/** Writes the wall-clock time into the kernel's area at `area`. */
export function writeNow({ router, memory }: Element, area: number): void {
  const { seconds, nanoseconds } = wallTime(router.clock, router.clock.now());
  memory.set32(area + NOW_SECONDS, seconds);
  memory.set32(area + NOW_NANOSECONDS, nanoseconds);
}
