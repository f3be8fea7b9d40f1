// Kernels of the basic elements: painting, storing, queues, timestamps.

import * as layout from "../../assembly/layout.js";
import { draw, inPlace, offset, stays } from "./kernel-drivers.js";
import type { Driver } from "./kernel-room.js";

/** Wall-clock seconds and nanoseconds at the start of the clock, and steady nanoseconds since. */
const START = [1_000_000_000, 5];
const NOW = 1_500_000_000;
const DAY = 86_400e9;

const queue: Driver = (room, count) => {
  const { memory, kernels } = room;
  const entries = draw(room, 1, 16, 64, 256);
  const block = room.state(layout.QUEUE_SIZE);
  const start = room.random.u32();
  memory.set32(block + layout.QUEUE_RING, room.state(entries * 4));
  memory.set32(block + layout.QUEUE_MASK, entries - 1);
  memory.set32(block + layout.QUEUE_HEAD, start);
  memory.set32(block + layout.QUEUE_TAIL, start);
  memory.set32(block + layout.QUEUE_CAPACITY, 1 + room.random.below(entries));
  let left = count;
  let moved = 0;
  // In and out by turns; what came first leaves first, so the second batch keeps the order.
  for (let turn = 0; turn < 8; turn++) {
    left -= kernels.queueAppend(block, room.batch, left);
    moved += kernels.queueTake(block, room.out + moved * 4, room.random.below(64));
  }
  moved += kernels.queueTake(block, room.out + moved * 4, layout.BATCH_MAX);
  return { kept: left, moved };
};

export const BASIC_CASES: Readonly<Record<string, Driver>> = {
  countBatch: (room, count) => stays([room.kernels.countBatch(room.state(16), room.batch, count)])(count),
  paintBatch: inPlace("paintBatch", (room) => [room.random.below(48), room.random.below(256)]),
  paintPorts: inPlace("paintPorts", (room) => [room.random.below(48)]),
  paintDivide: (room, count) => {
    const kept = room.kernels.paintDivide(
      room.batch,
      count,
      room.random.below(48),
      draw(room, 0, 1),
      room.out,
    );
    return { kept, moved: count - kept };
  },
  paintCopy: (room, count) => {
    const made = room.kernels.paintCopy(
      room.state(8),
      room.batch,
      count,
      room.random.below(48),
      draw(room, 0, 1),
      room.out,
    );
    return { kept: count, moved: made, made };
  },
  storeBatch: (room, count) => {
    const length = room.random.below(200);
    room.kernels.storeBatch(room.batch, count, offset(room), room.state(200), length);
    return stays()(count);
  },
  unstripBatch: (room, count) => {
    const { memory } = room;
    const n = draw(room, 0, 1, 14, 20, 40, 200, 2000, 0x7fffffff, 0xfffffff0);
    const good = room.kernels.unstripBatch(room.batch, count, n, room.out);
    // What stood before the data is what is asked for.
    for (let i = 0; i < good; i++) {
      const data = memory.get32(room.at(i) + layout.SLOT_DATA);
      memory.u8.fill(0, data, data + n);
    }
    return { kept: good, moved: count - good };
  },
  queueAppend: queue,
  queueTake: queue,
  stampBatch: inPlace("stampBatch", (room) => [
    draw(room, layout.SLOT_TIMESTAMP, layout.SLOT_ANNO, layout.SLOT_ANNO + 40),
    ...START,
    room.random.below(NOW),
  ]),
  delayBatch: inPlace("delayBatch", (room) => [draw(room, 0, 1, DAY), ...START, room.random.below(NOW)]),
  dueBatch: inPlace("dueBatch", (room) => [...START, room.random.below(NOW)]),
  stampSteady: (room, count) => {
    const values: number[] = [];
    for (let i = 0; i < count; i++) values.push(room.kernels.stampSteady(room.at(i), START[0], START[1]));
    return stays(values)(count);
  },
};
