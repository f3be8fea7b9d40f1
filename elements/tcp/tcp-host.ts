// What TCPSource and TCPSink share: packets in and out, the table of connections, ICMP errors, and handlers.

import {
  FLAG_CSUM_OK,
  FLAG_PARTIAL_CSUM,
  SLOT_ANNO,
  SLOT_DATA,
  SLOT_FLAGS,
  SLOT_LENGTH,
} from "../../assembly/layout.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { addressText, type IpAddress } from "../../src/net/address.js";
import { BATCH_MAX, type Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError } from "../../src/router/handler.js";
import type { Task } from "../../src/router/task.js";
import { TimerGroup } from "../../src/router/timer-group.js";
import { ArrivedPacket, addressAt, ipHeaderSize, writeIpHeader } from "../../src/transport/ip-packet.js";
import { CONGESTION_CONTROLS, type CongestionName } from "../../src/transport/tcp/congestion.js";
import type { TcpConnection } from "../../src/transport/tcp/connection.js";
import { ConnectionTable } from "../../src/transport/tcp/connection-table.js";
import type { TcpHost, TcpOptions, TcpTimer } from "../../src/transport/tcp/contract.js";
import { readIcmpError } from "../../src/transport/tcp/icmp-error.js";
import { writeStream } from "../../src/transport/tcp/stream.js";
import { ThroughputLog } from "../../src/transport/throughput-log.js";
import { PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP } from "../../src/wire/ipv4.js";
import { IPV6_MTU_MIN } from "../../src/wire/ipv6.js";
import {
  readTcp,
  TCP_ACK,
  TCP_CHECKSUM,
  TCP_DESTINATION_PORT,
  TCP_FIN,
  TCP_HEADER,
  TCP_RST,
  TCP_SYN,
  TcpHeader,
  tcpHeaderSize,
  writeTcp,
} from "../../src/wire/tcp.js";

/** The least MTU that is believed of an IPv4 path, bytes: Linux's `min_pmtu`. */
const IPV4_MTU_LEAST = 552;
/** Ended connections that handlers still tell of. */
const ENDED_KEPT = 64;

export const TCP_ARGS = {
  WINDOW: {
    type: "unsigned",
    default: "4194304",
    min: 1024,
    max: 2 ** 30,
    doc: "bytes that a connection has on their way at most, in each direction",
  },
  CONGESTION: {
    type: "choice",
    choices: CONGESTION_CONTROLS,
    default: "cubic",
    doc: "congestion control: cubic (RFC 9438, with HyStart) or reno (RFC 6582)",
  },
  SACK: { type: "bool", default: "true", doc: "offer selective acknowledgements (RFC 2018)" },
  TIMESTAMPS: { type: "bool", default: "true", doc: "offer timestamps (RFC 7323)" },
  MTU: { type: "unsigned", default: "1500", min: 576, max: 65535, doc: "longest IP packet sent, bytes" },
  TIMEOUT: {
    type: "seconds",
    default: "924.6",
    doc: "how long data may stay unanswered before the connection is given up; as long as Linux by default",
  },
  SEED: { type: "unsigned", default: "1", doc: "which stream of bytes is sent, and expected" },
} as const;

export const TCP_COUNTERS = {
  segments_in: "segments taken",
  segments_out: "segments sent",
  resets_out: "RSTs sent in answer to segments of no connection",
} as const;

/** Where counters are that change with every packet, in the element's state. */
const SEGMENTS_IN = 0;
const SEGMENTS_OUT = 8;

export const TCP_DROPS = {
  not_mine: "neither for a connection nor for a port of this element, and output 1 is not connected",
  malformed: "a header that contradicts the packet",
  checksum: "a wrong TCP or ICMP checksum",
  no_slot: "segments not sent because no slot was free",
} as const;

const OF_ONE = "of connection N, as `connections` numbers them; 0 by default";

export const TCP_HANDLERS = {
  report: {
    read: true,
    params: true,
    expensive: true,
    doc: "all of it, and a line a connection; `--json`: for programs",
  },
  throughput: { read: true, doc: "bits a second of data, the mean from the first connection on" },
  bytes: { read: true, doc: "bytes of data, of all connections" },
  log: { read: true, doc: "JSON: seconds of an interval, and the throughput of each, bits a second" },
  connections: { read: true, expensive: true, doc: "JSON: all connections, with the last that ended" },
  state: { read: true, params: true, doc: `state ${OF_ONE}` },
  cwnd: { read: true, params: true, doc: `congestion window ${OF_ONE}; segments` },
  ssthresh: { read: true, params: true, doc: `slow-start threshold ${OF_ONE}; segments, -1: none yet` },
  srtt: { read: true, params: true, doc: `smoothed round-trip time ${OF_ONE}; seconds` },
  rto: { read: true, params: true, doc: `retransmission timeout ${OF_ONE}; seconds` },
  retransmits: { read: true, doc: "segments sent again, of all connections" },
  timeouts: { read: true, doc: "retransmission timeouts, of all connections" },
  refused: {
    read: true,
    doc: "segments not believed, a line a reason: old timestamp, outside the window, possibly forged, too many holes",
  },
  reset: { write: true, button: true, doc: "sets throughput, bytes and log to zero" },
} as const;

export abstract class TCPHost extends Element implements TcpHost {
  protected options: TcpOptions = {
    mss: 1460,
    receiveWindow: 0,
    sendWindow: 0,
    congestion: "cubic",
    sack: true,
    timestamps: true,
    userTimeout: 0,
  };
  protected local: IpAddress = new Uint8Array(4);
  protected seed = 1;
  protected readonly table: ConnectionTable = new ConnectionTable(this.router.random.u32());
  protected readonly log: ThroughputLog = new ThroughputLog();
  /** Those that ended last, for handlers. */
  readonly #ended: TcpConnection[] = [];
  /** What ended connections had counted. */
  #endedRetransmits = 0;
  #endedTimeouts = 0;
  readonly #endedRefusals = { paws: 0, outside: 0, challenged: 0, holes: 0 };
  readonly #packet = new Packet(this.memory);
  readonly #arrived = new ArrivedPacket();
  readonly #quoted = new ArrivedPacket();
  readonly #header = new TcpHeader();
  readonly #reply = new TcpHeader();
  readonly #timers = new TimerGroup(this);
  #out: Batch[] = [];
  #task: Task | null = null;

  // ---- What a subclass supplies --------------------------------------------------

  /** Data came, each byte once, in any order. */
  abstract deliver(connection: TcpConnection, address: number, offset: number, length: number): void;
  /** The connection that `header`, a segment from the address at `remote` without a connection, opens; else null. */
  protected abstract accept(header: TcpHeader, remote: number): TcpConnection | null;
  /** Whether `port` is one of this element's. */
  protected abstract hasPort(port: number): boolean;
  abstract changed(connection: TcpConnection): void;
  /** Data of this end may have been acknowledged. */
  abstract acknowledged(connection: TcpConnection): void;
  /** Whether segments for ports of others are answered with a RST. */
  protected get refusesOthers(): boolean {
    return false;
  }
  /** Whether no further connection can be opened to it at present; counts that. */
  protected get full(): boolean {
    return false;
  }

  protected configureHost(local: IpAddress, values: ArgValues<typeof TCP_ARGS>, errors: ErrorSink): void {
    this.local = local;
    this.seed = values.SEED;
    const headers = ipHeaderSize(local) + TCP_HEADER;
    if (local.length === 16 && values.MTU < IPV6_MTU_MIN)
      errors.error(`MTU must be at least ${IPV6_MTU_MIN} for IPv6`);
    this.options = {
      mss: values.MTU - headers,
      receiveWindow: values.WINDOW,
      sendWindow: values.WINDOW,
      congestion: values.CONGESTION as CongestionName,
      sack: values.SACK,
      timestamps: values.TIMESTAMPS,
      userTimeout: values.TIMEOUT * 1e9,
    };
  }

  override initialize(_errors: ErrorSink): void | Promise<void> {
    this.#task = this.newTask(() => this.#flush());
  }

  override cleanup(): void {
    for (const batch of this.#out.splice(0)) this.router.batches.release(batch);
  }

  // ---- Packets that arrive -------------------------------------------------------

  override push(_port: number, batch: Batch): void {
    const { memory } = this;
    const others = this.router.batches.acquire();
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      if (this.#take(this.#packet.at(slot))) memory.kernels.poolGive(slot);
      else others.add(slot);
    }
    batch.count = 0;
    if (others.count > 0) {
      if (this.noutputs < 2) memory.add64(this.counterAddress("not_mine"), others.count);
      this.pushOrKill(1, others);
    }
    this.router.batches.release(others);
  }

  /** Takes a packet if it is for this element. */
  #take(packet: Packet): boolean {
    const { memory } = this;
    const arrived = this.#arrived;
    if (!arrived.read(memory, packet)) return false;
    if (arrived.addressSize !== this.local.length || !addressAt(memory, arrived.destination, this.local))
      return false;
    if (arrived.protocol === PROTOCOL_ICMP || arrived.protocol === PROTOCOL_ICMP6) return this.#takeError();
    if (arrived.protocol !== PROTOCOL_TCP) return false;
    const { payload, length } = arrived;
    const own = length < 4 || this.hasPort(memory.view.getUint16(payload + TCP_DESTINATION_PORT));
    if (!own && !this.refusesOthers) return false;
    const header = this.#header;
    const size = readTcp(memory.view, payload, length, header);
    if (size === 0) return this.#drop("malformed");
    // Not yet computed, or checked already: then the device vouches for it.
    const vouched = (memory.u8[packet.slot + SLOT_FLAGS] & (FLAG_PARTIAL_CSUM | FLAG_CSUM_OK)) !== 0;
    if (!vouched && arrived.checksum(memory) !== 0) return this.#drop("checksum");
    memory.add64(this.state + SEGMENTS_IN, 1);
    if (!own) {
      this.refuse(header, length - size);
      return true;
    }
    const connection = this.table.find(
      memory.u8,
      arrived.source,
      arrived.addressSize,
      header.sourcePort,
      header.destinationPort,
    );
    if (connection === null) this.#takeStray(header, length - size);
    else {
      connection.arrive(header, payload + size, length - size);
      this.acknowledged(connection);
    }
    return true;
  }

  #takeStray(header: TcpHeader, length: number): void {
    const syn = (header.flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) === TCP_SYN;
    if (syn && this.full) return;
    const connection = syn ? this.accept(header, this.#arrived.source) : null;
    if (connection === null) {
      this.refuse(header, length);
      return;
    }
    this.table.add(connection);
    connection.accept(header);
  }

  /** A copy of the address at `at`. */
  protected addressCopy(at: number): IpAddress {
    return this.memory.u8.slice(at, at + this.local.length);
  }

  /** Answers a segment of no connection with a RST (RFC 9293 section 3.10.7.1). */
  protected refuse(header: TcpHeader, length: number): void {
    if ((header.flags & TCP_RST) !== 0) return;
    const reply = this.#reply;
    reply.clearOptions();
    reply.sourcePort = header.destinationPort;
    reply.destinationPort = header.sourcePort;
    reply.window = 0;
    const acks = (header.flags & TCP_ACK) !== 0;
    const syn = (header.flags & TCP_SYN) !== 0 ? 1 : 0;
    const fin = (header.flags & TCP_FIN) !== 0 ? 1 : 0;
    reply.flags = acks ? TCP_RST : TCP_RST | TCP_ACK;
    reply.sequence = acks ? header.acknowledgment : 0;
    reply.acknowledgment = acks ? 0 : (header.sequence + length + syn + fin) >>> 0;
    this.memory.add64(this.counterAddress("resets_out"), 1);
    this.#emit(this.addressCopy(this.#arrived.source), reply, 0, 0);
  }

  #drop(reason: "malformed" | "checksum"): true {
    this.memory.add64(this.counterAddress(reason), 1);
    return true;
  }

  /** Takes an ICMP error about a segment of one of its connections. */
  #takeError(): boolean {
    const { memory } = this;
    const error = readIcmpError(memory, this.#arrived, this.#quoted);
    if (error === null) return false;
    const quoted = this.#quoted;
    if (quoted.protocol !== PROTOCOL_TCP || quoted.length < 8) return false;
    const { view, u8 } = memory;
    const localPort = view.getUint16(quoted.payload);
    if (!addressAt(memory, quoted.source, this.local) || !this.hasPort(localPort)) return false;
    const remotePort = view.getUint16(quoted.payload + 2);
    const connection = this.table.find(u8, quoted.destination, quoted.addressSize, remotePort, localPort);
    if (connection === null) return false;
    if (
      this.#arrived.version === 4 &&
      memory.kernels.csumOf(this.#arrived.payload, this.#arrived.length) !== 0
    )
      return this.#drop("checksum");
    if (this.#arrived.version === 6 && this.#arrived.checksum(memory) !== 0) return this.#drop("checksum");
    if (!connection.isOut(view.getUint32(quoted.payload + 4))) return true;
    if (error.kind === "too-big") {
      const least = quoted.version === 4 ? IPV4_MTU_LEAST : IPV6_MTU_MIN;
      connection.tooBig(Math.max(error.mtu, least) - ipHeaderSize(this.local) - TCP_HEADER);
    } else connection.unreachable(error.text, error.kind === "refused");
    return true;
  }

  // ---- Packets that leave --------------------------------------------------------

  send(connection: TcpConnection, header: TcpHeader, offset: number, length: number): void {
    this.#emit(connection.ends.remote, header, offset, length);
  }

  #emit(remote: IpAddress, header: TcpHeader, offset: number, length: number): void {
    const { memory } = this;
    const { view, kernels } = memory;
    const ipSize = ipHeaderSize(remote);
    const tcpSize = tcpHeaderSize(header);
    const size = ipSize + tcpSize + length;
    const slot = kernels.poolTakeRoom(memory.headroom, size);
    if (slot === 0) {
      memory.add64(this.counterAddress("no_slot"), 1);
      return;
    }
    memory.add64(this.state + SEGMENTS_OUT, 1);
    const ip = memory.get32(slot + SLOT_DATA);
    memory.set32(slot + SLOT_LENGTH, size);
    writeIpHeader(memory, ip, size, PROTOCOL_TCP, this.local, remote);
    const tcp = ip + ipSize;
    writeTcp(view, tcp, header);
    if (length > 0) this.writeData(tcp + tcpSize, offset, length);
    const bytes = tcpSize + length;
    const pseudo =
      ipSize === 20
        ? kernels.csumPseudo4(ip, PROTOCOL_TCP, bytes)
        : kernels.csumPseudo6(ip, PROTOCOL_TCP, bytes);
    view.setUint16(tcp + TCP_CHECKSUM, kernels.csumAdd(pseudo, tcp, bytes) ^ 0xffff, true);
    const packet = this.#packet.at(slot);
    packet.networkHeader = ip;
    packet.transportHeader = tcp;
    memory.u8.set(remote, slot + SLOT_ANNO);
    this.#queue(slot);
  }

  /** Writes what a connection sends: `length` bytes from `offset` on, to `at`. */
  protected writeData(at: number, offset: number, length: number): void {
    writeStream(this.memory.view, at, this.seed, offset, length);
  }

  /** Packets leave in a task: what they meet may answer at once, while a connection is at work still. */
  #queue(slot: number): void {
    let batch = this.#out.at(-1);
    if (batch === undefined || batch.count === BATCH_MAX) {
      batch = this.router.batches.acquire();
      this.#out.push(batch);
    }
    batch.add(slot);
    if (this.#task?.scheduled === false) this.#task.reschedule();
  }

  #flush(): boolean {
    const batches = this.#out;
    if (batches.length === 0) return false;
    this.#out = [];
    for (const batch of batches) {
      this.outputs[0].push(batch);
      this.router.batches.release(batch);
    }
    return true;
  }

  // ---- The rest of what connections ask for --------------------------------------

  now(): number {
    return this.router.clock.now();
  }

  random(): number {
    return this.router.random.u32();
  }

  timer(fire: () => void): TcpTimer {
    return this.#timers.timer(fire);
  }

  /** A connection has ended: keeps what is told of it. */
  protected retire(connection: TcpConnection): void {
    this.table.remove(connection);
    const { sender, refusals } = connection;
    this.#endedRetransmits += sender.retransmits;
    this.#endedTimeouts += sender.timeouts;
    for (const reason of REFUSALS) this.#endedRefusals[reason] += refusals[reason];
    this.#ended.push(connection);
    if (this.#ended.length > ENDED_KEPT) this.#ended.shift();
  }

  // ---- Handlers ------------------------------------------------------------------

  /** All connections that handlers tell of, those that ended first. */
  protected get known(): TcpConnection[] {
    return [...this.#ended, ...this.table];
  }

  #one(parameters: string): TcpConnection {
    const text = parameters.trim();
    const known = this.known;
    const n = text === "" ? 0 : Number(text);
    if (!Number.isInteger(n) || n < 0 || n >= known.length)
      throw new HandlerError("FAILED", `no connection ${text || 0}: there are ${known.length}`);
    return known[n];
  }

  override handlers(): Record<string, HandlerCode> {
    const sum = (of: (connection: TcpConnection) => number): number => {
      let total = 0;
      for (const connection of this.table) total += of(connection);
      return total;
    };
    const one = (of: (connection: TcpConnection) => string | number): HandlerCode => ({
      read: (parameters) => of(this.#one(parameters)),
    });
    const retransmits = (): number => this.#endedRetransmits + sum((c) => c.sender.retransmits);
    const timeouts = (): number => this.#endedTimeouts + sum((c) => c.sender.timeouts);
    return {
      report: {
        read: (parameters) => {
          const { log, known } = this;
          const throughput = Math.round(log.mean);
          const totals = { throughput, bytes: log.total, retransmits: retransmits(), timeouts: timeouts() };
          const connections = known.map(connectionJson);
          const asked = parameters.trim();
          if (asked === "--json") return JSON.stringify({ ...totals, log, connections });
          if (asked !== "") throw new HandlerError("FAILED", `expected --json or nothing, not '${asked}'`);
          const head = `${(throughput / 1e6).toFixed(3)} Mb/s, ${totals.bytes} bytes, ${totals.retransmits} segments sent again, ${totals.timeouts} timeouts`;
          return [head, ...known.map(connectionLine)].join("\n");
        },
      },
      throughput: { read: () => Math.round(this.log.mean) },
      bytes: { read: () => this.log.total },
      log: { read: () => JSON.stringify(this.log) },
      connections: { read: () => JSON.stringify(this.known.map(connectionJson)) },
      state: one((c) => c.state),
      cwnd: one((c) => c.sender.window.size),
      ssthresh: one(({ sender: { window } }) => (Number.isFinite(window.threshold) ? window.threshold : -1)),
      srtt: one((c) => c.sender.rtt.smoothed / 1e9),
      rto: one((c) => c.sender.timeout / 1e9),
      retransmits: { read: retransmits },
      timeouts: { read: timeouts },
      refused: {
        read: () =>
          REFUSALS.map(
            (reason) => `${reason} ${this.#endedRefusals[reason] + sum((c) => c.refusals[reason])}`,
          ).join("\n"),
      },
      reset: { write: () => this.log.reset() },
    };
  }
}

const REFUSALS = ["paws", "outside", "challenged", "holes"] as const;

function connectionJson(connection: TcpConnection): Record<string, unknown> {
  const { ends, sender } = connection;
  return {
    local: addressText(ends.local),
    local_port: ends.localPort,
    remote: addressText(ends.remote),
    remote_port: ends.remotePort,
    state: connection.state,
    ended: connection.ended,
    acknowledged: connection.acknowledged,
    received: connection.received,
    cwnd: sender.window.size,
    ssthresh: Number.isFinite(sender.window.threshold) ? sender.window.threshold : null,
    srtt: sender.rtt.smoothed / 1e9,
    min_rtt: Number.isFinite(sender.rtt.least) ? sender.rtt.least / 1e9 : null,
    rto: sender.timeout / 1e9,
    retransmits: sender.retransmits,
    timeouts: sender.timeouts,
    recoveries: sender.recoveries,
    soft_error: connection.softError,
  };
}

function connectionLine({ ends, state, ended, acknowledged, received, sender }: TcpConnection): string {
  const to = `${addressText(ends.remote)} port ${ends.remotePort}`;
  const how = ended === null ? state : `${state} (${ended})`;
  const rtt = `${(sender.rtt.smoothed / 1e6).toFixed(1)} ms`;
  return `port ${ends.localPort} to ${to}: ${how}, ${acknowledged} bytes sent, ${received} received, window ${sender.window.size}, round trip ${rtt}`;
}
