// One connection: the state machine of RFC 9293 section 3.10 over a sending and a receiving half, with the options of
// RFC 7323 and RFC 2018 and the protection of RFC 5961. It knows nothing of IP, packets and routers: its host gives it
// segments, time and timers, and sends what it makes.

import {
  SACK_BLOCKS,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  TcpHeader,
  TIMESTAMPS_SIZE,
  WINDOW_SCALE_MOST,
} from "../../wire/tcp.js";
import { Acknowledgement } from "./acknowledgement.js";
import { newCongestionControl } from "./congestion.js";
import type { TcpEnd, TcpEnds, TcpHost, TcpOptions, TcpRefusals, TcpState, TcpTimer } from "./contract.js";
import { TcpReceiver } from "./receiver.js";
import { RTO_INITIAL } from "./rtt.js";
import { TcpSender } from "./sender.js";
import { positionOf, wireNumber } from "./sequence.js";
import { Timestamps } from "./timestamps.js";

/** Least segment that is believed, data bytes: smaller ones are an attack on memory and processor (Linux's value). */
const SEGMENT_LEAST = 48;
/** What the other end takes that does not say: RFC 9293 section 3.7.1. */
const SEGMENT_UNSAID = 536;
/** SYNs and their answers are sent so often, then it is given up: Linux's `tcp_syn_retries` and `tcp_synack_retries`. */
const SYN_RETRIES = 6;
const SYN_ACK_RETRIES = 5;
/** How long TIME-WAIT lasts, and FIN-WAIT-2 at most, ns: Linux's. */
const LINGER = 60e9;
/** Acknowledgements that only answer what is wrong leave so far apart (RFC 5961 section 7), ns. */
const CHALLENGE_GAP = 500e6;

export class TcpConnection {
  readonly options: TcpOptions;
  readonly ends: TcpEnds;
  readonly openedAt: number;
  state: TcpState = "closed";
  ended: TcpEnd | null = null;
  /** The last ICMP error that did not end it. */
  softError: string | null = null;
  /** When the handshake was done, and when data came or were acknowledged last, steady ns; -1: not yet. */
  establishedAt = -1;
  activeAt = -1;
  readonly sender: TcpSender;
  readonly receiver: TcpReceiver;
  readonly refusals: TcpRefusals = { paws: 0, outside: 0, challenged: 0, holes: 0 };

  readonly #host: TcpHost;
  readonly #header = new TcpHeader();
  readonly #ack = new Acknowledgement();
  readonly #blocks = new Float64Array(2 * SACK_BLOCKS);
  readonly #ackTimer: TcpTimer;
  readonly #sendTimer: TcpTimer;
  /** Sends the SYN again; ends TIME-WAIT. */
  readonly #stateTimer: TcpTimer;
  readonly #initial: number;
  #remoteInitial = 0;
  #tries = 0;
  #synAt = 0;
  #sackAllowed = false;
  readonly #timestamps: Timestamps;
  /** Bits by which the other end's windows are shifted, and ours. */
  #scaling = true;
  #remoteShift = 0;
  #shift = 0;
  /** The largest window that the other end had: what old acknowledgements may be (RFC 5961 section 5). */
  #windowMost = 0;
  /** The segment that told the window last: its position and what it acknowledged (SND.WL1, SND.WL2). */
  #windowFrom = -1;
  #windowAck = -1;
  #challengedAt = Number.NEGATIVE_INFINITY;
  #segmentAddress = 0;
  #segmentStart = 0;
  readonly #take: (from: number, to: number) => void;

  constructor(host: TcpHost, options: TcpOptions, ends: TcpEnds) {
    this.#host = host;
    this.options = options;
    this.ends = ends;
    this.openedAt = host.now();
    this.#initial = host.random();
    this.#timestamps = new Timestamps(host.random(), this.openedAt);
    this.#ackTimer = host.timer(() => this.#sendAck());
    this.#sendTimer = host.timer(() => this.#sendTimerExpired());
    this.#stateTimer = host.timer(() => this.#stateTimerExpired());
    this.receiver = new TcpReceiver(this.#ackTimer, options.mss);
    this.sender = new TcpSender(newCongestionControl(options.congestion), this.#sendTimer, {
      transmit: (start, end) => this.#sendData(start, end),
      probe: () => this.#sendProbe(),
    });
    this.sender.eager = options.eager === true;
    while (options.receiveWindow >>> this.#shift > 0xffff) this.#shift++;
    this.#shift = Math.min(this.#shift, WINDOW_SCALE_MOST);
    this.#take = (from, to) => {
      const last = Math.min(to, this.receiver.end - 1);
      if (last > from)
        host.deliver(this, this.#segmentAddress + (from - this.#segmentStart), from - 1, last - from);
    };
  }

  // ---- What its host does with it ------------------------------------------------

  /** Opens it: sends a SYN. */
  connect(): void {
    this.#become("syn-sent");
    this.#sendSyn();
  }

  /** Opens it as an answer to a SYN. */
  accept(syn: TcpHeader): void {
    this.#takeSyn(syn);
    this.#become("syn-received");
    this.#sendSyn();
  }

  /** `bytes` of the stream are there to be sent, in all. */
  supply(bytes: number): void {
    if (this.closing) return;
    const { sender } = this;
    sender.end = Math.max(sender.end, 1 + bytes);
    if (this.#sending) sender.push(this.#host.now());
  }

  /** Nothing more will be sent: a FIN follows what was supplied. */
  close(): void {
    if (this.closing) return;
    const { sender, state } = this;
    if (state === "syn-sent" || state === "closed") {
      this.#end("aborted");
      return;
    }
    // Of an endless stream: after what has been sent.
    if (sender.end === Number.POSITIVE_INFINITY) sender.end = Math.max(sender.next, 1);
    sender.finAt = sender.end;
    sender.end++;
    if (state === "established") this.#become("fin-wait-1");
    else if (state === "close-wait") this.#become("last-ack");
    if (this.#sending) sender.push(this.#host.now());
  }

  /** Ends it at once; the other end gets a RST. */
  abort(): void {
    if (this.state === "closed") return;
    if (this.state !== "syn-sent" && this.state !== "time-wait") this.#sendReset();
    this.#end("aborted");
  }

  /** Ends it at once; nobody is told. */
  forget(): void {
    if (this.state !== "closed") this.#end("aborted");
  }

  /** Bytes of the stream that the other end has acknowledged, in order. */
  get acknowledged(): number {
    return Math.max(0, Math.min(this.sender.una, this.sender.finAt) - 1);
  }

  /** Bytes that came in order. */
  get received(): number {
    return Math.max(0, Math.min(this.receiver.next, this.receiver.end - 1) - 1);
  }

  /** Whether `close` was called. */
  get closing(): boolean {
    return this.sender.finAt !== Number.POSITIVE_INFINITY;
  }

  /** Whether data and FIN may be sent in this state. */
  get #sending(): boolean {
    const { state } = this;
    return (
      state === "established" ||
      state === "close-wait" ||
      state === "fin-wait-1" ||
      state === "closing" ||
      state === "last-ack"
    );
  }

  // ---- Segments that arrive ------------------------------------------------------

  /** Takes a segment: `header`, and `length` data bytes at `address`. */
  arrive(header: TcpHeader, address: number, length: number): void {
    const { state } = this;
    if (state === "closed") return;
    if (state === "syn-sent") this.#arriveInSynSent(header);
    else this.#arriveSynchronized(header, address, length);
    if (this.receiver.due && this.#synchronized) this.#sendAck();
  }

  get #synchronized(): boolean {
    return this.state !== "closed" && this.state !== "syn-sent" && this.state !== "syn-received";
  }

  #arriveInSynSent(header: TcpHeader): void {
    const { flags } = header;
    const acks = (flags & TCP_ACK) !== 0;
    if (acks && header.acknowledgment !== wireNumber(this.#initial, 1)) {
      if ((flags & TCP_RST) === 0) this.#sendBare(header.acknowledgment, TCP_RST);
      return;
    }
    if ((flags & TCP_RST) !== 0) {
      if (acks) this.#end("refused");
      return;
    }
    if ((flags & TCP_SYN) === 0) return;
    this.#takeSyn(header);
    if (!acks) {
      // Both ends have opened it at the same time.
      this.#become("syn-received");
      this.#sendSyn();
      return;
    }
    // Data acknowledge it as well.
    this.receiver.due = true;
    this.#establish(header);
  }

  /** Takes what a SYN says of the other end. */
  #takeSyn(header: TcpHeader): void {
    const { options, sender } = this;
    this.#remoteInitial = header.sequence;
    this.#sackAllowed = options.sack && header.sackPermitted;
    if (options.timestamps && header.hasTimestamps)
      this.#timestamps.begin(header.timestamp, this.#host.now());
    // Both ends shift their windows, or neither (RFC 7323 section 2.2).
    this.#scaling = header.windowScale >= 0;
    this.#remoteShift = Math.max(header.windowScale, 0);
    if (!this.#scaling) this.#shift = 0;
    this.receiver.begin(Math.min(options.receiveWindow >>> this.#shift, 0xffff) * 2 ** this.#shift);
    const mss = Math.min(
      Math.max(header.mss === 0 ? SEGMENT_UNSAID : header.mss, SEGMENT_LEAST),
      options.mss,
    );
    sender.segment = mss - (this.#timestamps.used ? TIMESTAMPS_SIZE : 0);
    sender.sackAllowed = this.#sackAllowed;
  }

  /** The other end has acknowledged our SYN. */
  #establish(header: TcpHeader): void {
    const now = this.#host.now();
    const { sender } = this;
    this.#stateTimer.unschedule();
    this.establishedAt = this.activeAt = now;
    sender.begin(now, this.#tries > 2);
    if (this.#tries === 1) sender.rtt.sample(now - this.#synAt, now, 1, 1);
    this.#become(sender.finAt === Number.POSITIVE_INFINITY ? "established" : "fin-wait-1");
    // The window of a SYN is not shifted (RFC 7323 section 2.2).
    const shift = (header.flags & TCP_SYN) !== 0 ? 0 : this.#remoteShift;
    this.#takeWindow(header.window << shift, positionOf(this.#remoteInitial, header.sequence, 0), 1);
    sender.push(now);
  }

  #arriveSynchronized(header: TcpHeader, address: number, length: number): void {
    const { receiver } = this;
    const { flags } = header;
    const now = this.#host.now();
    const start = positionOf(this.#remoteInitial, header.sequence, receiver.next);
    const fin = (flags & TCP_FIN) !== 0 ? 1 : 0;
    const syn = (flags & TCP_SYN) !== 0 ? 1 : 0;
    const end = start + length + fin + syn;
    if (this.#timestamps.outdated(header, now)) {
      this.refusals.paws++;
      if ((flags & TCP_RST) === 0) this.#challenge(now, start, end);
      return;
    }
    if ((start < receiver.next && end <= receiver.next) || start > receiver.edge) {
      this.#outside(header, start, end, now);
      return;
    }
    if ((flags & TCP_RST) !== 0) {
      // Only what hits the very next number is believed (RFC 5961 section 3.2).
      if (start === receiver.next) this.#end(this.state === "syn-received" ? "refused" : "reset");
      else this.#challenge(now);
      return;
    }
    if (syn === 1) {
      // It is forged, or of another connection (RFC 5961 section 4.2).
      this.#challenge(now);
      return;
    }
    if ((flags & TCP_ACK) === 0) return;
    if (!this.#takeAck(header, start, length, now)) return;
    if (start <= receiver.told) this.#timestamps.keep(header, now);
    if (end > start) this.#takeData(address, start, start + length, fin, now);
  }

  /** Answers a segment that lies outside the window with where the window is (RFC 9293 section 3.10.7.4). */
  #outside(header: TcpHeader, start: number, end: number, now: number): void {
    const { receiver, state } = this;
    if ((header.flags & TCP_RST) !== 0) return;
    // Our answer to a SYN that is sent again was lost.
    if (state === "syn-received" && (header.flags & TCP_SYN) !== 0 && start === 0) {
      // Where both ends have opened it at once, the other's answer acknowledges our SYN.
      if ((header.flags & TCP_ACK) !== 0) receiver.due = this.#takeAck(header, start, 0, now);
      else if (now - this.#synAt >= CHALLENGE_GAP) this.#sendSyn();
      return;
    }
    if (state === "time-wait") this.#stateTimer.scheduleAt(now + LINGER);
    // Data that came before: their acknowledgement was lost, so what it says of ours counts all the same.
    if (end > start && end <= receiver.next) {
      const acks = (header.flags & (TCP_ACK | TCP_SYN)) === TCP_ACK;
      // Its timestamp is echoed, so that the other end does not take the wait before it for a round trip; not that of
      // data from long ago, which anybody may make.
      if (acks && this.#takeAck(header, start, end - start, now) && start >= receiver.next - receiver.window)
        this.#timestamps.keep(header, now);
      if (this.state !== "closed") receiver.duplicate(start, end);
      return;
    }
    // A probe of the window, or of whether we live.
    if (end === start && start < receiver.next && start >= receiver.next - receiver.window - 1) {
      if ((header.flags & (TCP_ACK | TCP_SYN)) === TCP_ACK && this.#takeAck(header, start, 0, now))
        receiver.due = start === receiver.next - 1 || receiver.due;
      return;
    }
    this.refusals.outside++;
    this.#challenge(now);
  }

  /** Sends an acknowledgement that only tells where we are; not too often, so that nobody is flooded with them. */
  #challenge(now: number, start = 0, end = 0): void {
    this.refusals.challenged++;
    if (now - this.#challengedAt < CHALLENGE_GAP) return;
    this.#challengedAt = now;
    if (end > start && end <= this.receiver.next) this.receiver.duplicate(start, end);
    if (this.state === "syn-received") return;
    this.#sendAck();
  }

  /** Takes what a segment acknowledges. Returns whether the rest of it counts. */
  #takeAck(header: TcpHeader, start: number, length: number, now: number): boolean {
    const { sender } = this;
    const position = positionOf(this.#initial, header.acknowledgment, Math.max(sender.una, 0));
    if (this.state === "syn-received") {
      if (position !== 1) {
        this.#sendBare(header.acknowledgment, TCP_RST);
        return false;
      }
      this.#establish(header);
      return true;
    }
    if (position > sender.next || position < sender.una - Math.max(this.#windowMost, 65535)) {
      this.#challenge(now);
      return false;
    }
    const ack = this.#ack;
    const window = header.window << this.#remoteShift;
    const limit = sender.limit;
    this.#takeWindow(window, start, position);
    ack.position = Math.max(position, sender.una);
    ack.pure = length === 0 && limit === sender.limit && position === sender.una;
    ack.echoed = this.#timestamps.echoedAt(header, now);
    ack.sackCount = this.#sackAllowed ? header.sackCount : 0;
    for (let i = 0; i < 2 * ack.sackCount; i++)
      ack.sack[i] = positionOf(this.#initial, header.sack[i], sender.una);
    if (position > sender.una) this.activeAt = now;
    else if (position === sender.una) sender.answered();
    // An old acknowledgement tells of nothing but what came out of turn.
    if (position >= sender.una || ack.sackCount > 0) sender.acknowledge(ack, now);
    this.#afterAck();
    if (this.#sending) sender.push(now);
    return this.state !== "closed";
  }

  #takeWindow(window: number, from: number, ack: number): void {
    const { sender } = this;
    if (ack < sender.una) return;
    // An older segment does not take the window back (RFC 9293 section 3.10.7.4).
    if (from < this.#windowFrom || (from === this.#windowFrom && ack < this.#windowAck)) return;
    this.#windowFrom = from;
    this.#windowAck = ack;
    this.#windowMost = Math.max(this.#windowMost, window);
    sender.limit = ack + Math.min(window, this.options.sendWindow);
  }

  /** Our FIN may be acknowledged now. */
  #afterAck(): void {
    const { sender } = this;
    if (sender.una <= sender.finAt) return;
    if (this.state === "fin-wait-1") {
      this.#become("fin-wait-2");
      this.#stateTimer.scheduleAt(this.#host.now() + LINGER);
    } else if (this.state === "closing") this.#wait();
    else if (this.state === "last-ack") this.#end("done");
  }

  #takeData(address: number, start: number, dataEnd: number, fin: number, now: number): void {
    const { receiver, state } = this;
    // After its FIN the other end has nothing to say.
    if (state !== "established" && state !== "fin-wait-1" && state !== "fin-wait-2") {
      this.#challenge(now);
      return;
    }
    const end = Math.min(dataEnd + fin, receiver.edge);
    if (fin === 1 && end === dataEnd + 1 && receiver.end === Number.POSITIVE_INFINITY) receiver.end = end;
    // Data behind a FIN that came are not believed.
    const last = Math.min(end, receiver.end);
    if (last <= start) {
      if (dataEnd + fin > start) this.#challenge(now);
      return;
    }
    this.#segmentAddress = address;
    this.#segmentStart = start;
    this.activeAt = now;
    const { rtt } = this.sender;
    if (!receiver.receive(start, last, now, rtt.timeout, this.#take)) this.refusals.holes++;
    if (receiver.next < receiver.end) return;
    receiver.due = true;
    if (state === "established") this.#become("close-wait");
    else if (state === "fin-wait-1") this.#become("closing");
    else this.#wait();
  }

  /** Waits until no segment of this connection can come any more (TIME-WAIT). */
  #wait(): void {
    this.#become("time-wait");
    this.sender.stop();
    this.#stateTimer.scheduleAt(this.#host.now() + LINGER);
  }

  // ---- ICMP ----------------------------------------------------------------------

  /** Whether `sequence` is a number that is on its way: else an ICMP error about it is forged or late (RFC 5927). */
  isOut(sequence: number): boolean {
    const { sender } = this;
    const position = positionOf(this.#initial, sequence, sender.una);
    return position >= sender.una && position <= sender.next;
  }

  /** The destination cannot be reached. Ends it only while it is being opened (RFC 5461). */
  unreachable(error: string, refused: boolean): void {
    if (this.state === "syn-sent" || this.state === "syn-received")
      this.#end(refused ? "refused" : "unreachable");
    else {
      this.softError = error;
      this.sender.takeBackTimeout(this.#host.now());
    }
  }

  /** The path takes IP packets of data `mss` bytes, less options (RFC 1191, RFC 8201). */
  tooBig(mss: number): void {
    const bytes = Math.max(mss, SEGMENT_LEAST) - (this.#timestamps.used ? TIMESTAMPS_SIZE : 0);
    if (this.#sending) this.sender.shrink(bytes, this.#host.now());
  }

  // ---- Timers --------------------------------------------------------------------

  #sendTimerExpired(): void {
    const now = this.#host.now();
    const { sender } = this;
    if (sender.unanswered > 0 && now - sender.unansweredSince >= this.options.userTimeout) {
      this.#end("timed_out");
      return;
    }
    sender.expired(now);
    if (this.#sending) sender.push(now);
  }

  #stateTimerExpired(): void {
    if (this.state === "time-wait" || this.state === "fin-wait-2") {
      this.#end("done");
      return;
    }
    const retries = this.state === "syn-sent" ? SYN_RETRIES : SYN_ACK_RETRIES;
    if (this.#tries > retries) this.#end("timed_out");
    else this.#sendSyn();
  }

  // ---- Segments that leave -------------------------------------------------------

  /** A header with what all segments have. */
  #newHeader(flags: number): TcpHeader {
    const header = this.#header;
    header.clearOptions();
    header.sourcePort = this.ends.localPort;
    header.destinationPort = this.ends.remotePort;
    header.flags = flags;
    header.acknowledgment = (flags & TCP_ACK) !== 0 ? wireNumber(this.#remoteInitial, this.receiver.next) : 0;
    header.window = Math.min(this.receiver.window / 2 ** this.#shift, 0xffff);
    if (this.#timestamps.used) this.#timestamps.write(header, this.#host.now());
    return header;
  }

  #sendSyn(): void {
    const { options, state } = this;
    const answer = state === "syn-received";
    const header = this.#newHeader(answer ? TCP_SYN | TCP_ACK : TCP_SYN);
    const now = this.#host.now();
    header.sequence = this.#initial;
    header.window = Math.min(options.receiveWindow, 0xffff);
    header.mss = options.mss;
    header.windowScale = this.#scaling ? this.#shift : -1;
    header.sackPermitted = answer ? this.#sackAllowed : options.sack;
    if (!answer && options.timestamps) this.#timestamps.write(header, now);
    this.#synAt = now;
    if (!this.#stateTimer.scheduled) this.#stateTimer.scheduleAt(now + RTO_INITIAL * 2 ** this.#tries++);
    this.#host.send(this, header, 0, 0);
  }

  #sendData(start: number, end: number): void {
    const { sender, receiver } = this;
    const dataEnd = Math.min(end, sender.finAt);
    let flags = TCP_ACK;
    if (end > sender.finAt) flags |= TCP_FIN;
    if (dataEnd > start && dataEnd >= Math.min(sender.end, sender.finAt)) flags |= TCP_PSH;
    const header = this.#newHeader(flags);
    header.sequence = wireNumber(this.#initial, start);
    // Data have no room for SACK blocks: where there are holes an acknowledgement of its own tells of them.
    if (!receiver.holes) receiver.acknowledged();
    this.#host.send(this, header, start - 1, dataEnd - start);
  }

  #sendAck(): void {
    if (!this.#synchronized) return;
    const header = this.#newHeader(TCP_ACK);
    header.sequence = wireNumber(this.#initial, this.sender.next);
    if (this.#sackAllowed) this.#tellSacks(header);
    this.receiver.acknowledged();
    this.#host.send(this, header, 0, 0);
  }

  #tellSacks(header: TcpHeader): void {
    const blocks = this.#blocks;
    const count = this.receiver.sackBlocks(blocks, this.#timestamps.used ? SACK_BLOCKS - 1 : SACK_BLOCKS);
    header.sackCount = count;
    for (let i = 0; i < 2 * count; i++) header.sack[i] = wireNumber(this.#remoteInitial, blocks[i]);
  }

  /** One number before what is unacknowledged: outside the window, so it is answered. */
  #sendProbe(): void {
    const header = this.#newHeader(TCP_ACK);
    header.sequence = wireNumber(this.#initial, this.sender.una - 1);
    this.#host.send(this, header, 0, 0);
  }

  #sendReset(): void {
    const header = this.#newHeader(TCP_RST | TCP_ACK);
    header.sequence = wireNumber(this.#initial, Math.max(this.sender.next, 1));
    this.#host.send(this, header, 0, 0);
  }

  /** A segment with nothing but a number: the answer to what belongs to no connection of ours. */
  #sendBare(sequence: number, flags: number): void {
    const header = this.#newHeader(flags);
    header.clearOptions();
    header.window = 0;
    header.sequence = sequence;
    this.#host.send(this, header, 0, 0);
  }

  // ---- State ---------------------------------------------------------------------

  #become(state: TcpState): void {
    this.state = state;
    this.#host.changed(this);
  }

  #end(reason: TcpEnd): void {
    this.ended = reason;
    this.#ackTimer.unschedule();
    this.#sendTimer.unschedule();
    this.#stateTimer.unschedule();
    this.#become("closed");
  }
}
