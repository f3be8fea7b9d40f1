import {
  CACHE_AREA_SIZE,
  CACHE_DENIED,
  CACHE_IID,
  CACHE_PER_PACKET,
  CACHE_ROOT,
} from "../../../assembly/lisp-layout.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import { unquote } from "../../../src/lang/args/text.js";
import {
  type Mapping,
  MappingError,
  mappingText,
  parseEidAndInstance,
  parseMapping,
  parseRloc,
  wordAndInstance,
} from "../../../src/lisp/mapping.js";
import { SLICE, SLICE_REST } from "../../../src/lisp/slice.js";
import type { Place } from "../../../src/lisp/tables/instance-tables.js";
import { MapCache } from "../../../src/lisp/tables/map-cache.js";
import type { CachedMapping } from "../../../src/lisp/tables/mapping-records.js";
import { addressText } from "../../../src/net/address.js";
import { eidName, IID_MAX } from "../../../src/net/eid.js";
import { type Prefix, prefixText } from "../../../src/net/prefix.js";
import { type Batch, SIDE_BYTES } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import { asHandlerError, type HandlerCode } from "../../../src/router/handler.js";
import { LINES, linesOf } from "../../../src/router/lines.js";
import { listenersOf } from "../../../src/router/listeners.js";
import type { Offers } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";

const args = {
  IID: { type: "unsigned", default: "0", max: IID_MAX, doc: "instance ID of all packets" },
  PACKET_IID: {
    type: "bool",
    default: "false",
    doc: "each packet brings its instance ID, as LISPDecap leaves it there; IID is then only what handlers take for granted",
  },
  CAPACITY: { type: "unsigned", default: "1048576", min: 1, doc: "most mappings it holds" },
  MAPPINGS: {
    type: "any",
    positional: true,
    rest: true,
    doc: "mappings it begins with, as the add handler takes them",
  },
} as const;

/**
 * Finds the locator to which a packet is to be encapsulated.
 *
 * The EID-to-RLOC map-cache of RFC 9300, section 6. Input packets are IPv4 or IPv6; their network header is at the
 * network header annotation, or at the start of the data. The longest prefix that holds the destination gives the
 * mapping. Among its locators that may be used (priority below 255, R bit set, not found down) those of the lowest
 * priority share the traffic by weight, flow by flow; if all these weights are 0, evenly. The packet goes to output 0
 * with the locator in its route annotation, its instance ID and its flow's hash: LISPEncap reads all three. The packet
 * may wait meanwhile; if the locator goes from the cache, or the cache from the router, LISPEncap drops it.
 *
 * Packets without a mapping, and those whose mapping says Send-Map-Request, go to output 1; those whose mapping says
 * Natively-Forward to output 2. The other negative mappings drop; with output 3 connected packets whose mapping says
 * Drop, for whatever reason, leave there when they have been counted, to be answered with an ICMP error.
 *
 * A mapping is written `EID-PREFIX RLOC[/PRIORITY[/WEIGHT[/MPRIORITY[/MWEIGHT]]]]... [ttl SECONDS] [iid N] [version N]`;
 * `/down` behind a locator says that its R bit is clear. A negative one is `EID-PREFIX action NAME`, where NAME is
 * no-action, natively-forward, send-map-request, drop, drop-policy-denied or drop-auth-failure. Commas may stand for
 * the slashes (as an argument it must then be quoted). At CAPACITY the mapping that would expire first makes room.
 *
 * A hot swap hands the whole cache to the element of the same name; mappings that the old configuration had and the
 * new one has not are removed.
 *
 * @input 0 IP packets
 * @output 0 packets with a locator
 * @output 1 packets that need a Map-Request (optional)
 * @output 2 packets to forward natively (optional)
 * @output 3 packets that a mapping drops (optional)
 * @example
 * InfiniteSource(LIMIT 3, STOP true) -> UDPIPEncap(10.1.0.1, 1000, 10.2.0.1, 2000)
 *     -> LISPMapCache(10.2.0.0/16 192.0.2.1/1/75 192.0.2.2/1/25, 10.3.0.0/16 action drop)
 *     -> LISPEncap(192.0.2.9) -> Discard
 * @see LISPEncap, LISPDecap
 */
export class LISPMapCache extends Element {
  static readonly spec = {
    ports: "1/1-4",
    processing: "a/ah",
    args,
    counters: {
      hits: "packets that were given a locator",
      misses: "packets without a mapping",
      map_requests: "packets whose mapping says Send-Map-Request",
      native: "packets whose mapping says Natively-Forward",
    },
    drops: {
      bad_packet: "neither an IPv4 nor an IPv6 header",
      no_action: "mapping says No-Action",
      no_reason: "mapping says Drop",
      policy_denied: "mapping says Drop/Policy-Denied",
      auth_failure: "mapping says Drop/Auth-Failure",
      unreachable: "mapping has no locator that may be used",
      no_native: "mapping says Natively-Forward, and output 2 is not connected",
    },
    state: CACHE_AREA_SIZE,
    handlers: {
      add: { write: true, doc: "adds a mapping, or replaces the one for the same EID-prefix" },
      remove: { write: true, doc: "removes the mapping of an EID-prefix: `EID-PREFIX [iid N]`" },
      lookup: {
        read: true,
        params: true,
        doc: "the mapping that packets to an address get: `ADDRESS [iid N]`",
      },
      table: {
        read: true,
        params: true,
        expensive: true,
        doc: "every mapping, a line each, as the add handler takes it, with the seconds it has left; from `EID-PREFIX [iid N]` on. After 4,096 lines a last one says `more: ` and from where",
      },
      counts: {
        read: true,
        params: true,
        expensive: true,
        doc: "every mapping's instance ID, EID-prefix and packets, then each locator with its packets; in parts as `table`",
      },
      rlocs: {
        read: true,
        params: true,
        expensive: true,
        doc: "every RLOC: locators that name it, up or down, MTU of the path (0 = not known), nonce; in parts as `table`, those after an RLOC",
      },
      size: { read: true, doc: "number of mappings" },
      bytes: { read: true, doc: "memory that the cache takes" },
      capacity: { read: true, doc: "most mappings it holds" },
      expired: { read: true, doc: "mappings whose time was over" },
      evicted: { read: true, doc: "mappings that made room for others" },
      refused: {
        read: true,
        doc: "mappings that were not put in, as we know better of a mobile host that is here",
      },
      clear: { write: true, button: true, doc: "removes all mappings" },
      reset_counts: { write: true, button: true, doc: "sets all packet counts to zero" },
    },
  } as const satisfies ElementSpec;

  #cache: MapCache | null = null;
  #configured: readonly Mapping[] = [];
  #configuredNames: ReadonlySet<string> = new Set();
  #iid = 0;
  readonly #timer: Timer = this.newTimer(() => this.#expire());
  readonly #worker: Timer = this.newTimer(() => this.#work());
  /** Where setting counts to zero is to go on; null: it is not going on. */
  #resetting: Place | null = null;
  readonly #missed = listenersOf<[batch: Batch]>(this, "its misses");
  readonly #inserted = listenersOf<[mapping: Mapping]>(this, "its mappings");
  readonly #expired = listenersOf<[mapping: CachedMapping]>(this, "mappings that expire");

  override offers(): Partial<Offers> {
    return { LISPMapCache: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#iid = values.IID;
    this.#adopt(new MapCache(this.memory, this.router.clock, this.router.random, values.CAPACITY));
    this.memory.set32(this.state + CACHE_IID, values.IID);
    this.memory.set32(this.state + CACHE_DENIED, this.noutputs > 3 ? 1 : 0);
    this.memory.set32(this.state + CACHE_PER_PACKET, values.PACKET_IID ? 1 : 0);
    const mappings: Mapping[] = [];
    for (const text of values.MAPPINGS) {
      try {
        const mapping = parseMapping(unquote(text), values.IID);
        mappings.push(mapping);
        this.cache.insert(mapping);
      } catch (e) {
        if (!(e instanceof MappingError)) throw e;
        errors.error(`mapping '${text}': ${e.message}`);
      }
    }
    this.#configured = mappings;
    this.#configuredNames = new Set(mappings.map(eidName));
  }

  override takeState(old: Element): void {
    if (!(old instanceof LISPMapCache) || old.#cache === null) return;
    const { capacity } = this.cache;
    const gone = old.#configured.filter((m) => this.cache.get(m.iid, m.eid) === null);
    this.#discard(this.cache);
    this.#adopt(old.#cache);
    old.#cache = null;
    this.#resetting = old.#resetting;
    this.#worker.scheduleAfter(SLICE_REST);
    this.cache.capacity = capacity;
    for (const m of gone) this.cache.delete(m.iid, m.eid);
    for (const m of this.#configured) {
      // The swap cannot fail any more: what does not fit is said, and left out.
      try {
        this.cache.insert(m);
      } catch (e) {
        this.router.log(`${this.declaration}: mapping '${mappingText(m)}': ${(e as Error).message}`);
      }
    }
    this.#schedule();
  }

  override cleanup(): void {
    if (this.#cache !== null) this.#discard(this.#cache);
    this.#cache = null;
  }

  /** Lets a map-cache go, with as little delay to packets as all else. */
  #discard(cache: MapCache): void {
    cache.destroy();
    if (cache.work()) this.router.chores.add(() => cache.work());
  }

  override process(batch: Batch): void {
    const counts = this.memory.kernels.lispRoute(
      this.state,
      batch.address,
      batch.count,
      this.rejects,
      this.rejects + SIDE_BYTES,
    );
    const hits = counts & 1023;
    if (hits < batch.count) this.#setAside(batch, hits, (counts >>> 10) & 1023, counts >>> 20);
  }

  /** Sends misses and packets to be forwarded natively on their ways. */
  #setAside(batch: Batch, hits: number, missed: number, native: number): void {
    const { batches, memory } = this.router;
    batch.count = hits;
    const misses = batches.collect(missed);
    const natives = batches.collect(native, 1);
    if (misses.count > 0) {
      this.#missed.tell(misses);
      this.pushOrKill(1, misses);
    }
    if (natives.count > 0 && this.noutputs > 3) this.dispatch(natives);
    else if (natives.count > 0) {
      if (this.noutputs < 3) memory.add64(this.counterAddress("no_native"), natives.count);
      this.pushOrKill(2, natives);
    }
    batches.release(natives);
    batches.release(misses);
  }

  // ---- For the control plane --------------------------------------------------

  /** The cache itself: insert, delete, get, lookup, entries, updateRloc, setStatusBits and so on. Not to be kept across a hot swap. */
  get cache(): MapCache {
    if (this.#cache === null) throw new Error(`${this.name} has no map-cache now`);
    return this.#cache;
  }

  /** Whether the configuration has a mapping for just this EID-prefix. */
  isConfigured(iid: number, eid: Prefix): boolean {
    return this.#configuredNames.has(eidName({ iid, eid }));
  }

  /** Calls `listener` with the packets that need a Map-Request, before they go to output 1: to look at, not to keep. */
  onMiss(listener: (batch: Batch) => void): void {
    this.#missed.add(listener);
  }

  /** Calls `listener` with every mapping that was put in. */
  onInsert(listener: (mapping: Mapping) => void): void {
    this.#inserted.add(listener);
  }

  /** Calls `listener` with every mapping whose time is over, once it has been removed. */
  onExpire(listener: (mapping: CachedMapping) => void): void {
    this.#expired.add(listener);
  }

  #adopt(cache: MapCache): void {
    this.#cache = cache;
    cache.onInsert = (mapping) => {
      this.#schedule();
      this.#inserted.tell(mapping);
    };
    this.memory.set32(this.state + CACHE_ROOT, cache.root);
  }

  /** Goes on with what was not done at once: giving back what was cleared, setting counts to zero. */
  #work(): void {
    const { cache } = this;
    if (this.#resetting !== null) this.#resetting = cache.resetCounts(this.#resetting, SLICE);
    if (cache.work() || this.#resetting !== null) this.#worker.scheduleAfter(SLICE_REST);
  }

  #schedule(): void {
    // What should have gone already goes when packets have had their turn.
    const next = Math.max(this.cache.nextExpiry, this.router.clock.now());
    if (next === Number.POSITIVE_INFINITY) return;
    if (!this.#timer.scheduled || this.#timer.expiry > next) this.#timer.scheduleAt(next);
  }

  #expire(): void {
    this.cache.expire((mapping) => this.#expired.tell(mapping), SLICE / 2);
    this.#schedule();
  }

  // ---- Handlers -----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    return {
      add: { write: (text) => asHandlerError(() => this.#add(text)) },
      remove: { write: (text) => asHandlerError(() => this.#remove(text)) },
      lookup: { read: (text) => asHandlerError(() => this.#lookup(text)) },
      table: { read: (text) => asHandlerError(() => this.#list(text, (m) => `${this.#line(m)}\n`)) },
      counts: { read: (text) => asHandlerError(() => this.#list(text, countLine)) },
      rlocs: { read: (text) => asHandlerError(() => this.#listRlocs(text)) },
      size: { read: () => this.cache.size },
      bytes: { read: () => this.cache.bytes },
      capacity: { read: () => this.cache.capacity },
      expired: { read: () => this.cache.expired },
      evicted: { read: () => this.cache.evicted },
      refused: { read: () => this.cache.refused },
      clear: { write: () => this.#clear() },
      reset_counts: { write: () => this.#resetCounts() },
    };
  }

  /** A part of the mappings, from the one that `text` names on: packets wait meanwhile. */
  #list(text: string, line: (m: CachedMapping) => string): string {
    const from = text.trim() === "" ? undefined : parseEidAndInstance(text, this.#iid);
    return linesOf(this.cache.entries(from), line, (m) => `${prefixText(m.eid)} iid ${m.iid}`);
  }

  #listRlocs(text: string): string {
    const after = text.trim() === "" ? null : parseRloc(text.trim());
    return linesOf(
      this.cache.rlocs(after, LINES + 1),
      (r) => `${addressText(r.rloc)} ${r.users} ${r.down ? "down" : "up"} ${r.mtu} ${r.nonce}\n`,
      (_next, last) => addressText(last.rloc),
    );
  }

  #line(m: CachedMapping): string {
    return mappingText(m, m.expiry === null ? null : (m.expiry - this.router.clock.now()) / 1e9);
  }

  #add(text: string): void {
    this.cache.insert(parseMapping(unquote(text.trim()), this.#iid));
  }

  #remove(text: string): void {
    const { iid, eid } = parseEidAndInstance(text, this.#iid);
    if (!this.cache.delete(iid, eid))
      throw new MappingError(`no mapping for '${prefixText(eid)}' in instance ${iid}`);
  }

  #lookup(text: string): string {
    const { word, iid } = wordAndInstance(text, "ADDRESS", this.#iid);
    const found = this.cache.lookup(iid, parseRloc(word));
    return found === null ? "none" : this.#line(found);
  }

  #clear(): void {
    this.cache.clear();
    this.#resetting = null;
    this.#worker.scheduleAfter(SLICE_REST);
  }

  #resetCounts(): void {
    this.#resetting = this.cache.resetCounts(undefined, SLICE);
    if (this.#resetting !== null) this.#worker.scheduleAfter(SLICE_REST);
    const { counters, drops } = LISPMapCache.spec;
    for (const name of Object.keys({ ...counters, ...drops }))
      this.memory.set64(this.counterAddress(name), 0);
  }
}

function countLine(m: CachedMapping): string {
  const locators = m.locators.map((l) => ` ${addressText(l.rloc)} ${l.packets}`).join("");
  return `${m.iid} ${prefixText(m.eid)} ${m.packets}${locators}\n`;
}
