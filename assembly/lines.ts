// The lines between the ports of a switch: one for each pair (from, to), with its own delay, jitter and loss.
//
// A line is a list of packets, in the order in which they arrive; the lines with packets stand in a binary heap by when
// their first packet arrives, so that one timer serves all of them. A line is made when it is first used: a switch of 64
// ports has 4,032 pairs, of which few may ever talk. Where nothing happens to packets, one line does for all.

import { heapAlloc, heapFree } from "./heap";
import { PORT_ALL, PORT_DROP, POOL_MADE, POOL_MOST, POOL_TOP, SLOT_PORT } from "./layout";
import {
  BUSY_ARRIVAL, BUSY_LINE, BUSY_ORDER, BUSY_SIZE, LINE_DOWNS, LINE_FROM, LINE_HEAD, LINE_HELD, LINE_LAST, LINE_LOSSES,
  LINE_OVERRUNS, LINE_PACKETS, LINE_PATH, LINE_RANDOM, LINE_SIZE, LINE_TAIL, LINE_TO, LINES_BUSY, LINES_COMMON, LINES_DOWN,
  LINES_HEAP, LINES_INDEX, LINES_LOST, LINES_MADE, LINES_NO_LINE, LINES_NO_ROOM, LINES_NO_SLOT, LINES_ORDER,
  LINES_OTHERS, LINES_PLACES, LINES_PORTS, LINES_RECORDS, LINES_SEED, PATH_CUT, PATH_DELAY, PATH_JITTER, PATH_LOSS,
  RECORD_HELD, RECORD_NAME, RECORD_SIZE, WAY_ARRIVAL, WAY_NEXT, WAY_ORDER,
} from "./lines-layout";
import { poolCopy, poolGive } from "./pool";
import { count64, slotAt } from "./slot";

const FIRST_PLACES: u32 = 64;

// @ts-ignore: decorator
@inline
function place(lines: u32, from: u32, to: u32): u32 {
  return load<u32>(lines, LINES_INDEX) + ((from * load<u32>(lines, LINES_PORTS) + to) << 2);
}

// @ts-ignore: decorator
@inline
function record(lines: u32, port: u32): u32 {
  return load<u32>(lines, LINES_RECORDS) + port * RECORD_SIZE;
}

// @ts-ignore: decorator
@inline
function mixed(x: u64): u64 {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/** The line's next random number, uniform in [0, 1) (SplitMix64). */
// @ts-ignore: decorator
@inline
function draw(line: u32): f64 {
  const state = load<u64>(line, LINE_RANDOM) + 0x9e3779b97f4a7c15;
  store<u64>(line, state, LINE_RANDOM);
  return <f64>(mixed(state) >> 11) * (1.0 / 9007199254740992.0);
}

/** Sees to it that one line more, and the common one, have a place in the heap. False where there is no memory. */
export function linesRoom(lines: u32): bool {
  const places = load<u32>(lines, LINES_PLACES);
  if (load<u32>(lines, LINES_MADE) + 1 < places) return true;
  const more: u32 = places == 0 ? FIRST_PLACES : places * 2;
  const heap = heapAlloc(more * BUSY_SIZE);
  if (heap == 0) return false;
  memory.copy(heap, load<u32>(lines, LINES_HEAP), load<u32>(lines, LINES_BUSY) * BUSY_SIZE);
  heapFree(load<u32>(lines, LINES_HEAP), places * BUSY_SIZE);
  store<u32>(lines, heap, LINES_HEAP);
  store<u32>(lines, more, LINES_PLACES);
  return true;
}

/** The line from one port to another, made if it was not there; 0 where there is no memory for it. */
export function lineOf(lines: u32, input: u32, output: u32): u32 {
  const at = place(lines, input, output);
  let line = load<u32>(at);
  if (line != 0) return line;
  if (!linesRoom(lines)) return 0;
  line = heapAlloc(LINE_SIZE);
  if (line == 0) return 0;
  store<u32>(lines, load<u32>(lines, LINES_MADE) + 1, LINES_MADE);
  store<u32>(at, line);
  store<u32>(line, lines + LINES_OTHERS, LINE_PATH);
  store<u16>(line, <u16>input, LINE_FROM);
  store<u16>(line, <u16>output, LINE_TO);
  // By the ports' names alone: the same numbers whatever other lines there are, and what they carry.
  const ends = mixed(load<u64>(record(lines, input), RECORD_NAME)) * 3 + mixed(load<u64>(record(lines, output), RECORD_NAME));
  store<u64>(line, mixed(load<u64>(lines, LINES_SEED) + ends), LINE_RANDOM);
  return line;
}

/** Whether the line takes a packet that came in on `from`; if not, that is counted. */
// @ts-ignore: decorator
@inline
function admits(state: u32, lines: u32, line: u32, from: u32): bool {
  const path = load<u32>(line, LINE_PATH);
  if (load<u32>(path, PATH_CUT) != 0) {
    count64(state + LINES_DOWN, 1);
    count64(line + LINE_DOWNS, 1);
    return false;
  }
  const loss = load<f64>(path, PATH_LOSS);
  if (loss > 0 && draw(line) < loss) {
    count64(state + LINES_LOST, 1);
    count64(line + LINE_LOSSES, 1);
    return false;
  }
  // A port may have as many on their way as there is room for yet: one that floods leaves the others half.
  const free = load<u32>(POOL_MOST) - load<u32>(POOL_MADE) + load<u32>(POOL_TOP);
  if (load<u32>(record(lines, from), RECORD_HELD) > free) {
    count64(state + LINES_NO_ROOM, 1);
    count64(line + LINE_OVERRUNS, 1);
    return false;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function before(arrival: f64, order: u32, entry: u32): bool {
  const other = load<f64>(entry, BUSY_ARRIVAL);
  return arrival < other || (arrival == other && <i32>(order - load<u32>(entry, BUSY_ORDER)) < 0);
}

// @ts-ignore: decorator
@inline
function enter(entry: u32, arrival: f64, order: u32, line: u32): void {
  store<f64>(entry, arrival, BUSY_ARRIVAL);
  store<u32>(entry, order, BUSY_ORDER);
  store<u32>(entry, line, BUSY_LINE);
}

/** Adds a line to the heap. */
function rise(lines: u32, arrival: f64, order: u32, line: u32): void {
  const heap = load<u32>(lines, LINES_HEAP);
  let i = load<u32>(lines, LINES_BUSY);
  store<u32>(lines, i + 1, LINES_BUSY);
  while (i > 0) {
    const parent: u32 = (i - 1) >> 1;
    if (!before(arrival, order, heap + parent * BUSY_SIZE)) break;
    memory.copy(heap + i * BUSY_SIZE, heap + parent * BUSY_SIZE, BUSY_SIZE);
    i = parent;
  }
  enter(heap + i * BUSY_SIZE, arrival, order, line);
}

/** Puts an entry in place of the first of `count`. */
function sink(heap: u32, count: u32, arrival: f64, order: u32, line: u32): void {
  let i: u32 = 0;
  for (;;) {
    let child: u32 = 2 * i + 1;
    if (child >= count) break;
    const right = heap + (child + 1) * BUSY_SIZE;
    if (child + 1 < count && before(load<f64>(right), load<u32>(right, BUSY_ORDER), heap + child * BUSY_SIZE)) child++;
    if (before(arrival, order, heap + child * BUSY_SIZE)) break;
    memory.copy(heap + i * BUSY_SIZE, heap + child * BUSY_SIZE, BUSY_SIZE);
    i = child;
  }
  enter(heap + i * BUSY_SIZE, arrival, order, line);
}

/** Counts `n` packets more on a line from `from`. */
// @ts-ignore: decorator
@inline
function onTheWay(lines: u32, line: u32, from: u32, n: i32): void {
  if (line == lines + LINES_COMMON) return; // they leave at once
  const held = record(lines, from) + RECORD_HELD;
  store<u32>(held, load<u32>(held) + n);
  store<u32>(line, load<u32>(line, LINE_HELD) + n, LINE_HELD);
}

/** Puts a packet on a line that admits it. */
function put(lines: u32, line: u32, slot: u32, from: u32, to: u32, now: f64): void {
  const path = load<u32>(line, LINE_PATH);
  const jitter = load<f64>(path, PATH_JITTER);
  let arrival = now + load<f64>(path, PATH_DELAY);
  if (jitter > 0) arrival += Math.floor(draw(line) * jitter);
  arrival = max(arrival, load<f64>(line, LINE_LAST));
  store<f64>(line, arrival, LINE_LAST);
  const order = load<u32>(lines, LINES_ORDER) + 1;
  store<u32>(lines, order, LINES_ORDER);
  store<f64>(slot, arrival, WAY_ARRIVAL);
  store<u32>(slot, order, WAY_ORDER);
  store<u32>(slot, 0, WAY_NEXT);
  store<u16>(slot, <u16>to, SLOT_PORT);
  count64(line + LINE_PACKETS, 1);
  onTheWay(lines, line, from, 1);
  if (load<u32>(line, LINE_HEAD) == 0) {
    store<u32>(line, slot, LINE_HEAD);
    rise(lines, arrival, order, line);
  } else store<u32>(load<u32>(line, LINE_TAIL), slot, WAY_NEXT);
  store<u32>(line, slot, LINE_TAIL);
}

/** Whether nothing happens to packets on lines that were not set. */
// @ts-ignore: decorator
@inline
function passes(lines: u32): bool {
  const path = lines + LINES_OTHERS;
  return (
    load<f64>(path, PATH_DELAY) == 0 && load<f64>(path, PATH_JITTER) == 0 && load<f64>(path, PATH_LOSS) == 0 &&
    load<u32>(path, PATH_CUT) == 0
  );
}

/** The line for a packet from one port to another; 0 when it is not to be, which is counted. */
// @ts-ignore: decorator
@inline
function admitted(state: u32, lines: u32, from: u32, to: u32): u32 {
  let line = load<u32>(place(lines, from, to));
  if (line == 0) {
    if (passes(lines)) return lines + LINES_COMMON;
    line = lineOf(lines, from, to);
  }
  if (line == 0) {
    count64(state + LINES_NO_LINE, 1);
    return 0;
  }
  return admits(state, lines, line, from) ? line : 0;
}

/** Puts a packet on the lines from `from` to all others: a copy on each but the last. */
function flood(state: u32, lines: u32, slot: u32, from: u32, now: f64): void {
  const ports = load<u32>(lines, LINES_PORTS);
  let waiting: u32 = 0;
  let last: u32 = 0;
  for (let to: u32 = 0; to < ports; to++) {
    if (to == from) continue;
    const line = admitted(state, lines, from, to);
    if (line == 0) continue;
    if (waiting != 0) {
      const copy = poolCopy(slot);
      if (copy == 0) count64(state + LINES_NO_SLOT, 1);
      else put(lines, waiting, copy, from, last, now);
    }
    waiting = line;
    last = to;
  }
  if (waiting != 0) put(lines, waiting, slot, from, last, now);
  else poolGive(slot);
}

/** Puts the packets of a batch that came in on `from` at `now` on their lines, by what a switch said in SLOT_PORT. None is left. */
export function linesTake(state: u32, lines: u32, batch: u32, count: u32, from: u32, now: f64): void {
  for (let i: u32 = 0; i < count; i++) {
    const slot = slotAt(batch, i);
    const to: u32 = load<u16>(slot, SLOT_PORT);
    if (to == PORT_ALL) {
      flood(state, lines, slot, from, now);
      continue;
    }
    const line = to == PORT_DROP ? 0 : admitted(state, lines, from, to);
    if (line != 0) put(lines, line, slot, from, to, now);
    else poolGive(slot);
  }
}

/** Takes the packets that have arrived by `now` into the array at `batch`, `most` at most, their output in SLOT_PORT. */
export function linesDue(lines: u32, batch: u32, most: u32, now: f64): u32 {
  const heap = load<u32>(lines, LINES_HEAP);
  let busy = load<u32>(lines, LINES_BUSY);
  let n: u32 = 0;
  while (n < most && busy > 0 && load<f64>(heap, BUSY_ARRIVAL) <= now) {
    const line = load<u32>(heap, BUSY_LINE);
    const slot = load<u32>(line, LINE_HEAD);
    const next = load<u32>(slot, WAY_NEXT);
    store<u32>(line, next, LINE_HEAD);
    if (next != 0) sink(heap, busy, load<f64>(next, WAY_ARRIVAL), load<u32>(next, WAY_ORDER), line);
    else {
      busy--;
      const last = heap + busy * BUSY_SIZE;
      if (busy > 0) sink(heap, busy, load<f64>(last, BUSY_ARRIVAL), load<u32>(last, BUSY_ORDER), load<u32>(last, BUSY_LINE));
    }
    onTheWay(lines, line, load<u16>(line, LINE_FROM), -1);
    store<f64>(slot, 0, WAY_ARRIVAL);
    store<u64>(slot, 0, WAY_ORDER);
    // Ports may have been renumbered meanwhile.
    if (line != lines + LINES_COMMON) store<u16>(slot, load<u16>(line, LINE_TO), SLOT_PORT);
    store<u32>(batch + (n++ << 2), slot);
  }
  store<u32>(lines, busy, LINES_BUSY);
  return n;
}

/** Gives back the packets of a line; returns how many. */
function empty(line: u32): u32 {
  let n: u32 = 0;
  for (let slot = load<u32>(line, LINE_HEAD); slot != 0; n++) {
    const next = load<u32>(slot, WAY_NEXT);
    poolGive(slot);
    slot = next;
  }
  return n;
}

/** Gives back a line that is in no index any more, and its packets; returns how many. */
export function lineRemove(lines: u32, line: u32): u32 {
  if (load<u32>(line, LINE_HEAD) != 0) takeOut(lines, line);
  const n = empty(line);
  heapFree(line, LINE_SIZE);
  store<u32>(lines, load<u32>(lines, LINES_MADE) - 1, LINES_MADE);
  return n;
}

/** Takes a line out of the heap; the others are put in anew. */
function takeOut(lines: u32, line: u32): void {
  const heap = load<u32>(lines, LINES_HEAP);
  const busy = load<u32>(lines, LINES_BUSY);
  store<u32>(lines, 0, LINES_BUSY);
  for (let i: u32 = 0; i < busy; i++) {
    // Adding one writes to places up to the number of those added: none that is still to be read.
    const entry = heap + i * BUSY_SIZE;
    const other = load<u32>(entry, BUSY_LINE);
    if (other != line) rise(lines, load<f64>(entry, BUSY_ARRIVAL), load<u32>(entry, BUSY_ORDER), other);
  }
}

/** Gives back all lines, and the packets on them. */
export function linesFree(lines: u32): void {
  const ports = load<u32>(lines, LINES_PORTS);
  const index = load<u32>(lines, LINES_INDEX);
  for (let i: u32 = 0; i < ports * ports; i++) {
    const line = load<u32>(index + (i << 2));
    if (line == 0) continue;
    empty(line);
    heapFree(line, LINE_SIZE);
  }
  heapFree(load<u32>(lines, LINES_HEAP), load<u32>(lines, LINES_PLACES) * BUSY_SIZE);
  store<u32>(lines, 0, LINES_HEAP);
  store<u32>(lines, 0, LINES_PLACES);
  store<u32>(lines, 0, LINES_BUSY);
  store<u32>(lines, 0, LINES_MADE);
}
