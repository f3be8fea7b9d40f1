// What is known of paths, each from an address of ours to another one, by probes that somebody sends along them.

import { LargeMap } from "../collections/large-map.js";
import { addressText } from "../net/address.js";
import type { Clock } from "../router/clock.js";
import type { Listeners } from "../router/listeners.js";
import {
  type Measurement,
  type MeasurementListener,
  type MeasurementStream,
  Measurements,
} from "./measurements.js";
import { LOST, SampleWindow, type WindowSummary } from "./sample-window.js";

/** unknown: no probe is over yet. */
export type PathState = "up" | "down" | "unknown";

/** What is known of a path. Plain data, as all outputs have it; times in seconds; null: unknown. */
export interface PathReport extends WindowSummary {
  /** Addresses as text. */
  readonly source: string;
  readonly destination: string;
  readonly state: PathState;
  /** Since the last answer came. */
  readonly age: number | null;
}

/** A path. Whoever probes it says whether it is up. */
export class Path {
  readonly own: Uint8Array;
  readonly peer: Uint8Array;
  state: PathState = "unknown";
  /** Steady nanoseconds at which the last answer came; -1: none yet. */
  answeredAt = -1;
  /** Made with the first sample: what is never probed costs nothing. */
  window: SampleWindow | null = null;

  /** Addresses of 4 or 16 bytes, both of one family. */
  constructor(own: Uint8Array, peer: Uint8Array) {
    this.own = own;
    this.peer = peer;
  }

  get name(): string {
    return pathName(this.own, this.peer);
  }
}

/** How a path is named wherever it has a name: `source destination`. */
export function pathName(own: Uint8Array, peer: Uint8Array): string {
  return `${addressText(own)} ${addressText(peer)}`;
}

export interface PathTableOptions {
  readonly clock: Clock;
  /** Samples kept of each path. */
  readonly samples: number;
  /** Nanoseconds that reports look back. */
  readonly window: number;
  /** Those who will listen to measurements; none yet. */
  readonly listeners: Listeners<[measurement: Measurement]>;
}

export class PathTable {
  readonly #options: PathTableOptions;
  readonly #measurements: Measurements;
  readonly #paths = new LargeMap<string, Path>();

  constructor(options: PathTableOptions) {
    this.#options = options;
    this.#measurements = new Measurements(options.listeners);
  }

  get size(): number {
    return this.#paths.size;
  }

  /** The path from `own` to `peer`: a new one, of which nothing is known, where there is none. */
  path(own: Uint8Array, peer: Uint8Array): Path {
    const name = pathName(own, peer);
    const found = this.#paths.get(name);
    if (found !== undefined) return found;
    const path = new Path(own, peer);
    this.#paths.set(name, path);
    return path;
  }

  /** What is known of the path from `own` to `peer`; null: it is none of ours. */
  find(own: Uint8Array, peer: Uint8Array): Path | null {
    return this.#paths.get(pathName(own, peer)) ?? null;
  }

  delete(path: Path): void {
    this.#paths.delete(path.name);
  }

  /** Takes what probes have measured, and tells all who listen. */
  take(measurements: readonly Measurement[]): void {
    for (const { own, peer, sentAt, rtt, repeated } of measurements) {
      const path = this.find(own, peer);
      if (path === null) continue;
      path.window ??= new SampleWindow(this.#options.samples);
      path.window.add(sentAt, rtt === "lost" ? LOST : rtt, !repeated);
      if (rtt !== "lost") path.answeredAt = Math.max(path.answeredAt, sentAt + rtt);
    }
    for (const measurement of measurements) this.#measurements.tell(measurement);
  }

  /** Calls `listener` with each measurement from now on, until the function it returns is called. */
  onMeasurement(listener: MeasurementListener): () => void {
    return this.#measurements.listen(listener);
  }

  /** The measurements from now on, for `for await`. */
  measurements(): MeasurementStream {
    return this.#measurements.stream();
  }

  /** What is known of a path from the probes of the last `seconds`; default: of the table's window. */
  report(path: Path, seconds = this.#options.window / 1e9): PathReport {
    const now = this.#options.clock.now();
    const summary = path.window?.summary(now - seconds * 1e9) ?? NOTHING;
    return {
      source: addressText(path.own),
      destination: addressText(path.peer),
      state: path.state,
      sent: summary.sent,
      answered: summary.answered,
      availability: summary.availability,
      rtt: inSeconds(summary.rtt),
      jitter: inSeconds(summary.jitter),
      age: path.answeredAt < 0 ? null : (now - path.answeredAt) / 1e9,
    };
  }

  /** The paths in the order in which they came, from `from` on (`source destination`; not there: from the first). */
  paths(from?: string): IterableIterator<Path> {
    return this.#paths.values(from);
  }

  /** Takes over what the table before a hot swap knows of a path that is in this one, too. */
  inherit(path: Path, before: PathTable): void {
    const old = before.find(path.own, path.peer);
    if (old === null) return;
    path.state = old.state;
    path.answeredAt = old.answeredAt;
    path.window = old.window;
  }

  /** Forgets all who listen; streams end. */
  close(): void {
    this.#measurements.clear();
  }
}

const NOTHING: WindowSummary = { sent: 0, answered: 0, availability: null, rtt: null, jitter: null };

/** Nanoseconds as seconds, to the nanosecond. */
function inSeconds<T extends object>(times: T | null): T | null {
  if (times === null) return null;
  return Object.fromEntries(
    Object.entries(times).map(([name, ns]) => [name, Math.round(ns as number) / 1e9]),
  ) as T;
}
