// The timestamps option (RFC 7323 sections 3 and 5): what is echoed, what an echo says of when something was sent, and
// which segments are too old to be believed (PAWS).

import type { TcpHeader } from "../../wire/tcp.js";
import { signedDistance } from "./sequence.js";

/** A timestamp counts milliseconds, ns. */
const TICK = 1e6;
/** After so long without a segment the last timestamp says nothing, ns (RFC 7323 section 5.5). */
const AGE_MOST = 24 * 86400e9;

export class Timestamps {
  /** Both ends have agreed to use them. */
  used = false;
  /** Added to the milliseconds of the clock, so that nobody learns them. */
  readonly #base: number;
  readonly #openedAt: number;
  /** The timestamp to echo (TS.Recent), and when it came. */
  #recent = 0;
  #recentAt = 0;

  constructor(base: number, openedAt: number) {
    this.#base = base;
    this.#openedAt = openedAt;
  }

  /** The other end's SYN has one: `timestamp`. */
  begin(timestamp: number, now: number): void {
    this.used = true;
    this.#recent = timestamp;
    this.#recentAt = now;
  }

  /** Whether a segment is older than what came already. */
  outdated(header: TcpHeader, now: number): boolean {
    if (!this.used || !header.hasTimestamps) return false;
    return signedDistance(header.timestamp, this.#recent) < 0 && now - this.#recentAt < AGE_MOST;
  }

  /** Takes the timestamp of a segment that is next in turn: it is echoed from now on. */
  keep(header: TcpHeader, now: number): void {
    if (!this.used || !header.hasTimestamps) return;
    this.#recent = header.timestamp;
    this.#recentAt = now;
  }

  /** Writes the option into a segment that leaves. */
  write(header: TcpHeader, now: number): void {
    header.hasTimestamps = true;
    header.timestamp = this.#at(now);
    header.echo = this.#recent;
  }

  /** When the timestamp that `header` echoes was sent, ns; -1 where it echoes none of ours. */
  echoedAt(header: TcpHeader, now: number): number {
    if (!this.used || !header.hasTimestamps || header.echo === 0) return -1;
    const age = signedDistance(this.#at(now), header.echo);
    const at = (Math.floor(now / TICK) - age) * TICK;
    return age < 0 || at + TICK < this.#openedAt ? -1 : at;
  }

  #at(now: number): number {
    return (this.#base + Math.floor(now / TICK)) >>> 0;
  }
}
