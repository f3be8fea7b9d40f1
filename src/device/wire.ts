// One direction of an in-process link: packets on their way from one router's
// memory to another's, in a ring of bytes that neither owns.

/** The sender's side of a wire. */
export interface WireSender {
  /** Whether a packet of `length` bytes finds room. */
  fits(length: number): boolean;
  /** Announces a packet (`fits` said yes); its bytes follow, in order, through `write`. */
  announce(length: number, type: number, arrival: number): void;
  /** Appends the last `n` announced bytes: those of `from` at `at`. */
  write(from: Uint8Array, at: number, n: number): void;
}

/** The receiver's side. */
export interface WireReceiver {
  readonly packets: number;
  /** Arrival of the first packet; Infinity when there is none. */
  readonly nextArrival: number;
  /** Length, packet type and arrival of the `i`th packet from the front. */
  length(i: number): number;
  type(i: number): number;
  arrival(i: number): number;
  /** Copies the first `n` bytes in flight to `to` at `at`. */
  read(to: Uint8Array, at: number, n: number): void;
  /** Removes the first `packets` packets, `bytes` bytes in all. */
  remove(packets: number, bytes: number): void;
  /** Removes all packets. */
  clear(): void;
}

/** Packets and bytes that a wire has room for at first: few wires ever have more on their way. */
const FIRST_PACKETS = 64;
const FIRST_BYTES = 16384;

/** Packets in flight, first in, first out. Its memory grows with the most that was ever on the way, up to its limits. */
export class Wire implements WireSender, WireReceiver {
  readonly #maxPackets: number;
  readonly #maxBytes: number;
  #bytes: Uint8Array;
  #lengths: Uint32Array;
  #types: Uint8Array;
  #arrivals: Float64Array;
  #packetHead = 0;
  #packets = 0;
  #byteHead = 0;
  #used = 0;

  /** Holds at most `packets` packets with `bytes` bytes in all. */
  constructor(packets: number, bytes: number) {
    this.#maxPackets = packets;
    this.#maxBytes = bytes;
    const first = Math.min(packets, FIRST_PACKETS);
    this.#bytes = new Uint8Array(Math.min(bytes, FIRST_BYTES));
    this.#lengths = new Uint32Array(first);
    this.#types = new Uint8Array(first);
    this.#arrivals = new Float64Array(first);
  }

  get packets(): number {
    return this.#packets;
  }

  get nextArrival(): number {
    return this.#packets > 0 ? this.#arrivals[this.#packetHead] : Number.POSITIVE_INFINITY;
  }

  fits(length: number): boolean {
    if (this.#packets === this.#maxPackets || this.#used + length > this.#maxBytes) return false;
    if (this.#packets === this.#lengths.length) this.#growPackets();
    if (this.#used + length > this.#bytes.length) this.#growBytes(this.#used + length);
    return true;
  }

  #growPackets(): void {
    const size = Math.min(this.#maxPackets, this.#lengths.length * 2);
    this.#lengths = unrolled(this.#lengths, this.#packetHead, new Uint32Array(size));
    this.#types = unrolled(this.#types, this.#packetHead, new Uint8Array(size));
    this.#arrivals = unrolled(this.#arrivals, this.#packetHead, new Float64Array(size));
    this.#packetHead = 0;
  }

  #growBytes(least: number): void {
    let size = this.#bytes.length;
    while (size < least) size *= 2;
    this.#bytes = unrolled(this.#bytes, this.#byteHead, new Uint8Array(Math.min(this.#maxBytes, size)));
    this.#byteHead = 0;
  }

  announce(length: number, type: number, arrival: number): void {
    const i = (this.#packetHead + this.#packets++) % this.#lengths.length;
    this.#lengths[i] = length;
    this.#types[i] = type;
    this.#arrivals[i] = arrival;
    this.#used += length;
  }

  write(from: Uint8Array, at: number, n: number): void {
    const size = this.#bytes.length;
    const start = (this.#byteHead + this.#used - n) % size;
    const first = Math.min(n, size - start);
    this.#bytes.set(from.subarray(at, at + first), start);
    if (first < n) this.#bytes.set(from.subarray(at + first, at + n), 0);
  }

  length(i: number): number {
    return this.#lengths[(this.#packetHead + i) % this.#lengths.length];
  }
  type(i: number): number {
    return this.#types[(this.#packetHead + i) % this.#lengths.length];
  }
  arrival(i: number): number {
    return this.#arrivals[(this.#packetHead + i) % this.#lengths.length];
  }

  read(to: Uint8Array, at: number, n: number): void {
    const size = this.#bytes.length;
    const first = Math.min(n, size - this.#byteHead);
    to.set(this.#bytes.subarray(this.#byteHead, this.#byteHead + first), at);
    if (first < n) to.set(this.#bytes.subarray(0, n - first), at + first);
  }

  clear(): void {
    this.remove(this.#packets, this.#used);
  }

  remove(packets: number, bytes: number): void {
    this.#packetHead = (this.#packetHead + packets) % this.#lengths.length;
    this.#packets -= packets;
    this.#byteHead = (this.#byteHead + bytes) % this.#bytes.length;
    this.#used -= bytes;
  }
}

/** `to`, beginning with what is in the ring `from` from `head` on. */
function unrolled<T extends Uint8Array | Uint32Array | Float64Array>(from: T, head: number, to: T): T {
  to.set(from.subarray(head));
  to.set(from.subarray(0, head), from.length - head);
  return to;
}
