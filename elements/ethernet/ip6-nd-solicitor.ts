import { ANNO_DST_IP, SLOT_ANNO } from "../../assembly/layout.js";
import { NDCache, type NDOwner, STATES } from "../../src/device/neighbours/nd-cache.js";
import type { NeighboursOffer } from "../../src/device/neighbours/offers.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { ip6Text, sameAddress } from "../../src/net/address.js";
import { etherText } from "../../src/net/mac.js";
import type { Batch } from "../../src/packet/batch.js";
import type { Neighbour } from "../../src/packet/neighbour-table.js";
import type { CleanupStage, Element, ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, handlerWords } from "../../src/router/handler.js";
import type { Offers } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import { orNull } from "../../src/wire/error.js";
import { ICMP6_ADVERTISEMENT, ICMP6_SOLICITATION, ND_OVERRIDE, ND_ROUTER } from "../../src/wire/icmp6.js";
import {
  ALL_NODES,
  groupEther,
  isSolicited,
  type NeighborFrame,
  readNeighborFrame,
  solicitedNode,
  UNSPECIFIED,
  writeNeighborFrame,
} from "../../src/wire/neighbour-discovery.js";
import { NeighbourSender } from "./neighbour-sender.js";

const args = {
  IP: {
    type: "ip6",
    positional: true,
    required: true,
    doc: "this router's address on the network, or a name for it",
  },
  ETH: {
    type: "ether",
    positional: true,
    required: true,
    sameAs: "IP",
    doc: "its hardware address; by default that of the name that IP is",
  },
  CAPACITY: {
    type: "unsigned",
    default: "2048",
    doc: "packets that may wait for answers, at most an eighth of those that the router can hold, 0 = that many",
  },
  ENTRY_CAPACITY: { type: "unsigned", default: "65536", doc: "neighbours the table holds, 0 = any number" },
  ENTRY_PACKET_CAPACITY: {
    type: "unsigned",
    // Half of all: to one neighbour, the next router, goes most of what a router has.
    default: "1024",
    doc: "packets that may wait for one neighbour, 0 = any number",
  },
  REACHABLE_TIME: {
    type: "seconds",
    default: "30",
    doc: "time that a confirmation holds, times a random factor from 0.5 to 1.5",
  },
  RETRANS_TIMER: { type: "seconds", default: "1", min: 0.001, doc: "time between solicitations" },
  TIMEOUT: {
    type: "seconds",
    default: "5 min",
    doc: "time after which a neighbour neither used nor heard of is forgotten, 0 = never",
  },
  ANNOUNCE: {
    type: "unsigned",
    default: "0",
    doc: "how often the router tells all of its address when it starts, RETRANS_TIMER apart (RFC 4861: up to 3)",
  },
  ROUTER: { type: "bool", default: "true", doc: "what it tells then says that it is a router" },
} as const;

const ENTRY = {
  IP: { type: "ip6", positional: true, required: true, doc: "address" },
  ETH: { type: "ether", positional: true, required: true, doc: "hardware address" },
} as const;

/**
 * Puts IPv6 packets into Ethernet frames to the neighbour in their destination annotation, which it finds by
 * Neighbor Discovery (RFC 4861, the part of a router that resolves addresses).
 *
 * Packets to a neighbour not known yet wait while it is asked for, three times a second apart; if too many wait
 * for one neighbour, the oldest is dropped. A neighbour in use that nothing was heard of for REACHABLE_TIME is
 * asked itself, five seconds later and then three times, before it is forgotten. Packets to a group go to the
 * group's hardware address (RFC 2464). What is heard on input 1 must have hop limit 255 and a right checksum;
 * unsolicited advertisements update neighbours in the table and make none, solicitations make one when they
 * are for this router's address. When the table is full no strangers
 * are asked for, but those in it stay (RFC 6583). A hot swap keeps the table.
 *
 * Packets to known neighbours leave as one batch, before what else their batch leads to.
 *
 * @input 0 IPv6 packets without link-layer header, destination annotation (16 bytes) set
 * @input 1 Neighbor Advertisements, and Solicitations to learn from, with Ethernet header
 * @output 0 IPv6 packets in Ethernet frames; without output 1 solicitations too
 * @output 1 Neighbor Solicitations
 * @output 2 packets whose neighbour did not answer, without Ethernet header, for an ICMP6Error of code 3
 * @example Idle -> n :: IP6NDSolicitor(2001:db8::1, 00:00:C0:AE:67:EF) -> Discard; Idle -> [1] n
 * @see IP6NDAdvertiser, ARPQuerier, AddressInfo
 */
export class IP6NDSolicitor extends NeighbourSender implements NDOwner, NeighboursOffer {
  static readonly spec = {
    ports: "2/1-3",
    processing: "h/h",
    flow: "xy/x",
    flags: "L2",
    args,
    counters: {
      solicitations: "solicitations sent",
      advertisements: "advertisements received and believed",
      unreachable: "packets whose neighbour did not answer",
      conflicts: "advertisements by others of this router's own address",
      changes: "neighbours that had another hardware address than before",
      announcements: "times that this router told all of its address",
    },
    drops: {
      no_destination: "the destination annotation is ::",
      no_room: "the packet fills its buffer: no room for a header",
      no_memory: "no memory for a solicitation, or the table is full",
      waited: "too many packets waited for answers",
      unresolved: "the neighbour did not answer, and output 2 is not connected",
      bad_message: "not a solicitation or advertisement as RFC 4861 section 7.1 wants it",
    },
    // The last 8 bytes of the Ethernet header.
    state: 8,
    handlers: {
      table: {
        read: true,
        doc: "a line a neighbour, least recently heard of first: address, 1 if it is known, hardware address",
      },
      neighbours: {
        read: true,
        doc: "a line a neighbour: address, state, hardware address, `router` or `host`, packets that wait",
      },
      stats: { read: true, doc: "packets dropped and solicitations sent, in words" },
      count: { read: true, doc: "neighbours in the table" },
      length: { read: true, doc: "packets that wait" },
      insert: { write: true, doc: "adds a neighbour: `IP ETH`" },
      delete: { write: true, doc: "removes a neighbour: `IP`" },
      clear: { write: true, button: true, doc: "empties the table" },
      announce: { write: true, button: true, doc: "tells all of this router's address, once" },
    },
    live: true,
  } as const satisfies ElementSpec;

  #ip: Uint8Array = UNSPECIFIED;
  #ether: Uint8Array = new Uint8Array(6);
  #cache: NDCache | null = null;
  #values: ArgValues<typeof args> | null = null;
  #saidZero = false;
  #saidConflict = false;

  override offers(): Partial<Offers> {
    return { Neighbours: this };
  }

  readonly addressBytes = 16;

  learn(address: Uint8Array, mac: Uint8Array): void {
    this.#flush(this.#cache!.insert(address, mac));
  }

  override configure(values: ArgValues<typeof args>, _errors: ErrorSink): void {
    const { memory, router } = this;
    this.#cache ??= new NDCache(
      memory,
      this.graph.timers,
      router.random.u32(),
      this.counterAddress("waited"),
      this,
    );
    const same = sameAddress(values.IP, this.#ip) && values.ETH.every((byte, i) => byte === this.#ether[i]);
    if (!same) this.#cache.clear(router.chores);
    this.#ip = values.IP;
    this.#ether = values.ETH;
    this.#values = values;
    memory.u8.set(values.ETH, this.stateArea);
    memory.view.setUint16(this.stateArea + 6, 0x86dd);
    this.#limits();
    if (!same && this.graph.initialized) this.announce(values.ANNOUNCE);
  }

  override initialize(): void {
    this.announce(this.#values!.ANNOUNCE);
  }

  #limits(): void {
    const values = this.#values!;
    const cache = this.#cache!;
    cache.limit(values);
    cache.reachable = values.REACHABLE_TIME * 1e9 * (0.5 + this.router.random.real());
    cache.retransmit = values.RETRANS_TIMER * 1e9;
  }

  override takeState(old: Element): void {
    if (!(old instanceof IP6NDSolicitor) || !sameAddress(old.#ip, this.#ip)) return;
    if (!old.#ether.every((byte, i) => byte === this.#ether[i])) return;
    this.memory.u8.copyWithin(this.state, old.state, old.stateArea);
    this.announceAfter(old);
    [this.#cache, old.#cache] = [old.#cache, this.#cache];
    for (const element of [this, old]) {
      if (element.#cache === null) continue;
      element.#cache.adopt(element.graph.timers, element);
      element.#cache.table.dropsAt = element.counterAddress("waited");
    }
    this.#limits();
  }

  override cleanup(_stage: CleanupStage): void {
    this.#cache?.destroy(this.router.chores);
    this.#cache = null;
  }

  override push(port: number, batch: Batch): void {
    if (port === 1) {
      for (let i = 0; i < batch.count; i++) this.#hear(batch.at(i));
      batch.kill();
      return;
    }
    this.forward(batch);
  }

  protected override encapsulate(batch: number, count: number, misses: number): number {
    const cache = this.#cache!;
    return this.memory.kernels.neighbourEncap6(
      cache.table.address,
      this.stateArea,
      batch,
      count,
      this.router.clock.now(),
      Number.POSITIVE_INFINITY,
      cache.reachable,
      misses,
    );
  }

  protected override slow(slot: number): void {
    const cache = this.#cache!;
    const { u8 } = this.memory;
    const key = slot + SLOT_ANNO + ANNO_DST_IP;
    const neighbour = cache.table.find(key);
    if (neighbour?.known) {
      cache.use(neighbour);
      this.send(slot, neighbour.mac);
    } else if (u8[key] === 0xff) {
      this.lose(slot, "no_room"); // the table sends to groups, where there is room
    } else if (neighbour === undefined && isZero(u8, key)) {
      if (!this.#saidZero)
        this.router.log(`${this.declaration}: would solicit ::; missing dest IP6 addr annotation?`);
      this.#saidZero = true;
      this.lose(slot, "no_destination");
    } else {
      const wanted = neighbour ?? cache.ensure(key, this.router.clock.now());
      if (wanted === null) {
        this.lose(slot, "no_memory");
        return;
      }
      if (!cache.table.hasRoom(wanted)) cache.table.dropOldest(wanted);
      cache.table.wait(wanted, slot);
      // Last, because the answer may come at once.
      if (neighbour === undefined) cache.resolve(wanted);
    }
  }

  solicit(neighbour: Neighbour, itself: boolean): void {
    const slot = this.memory.kernels.poolTake() >>> 0;
    if (slot === 0) {
      this.add("no_memory", 1);
      return;
    }
    const target = neighbour.address(16);
    const destination = itself ? target : solicitedNode(target);
    const frame = writeNeighborFrame({
      message: { type: ICMP6_SOLICITATION, flags: 0, target, link: this.#ether },
      source: this.#ip,
      destination,
      etherSource: this.#ether,
      etherDestination: itself ? neighbour.macBytes() : groupEther(destination),
    });
    const packet = this.packet.at(slot);
    packet.setBytes(frame);
    packet.macHeader = packet.data;
    packet.networkHeader = packet.data + 14;
    this.add("solicitations", 1);
    this.pushOne(this.messagePort, slot);
  }

  protected override get messagePort(): number {
    return Math.min(1, this.noutputs - 1);
  }

  protected override get announceEvery(): number {
    return this.#cache!.retransmit;
  }

  /** RFC 4861 section 7.2.6. */
  protected override announcement(): Uint8Array | null {
    if (sameAddress(this.#ip, UNSPECIFIED)) return null;
    const flags = (ND_OVERRIDE | (this.#values!.ROUTER ? ND_ROUTER : 0)) >>> 0;
    return writeNeighborFrame({
      message: { type: ICMP6_ADVERTISEMENT, flags, target: this.#ip, link: this.#ether },
      source: this.#ip,
      destination: ALL_NODES,
      etherSource: this.#ether,
      etherDestination: groupEther(ALL_NODES),
    });
  }

  unreachable(packets: readonly number[]): void {
    this.add("unreachable", packets.length);
    for (const slot of packets) {
      if (this.noutputs > 2) this.pushOne(2, slot);
      else this.lose(slot, "unresolved");
    }
  }

  /** Learns from the frame in `slot`, which stays the caller's. */
  #hear(slot: number): void {
    const frame = orNull(() => readNeighborFrame(this.packet.at(slot).bytes()));
    const link = frame?.message.link ?? null;
    if (frame === null || (link !== null && (link[0] & 1) !== 0)) {
      this.add("bad_message", 1);
      return;
    }
    const cache = this.#cache!;
    const { message, source } = frame;
    if (message.type === ICMP6_SOLICITATION) {
      if (link === null) return;
      if (this.#changes(source, link)) this.add("changes", 1);
      // What others are asked shows where a neighbour is, but is no reason to know it.
      this.#flush(cache.heard(source, link, sameAddress(message.target, this.#ip)));
      return;
    }
    this.add("advertisements", 1);
    if (sameAddress(message.target, this.#ip)) {
      this.#conflict(frame);
      return;
    }
    const { target, flags } = message;
    const override = (flags & ND_OVERRIDE) !== 0;
    if (link !== null && override && this.#changes(target, link)) this.add("changes", 1);
    const router = (flags & ND_ROUTER) !== 0;
    this.#flush(cache.advertised({ target, link, solicited: isSolicited(message), override, router }));
  }

  /** Whether the neighbour has been known by another hardware address than `link`. */
  #changes(address: Uint8Array, link: Uint8Array): boolean {
    const { table } = this.#cache!;
    const neighbour = table.find(table.keyOf(address));
    return neighbour?.known === true && !neighbour.hasMac(link);
  }

  #conflict({ etherSource, message: { link } }: NeighborFrame): void {
    // A switch may give our own frames back, and a router may tell others where we are.
    if (sameAddress(etherSource, this.#ether) || (link !== null && sameAddress(link, this.#ether))) return;
    this.add("conflicts", 1);
    if (this.#saidConflict) return;
    this.#saidConflict = true;
    this.router.log(
      `${this.declaration}: ${etherText(etherSource)} says that it has this router's address ${ip6Text(this.#ip)}`,
    );
  }

  /** Sends what waited for a neighbour that can be sent to now. */
  #flush(neighbour: Neighbour | null): void {
    if (neighbour === null || neighbour.waiting.length === 0) return;
    const cache = this.#cache!;
    cache.use(neighbour);
    this.sendWaiting(cache.table, neighbour);
  }

  #lines(line: (neighbour: Neighbour) => string): string {
    return Array.from(this.#cache!.table.values(), (n) => `${ip6Text(n.address(16))} ${line(n)}\n`).join("");
  }

  override handlers(): Record<string, HandlerCode> {
    const cache = (): NDCache => this.#cache!;
    return {
      table: { read: () => this.#lines((n) => `${n.known ? 1 : 0} ${etherText(n.macBytes())}`) },
      neighbours: {
        read: () =>
          this.#lines(
            (n) =>
              `${STATES[cache().stateOf(n)]} ${etherText(n.macBytes())} ${n.router ? "router" : "host"} ${n.waiting.length}`,
          ),
      },
      stats: {
        read: () => {
          const sent = this.memory.get64(this.counterAddress("solicitations"));
          const bad = this.memory.get64(this.counterAddress("bad_message"));
          return `${this.dropTotal - bad} packets killed\n${sent} ND Solicitation Message sent\n`;
        },
      },
      count: { read: () => cache().table.size },
      length: { read: () => cache().table.waiting },
      insert: {
        write: (text) => {
          const { IP, ETH } = handlerWords(this, ENTRY, text);
          this.#flush(cache().insert(IP, ETH));
        },
      },
      delete: {
        write: (text) => {
          const { table } = cache();
          const found = table.find(table.keyOf(handlerWords(this, { IP: ENTRY.IP }, text).IP));
          if (found !== undefined) table.remove(found);
        },
      },
      clear: { write: () => cache().clear(this.router.chores) },
      announce: { write: () => this.announce(1) },
    };
  }
}

function isZero(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 16; i++) if (bytes[i] !== 0) return false;
  return true;
}
