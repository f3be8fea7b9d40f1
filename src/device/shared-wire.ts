// One direction of a link between threads: a ring in shared memory with one writer and one reader.

import type { WireReceiver, WireSender } from "./wire.js";

// Indices into the ring's control words.
const PACKETS_IN = 0;
const PACKETS_OUT = 1;
const BYTES_OUT = 2;
const WORDS = 4;

/** Where the parts of a ring lie in its memory. Both sizes are powers of two: the counts wrap at 2^32. */
interface Layout {
  readonly control: Int32Array;
  readonly lengths: Uint32Array;
  readonly arrivals: Float64Array;
  readonly types: Uint8Array;
  readonly bytes: Uint8Array;
}

/** A ring's memory, to be handed to both threads. */
export interface SharedRing {
  readonly memory: SharedArrayBuffer;
  readonly packets: number;
  readonly bytes: number;
}

/** Makes a ring for at least so many packets with at least so many bytes in all. */
export function makeSharedRing(packets: number, bytes: number): SharedRing {
  const [p, b] = [powerOfTwo(packets), powerOfTwo(bytes)];
  return { memory: new SharedArrayBuffer(WORDS * 4 + p * (4 + 8 + 1) + b), packets: p, bytes: b };
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
  const lengths = new Uint32Array(memory, at, packets);
  at += packets * 4;
  const types = new Uint8Array(memory, at, packets);
  at += packets;
  return {
    control: new Int32Array(memory, 0, WORDS),
    arrivals,
    lengths,
    types,
    bytes: new Uint8Array(memory, at, bytes),
  };
}

/** The writing thread's side. Packets become visible to the reader when their bytes are written. */
export class SharedWireSender implements WireSender {
  readonly #ring: Layout;
  /** Packets and bytes announced so far, and bytes written, modulo 2^32. */
  #packets = 0;
  #announced = 0;
  #written = 0;

  /** A thread that takes over from another goes on where that stopped. */
  constructor(ring: SharedRing) {
    this.#ring = layoutOf(ring);
    this.#packets = Atomics.load(this.#ring.control, PACKETS_IN) >>> 0;
    this.#announced = this.#written = this.#bytesIn();
  }

  /** Bytes that all visible packets have had, from what the reader has left and what is still there. */
  #bytesIn(): number {
    const { control, lengths } = this.#ring;
    let bytes = Atomics.load(control, BYTES_OUT) >>> 0;
    for (let i = Atomics.load(control, PACKETS_OUT) >>> 0; i !== this.#packets; i = (i + 1) >>> 0)
      bytes = (bytes + lengths[i & (lengths.length - 1)]) >>> 0;
    return bytes;
  }

  fits(length: number): boolean {
    const { control, lengths, bytes } = this.#ring;
    const packets = (this.#packets - Atomics.load(control, PACKETS_OUT)) >>> 0;
    const used = (this.#announced - Atomics.load(control, BYTES_OUT)) >>> 0;
    return packets < lengths.length && used + length <= bytes.length;
  }

  announce(length: number, type: number, arrival: number): void {
    const { lengths, types, arrivals } = this.#ring;
    const i = this.#packets & (lengths.length - 1);
    lengths[i] = length;
    types[i] = type;
    arrivals[i] = arrival;
    this.#packets = (this.#packets + 1) >>> 0;
    this.#announced = (this.#announced + length) >>> 0;
  }

  write(from: Uint8Array, at: number, n: number): void {
    const { bytes, control } = this.#ring;
    const start = this.#written & (bytes.length - 1);
    const first = Math.min(n, bytes.length - start);
    bytes.set(from.subarray(at, at + first), start);
    if (first < n) bytes.set(from.subarray(at + first, at + n), 0);
    this.#written = (this.#written + n) >>> 0;
    Atomics.store(control, PACKETS_IN, this.#packets | 0);
  }
}

/** The reading thread's side. */
export class SharedWireReceiver implements WireReceiver {
  readonly #ring: Layout;
  /** Packets and bytes taken so far, modulo 2^32. */
  #packets: number;
  #bytes: number;

  constructor(ring: SharedRing) {
    this.#ring = layoutOf(ring);
    this.#packets = Atomics.load(this.#ring.control, PACKETS_OUT) >>> 0;
    this.#bytes = Atomics.load(this.#ring.control, BYTES_OUT) >>> 0;
  }

  get packets(): number {
    return (Atomics.load(this.#ring.control, PACKETS_IN) - this.#packets) >>> 0;
  }

  get nextArrival(): number {
    return this.packets > 0 ? this.arrival(0) : Number.POSITIVE_INFINITY;
  }

  length(i: number): number {
    return this.#ring.lengths[(this.#packets + i) & (this.#ring.lengths.length - 1)];
  }
  type(i: number): number {
    return this.#ring.types[(this.#packets + i) & (this.#ring.types.length - 1)];
  }
  arrival(i: number): number {
    return this.#ring.arrivals[(this.#packets + i) & (this.#ring.arrivals.length - 1)];
  }

  read(to: Uint8Array, at: number, n: number): void {
    const { bytes } = this.#ring;
    const start = this.#bytes & (bytes.length - 1);
    const first = Math.min(n, bytes.length - start);
    to.set(bytes.subarray(start, start + first), at);
    if (first < n) to.set(bytes.subarray(0, n - first), at + first);
  }

  remove(packets: number, bytes: number): void {
    this.#packets = (this.#packets + packets) >>> 0;
    this.#bytes = (this.#bytes + bytes) >>> 0;
    const { control } = this.#ring;
    Atomics.store(control, BYTES_OUT, this.#bytes | 0);
    Atomics.store(control, PACKETS_OUT, this.#packets | 0);
  }

  clear(): void {
    const { packets } = this;
    let bytes = 0;
    for (let i = 0; i < packets; i++) bytes += this.length(i);
    this.remove(packets, bytes);
  }
}
