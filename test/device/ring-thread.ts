// One side of a ring in a thread of its own, which its test ends in the middle of whatever it does.

import { isMainThread, workerData } from "node:worker_threads";
import { type SharedRing, SharedWireReceiver, SharedWireSender } from "../../src/device/shared-wire.js";

export interface RingThread {
  readonly role: "write" | "read";
  readonly ring: SharedRing;
  /** Words: packets that a reader found damaged, packets that readers took, packets that writers wrote. */
  readonly results: SharedArrayBuffer;
}

export const DAMAGED = 0;
export const TAKEN = 1;
export const WRITTEN = 2;
export const RESULT_WORDS = 3;

/** Packets written at once. */
const BURST = 7;
const LONGEST = 397;

/** A packet's length follows from its first byte, and all its bytes are the same. */
export function lengthOf(mark: number): number {
  return 60 + ((mark * 37) % (LONGEST - 60));
}

/** Writes up to BURST packets with marks from `mark` on; returns the mark of the next one. */
export function writeSome(sender: SharedWireSender, bytes: Uint8Array, mark: number): number {
  let [n, at] = [0, 0];
  let next = mark;
  for (; n < BURST && sender.fits(lengthOf(next)); n++) {
    const length = lengthOf(next);
    sender.announce(length, 0, 0);
    bytes.fill(next, at, at + length);
    at += length;
    next = (next + 1) & 0xff;
  }
  if (n > 0) sender.write(bytes, 0, at);
  return next;
}

/** Takes one packet if there is one; whether it was as it should be. */
export function readOne(receiver: SharedWireReceiver, bytes: Uint8Array): boolean {
  const length = receiver.length(0);
  if (length > bytes.length) return false;
  receiver.read(bytes, 0, length);
  const mark = bytes[0];
  const good = length === lengthOf(mark) && bytes.subarray(0, length).every((b) => b === mark);
  receiver.remove(1, length);
  return good;
}

if (!isMainThread && (workerData as Partial<RingThread> | null)?.ring !== undefined) {
  const { role, ring, results } = workerData as RingThread;
  const words = new Int32Array(results);
  const bytes = new Uint8Array(BURST * LONGEST);
  if (role === "write") {
    const sender = new SharedWireSender(ring);
    for (let mark = 0; ; ) {
      const next = writeSome(sender, bytes, mark);
      Atomics.add(words, WRITTEN, (next - mark) & 0xff);
      mark = next;
    }
  }
  const receiver = new SharedWireReceiver(ring);
  for (;;) {
    if (receiver.packets === 0) continue;
    if (!readOne(receiver, bytes)) Atomics.add(words, DAMAGED, 1);
    Atomics.add(words, TAKEN, 1);
  }
}
