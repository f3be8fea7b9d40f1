// How much garbage a graph makes: bytes that the JavaScript heap grows by while packets pass.

import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const CHUNKS = 16;

/** The collector, which Node hides unless it is asked. */
export function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

export interface Allocation {
  readonly packets: number;
  /** Bytes of JavaScript heap taken while they passed. */
  readonly bytes: number;
  readonly bytesPerPacket: number;
}

/**
 * Heap taken while `run` processes `packets` packets, after it has processed as many to warm up. In parts, with the
 * heap collected before each, so that no collection hides what a part takes.
 */
export function allocation(packets: number, run: (packets: number) => void): Allocation {
  const gc = collector();
  run(packets);
  run(packets);
  const part = Math.ceil(packets / CHUNKS);
  let bytes = 0;
  for (let i = 0; i < CHUNKS; i++) {
    gc();
    const before = getHeapStatistics().used_heap_size;
    run(part);
    bytes += getHeapStatistics().used_heap_size - before;
  }
  return { packets: part * CHUNKS, bytes, bytesPerPacket: bytes / (part * CHUNKS) };
}
