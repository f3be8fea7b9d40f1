// The streams of one hypervisor: what its agent's graph carries, for those who wait for records and for room.

import {
  type MigrationStreams,
  STREAM_CREDIT,
  type StreamCarrier,
  type StreamEvents,
} from "../../cloud/migration-streams.js";
import { SluiceError } from "../../sluice-error.js";
import type { World } from "../world.js";
import { RecordReader, type StreamRecord } from "./records.js";

/** Streams that others have opened and that have not said yet what they are. */
const UNKNOWN_MOST = 64;

/** A stream that is no more. */
export class StreamEnded extends SluiceError {
  readonly code = "STREAM";
}

/** One end of a stream. */
export class GuestStream {
  readonly #world: World;
  readonly #carrier: StreamCarrier;
  readonly #number: number;
  readonly #reader = new RecordReader();
  readonly #records: StreamRecord[] = [];
  readonly #waiting = new Set<() => void>();
  #open: boolean;
  #unacknowledged = 0;
  #aborted = false;
  /** Bytes that have come. */
  heard = 0;
  /** Why it is no more. */
  #ended: string | null = null;

  constructor(carrier: StreamCarrier, number: number, world: World) {
    this.#world = world;
    this.#carrier = carrier;
    this.#number = number;
    this.#open = number > 0;
  }

  get ended(): boolean {
    return this.#ended !== null;
  }

  /** Resolves when the bytes are on their way. Rejects with StreamEnded. */
  async send(bytes: Uint8Array): Promise<void> {
    await this.#until(() => this.#open && this.#unacknowledged + bytes.length <= STREAM_CREDIT);
    this.#unacknowledged += bytes.length;
    this.#carrier.send(this.#number, bytes);
  }

  /** Resolves when the other end has all. Rejects with StreamEnded. */
  async delivered(): Promise<void> {
    await this.#until(() => this.#unacknowledged === 0);
  }

  /** What came next. Rejects with StreamEnded. */
  async next(): Promise<StreamRecord> {
    await this.#until(
      () => this.#records.length > 0,
      () => this.#records.length > 0,
    );
    return this.#records.shift()!;
  }

  /** What came and was not asked for yet; null: nothing. */
  said(): StreamRecord | null {
    return this.#records.shift() ?? null;
  }

  finish(): void {
    if (!this.ended) this.#carrier.finish(this.#number);
  }

  abort(reason = "given up"): void {
    // Of one that the other end has closed this one has something to send, perhaps.
    if (!this.#aborted) this.#carrier.abort(this.#number);
    this.#aborted = true;
    this.end(reason);
  }

  async #until(ready: () => boolean, late = (): boolean => false): Promise<void> {
    while (!ready()) {
      if (this.#ended !== null && !late())
        throw new StreamEnded(this.#ended || "the other end has closed it");
      await new Promise<void>((done) => this.#waiting.add(done));
    }
    if (this.#ended !== null && !late()) throw new StreamEnded(this.#ended || "the other end has closed it");
  }

  /** From within a router, or a timer: what waits goes on before simulated time passes. */
  #tell(): void {
    this.#world.hold(Promise.resolve());
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const done of waiting) done();
  }

  // ---- What the carrier tells ------------------------------------------------------

  opened(): void {
    this.#open = true;
    this.#tell();
  }

  sent(bytes: number): void {
    this.#unacknowledged = Math.max(0, this.#unacknowledged - bytes);
    this.#tell();
  }

  received(bytes: Uint8Array): void {
    if (this.ended) return;
    this.heard += bytes.length;
    try {
      this.#records.push(...this.#reader.take(bytes));
      this.#tell();
    } catch (e) {
      this.abort((e as Error).message);
    }
  }

  end(reason: string): void {
    this.#ended ??= reason;
    this.#tell();
  }
}

export class Streams implements MigrationStreams {
  readonly #world: World;
  readonly #accept: (stream: GuestStream) => void;
  readonly #streams = new Map<number, GuestStream>();
  #carrier: StreamCarrier | null = null;
  #count = 0;

  /** `accept` is called with each stream that others open. */
  constructor(world: World, accept: (stream: GuestStream) => void) {
    this.#world = world;
    this.#accept = accept;
  }

  /** Null: nothing in the agent's graph carries streams. */
  get carrier(): StreamCarrier | null {
    return this.#carrier;
  }

  /** Opens a stream; null where nothing carries it. */
  open(address: Uint8Array, port: number): GuestStream | null {
    const carrier = this.#carrier;
    if (carrier === null) return null;
    const number = --this.#count;
    const stream = new GuestStream(carrier, number, this.#world);
    this.#streams.set(number, stream);
    carrier.open(number, address, port);
    return stream;
  }

  carry(carrier: StreamCarrier): StreamEvents {
    this.#end("the agent's graph has another carrier of streams");
    this.#carrier = carrier;
    const about = (stream: number, tell: (stream: GuestStream) => void): void => {
      const found = this.#carrier === carrier ? this.#streams.get(stream) : undefined;
      if (found === undefined) return;
      tell(found);
      if (found.ended) this.#streams.delete(stream);
    };
    return {
      accepted: (number) => {
        if (this.#carrier !== carrier) return;
        const stream = new GuestStream(carrier, number, this.#world);
        if ([...this.#streams.keys()].filter((n) => n > 0).length >= UNKNOWN_MOST) {
          // Not while it is being told of.
          void Promise.resolve().then(() => stream.abort());
          return;
        }
        this.#streams.set(number, stream);
        this.#accept(stream);
      },
      opened: (number) => about(number, (stream) => stream.opened()),
      sent: (number, bytes) => about(number, (stream) => stream.sent(bytes)),
      received: (number, bytes) => about(number, (stream) => stream.received(bytes)),
      ended: (number, reason) => about(number, (stream) => stream.end(reason)),
      closed: () => {
        if (this.#carrier !== carrier) return;
        this.#carrier = null;
        this.#end("the agent has ended");
      },
    };
  }

  #end(reason: string): void {
    for (const stream of this.#streams.values()) stream.end(reason);
    this.#streams.clear();
  }

  close(): void {
    for (const stream of this.#streams.values()) stream.abort("the hypervisor is closed");
    this.#streams.clear();
    this.#carrier = null;
  }
}
