import { SLOT_DATA, SLOT_LENGTH, SLOT_NETWORK } from "../../../assembly/layout.js";
import { LargeMap } from "../../../src/collections/large-map.js";
import type { ArgValues } from "../../../src/lang/args/spec.js";
import type { MapCacheOffer } from "../../../src/lisp/offers/lisp-offers.js";
import { addressText, sameAddress } from "../../../src/net/address.js";
import type { Batch } from "../../../src/packet/batch.js";
import { Element, type ErrorSink } from "../../../src/router/element.js";
import type { HandlerCode } from "../../../src/router/handler.js";
import { offerOf } from "../../../src/router/offers.js";
import type { ElementSpec } from "../../../src/router/spec.js";
import type { Timer } from "../../../src/router/timer.js";
import { TimerGroup } from "../../../src/router/timer-group.js";
import { WireError } from "../../../src/wire/error.js";
import { ICMP_UNREACHABLE, readIcmp } from "../../../src/wire/icmp.js";
import { ICMP6_TOO_BIG, readIcmp6 } from "../../../src/wire/icmp6.js";
import {
  IPV4_DESTINATION,
  IPV4_PROTOCOL,
  IPV4_SOURCE,
  IPV4_TOTAL_LENGTH,
  PROTOCOL_ICMP,
  PROTOCOL_ICMP6,
  PROTOCOL_UDP,
  readIpv4,
} from "../../../src/wire/ipv4.js";
import { IPV6_HEADER, readIpv6 } from "../../../src/wire/ipv6.js";
import { LISP_DATA_PORT } from "../../../src/wire/lisp-data.js";

const args = {
  RLOC: { type: "address", many: true, doc: "an RLOC of ours, from which packets are sent" },
  AGE: {
    type: "seconds",
    default: "600",
    min: 1,
    doc: "how long what was learnt holds: then a larger one is tried (RFC 1191, section 6.3; RFC 8201, section 4)",
  },
  CACHE: {
    type: "element",
    positional: true,
    rest: true,
    doc: "the LISPMapCaches whose locators it learns the MTU for",
  },
} as const;

const NEEDS_FRAGMENTING = 4;
/**
 * Least MTU that is believed, by family: below, anybody could have a tunnel router make many packets of each (RFC 1191
 * has hosts do with 576 bytes, RFC 8200 gives every link 1280).
 */
const LEAST_4 = 576;
const LEAST_6 = 1280;
/** MTUs there are, for routers that do not tell theirs (RFC 1191, section 7.1). */
const PLATEAUS: readonly number[] = [32000, 17914, 8166, 4352, 2002, 1492, 1006, 576];
const OUTER_PORTS = 49152;

/** What an ICMP message says: to which RLOC so many bytes do not get, and how many do. */
interface TooBig {
  readonly rloc: Uint8Array;
  readonly mtu: number;
}

/**
 * Learns how large packets to a locator may be, from ICMP errors about packets that were encapsulated here (RFC 9300,
 * section 7.2).
 *
 * Its input takes IP packets with ICMP's "fragmentation needed" and ICMPv6's "packet too big". What counts is about a
 * packet from one of our RLOCs to UDP port 4341 of a locator in a map-cache, larger than the MTU that it tells, and
 * tells a smaller one than is known. LISPEncap then sends larger packets to its output 1, as those that are above its
 * own MTU: there they are fragmented, or their senders told. After AGE what was learnt is forgotten.
 *
 * @input 0 IP packets with ICMP errors to our RLOCs
 * @example
 * Idle -> cache :: LISPMapCache(10.2.0.0/16 192.0.2.2) -> Discard;
 * Idle -> LISPPathMTU(cache, RLOC 192.0.2.1)
 * @see LISPEncap, LISPMapCache, ICMPError
 */
export class LISPPathMTU extends Element {
  static readonly spec = {
    ports: "1/0",
    processing: "h/h",
    args,
    counters: { learnt: "messages from which a smaller MTU was learnt", aged: "MTUs that were forgotten" },
    drops: {
      malformed: "not an ICMP error with the headers of a packet in it",
      not_too_big: "another ICMP error",
      not_ours: "about a packet that is not from an RLOC of ours to LISP's data port",
      unknown_rloc: "about a packet to no locator of a map-cache",
      implausible: "its MTU is not smaller than the packet, or smaller than any there is",
      no_news: "no smaller MTU than the one that is known",
    },
    handlers: {
      table: {
        read: true,
        doc: "every RLOC with an MTU that was learnt: RLOC, bytes, seconds until it is forgotten",
      },
    },
  } as const satisfies ElementSpec;

  readonly #timers = new TimerGroup(this);
  readonly #learnt = new LargeMap<
    string,
    { readonly rloc: Uint8Array; readonly mtu: number; readonly timer: Timer }
  >();
  #caches: readonly MapCacheOffer[] = [];
  #rlocs: readonly Uint8Array[] = [];
  #age = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    this.#caches = values.CACHE.map((cache) => offerOf(cache, "LISPMapCache", "CACHE", errors)).filter(
      (cache) => cache !== null,
    );
    if (values.CACHE.length === 0) errors.error("no CACHE given");
    this.#rlocs = values.RLOC;
    this.#age = values.AGE * 1e9;
  }

  /** What the map-caches have over a hot swap is forgotten in its time, too. */
  override takeState(old: Element): void {
    if (!(old instanceof LISPPathMTU)) return;
    const now = this.router.clock.now();
    for (const { rloc, mtu, timer } of old.#learnt.values())
      this.#remember(rloc, mtu, Math.max(0, Math.min(this.#age, timer.expiry - now)));
  }

  override push(_port: number, batch: Batch): void {
    const { memory } = this;
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.at(i);
      const data = memory.get32(slot + SLOT_DATA);
      const end = data + memory.get32(slot + SLOT_LENGTH);
      const network = memory.get32(slot + SLOT_NETWORK);
      const said = tooBig(
        memory.u8.slice(network >= data && network < end ? network : data, end),
        this.#rlocs,
      );
      this.#count(typeof said === "string" ? said : this.#learn(said));
    }
    batch.kill();
  }

  #learn({ rloc, mtu }: TooBig): "learnt" | "unknown_rloc" | "no_news" {
    const known = this.#caches.flatMap(({ cache }) => cache.rloc(rloc) ?? []);
    if (known.length === 0) return "unknown_rloc";
    if (known.every((r) => r.mtu !== 0 && r.mtu <= mtu)) return "no_news";
    for (const { cache } of this.#caches) cache.updateRloc(rloc, { mtu });
    this.#remember(rloc, mtu, this.#age);
    return "learnt";
  }

  #remember(rloc: Uint8Array, mtu: number, age: number): void {
    const name = addressText(rloc);
    this.#learnt.get(name)?.timer.unschedule();
    const timer = this.#timers.timer(() => this.#forget(name));
    this.#learnt.set(name, { rloc, mtu, timer });
    timer.scheduleAfter(age);
  }

  #forget(name: string): void {
    const found = this.#learnt.get(name)!;
    this.#learnt.delete(name);
    for (const { cache } of this.#caches) cache.updateRloc(found.rloc, { mtu: 0 });
    this.#count("aged");
  }

  #count(name: keyof typeof LISPPathMTU.spec.counters | keyof typeof LISPPathMTU.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      table: {
        read: () => {
          const now = this.router.clock.now();
          const line = ({ rloc, mtu, timer }: { rloc: Uint8Array; mtu: number; timer: Timer }): string =>
            `${addressText(rloc)} ${mtu} ${((timer.expiry - now) / 1e9).toFixed(3)}\n`;
          return [...this.#learnt.values()].map(line).join("");
        },
      },
    };
  }
}

type Refused = "malformed" | "not_too_big" | "not_ours" | "implausible";

/** What an ICMP error in an IP packet says of a packet of ours; else why it does not count. */
function tooBig(packet: Uint8Array, own: readonly Uint8Array[]): TooBig | Refused {
  try {
    if (packet.length > 0 && packet[0] >> 4 === 6) {
      const { source, destination, nextHeader, payload } = readIpv6(packet);
      if (nextHeader !== PROTOCOL_ICMP6) return "malformed";
      const { type, rest, payload: about } = readIcmp6(payload, { source, destination });
      return type === ICMP6_TOO_BIG ? quoted6(about, rest, own) : "not_too_big";
    }
    const { protocol, payload } = readIpv4(packet);
    if (protocol !== PROTOCOL_ICMP) return "malformed";
    const { type, code, rest, payload: about } = readIcmp(payload);
    if (type !== ICMP_UNREACHABLE || code !== NEEDS_FRAGMENTING) return "not_too_big";
    return quoted4(about, rest & 0xffff, own);
  } catch (e) {
    if (e instanceof WireError) return "malformed";
    throw e;
  }
}

/** Of the packet there are its IP header and 8 bytes at least: what it was is not all there. */
function quoted4(about: Uint8Array, told: number, own: readonly Uint8Array[]): TooBig | Refused {
  const header = (about[0] & 15) * 4;
  if (about.length < 28 || about[0] >> 4 !== 4 || header < 20 || about.length < header + 8)
    return "malformed";
  const from = about.slice(IPV4_SOURCE, IPV4_SOURCE + 4);
  const rloc = about.slice(IPV4_DESTINATION, IPV4_DESTINATION + 4);
  if (about[IPV4_PROTOCOL] !== PROTOCOL_UDP || !isOurs(about, header, from, own)) return "not_ours";
  const size = u16(about, IPV4_TOTAL_LENGTH);
  const mtu = told === 0 ? (PLATEAUS.find((plateau) => plateau < size) ?? 0) : told;
  return mtu < LEAST_4 || mtu >= size ? "implausible" : { rloc, mtu };
}

function quoted6(about: Uint8Array, mtu: number, own: readonly Uint8Array[]): TooBig | Refused {
  if (about.length < IPV6_HEADER + 8 || about[0] >> 4 !== 6) return "malformed";
  const rloc = about.slice(24, 40);
  if (about[6] !== PROTOCOL_UDP || !isOurs(about, IPV6_HEADER, about.slice(8, 24), own)) return "not_ours";
  return mtu < LEAST_6 || mtu >= u16(about, 4) + IPV6_HEADER ? "implausible" : { rloc, mtu };
}

/** Whether it is from an RLOC of ours, and a port that LISPEncap sends from, to LISP's data port. */
function isOurs(about: Uint8Array, udp: number, from: Uint8Array, own: readonly Uint8Array[]): boolean {
  if (u16(about, udp) < OUTER_PORTS || u16(about, udp + 2) !== LISP_DATA_PORT) return false;
  return own.some((rloc) => sameAddress(rloc, from));
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}
