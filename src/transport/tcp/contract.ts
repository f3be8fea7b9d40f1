// What a connection is made with, what it needs of its host, and what it tells.

import type { IpAddress } from "../../net/address.js";
import type { TcpHeader } from "../../wire/tcp.js";
import type { CongestionName } from "./congestion.js";
import type { TcpConnection } from "./connection.js";

export type TcpState =
  | "closed"
  | "syn-sent"
  | "syn-received"
  | "established"
  | "fin-wait-1"
  | "fin-wait-2"
  | "close-wait"
  | "closing"
  | "last-ack"
  | "time-wait";

/** Why a connection is no more. `done`: both ends closed it. */
export type TcpEnd = "done" | "refused" | "reset" | "timed_out" | "unreachable" | "aborted";

/** Addresses of 4 or 16 bytes, both of one family, and ports. */
export interface TcpEnds {
  readonly local: IpAddress;
  readonly localPort: number;
  readonly remote: IpAddress;
  readonly remotePort: number;
}

export interface TcpOptions {
  /** Data bytes of a segment at most, as the MSS option has it: IP packet less 40 or 60 bytes. */
  readonly mss: number;
  /** Bytes that the other end may have on their way. */
  readonly receiveWindow: number;
  /** Bytes that this end has on their way at most. */
  readonly sendWindow: number;
  readonly congestion: CongestionName;
  readonly sack: boolean;
  readonly timestamps: boolean;
  /** Whether data leave at once where they do not fill a segment. Default false. */
  readonly eager?: boolean;
  /** How long data may stay unanswered, ns: the user timeout (RFC 9293 section 3.9.1). */
  readonly userTimeout: number;
}

/** What a connection needs of whoever has it. */
export interface TcpHost {
  /** Steady ns. */
  now(): number;
  random(): number;
  /** Makes a timer that calls `fire`. */
  timer(fire: () => void): TcpTimer;
  /** Sends a segment: `header`, and `length` data bytes of the stream from `offset` on. Both are only lent. */
  send(connection: TcpConnection, header: TcpHeader, offset: number, length: number): void;
  /** Data came that had not come before: `length` bytes at `address`, the other end's stream from `offset` on. */
  deliver(connection: TcpConnection, address: number, offset: number, length: number): void;
  /** Its state is another than before; `connection.ended` says why where it is closed. */
  changed(connection: TcpConnection): void;
}

/** How often it was found that a segment is not to be believed, by what is wrong with it. */
export interface TcpRefusals {
  /** An old timestamp (RFC 7323 section 5). */
  paws: number;
  /** Outside the window. */
  outside: number;
  /** A RST or SYN that may be forged, or an acknowledgement of what was not sent (RFC 5961). */
  challenged: number;
  /** More holes than are kept. */
  holes: number;
}

/** The part of a router's timer that is needed. */
export interface TcpTimer {
  readonly scheduled: boolean;
  scheduleAt(at: number): void;
  unschedule(): void;
}

/** What the sender asks of its connection. */
export interface SenderOutput {
  /** Sends sequence numbers from position `start` on; `end` is where they end. */
  transmit(start: number, end: number): void;
  /** Sends a segment without data that has to be acknowledged. */
  probe(): void;
}
