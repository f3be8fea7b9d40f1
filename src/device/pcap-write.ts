// A capture file as a device that sends: it collects what is sent to it.

import { closeSync } from "node:fs";
import { SLOT_DATA, SLOT_LENGTH } from "../../assembly/layout.js";
import type { Batch } from "../packet/batch.js";
import type { PacketMemory } from "../packet/memory.js";
import { timestampNanoseconds, timestampSeconds } from "../packet/timestamp.js";
import type { Device } from "../router/device.js";
import { writeAll } from "../system/write-all.js";
import { LINKTYPE_ETHERNET, LINKTYPE_RAW, PCAP_BUFFER, PcapWriter } from "../wire/pcap.js";
import { newTotals, type Totals } from "./counters.js";
import { CAPTURE_MTU, messageOf, openFile } from "./file.js";
import { Soon } from "./soon.js";

/** Collects packets in a capture file, with nanoseconds. Written out at the latest when the event loop turns. */
export class PcapWriteDevice implements Device {
  readonly name: string;
  readonly mac = null;
  readonly linkType: "ethernet" | "ip";
  readonly mtu = CAPTURE_MTU;
  readonly #memory: PacketMemory;
  readonly #fd: number;
  readonly #buffer: number;
  readonly #writer: PcapWriter;
  readonly #totals: Totals = newTotals();
  readonly #flushSoon = new Soon();
  readonly #wakeSoon = new Soon();
  readonly #now: () => number;
  readonly #report: (message: string) => void;
  readonly #unwritten: (error: unknown) => void;
  readonly #flush = (): void => this.flush();
  #down: string | null = null;
  #closed = false;

  /** Creates `file`, replacing one that is there. `now`: seconds since the epoch, for packets without a time. Throws DeviceError `BAD_FILE`. */
  constructor(
    name: string,
    file: string,
    memory: PacketMemory,
    linkType: "ethernet" | "ip",
    now: () => number,
    report: (message: string) => void = () => {},
    unwritten: (error: unknown) => void = () => {},
  ) {
    this.name = name;
    this.linkType = linkType;
    this.#memory = memory;
    this.#now = now;
    this.#report = report;
    this.#unwritten = unwritten;
    this.#fd = openFile(file, "w");
    this.#buffer = memory.alloc(PCAP_BUFFER);
    const buffer = memory.u8.subarray(this.#buffer, this.#buffer + PCAP_BUFFER);
    const options = { nanoseconds: true, linkType: linkType === "ip" ? LINKTYPE_RAW : LINKTYPE_ETHERNET };
    this.#writer = new PcapWriter((bytes) => writeAll(this.#fd, bytes), options, buffer);
    this.flush();
  }

  get down(): string | null {
    return this.#down;
  }

  receive(): number {
    return 0;
  }

  send(batch: Batch): number {
    const { count } = batch;
    for (let i = 0; i < count; i++) this.#save(batch.at(i));
    batch.kill();
    if (this.#down === null) this.#flushSoon.call(this.#flush);
    return count;
  }

  arm(): void {}

  armSend(wake: () => void): void {
    this.#wakeSoon.call(wake);
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#totals };
  }

  /** Writes out what is still in the buffer. */
  flush(): void {
    if (this.#down !== null) return;
    try {
      this.#writer.flush();
    } catch (error) {
      this.#fail(error);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#down ??= `${this.name} is closed`;
    this.#flushSoon.cancel();
    this.#wakeSoon.cancel();
    closeSync(this.#fd);
    this.#memory.free(this.#buffer, PCAP_BUFFER);
  }

  #save(slot: number): void {
    const memory = this.#memory;
    const length = memory.u32[(slot + SLOT_LENGTH) >>> 2];
    const data = memory.u32[(slot + SLOT_DATA) >>> 2];
    if (this.#down !== null) {
      this.#totals.tx_down++;
      return;
    }
    let seconds = timestampSeconds(memory, slot);
    let nanoseconds = timestampNanoseconds(memory, slot, seconds);
    if (seconds === 0 && nanoseconds === 0) {
      const now = this.#now();
      seconds = Math.floor(now);
      nanoseconds = Math.floor((now - seconds) * 1e9);
    }
    try {
      const at = this.#writer.add(seconds, nanoseconds, length);
      memory.u8.copyWithin(this.#buffer + at, data, data + Math.min(length, this.#writer.header.snapLength));
      this.#totals.tx_packets++;
      this.#totals.tx_bytes += length;
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#down = `${this.name}: ${messageOf(error)}`;
    this.#report(this.#down);
    this.#unwritten(error);
  }
}
