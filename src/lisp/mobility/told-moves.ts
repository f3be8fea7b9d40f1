// EIDs whose move is told by somebody who knows, such as their hypervisor, instead of found out by asking the host.

import { sameAddress } from "../../net/address.js";
import { hostPrefix } from "../../net/prefix.js";
import { MemoryError } from "../../packet/memory.js";
import type { Clock } from "../../router/clock.js";
import { sameRlocs } from "../map-version.js";
import { checkMapping, type Locator, type Mapping, MappingError } from "../mapping.js";
import type { ArmedHosts } from "./armed-hosts.js";
import type { ExpectedHosts, HeldPackets } from "./expected-hosts.js";
import type { HostMoves } from "./host-moves.js";
import type { MobileHosts } from "./hosts.js";

export interface ToldMovesOptions {
  readonly clock: Clock;
  readonly iid: number;
  /** Seconds for which what comes for a host that has left is redirected. */
  readonly ttl: number;
  /** Ours: an EID cannot leave to these. */
  readonly locators: readonly Locator[];
  readonly hosts: MobileHosts;
  readonly moves: HostMoves;
  readonly expected: ExpectedHosts;
  readonly armed: ArmedHosts;
  /** Whether packets can be held. */
  readonly canHold: () => boolean;
  /** Sends packets that were held the usual way. */
  readonly sendOn: (held: HeldPackets) => void;
}

/** A locator of this priority must not be used (RFC 9301, section 5.4). */
const UNUSED = 255;
/** For so long the mapping system need not know of a move that was told, nanoseconds. */
const UNCONFIRMED = 60e9;

export class ToldMoves {
  readonly #options: ToldMovesOptions;

  constructor(options: ToldMovesOptions) {
    this.#options = options;
  }

  // What these do, and when they return false, MobilityOffer says (lisp-offers.ts).

  expect(eid: Uint8Array, patience: number): boolean {
    const { moves, expected, canHold } = this.#options;
    if (!(patience > 0) || !canHold() || !moves.inRange(eid)) return false;
    if (moves.isHere(eid)) return true;
    if (!expected.expect(eid, patience * 1e9)) return false;
    try {
      moves.route(eid);
      return true;
    } catch (e) {
      if (!(e instanceof MemoryError)) throw e;
      expected.end(eid);
      return false;
    }
  }

  claim(eid: Uint8Array, mac: Uint8Array | null): boolean {
    const { moves, hosts, armed } = this.#options;
    if (!moves.inRange(eid)) return false;
    armed.delete(eid);
    if (!moves.isHere(eid)) {
      hosts.arrive(eid, mac);
    } else if (mac !== null) {
      hosts.locate(eid, mac);
      moves.locate(eid, mac);
    }
    return moves.isHere(eid);
  }

  arm(eid: Uint8Array, locators: readonly Locator[], patience: number): boolean {
    const { clock, moves, armed } = this.#options;
    const mapping = this.#mapping(eid, locators);
    if (!(patience > 0) || mapping === null || !moves.inRange(eid)) return false;
    return armed.set({ eid, locators: mapping.locators, until: clock.now() + patience * 1e9 });
  }

  release(eid: Uint8Array, locators: readonly Locator[] | null): boolean {
    const { clock, hosts, moves, armed } = this.#options;
    const arms = armed.get(eid);
    const to = locators ?? arms?.locators ?? null;
    const mapping = to === null ? null : this.#mapping(eid, to);
    const host = hosts.get(eid);
    const left = host?.state === "away" ? host.mapping : null;
    const same = left !== null && (to === null || (mapping !== null && sameRlocs(mapping, left)));
    // Where it was to go it need not have come; once it has, others say where it goes from there.
    if (left !== null && arms === null && (same || host!.unconfirmed <= clock.now())) return same;
    const known = arms !== null || host !== null || (moves.inRange(eid) && moves.home(eid));
    if (mapping === null || !known) return false;
    armed.delete(eid);
    if (same) return true;
    this.end(eid);
    hosts.moved(eid, mapping, clock.now() + UNCONFIRMED);
    return hosts.get(eid)?.state === "away";
  }

  cancel(eid: Uint8Array): void {
    this.#options.armed.delete(eid);
    this.end(eid);
  }

  /**
   * An EID is not expected any more: it is here, or the patience with it is over. What was held goes the usual way; for
   * one that nothing is known of, to where the mapping system has it: it may have stayed where it was.
   */
  end(eid: Uint8Array): void {
    const { hosts, moves, expected, sendOn } = this.#options;
    const held = expected.end(eid);
    if (held === null) return;
    if (hosts.get(eid) === null && !moves.home(eid)) moves.route(eid, "away");
    else moves.route(eid);
    sendOn(held);
    moves.route(eid);
  }

  hosts(eid: Uint8Array): boolean {
    const { hosts, moves } = this.#options;
    return hosts.get(eid) === null ? moves.home(eid) : moves.isHere(eid);
  }

  /** Null where it has no locator of others that packets may be sent to, or is none. */
  #mapping(eid: Uint8Array, given: readonly Locator[]): Mapping | null {
    const { iid, ttl, locators: own } = this.#options;
    const locators = given.filter((l) => !own.some((o) => sameAddress(o.rloc, l.rloc)));
    if (!locators.some((l) => l.reachable && l.priority !== UNUSED)) return null;
    const mapping: Mapping = { iid, eid: hostPrefix(eid), ttl, action: "no-action", locators, version: 0 };
    try {
      checkMapping(mapping);
      return mapping;
    } catch (e) {
      if (!(e instanceof MappingError)) throw e;
      return null;
    }
  }
}
