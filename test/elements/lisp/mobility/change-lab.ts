// Tunnel routers that talk by Change-Priority messages, in one router: the test is the network between them.

import { Element, Loader, Router, SimulatedClock } from "../../../../src/index.js";
import { type Mapping, parseRloc } from "../../../../src/lisp/mapping.js";
import { HostTable } from "../../../../src/lisp/mobility/host-table.js";
import type { MobilityOffer } from "../../../../src/lisp/offers/lisp-offers.js";
import { addressText, sameAddress } from "../../../../src/net/address.js";
import type { Offers } from "../../../../src/router/offers.js";
import type { ChangePriority } from "../../../../src/wire/lisp-control/change-priority.js";
import { decodeLispControl } from "../../../../src/wire/lisp-control/message.js";
import { readUdpPacket, type UdpPacket } from "../../../../src/wire/udp-packet.js";
import { Bench, Feed, Sink } from "../harness.js";

type Locators = Mapping["locators"];

/** A LISPMobility that says what it is asked to do. */
export class Hosted extends Element implements MobilityOffer {
  static readonly spec = {
    ports: "0/0",
    args: { IID: { type: "unsigned", default: "0", doc: "instance ID" } },
  } as const;
  readonly table = new HostTable(this.memory);
  readonly did: string[] = [];
  readonly here = new Set<string>();
  readonly peers = new Map<string, string[]>();
  readonly #armed = new Map<string, { readonly locators: Locators; readonly until: number }>();
  /** Whether there is room for an EID more. */
  room = true;
  iid = 0;

  override configure(values: { readonly IID: number }): void {
    this.iid = values.IID;
  }
  override offers(): Partial<Offers> {
    return { LISPMobility: this };
  }
  override cleanup(): void {
    this.table.destroy();
  }
  watchHomes(): void {}
  reported(): void {}

  expect(eid: Uint8Array, patience: number): boolean {
    this.did.push(`expect ${addressText(eid)} ${patience}`);
    return this.room;
  }
  claim(eid: Uint8Array): boolean {
    this.did.push(`claim ${addressText(eid)}`);
    if (this.room) this.here.add(addressText(eid));
    return this.room;
  }
  arm(eid: Uint8Array, locators: Locators, patience: number): boolean {
    this.did.push(`arm ${addressText(eid)} ${text(locators)} ${patience}`);
    if (this.room)
      this.#armed.set(addressText(eid), { locators, until: this.router.clock.now() + patience * 1e9 });
    return this.room;
  }
  release(eid: Uint8Array, given: Locators | null): boolean {
    const name = addressText(eid);
    const armed = (this.#armed.get(name)?.until ?? 0) > this.router.clock.now();
    this.did.push(`release ${name} ${given === null ? "armed" : text(given)}`);
    return (given !== null || armed) && this.here.delete(name);
  }
  cancel(eid: Uint8Array): void {
    this.did.push(`cancel ${addressText(eid)}`);
    this.#armed.delete(addressText(eid));
  }
  peersOf(eid: Uint8Array): Uint8Array[] {
    return (this.peers.get(addressText(eid)) ?? []).map(parseRloc);
  }
  hosts(eid: Uint8Array): boolean {
    return this.here.has(addressText(eid));
  }
}

function text(locators: Locators): string {
  return locators.map(({ rloc }) => addressText(rloc)).join(" ");
}

/** What reaches a node, and from whom. */
export interface Travelling extends UdpPacket {
  readonly bytes: Uint8Array;
  readonly message: ChangePriority;
}

export const TRUST = "key 1:secret eid 192.168.0.0/16 eid fd01::/16";

export interface NetworkOptions {
  /** More arguments of each node's element; TRUST where there is none in them. And of its map-cache. */
  readonly args: (n: number) => string;
  readonly cache: (n: number) => string;
  readonly count: number;
  readonly log: (line: string) => void;
  readonly iid: number;
  /** The node that is a proxy; 0: none. */
  readonly proxy: number;
}

/**
 * Nodes 1 to `count`, 10.0.0.N and fd00::N: element `cN`, its map-cache `cacheN`, what it hosts `hN`, its site's SMRs to sink
 * `mN`.
 */
export class ChangeNetwork {
  readonly bench: Bench;
  readonly #count: number;
  /** Every message that was sent. */
  readonly seen: Travelling[] = [];
  /** What the network does with a message; true: it is lost. */
  lose: (message: Travelling) => boolean = () => false;

  private constructor(bench: Bench, count: number) {
    this.bench = bench;
    this.#count = count;
  }

  static async make(options: Partial<NetworkOptions> = {}): Promise<ChangeNetwork> {
    const { args = () => "", count = 4, log = () => {}, iid = 0, cache = () => "", proxy = 0 } = options;
    const loader = new Loader();
    for (const [name, made] of Object.entries({ Hosted, Feed, Sink })) loader.add(made, name);
    const clock = new SimulatedClock();
    const router = await Router.fromText(configuration({ args, count, log, iid, cache, proxy }), {
      loader,
      clock,
      log,
      memory: { slots: 1024 },
    });
    return new ChangeNetwork(Bench.around(router, clock), count);
  }

  hosted(n: number): Hosted {
    return this.bench.router.find(`h${n}`) as Hosted;
  }

  /** Lets time pass, and messages travel for 10 ms each. */
  run(seconds: number): void {
    for (let i = Math.round(seconds * 100); i > 0; i--) {
      this.bench.router.runFor(0.01);
      for (let n = 1; n <= this.#count; n++)
        for (const { bytes } of this.bench.take(`s${n}`)) this.travel(bytes);
    }
  }

  travel(bytes: Uint8Array): void {
    const datagram = readUdpPacket(bytes);
    const message = decodeLispControl(datagram.payload);
    if (message.type !== "change-priority") throw new Error(`a ${message.type}`);
    const travelling = { ...datagram, bytes, message };
    this.seen.push(travelling);
    if (!this.lose(travelling)) this.deliver(bytes);
  }

  /** Gives a packet to the node that it is for. */
  deliver(bytes: Uint8Array): void {
    const { destination } = readUdpPacket(bytes);
    for (let n = 1; n <= this.#count; n++)
      if (nodeAddresses(n).some((a) => sameAddress(parseRloc(a), destination)))
        this.bench.push(`c${n}`, [bytes]);
  }

  /** Who said what to whom, since it was asked last: `4>2 hypervisor arrived`, with `!STATUS` where it is an answer. */
  said(): string[] {
    return this.seen.splice(0).map(({ source, destination, message }) => {
      const answer = message.acknowledges ? ` !${message.status}` : "";
      return `${source.at(-1)}>${destination.at(-1)} ${message.role} ${message.event}${answer}`;
    });
  }

  /** Has node 4 say it, as a controller would, and lets it travel. Returns what was answered. */
  async say(to: string, what: string, eid: string, ...locators: string[]): Promise<string> {
    const [role, event] = what.split(" ");
    await this.bench.router.write("c4.send", [to, role, event, eid, ...locators].join(" "));
    this.run(1);
    return this.bench.read("c4.outcomes").split("\n").at(-1)!.split(": ").slice(1).join(": ");
  }

  counts(n: number, ...names: string[]): string[] {
    return names.map((name) => this.bench.read(`c${n}.${name}`));
  }

  /** Each EID that a map-cache has, with where it is. */
  cached(n: number): string[] {
    const lines = this.bench.read(`cache${n}.table`).split("\n");
    return lines.filter((line) => line !== "").map((line) => line.split(" ").slice(0, 2).join(" "));
  }

  close(): void {
    this.bench.close();
  }
}

export function nodeAddresses(n: number): string[] {
  return [`10.0.0.${n}`, `fd00::${n}`];
}

function configuration({ args, count, iid, cache, proxy }: NetworkOptions): string {
  let all = "";
  for (let n = 1; n <= count; n++) {
    const more = args(n);
    const trust = more.includes("TRUST") ? "" : `, TRUST ${TRUST}`;
    all += `
      site${n} :: LISPSite(192.168.0.0/16 10.0.0.${n}, fd01::/16 10.0.0.${n} fd00::${n}, IID ${iid});
      Idle -> cache${n} :: LISPMapCache(IID ${iid}, 192.168.77.1/32 10.0.0.77${cache(n)}) -> Discard;
      smr${n} :: LISPSMRSender(site${n}, RLOC 10.0.0.${n}, RLOC fd00::${n}) -> m${n} :: Sink;
      h${n} :: Hosted(IID ${iid});
      in${n} :: Feed -> c${n} :: LISPChangePriority(cache${n}, RLOC 10.0.0.${n}, RLOC fd00::${n},
        ${n === proxy ? "" : `MOBILITY h${n}, SITE site${n}, SMR smr${n},`} IID ${iid}${trust}${more}) -> s${n} :: Sink;`;
  }
  return all;
}
