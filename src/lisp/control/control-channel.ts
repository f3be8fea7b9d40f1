// How LISP's control elements take messages out of packets, and send theirs.

import type { Batch } from "../../packet/batch.js";
import { DatagramChannel, type OutgoingDatagram } from "../../transport/datagram-channel.js";
import { WireError } from "../../wire/error.js";
import { LispControlError } from "../../wire/lisp-control/error.js";
import type { MapReply } from "../../wire/lisp-control/map-reply.js";
import { type LispControlMessage, receiveLispControl } from "../../wire/lisp-control/message.js";
import type { UdpPacket } from "../../wire/udp-packet.js";
import { type AnswerHeader, answerHeader } from "./answer-header.js";

/** The UDP port of LISP's control plane (RFC 9301). */
export const CONTROL_PORT = 4342;

/** A control message to send: from and to CONTROL_PORT by default. */
export interface OutgoingMessage extends Omit<OutgoingDatagram, "sourcePort" | "destinationPort"> {
  readonly sourcePort?: number;
  readonly destinationPort?: number;
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

/** One element's way to receive and send control messages. */
export class ControlChannel extends DatagramChannel {
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
    const { memory } = this.element;
    const slots = Array.from({ length: batch.count }, (_, i) => batch.at(i));
    batch.count = 0;
    for (const slot of slots) {
      const header = answerHeader(memory.u8, ...this.extent(slot));
      // One by one: a nonce that has been answered is awaited no more.
      if (header !== null && isOurs(header) && take(this.read(slot))) memory.kernels.poolGive(slot);
      else batch.add(slot);
    }
  }

  /** As it is sent, between the control plane's ports where the message names no others. */
  override send(message: OutgoingMessage, port: number): boolean {
    return super.send({ sourcePort: CONTROL_PORT, destinationPort: CONTROL_PORT, ...message }, port);
  }
}
