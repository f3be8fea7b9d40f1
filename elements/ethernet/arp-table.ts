import { ARPCache, SLIM_REST } from "../../src/device/neighbours/arp-cache.js";
import { UNKNOWN_MAC } from "../../src/device/neighbours/neighbour-cache.js";
import type { ArgSpecs, ArgValues } from "../../src/lang/args/spec.js";
import { ipNumber, ipText } from "../../src/net/address.js";
import { etherText } from "../../src/net/mac.js";
import { type CleanupStage, Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, handlerWords } from "../../src/router/handler.js";
import type { Offers } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";

/** The arguments that ARPTable has, and ARPQuerier for a table of its own. */
export const TABLE_ARGS = {
  CAPACITY: {
    type: "unsigned",
    default: "2048",
    doc: "packets that may wait for answers, at most an eighth of those that the router can hold, 0 = that many",
  },
  ENTRY_CAPACITY: {
    type: "unsigned",
    default: "65536",
    doc: "neighbours the table holds, 0 = any number (which is Click's default)",
  },
  ENTRY_PACKET_CAPACITY: {
    type: "unsigned",
    default: "0",
    doc: "packets that may wait for one neighbour, 0 = any number",
  },
  CAPACITY_SLIM_FACTOR: {
    type: "unsigned",
    default: "2",
    doc: "of CAPACITY, one packet in this many is dropped when too many wait",
  },
  TIMEOUT: {
    type: "seconds",
    default: "5 min",
    doc: "time after which a neighbour not heard of is forgotten, 0 = never",
  },
} as const satisfies ArgSpecs;

/** Sets `cache` up as the arguments say. */
export function configureCache(
  cache: ARPCache,
  values: ArgValues<typeof TABLE_ARGS>,
  errors: ErrorSink,
): void {
  if (values.CAPACITY_SLIM_FACTOR === 0) errors.error("CAPACITY_SLIM_FACTOR cannot be zero");
  cache.limit(values);
  cache.table.slimFactor = Math.max(1, values.CAPACITY_SLIM_FACTOR);
}

/** The table, a line a neighbour, least recently heard of first: address, whether it is known, hardware address, age in seconds. */
export function tableText(cache: ARPCache, now: number): string {
  let text = "";
  for (const neighbour of cache.table.values()) {
    const known = cache.known(neighbour, now) ? 1 : 0;
    const ip = ipText(ipNumber(neighbour.address(4)));
    text += `${ip} ${known} ${etherText(neighbour.macBytes())} ${cache.age(neighbour, now)}\n`;
  }
  return text;
}

/** Reads what was written to an `insert` handler: `IP ETH`. */
export function parseInsert(
  element: Element,
  text: string,
): { readonly IP: number; readonly ETH: Uint8Array } {
  const ip = { type: "ip", positional: true, required: true, doc: "address" } as const;
  const ether = { type: "ether", positional: true, required: true, doc: "hardware address" } as const;
  return handlerWords(element, { IP: ip, ETH: ether }, text);
}

/** Reads what was written to a `delete` handler: `IP`. */
export function parseDelete(element: Element, text: string): number {
  const ip = { type: "ip", positional: true, required: true, doc: "address" } as const;
  return handlerWords(element, { IP: ip }, text).IP;
}

/**
 * Holds which hardware addresses IPv4 neighbours have, and the packets that wait to learn it, for several
 * ARPQueriers that name it as their TABLE.
 *
 * The packets that wait when an address is inserted by hand leave with the next answer or query.
 *
 * @example ARPTable(CAPACITY 100, TIMEOUT 1m)
 * @see ARPQuerier
 */
export class ARPTable extends Element {
  static readonly spec = {
    ports: "0/0",
    args: TABLE_ARGS,
    counters: { drops: "packets dropped because they waited too long, or too many waited" },
    handlers: {
      table: {
        read: true,
        doc: "a line a neighbour, least recently heard of first: address, 1 if it is known, hardware address, seconds since it was last heard of",
      },
      count: { read: true, doc: "neighbours in the table" },
      length: { read: true, doc: "packets that wait" },
      insert: { write: true, doc: "adds a neighbour: `IP ETH`" },
      delete: { write: true, doc: "forgets the hardware address of a neighbour: `IP`" },
      clear: { write: true, button: true, doc: "empties the table" },
    },
    live: true,
  } as const satisfies ElementSpec;

  #cache: ARPCache | null = null;
  #values: ArgValues<typeof TABLE_ARGS> | null = null;
  #timer: Timer | null = null;

  /** The table that queriers use. */
  get cache(): ARPCache {
    this.#cache ??= new ARPCache(this.memory, this.router.random.u32(), this.counterAddress("drops"));
    return this.#cache;
  }

  override offers(): Partial<Offers> {
    return { ARPTable: this };
  }

  override configure(values: ArgValues<typeof TABLE_ARGS>, errors: ErrorSink): void {
    this.#values = values;
    configureCache(this.cache, values, errors);
    if (this.#timer !== null) this.#expire();
  }

  override initialize(): void {
    this.#timer = this.newTimer(() => this.#expire());
    this.#expire();
  }

  override takeState(old: Element): void {
    if (!(old instanceof ARPTable)) return;
    [this.#cache, old.#cache] = [old.#cache, this.#cache];
    const { cache } = this;
    cache.table.dropsAt = this.counterAddress("drops");
    if (old.#cache !== null) old.#cache.table.dropsAt = old.counterAddress("drops");
    this.memory.set64(this.state, this.memory.get64(old.state));
    configureCache(cache, this.#values!, { error: () => {}, warning: () => {} });
  }

  override cleanup(_stage: CleanupStage): void {
    this.#cache?.destroy(this.router.chores);
    this.#cache = null;
  }

  #expire(): void {
    const more = this.cache.slim(this.router.clock.now());
    if (more) this.#timer!.scheduleAfter(SLIM_REST);
    else if (this.cache.timeout !== Number.POSITIVE_INFINITY)
      this.#timer!.scheduleAfter(this.cache.timeout + 1e9);
  }

  override handlers(): Record<string, HandlerCode> {
    const { clock } = this.router;
    return {
      table: { read: () => tableText(this.cache, clock.now()) },
      count: { read: () => this.cache.table.size },
      length: { read: () => this.cache.table.waiting },
      insert: {
        write: (text) => {
          const { IP, ETH } = parseInsert(this, text);
          this.cache.insert(IP, ETH, clock.now());
        },
      },
      delete: {
        write: (text) => {
          const ip = parseDelete(this, text);
          this.cache.insert(ip, UNKNOWN_MAC, clock.now());
        },
      },
      clear: { write: () => this.cache.clear(this.router.chores) },
    };
  }
}
