// Pre-copy migration as a model of costs (Clark and others, Live Migration of Virtual Machines, NSDI 2005): memory is sent
// while the virtual machine runs, then what it has written meanwhile, round by round, until what is left takes no longer
// than it may stand still.

/** What a virtual machine writes. */
export interface Workload {
  /** Bytes of memory. */
  readonly memory: number;
  /** Bytes a second that it writes, as long as none is written twice. */
  readonly dirtyRate: number;
  /** Bytes that it writes to at all: more than these are never left to send. */
  readonly workingSet: number;
}

/** Nanoseconds of the shortest round: to find out what was written takes a while as well. */
const ROUND_LEAST = 1e6;

/** Bytes that are written in `ns`, each counted once. */
export function dirtyBytes({ memory, dirtyRate, workingSet }: Workload, ns: number): number {
  return Math.min(memory, workingSet, Math.round((dirtyRate * ns) / 1e9));
}

/** Nanoseconds that sending takes; `rate` in bytes a second. */
export function sendingTime(bytes: number, rate: number): number {
  return Math.round((bytes / rate) * 1e9);
}

/** One round: so many bytes, in so many nanoseconds. */
export interface Round {
  readonly bytes: number;
  readonly ns: number;
  /** The virtual machine stands still in it: it is the last. */
  readonly last: boolean;
}

/** The round that sends all memory. */
export function firstRound({ memory }: Workload, rate: number): Round {
  return { bytes: memory, ns: Math.max(ROUND_LEAST, sendingTime(memory, rate)), last: false };
}

/**
 * The round behind `round`: it sends what was written in that one. It is the last where it takes at most `limit`
 * nanoseconds.
 *
 * With memory M, dirty rate D, bandwidth B (both in bytes a second), working set W and limit L (seconds): where r = D / B < 1
 * and W does not count, round k (from 0) sends M r^k. There are n = max(1, ceil(log(L B / M) / log r)) rounds before STOP
 * (1 for D = 0), M (1 - r^(n+1)) / (1 - r) bytes in all, in as many / B seconds; the virtual machine stands still for
 * M r^n / B, then for the way to the destination and what resuming takes there. Where r >= 1 what is written grows to W:
 * with W <= L B it is sent in round 1 or later while the virtual machine stands still, else there is never a last round.
 */
export function nextRound(workload: Workload, rate: number, round: Round, limit: number): Round {
  const bytes = dirtyBytes(workload, round.ns);
  const ns = sendingTime(bytes, rate);
  return ns <= limit ? { bytes, ns, last: true } : { bytes, ns: Math.max(ROUND_LEAST, ns), last: false };
}
