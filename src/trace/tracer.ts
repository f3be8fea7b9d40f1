// Follows packets on their way through the elements of a running router.

import type { Batch } from "../packet/batch.js";
import { wallTime } from "../router/clock.js";
import type { Element } from "../router/element.js";
import type { Hop, PortObserver } from "../router/port.js";
import type { Router } from "../router/router.js";
import { TraceFilter } from "./filter.js";
import { startOf, summary } from "./headers.js";
import { TraceSlots } from "./slots.js";
import { TRACE_STEPS, type TraceEnd, type TraceReply, type TraceRequest } from "./traced.js";
import { type Arrival, dropCounts, dropReason, plain, type Step, type Trace } from "./way.js";

/** Copies that are followed for each packet asked for. */
const COPIES = 16;
/** Bytes, more or less, of what may wait to be read, and of one step without its packet's bytes. */
const BACKLOG = 16 * 2 ** 20;
const STEP_COST = 300;
/** The mark of a packet that is not to be followed (any more). */
const NEVER = 0xffffffff;
/** Milliseconds between two looks for packets that are gone. */
const LOOK_MS = 20;

export class Tracer implements PortObserver {
  readonly #router: Router;
  readonly #slots: TraceSlots;
  readonly #request: TraceRequest;
  readonly #filter: TraceFilter;
  /** Marks of this trace are above it: what former ones left in slots means nothing. */
  readonly #base: number;
  readonly #ends: number;
  readonly #timer: NodeJS.Timeout;
  /** By mark. */
  readonly #open = new Map<number, Trace>();
  #through: Trace[] = [];
  readonly #arrivals: Arrival[] = [];
  #depth = 0;
  #last: number;
  #began = 0;
  #copies = 0;
  #missed = 0;
  #waiting = 0;
  #end: TraceEnd["end"] | null = null;
  // Used again for every batch.
  readonly #unknown: number[] = [];
  readonly #matching: number[] = [];

  /** Marks begin after `base`. Throws TraceError `BAD_FILTER`, MemoryError. */
  constructor(router: Router, request: TraceRequest, base: number) {
    this.#router = router;
    this.#slots = new TraceSlots(router.memory);
    this.#request = request;
    this.#filter = new TraceFilter(router, request.filter);
    this.#base = base;
    this.#last = base;
    this.#ends = router.clock.now() + request.seconds * 1e9;
    const late = performance.now() + request.seconds * 1000;
    this.#timer = setInterval(() => {
      this.#look();
      // Simulated time may stand still.
      if (this.#over || performance.now() >= late) this.stop("time");
    }, LOOK_MS);
    this.#timer.unref();
    router.observe(this);
  }

  /** The greatest mark that it gave. */
  get lastMark(): number {
    return this.#last;
  }

  /** What is through by now. Must not be called from the data path. */
  take(): TraceReply {
    this.#look();
    const packets = this.#through.map(plain);
    for (const { cost } of this.#through) this.#waiting -= cost;
    this.#through = [];
    return { packets, end: this.#end === null ? null : { end: this.#end, missed: this.#missed } };
  }

  /** Ends it; packets that are still on their way are given as they are. Idempotent. */
  stop(end: TraceEnd["end"] = "stopped"): void {
    if (this.#end !== null) return;
    // What has gone meanwhile does not wait; and it may have been the last.
    this.#settle();
    this.#end = this.#complete ? "count" : end;
    clearInterval(this.#timer);
    if (this.#router.observer === this) this.#router.observe(null);
    for (const trace of [...this.#open.values()]) this.#close(trace, "waits");
    this.#filter.release();
  }

  get #over(): boolean {
    return this.#router.clock.now() >= this.#ends;
  }

  // ---- What passes the connections ------------------------------------------------

  push(hop: Hop, batch: Batch): number {
    this.#enter();
    const before = this.#arrivals.length;
    this.#arrive(hop.near, hop.nearPort, hop.far, hop.farPort, batch);
    return before;
  }

  pushed(_hop: Hop, before: number): void {
    this.#leave(before);
    this.#depth--;
  }

  pull(_hop: Hop): number {
    this.#enter();
    return this.#arrivals.length;
  }

  pulled(hop: Hop, batch: Batch, before: number): void {
    const from = this.#arrivals.length;
    this.#arrive(hop.far, hop.farPort, hop.near, hop.nearPort, batch);
    const now = this.#arrivals.splice(from);
    // What the far end pulled itself and did not pass on is there still, or was dropped there.
    this.#leave(before);
    this.#arrivals.push(...now);
    this.#depth--;
  }

  #enter(): void {
    // What was given to an element by its own task is decided when that has run.
    if (this.#depth++ === 0) this.#leave(0);
  }

  /** The packets of `batch` go from `from` to `to`. */
  #arrive(from: Element, output: number, to: Element, input: number, batch: Batch): void {
    if (this.#end !== null || batch.count === 0) return;
    this.#begin(from, batch);
    if (this.#open.size === 0) return;
    let drops: readonly number[] | null = null;
    const now = this.#router.clock.now();
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      const trace = this.#traceOf(slot, from, now);
      if (trace === null) continue;
      this.#depart(trace, from, output, now);
      if (trace.steps.length === TRACE_STEPS) {
        trace.cut = true;
        this.#finish(trace);
        continue;
      }
      drops ??= dropCounts(to);
      this.#step(trace, to, input, now);
      this.#arrivals.push({ trace, step: trace.steps.length, element: to, drops });
    }
  }

  /** Begins traces of those packets of `batch` that match and have none. */
  #begin(from: Element, batch: Batch): void {
    if (this.#began >= this.#request.count || this.#over) return;
    const unknown = this.#unknown;
    unknown.length = 0;
    for (let i = 0; i < batch.count; i++)
      if (this.#slots.markOf(batch.at(i)) <= this.#base) unknown.push(batch.at(i));
    if (unknown.length === 0) return;
    const matching = this.#matching;
    matching.length = 0;
    this.#filter.select(unknown, matching);
    for (const slot of matching) {
      if (this.#began >= this.#request.count) return;
      if (this.#waiting > BACKLOG) {
        this.#missed++;
        this.#slots.mark(slot, NEVER);
        continue;
      }
      this.#began++;
      this.#new(slot, from, null, this.#router.clock.now());
    }
  }

  /** The trace of the packet in `slot`, a new one for a copy; null when it has none. */
  #traceOf(slot: number, from: Element, now: number): Trace | null {
    const mark = this.#slots.markOf(slot);
    if (mark <= this.#base) return null;
    const trace = this.#open.get(mark);
    if (trace?.slot === slot) return trace;
    if (mark === NEVER || this.#copies >= COPIES * this.#request.count || this.#waiting > BACKLOG)
      return null;
    this.#copies++;
    // Its original may be through already.
    return this.#new(slot, from, mark - this.#base, now);
  }

  #new(slot: number, from: Element, copyOf: number | null, now: number): Trace {
    const { bytes, ip } = this.#slots.packet(slot);
    const mark = ++this.#last;
    const trace: Trace = {
      mark,
      number: mark - this.#base,
      slot,
      began: now,
      ...wallTime(this.#router.clock, now),
      copyOf,
      summary: summary(bytes, ip),
      steps: [],
      cut: false,
      cost: 0,
    };
    this.#slots.mark(slot, mark);
    this.#open.set(mark, trace);
    this.#step(trace, from, null, now);
    return trace;
  }

  #step(trace: Trace, element: Element, input: number | null, now: number): void {
    const { bytes, ip } = this.#slots.packet(trace.slot);
    const { length } = bytes;
    const withBytes = this.#request.bytes && this.#waiting < 2 * BACKLOG;
    const cost = STEP_COST + (withBytes ? (length * 4) / 3 : 0);
    trace.cost += cost;
    this.#waiting += cost;
    trace.steps.push({
      element: element.name,
      className: element.className,
      at: now - trace.began,
      input,
      length,
      leftWith: length,
      end: "waits",
      output: null,
      reason: null,
      start: startOf(bytes, ip),
      ...(withBytes ? { bytes: Buffer.from(bytes).toString("base64") } : {}),
    });
  }

  /** The packet leaves `from`; where that is not where it was last seen, it came there unseen. */
  #depart(trace: Trace, from: Element, output: number, now: number): void {
    let last = trace.steps.at(-1)!;
    if (last.element !== from.name) {
      last.end = "left";
      if (trace.steps.length < TRACE_STEPS) this.#step(trace, from, null, now);
      last = trace.steps.at(-1)!;
    }
    last.end = "output";
    last.output = output;
    last.leftWith = this.#slots.length(trace.slot);
  }

  // ---- How ways end ----------------------------------------------------------------

  /** Decides of the arrivals from `before` on, which are forgotten: those whose slots are given back were dropped, or used up. */
  #leave(before: number): void {
    if (this.#arrivals.length === before) return;
    for (const { trace, step, element, drops } of this.#arrivals.splice(before)) {
      if (trace.steps.length !== step || !this.#open.has(trace.mark)) continue;
      if (!this.#slots.gone(trace.slot, trace.mark)) continue;
      const reason = dropReason(element, drops);
      this.#close(trace, reason === null ? "left" : "dropped", reason);
    }
  }

  /** Looks for packets that are gone from where they waited. */
  #look(): void {
    if (this.#end !== null) return;
    this.#settle();
    if (this.#complete) this.stop("count");
  }

  get #complete(): boolean {
    return this.#began >= this.#request.count && this.#open.size === 0;
  }

  #settle(): void {
    if (this.#depth === 0) this.#leave(0);
    for (const trace of [...this.#open.values()])
      if (this.#slots.gone(trace.slot, trace.mark)) this.#close(trace, "left");
  }

  #close(trace: Trace, end: Step["end"], reason: string | null = null): void {
    const last = trace.steps.at(-1)!;
    last.end = end;
    last.reason = reason;
    this.#finish(trace);
  }

  #finish(trace: Trace): void {
    this.#open.delete(trace.mark);
    if (trace.cut) this.#slots.mark(trace.slot, NEVER);
    this.#through.push(trace);
  }
}
