// How elements that speak a protocol over UDP take datagrams out of packets, and send theirs.

import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK } from "../../assembly/layout.js";
import type { Batch } from "../packet/batch.js";
import { Packet } from "../packet/packet.js";
import { arrival } from "../router/arrival.js";
import type { Element } from "../router/element.js";
import { WireError } from "../wire/error.js";
import { readUdpPacket, type UdpPacket, writeUdpPacket } from "../wire/udp-packet.js";

/** Bytes of the longest payload: an IPv4 packet's without the headers of IPv4 and UDP. */
const LONGEST = 65535 - 28;

/** A datagram to send. Addresses of 4 or 16 bytes each, both of one family. */
export interface OutgoingDatagram {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** The datagram in the bytes of an IP packet; the WireError that says why there is none. */
export function readDatagram(bytes: Uint8Array): UdpPacket | WireError {
  try {
    return readUdpPacket(bytes);
  } catch (e) {
    if (e instanceof WireError) return e;
    throw e;
  }
}

/** One element's way to receive and send datagrams: UDP in IP packets, without a link-layer header. */
export class DatagramChannel {
  protected readonly element: Element;
  readonly #packet: Packet;

  constructor(element: Element) {
    this.element = element;
    this.#packet = new Packet(element.memory);
  }

  /**
   * Calls `receive` with each datagram of the batch (its bytes copied, so that they may be kept) or with the WireError
   * of a packet that holds none, and the steady nanosecond at which it came, then gives the packets back.
   */
  receive(batch: Batch, receive: (datagram: UdpPacket | WireError, at: number) => void): void {
    // Reading may push packets out, which must not find this batch half used.
    const datagrams: (UdpPacket | WireError)[] = [];
    const times: number[] = [];
    for (let i = 0; i < batch.count; i++) {
      datagrams.push(this.read(batch.at(i)));
      times.push(arrival(this.element, batch.at(i)));
    }
    batch.kill();
    for (const [i, datagram] of datagrams.entries()) receive(datagram, times[i]);
  }

  /**
   * Calls `keep` with a copy of each packet's bytes, which `readDatagram` reads, and gives the packets back: for one who
   * reads what has come later, in slices. Of packets longer than `longest` bytes only so many are copied.
   */
  copy(batch: Batch, longest: number, keep: (bytes: Uint8Array) => void): void {
    const { u8 } = this.element.memory;
    for (let i = 0; i < batch.count; i++) {
      const [at, end] = this.extent(batch.at(i));
      keep(u8.slice(at, Math.min(end, at + longest)));
    }
    batch.kill();
  }

  /** Where the IP packet begins and ends in memory. */
  protected extent(slot: number): [at: number, end: number] {
    const { memory } = this.element;
    const data = memory.get32(slot + SLOT_DATA);
    const end = data + memory.get32(slot + SLOT_LENGTH);
    const network = memory.get32(slot + SLOT_NETWORK);
    return [network >= data && network < end ? network : data, end];
  }

  protected read(slot: number): UdpPacket | WireError {
    return readDatagram(this.element.memory.u8.slice(...this.extent(slot)));
  }

  /**
   * Pushes a datagram, as an IP packet with its checksums, to output `port`; the network header and the destination
   * annotation are set. Returns false when there is no room for it, or it is longer than a datagram can be.
   */
  send(datagram: OutgoingDatagram, port: number): boolean {
    const { memory, router, outputs } = this.element;
    if (datagram.payload.length > LONGEST) return false;
    const bytes = writeUdpPacket(datagram);
    const slot = memory.kernels.poolTakeFor(bytes.length);
    if (slot === 0) return false;
    const packet = this.#packet.at(slot);
    packet.setBytes(bytes);
    packet.networkHeader = packet.data;
    memory.u8.set(datagram.destination, packet.anno(0));
    const batch = router.batches.acquire();
    batch.add(slot);
    outputs[port].push(batch);
    router.batches.release(batch);
    return true;
  }
}
