// A link with more than two ends: a switch in the middle, itself a router graph, and a wire to each end. The switch has
// a line for each pair of ends, on which packets take their time; the wires have the rate and the queue of their end.

import { lossesOf } from "../../device/counters.js";
import { type LinkDevice, makeLink } from "../../device/link.js";
import { MapProvider, SystemProvider } from "../../device/provider.js";
import { makeSharedLink, type SharedEnd, SharedLinkDevice } from "../../device/shared-link.js";
import type { Loader } from "../../loader.js";
import { pathText } from "../../packet/line-text.js";
import type { Device } from "../../router/device.js";
import { Router } from "../../router/router.js";
import type { EndPair, Impairments, LinkDescriptor } from "../descriptor/model.js";
import { held, sleep, type World } from "../world.js";
import { AttachedDevices, type KernelAttached, type LinkEnd } from "./attached.js";
import { conditionsOf, type LinkConditions, type PathConditions, samePath } from "./conditions.js";
import type { KernelEnd } from "./pairs.js";
import { FLIGHT, linkOptions } from "./wire.js";

/** Packets on their way at most, and address space for them and the switch's devices; only what is touched costs memory. */
const SLOTS = 32768;
const BYTES = 128 * 2 ** 20;
/** The same for links whose packets do not fit a usual slot. */
const LARGE_MTU = 1800;
const LARGE_BYTES = 512 * 2 ** 20;

/** How long an end that is to leave waits for what it has sent. */
const DRAIN_MS = 1000;

/** A line of the switch that was set or used. */
export interface PairView extends EndPair, PathConditions {
  /** Whether the pair has something of its own. */
  readonly own: boolean;
  /** Packets that took the line, and those lost: by its loss, while it was down, because too many were on their way. */
  readonly packets: number;
  readonly lost: number;
  readonly downs: number;
  readonly no_room: number;
}

export class Segment {
  readonly #link: LinkDescriptor;
  readonly #world: World;
  readonly #router: Router;
  /** The switch's side of each wire, by port name. */
  readonly #ports = new Map<string, LinkDevice>();
  /** The same where it is a device of the kernel. */
  readonly #kernel = new Map<string, AttachedDevices>();
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #started = false;
  #conditions: LinkConditions;
  /** What the switch's lines were told: all but some, and those. */
  #others: PathConditions | null = null;
  #told = new Map<string, PathConditions>();
  /** Numbers of ports, for the names of elements. */
  readonly #numbers = new Map<string, number>();
  #count = 0;

  constructor(link: LinkDescriptor, world: World, loader: Loader) {
    this.#link = link;
    this.#world = world;
    this.#conditions = conditionsOf(link);
    const ports = this.#ports;
    this.#router = new Router({
      loader,
      file: `link ${link.name}`,
      memory: { slots: SLOTS, bytes: link.mtu > LARGE_MTU ? LARGE_BYTES : BYTES },
      clock: world.simulation?.clock ?? world.clock(),
      seed: world.seed(`link ${link.name}`),
      devices: {
        open: (name: string, memory, options): Device => {
          const kernel = this.#kernel.get(name);
          return kernel === undefined
            ? new MapProvider(ports).open(name)
            : kernel.open(name, memory, options);
        },
        close: () => {
          for (const device of ports.values()) device.close();
          for (const kernel of this.#kernel.values()) kernel.close();
        },
      },
    });
  }

  /** Adds an end in this thread and returns it. The switch runs from the first end on. */
  async plug(name: string, mac: Uint8Array, mtu: number): Promise<LinkEnd> {
    const [end, port] = makeLink({
      ...linkOptions(this.sending, { name: this.#link.name, mtu }, this.#world),
      names: [this.#link.name, name],
      macs: [mac, mac],
    });
    this.#ports.set(name, port);
    await this.#connect();
    return end;
  }

  /** Adds an end for another thread. */
  async plugShared(name: string, mac: Uint8Array, mtu: number): Promise<SharedEnd> {
    const names = [this.#link.name, name] as const;
    const [end, port] = makeSharedLink({ mtu, flight: FLIGHT, names, macs: [mac, mac] });
    this.#ports.set(name, new SharedLinkDevice(port, this.sending));
    await this.#connect();
    return end;
  }

  /** Adds an end in another process; `port` is the other end of its pair, here. */
  async plugKernel(name: string, { device, mac }: KernelEnd, mtu: number): Promise<void> {
    const attached: KernelAttached = { name, device, mac, mtu, impairments: this.sending, cut: false };
    // Functions come and go, which their own log tells: that a port's other end is not there is no news.
    this.#kernel.set(name, new AttachedDevices([attached], new SystemProvider()));
    await this.#connect();
  }

  /**
   * Takes an end out whose wire goes to another segment, once what came on it is with the switch, or after some time.
   * Returns the switch's side of the wire; null where it is a device of the kernel.
   */
  async release(name: string): Promise<LinkDevice | null> {
    const port = this.#ports.get(name);
    if (port === undefined) {
      await this.unplug(name);
      return null;
    }
    for (let ms = 0; port.pending > 0 && ms < DRAIN_MS; ms++) await sleep(this.#world, 0.001);
    // It may have been taken out meanwhile.
    if (this.#ports.get(name) !== port) return null;
    this.#ports.delete(name);
    await held(this.#world, this.#connect());
    port.release();
    return port;
  }

  /** Takes an end over that another segment has released. */
  async adopt(name: string, port: LinkDevice): Promise<void> {
    port.impair(this.sending);
    this.#ports.set(name, port);
    await held(this.#world, this.#connect());
  }

  async unplug(name: string): Promise<void> {
    const gone = this.#ports.get(name) ?? this.#kernel.get(name);
    this.#ports.delete(name);
    this.#kernel.delete(name);
    await this.#connect();
    gone?.close();
  }

  /** What the wires to the ends do, both ways: all else is the lines'. */
  get sending(): Impairments {
    const { rate, queue } = this.#conditions;
    return { delay: 0, jitter: 0, loss: 0, rate, queue };
  }

  /** Lets the lines and wires do something else from now on. */
  impair(conditions: LinkConditions): void {
    this.#conditions = conditions;
    for (const port of this.#ports.values()) port.impair(this.sending);
    for (const [name, kernel] of this.#kernel) kernel.impair(name, this.sending, false);
    this.#tell();
  }

  /** Tells the switch what its lines do that it does not know yet. */
  #tell(): void {
    const write = (handler: string, text: string): void =>
      void this.#router.handler(`switch.${handler}`).write!(text);
    const { delay, jitter, loss, cut, pairs } = this.#conditions;
    const others = { delay, jitter, loss, cut };
    if (this.#others === null || !samePath(others, this.#others)) write("others", pathText(others));
    this.#others = others;
    const here = (key: string): boolean => key.split(" ").every((name) => this.#numbers.has(name));
    const wanted = new Map([...pairs].filter(([key]) => here(key)));
    const lines: string[] = [];
    for (const [key, path] of wanted) {
      const told = this.#told.get(key);
      if (told === undefined || !samePath(told, path)) lines.push(`${key} ${pathText(path)}`);
    }
    for (const key of this.#told.keys()) if (!wanted.has(key) && here(key)) lines.push(`${key} -`);
    this.#told = wanted;
    if (lines.length > 0) write("lines", lines.join("\n"));
  }

  /** The lines that were set or used; those from one end, or from one to another. Ends that are not there have none. */
  pairs(from: string | null = null, to: string | null = null): PairView[] {
    if (this.#others === null || [from, to].some((end) => end !== null && !this.#numbers.has(end))) return [];
    const which = [from, from === null ? null : to].filter((end) => end !== null).join(" ");
    const views = this.#router.read("switch.lines", which).split("\n").filter(Boolean).map(pairView);
    return to === null ? views : views.filter((view) => view.to === to);
  }

  /** Packets that the switch has dropped, and the devices of its ports lost, since it was last changed. */
  get lost(): number {
    const kernel = [...this.#kernel.values()].flatMap((devices) => Object.values(devices.counters()));
    const devices = [...this.#ports.values()].map((port) => port.counters()).concat(kernel);
    let total = devices.reduce((sum, counters) => sum + lossesOf(counters), 0);
    for (const e of this.#router.elements)
      for (const name of Object.keys(e.spec.drops ?? {})) total += e.memory.get64(e.counterAddress(name));
    return total;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#world.simulation?.remove(this.#router);
    await this.#running;
    this.#router.close();
  }

  async #connect(): Promise<void> {
    const ports = [...this.#ports.keys(), ...this.#kernel.keys()];
    for (const name of this.#numbers.keys()) if (!ports.includes(name)) this.#numbers.delete(name);
    for (const name of ports) if (!this.#numbers.has(name)) this.#numbers.set(name, this.#count++);
    const text = switchGraph(this.#numbers);
    if (this.#started) await this.#router.swap(text);
    else await this.#router.start(text);
    if (ports.length === 0) {
      this.#others = null;
      this.#told.clear();
    } else this.#tell();
    if (this.#started) return;
    this.#started = true;
    if (this.#world.simulation === null) this.#running = this.#router.run(this.#stop.signal);
    else this.#world.simulation.add(this.#router);
  }
}

/** A line of the switch's `lines`. */
function pairView(text: string): PairView {
  const [from, to, delay, jitter, loss, state, own, packets, lost, downs, no_room] = text.split(" ");
  return {
    from,
    to,
    delay: Number(delay),
    jitter: Number(jitter),
    loss: Number(loss),
    cut: state === "down",
    own: own === "own",
    packets: Number(packets),
    lost: Number(lost),
    downs: Number(downs),
    no_room: Number(no_room),
  };
}

/** A switch: a frame leaves where its station is, or on all ports but the one it came in on. */
function switchGraph(numbers: ReadonlyMap<string, number>): string {
  if (numbers.size === 0) return "";
  const names = [...numbers.keys()];
  const line = ([name, n]: readonly [string, number], i: number): string =>
    `FromDevice(${name}) -> [${i}] switch [${i}] -> to${n} :: Queue(1000) -> ToDevice(${name});`;
  return [`switch :: LineSwitch(${names.join(", ")});`, ...[...numbers].map(line)].join("\n");
}
