// How busy the machine is, for what has to happen in time.

import { monitorEventLoopDelay } from "node:perf_hooks";

/** Milliseconds that anything may take on a machine that does nothing else. */
const LEAST = 500;
/** Several processes have to run one after the other, each after such a delay. */
const PROCESSES = 20;

/**
 * Watches from now on how late this process gets to run. The function that it returns gives the milliseconds that what
 * happened meanwhile may have come later than its timers say, and ends that.
 */
export function startAllowance(): () => number {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  return () => {
    delay.disable();
    return LEAST + PROCESSES * (delay.max / 1e6);
  };
}
