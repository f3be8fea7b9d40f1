// The router's allocator: one for TypeScript, the kernels and plug-ins, so
// tables of every owner come from, and go back to, one place.
//
// Blocks come in size classes: multiples of 16 up to 512 bytes, then four sizes
// from each power of two to the next. The caller says the size again when it frees, so a block carries no
// header and a small table node costs what it holds. Freed blocks wait in a
// list per class; fresh ones are cut from the untouched end of the heap. A
// block of a multiple of 64 bytes fills whole lines of the processor's cache,
// one of a multiple of 32 no more of them than it must.

import { HEAP_CLASSES, HEAP_END, HEAP_NEXT, HEAP_USED, POOL_FRESH } from "./layout";

// @ts-ignore: decorator
@inline
function classOf(size: u32): u32 {
  if (size <= 512) return (max<u32>(size, 1) + 15) / 16 - 1; // 0..31: 16, 32, ... 512 bytes
  const last = size - 1;
  const power = 31 - clz<u32>(last);
  return 32 + ((power - 9) << 2) + ((last >> (power - 2)) & 3); // 32..115: 640, 768, 896, 1024, 1280, ... 2^30
}

// @ts-ignore: decorator
@inline
function classSize(c: u32): u32 {
  if (c < 32) return (c + 1) * 16;
  const power = 9 + ((c - 32) >> 2);
  return (1 << power) + ((((c - 32) & 3) + 1) << (power - 2));
}

/** The alignment of blocks of so many bytes, a multiple of 16: its largest power of two that divides them, at most 64. */
// @ts-ignore: decorator
@inline
function alignmentOf(bytes: u32): u32 {
  const power = min<u32>(ctz<u32>(bytes), 6);
  return 1 << power;
}

/** Allocates `size` bytes, 16-byte aligned at least, contents zero. Returns 0 when the heap is exhausted. */
export function heapAlloc(size: u32): u32 {
  if (size > 0x40000000) return 0;
  const c = classOf(size);
  const bytes = classSize(c);
  const head: u32 = HEAP_CLASSES + c * 4;
  const first = load<u32>(head);
  if (first != 0) {
    store<u32>(head, load<u32>(first));
    store<u32>(HEAP_USED, load<u32>(HEAP_USED) + bytes);
    memory.fill(first, 0, size);
    return first;
  }
  const next = load<u32>(HEAP_NEXT);
  const gap = -next & (alignmentOf(bytes) - 1);
  const room: u64 = min<u32>(load<u32>(HEAP_END), load<u32>(POOL_FRESH)) - next;
  if ((gap as u64) + bytes > room) return 0;
  const block = next + gap;
  store<u32>(HEAP_NEXT, block + bytes);
  store<u32>(HEAP_USED, load<u32>(HEAP_USED) + bytes);
  if (gap != 0) putBack(next, gap);
  return block; // never handed out before: zero already, and not touched here
}

/** Puts a block that is not in use into the list of its class. */
// @ts-ignore: decorator
@inline
function putBack(block: u32, size: u32): void {
  const head: u32 = HEAP_CLASSES + classOf(size) * 4;
  store<u32>(block, load<u32>(head));
  store<u32>(head, block);
}

/** Gives back a block of `size` bytes (the size it was allocated with). */
export function heapFree(block: u32, size: u32): void {
  if (block == 0) return;
  putBack(block, size);
  store<u32>(HEAP_USED, load<u32>(HEAP_USED) - classSize(classOf(size)));
}
