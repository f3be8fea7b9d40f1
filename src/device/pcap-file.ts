// Capture files as devices: one is read packet by packet with the times in
// the file, the other collects what is sent to it.

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import {
  ANNO_EXTRA_LENGTH,
  PACKET_HOST,
  SLOT_ANNO,
  SLOT_DATA,
  SLOT_LENGTH,
  SLOT_MAC,
  SLOT_PACKET_TYPE,
} from "../../assembly/layout.js";
import { BATCH_MAX, type Batch } from "../packet/batch.js";
import type { PacketMemory } from "../packet/memory.js";
import { type Device, DeviceError } from "../router/device.js";
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
  PCAP_BUFFER,
  PcapError,
  PcapReader,
  PcapWriter,
  pcapLinkHeader,
} from "../wire/pcap.js";
import { newTotals, type Totals } from "./counters.js";
import { destinationType } from "./ethernet.js";
import { Soon } from "./soon.js";
import { timestampNanoseconds, timestampSeconds, writeTimestamp } from "./timestamp.js";

/** A packet of a capture cannot be larger than IP allows. */
const MTU = 65535;

/**
 * Packets of a capture file, as fast as they are asked for. At the end of the file, or where it is damaged, the
 * device goes down. Link headers of the types NULL and LINUX_SLL are taken off: their packets start with IP.
 */
export class PcapReadDevice implements Device {
  readonly name: string;
  readonly mac = null;
  readonly linkType: "ethernet" | "ip";
  readonly mtu = MTU;
  readonly #memory: PacketMemory;
  readonly #fd: number;
  readonly #buffer: number;
  readonly #reader: PcapReader;
  readonly #totals: Totals = newTotals();
  readonly #soon = new Soon();
  readonly #report: (message: string) => void;
  #down: string | null = null;
  #closed = false;

  /** Opens `file`. Throws DeviceError `BAD_FILE`. `report` is told of a damaged file, not of its regular end. */
  constructor(
    name: string,
    file: string,
    memory: PacketMemory,
    report: (message: string) => void = () => {},
  ) {
    this.name = name;
    this.#memory = memory;
    this.#report = report;
    this.#fd = openFile(file, "r");
    // In the router's memory, so that packets are copied without making a view of each.
    this.#buffer = memory.alloc(PCAP_BUFFER);
    const buffer = memory.u8.subarray(this.#buffer, this.#buffer + PCAP_BUFFER);
    try {
      this.#reader = new PcapReader((into) => readSync(this.#fd, into), buffer);
      const { linkType } = this.#reader.header;
      if (pcapLinkHeader(linkType) < 0)
        throw new PcapError("BAD_HEADER", 20, `link type ${linkType} is not supported`);
      this.linkType = linkType === LINKTYPE_ETHERNET ? "ethernet" : "ip";
    } catch (error) {
      this.close();
      throw new DeviceError("BAD_FILE", `${file}: ${messageOf(error)}`);
    }
  }

  get down(): string | null {
    return this.#down;
  }

  receive(batch: Batch, max: number): number {
    const before = batch.count;
    const limit = Math.min(before + max, BATCH_MAX);
    while (batch.count < limit && this.#down === null) {
      const slot = this.#memory.kernels.poolTake();
      // A file can wait until there are slots again.
      if (slot === 0) break;
      if (this.#next() && this.#load(slot)) batch.add(slot);
      else this.#memory.kernels.poolGive(slot);
    }
    return batch.count - before;
  }

  /** A capture being read takes no packets: they are counted as errors. */
  send(batch: Batch): number {
    const { count } = batch;
    this.#totals.tx_errors += count;
    batch.kill();
    return count;
  }

  arm(wake: () => void): void {
    if (this.#down === null) this.#soon.call(wake);
  }

  armSend(wake: () => void): void {
    this.#soon.call(wake);
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#totals };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#down ??= `${this.name} is closed`;
    this.#soon.cancel();
    closeSync(this.#fd);
    this.#memory.free(this.#buffer, PCAP_BUFFER);
  }

  #next(): boolean {
    try {
      if (this.#reader.next()) return true;
      this.#down = `${this.name}: end of file`;
    } catch (error) {
      this.#down = `${this.name}: ${messageOf(error)}`;
      this.#totals.rx_errors++;
      this.#report(this.#down);
    }
    return false;
  }

  /** Copies the reader's record into `slot`; false, with its reason counted, when it is no packet for us. */
  #load(slot: number): boolean {
    const reader = this.#reader;
    const memory = this.#memory;
    const skip = pcapLinkHeader(reader.header.linkType);
    const length = reader.captured - skip;
    const from = this.#buffer + reader.start;
    if (length < 0 || !this.#isIp(from, length)) {
      this.#totals.rx_errors++;
      return false;
    }
    const data = memory.u32[(slot + SLOT_DATA) >>> 2];
    if (length > slot + memory.stride - data) {
      this.#totals.rx_too_big++;
      return false;
    }
    memory.u8.copyWithin(data, from + skip, from + skip + length);
    memory.u32[(slot + SLOT_LENGTH) >>> 2] = length;
    memory.u8[slot + SLOT_PACKET_TYPE] = this.#packetType(from, data, length);
    if (this.linkType === "ethernet") memory.u32[(slot + SLOT_MAC) >>> 2] = data;
    memory.u32[(slot + SLOT_ANNO + ANNO_EXTRA_LENGTH) >>> 2] = Math.max(0, reader.original - reader.captured);
    writeTimestamp(memory, slot, reader.seconds, reader.nanoseconds);
    this.#totals.rx_packets++;
    this.#totals.rx_bytes += length;
    return true;
  }

  /** NULL and LINUX_SLL captures hold other protocols as well (ARP), which cannot go on without their header. */
  #isIp(from: number, length: number): boolean {
    const { linkType } = this.#reader.header;
    if (linkType === LINKTYPE_LINUX_SLL) {
      const protocol = this.#memory.view.getUint16(from + 14);
      return protocol === 0x0800 || protocol === 0x86dd;
    }
    if (linkType !== LINKTYPE_NULL) return true;
    const version = length > 0 ? this.#memory.u8[from + 4] >>> 4 : 0;
    return version === 4 || version === 6;
  }

  #packetType(from: number, data: number, length: number): number {
    const { u8, view } = this.#memory;
    const { linkType } = this.#reader.header;
    // The header of LINUX_SLL begins with the kernel's packet type, in Click's (and the kernel's) numbers.
    if (linkType === LINKTYPE_LINUX_SLL) return Math.min(view.getUint16(from), 255);
    return linkType === LINKTYPE_ETHERNET ? destinationType(u8, data, length, null) : PACKET_HOST;
  }
}

/** Collects packets in a capture file, with nanoseconds. Written out at the latest when the event loop turns. */
export class PcapWriteDevice implements Device {
  readonly name: string;
  readonly mac = null;
  readonly linkType: "ethernet" | "ip";
  readonly mtu = MTU;
  readonly #memory: PacketMemory;
  readonly #fd: number;
  readonly #buffer: number;
  readonly #writer: PcapWriter;
  readonly #totals: Totals = newTotals();
  readonly #flushSoon = new Soon();
  readonly #wakeSoon = new Soon();
  readonly #now: () => number;
  readonly #report: (message: string) => void;
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
  ) {
    this.name = name;
    this.linkType = linkType;
    this.#memory = memory;
    this.#now = now;
    this.#report = report;
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
  }
}

function openFile(file: string, flags: "r" | "w"): number {
  try {
    return openSync(file, flags);
  } catch (error) {
    throw new DeviceError("BAD_FILE", `${file}: ${messageOf(error)}`);
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
