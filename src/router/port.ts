// Ports: where a batch goes on, or comes from.

import { inspect } from "node:util";
import type { Batch } from "../packet/batch.js";
import type { Element } from "./element.js";

const NO_STEPS: readonly [] = [];

/** The far end of one connection, as an element sees it from its own port. */
export class Port {
  readonly element: Element;
  /** The far element's port number. */
  readonly port: number;

  // Elements are of many classes, so that every access to one costs V8 a look into a table. What a push needs is
  // therefore looked up once, when the first batch comes: the elements that only work on the batch and pass it on, as
  // far as they follow each other, and who gets it from the last of them.
  #ready = false;
  #steps: readonly ((batch: Batch) => void)[] = NO_STEPS;
  #deliver: ((port: number, batch: Batch) => void) | null = null;
  #deliverPort = 0;

  constructor(element: Element, port: number) {
    this.element = element;
    this.port = port;
  }

  [inspect.custom](): string {
    return `Port { ${this.element.name} [${this.port}] }`;
  }

  /** Hands the batch's packets over; afterwards it is empty. An empty batch goes nowhere. */
  push(batch: Batch): void {
    if (!this.#ready) this.#prepare();
    const steps = this.#steps;
    for (let i = 0; i < steps.length; i++) {
      if (batch.count === 0) return;
      steps[i](batch);
    }
    if (batch.count === 0) return;
    if (this.#deliver !== null) this.#deliver(this.#deliverPort, batch);
    else batch.kill();
    batch.count = 0;
  }

  #prepare(): void {
    this.#ready = true;
    let at: Port | null = this;
    const steps: ((batch: Batch) => void)[] = [];
    // A loop in the graph ends the steps where it closes.
    const seen = new Set<Element>();
    while (at?.element.pushesPlainly && !seen.has(at.element)) {
      const { element }: Port = at;
      seen.add(element);
      steps.push(element.process.bind(element));
      at = element.noutputs > 0 ? element.outputs[0] : null;
    }
    this.#steps = steps;
    if (at === null) return;
    this.#deliver = at.element.push.bind(at.element);
    this.#deliverPort = at.port;
  }

  /** Fills the empty `batch` with up to `max` packets (at most BATCH_MAX); returns how many. */
  pull(batch: Batch, max: number): number {
    this.element.pull(this.port, batch, max);
    return batch.count;
  }
}

/** A connection, as the port of one of its ends sees it: `near` pushes to `far`, or pulls from it. */
export interface Hop {
  readonly near: Element;
  /** Of `near`: an output where it pushes, an input where it pulls. */
  readonly nearPort: number;
  readonly far: Element;
  readonly farPort: number;
}

/** Sees every batch that passes a connection. What `push` and `pull` return is given back when the far end is done. */
export interface PortObserver {
  /** `batch`, not empty, is about to be pushed to `hop.far`. */
  push(hop: Hop, batch: Batch): number;
  pushed(hop: Hop, before: number): void;
  /** `hop.near` is about to pull. */
  pull(hop: Hop): number;
  /** It got `batch`, which may be empty. */
  pulled(hop: Hop, batch: Batch, before: number): void;
}

/** What passed a port, and the time its far end took, of which the elements behind it had part. */
export interface PortMeter {
  /** Calls: pulls that gave nothing are counted, too. */
  batches: number;
  /** Pulls that gave nothing. */
  empty: number;
  packets: number;
  /** Nanoseconds inside calls through this port, callees included. */
  nanoseconds: number;
}

/** A port that counts and times what passes; used when the router is made with `meter`. */
export class MeteredPort extends Port {
  readonly meter: PortMeter;

  constructor(element: Element, port: number, meter?: PortMeter) {
    super(element, port);
    this.meter = meter ?? { batches: 0, empty: 0, packets: 0, nanoseconds: 0 };
  }

  override push(batch: Batch): void {
    if (batch.count === 0) return;
    this.meter.batches++;
    this.meter.packets += batch.count;
    const start = performance.now();
    this.element.push(this.port, batch);
    this.meter.nanoseconds += (performance.now() - start) * 1e6;
    batch.count = 0;
  }

  override pull(batch: Batch, max: number): number {
    const start = performance.now();
    this.element.pull(this.port, batch, max);
    this.meter.nanoseconds += (performance.now() - start) * 1e6;
    this.meter.batches++;
    if (batch.count === 0) this.meter.empty++;
    this.meter.packets += batch.count;
    return batch.count;
  }
}

/** A metered port that also shows what passes to an observer. */
export class ObservedPort extends MeteredPort {
  readonly #hop: Hop;
  readonly #observer: PortObserver;

  constructor(hop: Hop, observer: PortObserver, meter?: PortMeter) {
    super(hop.far, hop.farPort, meter);
    this.#hop = hop;
    this.#observer = observer;
  }

  override push(batch: Batch): void {
    if (batch.count === 0) return;
    const before = this.#observer.push(this.#hop, batch);
    super.push(batch);
    this.#observer.pushed(this.#hop, before);
  }

  override pull(batch: Batch, max: number): number {
    const before = this.#observer.pull(this.#hop);
    super.pull(batch, max);
    this.#observer.pulled(this.#hop, batch, before);
    return batch.count;
  }
}
