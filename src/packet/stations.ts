// The table of an Ethernet switch: on which port each station was heard of last. Its kernel is etherSwitch's.

import * as layout from "../../assembly/ether-switch-layout.js";
import { etherText } from "../net/mac.js";
import type { PacketMemory } from "./memory.js";

/** Nanoseconds of a tick, in which the age of stations is counted: 32 bits of them are 13 years. */
const TICK = 1e8;

/** Ports that a station can tell apart. */
export const MAX_PORTS = 65000;

export class Stations {
  /** Address of the table, for the kernel. */
  readonly address: number;
  readonly #memory: PacketMemory;
  /** Bytes of the sets. */
  readonly #size: number;
  #timeout = 0;

  /** Holds `capacity` stations at least; `seed` is nobody's to guess. Throws MemoryError. */
  constructor(memory: PacketMemory, capacity: number, timeout: number, seed: number) {
    this.#memory = memory;
    const sets = 2 ** Math.ceil(Math.log2(capacity / layout.STATION_WAYS));
    this.#size = sets * layout.STATION_WAYS * layout.STATION_SIZE;
    this.address = memory.alloc(layout.STATIONS_SIZE);
    this.#sets = memory.alloc(this.#size);
    memory.set32(this.address + layout.STATIONS_COUNT, sets);
    memory.set32(this.address + layout.STATIONS_SEED, seed);
    this.timeout = timeout;
  }

  get #sets(): number {
    return this.#memory.get32(this.address + layout.STATIONS_SETS);
  }
  set #sets(address: number) {
    this.#memory.set32(this.address + layout.STATIONS_SETS, address);
  }

  /** Seconds after which a station not heard of is forgotten; 0: nothing is learned. */
  get timeout(): number {
    return this.#timeout;
  }
  set timeout(seconds: number) {
    this.#timeout = seconds;
    this.#memory.set32(this.address + layout.STATIONS_TIMEOUT, Math.ceil((seconds * 1e9) / TICK));
  }

  /** Steady nanosecond `now` as the kernel takes it. */
  static ticks(now: number): number {
    return Math.floor(now / TICK) >>> 0;
  }

  /** Takes over the stations of a table of the same size, which gets these; ports are renumbered: -1 is gone. */
  take(old: Stations, renumbered: readonly number[]): void {
    if (old.#size !== this.#size) return;
    const mine = this.#sets;
    this.#sets = old.#sets;
    old.#sets = mine;
    const seed = old.address + layout.STATIONS_SEED;
    this.#memory.set32(this.address + layout.STATIONS_SEED, this.#memory.get32(seed));
    if (renumbered.every((to, from) => to === from)) return;
    for (const at of this.#places()) {
      const port = this.#port(at);
      if (port !== 0) this.#memory.u16[(at + layout.STATION_PORT) >>> 1] = (renumbered[port - 1] ?? -1) + 1;
    }
  }

  /** A line a station, by address: hardware address, the port's name. */
  text(now: number, name: (port: number) => string): string {
    const memory = this.#memory;
    const present = Stations.ticks(now);
    const ticks = memory.get32(this.address + layout.STATIONS_TIMEOUT);
    const lines: string[] = [];
    for (const at of this.#places()) {
      const port = this.#port(at);
      if (port === 0 || (present - memory.get32(at + layout.STATION_SEEN)) >>> 0 >= ticks) continue;
      lines.push(`${etherText(memory.u8.subarray(at, at + 6))} ${name(port - 1)}\n`);
    }
    return lines.sort().join("");
  }

  /** Forgets all stations. */
  clear(): void {
    this.#memory.u8.fill(0, this.#sets, this.#sets + this.#size);
  }

  /** Gives its memory back. */
  destroy(): void {
    this.#memory.free(this.#sets, this.#size);
    this.#memory.free(this.address, layout.STATIONS_SIZE);
  }

  *#places(): Generator<number> {
    const end = this.#sets + this.#size;
    for (let at = this.#sets; at < end; at += layout.STATION_SIZE) yield at;
  }

  /** Of the station at `at`, plus 1; 0: there is none. */
  #port(at: number): number {
    return this.#memory.u16[(at + layout.STATION_PORT) >>> 1];
  }
}
