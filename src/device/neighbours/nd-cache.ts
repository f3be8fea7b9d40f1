// What IP6NDSolicitor knows of its neighbours: the states of RFC 4861 section 7.3.2 and the way between them.

import type { PacketMemory } from "../../packet/memory.js";
import type { Neighbour } from "../../packet/neighbour-table.js";
import { Timer, type Timers } from "../../router/timer.js";
import { NeighbourCache } from "./neighbour-cache.js";

const SECOND = 1e9;
/** RFC 4861 section 10. */
const SOLICITATIONS = 3;
const DELAY_FIRST_PROBE = 5 * SECOND;

export const INCOMPLETE = 0;
export const REACHABLE = 1;
export const STALE = 2;
export const DELAY = 3;
export const PROBE = 4;
export const STATES = ["INCOMPLETE", "REACHABLE", "STALE", "DELAY", "PROBE"] as const;

/** What the cache has its element do. */
export interface NDOwner {
  /** Asks for the neighbour: all that share its solicited-node group, or itself alone. */
  solicit(neighbour: Neighbour, itself: boolean): void;
  /** The neighbour did not answer: these packets (slots) waited for it. */
  unreachable(packets: readonly number[]): void;
}

/** What an advertisement says (RFC 4861 section 4.4). */
export interface Advertised {
  /** 16 bytes. */
  readonly target: Uint8Array;
  /** 6 bytes, or null. */
  readonly link: Uint8Array | null;
  readonly solicited: boolean;
  readonly override: boolean;
  readonly router: boolean;
}

export class NDCache extends NeighbourCache {
  #owner: NDOwner;
  /** Nanoseconds that a confirmation holds. */
  reachable = 30 * SECOND;
  /** Nanoseconds between solicitations. */
  retransmit = SECOND;
  #timers: Timers;

  /** `dropsAt`: address of the counter of waiting packets dropped. Throws MemoryError. */
  constructor(memory: PacketMemory, timers: Timers, seed: number, dropsAt: number, owner: NDOwner) {
    super(memory, seed, dropsAt);
    this.#timers = timers;
    this.#owner = owner;
  }

  /** Another element, of another graph, takes over: what is due stays due at its time. */
  adopt(timers: Timers, owner: NDOwner): void {
    this.#timers = timers;
    this.#owner = owner;
    for (const neighbour of this.table.values()) {
      const timer = neighbour.timer as Timer | null;
      if (timer === null || !timer.scheduled) continue;
      timer.unschedule();
      neighbour.timer = null;
      this.#timerOf(neighbour).scheduleAt(timer.expiry);
    }
  }

  /** Its state now: what was reachable becomes stale by time alone. */
  stateOf(neighbour: Neighbour): number {
    const stale = neighbour.state === REACHABLE && this.#now() - neighbour.live >= this.reachable;
    return stale ? STALE : neighbour.state;
  }

  /** What is known stays: strangers without end must not push neighbours out (RFC 6583 section 7). */
  protected override makeRoom(): boolean {
    return false;
  }

  protected override begin(neighbour: Neighbour): void {
    neighbour.state = INCOMPLETE;
  }

  /** Asks for a neighbour just made. */
  resolve(neighbour: Neighbour): void {
    neighbour.queries = 1;
    this.#wake(neighbour, this.retransmit);
    this.#owner.solicit(neighbour, false);
  }

  /** A packet goes to a neighbour that is known: whether it is still there is found out if nothing is heard. */
  use(neighbour: Neighbour): void {
    if (this.stateOf(neighbour) !== STALE) return;
    neighbour.state = DELAY;
    neighbour.quiet = Number.POSITIVE_INFINITY;
    this.#wake(neighbour, DELAY_FIRST_PROBE);
  }

  /** Takes in an advertisement (section 7.2.5). Returns the neighbour that can be sent to now and could not before. */
  advertised(said: Advertised): Neighbour | null {
    const neighbour = this.table.find(this.table.keyOf(said.target));
    if (neighbour === undefined) return null;
    if (neighbour.state === INCOMPLETE) {
      if (said.link === null) return null;
      neighbour.setMac(said.link);
      neighbour.router = said.router;
      if (said.solicited) this.#confirm(neighbour);
      else this.#stale(neighbour);
      return neighbour;
    }
    const other = said.link !== null && !neighbour.hasMac(said.link);
    if (other && !said.override) {
      if (this.stateOf(neighbour) === REACHABLE) this.#stale(neighbour);
      return null;
    }
    if (other) neighbour.setMac(said.link);
    neighbour.router = said.router;
    if (said.solicited) this.#confirm(neighbour);
    else if (other) this.#stale(neighbour);
    return null;
  }

  /**
   * Takes in a hardware address that its owner gave beside a question (section 7.2.3); `asked`: the question was for us,
   * so that whoever asked is worth knowing. Returns as `advertised`.
   */
  heard(address: Uint8Array, link: Uint8Array, asked: boolean): Neighbour | null {
    const key = this.table.keyOf(address);
    const neighbour = asked ? this.ensure(key, this.#now()) : (this.table.find(key) ?? null);
    if (neighbour === null) return null;
    const resolved = neighbour.state === INCOMPLETE;
    if (!resolved && neighbour.hasMac(link)) return null;
    neighbour.setMac(link);
    this.#stale(neighbour);
    return resolved ? neighbour : null;
  }

  /** Takes it for certain that `address` is at `link`. Returns the neighbour, null when the table is full. */
  insert(address: Uint8Array, link: Uint8Array): Neighbour | null {
    const neighbour = this.ensure(this.table.keyOf(address), this.#now());
    if (neighbour === null) return null;
    neighbour.setMac(link);
    this.#confirm(neighbour);
    return neighbour;
  }

  #now(): number {
    return this.#timers.clock.now();
  }

  #confirm(neighbour: Neighbour): void {
    neighbour.state = REACHABLE;
    neighbour.known = true;
    neighbour.live = this.#now();
    this.#settle(neighbour);
  }

  #stale(neighbour: Neighbour): void {
    neighbour.state = STALE;
    neighbour.known = true;
    neighbour.live = Number.NEGATIVE_INFINITY;
    this.#settle(neighbour);
  }

  #settle(neighbour: Neighbour): void {
    neighbour.quiet = Number.NEGATIVE_INFINITY;
    neighbour.queries = 0;
    this.table.touch(neighbour);
    this.#wake(neighbour, Math.max(this.timeout, this.reachable));
  }

  #wake(neighbour: Neighbour, after: number): void {
    const timer = this.#timerOf(neighbour);
    if (after === Number.POSITIVE_INFINITY) timer.unschedule();
    else timer.scheduleAfter(after);
  }

  #timerOf(neighbour: Neighbour): Timer {
    neighbour.timer ??= new Timer(this.#timers, () => this.#due(neighbour));
    return neighbour.timer as Timer;
  }

  #due(neighbour: Neighbour): void {
    const { state } = neighbour;
    if (!neighbour.present) return;
    if (state === REACHABLE || state === STALE) {
      this.table.remove(neighbour);
    } else if (state === DELAY) {
      neighbour.state = PROBE;
      neighbour.queries = 0;
      this.#again(neighbour);
    } else if (neighbour.queries < SOLICITATIONS) {
      this.#again(neighbour);
    } else {
      const packets = this.table.release(neighbour);
      this.table.remove(neighbour);
      if (packets.length > 0) this.#owner.unreachable(packets);
    }
  }

  #again(neighbour: Neighbour): void {
    neighbour.queries++;
    this.#wake(neighbour, this.retransmit);
    this.#owner.solicit(neighbour, neighbour.state === PROBE);
  }
}
