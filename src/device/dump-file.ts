// An open capture file: what a FromDump reads, and hands to the one that replaces it.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { PacketMemory } from "../packet/memory.js";
import { PcapReader } from "../wire/pcap.js";

/** Bytes read at a time; holds the largest record. */
const BUFFER = 2 ** 19;

export class DumpFile {
  readonly reader: PcapReader;
  /** Address of the reader's buffer: in the router's memory, so that packets are copied without making a view of each. */
  readonly buffer: number;
  readonly #memory: PacketMemory;
  readonly #fd: number;
  /** Bytes of a regular file; null for a pipe. */
  readonly size: number | null;
  /** Byte of a regular file that is read next. */
  #next = 0;

  /** Opens `file` (`-`: standard input). Throws Node's error, or PcapError when it is no capture. */
  constructor(file: string, memory: PacketMemory) {
    this.#memory = memory;
    this.#fd = file === "-" ? 0 : openSync(file, "r");
    this.buffer = memory.alloc(BUFFER);
    try {
      const stat = fstatSync(this.#fd);
      this.size = stat.isFile() ? stat.size : null;
      this.reader = new PcapReader(
        (into) => this.#read(into),
        memory.u8.subarray(this.buffer, this.buffer + BUFFER),
      );
    } catch (e) {
      this.close();
      throw e;
    }
  }

  #read(into: Uint8Array): number {
    const count = readSync(this.#fd, into, 0, into.length, this.size === null ? null : this.#next);
    this.#next += count;
    return count;
  }

  /** Goes on at byte `position`, where a record begins. False when the file has no such byte, or cannot go back. */
  seek(position: number): boolean {
    if (this.size === null || position > this.size) return false;
    this.#next = position;
    this.reader.restart(position);
    return true;
  }

  /** Call once. */
  close(): void {
    if (this.#fd > 0) closeSync(this.#fd);
    this.#memory.free(this.buffer, BUFFER);
  }
}
