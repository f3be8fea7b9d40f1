// How the memory of a virtual machine comes from one site to another: as a stream through the graph of the hypervisor's
// agent, over the links of its network. The hypervisor says what is sent, and the graph carries it.

import { Facility } from "../router/facility.js";

/** Bytes of a stream that may be sent and not acknowledged by the other end yet. */
export const STREAM_CREDIT: number = 4 * 2 ** 20;

/** What carries streams. It calls StreamEvents, which it was given, and is called when nothing of it runs. */
export interface StreamCarrier {
  /** Where other sites' streams to it go to, 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** TCP. */
  readonly port: number;
  /** Opens a stream, which is `stream` from then on: a number below 0 that was not used before. */
  open(stream: number, address: Uint8Array, port: number): void;
  /** Sends bytes, which are its own from then on; with those not told of as `sent` STREAM_CREDIT at most. */
  send(stream: number, bytes: Uint8Array): void;
  /** Nothing more will be sent. */
  finish(stream: number): void;
  /** Ends it at once, at both ends. Nothing more is told of it. */
  abort(stream: number): void;
}

/** What is told of streams. Of one that is not known any more nothing happens. */
export interface StreamEvents {
  /** One that another site has opened: its number is above 0. */
  accepted(stream: number): void;
  /** One that was opened here is there. */
  opened(stream: number): void;
  /** So many more bytes are acknowledged. */
  sent(stream: number, bytes: number): void;
  /** Bytes came, in order. */
  received(stream: number, bytes: Uint8Array): void;
  /** The stream is no more; `reason` says why, "" where both ends have finished. */
  ended(stream: number, reason: string): void;
  /** The carrier is no more, and with it none of its streams. */
  closed(): void;
}

/** A hypervisor that waits for something that carries its streams. */
export interface MigrationStreams {
  /** Takes `carrier`, in place of one that it had. */
  carry(carrier: StreamCarrier): StreamEvents;
}

/** For `Router.ask`: the hypervisors of a router's world that need streams. */
export const MIGRATION_STREAMS = new Facility<MigrationStreams>("a hypervisor that migrates by streams");
