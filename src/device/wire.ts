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

/** Packets in flight, first in, first out. Nothing is allocated after it is made. */
export class Wire implements WireSender, WireReceiver {
  readonly #bytes: Uint8Array;
  readonly #lengths: Uint32Array;
  readonly #types: Uint8Array;
  readonly #arrivals: Float64Array;
  #packetHead = 0;
  #packets = 0;
  #byteHead = 0;
  #used = 0;

  /** Holds at most `packets` packets with `bytes` bytes in all. */
  constructor(packets: number, bytes: number) {
    this.#bytes = new Uint8Array(bytes);
    this.#lengths = new Uint32Array(packets);
    this.#types = new Uint8Array(packets);
    this.#arrivals = new Float64Array(packets);
  }

  get packets(): number {
    return this.#packets;
  }

  get nextArrival(): number {
    return this.#packets > 0 ? this.#arrivals[this.#packetHead] : Number.POSITIVE_INFINITY;
  }

  fits(length: number): boolean {
    return this.#packets < this.#lengths.length && this.#used + length <= this.#bytes.length;
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
