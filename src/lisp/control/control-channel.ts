// How LISP's control elements take messages out of packets, and send theirs.

import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK } from "../../../assembly/layout.js";
import type { Batch } from "../../packet/batch.js";
import { Packet } from "../../packet/packet.js";
import { arrival } from "../../router/arrival.js";
import type { Element } from "../../router/element.js";
import { WireError } from "../../wire/error.js";
import { LispControlError } from "../../wire/lisp-control/error.js";
import type { MapReply } from "../../wire/lisp-control/map-reply.js";
import { type LispControlMessage, receiveLispControl } from "../../wire/lisp-control/message.js";
import { readUdpPacket, type UdpPacket, writeUdpPacket } from "../../wire/udp-packet.js";
import { type AnswerHeader, answerHeader } from "./answer-header.js";

/** The UDP port of LISP's control plane (RFC 9301). */
export const CONTROL_PORT = 4342;

/** Bytes of the longest message: an IPv4 packet's without the headers of IPv4 and UDP. */
const LONGEST = 65535 - 28;

/** A control message to send. Addresses of 4 or 16 bytes each, both of one family. */
export interface OutgoingMessage {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Default CONTROL_PORT, both. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly payload: Uint8Array;
}

/** The control message in a datagram, its reserved bits ignored; null: there is none. */
export function messageOf(datagram: UdpPacket | WireError): LispControlMessage | null {
  if (datagram instanceof WireError) return null;
  try {
    return receiveLispControl(datagram.payload);
  } catch (e) {
    if (e instanceof LispControlError) return null;
    throw e;
  }
}

/** The Map-Reply in a datagram; null: there is none, or none with a record. */
export function replyOf(datagram: UdpPacket | WireError): MapReply | null {
  const message = messageOf(datagram);
  return message?.type === "map-reply" && message.records.length > 0 ? message : null;
}

/** One element's way to receive and send control messages: UDP in IP packets, without a link-layer header. */
export class ControlChannel {
  readonly #element: Element;
  readonly #packet: Packet;

  constructor(element: Element) {
    this.#element = element;
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
      datagrams.push(this.#read(batch.at(i)));
      times.push(arrival(this.#element, batch.at(i)));
    }
    batch.kill();
    for (const [i, datagram] of datagrams.entries()) receive(datagram, times[i]);
  }

  /**
   * As `receive`, for one who takes only the Map-Replies and Map-Notifies that answer it: of those whose header `isOurs`
   * says yes to, `take` gets the datagram. All others, and those for which `take` returns false, stay in the batch, in
   * their order, as they were.
   */
  takeAnswers(
    batch: Batch,
    isOurs: (header: AnswerHeader) => boolean,
    take: (datagram: UdpPacket | WireError) => boolean,
  ): void {
    const { memory } = this.#element;
    const slots = Array.from({ length: batch.count }, (_, i) => batch.at(i));
    batch.count = 0;
    for (const slot of slots) {
      const header = answerHeader(memory.u8, ...this.#extent(slot));
      // One by one: a nonce that has been answered is awaited no more.
      if (header !== null && isOurs(header) && take(this.#read(slot))) memory.kernels.poolGive(slot);
      else batch.add(slot);
    }
  }

  /** Where the IP packet begins and ends in memory. */
  #extent(slot: number): [at: number, end: number] {
    const { memory } = this.#element;
    const data = memory.get32(slot + SLOT_DATA);
    const end = data + memory.get32(slot + SLOT_LENGTH);
    const network = memory.get32(slot + SLOT_NETWORK);
    return [network >= data && network < end ? network : data, end];
  }

  #read(slot: number): UdpPacket | WireError {
    try {
      return readUdpPacket(this.#element.memory.u8.slice(...this.#extent(slot)));
    } catch (e) {
      if (e instanceof WireError) return e;
      throw e;
    }
  }

  /**
   * Pushes a message, as an IP packet with its checksums, to output `port`; the network header and the destination
   * annotation are set. Returns false when there is no room for it, or it is longer than a datagram can be.
   */
  send(message: OutgoingMessage, port: number): boolean {
    const { memory, router, outputs } = this.#element;
    if (message.payload.length > LONGEST) return false;
    const bytes = writeUdpPacket({ sourcePort: CONTROL_PORT, destinationPort: CONTROL_PORT, ...message });
    const slot = memory.kernels.poolTakeFor(bytes.length);
    if (slot === 0) return false;
    const packet = this.#packet.at(slot);
    packet.setBytes(bytes);
    packet.networkHeader = packet.data;
    memory.u8.set(message.destination, packet.anno(0));
    const batch = router.batches.acquire();
    batch.add(slot);
    outputs[port].push(batch);
    router.batches.release(batch);
    return true;
  }
}
