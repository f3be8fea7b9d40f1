// Two ends of TCP and a path between them, under simulated time and without packets: for tests of the protocol itself.

import { ipBytes } from "../../src/net/address.js";
import { SimulatedClock } from "../../src/router/clock.js";
import { SeededRandom } from "../../src/router/random.js";
import { Timer, Timers } from "../../src/router/timer.js";
import { TcpConnection } from "../../src/transport/tcp/connection.js";
import type { TcpHost, TcpOptions, TcpTimer } from "../../src/transport/tcp/contract.js";
import { streamErrors, writeStream } from "../../src/transport/tcp/stream.js";
import { TCP_SYN, TcpHeader, tcpHeaderSize } from "../../src/wire/tcp.js";

export const OPTIONS: TcpOptions = {
  mss: 1460,
  receiveWindow: 4 * 2 ** 20,
  sendWindow: 4 * 2 ** 20,
  congestion: "cubic",
  sack: true,
  timestamps: true,
  userTimeout: 924.6e9,
};

export interface PathOptions {
  /** Bits a second; 0: no limit. */
  readonly rate?: number;
  /** One way, seconds. */
  readonly delay?: number;
  /** Packets that wait for their transmission. */
  readonly queue?: number;
  /** What becomes of packet `n` (from 0) of this direction: seconds of more delay for each copy; none: it is lost. */
  readonly fate?: (n: number, segment: Segment) => readonly number[];
}

/** A segment on its way. */
export interface Segment {
  readonly header: TcpHeader;
  readonly offset: number;
  readonly data: Uint8Array;
}

const IP_HEADER = 20;
const HERE = ipBytes(0x0a000001);
const ENDS = { local: HERE, localPort: 40000, remote: HERE, remotePort: 80 };

/** One end, with the stream that it sends and checks of what it gets. */
export class End implements TcpHost {
  readonly net: TcpNet;
  readonly options: TcpOptions;
  connection: TcpConnection | null = null;
  /** Bytes of the other end's stream that came, and that were wrong or came twice. */
  came = 0;
  wrong = 0;
  readonly #seen: Uint8Array;
  readonly states: string[] = [];
  sent = 0;
  #busyUntil = 0;
  readonly path: PathOptions;
  readonly log: Segment[] = [];
  /** Keep what is sent. */
  logging = false;
  /** Called when the state changes. */
  changedTo: (state: string) => void = () => {};

  constructor(net: TcpNet, path: PathOptions, options: TcpOptions, expected: number) {
    this.net = net;
    this.path = path;
    this.options = options;
    this.#seen = new Uint8Array(expected);
  }

  now(): number {
    return this.net.clock.now();
  }
  random: () => number = () => this.net.random.u32();
  timer(fire: () => void): TcpTimer {
    return new Timer(this.net.timers, fire);
  }
  changed({ state }: TcpConnection): void {
    this.states.push(state);
    this.changedTo(state);
  }

  send(_connection: TcpConnection, header: TcpHeader, offset: number, length: number): void {
    const data = new Uint8Array(length);
    writeStream(new DataView(data.buffer), 0, 1, offset, length);
    this.transmit({ header: copy(header), offset, data });
  }

  /** Puts a segment on the path. */
  transmit(segment: Segment): void {
    const { rate = 0, delay = 0, queue = 100, fate = () => [0] } = this.path;
    if (this.logging) this.log.push(segment);
    const now = this.now();
    const bytes = IP_HEADER + tcpHeaderSize(segment.header) + segment.data.length;
    const fates = fate(this.sent++, segment);
    if (fates.length === 0) return;
    let at = now;
    if (rate > 0) {
      const time = (bytes * 8e9) / rate;
      if ((this.#busyUntil - now) / ((1500 * 8e9) / rate) > queue) return;
      at = this.#busyUntil = Math.max(now, this.#busyUntil) + time;
    }
    for (const more of fates) this.net.schedule(at + (delay + more) * 1e9, () => this.peer.take(segment));
  }

  get peer(): End {
    return this.net.ends[0] === this ? this.net.ends[1] : this.net.ends[0];
  }

  /** A segment arrives. */
  take({ header, data }: Segment): void {
    this.net.memory.set(data, 0);
    if (this.connection === null) {
      if ((header.flags & TCP_SYN) === 0) return;
      this.connection = new TcpConnection(this, this.options, ENDS);
      this.connection.accept(header);
      return;
    }
    this.connection.arrive(copy(header), 0, data.length);
  }

  deliver(_connection: TcpConnection, address: number, offset: number, length: number): void {
    this.came += length;
    this.wrong += streamErrors(this.net.view, address, 1, offset, length);
    for (let i = offset; i < offset + length && i < this.#seen.length; i++)
      if (this.#seen[i]++ > 0) this.wrong++;
  }
}

export class TcpNet {
  readonly clock = new SimulatedClock();
  readonly timers: Timers = new Timers(this.clock);
  readonly random: SeededRandom;
  readonly memory = new Uint8Array(65536);
  readonly view = new DataView(this.memory.buffer);
  readonly ends: readonly [End, End];

  constructor(
    paths: readonly [PathOptions, PathOptions],
    {
      seed = 1,
      options = [OPTIONS, OPTIONS],
      expected = 0,
    }: { seed?: number; options?: readonly [TcpOptions, TcpOptions]; expected?: number } = {},
  ) {
    this.random = new SeededRandom(seed);
    this.ends = [new End(this, paths[0], options[0], 0), new End(this, paths[1], options[1], expected)];
  }

  /** The first end opens the connection. */
  connect(): TcpConnection {
    return this.connectFrom(this.ends[0]);
  }

  connectFrom(end: End): TcpConnection {
    const connection = new TcpConnection(end, end.options, ENDS);
    end.connection = connection;
    connection.connect();
    return connection;
  }

  schedule(at: number, run: () => void): void {
    new Timer(this.timers, run).scheduleAt(at);
  }

  /** Lets `seconds` pass; `until` ends it before. */
  run(seconds: number, until: () => boolean = () => false): void {
    const end = this.clock.now() + seconds * 1e9;
    while (!until() && this.timers.next <= end) {
      this.clock.advance(this.timers.next);
      this.timers.run(1);
    }
    if (!until()) this.clock.advance(end);
  }

  /** Sends `bytes` from the first end to the second, and closes. Returns the seconds until the last byte came. */
  transfer(bytes: number, seconds = 600): number {
    const [, receiver] = this.ends;
    receiver.changedTo = (state) => {
      if (state === "close-wait") receiver.connection!.close();
    };
    const connection = this.connect();
    connection.supply(bytes);
    const done = (): boolean => receiver.came >= bytes;
    this.ends[0].changedTo = (state) => {
      if (state === "established") connection.close();
    };
    this.run(seconds, done);
    const took = this.clock.now() / 1e9;
    return took;
  }
}

export function copy(header: TcpHeader): TcpHeader {
  const { sack, ...rest } = header;
  const other = Object.assign(new TcpHeader(), rest);
  other.sack.set(sack);
  return other;
}
