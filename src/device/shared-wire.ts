// One direction of a link between threads: a ring in shared memory with one writer and one reader.
//
// Either may be replaced at any time, also when it was ended in the middle of a call. So the ring itself holds where
// both of them are: each has one counter, of packets modulo 2^32, and stores it in one step when it is done with them.
// Where their bytes are follows from the table of where each packet ends: that of the packet before the next one to
// be written, or read, is never overwritten, as the table has more places than there are packets on their way.

import type { WireReceiver, WireSender } from "./wire.js";

// Indices into the ring's control words, packets modulo 2^32.
/** Written: stored by the writer alone. */
const IN = 0;
/** Read: stored by the reader alone. */
const OUT = 1;
/** Announced by the writer, written or not: tells a successor what was lost. */
const ANNOUNCED = 2;
const WORDS = 4;

/** Where the parts of a ring lie in its memory. Their sizes are powers of two: the counts wrap at 2^32. */
interface Layout {
  readonly control: Int32Array;
  /** By packet: bytes of the ring's first to this one, modulo 2^32. */
  readonly ends: Uint32Array;
  readonly arrivals: Float64Array;
  readonly types: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A ring's memory, to be handed to both threads. */
export interface SharedRing {
  readonly memory: SharedArrayBuffer;
  /** Places for packets, and for their bytes; both are powers of two. */
  readonly packets: number;
  readonly bytes: number;
  /** Packets on their way at most: fewer than there are places. */
  readonly limit: number;
}

/** Makes a ring for at least so many packets with at least so many bytes in all. */
export function makeSharedRing(packets: number, bytes: number): SharedRing {
  const [limit, b] = [powerOfTwo(packets), powerOfTwo(bytes)];
  const p = 2 * limit;
  return { memory: new SharedArrayBuffer(WORDS * 4 + p * (4 + 8 + 1) + b), packets: p, bytes: b, limit };
}

function powerOfTwo(least: number): number {
  let n = 16;
  while (n < least) n *= 2;
  return n;
}

function layoutOf({ memory, packets, bytes }: SharedRing): Layout {
  let at = WORDS * 4;
  const arrivals = new Float64Array(memory, at, packets);
  at += packets * 8;
  const ends = new Uint32Array(memory, at, packets);
  at += packets * 4;
  const types = new Uint8Array(memory, at, packets);
  at += packets;
  return {
    control: new Int32Array(memory, 0, WORDS),
    arrivals,
    ends,
    types,
    bytes: new Uint8Array(memory, at, bytes),
  };
}

/** Where the packet before packet `i` ends, and packet `i` therefore begins: bytes modulo 2^32. */
function beginOf({ ends }: Layout, i: number): number {
  return ends[(i - 1) & (ends.length - 1)];
}

/** The writing thread's side. Packets become visible to the reader when their bytes are written. */
export class SharedWireSender implements WireSender {
  readonly #ring: Layout;
  readonly #limit: number;
  /** Packets announced that a writer before this one never wrote: it was ended meanwhile. */
  readonly abandoned: number;
  /** Packets and bytes announced so far, and bytes written, modulo 2^32. */
  #packets: number;
  #announced: number;
  #written: number;

  /** A thread that takes over from another goes on where that stopped. */
  constructor(ring: SharedRing) {
    this.#ring = layoutOf(ring);
    this.#limit = ring.limit;
    const { control } = this.#ring;
    this.#packets = Atomics.load(control, IN) >>> 0;
    this.#announced = this.#written = beginOf(this.#ring, this.#packets);
    this.abandoned = (Atomics.load(control, ANNOUNCED) - this.#packets) >>> 0;
    Atomics.store(control, ANNOUNCED, this.#packets | 0);
  }

  fits(length: number): boolean {
    const { control, bytes } = this.#ring;
    const out = Atomics.load(control, OUT) >>> 0;
    const used = (this.#announced - beginOf(this.#ring, out)) >>> 0;
    return (this.#packets - out) >>> 0 < this.#limit && used + length <= bytes.length;
  }

  announce(length: number, type: number, arrival: number): void {
    const { ends, types, arrivals, control } = this.#ring;
    const i = this.#packets & (ends.length - 1);
    this.#packets = (this.#packets + 1) >>> 0;
    this.#announced = (this.#announced + length) >>> 0;
    control[ANNOUNCED] = this.#packets;
    ends[i] = this.#announced;
    types[i] = type;
    arrivals[i] = arrival;
  }

  write(from: Uint8Array, at: number, n: number): void {
    const { bytes, control } = this.#ring;
    const start = this.#written & (bytes.length - 1);
    const first = Math.min(n, bytes.length - start);
    bytes.set(from.subarray(at, at + first), start);
    if (first < n) bytes.set(from.subarray(at + first, at + n), 0);
    this.#written = (this.#written + n) >>> 0;
    // From here on the packets are the reader's, whatever happens to this thread.
    Atomics.store(control, IN, this.#packets | 0);
  }
}

/** The reading thread's side. */
export class SharedWireReceiver implements WireReceiver {
  readonly #ring: Layout;
  /** Packets taken so far, modulo 2^32. */
  #packets: number;

  /** A thread that takes over from another gets what that had not removed. */
  constructor(ring: SharedRing) {
    this.#ring = layoutOf(ring);
    this.#packets = Atomics.load(this.#ring.control, OUT) >>> 0;
  }

  get packets(): number {
    return (Atomics.load(this.#ring.control, IN) - this.#packets) >>> 0;
  }

  get nextArrival(): number {
    return this.packets > 0 ? this.arrival(0) : Number.POSITIVE_INFINITY;
  }

  length(i: number): number {
    const at = this.#packets + i;
    return (beginOf(this.#ring, at + 1) - beginOf(this.#ring, at)) >>> 0;
  }
  type(i: number): number {
    return this.#ring.types[(this.#packets + i) & (this.#ring.types.length - 1)];
  }
  arrival(i: number): number {
    return this.#ring.arrivals[(this.#packets + i) & (this.#ring.arrivals.length - 1)];
  }

  read(to: Uint8Array, at: number, n: number): void {
    const { bytes } = this.#ring;
    const start = beginOf(this.#ring, this.#packets) & (bytes.length - 1);
    const first = Math.min(n, bytes.length - start);
    to.set(bytes.subarray(start, start + first), at);
    if (first < n) to.set(bytes.subarray(0, n - first), at + first);
  }

  /** How many bytes the packets have the ring knows itself. */
  remove(packets: number, _bytes: number): void {
    this.#packets = (this.#packets + packets) >>> 0;
    Atomics.store(this.#ring.control, OUT, this.#packets | 0);
  }

  clear(): void {
    this.remove(this.packets, 0);
  }
}
