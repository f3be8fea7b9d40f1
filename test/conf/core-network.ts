// A core with a Map-Server, two sites that ask, and one that changes, with one or two tunnel routers: in simulated time,
// with control messages that get lost as a test wants.

import { SLOT_DATA, SLOT_LENGTH } from "../../assembly/layout.js";
import type { LinkDevice } from "../../src/device/link.js";
import { coversPrefix, findPrefix } from "../../src/net/prefix.js";
import type { Batch } from "../../src/packet/batch.js";
import { WireError } from "../../src/wire/error.js";
import { type LispControlMessage, receiveLispControl } from "../../src/wire/lisp-control/message.js";
import { readUdpPacket } from "../../src/wire/udp-packet.js";
import { addSite, Network } from "./network.js";

const CONTROL_PORT = 4342;
const ETHERNET = 14;

/** Where a message is from, and where it goes: 4 or 16 bytes. */
export interface Sent {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
}

export interface CoreOptions {
  /** The Map-Server answers for the site that changes. */
  readonly proxy: boolean;
  readonly pubsub: boolean;
  /** Two tunnel routers register for that site, each its own locator, and merge. */
  readonly shared: boolean;
  /** Part of all packets that each link loses. */
  readonly loss?: number;
}

function weightIn(text: string): number | null {
  const weight = /10\.0\.0\.2\/1\/(\d+)/.exec(text)?.[1];
  return weight === undefined ? null : Number(weight);
}

/** Tunnel routers `xtr1` and `xtr3` ask for the EIDs of site 2, whose tunnel routers are `xtr2` and perhaps `xtr4`. */
export class Core {
  readonly itrs = ["xtr1", "xtr3"] as const;
  readonly network = new Network();
  /** Whether a control message that is sent into the core gets lost. */
  lose: (message: LispControlMessage, sent: Sent) => boolean = () => false;

  static async start({ proxy, pubsub, shared, loss = 0 }: CoreOptions): Promise<Core> {
    const core = new Core();
    const n = core.network;
    const key = pubsub ? "shared" : '""';
    const links = [1, 2, 3, 4, 100].map((i) => n.link("core", `port${i}`, loss));
    const ports = links.map(([, port]) => port);
    // What comes in on one port leaves on the others.
    const hub = ports.map(({ name }) => `to_${name} :: Queue(1000) -> ToDevice(${name});`);
    for (const port of ports) {
      const others = ports.filter((p) => p !== port).map((p) => `to_${p.name}`);
      hub.push(`FromDevice(${port.name}) -> Tee => ${others.join(", ")};`);
    }
    await n.make(
      "hub",
      hub.join("\n"),
      ports.map((port) => [port.name, port] as const),
    );
    const devices = links.map(([device]) => core.#lossy(device));
    const site = (i: number): string =>
      `s${i} key labkey${i} eid 192.168.${i}.0/24 more eid fd0${i}::/64 more`;
    await n.make("ms", "map-server.click", [["core", devices[4]]], {
      SITES: [1, 2, 3].map(site).join(", "),
      PUBSUB_KEY: key,
    });
    for (const i of shared ? [1, 2, 3, 4] : [1, 2, 3]) {
      const of = i === 4 ? 2 : i;
      const options = of === 2 && shared ? " merge" : "";
      await addSite(
        n,
        i,
        { site: n.link("eth0", "site")[1], core: devices[i - 1] },
        {
          EID4: `192.168.${of}.${i}`,
          EID4_NET: `192.168.${of}.0/24`,
          EID6: `fd0${of}::${i}`,
          EID6_NET: `fd0${of}::/64`,
          MAP_RESOLVER: "10.0.0.100",
          PUBSUB_KEY: key,
          MAP_SERVER: `10.0.0.100 key labkey${of}${proxy ? " proxy-reply" : ""}${options}`,
        },
      );
    }
    core.run(loss > 0 ? 60 : 5);
    // Who has whom for a peer: with two tunnel routers each has one of those that ask.
    await core.ask("xtr1", "192.168.2.10/32");
    await core.ask("xtr3", "192.168.2.10/32");
    await core.ask("xtr2", "192.168.1.10/32");
    await core.ask(shared ? "xtr4" : "xtr2", "192.168.3.10/32");
    core.run(loss > 0 ? 60 : 5);
    return core;
  }

  async ask(xtr: string, eid: string): Promise<void> {
    await this.network.routers.get(xtr)!.write("resolver.ask", eid);
  }

  /** Has xTR 2 register a prefix of its site with another weight of its locator. */
  async change(weight: number, prefix = "192.168.2.0/24"): Promise<void> {
    await this.network.routers.get("xtr2")!.write("own.add", `${prefix} 10.0.0.2/1/${weight}`);
  }

  async remove(prefix: string): Promise<void> {
    if (this.network.read("xtr2", "own.table").includes(`${prefix} `))
      await this.network.routers.get("xtr2")!.write("own.remove", prefix);
  }

  /** The weight that a tunnel router has for xTR 2's locator in the mapping of an address; null: it has no such mapping. */
  weightAt(xtr: string, address = "192.168.2.10"): number | null {
    return weightIn(this.network.routers.get(xtr)!.read("cache.lookup", address));
  }

  /** The same of the longest prefix around an address that is registered with the Map-Server. */
  registeredWeight(address: string): number | null {
    const lines = this.network.read("ms", "ms.registrations").split("\n");
    const whole = findPrefix(`${address}/32`)!;
    let best: { readonly length: number; readonly line: string } | null = null;
    for (const line of lines) {
      const prefix = findPrefix(line.split(" ")[0]);
      if (prefix === null || !coversPrefix(prefix, whole)) continue;
      if (prefix.length > (best?.length ?? -1)) best = { length: prefix.length, line };
    }
    return best === null ? null : weightIn(best.line);
  }

  run(seconds: number): void {
    this.network.simulation.run(seconds);
  }

  close(): void {
    this.network.close();
  }

  /** A device that loses what `lose` says. */
  #lossy(device: LinkDevice): LinkDevice {
    const send = device.send.bind(device);
    device.send = (batch: Batch): number => {
      for (let i = 0; i < batch.count; i++) {
        const slot = batch.at(i);
        const { u8, u32 } = batch.memory;
        const data = u32[(slot + SLOT_DATA) >>> 2];
        const packet = u8.subarray(data, data + u32[(slot + SLOT_LENGTH) >>> 2]);
        // Nobody takes a packet of this type (IEEE 802, for experiments).
        if (this.#isLost(packet)) packet.set([0x88, 0xb5], ETHERNET - 2);
      }
      return send(batch);
    };
    return device;
  }

  #isLost(frame: Uint8Array): boolean {
    const type = (frame[ETHERNET - 2] << 8) | frame[ETHERNET - 1];
    if (type !== 0x0800 && type !== 0x86dd) return false;
    try {
      const { source, destination, sourcePort, destinationPort, payload } = readUdpPacket(
        frame.slice(ETHERNET),
      );
      if (sourcePort !== CONTROL_PORT && destinationPort !== CONTROL_PORT) return false;
      return this.lose(receiveLispControl(payload), { source, destination });
    } catch (e) {
      if (e instanceof WireError || (e as { code?: string }).code !== undefined) return false;
      throw e;
    }
  }
}
