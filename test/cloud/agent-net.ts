// What tests of agents share: routers with an agent or a controller each, in simulated time, on a network whose delays
// and losses the test chooses.

import { AGENT_PORT } from "../../src/cloud/agent/agent-message.js";
import { RemoteHypervisor, type RemoteVerdict } from "../../src/cloud/agent/remote-hypervisor.js";
import { simulatedHypervisor } from "../../src/cloud/hypervisors/make-simulated.js";
import {
  BATCH_MAX,
  type Batch,
  Element,
  type ElementClass,
  Facilities,
  HYPERVISOR,
  type Hypervisor,
  HypervisorError,
  type HypervisorEvent,
  Loader,
  Packet,
  Router,
  Simulation,
} from "../../src/index.js";
import { NonceCounter } from "../../src/lisp/control/nonce-policy.js";
import { addressText, findAddress } from "../../src/net/address.js";
import { TimerGroup } from "../../src/router/timer-group.js";
import { DatagramChannel } from "../../src/transport/datagram-channel.js";
import { WireError } from "../../src/wire/error.js";
import { readUdpPacket } from "../../src/wire/udp-packet.js";

/** A router's end of the network. */
export class Uplink extends Element {
  static readonly spec = { ports: "1/1", processing: "h/h" } as const;
  readonly #waiting: Uint8Array[] = [];
  readonly #packet = new Packet(this.memory);
  readonly #task = this.newTask(() => this.#run());
  carry: (bytes: Uint8Array) => void = () => {};

  override push(_port: number, batch: Batch): void {
    for (let i = 0; i < batch.count; i++) this.carry(Uint8Array.from(this.#packet.at(batch.at(i)).bytes()));
    batch.kill();
  }

  take(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#task.reschedule();
  }

  #run(): boolean {
    const batch = this.router.batches.acquire();
    for (const bytes of this.#waiting.splice(0, BATCH_MAX)) {
      const slot = this.memory.kernels.poolTakeFor(bytes.length);
      this.#packet.at(slot).setBytes(bytes);
      batch.add(slot);
    }
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
    if (this.#waiting.length > 0) this.#task.reschedule();
    return true;
  }
}

/** Speaks with agents for the test. */
export class TestController extends Element {
  static readonly spec = { ports: "1/1", processing: "h/h" } as const;
  readonly #channel = new DatagramChannel(this);
  readonly #timers = new TimerGroup(this);
  readonly remotes: RemoteHypervisor[] = [];
  readonly verdicts: RemoteVerdict[] = [];

  override initialize(): void {
    this.router.useTurns();
  }

  remote(own: string, agent: string, secret: string, nonce: () => bigint, id: number): RemoteHypervisor {
    const host = {
      clock: this.router.clock,
      addresses: [address(own)],
      port: AGENT_PORT,
      timer: (fire: () => void) => this.#timers.timer(fire),
      send: (datagram: Parameters<DatagramChannel["send"]>[0]) => this.#channel.send(datagram, 0),
      random64: () => 1n,
      log: (line: string) => this.router.log(line),
    };
    const key = { id, secret: Buffer.from(secret) };
    const remote = new RemoteHypervisor(host, { address: address(agent), key, nonce });
    this.remotes.push(remote);
    return remote;
  }

  override push(_port: number, batch: Batch): void {
    this.#channel.receive(batch, (datagram) => {
      if (datagram instanceof WireError) throw datagram;
      const verdicts = this.remotes.map((remote) => remote.receive(datagram));
      this.verdicts.push(verdicts.find((verdict) => verdict !== "other") ?? "other");
    });
  }
}

export function address(text: string): Uint8Array {
  return findAddress(text)!;
}

/** What becomes of a packet: seconds after which it arrives, several times or not at all. */
export type Fate = (from: string, to: string, bytes: Uint8Array) => readonly number[];

/** An event, as it came to the controller. */
export interface Told extends HypervisorEvent {
  /** Seconds of the simulation. */
  readonly came: number;
}

export class Net {
  readonly simulation: Simulation;
  readonly log: string[] = [];
  readonly #routers = new Map<string, Router>();
  /** Datagrams that were sent, for those who would repeat them. */
  readonly sent: {
    readonly from: string;
    readonly to: string;
    readonly bytes: Uint8Array;
    /** Seconds. */
    readonly at: number;
  }[] = [];
  fate: Fate;

  /** `delay`: seconds from one to the other, unless `fate` says otherwise. */
  constructor(delay = 0.005, seed = 1) {
    this.simulation = new Simulation(seed);
    this.fate = () => [delay];
  }

  get now(): number {
    return this.simulation.clock.now() / 1e9;
  }

  /** A router at `ip` (several words: its addresses) with `element :: CONFIG`; replaces the one that was there. */
  start(ip: string, config: string, hypervisor?: () => Hypervisor): Promise<Router> {
    return this.startText(ip, `net :: Uplink -> element :: ${config} -> net`, { hypervisor });
  }

  /** The same with any text that has `net :: Uplink`, and more classes. */
  async startText(
    ip: string,
    text: string,
    {
      hypervisor,
      classes = [],
    }: {
      readonly hypervisor?: (() => Hypervisor) | undefined;
      readonly classes?: readonly ElementClass[];
    } = {},
  ): Promise<Router> {
    const loader = new Loader();
    for (const one of classes) loader.add(one, one.name);
    loader.add(Uplink, "Uplink");
    loader.add(TestController, "TestController");
    const router = await Router.fromText(text, {
      loader,
      clock: this.simulation.clock,
      // As in services: one that begins anew draws the same numbers again.
      seed: Number(/\d+$/.exec(ip)?.[0] ?? 0),
      memory: { slots: 1024 },
      log: (line) => this.log.push(line),
      facilities: new Facilities().add(HYPERVISOR, {
        simulated: simulatedHypervisor,
        ...(hypervisor && { test: hypervisor }),
      }),
    });
    this.join(ip, router);
    this.simulation.add(router);
    return router;
  }

  /** The router's Uplink is at these addresses; to be called again after a hot swap. */
  join(ip: string, router: Router): void {
    for (const one of ip.split(" ")) {
      this.#routers.set(one, router);
    }
    (router.find("net") as Uplink).carry = (bytes) => this.#carry(bytes);
  }

  #carry(bytes: Uint8Array): void {
    const { source, destination } = readUdpPacket(bytes);
    const [from, to] = [addressText(source), addressText(destination)];
    this.sent.push({ from, to, bytes, at: this.now });
    for (const delay of this.fate(from, to, bytes)) this.deliver(to, bytes, delay);
  }

  /** Has bytes arrive at `to` after `delay` seconds. */
  deliver(to: string, bytes: Uint8Array, delay = 0): void {
    this.simulation.schedule(this.simulation.clock.now() + Math.round(delay * 1e9), () => {
      const router = this.#routers.get(to);
      if (router !== undefined && !router.closed) (router.find("net") as Uplink).take(bytes);
    });
  }

  router(ip: string): Router {
    return this.#routers.get(ip)!;
  }

  agent(ip: string, options = "", driver = "simulated"): Promise<Router> {
    const addresses = ip.split(" ").map((one) => `ADDR ${one}`);
    return this.start(ip, `HypervisorAgent("${driver}", ${addresses.join(", ")}, KEY 1:secret${options})`);
  }

  async controller(ip: string): Promise<TestController> {
    return (await this.start(ip, "TestController")).find("element") as TestController;
  }

  /** A controller at `ip` and its view of the agent at `agent`; what that tells is put into `told`. */
  async remote(
    ip: string,
    agent: string,
    { secret = "secret", nonce = 1n }: { readonly secret?: string; readonly nonce?: bigint } = {},
  ): Promise<{
    readonly hypervisor: RemoteHypervisor;
    readonly told: Told[];
    readonly controller: TestController;
  }> {
    const controller = await this.controller(ip);
    return { controller, ...this.watch(controller, ip, agent, secret, nonce) };
  }

  watch(
    controller: TestController,
    ip: string,
    agent: string,
    secret = "secret",
    nonce = 1n,
    id = 1,
  ): { readonly hypervisor: RemoteHypervisor; readonly told: Told[] } {
    const counter = new NonceCounter(nonce);
    const hypervisor = controller.remote(ip, agent, secret, () => counter.next(), id);
    const told: Told[] = [];
    hypervisor.onEvent((event) => told.push({ ...event, came: this.now }));
    return { hypervisor, told };
  }

  /** Lets `seconds` pass. */
  run(seconds: number): Promise<void> {
    return this.simulation.runFor(seconds);
  }

  /** What `work` comes to within `seconds`: its value, or the code of its HypervisorError; "pending" where it has not. */
  async outcome<T>(work: Promise<T>, seconds = 2): Promise<T | string> {
    let result: T | string = "pending";
    work.then(
      (value) => {
        result = value;
      },
      (e) => {
        if (!(e instanceof HypervisorError)) throw e;
        result = e.code;
      },
    );
    await this.run(seconds);
    return result;
  }

  close(): void {
    for (const router of new Set(this.#routers.values())) router.close();
  }
}

/** Events as `kind guest@seconds`, rounded to a millisecond. */
export function eventTexts(told: readonly Told[]): readonly string[] {
  return told.map(({ kind, guest, came }) => `${kind} ${guest}@${came.toFixed(3)}`);
}
