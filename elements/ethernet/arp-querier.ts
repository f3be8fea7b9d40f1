import { ANNO_DST_IP, ANNO_VLAN_TCI, SLOT_ANNO, SLOT_TIMESTAMP } from "../../assembly/layout.js";
import { ARPCache, SLIM_REST } from "../../src/device/neighbours/arp-cache.js";
import { UNKNOWN_MAC } from "../../src/device/neighbours/neighbour-cache.js";
import type { ArpTableOffer, NeighboursOffer } from "../../src/device/neighbours/offers.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { ipNumber, ipText } from "../../src/net/address.js";
import { etherText } from "../../src/net/mac.js";
import type { Batch } from "../../src/packet/batch.js";
import type { Neighbour } from "../../src/packet/neighbour-table.js";
import type { CleanupStage, Element, ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { Offers } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";
import {
  ARP_LENGTH,
  ARP_REPLY,
  ARP_REQUEST,
  type ArpMessage,
  readArpFrame,
  writeArpFrame,
} from "../../src/wire/arp.js";
import { orNull } from "../../src/wire/error.js";
import { ETHERNET_HEADER } from "../../src/wire/ethernet.js";
import { configureCache, parseDelete, parseInsert, TABLE_ARGS, tableText } from "./arp-table.js";
import { NeighbourSender } from "./neighbour-sender.js";

const args = {
  IP: {
    type: "ip_prefix",
    positional: true,
    required: true,
    doc: "this router's address on the network, with its prefix, or a name for it",
  },
  ETH: {
    type: "ether",
    positional: true,
    required: true,
    sameAs: "IP",
    doc: "its hardware address; by default that of the name that IP is",
  },
  ...TABLE_ARGS,
  BROADCAST: {
    type: "ip",
    doc: "packets to this address are sent to all; by default the broadcast address of IP's prefix",
  },
  TABLE: { type: "element", doc: "an ARPTable (or another ARPQuerier) whose table to use" },
  POLL_TIMEOUT: {
    type: "seconds",
    default: "60",
    doc: "time after which a neighbour in use is asked again whether it is there, 0 = never",
  },
  BROADCAST_POLL: {
    type: "bool",
    default: "false",
    doc: "ask again by broadcast from the start, not only once the neighbour itself did not answer",
  },
  ANNOUNCE: {
    type: "unsigned",
    default: "0",
    doc: "how often the router tells all of its address when it starts, two seconds apart (RFC 5227: 2)",
  },
} as const;

const BROADCAST_IP = 0xffffffff;
/** Questions to a neighbour itself that may stay unanswered before all are asked for it (RFC 1122 section 2.3.2.1). */
const UNICAST_POLLS = 2;
/** ANNOUNCE_INTERVAL of RFC 5227, nanoseconds. */
const ANNOUNCE_INTERVAL = 2e9;
const NO_MAC = new Uint8Array(6);

/**
 * Puts IP packets into Ethernet frames to the neighbour in their destination annotation, which it finds by ARP
 * (RFC 826).
 *
 * Packets to a neighbour not known yet wait, and a query is sent: at most ten a second for one address, one
 * every two seconds once ten stayed unanswered. Packets to 255.255.255.255 and BROADCAST go to all, packets to a
 * multicast group to the group's hardware address (RFC 1112), packets to 0.0.0.0 are dropped. Where too many
 * wait, those for the neighbours not heard of for the longest time are dropped first. A hot swap keeps the table.
 *
 * Whatever message comes from a neighbour in the table, its hardware address in it is believed, as RFC 826 says: a
 * request, a reply, an announcement. None but replies to this router add a neighbour, so that nobody fills the
 * table by talking. A neighbour in use that was not heard of for POLL_TIMEOUT is asked itself, then all are asked.
 *
 * Packets to known neighbours leave as one batch, before what else their batch leads to.
 *
 * @input 0 IP packets without link-layer header, destination annotation set
 * @input 1 ARP messages with Ethernet header, replies and requests
 * @output 0 IP packets in Ethernet frames; without output 1 queries too
 * @output 1 ARP queries
 * @example Idle -> q :: ARPQuerier(18.26.4.24/24, 00:00:C0:AE:67:EF) -> Discard; Idle -> [1] q
 * @see ARPTable, ARPResponder, IP6NDSolicitor, AddressInfo
 */
export class ARPQuerier extends NeighbourSender implements NeighboursOffer {
  static readonly spec = {
    ports: "2/1-2",
    processing: "h/h",
    flow: "xy/x",
    flags: "L2",
    args,
    counters: {
      queries: "queries sent",
      responses: "replies received",
      requests: "requests received, announcements among them",
      changes: "neighbours that had another hardware address than before",
      conflicts: "messages by others with this router's own address",
      announcements: "times that this router told all of its address",
    },
    drops: {
      unconfigured: "this router's own address is 0.0.0.0",
      no_destination: "the destination annotation is 0.0.0.0",
      no_room: "the packet fills its buffer: no room for a header",
      no_memory: "no memory for another neighbour or query",
      waited: "it waited for an answer, and too many did, or none came",
      bad_reply: "not a whole ARP message for IPv4 over Ethernet, or from a group address",
    },
    // The last 8 bytes of the Ethernet header, then the broadcast hardware address.
    state: 16,
    handlers: {
      table: {
        read: true,
        doc: "a line a neighbour, least recently heard of first: address, 1 if it is known, hardware address, seconds since it was last heard of",
      },
      stats: { read: true, doc: "packets dropped and queries sent, in words" },
      drops: { read: true, doc: "packets dropped, but for those that waited" },
      count: { read: true, doc: "neighbours in the table" },
      length: { read: true, doc: "packets that wait" },
      broadcast: { read: true, write: true, doc: "the network's broadcast address" },
      ipaddr: { read: true, write: true, doc: "this router's address" },
      insert: { write: true, doc: "adds a neighbour: `IP ETH`" },
      delete: { write: true, doc: "forgets the hardware address of a neighbour: `IP`" },
      clear: { write: true, button: true, doc: "empties the table, and sets counts to zero" },
      announce: { write: true, button: true, doc: "tells all of this router's address, once" },
    },
    live: true,
  } as const satisfies ElementSpec;

  #ip = 0;
  #broadcast = BROADCAST_IP;
  #poll = 60e9;
  #broadcastPoll = false;
  /** Its own table; null where it uses another's. */
  #own: ARPCache | null = null;
  #tableOf: ArpTableOffer | null = null;
  #timer: Timer | null = null;
  #values: ArgValues<typeof args> | null = null;
  #saidZero = false;
  #saidConflict = false;
  protected readonly announceEvery = ANNOUNCE_INTERVAL;

  /** The table that it uses. */
  get cache(): ARPCache {
    return this.#tableOf === null ? this.#own! : this.#tableOf.cache;
  }

  override offers(): Partial<Offers> {
    return { ARPTable: this, Neighbours: this };
  }

  readonly addressBytes = 4;

  learn(address: Uint8Array, mac: Uint8Array): void {
    this.#insert(ipNumber(address), mac);
  }

  #insert(ip: number, mac: Uint8Array): void {
    const neighbour = this.cache.insert(ip, mac, this.router.clock.now());
    if (neighbour !== null) this.#flush(neighbour);
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const table = (values.TABLE as Element | undefined)?.offers().ARPTable;
    // A table once chosen stays, as in Click: the packets that wait are in it.
    if (this.#own === null && this.#tableOf === null) {
      if (values.TABLE === undefined) {
        this.#own = new ARPCache(this.memory, this.router.random.u32(), this.counterAddress("waited"));
      } else if (table !== undefined && !this.#isBehind(table)) {
        this.#tableOf = table;
      } else {
        errors.error("TABLE: type mismatch, expected ARPTable");
        return;
      }
    }
    if (this.#own !== null) configureCache(this.#own, values, errors);
    const { address, mask } = values.IP;
    const { u8, view } = this.memory;
    const same = address === this.#ip && values.ETH.every((byte, i) => byte === u8[this.stateArea + i]);
    if (!same && this.#values !== null) this.#own?.clear(this.router.chores);
    this.#ip = address;
    u8.set(values.ETH, this.stateArea);
    view.setUint16(this.stateArea + 6, 0x0800);
    const ofPrefix = (address | ~mask) >>> 0;
    this.#broadcast = values.BROADCAST ?? (ofPrefix === address ? BROADCAST_IP : ofPrefix);
    this.#poll = values.POLL_TIMEOUT === 0 ? Number.POSITIVE_INFINITY : values.POLL_TIMEOUT * 1e9;
    this.#broadcastPoll = values.BROADCAST_POLL;
    this.#values = values;
    if (this.#timer !== null) this.#expire();
    if (!same && this.graph.initialized) this.announce(values.ANNOUNCE);
  }

  /** Whether `table` is that of this element, perhaps by way of others: in a circle nobody has one. */
  #isBehind(table: ArpTableOffer): boolean {
    let at: ArpTableOffer | null = table;
    while (at instanceof ARPQuerier && at !== this) at = at.#tableOf;
    return at === this;
  }

  override initialize(): void {
    this.memory.u8.fill(0xff, this.stateArea + 8, this.stateArea + 14);
    this.announce(this.#values!.ANNOUNCE);
    if (this.#own === null) return;
    this.#timer = this.newTimer(() => this.#expire());
    this.#expire();
  }

  override takeState(old: Element): void {
    if (!(old instanceof ARPQuerier) || old.#ip !== this.#ip || old.#broadcast !== this.#broadcast) return;
    const { u8 } = this.memory;
    for (let i = 0; i < 6; i++) if (u8[this.stateArea + i] !== u8[old.stateArea + i]) return;
    u8.copyWithin(this.state, old.state, old.stateArea);
    this.announceAfter(old);
    if (this.#own === null || old.#own === null) return;
    [this.#own, old.#own] = [old.#own, this.#own];
    this.#own.table.dropsAt = this.counterAddress("waited");
    old.#own.table.dropsAt = old.counterAddress("waited");
    configureCache(this.#own, this.#values!, { error: () => {}, warning: () => {} });
  }

  override cleanup(_stage: CleanupStage): void {
    this.#own?.destroy(this.router.chores);
    this.#own = null;
    this.#tableOf = null;
  }

  override push(port: number, batch: Batch): void {
    if (port === 1) {
      for (let i = 0; i < batch.count; i++) this.#hear(batch.at(i));
      batch.kill();
      return;
    }
    if (this.#ip === 0) {
      this.add("unconfigured", batch.count);
      batch.kill();
      return;
    }
    this.forward(batch);
  }

  protected override encapsulate(batch: number, count: number, misses: number): number {
    const { cache } = this;
    return this.memory.kernels.neighbourEncap4(
      cache.table.address,
      this.stateArea,
      batch,
      count,
      this.router.clock.now(),
      cache.timeout,
      this.#poll,
      misses,
    );
  }

  protected override slow(slot: number): void {
    const { cache, memory } = this;
    const now = this.router.clock.now();
    const at = slot + SLOT_ANNO + ANNO_DST_IP;
    const destination = memory.view.getUint32(at);
    const neighbour = cache.table.find(cache.table.key4(at));
    if (neighbour !== undefined && cache.known(neighbour, now)) {
      if (now - neighbour.live >= this.#poll && cache.mayAsk(neighbour, now)) {
        const all = this.#broadcastPoll || neighbour.queries > UNICAST_POLLS;
        this.#sendQuery(this.#makeQuery(slot, all ? this.stateArea + 8 : neighbour.mac));
      }
      this.send(slot, neighbour.mac);
    } else if (destination === BROADCAST_IP || destination === this.#broadcast) {
      this.send(slot, this.stateArea + 8);
    } else if (destination >>> 28 === 14) {
      this.lose(slot, "no_room"); // the table sends to groups, where there is room
    } else if (destination === 0) {
      if (!this.#saidZero)
        this.router.log(`${this.declaration}: would query for 0.0.0.0; missing dest IP addr annotation?`);
      this.#saidZero = true;
      this.lose(slot, "no_destination");
    } else {
      this.#wait(slot, at, now);
    }
  }

  #wait(slot: number, address: number, now: number): void {
    const { cache } = this;
    const neighbour = cache.ensure(cache.table.key4(address), now);
    if (neighbour === null) {
      this.lose(slot, "no_memory");
      return;
    }
    if (!cache.table.hasRoom(neighbour)) {
      this.memory.kernels.poolGive(slot);
      this.memory.add64(cache.table.dropsAt, 1);
      return;
    }
    // It is wanted: it stays just this side of expiring.
    if (now - neighbour.live > cache.timeout) neighbour.live = now - cache.timeout;
    const query = cache.mayAsk(neighbour, now) ? this.#makeQuery(slot, this.stateArea + 8) : 0;
    cache.table.wait(neighbour, slot);
    // Last, because the answer may come at once.
    this.#sendQuery(query);
  }

  /** Makes a query for the destination annotation of the packet in `slot`, to the hardware address at `mac`; 0 without a free slot. */
  #makeQuery(slot: number, mac: number): number {
    const { u8, view, kernels } = this.memory;
    const query = kernels.poolTake() >>> 0;
    if (query === 0) {
      this.add("no_memory", 1);
      return 0;
    }
    const message = {
      operation: ARP_REQUEST,
      senderEther: u8.slice(this.stateArea, this.stateArea + 6),
      senderIp: this.#ip,
      targetEther: NO_MAC,
      targetIp: view.getUint32(slot + SLOT_ANNO + ANNO_DST_IP),
    };
    this.packet.at(query).setBytes(writeArpFrame(message, u8.slice(mac, mac + 6)));
    this.packet.macHeader = this.packet.data;
    u8.copyWithin(query + SLOT_TIMESTAMP, slot + SLOT_TIMESTAMP, slot + SLOT_TIMESTAMP + 8);
    const vlan = SLOT_ANNO + ANNO_VLAN_TCI;
    u8.copyWithin(query + vlan, slot + vlan, slot + vlan + 2);
    return query;
  }

  #sendQuery(query: number): void {
    if (query === 0) return;
    this.add("queries", 1);
    this.pushOne(this.messagePort, query);
  }

  protected override get messagePort(): number {
    return this.noutputs - 1;
  }

  protected override announcement(): Uint8Array | null {
    if (this.#ip === 0) return null;
    const { u8 } = this.memory;
    const own = u8.slice(this.stateArea, this.stateArea + 6);
    const ip = this.#ip;
    const message = {
      operation: ARP_REQUEST,
      senderEther: own,
      senderIp: ip,
      targetEther: NO_MAC,
      targetIp: ip,
    };
    return writeArpFrame(message, u8.slice(this.stateArea + 8, this.stateArea + 14));
  }

  /** Learns from the ARP frame in `slot`, which stays the caller's (RFC 826, "Packet Reception"). */
  #hear(slot: number): void {
    const { cache } = this;
    const bytes = this.packet.at(slot).bytes();
    const message = readMessage(bytes);
    if (message?.operation === ARP_REQUEST) this.add("requests", 1);
    else if (bytes.length >= ETHERNET_HEADER + ARP_LENGTH) this.add("responses", 1);
    if (message === null) {
      this.add("bad_reply", 1);
      return;
    }
    const { senderIp, senderEther } = message;
    if (senderIp === this.#ip) {
      this.#conflict(senderEther);
      return;
    }
    const known = cache.table.find(cache.keyOf(senderIp));
    if (known === undefined && (message.operation !== ARP_REPLY || message.targetIp !== this.#ip)) return;
    if (known?.known && !known.hasMac(senderEther)) this.add("changes", 1);
    const neighbour = cache.insert(senderIp, senderEther, this.router.clock.now());
    if (neighbour === null) this.add("no_memory", 1);
    else this.#flush(neighbour);
  }

  /** Another one says that it has this router's address; a switch may also give our own frames back. */
  #conflict(ether: Uint8Array): void {
    const { u8 } = this.memory;
    if (this.#ip === 0 || ether.every((byte, i) => byte === u8[this.stateArea + i])) return;
    this.add("conflicts", 1);
    if (this.#saidConflict) return;
    this.#saidConflict = true;
    this.router.log(
      `${this.declaration}: ${etherText(ether)} says that it has this router's address ${ipText(this.#ip)}`,
    );
  }

  #flush(neighbour: Neighbour): void {
    if (neighbour.known && neighbour.waiting.length > 0) this.sendWaiting(this.cache.table, neighbour);
  }

  #expire(): void {
    const { cache } = this;
    if (cache.slim(this.router.clock.now())) this.#timer!.scheduleAfter(SLIM_REST);
    else if (cache.timeout !== Number.POSITIVE_INFINITY) this.#timer!.scheduleAfter(cache.timeout + 1e9);
  }

  #drops(): number {
    const reasons = ["unconfigured", "no_destination", "no_room", "no_memory"];
    return reasons.reduce((sum, reason) => sum + this.memory.get64(this.counterAddress(reason)), 0);
  }

  override handlers(): Record<string, HandlerCode> {
    const { clock } = this.router;
    const { memory } = this;
    const address = (get: () => number, set: (ip: number) => void): HandlerCode => ({
      ...valueHandler({ type: "ip", doc: "address" }, get, set),
      read: () => ipText(get()),
    });
    const queries = (): number => memory.get64(this.counterAddress("queries"));
    return {
      table: { read: () => tableText(this.cache, clock.now()) },
      stats: {
        read: () =>
          `${this.#drops() + memory.get64(this.cache.table.dropsAt)} packets killed\n${queries()} ARP queries sent\n`,
      },
      drops: { read: () => this.#drops() },
      count: { read: () => this.cache.table.size },
      length: { read: () => this.cache.table.waiting },
      broadcast: address(
        () => this.#broadcast,
        (ip) => {
          this.#broadcast = ip;
        },
      ),
      ipaddr: address(
        () => this.#ip,
        (ip) => {
          this.#ip = ip;
          if (this.graph.initialized) this.announce(this.#values!.ANNOUNCE);
        },
      ),
      announce: { write: () => this.announce(1) },
      insert: {
        write: (text) => {
          const { IP, ETH } = parseInsert(this, text);
          this.#insert(IP, ETH);
        },
      },
      delete: {
        write: (text) => {
          this.cache.insert(parseDelete(this, text), UNKNOWN_MAC, clock.now());
        },
      },
      clear: {
        write: () => {
          memory.u8.fill(0, this.state, this.stateArea);
          this.cache.clear(this.router.chores);
        },
      },
    };
  }
}

/** The ARP request or reply from a single station in an Ethernet frame; null when it is something else. */
function readMessage(frame: Uint8Array): ArpMessage | null {
  const message = orNull(() => readArpFrame(frame));
  if (message === null || (message.senderEther[0] & 1) !== 0) return null;
  return message.operation === ARP_REPLY || message.operation === ARP_REQUEST ? message : null;
}
