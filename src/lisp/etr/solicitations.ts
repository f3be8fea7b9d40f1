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
  /** SMRs about it, unless its RLOC is known to have heard. */
  readonly times: number;
}

/** One that is sent again: how often it was sent, and when it is to be, steady nanoseconds. */
interface Repeated {
  readonly solicitation: Solicitation;
  readonly sent: number;
  readonly due: number;
}

interface Target {
  readonly name: string;
  readonly rloc: Uint8Array;
  /** Steady nanoseconds of the last SMR. */
  last: number;
  /** By changed EID-prefix, first come first: what it has not been told yet; and by how often it was told, what it is told again. */
  readonly fresh: Map<string, Solicitation>;
  readonly repeated: Map<string, Repeated>[];
  readonly timer: Timer;
}

export interface SolicitationsOptions {
  readonly clock: Clock;
  readonly timers: TimerGroup;
  /** Nanoseconds between two SMRs to one RLOC. */
  readonly interval: number;
  /** Most that wait to be told for the first time. */
  readonly capacity: number;
  readonly send: (rloc: Uint8Array, changed: EidPrefix, other: EidPrefix) => void;
}

/** RLOCs that are remembered, and SMRs that are sent again, for each that may wait. */
const REMEMBERED = 16;

/** Intervals from the first, second... SMR about a change to the next one: a few soon, then seldom. */
const PAUSES = [1, 1, 1, 2, 4] as const;

function pauseAfter(sent: number): number {
  return PAUSES[sent - 1] ?? PAUSES[PAUSES.length - 1] * 2 ** (sent - PAUSES.length);
}

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
    return this.waiting >= capacity || Math.max(this.#repeats, this.#targets.size) >= REMEMBERED * capacity;
  }

  /** Has `rloc` told, as soon as it may be. */
  add(rloc: Uint8Array, solicitation: Solicitation): void {
    const { clock, interval } = this.#options;
    const target = this.#target(rloc);
    const name = eidName(solicitation.changed);
    for (const some of target.repeated) if (some.delete(name)) this.#repeats--;
    if (!target.fresh.has(name)) this.waiting++;
    target.fresh.set(name, solicitation);
    if (target.timer.scheduled && target.timer.expiry <= target.last + interval) return;
    target.timer.scheduleAt(Math.max(clock.now(), target.last + interval));
  }

  /** The xTR of an RLOC has asked for an EID-prefix because of an SMR: it need not be told again. */
  heard(rloc: Uint8Array, asked: EidPrefix): void {
    const target = this.#targets.get(addressText(rloc));
    if (target === undefined) return;
    for (const some of target.repeated)
      for (const [name, { solicitation }] of some) {
        const { changed } = solicitation;
        if (changed.iid !== asked.iid || !overlap(changed.eid, asked.eid)) continue;
        some.delete(name);
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
      repeated: [],
      timer: this.#options.timers.timer(() => this.#due(target)),
    };
    this.#targets.set(name, target);
    return target;
  }

  #due(target: Target): void {
    const { clock, interval, send } = this.#options;
    const now = clock.now();
    const next = this.#next(target, now);
    if (next !== null) target.last = now;
    const due = target.fresh.size > 0 ? now : this.#firstRepeated(target).due;
    // An interval after its last SMR nothing need be remembered of it.
    if (next === null && due === Number.POSITIVE_INFINITY) {
      this.#targets.delete(target.name);
      return;
    }
    target.timer.scheduleAt(Math.max(target.last + interval, Number.isFinite(due) ? due : 0));
    if (next !== null) send(target.rloc, next.changed, next.other);
  }

  /** What is to be told now; null: nothing. */
  #next(target: Target, now: number): Solicitation | null {
    const [fresh] = target.fresh;
    if (fresh !== undefined) {
      target.fresh.delete(fresh[0]);
      this.waiting--;
      this.#repeat(target, fresh[0], fresh[1], 1, now);
      return fresh[1];
    }
    const { due, from } = this.#firstRepeated(target);
    if (from === null || due > now) return null;
    const [[name, { solicitation, sent }]] = from;
    from.delete(name);
    this.#repeats--;
    this.#repeat(target, name, solicitation, sent + 1, now);
    return solicitation;
  }

  #repeat({ repeated }: Target, name: string, solicitation: Solicitation, sent: number, now: number): void {
    if (sent >= solicitation.times) return;
    while (repeated.length < sent) repeated.push(new Map());
    const due = now + pauseAfter(sent) * this.#options.interval;
    repeated[sent - 1].set(name, { solicitation, sent, due });
    this.#repeats++;
  }

  /** Of what is told again, the first: those told equally often lie in the order in which they are due. */
  #firstRepeated({ repeated }: Target): {
    readonly due: number;
    readonly from: Map<string, Repeated> | null;
  } {
    let due = Number.POSITIVE_INFINITY;
    let from: Map<string, Repeated> | null = null;
    for (const some of repeated)
      for (const [, one] of some) {
        if (one.due < due) [due, from] = [one.due, some];
        break;
      }
    return { due, from };
  }
}
