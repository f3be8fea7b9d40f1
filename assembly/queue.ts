// First-in first-out queues of slot handles: a ring in the router's memory.
//
// A queue is a block of QUEUE_SIZE bytes (layout below) and a ring of as many
// handles as the next power of two has. Positions count on and wrap at 2^32;
// `tail - head` is the number of packets.

import { QUEUE_CAPACITY, QUEUE_HEAD, QUEUE_HIGHWATER, QUEUE_MASK, QUEUE_RING, QUEUE_TAIL } from "./layout";
import { slotAt } from "./slot";

/**
 * Appends the first packets of `batch`, as many as there is room for; those without room move to the front of
 * `batch`. Returns how many were appended.
 */
export function queueAppend(queue: u32, batch: u32, count: u32): u32 {
  const ring = load<u32>(queue, QUEUE_RING);
  const mask = load<u32>(queue, QUEUE_MASK);
  const tail = load<u32>(queue, QUEUE_TAIL);
  const length = tail - load<u32>(queue, QUEUE_HEAD);
  const capacity = load<u32>(queue, QUEUE_CAPACITY);
  const room = capacity > length ? capacity - length : 0;
  const n = min<u32>(count, room);
  for (let i: u32 = 0; i < n; i++) store<u32>(ring + (((tail + i) & mask) << 2), slotAt(batch, i));
  for (let i: u32 = n; i < count; i++) store<u32>(batch + ((i - n) << 2), slotAt(batch, i));
  store<u32>(queue, tail + n, QUEUE_TAIL);
  if (length + n > load<u32>(queue, QUEUE_HIGHWATER)) store<u32>(queue, length + n, QUEUE_HIGHWATER);
  return n;
}

/** Takes up to `max` packets from the front into `batch`; returns how many. */
export function queueTake(queue: u32, batch: u32, max: u32): u32 {
  const ring = load<u32>(queue, QUEUE_RING);
  const mask = load<u32>(queue, QUEUE_MASK);
  const head = load<u32>(queue, QUEUE_HEAD);
  const n = min<u32>(max, load<u32>(queue, QUEUE_TAIL) - head);
  for (let i: u32 = 0; i < n; i++) store<u32>(batch + (i << 2), load<u32>(ring + (((head + i) & mask) << 2)));
  store<u32>(queue, head + n, QUEUE_HEAD);
  return n;
}
