import { parseValue } from "../../src/lang/args/parse.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import { splitSpaces } from "../../src/lang/args/text.js";
import { ip6Text } from "../../src/net/address.js";
import { linkLocalAddress } from "../../src/net/mac.js";
import { canonical } from "../../src/net/prefix.js";
import type { Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, valueHandler } from "../../src/router/handler.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";
import { orNull } from "../../src/wire/error.js";
import { IPV6_MTU_MIN } from "../../src/wire/ipv6.js";
import {
  type AdvertisedPrefix,
  LIFETIME_INFINITE,
  readRouterSolicitation,
  writeRouterAdvertisement,
} from "../../src/wire/router-discovery.js";

const args = {
  ETH: {
    type: "ether",
    positional: true,
    required: true,
    doc: "the router's hardware address; advertisements come from the link-local address made of it",
  },
  LIFETIME: {
    type: "seconds",
    max: 9000,
    doc: "time for which hosts take it as a default router, 0 = they do not, else at least MAX_INTERVAL; by default three times that",
  },
  MAX_INTERVAL: {
    type: "seconds",
    default: "600",
    min: 4,
    max: 1800,
    doc: "most time between advertisements; the least is a third of it, and at least 3 s",
  },
  MTU: { type: "unsigned", default: "0", doc: "the network's MTU, bytes; 0: hosts are not told" },
  HOP_LIMIT: {
    type: "unsigned",
    default: "64",
    max: 255,
    doc: "hop limit that hosts are to use; 0: not told",
  },
  MANAGED: { type: "bool", default: "false", doc: "addresses are to be had by DHCPv6" },
  OTHER: { type: "bool", default: "false", doc: "other settings are to be had by DHCPv6" },
  ACTIVE: { type: "bool", default: "true", doc: "advertise" },
  PREFIX: {
    type: "any",
    positional: true,
    rest: true,
    doc: "`IP6/LENGTH [on-link] [autonomous] [valid SECONDS] [preferred SECONDS]`: a prefix of the network, whether hosts reach it without a router, whether they form addresses of it (RFC 4862), for how long (2592000 and 604800; `infinite`)",
  },
} as const;

// RFC 4861, section 10: nanoseconds, and how often.
const SECOND = 1e9;
const MAX_INITIAL_INTERVAL = 16 * SECOND;
const MAX_INITIAL = 3;
const MIN_DELAY_BETWEEN = 3 * SECOND;
const MAX_DELAY = SECOND / 2;
/** Section 6.2.1. */
const LEAST_INTERVAL = 3 * SECOND;
const VALID = 2592000;
const PREFERRED = 604800;
/** Lengths of the prefixes that interfaces form addresses of, on Ethernet (RFC 2464, section 4). */
const AUTONOMOUS_LENGTH = 64;
/** So that an advertisement with all of them fits into any packet. */
const PREFIXES_MAX = 32;

/**
 * Advertises a router to the hosts of its network (Router Advertisements, RFC 4861, section 6.2).
 *
 * It does so at random times up to MAX_INTERVAL apart, the first three times at most 16 s apart, and when a host asks:
 * to all, half a second later at most, and at least 3 s after the last time, however many ask. Routers with one hardware
 * address have one link-local address too: a host that moves from one to the other keeps its default router.
 *
 * When it is set to be no longer active, it says once that it is no default router any more.
 *
 * @input 0 Router Solicitations with Ethernet header
 * @output 0 Router Advertisements with Ethernet header
 * @example Idle -> IP6NDRouterAdvertiser(02:00:5e:00:01:01, 2001:db8::/64 on-link autonomous) -> Discard
 * @see IP6NDAdvertiser, IP6NDSolicitor
 */
export class IP6NDRouterAdvertiser extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      advertisements: "advertisements sent",
      solicitations: "solicitations received",
    },
    drops: {
      bad_message: "not a solicitation as RFC 4861, section 6.1.1 wants it",
      inactive: "a solicitation while it does not advertise",
      no_slot: "no free packet for an advertisement",
    },
    handlers: {
      active: { read: true, write: true, checkbox: true, doc: "whether it advertises" },
      address: { read: true, doc: "the link-local address that advertisements come from" },
    },
    live: true,
  } as const satisfies ElementSpec;

  readonly #packet = new Packet(this.memory);
  #values: ArgValues<typeof args> | null = null;
  #prefixes: readonly AdvertisedPrefix[] = [];
  #lifetime = 0;
  #active = false;
  #timer: Timer | null = null;
  /** Steady nanoseconds of the last one; how many of the first ones are still to come. */
  #last = Number.NEGATIVE_INFINITY;
  #initial = 0;

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    const { MAX_INTERVAL, MTU, LIFETIME = MAX_INTERVAL * 3 } = values;
    if (LIFETIME !== 0 && LIFETIME < MAX_INTERVAL) errors.error("LIFETIME: shorter than MAX_INTERVAL");
    if (MTU !== 0 && MTU < IPV6_MTU_MIN) errors.error(`MTU: IPv6 needs at least ${IPV6_MTU_MIN}`);
    const texts = values.PREFIX.map((text) => text.trim()).filter((text) => text !== "");
    if (texts.length > PREFIXES_MAX) errors.error(`more than ${PREFIXES_MAX} prefixes`);
    const prefixes: AdvertisedPrefix[] = [];
    for (const text of texts) {
      const prefix = this.#parsePrefix(text);
      if (typeof prefix === "string") errors.error(`'${text}': ${prefix}`);
      else prefixes.push(prefix);
    }
    this.#values = values;
    this.#lifetime = LIFETIME;
    this.#prefixes = prefixes;
    if (this.graph.initialized) this.#activate(values.ACTIVE);
    else this.#active = values.ACTIVE;
  }

  /** The prefix, or what is wrong with it. */
  #parsePrefix(text: string): AdvertisedPrefix | string {
    const [first, ...words] = splitSpaces(text);
    const prefix = parseValue(first ?? "", { type: "ip6_prefix" }, this.graph.argContext(this));
    if (!("value" in prefix)) return "expected IP6/LENGTH";
    let [onLink, autonomous, valid, preferred] = [false, false, VALID, PREFERRED];
    for (let i = 0; i < words.length; i++) {
      const word = words[i];
      if (word === "on-link") onLink = true;
      else if (word === "autonomous") autonomous = true;
      else if (word === "valid" || word === "preferred") {
        const seconds = lifetimeOf(words[++i] ?? "");
        if (seconds === null) return `${word} needs seconds, or 'infinite'`;
        if (word === "valid") valid = seconds;
        else preferred = seconds;
      } else return `'${word}' is none of on-link, autonomous, valid and preferred`;
    }
    const { address, length } = canonical(prefix.value);
    if (preferred > valid) return "preferred for longer than valid";
    if (autonomous && length !== AUTONOMOUS_LENGTH) return `autonomous wants /${AUTONOMOUS_LENGTH}`;
    if (address[0] === 0xff || (address[0] === 0xfe && (address[1] & 0xc0) === 0x80))
      return "a group's, or of link-local addresses";
    return { address, length, onLink, autonomous, valid, preferred };
  }

  override initialize(): void {
    this.#timer = this.newTimer(() => this.#due());
    if (this.#active) this.#begin();
  }

  /** Hosts hear of the new configuration, no sooner than they may. */
  override takeState(old: Element): void {
    if (!(old instanceof IP6NDRouterAdvertiser)) return;
    this.#last = old.#last;
    this.#timer!.unschedule();
    if (this.#active) this.#begin();
    else if (old.#active) this.#send(0);
  }

  /** Tells hosts several times, so that they know soon of what is new. */
  #begin(): void {
    this.#initial = MAX_INITIAL;
    this.#schedule();
  }

  /** Has it advertise as soon as it may (section 6.2.6), unless that is to be sooner still. */
  #schedule(): void {
    const random = this.router.random.real() * MAX_DELAY;
    const at = Math.max(this.router.clock.now(), this.#last + MIN_DELAY_BETWEEN) + random;
    if (!this.#timer!.scheduled || at < this.#timer!.expiry) this.#timer!.scheduleAt(at);
  }

  #activate(active: boolean): void {
    const before = this.#active;
    this.#active = active;
    if (active) this.#begin();
    else {
      this.#timer?.unschedule();
      // Section 6.2.5.
      if (before) this.#send(0);
    }
  }

  #due(): void {
    const most = this.#values!.MAX_INTERVAL * SECOND;
    const least = Math.min(Math.max(most / 3, LEAST_INTERVAL), most);
    const interval = least + this.router.random.real() * (most - least);
    if (this.#initial > 0) this.#initial--;
    this.#timer!.scheduleAfter(this.#initial > 0 ? Math.min(interval, MAX_INITIAL_INTERVAL) : interval);
    this.#send(this.#lifetime);
  }

  #send(lifetime: number): void {
    const { ETH, MTU, HOP_LIMIT, MANAGED, OTHER } = this.#values!;
    this.#last = this.router.clock.now();
    const slot = this.memory.kernels.poolTake() >>> 0;
    if (slot === 0) {
      this.#count("no_slot");
      return;
    }
    const frame = writeRouterAdvertisement({
      source: linkLocalAddress(ETH),
      link: ETH,
      hopLimit: HOP_LIMIT,
      managed: MANAGED,
      other: OTHER,
      lifetime: Math.floor(lifetime),
      mtu: MTU,
      prefixes: this.#prefixes,
    });
    const packet = this.#packet.at(slot);
    packet.setBytes(frame);
    packet.macHeader = packet.data;
    this.#count("advertisements");
    const batch = this.router.batches.acquire();
    batch.add(slot);
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
  }

  override push(_port: number, batch: Batch): void {
    for (let i = 0; i < batch.count; i++) {
      if (orNull(() => readRouterSolicitation(this.#packet.at(batch.at(i)).bytes())) === null) {
        this.#count("bad_message");
        continue;
      }
      this.#count("solicitations");
      if (this.#active) this.#schedule();
      else this.#count("inactive");
    }
    batch.kill();
  }

  #count(
    name: keyof typeof IP6NDRouterAdvertiser.spec.counters | keyof typeof IP6NDRouterAdvertiser.spec.drops,
  ): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  override handlers(): Record<string, HandlerCode> {
    return {
      active: valueHandler(
        args.ACTIVE,
        () => this.#active,
        (active) => {
          if (active !== this.#active) this.#activate(active);
        },
      ),
      address: { read: () => ip6Text(linkLocalAddress(this.#values!.ETH)) },
    };
  }
}

/** Seconds, null where the text is none. */
function lifetimeOf(text: string): number | null {
  if (text === "infinite") return LIFETIME_INFINITE;
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return seconds <= LIFETIME_INFINITE ? seconds : null;
}
