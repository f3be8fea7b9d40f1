// Two xTRs, a Map-Server and a Map-Resolver in one router, with tables that are soon full: where hostile control
// messages go. Every element that takes control messages is here.

import * as layout from "../../../assembly/layout.js";
import { type Batch, Element, type ElementSpec, Loader, Router, SimulatedClock } from "../../../src/index.js";
import { type OnWire, Watched, Wire } from "./ends.js";

/** Addresses of the xTRs and of the Map-Server and -Resolver, by the number of their classifier. */
export const NODES: Readonly<Record<string, number>> = {
  "192.0.2.1": 1,
  "2001:db8:9::1": 1,
  "192.0.2.2": 2,
  "192.0.2.100": 3,
  "2001:db8:9::100": 3,
};

/** Most that each table holds, small enough to be reached. */
const BOUNDS: readonly (readonly [handler: string, most: number])[] = [
  ["cache1.size", 48],
  ["cache2.size", 48],
  ["ask1.pending", 16],
  ["ask2.pending", 16],
  ["ask1.waiting", 20],
  ["ask2.waiting", 20],
  ["smr1.waiting", 2],
  ["sub1.size", 6],
  ["sub2.size", 6],
  ["ms.size", 7],
  ["ms.pending", 96],
  ["mr.senders", 32],
];
/** The same where a table is counted by the lines of a handler. */
const LINES: readonly (readonly [handler: string, most: number])[] = [
  ["mob1.table", 8],
  ["mob2.table", 8],
  ["change1.table", 24],
  ["prober1.table", 5],
  ["prober2.table", 5],
  ["ms.subscriptions", 16],
];

/** Packets that one message may make the world send before time passes. */
const MOST_SENT = 200;
/** How often messages may lead to others before time passes: an answer, its forwarding, its answer ... */
const MOST_HOPS = 16;

function xtr(n: number, site: string, ranges: string, rlocs: string, server: string): string {
  return `
    site${n} :: LISPSite(${site});
    Source -> in${n} :: Watched(log${n}, EXACT true) -> log${n} :: LISPMessageLog
      -> by_type${n} :: Watched(c${n}, EXACT true) -> c${n} :: LISPControlClassifier;
    cache${n} :: LISPMapCache(CAPACITY 48, 10.9.0.0/16 192.0.2.9);
    miss${n} :: Source -> cache${n} -> Discard; cache${n}[2] -> Discard;
    ask${n} :: LISPResolver(cache${n}, ${rlocs}, MAP_RESOLVER 192.0.2.100, CAPACITY 16, HOLD 1, QUEUE 20, PAUSE 30,
      RETRIES 2, RATE 5) -> wire;
    cache${n}[1] -> ask${n}; ask${n}[1] -> cache${n};
    rep${n} :: LISPMapReplier(site${n}, ${rlocs}, RATE 100) -> wire;
    reg${n} :: LISPRegistrar(site${n}, ${rlocs}, MAP_SERVER 192.0.2.100 ${server}) -> wire;
    prober${n} :: LISPRLOCProber(cache${n}, ${rlocs}, RESOLVER ask${n}, INTERVAL 30, RETRIES 1, CAPACITY 5) -> wire;
    solicited${n} :: LISPSMRReceiver(ask${n});
    smr${n} :: LISPSMRSender(site${n}, ${rlocs}, CACHE cache${n}, QUEUE 2) -> wire;
    c${n}[0] -> to_rep${n} :: Watched(rep${n}) -> rep${n};
    sub${n} :: LISPSubscriber(ask${n}, ${rlocs}, MAP_RESOLVER 192.0.2.100, PUBSUB_KEY hub, CAPACITY 6, PAUSE 20,
      RETRIES 1, RENEW 60, IDLE 100) -> wire;
    sub${n}[1] -> to_reg${n} :: Watched(reg${n}) -> reg${n};
    sub${n}[2] -> to_ask${n} :: Watched(ask${n}) -> [1] ask${n};
    frames${n} :: Source -> [1] mob${n} :: LISPMobility(site${n}, 02:00:00:00:00:0${n}, ${ranges}, LOCATORS 192.0.2.${n},
      CACHE cache${n}, REGISTRAR reg${n}, CAPACITY 8) -> Discard;
    hosts${n} :: Source -> mob${n};
    find${n} :: LISPHostFinder(mob${n}, ${rlocs}, MAP_RESOLVER 192.0.2.100) -> wire;
    find${n}[1] -> replies_sub${n} :: Watched(sub${n}, PASSED to_ask${n}) -> [1] sub${n};
    c${n}[1] -> to_find${n} :: Watched(find${n}, PASSED replies_sub${n}) -> find${n};
    c${n}[3] -> to_sub${n} :: Watched(sub${n}, PASSED to_reg${n}) -> sub${n};
    c${n}[4] -> ecm_rep${n} :: Watched(rep${n}) -> [1] rep${n};
    c${n}[6] -> to_solicited${n} :: Watched(solicited${n}) -> solicited${n};
    c${n}[7] -> to_prober${n} :: Watched(prober${n}) -> prober${n};
    change${n} :: LISPChangePriority(cache${n}, ${rlocs}, MOBILITY mob${n}, SITE site${n}, RESOLVER ask${n}, SMR smr${n},
      TRUST key moves eid any) -> wire;
    c${n}[5] -> to_change${n} :: Watched(change${n}) -> change${n};
    c${n}[2] -> Discard;`;
}

const BOTH = "RLOC 192.0.2.1, RLOC 2001:db8:9::1";
export const WORLD = `
  wire :: Wire;
  ${xtr(1, "10.1.0.0/16 192.0.2.1, fd01::/64 192.0.2.1 2001:db8:9::1", "10.1.0.0/16 10.1.0.1, fd01::/64 fd01::1", BOTH, "key secret-a proxy-reply")}
  ${xtr(2, "10.2.0.0/16 192.0.2.2", "10.2.0.0/16 10.2.0.1", "RLOC 192.0.2.2", "key secret-b sha1")}
  Source -> in3 :: Watched(log3, EXACT true) -> log3 :: LISPMessageLog
    -> by_type3 :: Watched(c3, EXACT true) -> c3 :: LISPControlClassifier;
  ms :: LISPMapServer(
    a key secret-a key 2:newer-a hkdf eid 10.1.0.0/16 more eid fd01::/64 more iid 7 eid 10.1.0.0/16 more,
    b key secret-b sha1 eid 10.2.0.0/16,
    RLOC4 192.0.2.100, RLOC6 2001:db8:9::100, CAPACITY 7, PEERS 14, SUBSCRIPTIONS 16, PENDING 2,
    PUBSUB_KEY hub, REPLY_RATE 5) -> wire;
  mr :: LISPMapResolver(RLOC4 192.0.2.100, RLOC6 2001:db8:9::100, MAP_SERVER ms, SENDERS 32, RATE 5, BURST 10,
    10.9.0.0/16 192.0.2.101 2001:db8:9::101) -> wire;
  c3[0], c3[2], c3[3] -> to_ms :: Watched(ms) -> ms;
  c3[4] -> to_mr :: Watched(mr) -> mr;
  c3[1], c3[5] -> Discard;`;

/** Where messages go besides the classifiers: every input that takes control messages. */
const INPUTS = ["rep1", "ask1", "reg1", "solicited1", "prober1", "ms", "mr"].map((name) => `to_${name}`);
INPUTS.push("ecm_rep1", "to_sub1", "replies_sub1", "to_find1", "to_change1");

/** Tables to be read: none may throw, whatever they hold. */
const TABLES = [
  ...[1, 2].flatMap((n) => [`cache${n}.table`, `cache${n}.rlocs`, `ask${n}.table`, `ask${n}.resolvers`]),
  ...[1, 2].flatMap((n) => [`reg${n}.table`, `reg${n}.servers`, `sub${n}.table`]),
  "ms.registrations",
  "ms.sites",
];

/** Where packets of the sites come from. */
class Source extends Element {
  static readonly spec = { ports: "0/1", processing: "h/h" } as const satisfies ElementSpec;
}

export class ControlWorld {
  readonly router: Router;
  /** Called with everything that is sent. */
  readonly #onSent: (sent: OnWire) => void;
  /** Packets sent, and the most that one message has led to. */
  sent = 0;
  most = 0;

  private constructor(router: Router, onSent: (sent: OnWire) => void) {
    this.router = router;
    this.#onSent = onSent;
  }

  static async start(seed: number, onSent: (sent: OnWire) => void): Promise<ControlWorld> {
    const loader = new Loader();
    for (const c of [Watched, Wire, Source]) loader.add(c);
    const router = new Router({
      loader,
      clock: new SimulatedClock(),
      seed,
      memory: { bytes: 24 * 2 ** 20, slots: 512 },
      log: () => {},
      print: () => {},
    });
    await router.start(WORLD);
    return new ControlWorld(router, onSent);
  }

  /** The elements of the graph that it is about. */
  elements(): Element[] {
    return this.router.elements.filter((e) => !(e instanceof Watched || e instanceof Wire));
  }

  /** Sends a packet to the node with classifier `node`, and, past the classifiers, to every input for messages. */
  take(packet: Uint8Array, node: number): void {
    const before = this.sent;
    this.push(`in${node}`, packet);
    for (const input of INPUTS) this.push(input, packet);
    this.deliver();
    this.most = Math.max(this.most, this.sent - before);
    if (this.sent - before > MOST_SENT) throw new Error(`one message led to ${this.sent - before} others`);
  }

  /** A packet from a site's host: a map-cache that does not know its way has it asked for. */
  fromHost(n: number, packet: Uint8Array): void {
    this.push(`cache${n}`, packet);
  }

  push(name: string, bytes: Uint8Array): void {
    const { memory, batches } = this.router;
    const slot = memory.kernels.poolTakeFor(bytes.length);
    if (slot === 0) throw new Error("no slot for it is free");
    const batch: Batch = batches.acquire();
    const data = memory.get32(slot + layout.SLOT_DATA);
    memory.set32(slot + layout.SLOT_LENGTH, bytes.length);
    memory.u8.set(bytes, data);
    batch.add(slot);
    this.router.find(name)!.push(0, batch);
    batch.count = 0;
    batches.release(batch);
  }

  /** What was sent reaches the node that it is for, and so on. */
  deliver(): void {
    const wire = this.router.find("wire") as Wire;
    for (let hops = 0; wire.waiting.length > 0; hops++) {
      if (hops === MOST_HOPS) {
        const { message, destination } = wire.waiting[0];
        throw new Error(`messages go in circles: a ${message.type} to ${destination.join(".")}`);
      }
      for (const sent of wire.waiting.splice(0)) {
        this.sent++;
        this.#onSent(sent);
        const node = nodeOf(sent.destination);
        if (node !== undefined) this.push(`by_type${node}`, sent.bytes);
      }
    }
  }

  /** Time passes, `seconds` in ten steps. */
  pass(seconds: number): void {
    for (let i = 0; i < 10; i++) {
      this.router.runFor(seconds / 10);
      this.deliver();
    }
  }

  /** Throws when a table is larger than it may be, or a packet is lost. */
  check(): void {
    const waiting = this.#number("ask1.waiting") + this.#number("ask2.waiting");
    const { slotsUsed } = this.router.memory;
    if (slotsUsed !== waiting) throw new Error(`${slotsUsed} slots in use, ${waiting} packets wait`);
    for (const [handler, most] of BOUNDS)
      if (this.#number(handler) > most) throw new Error(`${handler} is ${this.#number(handler)} of ${most}`);
  }

  /** As `check`, and reads every table. */
  checkTables(): void {
    this.check();
    for (const [handler, most] of LINES) {
      const lines = this.router.read(handler).split("\n").length - 1;
      if (lines > most) throw new Error(`${handler} has ${lines} lines of ${most}`);
    }
    for (const handler of TABLES) this.router.read(handler);
  }

  /** Swaps the graph for itself, and ends it: nothing may be left. */
  async finish(): Promise<void> {
    const used: number[] = [];
    for (let i = 0; i < 3; i++) {
      await this.router.swap(WORLD);
      this.pass(0.1);
      this.checkTables();
      used.push(this.router.memory.heapUsed);
    }
    if (used[2] > used[1]) throw new Error(`a hot swap loses ${used[2] - used[1]} bytes of heap`);
    this.router.close();
    const { slotsUsed } = this.router.memory;
    if (slotsUsed > 0) throw new Error(`${slotsUsed} slots in use after the router was closed`);
  }

  #number(handler: string): number {
    return Number(this.router.read(handler));
  }
}

function nodeOf(destination: Uint8Array): number | undefined {
  if (destination.length === 4)
    return destination[0] === 192 && destination[1] === 0 && destination[2] === 2
      ? NODES[`192.0.2.${destination[3]}`]
      : undefined;
  const hex = Buffer.from(destination).toString("hex");
  const start = "20010db8000900000000000000000";
  return hex === `${start}001` ? 1 : hex === `${start}100` ? 3 : undefined;
}
