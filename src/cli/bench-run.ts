// Running a configuration for a measurement.

import { Loader, libraryReader } from "../loader.js";
import type { Batch } from "../packet/batch.js";
import type { Element } from "../router/element.js";
import { clockCost, elementLoads, type RunMeter } from "../router/meter.js";
import { Port } from "../router/port.js";
import { Router } from "../router/router.js";
import { BenchDevices } from "./bench-devices.js";
import type { BenchSettings } from "./bench-options.js";
import type { Input } from "./input.js";

/** One run. */
export interface Segment {
  /** Packets that came into the graph. */
  readonly packets: number;
  readonly seconds: number;
  /** Part of the time that the process had a processor. */
  readonly busy: number;
  /** The router stopped by itself before the time was over. */
  readonly ended: boolean;
}

/** An element's part of the metered run. */
export interface Share {
  readonly name: string;
  readonly className: string;
  readonly calls: number;
  readonly packets: number;
  readonly drops: number;
  /** Nanoseconds of its own a packet that it had. */
  readonly nsPerPacket: number;
  /** Part of the time of all elements. */
  readonly share: number;
}

/** A port that counts: on the way out of a source, where what is counted came into the graph. */
class CountingPort extends Port {
  packets = 0;

  override push(batch: Batch): void {
    this.packets += batch.count;
    super.push(batch);
  }

  override pull(batch: Batch, max: number): number {
    const count = super.pull(batch, max);
    this.packets += count;
    return count;
  }
}

/** A configuration with devices of ours, ready to be run. */
export class BenchRouter {
  readonly router: Router;
  readonly devices: BenchDevices;
  readonly #ports: CountingPort[] = [];
  readonly #metered: boolean;
  #started = false;

  private constructor(settings: BenchSettings, input: Input, metered: boolean) {
    this.#metered = metered;
    this.devices = new BenchDevices(settings, metered);
    this.router = new Router({
      file: input.file,
      loader: new Loader(),
      devices: this.devices,
      memory: settings.memory === null ? {} : { bytes: settings.memory * 2 ** 20 },
      variables: settings.variables,
      readLibrary: libraryReader(settings.clickpath),
      metered,
      warnings: !metered,
      // What elements print would be measured, and drown the result; what they say before they run is wanted.
      log: (line) => {
        if (!this.#started && !metered) process.stderr.write(`${line}\n`);
      },
      print: () => {},
    });
  }

  /** Throws ConfigurationError. */
  static async start(settings: BenchSettings, input: Input, metered: boolean): Promise<BenchRouter> {
    const bench = new BenchRouter(settings, input, metered);
    await bench.router.start(input.text, input.file);
    bench.#started = true;
    if (!metered) bench.#countSources();
    return bench;
  }

  #countSources(): void {
    const counting = (port: Port): CountingPort => {
      const counter = new CountingPort(port.element, port.port);
      this.#ports.push(counter);
      return counter;
    };
    const isSource = (e: Element): boolean => e.ninputs === 0;
    for (const e of this.router.elements) {
      for (const [i, port] of e.outputs.entries())
        if (port !== undefined && isSource(e) && !e.isPullOutput(i)) e.outputs[i] = counting(port);
      for (const [i, port] of e.inputs.entries())
        if (port !== undefined && e.isPullInput(i) && isSource(port.element)) e.inputs[i] = counting(port);
    }
  }

  /** Packets that came into the graph so far. */
  get packets(): number {
    const received = (): number => this.devices.sources.reduce((n, d) => n + d.received, 0);
    if (this.#metered) {
      const sources = elementLoads(this.router.elements, 0).filter((l) => l.element.ninputs === 0);
      return sources.reduce((n, l) => n + l.packets, 0) || received();
    }
    return this.#ports.reduce((n, p) => n + p.packets, 0) || received();
  }

  /** Runs for `seconds`, or until every device has given `packets`, or the router stops, or `signal` says so. */
  async run(seconds: number, packets: number, signal: AbortSignal): Promise<Segment> {
    const { driver } = this.router;
    const { sources } = this.devices;
    let silent = 0;
    let done = false;
    const stop = (): void => {
      done = true;
      driver.interrupt();
    };
    for (const device of sources) {
      device.give(packets);
      device.onEnd = () => {
        if (++silent === sources.length) stop();
      };
    }
    const before = this.packets;
    const cpu = process.cpuUsage();
    const timer = setTimeout(stop, seconds * 1000);
    signal.addEventListener("abort", stop, { once: true });
    const start = performance.now();
    await driver.run();
    const time = (performance.now() - start) / 1000;
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    const { user, system } = process.cpuUsage(cpu);
    return {
      packets: this.packets - before,
      seconds: time,
      busy: Math.min(1, (user + system) / 1e6 / time),
      ended: !done,
    };
  }

  /** What each element did; the router must be a metered one. */
  shares(): Share[] {
    const cost = clockCost();
    const shares = elementLoads(this.router.elements, cost).map((l) => ({
      name: l.element.name,
      className: l.element.className,
      calls: l.calls,
      packets: l.packets,
      drops: l.element.dropTotal,
      nanoseconds: l.nanoseconds,
    }));
    const devices = [...this.devices.devices.values()];
    const part = (
      name: string,
      inside: string,
      meters: readonly RunMeter[],
      packets: readonly number[],
    ): void => {
      const measured = meters.reduce((n, m) => n + m.nanoseconds, 0);
      const calls = meters.reduce((n, m) => n + m.runs, 0);
      if (calls === 0) return;
      // A device works inside the elements that use it: what it took is not theirs.
      const users = shares.filter((s) => s.className === inside);
      const all = users.reduce((n, s) => n + s.nanoseconds, 0);
      const theirs = all === 0 ? 0 : Math.max(0, 1 - (measured + calls * cost) / all);
      for (const user of users) user.nanoseconds *= theirs;
      const nanoseconds = Math.max(0, measured - calls * cost);
      const count = packets.reduce((n, p) => n + p, 0);
      shares.push({ name, className: "", calls, packets: count, drops: 0, nanoseconds });
    };
    const sources = this.devices.sources;
    part(
      "(generator)",
      "FromDevice",
      sources.map((d) => d.meter.received),
      sources.map((d) => d.received),
    );
    part(
      "(sink)",
      "ToDevice",
      devices.map((d) => d.meter.sent),
      devices.map((d) => d.sent),
    );
    const total = shares.reduce((n, s) => n + s.nanoseconds, 0);
    return shares.map(({ nanoseconds, ...s }) => ({
      ...s,
      nsPerPacket: s.packets > 0 ? nanoseconds / s.packets : 0,
      share: total > 0 ? nanoseconds / total : 0,
    }));
  }

  close(): void {
    this.router.close();
  }
}
