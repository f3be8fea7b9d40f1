// The sending half of a connection: what may be sent when, and what is sent again. Detection of losses by RACK and tail
// loss probes (RFC 8985), or by duplicates where the other end has no SACK (RFC 6582); recovery with proportional rate
// reduction (RFC 6937); retransmission timeouts (RFC 6298) with F-RTO (RFC 5682) and Eifel's undo (RFC 3522); probes of
// a closed window (RFC 9293 section 3.8.6.1). Where RFCs leave a choice it is Linux's.

import { type Acknowledgement, KnownBlocks } from "./acknowledgement.js";
import { type AckEvent, type CongestionControl, CongestionWindow, INITIAL_WINDOW } from "./congestion.js";
import type { SenderOutput, TcpTimer } from "./contract.js";
import { Delivery } from "./delivery.js";
import { RateReduction } from "./prr.js";
import { Rack } from "./rack.js";
import { RTO_MAX, RTO_MIN, RttEstimator } from "./rtt.js";
import { EVER_RESENT, SACKED, Scoreboard } from "./scoreboard.js";
import { Undo } from "./undo.js";
import { WindowUse } from "./window-use.js";

/** Acknowledgements of nothing new that show a loss, where the other end has no SACK. */
const DUPLICATE_THRESHOLD = 3;
/** A tail loss probe waits at least so long, ns. */
const PROBE_LEAST = 2e6;

type Phase = "open" | "disorder" | "recovery" | "loss";
type TimerKind = "none" | "timeout" | "tail-probe" | "reordering" | "window-probe";

export class TcpSender {
  /** All before it is acknowledged; all before it was sent; the other end takes what is before: positions. */
  una = 0;
  next = 0;
  limit = 0;
  /** Where what there is to send ends at present: behind the FIN where that is known. */
  end = 1;
  /** Data end here and a FIN follows. */
  finAt: number = Number.POSITIVE_INFINITY;
  /** Data bytes of a segment. */
  segment = 536;
  /** Data do not wait for an acknowledgement to fill a segment (TCP_NODELAY: no Nagle, RFC 9293 section 3.7.4). */
  eager = false;
  sackAllowed = false;
  readonly window: CongestionWindow = new CongestionWindow();
  readonly rtt: RttEstimator = new RttEstimator();
  readonly control: CongestionControl;
  phase: Phase = "open";
  /** Segments sent again, timeouts, and recoveries, so far. */
  retransmits = 0;
  timeouts = 0;
  recoveries = 0;
  /** Timeouts and probes in a row that nobody answered, and when the first of them was, ns. */
  unanswered = 0;
  unansweredSince = 0;

  readonly #board = new Scoreboard();
  readonly #rack = new Rack();
  readonly #reduction = new RateReduction();
  readonly #timer: TcpTimer;
  readonly #output: SenderOutput;
  #timerKind: TimerKind = "none";
  #backoff = 0;
  /** Recovery ends when this is acknowledged. */
  #recoveryEnd = 0;
  /** Duplicates in a row, where the other end has no SACK. */
  #duplicates = 0;
  readonly #undo = new Undo();
  /** F-RTO: whether the timeout is still taken for possibly spurious. */
  #doubtful = false;
  /** A tail loss probe is out: where what was sent ended. -1: none; and whether it was sent for the second time. */
  #probeEnd = -1;
  #probeAgain = false;
  readonly #use = new WindowUse();
  #lastSent = 0;
  readonly #known = new KnownBlocks();
  // Of the acknowledgement at hand.
  readonly #arrived = new Delivery();
  #echoed = -1;
  /** F-RTO: new data are to be sent, and nothing again. */
  #newFirst = false;
  /** RACK waits for segments that may only be late. */
  #waiting = false;
  #waitUntil = 0;
  readonly #event: { -readonly [K in keyof AckEvent]: AckEvent[K] } = {
    now: 0,
    delivered: 0,
    una: 0,
    next: 0,
    rtt: 0,
  };

  constructor(control: CongestionControl, timer: TcpTimer, output: SenderOutput) {
    this.control = control;
    this.#timer = timer;
    this.#output = output;
  }

  /** Segments that are out, and those of them that are in the network. */
  get outstanding(): number {
    return this.#board.count;
  }
  /** Reductions of the window that were needless and taken back. */
  get undone(): number {
    return this.#undo.count;
  }
  get inFlight(): number {
    return this.#board.inFlight - (this.sackAllowed ? 0 : Math.min(this.#duplicates, this.#board.count));
  }

  /** Retransmission timeout as it is now, backed off, ns. */
  get timeout(): number {
    return Math.min(this.rtt.timeout * 2 ** Math.min(this.#backoff, 16), RTO_MAX);
  }

  /** The handshake is done: data begin at position 1. `resent`: it took more than one SYN (RFC 6298 section 5.7). */
  begin(now: number, resent: boolean): void {
    this.una = this.next = this.#recoveryEnd = 1;
    this.#lastSent = now;
    if (resent) this.window.size = 1;
  }

  // ---- Acknowledgements --------------------------------------------------------

  /** Takes an acknowledgement of a position that was sent, and sends again what it shows to be lost. */
  acknowledge(ack: Acknowledgement, now: number): void {
    const board = this.#board;
    const before = this.una;
    const lostBefore = board.everLost;
    this.#arrived.clear();
    this.#newFirst = this.#waiting = false;
    this.#echoed = ack.echoed;
    this.#takeAcknowledged(ack.position, now);
    if (ack.sackCount > 0) this.#takeSacks(ack, before, now);
    const advanced = this.una > before;
    if (advanced) this.unanswered = this.#backoff = 0;
    this.#measure(advanced, now);
    const duplicate = !this.sackAllowed && !advanced && ack.pure && board.count > 0;
    if (duplicate) this.#countDuplicate();
    this.#settleProbe(ack, advanced);
    this.#alert(advanced, duplicate, now);
    if (this.#waiting) this.#armFor("reordering", this.#waitUntil);
    else if (advanced || this.#timerKind === "reordering") this.#arm(now);
    if (this.phase === "recovery") {
      const progress = advanced && board.everLost === lostBefore;
      this.#reduce(this.#arrived.count, progress);
    } else if (advanced && this.#arrived.count > 0 && this.#use.full(this.window))
      this.control.acknowledged(this.window, this.#eventAt(now));
    if (this.#newFirst) this.push(now);
    // Where there was nothing new to send after all, F-RTO cannot tell anything.
    if (this.#newFirst && this.next <= this.#recoveryEnd) this.#doubtful = this.#newFirst = false;
    if (!this.#newFirst) this.#repair(now);
    if (board.count === 0) this.#disarm();
  }

  /** Drops what is acknowledged now. */
  #takeAcknowledged(position: number, now: number): void {
    const board = this.#board;
    const arrived = this.#arrived;
    while (board.count > 0 && board.start(board.head) < position) {
      const index = board.head;
      const end = board.end(index);
      if (end > position) {
        board.trim(position);
        break;
      }
      const flags = board.flags(index);
      const resent = (flags & EVER_RESENT) !== 0;
      if (resent) arrived.again = true;
      if ((flags & SACKED) === 0) {
        this.#arrived.count++;
        this.#rack.delivered(board.sentAt(index), end, resent, now, this.rtt.least);
        if (!resent) {
          arrived.acknowledged(board.sentAt(index));
          if (end <= this.#recoveryEnd) arrived.original = true;
        }
      }
      board.shift();
    }
    if (position > this.una) {
      // Without SACK duplicates stood for segments that had arrived.
      if (!this.sackAllowed) {
        const counted = Math.min(this.#duplicates, Math.max(0, this.#arrived.count - 1));
        this.#arrived.count -= counted;
        this.#duplicates = 0;
      }
      this.una = position;
    }
  }

  #takeSacks(ack: Acknowledgement, before: number, now: number): void {
    let first = 0;
    const { sack, sackCount } = ack;
    // The first block may tell of a duplicate (RFC 2883 section 4): what is acknowledged, or in the second block.
    const inSecond = sackCount > 1 && sack[0] >= sack[2] && sack[1] <= sack[3];
    if (sack[0] < ack.position || inSecond) {
      first = 1;
      this.#arrived.twice = true;
      this.#undo.duplicated(sack[1]);
      this.#rack.duplicated(before, this.next);
    }
    for (let i = first; i < sackCount; i++) {
      const start = Math.max(sack[2 * i], this.una);
      const end = sack[2 * i + 1];
      // What was never sent, or ends before it begins, is none.
      if (end <= start || end > this.next) continue;
      this.#takeSack(start, end, now);
    }
    this.#known.keep(ack, first);
  }

  #takeSack(start: number, end: number, now: number): void {
    const board = this.#board;
    let index = board.find(start);
    while (index < board.tail) {
      const from = board.start(index);
      const to = board.end(index);
      if (to > end) return;
      const known = this.#known.until(from);
      if (known >= to) {
        index = board.find(Math.min(known, end));
        continue;
      }
      if (from >= start && (board.flags(index) & SACKED) === 0) this.#sackSegment(index, to, now);
      index++;
    }
  }

  #sackSegment(index: number, end: number, now: number): void {
    const board = this.#board;
    const sentAt = board.sentAt(index);
    const resent = (board.flags(index) & EVER_RESENT) !== 0;
    this.#arrived.count++;
    this.#rack.delivered(sentAt, end, resent, now, this.rtt.least);
    if (!resent) {
      this.#arrived.selected(sentAt);
      if (end <= this.#recoveryEnd) this.#arrived.original = true;
    }
    board.markSacked(index);
  }

  #countDuplicate(): void {
    if (this.#duplicates >= this.#board.count) return;
    this.#duplicates++;
    this.#arrived.count++;
  }

  /** Takes the round-trip time (RFC 6298 section 3; RFC 7323 section 4 where only timestamps tell). */
  #measure(advanced: boolean, now: number): void {
    const { measuredFrom, lastFrom } = this.#arrived;
    const echoed = advanced ? this.#echoed : -1;
    const from = measuredFrom >= 0 ? measuredFrom : echoed;
    if (from < 0) return;
    this.rtt.sample(now - from, now, this.una, this.next);
    const latest = lastFrom >= 0 ? lastFrom : from;
    this.control.measured(this.window, Math.max(now - latest, 1000), this.#eventAt(now));
  }

  #eventAt(now: number): AckEvent {
    const event = this.#event;
    event.now = now;
    event.delivered = this.#arrived.count;
    event.una = this.una;
    event.next = this.next;
    event.rtt = this.rtt.smoothed;
    return event;
  }

  // ---- Losses ------------------------------------------------------------------

  /** What an acknowledgement means for recovery. */
  #alert(advanced: boolean, duplicate: boolean, now: number): void {
    const board = this.#board;
    const done = this.una >= this.#recoveryEnd;
    if (this.phase === "recovery" && !done) {
      if (advanced && board.resent === 0 && this.#undo.answersFirst(this.#echoed)) {
        this.#undo.restore(this.window);
        this.#settle();
      }
      this.#detect(now);
      if (!this.sackAllowed && advanced && this.phase === "recovery") board.markLost(board.head);
    } else if (this.phase === "loss") {
      if (this.#inLoss(advanced, duplicate, done, now)) return;
    } else {
      if (this.phase === "recovery") {
        if (this.#needless) this.#undo.restore(this.window);
        else this.window.size = this.window.threshold;
        this.#settle();
      } else if (this.#arrived.twice && this.#undo.allTwice) this.#undo.restore(this.window);
      this.#detect(now);
    }
    if (this.phase === "recovery" || this.phase === "loss") return;
    if (board.lost > 0) this.#enterRecovery();
    else this.phase = board.sacked > 0 || this.#duplicates > 0 ? "disorder" : "open";
  }

  /** Marks what is lost. */
  #detect(now: number): void {
    const board = this.#board;
    if (this.sackAllowed) {
      const recovering = this.phase === "recovery" || this.phase === "loss";
      const wait = this.#rack.detect(board, now, recovering, this.rtt.least, this.rtt.smoothed);
      this.#waiting = wait > 0;
      this.#waitUntil = now + wait;
    } else if (this.#duplicates >= DUPLICATE_THRESHOLD && board.lost === 0) board.markLost(board.head);
  }

  #enterRecovery(): void {
    this.recoveries++;
    this.#undo.remember(this.window, this.una);
    this.#reduction.begin(this.window.size);
    this.window.threshold = this.control.afterLoss(this.window);
    this.window.restart();
    this.#recoveryEnd = this.next;
    this.#probeEnd = -1;
    this.phase = "recovery";
  }

  #reduce(delivered: number, progress: boolean): void {
    this.window.size = this.#reduction.window(this.window.threshold, this.inFlight, delivered, progress);
  }

  /** Back to normal after a recovery. */
  #settle(): void {
    this.phase = "open";
    this.#doubtful = false;
    this.#rack.recovered();
  }

  /** Whether the last reduction was needless. */
  get #needless(): boolean {
    return this.#undo.allTwice || this.#undo.answersFirst(this.#echoed);
  }

  /** After a timeout (RFC 5682 section 3.1). Returns whether it was spurious, or new data are to tell. */
  #inLoss(advanced: boolean, duplicate: boolean, done: boolean, now: number): boolean {
    const board = this.#board;
    if ((advanced && this.#undo.answersFirst(this.#echoed)) || (this.#doubtful && this.#arrived.original)) {
      this.#undo.restore(this.window);
      board.unmarkLost();
      this.#settle();
      return false;
    }
    if (this.#doubtful && this.next > this.#recoveryEnd) {
      if (this.#arrived.count > 0 || duplicate) this.#doubtful = false;
    } else if (this.#doubtful && advanced && !done) {
      this.#recoveryEnd = this.next;
      this.#newFirst = true;
      return true;
    }
    if (done) {
      if (this.#needless) this.#undo.restore(this.window);
      this.#settle();
    } else if (!this.sackAllowed && advanced) board.markLost(board.head);
    this.#detect(now);
    return false;
  }

  /** Sends again what is lost, as far as the window allows. */
  #repair(now: number): void {
    const board = this.#board;
    if (board.lost === 0) return;
    for (let index = board.nextLost(); index < board.tail; index = board.nextLost()) {
      if (this.window.size <= this.inFlight) return;
      this.#resend(index, now);
    }
  }

  #resend(index: number, now: number): void {
    const board = this.#board;
    const start = board.start(index);
    this.#output.transmit(start, board.end(index));
    board.resend(index, now);
    this.retransmits++;
    this.#undo.resent(now);
    this.#lastSent = now;
    if (this.phase === "recovery") this.#reduction.sent(1);
    if (index === board.head || !this.#timer.scheduled) this.#armFor("timeout", now + this.timeout);
  }

  // ---- New data ----------------------------------------------------------------

  /** Sends what may be sent. */
  push(now: number): void {
    const board = this.#board;
    let sent = 0;
    let limited = false;
    while (this.next < this.end) {
      if (this.inFlight >= this.window.size) {
        limited = true;
        break;
      }
      const end = this.#segmentEnd();
      if (end < 0) break;
      if (board.count === 0) this.#afterIdle(now);
      this.#sendNew(end, now);
      sent++;
    }
    if (sent > 0) {
      this.#lastSent = now;
      if (this.phase === "recovery") this.#reduction.sent(sent);
      if (this.phase === "open" || board.count === sent || !this.#timer.scheduled) this.#arm(now);
    } else if (board.count === 0 && this.next < this.end && this.#timerKind !== "window-probe")
      this.#armFor("window-probe", now + this.timeout);
    if (sent > 0 || limited) this.#use.note(limited, board.count, this.una, this.next);
  }

  #sendNew(end: number, now: number): void {
    this.#output.transmit(this.next, end);
    this.#board.add(this.next, end - this.next, now);
    this.next = end;
  }

  /** Where the next segment ends; -1 where it has to wait: for the other end's window, or for more data to fill it. */
  #segmentEnd(): number {
    const dataEnd = Math.min(this.next + this.segment, this.end, this.finAt);
    const end = dataEnd === this.finAt && this.end > this.finAt ? this.end : dataEnd;
    // A FIN alone needs no room for data.
    if (Math.min(end, this.finAt) > this.limit) return -1;
    const whole = dataEnd - this.next === this.segment || end > this.finAt || end === this.finAt;
    return whole || this.eager || this.#board.count === 0 ? end : -1;
  }

  #afterIdle(now: number): void {
    const idle = now - this.#lastSent;
    this.control.resumed(idle, now);
    // What the network could take is not known any more (RFC 5681 section 4.1), by halves a timeout as in RFC 2861.
    if (idle <= this.rtt.timeout || this.rtt.smoothed === 0) return;
    const { window } = this;
    window.threshold = Math.max(window.threshold, Math.floor((window.size * 3) / 4));
    const least = Math.min(INITIAL_WINDOW, window.size);
    for (let left = idle; left > this.rtt.timeout && window.size > least; left -= this.rtt.timeout)
      window.size = Math.max(Math.floor(window.size / 2), least);
  }

  // ---- Timers ------------------------------------------------------------------

  #armFor(kind: TimerKind, at: number): void {
    this.#timerKind = kind;
    this.#timer.scheduleAt(at);
  }

  #disarm(): void {
    this.#timerKind = "none";
    this.#timer.unschedule();
  }

  /** Arms the retransmission timer, or a tail loss probe before it (RFC 8985 section 7.2). */
  #arm(now: number): void {
    if (this.#board.count === 0) return;
    const { timeout } = this;
    const { smoothed } = this.rtt;
    const calm = this.phase === "open" && this.sackAllowed && smoothed > 0;
    if (!calm || this.#probeEnd >= 0) {
      this.#armFor("timeout", now + timeout);
      return;
    }
    // Whether the other end may delay its acknowledgement of one segment is not known: RTO_MIN is enough for most.
    const wait = 2 * smoothed + (this.#board.count === 1 ? RTO_MIN : PROBE_LEAST);
    if (wait >= timeout) this.#armFor("timeout", now + timeout);
    else this.#armFor("tail-probe", now + wait);
  }

  /** The timer has expired. */
  expired(now: number): void {
    const kind = this.#timerKind;
    this.#timerKind = "none";
    if (kind === "reordering") this.#reorderingOver(now);
    else if (kind === "tail-probe") this.#probeTail(now);
    else if (kind === "timeout") this.#timedOut(now);
    else if (kind === "window-probe") this.#probeWindow(now);
  }

  #reorderingOver(now: number): void {
    const lost = this.#board.everLost;
    this.#detect(now);
    if (this.#board.everLost > lost) {
      if (this.phase === "open" || this.phase === "disorder") this.#enterRecovery();
      if (this.phase === "recovery") this.#reduce(0, false);
      this.#repair(now);
    }
    if (this.#waiting) this.#armFor("reordering", this.#waitUntil);
    else if (!this.#timer.scheduled) this.#arm(now);
  }

  #probeTail(now: number): void {
    const board = this.#board;
    this.#probeEnd = this.next;
    this.#probeAgain = false;
    const end = this.next < this.end ? this.#segmentEnd() : -1;
    if (end >= 0) {
      this.#sendNew(end, now);
      this.#probeEnd = end;
    } else {
      const index = board.tail - 1;
      this.#output.transmit(board.start(index), board.end(index));
      board.touch(index, now);
      this.retransmits++;
      this.#probeAgain = true;
    }
    this.#lastSent = now;
    this.#armFor("timeout", now + this.timeout);
  }

  /** What an acknowledgement says of a tail loss probe (RFC 8985 section 7.4.2): a loss that it repaired counts as one. */
  #settleProbe(ack: Acknowledgement, advanced: boolean): void {
    if (this.#probeEnd < 0 || ack.position < this.#probeEnd) return;
    const arrivedTwice = this.#arrived.twice || (!advanced && ack.pure && ack.sackCount === 0);
    if (!this.#probeAgain || arrivedTwice) {
      this.#probeEnd = -1;
    } else if (ack.position > this.#probeEnd) {
      this.#probeEnd = -1;
      this.window.threshold = this.control.afterLoss(this.window);
      this.window.size = this.window.threshold;
      this.window.restart();
    }
  }

  #countUnanswered(now: number): void {
    if (this.unanswered++ === 0) this.unansweredSince = now;
    this.#backoff++;
  }

  #timedOut(now: number): void {
    const board = this.#board;
    if (board.count === 0) return;
    this.timeouts++;
    // Its first segment cannot be SACKED unless the other end has dropped it.
    if ((board.flags(board.head) & SACKED) !== 0) {
      board.forgetSacks();
      this.#known.clear();
    }
    const { phase } = this;
    const first = phase === "open" || phase === "disorder";
    if (first || this.una >= this.#recoveryEnd || (phase === "loss" && this.unanswered === 0)) {
      this.#undo.remember(this.window, this.una);
      this.window.threshold = this.control.afterLoss(this.window);
      this.control.timedOut();
    }
    this.#doubtful = first || this.unanswered > 0;
    for (let index = board.head; index < board.tail; index++)
      if (index === board.head || !this.#rack.recent(board.sentAt(index), now)) board.markLost(index);
    this.#duplicates = 0;
    this.#probeEnd = -1;
    this.window.size = this.inFlight + 1;
    this.window.restart();
    this.phase = "loss";
    this.#recoveryEnd = this.next;
    this.#countUnanswered(now);
    this.#resend(board.head, now);
    this.#armFor("timeout", now + this.timeout);
  }

  #probeWindow(now: number): void {
    this.push(now);
    if (this.#board.count > 0 || this.next >= this.end) return;
    this.#countUnanswered(now);
    const end = Math.min(this.limit, this.end, this.finAt);
    // A window smaller than a segment is used after all, so that nobody waits for ever.
    if (end > this.next) {
      this.#sendNew(end, now);
      this.#armFor("timeout", now + this.timeout);
      return;
    }
    this.#output.probe();
    this.#armFor("window-probe", now + this.timeout);
  }

  /** The other end answers, if only that its window is closed: it is not gone. */
  answered(): void {
    if (this.#board.count > 0) return;
    this.unanswered = 0;
  }

  /** The path is back, says a router (RFC 6069): the timeout is not backed off for it, and fires at once if it is over. */
  takeBackTimeout(now: number): void {
    if (this.#backoff === 0 || this.#board.count === 0 || this.#timerKind !== "timeout") return;
    this.#backoff--;
    const at = this.#board.sentAt(this.#board.head) + this.timeout;
    this.#armFor("timeout", Math.max(at, now));
  }

  /** The path takes data of `bytes` a segment at most: what is out and longer is sent again in smaller ones. */
  shrink(bytes: number, now: number): void {
    if (bytes >= this.segment) return;
    this.segment = bytes;
    this.#board.resegment(bytes);
    this.#repair(now);
  }

  /** Nothing is sent any more. */
  stop(): void {
    this.#disarm();
  }
}
