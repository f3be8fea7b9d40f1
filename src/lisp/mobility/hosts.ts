// The hosts that have come to a site, or left it: what is known of each, and what it takes to believe it.
//
// A packet from a new address proves nothing. The host is asked for (ARP, Neighbor Discovery), and only its answer
// counts; how often that is done has a limit.

import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";
import { TokenBucket } from "../../router/token-bucket.js";
import type { Mapping } from "../mapping.js";
import type { HostState, MobileHost } from "./mobile-host.js";

/** Times in nanoseconds. */
export interface HostsPolicy {
  /** Questions without an answer before a host is taken for absent, and the wait for each. */
  readonly tries: number;
  readonly timeout: number;
  /** How long a host may be silent before it is asked whether it is there. */
  readonly idle: number;
  /** How long a host of another site that has left is still known. */
  readonly hold: number;
  /** How long one that has returned stays registered by itself: once all Map-Servers know it, if that takes longer. */
  readonly linger: number;
  /** New hosts a second that are asked for, and at once. */
  readonly rate: number;
  readonly burst: number;
  /** Hosts, and addresses being asked for. */
  readonly capacity: number;
}

/** Why an address is not taken up. */
export type HostRefusal = "outside" | "rate" | "full" | "unanswered";

/** Who acts on what becomes of hosts. */
export interface HostsOwner {
  home(eid: Uint8Array): boolean;
  inRange(eid: Uint8Array): boolean;
  /** Packets from and to a host so far. */
  packets(eid: Uint8Array): number;
  /** Asks the site for the host. */
  ask(eid: Uint8Array): void;
  refused(why: HostRefusal): void;
  /** It is here or returned. */
  arrived(host: MobileHost): void;
  /** It is here or returned, and only now its hardware address is known. */
  located(host: MobileHost): void;
  /** It was here, or had returned, and is not any more: elsewhere (away), or nowhere known. */
  left(host: MobileHost): void;
  lost(host: MobileHost): void;
  /** Whether every Map-Server has acknowledged that it has returned. */
  acknowledged(host: MobileHost): boolean;
  /** It need not be known any more: it has been away or back for long enough. */
  settled(host: MobileHost): void;
  /** It was away, and where it was said to be does not hold any more. */
  gone(host: MobileHost): void;
}

interface Entry extends MobileHost {
  state: HostState;
  answered: boolean;
  mac: Uint8Array | null;
  mapping: Mapping | null;
  since: number;
  seen: number;
  unconfirmed: number;
  /** Packets at the last look, questions since the last answer. */
  packets: number;
  tries: number;
  /** Its return was not acknowledged in time. */
  late: boolean;
  readonly timer: Timer;
}

interface Candidate {
  readonly eid: Uint8Array;
  readonly timer: Timer;
  tries: number;
}

export class MobileHosts {
  readonly #clock: Clock;
  readonly #timers: TimerGroup;
  readonly #policy: HostsPolicy;
  readonly #owner: HostsOwner;
  readonly #bucket: TokenBucket;
  readonly #hosts = new LargeMap<string, Entry>();
  readonly #candidates = new LargeMap<string, Candidate>();

  constructor(clock: Clock, timers: TimerGroup, policy: HostsPolicy, owner: HostsOwner) {
    this.#clock = clock;
    this.#timers = timers;
    this.#policy = policy;
    this.#owner = owner;
    this.#bucket = TokenBucket.full(policy.rate, policy.burst, clock.now());
  }

  entries(): IterableIterator<MobileHost> {
    return this.#hosts.values();
  }

  get(eid: Uint8Array): MobileHost | null {
    return this.#hosts.get(addressText(eid)) ?? null;
  }

  /** Addresses being asked for. */
  get asked(): number {
    return this.#candidates.size;
  }

  /** Whether one more address could be asked for now: a flood of forged ones need not be looked at. */
  get open(): boolean {
    this.#bucket.refill(this.#clock.now());
    return this.#bucket.next(1) <= this.#clock.now();
  }

  /** Something says that the host is here, without proof: it is asked for, if that may be. */
  suspect(eid: Uint8Array): void {
    const name = addressText(eid);
    const host = this.#hosts.get(name);
    if (host !== undefined && host.state !== "away") {
      host.seen = this.#clock.now();
      return;
    }
    if (this.#candidates.has(name) || (host === undefined && this.#owner.home(eid))) return;
    const refusal = this.#refusal(eid, host);
    if (refusal !== null) {
      this.#owner.refused(refusal);
      return;
    }
    const timer = this.#timers.timer(() => this.#unanswered(name));
    this.#candidates.set(name, { eid, timer, tries: 0 });
    this.#unanswered(name);
  }

  #refusal(eid: Uint8Array, host: Entry | undefined): HostRefusal | null {
    if (host === undefined && !this.#owner.inRange(eid)) return "outside";
    const { capacity } = this.#policy;
    const room = host !== undefined || this.#hosts.size + this.#candidates.size < capacity;
    if (!room || this.#candidates.size >= capacity) return "full";
    return this.#bucket.take(1, this.#clock.now()) === 0 ? "rate" : null;
  }

  #unanswered(name: string): void {
    const candidate = this.#candidates.get(name)!;
    if (candidate.tries === this.#policy.tries) {
      this.#candidates.delete(name);
      this.#owner.refused("unanswered");
      return;
    }
    candidate.tries++;
    candidate.timer.scheduleAfter(this.#policy.timeout);
    this.#owner.ask(candidate.eid);
  }

  /** The host has said that it is at hardware address `mac`; `answered`: to a question of ours. */
  heard(eid: Uint8Array, mac: Uint8Array, answered: boolean): void {
    const name = addressText(eid);
    if (answered && this.#candidates.has(name)) {
      this.arrive(eid, mac, true);
      return;
    }
    const host = this.#hosts.get(name);
    if (host === undefined || host.state === "away") {
      this.suspect(eid);
      return;
    }
    host.seen = this.#clock.now();
    host.tries = 0;
    const first = !host.answered;
    host.answered = true;
    host.mac = mac;
    if (first) this.#owner.located(host);
  }

  /** A host that is here is at hardware address `mac`, says who is believed. */
  locate(eid: Uint8Array, mac: Uint8Array): void {
    const host = this.#hosts.get(addressText(eid));
    if (host === undefined || host.state === "away") return;
    host.seen = this.#clock.now();
    host.tries = 0;
    const same = host.mac !== null && mac.every((byte, i) => byte === host.mac![i]);
    host.mac = mac;
    if (!same) this.#owner.located(host);
  }

  /** The host is here: it has answered, or whoever says so is believed. Returns false where there is no room for it. */
  arrive(eid: Uint8Array, mac: Uint8Array | null, answered = false): boolean {
    const name = addressText(eid);
    const candidate = this.#candidates.get(name);
    candidate?.timer.unschedule();
    this.#candidates.delete(name);
    const host = this.#hosts.get(name) ?? this.#make(eid);
    if (host === null) return false;
    host.answered = answered;
    host.mac = mac ?? host.mac;
    host.mapping = null;
    host.unconfirmed = 0;
    host.seen = this.#clock.now();
    host.tries = 0;
    this.#enter(host, host.home ? "returned" : "here");
    this.#owner.arrived(host);
    host.packets = this.#owner.packets(eid);
    return true;
  }

  /**
   * The host is elsewhere, as the mapping says. Returns false where that concerns nobody here: it is not of this site,
   * and was not here. `unconfirmed`: until when that holds though the mapping system does not say it, steady nanoseconds.
   */
  moved(eid: Uint8Array, mapping: Mapping, unconfirmed = 0): boolean {
    const known = this.#hosts.get(addressText(eid));
    if (known === undefined && unconfirmed === 0 && !this.#owner.home(eid)) return false;
    const host = known ?? this.#make(eid);
    if (host === null) {
      this.#owner.refused("full");
      return true;
    }
    host.mapping = mapping;
    host.unconfirmed = unconfirmed;
    host.answered = false;
    host.mac = null;
    this.#enter(host, "away");
    this.#owner.left(host);
    return true;
  }

  /** The mapping system says, too, that a host that is away is at the locators of this mapping. */
  confirmed(eid: Uint8Array, mapping: Mapping): void {
    const host = this.#hosts.get(addressText(eid));
    if (host?.state !== "away") return;
    host.mapping = mapping;
    host.unconfirmed = 0;
    if (!host.home) host.timer.scheduleAfter(this.#policy.hold);
  }

  /** The host is not here (any more), and nobody says where it is. Returns whether it was known. */
  remove(eid: Uint8Array): boolean {
    const host = this.#hosts.get(addressText(eid));
    if (host === undefined) return false;
    this.#forget(host);
    if (host.state === "away") this.#owner.gone(host);
    else this.#owner.lost(host);
    return true;
  }

  /** Takes over a host from before a hot swap. */
  adopt(former: MobileHost): void {
    const host = this.#make(former.eid);
    if (host === null) return;
    const { answered, mac, mapping, seen } = former;
    Object.assign(host, { answered, mac, mapping, seen });
    host.unconfirmed = former.unconfirmed;
    this.#enter(host, former.state);
    host.since = former.since;
  }

  #make(eid: Uint8Array): Entry | null {
    if (this.#hosts.size >= this.#policy.capacity) return null;
    const now = this.#clock.now();
    const entry: Entry = {
      eid,
      state: "away",
      answered: false,
      home: this.#owner.home(eid),
      mac: null,
      mapping: null,
      since: now,
      seen: now,
      unconfirmed: 0,
      packets: 0,
      tries: 0,
      late: false,
      timer: this.#timers.timer(() => this.#due(entry)),
    };
    this.#hosts.set(addressText(eid), entry);
    return entry;
  }

  #enter(host: Entry, state: HostState): void {
    host.state = state;
    host.since = this.#clock.now();
    host.late = false;
    const { idle, hold, linger } = this.#policy;
    if (state === "here") host.timer.scheduleAfter(idle);
    else if (state === "returned") host.timer.scheduleAfter(linger);
    else if (host.home) host.timer.unschedule();
    else host.timer.scheduleAfter(hold);
  }

  #due(host: Entry): void {
    if (host.state === "returned" && !this.#known(host)) return;
    if (host.state !== "here") {
      this.#forget(host);
      this.#owner.settled(host);
      return;
    }
    const now = this.#clock.now();
    const { idle, timeout, tries } = this.#policy;
    const packets = this.#owner.packets(host.eid);
    if (packets !== host.packets) {
      host.packets = packets;
      host.seen = now;
      host.tries = 0;
    }
    if (now - host.seen < idle) {
      host.timer.scheduleAt(host.seen + idle);
    } else if (host.tries === tries) {
      this.remove(host.eid);
    } else {
      host.tries++;
      host.timer.scheduleAfter(timeout);
      this.#owner.ask(host.eid);
    }
  }

  /**
   * Whether the Map-Servers know that a host has returned; if not it stays. Were its registration withdrawn before, whoever
   * had it would never hear of its leaving, and go on registering it.
   */
  #known(host: Entry): boolean {
    const { timeout, linger } = this.#policy;
    const acknowledged = this.#owner.acknowledged(host);
    if (acknowledged && !host.late) return true;
    host.late = !acknowledged;
    host.timer.scheduleAfter(acknowledged ? linger : timeout);
    return false;
  }

  #forget(host: Entry): void {
    host.timer.unschedule();
    this.#hosts.delete(addressText(host.eid));
  }
}
