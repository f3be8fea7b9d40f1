// The service of follow-me-cloud.yaml in simulated time, and what its functions say to one another: each message when it
// arrives.

import { fileURLToPath } from "node:url";
import { SLOT_DATA, SLOT_LENGTH } from "../../../assembly/layout.js";
import { type AgentMessage, readAgentMessage } from "../../../src/cloud/agent/agent-message.js";
import { addressText } from "../../../src/net/address.js";
import type { Batch } from "../../../src/packet/batch.js";
import type { ServiceDescriptor } from "../../../src/vnf/descriptor/model.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { InlineInstance } from "../../../src/vnf/instance/inline.js";
import { Service } from "../../../src/vnf/service/service.js";
import { SimulatedWorld } from "../../../src/vnf/world.js";
import { type EidFields, eidPrefix } from "../../../src/wire/lisp-control/address.js";
import { decodeLispControl, type PlainControlMessage } from "../../../src/wire/lisp-control/message.js";
import { readUdpPacket, type UdpPacket } from "../../../src/wire/udp-packet.js";
import { moved, withHosts, withParameters } from "../world.js";

const FILE = fileURLToPath(new URL("../../../../conf/services/follow-me-cloud.yaml", import.meta.url));

/** Elements that control messages are pushed to, by function. */
const EARS: readonly (readonly [name: RegExp, element: string])[] = [
  [/^(ms|xtr\d|fmc)$/, "control"],
  [/^fmc$/, "migration"],
  [/^agent\d$/, "agent"],
];

const NAMES: Readonly<Record<string, string>> = {
  "10.0.0.1": "xtr1",
  "10.0.0.2": "xtr2",
  "10.0.0.3": "xtr3",
  "10.0.0.4": "xtr4",
  "10.0.0.50": "fmc",
  "10.0.0.100": "ms",
  "10.0.0.110": "agent1",
  "10.0.0.111": "agent2",
};

export const USER = { 4: "192.168.1.10", 6: "fd01::10" } as const;
export const VM = { 4: "192.168.3.10", 6: "fd03::10" } as const;
/** The tunnel router of each data centre. */
export const ROUTER = { dc1: "xtr3", dc2: "xtr4" } as const;
export const AGENT = { dc1: "agent1", dc2: "agent2" } as const;
export type DataCentre = "dc1" | "dc2";

export interface Heard {
  /** Simulated second at which it arrives. */
  readonly at: number;
  /** `xtr2 to ms: map-register 192.168.1.10/32`. */
  readonly text: string;
}

export interface Options {
  /** Parameters of the controller. */
  readonly fmc?: Readonly<Record<string, string>>;
  /** Of the hosts. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** Of the Map-Server. */
  readonly ms?: Readonly<Record<string, string>>;
  /** Of the tunnel routers. */
  readonly routers?: Readonly<Record<string, string>>;
}

export class FollowMeCloud {
  readonly world: SimulatedWorld;
  readonly service: Service;
  readonly heard: Heard[] = [];
  /** What the service tells: `vm1 migration 1 at dc2: resumed`. */
  readonly told: Heard[] = [];

  private constructor(world: SimulatedWorld, service: Service) {
    this.world = world;
    this.service = service;
    service.events.watch((e) => {
      this.told.push({ at: this.now, text: `${e.about} ${e.message}` });
      if (e.kind === "state" && e.message === "started") this.#listen(e.about);
    });
  }

  /** Up, with all registered, and the user in subnet 1. */
  static async up({ fmc = {}, hosts = {}, ms = {}, routers = {} }: Options = {}): Promise<FollowMeCloud> {
    const world = new SimulatedWorld(1);
    let descriptor = withHosts(readDescriptor(FILE), { RATE: "0", VERBOSE: "false", ...hosts });
    descriptor = withParameters(withParameters(descriptor, "fmc", fmc), "ms", ms);
    for (const name of ["xtr1", "xtr2", "xtr3", "xtr4"])
      descriptor = withParameters(descriptor, name, routers);
    const cloud = new FollowMeCloud(world, await Service.instantiate(descriptor, { world }));
    await cloud.service.start();
    await cloud.run(8);
    return cloud;
  }

  get now(): number {
    return this.world.now();
  }

  run(seconds: number): Promise<void> {
    return this.world.simulation.runFor(seconds);
  }

  /** Runs in steps until it is so, at most so many seconds. */
  async until(what: string, so: () => boolean | Promise<boolean>, most = 30, step = 0.01): Promise<void> {
    for (const end = this.now + most; this.now < end; await this.run(step)) if (await so()) return;
    throw new Error(`not in ${most} s: ${what}`);
  }

  async read(name: string, path: string, parameters?: string): Promise<string> {
    const request = parameters === undefined ? { path } : { path, parameters };
    return (await this.service.function(name).request("read", request)).trim();
  }

  async number(name: string, path: string): Promise<number> {
    return Number(await this.read(name, path));
  }

  async write(name: string, path: string, value = ""): Promise<void> {
    await this.service.function(name).request("write", { path, value });
  }

  /** The user goes to another subnet: 1 or 2. */
  async move(subnet: 1 | 2): Promise<void> {
    await this.service.apply(moved(this.service.descriptor, "user1", `subnet${subnet}`));
  }

  /** Other round-trip times on the core link from now on, seconds: `fmc-agent2` between these two. */
  async times(rtt: Readonly<Record<string, number>>): Promise<void> {
    await this.service.apply(withTimes(this.service.descriptor, rtt));
  }

  /** The virtual machine goes to a data centre, and is there: the `number`th migration. */
  async migrate(number: number, dc: DataCentre, arm = ""): Promise<void> {
    await this.write("fmc", "migration.migrate", `vm1 ${dc} ${arm}`.trim());
    await this.settled(number);
  }

  /** State of the migration with a number; "": there is none. */
  async state(number: number): Promise<string> {
    const lines = (await this.read("fmc", "migration.status")).split("\n");
    return lines.find((line) => line.startsWith(`${number} `))?.split(" ")[5] ?? "";
  }

  /** Until the migration with a number has ended at its target. */
  settled(number: number): Promise<void> {
    return this.until(`migration ${number} is settled`, async () => (await this.state(number)) === "settled");
  }

  /** Until such a message arrives: to the next millisecond. */
  async message(what: RegExp): Promise<void> {
    const from = this.heard.length;
    let next = from;
    await this.until(
      `${what}`,
      () => {
        const found = this.heard.slice(next).some(({ text }) => what.test(text));
        next = this.heard.length;
        return found;
      },
      30,
      0.001,
    );
  }

  /** The first message, or thing told, from a second on that looks so; throws where there is none. */
  first(what: RegExp, from = 0, among: readonly Heard[] = this.heard): Heard {
    const found = among.find(({ at, text }) => at >= from && what.test(text));
    if (found === undefined) throw new Error(`nothing like ${what} since ${from} s`);
    return found;
  }

  #listen(name: string): void {
    const { instance } = this.service.function(name);
    if (!(instance instanceof InlineInstance)) throw new Error(`${name} does not run inline`);
    for (const [who, element] of EARS) {
      const found = who.test(name) ? instance.router.find(element) : null;
      if (found === null || found === undefined) continue;
      const push = found.push.bind(found);
      found.push = (port: number, batch: Batch): void => {
        // What comes by way of `control` was heard there.
        if (element !== "migration" || port === 0) this.#hear(name, batch);
        push(port, batch);
      };
    }
  }

  #hear(name: string, batch: Batch): void {
    const { u8, u32 } = batch.memory;
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i) >>> 2;
      const data = u32[slot + (SLOT_DATA >>> 2)];
      const udp = readUdpPacket(u8.slice(data, data + u32[slot + (SLOT_LENGTH >>> 2)]));
      const from = NAMES[addressText(udp.source)] ?? addressText(udp.source);
      this.heard.push({ at: this.now, text: `${from} to ${name}: ${textOf(udp)}` });
    }
  }

  async end(): Promise<void> {
    await this.service.terminate();
  }
}

/** `descriptor`, with other round-trip times on the core link. */
function withTimes(descriptor: ServiceDescriptor, rtt: Readonly<Record<string, number>>): ServiceDescriptor {
  const core = descriptor.links.get("core")!;
  const other = new Map(
    Object.entries(rtt).flatMap(([pair, seconds]) => {
      const [a, b] = pair.split("-");
      return [
        [`${a}:core ${b}:core`, seconds / 2],
        [`${b}:core ${a}:core`, seconds / 2],
      ];
    }),
  );
  const pairs = core.pairs.map((pair) => {
    const delay = other.get(`${pair.from} ${pair.to}`);
    other.delete(`${pair.from} ${pair.to}`);
    return delay === undefined ? pair : { ...pair, delay };
  });
  if (other.size > 0) throw new Error(`no pair ${[...other.keys()]}`);
  return { ...descriptor, links: new Map(descriptor.links).set("core", { ...core, pairs }) };
}

function textOf(udp: UdpPacket): string {
  if (udp.destinationPort === 4344 || udp.sourcePort === 4344)
    return agentText(readAgentMessage(udp.payload));
  const message = decodeLispControl(udp.payload);
  if (message.type !== "encapsulated-control") return controlText(message);
  return message.inner === null ? "encapsulated" : controlText(message.inner.message);
}

function controlText(message: PlainControlMessage): string {
  const eids = "records" in message ? message.records.map((r) => eidText(r)).join(" ") : "";
  if (message.type !== "change-priority") return `${message.type} ${eids}`;
  const { role, event, acknowledges } = message;
  return acknowledges ? `ack of ${role} ${event}` : `${role} ${event} ${eids}`;
}

function eidText(record: EidFields): string {
  const prefix = eidPrefix(record);
  return prefix === null ? "?" : `${addressText(prefix.eid.address)}/${prefix.eid.length}`;
}

function agentText({ kind, body }: AgentMessage): string {
  if (kind === "acknowledgement" || kind === "answer") return kind;
  const fields = JSON.parse(new TextDecoder().decode(body));
  return `${kind} ${fields.op ?? fields.kind}`;
}
