// The metrics of paths that functions measure (docs/paths.md): what is not known of a path is not there.

import { Gauge, type Registry } from "prom-client";
import type { PathsReply, Protocol } from "../instance/protocol.js";

type MeasuredPath = PathsReply["paths"][number];

/** Parts that are asked for, so that a function whose paths come and go all the time is not asked without end. */
const PARTS = 4096;

/** What can be asked for its paths. */
interface Function {
  request(kind: "paths", request: Parameters<Protocol["paths"]>[0]): Promise<PathsReply>;
}

/** The paths of a function, as far as it answers. */
export async function* pathsOf(f: Function): AsyncIterableIterator<MeasuredPath> {
  let after: string | null = null;
  for (let part = 0; part < PARTS; part++) {
    let reply: PathsReply;
    try {
      reply = await f.request("paths", { after });
    } catch {
      return;
    }
    yield* reply.paths;
    if (reply.next === null) return;
    after = reply.next;
  }
}

export class PathMetrics {
  readonly #up: Gauge;
  readonly #availability: Gauge;
  readonly #probes: Gauge;
  readonly #rtt: Gauge;
  readonly #jitter: Gauge;

  constructor(registry: Registry) {
    const gauge = (name: string, help: string, ...more: string[]): Gauge =>
      new Gauge({
        name: `sluice_path_${name}`,
        help,
        labelNames: ["function", "element", "source", "destination", ...more],
        registers: [registry],
      });
    this.#up = gauge("up", "Whether the last probes of the path were answered");
    this.#availability = gauge("availability_ratio", "Part of the window for which the path answered");
    this.#probes = gauge("window_probes", "Scheduled probes of the window, by what became of them", "fate");
    this.#rtt = gauge("rtt_seconds", "Round-trip times of the window", "stat");
    this.#jitter = gauge(
      "jitter_seconds",
      "Jitter: mean of |IPDV| (RFC 3393) of round-trip times, and smoothed as in RFC 3550",
      "stat",
    );
  }

  add(name: string, path: MeasuredPath): void {
    const { element, source, destination, state, sent, answered, availability, rtt, jitter } = path;
    const labels = { function: name, element, source, destination };
    if (state !== "unknown") this.#up.set(labels, state === "up" ? 1 : 0);
    if (availability !== null) {
      this.#availability.set(labels, availability);
      this.#probes.set({ ...labels, fate: "answered" }, answered);
      this.#probes.set({ ...labels, fate: "lost" }, sent - answered);
    }
    for (const [stat, seconds] of Object.entries(rtt ?? {})) this.#rtt.set({ ...labels, stat }, seconds);
    for (const [stat, seconds] of Object.entries(jitter ?? {}))
      this.#jitter.set({ ...labels, stat }, seconds);
  }
}
