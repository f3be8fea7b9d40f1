// One RLOC that is probed (RFC 9301, section 7.1): what for, which probes are out, and what their answers say of it.

import { addressText } from "../../net/address.js";
import { type EidPrefix, sameEid } from "../../net/eid.js";
import type { Timer } from "../../router/timer.js";
import type { ProbeMeasurement } from "./probe-measurements.js";

/** EID-prefixes of an RLOC that probes ask for in turn. */
const EIDS = 4;

/** A probe that is out. */
export interface Probe {
  /** Steady nanoseconds at which it left. */
  readonly at: number;
  readonly eid: EidPrefix;
  /** Whether there was a packet for it. */
  sent: boolean;
}

export class ProbedRloc {
  readonly rloc: Uint8Array;
  readonly timer: Timer;
  /** Probes that are out, by their nonces, the oldest first. */
  readonly out = new Map<bigint, Probe>();
  /** Whether the map-cache was told that it is down. */
  down = false;
  /** Some mappings that have it. */
  #eids: readonly EidPrefix[] = [];
  #turn = 0;
  /** Smoothed round-trip time and its mean deviation, nanoseconds; -1: not known. */
  #rtt = -1;
  #jitter = -1;
  /** Steady nanoseconds of the last answer; -1: none yet. */
  #answered = -1;

  constructor(rloc: Uint8Array, timer: Timer) {
    this.rloc = rloc;
    this.timer = timer;
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
    this.#answered = now;
    this.down = false;
    return eid;
  }

  /**
   * From now on no probe is out. Returns what became of those that were: the one with nonce `answered`, if any, has its
   * answer; others that left from `own` at least `timeout` ns ago are lost. Of a younger one nobody knows.
   */
  settle(own: Uint8Array, answered: bigint | null, now: number, timeout: number): ProbeMeasurement[] {
    const measured: ProbeMeasurement[] = [];
    for (const [nonce, { at, sent }] of this.out) {
      const pair = { own, peer: this.rloc, sentAt: at };
      if (nonce === answered) measured.push({ ...pair, rtt: now - at });
      else if (sent && now - at >= timeout) measured.push({ ...pair, rtt: "lost" });
    }
    this.out.clear();
    return measured;
  }

  /** RFC 6298, section 2. */
  #measure(sample: number): void {
    this.#jitter = this.#rtt < 0 ? sample / 2 : this.#jitter * 0.75 + Math.abs(this.#rtt - sample) * 0.25;
    this.#rtt = this.#rtt < 0 ? sample : this.#rtt * 0.875 + sample * 0.125;
  }

  /** `192.0.2.2 up 12.345 0.678 3.210`: round-trip time and jitter in ms, seconds since the last answer; - for what is not known. */
  text(now: number): string {
    const ms = (ns: number): string => (ns < 0 ? "-" : (ns / 1e6).toFixed(3));
    const ago = this.#answered < 0 ? "-" : ((now - this.#answered) / 1e9).toFixed(3);
    return `${addressText(this.rloc)} ${this.down ? "down" : "up"} ${ms(this.#rtt)} ${ms(this.#jitter)} ${ago}`;
  }
}

/** Puts `eid` among at most EIDS ones, in place of the longest: short prefixes are sites', hosts move. */
export function keepShortest(eids: EidPrefix[], eid: EidPrefix): void {
  const at = eids.findIndex((other) => other.eid.length > eid.eid.length);
  eids.splice(at < 0 ? eids.length : at, 0, eid);
  if (eids.length > EIDS) eids.pop();
}
