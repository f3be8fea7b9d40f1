// One RLOC that is probed from one of ours (RFC 9301, section 7.1): what for, which probes are out, and what their answers
// say of the way there.

import type { Measurement } from "../../measure/measurements.js";
import type { Path } from "../../measure/path-table.js";
import { addressText } from "../../net/address.js";
import { type EidPrefix, sameEid } from "../../net/eid.js";
import type { Timer } from "../../router/timer.js";

/** EID-prefixes of an RLOC that probes ask for in turn. */
const EIDS = 4;

/** A probe that is out. */
export interface Probe {
  /** Steady nanoseconds at which it left. */
  readonly at: number;
  readonly eid: EidPrefix;
  /** It is not the one that the schedule has: one before had no answer, or somebody had a question. */
  readonly repeated: boolean;
  /** Whether there was a packet for it. */
  sent: boolean;
}

export class ProbedPair {
  readonly path: Path;
  readonly timer: Timer;
  /** Data is sent from this own RLOC: it says whether the other one is up. */
  readonly decides: boolean;
  /** Probes that are out, by their nonces, the oldest first. */
  readonly out = new Map<bigint, Probe>();
  /** Steady nanoseconds from which on the next probe of the schedule may leave. */
  dueAt = 0;
  /** Steady nanoseconds at which the last probe left. */
  sentAt = 0;
  /** Steady nanoseconds since which a probe waits for the budget; -1: none does. */
  waitsSince = -1;
  /** Some mappings that have it. */
  #eids: readonly EidPrefix[] = [];
  #turn = 0;
  /** Smoothed round-trip time and its mean deviation, nanoseconds; -1: not known. */
  #rtt = -1;
  #deviation = -1;

  constructor(path: Path, decides: boolean, timer: Timer) {
    this.path = path;
    this.decides = decides;
    this.timer = timer;
  }

  get own(): Uint8Array {
    return this.path.own;
  }

  get rloc(): Uint8Array {
    return this.path.peer;
  }

  /** Whether it was given up, and has not answered since. */
  get down(): boolean {
    return this.path.state === "down";
  }

  get eids(): readonly EidPrefix[] {
    return this.#eids;
  }

  /** Which of its EID-prefixes is the next to be asked for; null where none is known. */
  get next(): EidPrefix | null {
    return this.#eids[this.#turn % this.#eids.length] ?? null;
  }

  /** A probe has no answer in time: the next one asks for another EID-prefix. */
  unanswered(): void {
    this.#turn++;
  }

  /** These mappings have it, of those that have been looked at. What was to be asked for next still is, if it is one of them. */
  know(eids: readonly EidPrefix[]): void {
    const { next } = this;
    this.#eids = eids;
    this.#turn =
      next === null
        ? 0
        : Math.max(
            0,
            eids.findIndex((e) => sameEid(e, next)),
          );
  }

  /** A mapping has come that has it: the newest is asked for first. */
  prefer(eid: EidPrefix): void {
    this.#eids = [eid, ...this.#eids.filter((e) => !sameEid(e, eid))].slice(0, EIDS);
    this.#turn = 0;
  }

  /** The probe with this nonce has its answer; returns what that was asked for. */
  answer(nonce: bigint, now: number): EidPrefix {
    const { at, eid } = this.out.get(nonce)!;
    this.#measure(now - at);
    this.path.state = "up";
    return eid;
  }

  /**
   * From now on no probe is out. Returns what became of those that were: the one with nonce `answered`, if any, has its
   * answer, which came at `now`; others that left at least `timeout` ns ago are lost. Of a younger one nobody knows.
   */
  settle(answered: bigint | null, now: number, timeout: number): Measurement[] {
    const measured: Measurement[] = [];
    for (const [nonce, { at, sent, repeated }] of this.out) {
      const pair = { own: this.own, peer: this.rloc, sentAt: at, repeated };
      if (nonce === answered) measured.push({ ...pair, rtt: now - at });
      else if (sent && now - at >= timeout) measured.push({ ...pair, rtt: "lost" });
    }
    this.out.clear();
    return measured;
  }

  /** RFC 6298, section 2. */
  #measure(sample: number): void {
    this.#deviation =
      this.#rtt < 0 ? sample / 2 : this.#deviation * 0.75 + Math.abs(this.#rtt - sample) * 0.25;
    this.#rtt = this.#rtt < 0 ? sample : this.#rtt * 0.875 + sample * 0.125;
  }

  /** `192.0.2.2 up 12.345 0.678 3.210`: smoothed round-trip time and its mean deviation in ms, seconds since the last answer; - for what is not known. */
  text(now: number): string {
    const ms = (ns: number): string => (ns < 0 ? "-" : (ns / 1e6).toFixed(3));
    const { answeredAt } = this.path;
    const ago = answeredAt < 0 ? "-" : ((now - answeredAt) / 1e9).toFixed(3);
    return `${addressText(this.rloc)} ${this.down ? "down" : "up"} ${ms(this.#rtt)} ${ms(this.#deviation)} ${ago}`;
  }
}

/** Puts `eid` among at most EIDS ones, in place of the longest: short prefixes are sites', hosts move. */
export function keepShortest(eids: EidPrefix[], eid: EidPrefix): void {
  const at = eids.findIndex((other) => other.eid.length > eid.eid.length);
  eids.splice(at < 0 ? eids.length : at, 0, eid);
  if (eids.length > EIDS) eids.pop();
}
