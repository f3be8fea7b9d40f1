// A capture file as a device that receives: packet by packet, with the times in the file.

import { closeSync, readSync } from "node:fs";
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
import { writeTimestamp } from "../packet/timestamp.js";
import { type Device, DeviceError } from "../router/device.js";
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_NULL,
  PCAP_BUFFER,
  PcapError,
  PcapReader,
  pcapLinkHeader,
} from "../wire/pcap.js";
import { newTotals, type Totals } from "./counters.js";
import { destinationType } from "./ethernet.js";
import { CAPTURE_MTU, messageOf, openFile } from "./file.js";
import { Soon } from "./soon.js";

/** In place of a slot. */
const NO_PACKET = -1;

/**
 * Packets of a capture file, as fast as they are asked for. At the end of the file, or where it is damaged, the
 * device goes down. Link headers of the types NULL and LINUX_SLL are taken off: their packets start with IP.
 */
export class PcapReadDevice implements Device {
  readonly name: string;
  readonly mac = null;
  readonly linkType: "ethernet" | "ip";
  readonly mtu = CAPTURE_MTU;
  readonly #memory: PacketMemory;
  readonly #fd: number;
  readonly #buffer: number;
  readonly #reader: PcapReader;
  readonly #totals: Totals = newTotals();
  readonly #soon = new Soon();
  readonly #report: (message: string) => void;
  #down: string | null = null;
  #closed = false;
  /** A record was read that there was no room for. */
  #pending = false;

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
      if (!this.#pending && !this.#next()) break;
      const slot = this.#load();
      // A file can wait until there is room again.
      this.#pending = slot === 0;
      if (slot === 0) break;
      if (slot !== NO_PACKET) batch.add(slot);
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

  /** A packet of the reader's record: its slot; NO_PACKET, with its reason counted, when it is none for us; 0 without room. */
  #load(): number {
    const reader = this.#reader;
    const memory = this.#memory;
    const skip = pcapLinkHeader(reader.header.linkType);
    const length = reader.captured - skip;
    const from = this.#buffer + reader.start;
    if (length < 0 || !this.#isIp(from, length)) {
      this.#totals.rx_errors++;
      return NO_PACKET;
    }
    if (length > memory.longest) {
      this.#totals.rx_too_big++;
      return NO_PACKET;
    }
    const slot = memory.kernels.poolTakeFor(length);
    if (slot === 0) return 0;
    const data = memory.u32[(slot + SLOT_DATA) >>> 2];
    memory.u8.copyWithin(data, from + skip, from + skip + length);
    memory.u32[(slot + SLOT_LENGTH) >>> 2] = length;
    memory.u8[slot + SLOT_PACKET_TYPE] = this.#packetType(from, data, length);
    if (this.linkType === "ethernet") memory.u32[(slot + SLOT_MAC) >>> 2] = data;
    memory.u32[(slot + SLOT_ANNO + ANNO_EXTRA_LENGTH) >>> 2] = Math.max(0, reader.original - reader.captured);
    writeTimestamp(memory, slot, reader.seconds, reader.nanoseconds);
    this.#totals.rx_packets++;
    this.#totals.rx_bytes += length;
    return slot;
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
