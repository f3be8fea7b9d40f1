// A link with more than two ends: a switch in the middle, itself a router graph, and a wire to each end.

import { lossesOf } from "../../device/counters.js";
import { type LinkDevice, makeLink } from "../../device/link.js";
import { MapProvider, SystemProvider } from "../../device/provider.js";
import { makeSharedLink, type SharedEnd, SharedLinkDevice } from "../../device/shared-link.js";
import type { Loader } from "../../loader.js";
import type { Device } from "../../router/device.js";
import { Router } from "../../router/router.js";
import type { Impairments, LinkDescriptor } from "../descriptor/model.js";
import type { World } from "../world.js";
import { AttachedDevices, type KernelAttached, type LinkEnd } from "./attached.js";
import type { KernelEnd } from "./pairs.js";
import { FLIGHT, linkOptions } from "./wire.js";

/** Packets that the switch itself may hold, and address space for them and its devices; only what is touched costs memory. */
const SLOTS = 4096;
const BYTES = 128 * 2 ** 20;

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

  constructor(link: LinkDescriptor, world: World, loader: Loader) {
    this.#link = link;
    this.#world = world;
    const ports = this.#ports;
    this.#router = new Router({
      loader,
      file: `link ${link.name}`,
      memory: { slots: SLOTS, bytes: BYTES },
      clock: world.simulation?.clock,
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
  async plug(name: string, mac: Uint8Array, impairments: Impairments): Promise<LinkEnd> {
    const [end, port] = makeLink({
      ...linkOptions(halved(impairments), this.#link.mtu, this.#world),
      names: [this.#link.name, name],
      macs: [mac, mac],
    });
    this.#ports.set(name, port);
    await this.#connect();
    return end;
  }

  /** Adds an end for another thread. */
  async plugShared(name: string, mac: Uint8Array, impairments: Impairments): Promise<SharedEnd> {
    const names = [this.#link.name, name] as const;
    const [end, port] = makeSharedLink({ mtu: this.#link.mtu, flight: FLIGHT, names, macs: [mac, mac] });
    this.#ports.set(name, new SharedLinkDevice(port, halved(impairments)));
    await this.#connect();
    return end;
  }

  /** Adds an end in another process; `port` is the other end of its pair, here. */
  async plugKernel(name: string, port: KernelEnd, impairments: Impairments): Promise<void> {
    const { device, mac } = port;
    const sending = halved(impairments);
    const attached: KernelAttached = {
      name,
      device,
      mac,
      mtu: this.#link.mtu,
      impairments: sending,
      cut: false,
    };
    // Functions come and go, which their own log tells: that a port's other end is not there is no news.
    this.#kernel.set(name, new AttachedDevices([attached], new SystemProvider()));
    await this.#connect();
  }

  async unplug(name: string): Promise<void> {
    const gone = this.#ports.get(name) ?? this.#kernel.get(name);
    this.#ports.delete(name);
    this.#kernel.delete(name);
    await this.#connect();
    gone?.close();
  }

  /** The half of what the link does to packets that lies behind the switch. */
  impair(impairments: Impairments, cut: boolean): void {
    for (const port of this.#ports.values()) port.impair(halved(impairments), cut);
    for (const [name, kernel] of this.#kernel) kernel.impair(name, halved(impairments), cut);
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
    const text = switchGraph([...this.#ports.keys(), ...this.#kernel.keys()]);
    if (this.#started) {
      await this.#router.swap(text);
      return;
    }
    this.#started = true;
    await this.#router.start(text);
    if (this.#world.simulation === null) this.#running = this.#router.run(this.#stop.signal);
    else this.#world.simulation.add(this.#router);
  }
}

/** What each of two wires in a row does, so that both together do what `i` says. */
export function halved(i: Impairments): Impairments {
  return { ...i, delay: i.delay / 2, jitter: i.jitter / 2, loss: 1 - Math.sqrt(1 - i.loss) };
}

/** A switch: a frame leaves where its station is, or on all ports but the one it came in on. */
function switchGraph(ports: readonly string[]): string {
  if (ports.length < 2) return ports.map((p) => `FromDevice(${p}) -> Discard;`).join("\n");
  const line = (p: string, i: number): string =>
    `FromDevice(${p}) -> [${i}] switch [${i}] -> to_${id(p)} :: Queue(1000) -> ToDevice(${p});`;
  return ["switch :: EtherSwitch;", ...ports.map(line)].join("\n");
}

function id(port: string): string {
  return port.replaceAll("-", "_");
}
