import { LargeMap } from "../../src/collections/large-map.js";
import type { ArgValues } from "../../src/lang/args/spec.js";
import type { Mapping } from "../../src/lisp/mapping.js";
import type { SiteOffer } from "../../src/lisp/offers/lisp-offers.js";
import { SLICE, SLICE_REST } from "../../src/lisp/slice.js";
import "../../src/measure/path-offer.js";
import { PATH_ARGS, PATH_HANDLERS, PathReports } from "../../src/measure/path-reports.js";
import { type Path, type PathTable, pathName } from "../../src/measure/path-table.js";
import { ProbeBudget } from "../../src/measure/probe-budget.js";
import { addressText, findAddress, sameAddress } from "../../src/net/address.js";
import type { Batch } from "../../src/packet/batch.js";
import { Packet } from "../../src/packet/packet.js";
import { arrival } from "../../src/router/arrival.js";
import { Element, type ErrorSink } from "../../src/router/element.js";
import { type HandlerCode, HandlerError } from "../../src/router/handler.js";
import { type Offers, offerOf } from "../../src/router/offers.js";
import type { ElementSpec } from "../../src/router/spec.js";
import type { Timer } from "../../src/router/timer.js";
import { TimerGroup } from "../../src/router/timer-group.js";
import { type Echo, readEchoReply, writeEcho } from "../../src/wire/echo.js";

const args = {
  SRC: { type: "address", many: true, doc: "an address of ours, from which pings go" },
  HOSTS: { type: "string", doc: "addresses that are pinged, separated by spaces" },
  SITE: {
    type: "element",
    doc: "the LISPSite whose single hosts, EIDs of full length, are pinged, too, as they come and go",
  },
  INTERVAL: {
    type: "seconds",
    default: "10",
    doc: "longest time from one ping of a host to the next; 0: none",
  },
  TIMEOUT: { type: "seconds", default: "1", doc: "wait for a reply, at most nine tenths of INTERVAL" },
  RETRIES: {
    type: "unsigned",
    default: "2",
    max: 100,
    doc: "pings after the first without a reply until a host is taken for down",
  },
  RATE: {
    type: "unsigned",
    default: "1000",
    min: 1,
    doc: "most pings a second; where INTERVAL would want more it is longer",
  },
  CAPACITY: { type: "unsigned", default: "4096", min: 1, doc: "most pairs of addresses that are pinged" },
  ...PATH_ARGS,
} as const;

/** One host that is pinged from one address of ours. */
class PingedHost {
  readonly path: Path;
  readonly timer: Timer;
  /** Steady nanoseconds since which a ping waits for the budget; -1: none does. */
  waitsSince = -1;
  /** The nonce of the ping that is out, and the steady nanosecond at which it left; null: none is. */
  out: { readonly nonce: bigint; readonly at: number } | null = null;
  /** Steady nanosecond of the next one. */
  dueAt = 0;
  sequence = 0;
  /** Pings in a row that had no reply. */
  losses = 0;

  constructor(path: Path, timer: Timer) {
    this.path = path;
    this.timer = timer;
  }
}

/**
 * Measures the way to hosts by pings (ICMP and ICMPv6 echo): of a tunnel router to those of its site, or of another one
 * through an overlay.
 *
 * Every host is pinged from every SRC of its address family once in INTERVAL, or up to a tenth earlier, so that pings do not
 * keep step. A reply counts that comes within TIMEOUT, from the host to the SRC, with the nonce of the ping, which is
 * random. What is measured has the form of what LISPRLOCProber measures (docs/paths.md), with `timeout` TIMEOUT; a ping
 * is never repeated.
 *
 * @input 0 echo replies
 * @output 0 echo requests, as IP packets with the destination annotation set
 * @example
 * p :: HostProber(SRC 10.0.0.1, HOSTS "10.0.0.2 10.0.0.3", INTERVAL 1) -> CheckIPHeader -> ICMPPingResponder -> p
 * @see LISPRLOCProber, ICMPPingSource
 */
export class HostProber extends Element {
  static readonly spec = {
    ports: "1/1",
    processing: "h/h",
    flow: "x/y",
    args,
    counters: {
      pings: "echo requests sent",
      replies: "replies that came in time",
      downs: "times that a host went down",
      delayed: "pings that had to wait, as RATE others had left",
    },
    drops: {
      malformed: "no whole echo reply",
      not_mine: "no reply to a ping that is out, from who was pinged to who pinged",
      full: "a pair of addresses that is not pinged, as CAPACITY others are",
      no_slot: "no free packet for a ping",
    },
    handlers: {
      add_host: { write: true, doc: "an address that is pinged from now on" },
      remove_host: { write: true, doc: "an address that is pinged no more" },
      ...PATH_HANDLERS,
    },
  } as const satisfies ElementSpec;

  readonly #packet = new Packet(this.memory);
  readonly #timers = new TimerGroup(this);
  readonly #hosts = new LargeMap<string, PingedHost>();
  /** By the nonces of pings that are out. */
  readonly #out = new LargeMap<bigint, PingedHost>();
  #reports: PathReports | null = null;
  #budget: ProbeBudget<PingedHost> | null = null;
  #site: SiteOffer | null = null;
  #configured: readonly Uint8Array[] = [];
  #sources: readonly Uint8Array[] = [];
  #before: PathTable | null = null;
  #interval = 0;
  #timeout = 0;
  #retries = 0;
  #capacity = 0;

  override offers(): Partial<Offers> {
    return { Paths: this };
  }

  override configure(values: ArgValues<typeof args>, errors: ErrorSink): void {
    if (values.SRC.length === 0) errors.error("no SRC given");
    this.#sources = values.SRC.filter((a, i) => values.SRC.findIndex((b) => sameAddress(a, b)) === i);
    this.#site = offerOf(values.SITE, "LISPSite", "SITE", errors);
    const hosts: Uint8Array[] = [];
    for (const text of (values.HOSTS ?? "").split(/\s+/).filter((word) => word !== "")) {
      const host = this.#parse(text);
      if (typeof host === "string") errors.error(`HOSTS: ${host}`);
      else hosts.push(host);
    }
    this.#configured = hosts;
    this.#interval = values.INTERVAL * 1e9;
    this.#timeout = Math.min(values.TIMEOUT * 1e9, 0.9 * this.#interval);
    this.#retries = values.RETRIES;
    this.#capacity = values.CAPACITY;
    this.#reports = new PathReports(this, values, errors);
    this.#budget = new ProbeBudget({
      clock: this.router.clock,
      rate: values.RATE,
      timer: (fire) => this.newTimer(fire),
      send: (host) => this.#ping(host),
    });
  }

  /** The address of a host; a string: what is wrong with it. */
  #parse(text: string): Uint8Array | string {
    const host = findAddress(text);
    if (host === null) return `'${text}' is no IP address`;
    return this.#sources.some((own) => own.length === host.length)
      ? host
      : `${text} is of another address family than every SRC`;
  }

  override initialize(): void {
    this.#reports!.start(this.#timeout / 1e9);
    if (this.#interval === 0) return;
    for (const host of this.#configured) this.#add(host);
    if (this.#site !== null) this.#follow(this.#site);
  }

  override takeState(old: Element): void {
    if (!(old instanceof HostProber) || old.#reports === null) return;
    this.#before = old.paths;
    for (const { path } of this.#hosts.values()) this.paths.inherit(path, old.paths);
  }

  override cleanup(): void {
    this.#reports?.close();
  }

  get paths(): PathTable {
    return this.#reports!.table;
  }

  /** Pings the site's hosts: those that are there, some at a time, and those that come. */
  #follow({ mappings }: SiteOffer): void {
    mappings.onChange(({ before, after }) => {
      if (after !== null && isHost(after)) this.#add(after.eid.address);
      else if (after === null && before !== null && isHost(before)) this.#remove(before.eid.address);
    });
    const left = mappings.entries();
    const timer = this.newTimer(() => {
      for (let i = 0; i < SLICE; i++) {
        const { done, value } = left.next();
        if (done) {
          this.#before = null;
          return;
        }
        if (isHost(value)) this.#add(value.eid.address);
      }
      timer.scheduleAfter(SLICE_REST);
    });
    timer.scheduleAfter(0);
  }

  #add(host: Uint8Array): void {
    for (const own of this.#sources) {
      if (own.length !== host.length || this.#hosts.has(pathName(own, host))) continue;
      if (this.#hosts.size >= this.#capacity) {
        this.#count("full");
        continue;
      }
      const path = this.paths.path(own, host);
      if (this.#before !== null) this.paths.inherit(path, this.#before);
      const pinged: PingedHost = new PingedHost(
        path,
        this.#timers.timer(() => this.#due(pinged)),
      );
      this.#hosts.set(path.name, pinged);
      // Spread, so that hosts that come together are not pinged at once.
      pinged.timer.scheduleAfter(Math.floor((this.router.random.real() * this.#interval) / 10));
    }
  }

  /** Returns whether it was there. Configured hosts stay when the site has them no more. */
  #remove(host: Uint8Array, always = false): boolean {
    if (!always && this.#configured.some((h) => sameAddress(h, host))) return false;
    let found = false;
    for (const own of this.#sources) {
      const pinged = this.#hosts.get(pathName(own, host));
      if (pinged === undefined) continue;
      found = true;
      pinged.timer.unschedule();
      this.#budget!.withdraw(pinged);
      if (pinged.out !== null) this.#out.delete(pinged.out.nonce);
      this.#hosts.delete(pinged.path.name);
      this.paths.delete(pinged.path);
    }
    return found;
  }

  /** A ping is to leave, or has had no reply in time. */
  #due(host: PingedHost): void {
    if (host.out === null) {
      if (!this.#budget!.request(host)) this.#count("delayed");
      return;
    }
    const { at } = host.out;
    this.#over(host);
    if (++host.losses > this.#retries && host.path.state !== "down") {
      host.path.state = "down";
      this.#count("downs");
    }
    this.paths.take([{ own: host.path.own, peer: host.path.peer, sentAt: at, rtt: "lost", repeated: false }]);
  }

  /** No ping is out; the next one leaves when it is due. */
  #over(host: PingedHost): void {
    this.#out.delete(host.out!.nonce);
    host.out = null;
    host.timer.scheduleAt(Math.max(host.dueAt, this.router.clock.now()));
  }

  #ping(host: PingedHost): void {
    const now = this.router.clock.now();
    host.dueAt = now + Math.floor(this.#interval * (0.9 + this.router.random.real() / 10));
    const { random } = this.router;
    const nonce = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
    host.sequence = (host.sequence + 1) & 0xffff;
    const { own, peer } = host.path;
    const bytes = writeEcho({ source: own, destination: peer, sequence: host.sequence, nonce });
    const slot = this.memory.kernels.poolTakeFor(bytes.length);
    if (slot === 0) {
      // Of a ping that did not leave nobody knows.
      this.#count("no_slot");
      host.timer.scheduleAt(host.dueAt);
      return;
    }
    host.out = { nonce, at: now };
    this.#out.set(nonce, host);
    host.timer.scheduleAfter(this.#timeout);
    this.#count("pings");
    const packet = this.#packet.at(slot);
    packet.setBytes(bytes);
    packet.networkHeader = packet.data;
    this.memory.u8.set(peer, packet.anno(0));
    const batch = this.router.batches.acquire();
    batch.add(slot);
    this.outputs[0].push(batch);
    this.router.batches.release(batch);
  }

  override push(_port: number, batch: Batch): void {
    // Listeners may push packets out, which must not find this batch half used.
    const replies: [reply: Echo | null, at: number][] = [];
    for (let i = 0; i < batch.count; i++) {
      const packet = this.#packet.at(batch.at(i));
      const { data, networkHeader: network } = packet;
      const end = data + packet.length;
      const bytes = this.memory.u8.slice(network >= data && network < end ? network : data, end);
      replies.push([readEchoReply(bytes), arrival(this, batch.at(i))]);
    }
    batch.kill();
    for (const [reply, at] of replies) this.#receive(reply, at);
  }

  #receive(reply: Echo | null, at: number): void {
    if (reply === null) {
      this.#count("malformed");
      return;
    }
    const host = this.#out.get(reply.nonce);
    const mine =
      host !== undefined &&
      reply.sequence === host.sequence &&
      sameAddress(reply.source, host.path.peer) &&
      sameAddress(reply.destination, host.path.own);
    if (!mine) {
      this.#count("not_mine");
      return;
    }
    const sentAt = host.out!.at;
    this.#over(host);
    this.#count("replies");
    host.losses = 0;
    host.path.state = "up";
    const { own, peer } = host.path;
    this.paths.take([{ own, peer, sentAt, rtt: Math.max(at - sentAt, 0), repeated: false }]);
  }

  #count(name: keyof typeof HostProber.spec.counters | keyof typeof HostProber.spec.drops): void {
    this.memory.add64(this.counterAddress(name), 1);
  }

  // ---- Handlers -----------------------------------------------------------------

  override handlers(): Record<string, HandlerCode> {
    const address = (text: string): Uint8Array => {
      const host = this.#parse(text.trim());
      if (typeof host === "string") throw new HandlerError("FAILED", host);
      return host;
    };
    return {
      add_host: {
        write: (text) => {
          const host = address(text);
          if (this.#interval > 0) this.#add(host);
        },
      },
      remove_host: {
        write: (text) => {
          const host = address(text);
          if (!this.#remove(host, true))
            throw new HandlerError("FAILED", `${addressText(host)} is not pinged`);
        },
      },
      ...this.#reports!.handlers(),
    };
  }
}

function isHost({ eid }: Mapping): boolean {
  return eid.length === eid.address.length * 8;
}
