// The service of four-sites.yaml in simulated time, and what is true of it: where its hosts are, what arrives where.

import { fileURLToPath } from "node:url";
import { SLOT_DATA } from "../../../assembly/layout.js";
import type { Batch } from "../../../src/packet/batch.js";
import type { Element } from "../../../src/router/element.js";
import type { ServiceDescriptor } from "../../../src/vnf/descriptor/model.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { InlineInstance } from "../../../src/vnf/instance/inline.js";
import { Service } from "../../../src/vnf/service/service.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";
import { moved, withHosts, withParameters } from "../world.js";

const FILE = fileURLToPath(new URL("../../../../conf/services/four-sites.yaml", import.meta.url));

/** Seconds between two pings of a host, by each family. */
export const PING_INTERVAL = 3;

/** Seconds between two probes of a locator. */
export const PROBE_INTERVAL = Number(readDescriptor(FILE).functions.get("xtr1")!.parameters.PROBE);

/** The sites' links, in the order of their tunnel routers, xtr1 to xtr4. */
export const SITES = ["subnet1", "subnet2", "dc1", "dc2"] as const;
/** The hosts by their homes: host i has 192.168.(i + 1).10 and fd0(i + 1)::10. */
export const HOSTS = ["user1", "user2", "vm1", "vm2"] as const;
export const FAMILIES = ["IPv4", "IPv6"] as const;
/** Whom each pings, as the descriptor has it. */
export const PEERS: readonly number[] = [2, 3, 1, 0];

function descriptor(): ServiceDescriptor {
  const slow = { RATE: "0", PING: String(PING_INTERVAL), VERBOSE: "false" };
  const stored = withParameters(readDescriptor(FILE), "ms", { STORE: "lmdb:registrations" });
  return withHosts(stored, slow);
}

export class FourSites {
  readonly world: SimulatedWorld;
  readonly service: Service;
  /** The site at which each host is. */
  readonly at: number[] = [0, 1, 2, 3];
  /** Packets for each host, by family, that came out of the core at a site where it is not. */
  readonly astray: readonly [number[], number[]] = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ];
  /** Packets from the core to hosts, strays among them, by family. */
  readonly arrived: [number, number] = [0, 0];

  private constructor(world: SimulatedWorld, service: Service) {
    this.world = world;
    this.service = service;
    service.events.watch((e) => {
      if (e.kind !== "state" || e.message !== "started") return;
      const site = /^xtr(\d)$/.exec(e.about);
      if (site !== null) this.#observe(e.about, Number(site[1]) - 1);
    });
  }

  static async up(seed: number): Promise<FourSites> {
    const world = new SimulatedWorld(seed);
    const sites = new FourSites(world, await Service.instantiate(descriptor(), { world }));
    await sites.service.start();
    return sites;
  }

  get now(): number {
    return this.world.now();
  }

  run(seconds: number): Promise<void> {
    return this.world.simulation.runFor(seconds);
  }

  /** Null while the function does not run. */
  async read(name: string, path: string): Promise<string | null> {
    const { instance } = this.service.function(name);
    return instance === null ? null : (await instance.request("read", { path })).trim();
  }

  async move(host: number, site: number): Promise<void> {
    this.at[host] = site;
    await this.service.apply(moved(this.service.descriptor, HOSTS[host], SITES[site]));
  }

  /** Looks at what a tunnel router takes out of LISP packets, before it decides what to do with it. */
  #observe(name: string, site: number): void {
    const { instance } = this.service.function(name);
    if (!(instance instanceof InlineInstance)) throw new Error(`${name} does not run inline`);
    const element: Element = instance.router.find("arrived")!;
    const process = element.process.bind(element);
    element.process = (batch: Batch): void => {
      this.#arrive(batch, site);
      process(batch);
    };
  }

  #arrive(batch: Batch, site: number): void {
    const { u8, u32 } = batch.memory;
    for (let i = 0; i < batch.count; i++) {
      const data = u32[(batch.at(i) + SLOT_DATA) >>> 2];
      const six = u8[data] >> 4 === 6;
      const host = six ? hostOf6(u8, data + 24) : hostOf4(u8, data + 16);
      if (HOSTS[host] === undefined) continue;
      const family = six ? 1 : 0;
      this.arrived[family]++;
      if (this.at[host] !== site) this.astray[family][host]++;
    }
  }
}

/** The host whose address is at `at`; -1: none's. */
function hostOf4(u8: Uint8Array, at: number): number {
  const [a, b, c, d] = u8.subarray(at, at + 4);
  return a === 192 && b === 168 && d === 10 ? c - 1 : -1;
}

function hostOf6(u8: Uint8Array, at: number): number {
  const zero = u8.subarray(at + 2, at + 15).every((byte) => byte === 0);
  return u8[at] === 0xfd && zero && u8[at + 15] === 0x10 ? u8[at + 1] - 1 : -1;
}
