// Who is to be told of which changes, one SMR after the other (RFC 9301, section 6.1).

import { LargeMap } from "../../collections/large-map.js";
import { addressText } from "../../net/address.js";
import { type EidPrefix, eidName } from "../../net/eid.js";
import { overlap } from "../../net/prefix.js";
import type { Clock } from "../../router/clock.js";
import type { Timer } from "../../router/timer.js";
import type { TimerGroup } from "../../router/timer-group.js";

/** What an RLOC is told. */
export interface Solicitation {
  /** What has changed. */
  readonly changed: EidPrefix;
  /** An EID-prefix of the site that is told, where one is known; else what has changed. */
  readonly other: EidPrefix;
  /** SMRs about it that are still to be sent. */
  times: number;
}

interface Target {
  readonly name: string;
  readonly rloc: Uint8Array;
  /** Steady nanoseconds of the last SMR. */
  last: number;
  /** By changed EID-prefix, first come first: what it has not been told yet, and what it is told again. */
  readonly fresh: Map<string, Solicitation>;
  readonly repeated: Map<string, Solicitation>;
  readonly timer: Timer;
}

export interface SolicitationsOptions {
  readonly clock: Clock;
  readonly timers: TimerGroup;
  /** Nanoseconds between two SMRs to one RLOC. */
  readonly interval: number;
  /** Most that wait to be told for the first time; as many more are told again. */
  readonly capacity: number;
  readonly send: (rloc: Uint8Array, changed: EidPrefix, other: EidPrefix) => void;
}

/** RLOCs that are remembered for each that may wait. */
const REMEMBERED = 4;

/** One SMR to each RLOC in an interval: the rest waits, of one EID-prefix once, news before what is told again. */
export class Solicitations {
  readonly #options: SolicitationsOptions;
  readonly #targets = new LargeMap<string, Target>();
  #repeats = 0;
  /** SMRs that wait, those that are sent again left out. */
  waiting = 0;

  constructor(options: SolicitationsOptions) {
    this.#options = options;
  }

  /** Whether no more may wait now. */
  get full(): boolean {
    const { capacity } = this.#options;
    return this.waiting >= capacity || this.#targets.size >= REMEMBERED * capacity;
  }

  /** Has `rloc` told, as soon as it may be. */
  add(rloc: Uint8Array, solicitation: Solicitation): void {
    const { clock, interval } = this.#options;
    const target = this.#target(rloc);
    const name = eidName(solicitation.changed);
    if (target.repeated.delete(name)) this.#repeats--;
    if (!target.fresh.has(name)) this.waiting++;
    target.fresh.set(name, solicitation);
    if (target.timer.scheduled && target.timer.expiry <= target.last + interval) return;
    target.timer.scheduleAt(Math.max(clock.now(), target.last + interval));
  }

  /** The xTR of an RLOC has asked for an EID-prefix because of an SMR: it need not be told again. */
  heard(rloc: Uint8Array, asked: EidPrefix): void {
    const target = this.#targets.get(addressText(rloc));
    if (target === undefined) return;
    for (const [name, { changed }] of target.repeated)
      if (changed.iid === asked.iid && overlap(changed.eid, asked.eid)) {
        target.repeated.delete(name);
        this.#repeats--;
      }
  }

  #target(rloc: Uint8Array): Target {
    const name = addressText(rloc);
    const found = this.#targets.get(name);
    if (found !== undefined) return found;
    const target: Target = {
      name,
      rloc,
      last: Number.NEGATIVE_INFINITY,
      fresh: new Map(),
      repeated: new Map(),
      timer: this.#options.timers.timer(() => this.#due(target)),
    };
    this.#targets.set(name, target);
    return target;
  }

  #due(target: Target): void {
    const { clock, interval, send } = this.#options;
    const next = this.#next(target);
    // An interval after its last SMR nothing need be remembered of it.
    if (next === null) {
      this.#targets.delete(target.name);
      return;
    }
    target.last = clock.now();
    target.timer.scheduleAt(target.last + interval);
    send(target.rloc, next.changed, next.other);
  }

  #next({ fresh, repeated }: Target): Solicitation | null {
    const [first] = fresh.size > 0 ? fresh : repeated;
    if (first === undefined) return null;
    const [name, solicitation] = first;
    if (fresh.delete(name)) this.waiting--;
    else if (repeated.delete(name)) this.#repeats--;
    solicitation.times--;
    if (solicitation.times > 0 && this.#repeats < this.#options.capacity) {
      repeated.set(name, solicitation);
      this.#repeats++;
    }
    return solicitation;
  }
}
