// Which packets a trace is of: an IP pattern, asked of packets as they are anywhere in a graph.

import {
  SLOT_BUFFER,
  SLOT_DATA,
  SLOT_LENGTH,
  SLOT_MAC,
  SLOT_META,
  SLOT_NETWORK,
  SLOT_PORT,
  SLOT_TRANSPORT,
} from "../../assembly/layout.js";
import { compileRules } from "../packet/classify/compile.js";
import { parseIPClassifier } from "../packet/classify/ip-filter.js";
import type { Classify } from "../packet/kernels.js";
import type { PacketMemory } from "../packet/memory.js";
import { patternNames } from "../router/pattern-names.js";
import type { Router } from "../router/router.js";
import { TraceError } from "./error.js";
import { ipHeaderOffset, startOf, transport6 } from "./headers.js";

/** Characters of the longest filter. */
const LONGEST = 4096;
/** Packets asked about at once. */
const ROWS = 64;
/** Of a row: metadata as a slot has it, then the IPv4 header that stands for an IPv6 packet's, and its transport header. */
const IPV4_HEADER = 20;
const TRANSPORT = 60;
const ROW = SLOT_META + 128;

/**
 * A compiled filter. The classifying kernel runs on rows of its own that point to the packets' data, so that no packet
 * is changed: where a packet's network header is not marked it is looked for, behind an Ethernet header as well, and
 * an IPv6 packet shows its protocol and ports as an IPv4 packet from and to 0.0.0.0 would.
 */
export class TraceFilter {
  readonly #memory: PacketMemory;
  /** Null: every packet. */
  readonly #classify: Classify | null = null;
  readonly #rows: number = 0;
  /** Handles of the rows. */
  readonly #batch: number = 0;

  /** Throws TraceError `BAD_FILTER`. */
  constructor(router: Router, text: string) {
    this.#memory = router.memory;
    const pattern = text.trim();
    if (pattern === "") return;
    if (pattern.length > LONGEST) throw wrong(`it has more than ${LONGEST} characters`);
    const names = patternNames(router.graph.argContext({ name: "" }));
    const { rules, errors } = parseIPClassifier([pattern], names);
    if (errors.length > 0) throw wrong(errors.map((e) => e.replace(/^pattern 0: /, "")).join("; "));
    try {
      this.#classify = compileRules(rules).instantiate(this.#memory.memory);
    } catch (e) {
      throw wrong((e as Error).message);
    }
    this.#rows = this.#memory.alloc(ROWS * (ROW + 4));
    this.#batch = this.#rows + ROWS * ROW;
    for (let i = 0; i < ROWS; i++) this.#memory.set32(this.#batch + i * 4, this.#rows + i * ROW);
  }

  /** Appends those of `slots` that match to `found`. */
  select(slots: readonly number[], found: number[]): void {
    if (this.#classify === null) {
      found.push(...slots);
      return;
    }
    for (let from = 0; from < slots.length; from += ROWS) {
      const count = Math.min(ROWS, slots.length - from);
      for (let i = 0; i < count; i++) this.#fill(this.#rows + i * ROW, slots[from + i]);
      const common = this.#classify(this.#batch, count);
      for (let i = 0; i < count; i++) {
        const port = common >= 0 ? common : this.#memory.u16[(this.#rows + i * ROW + SLOT_PORT) >>> 1];
        if (port === 0) found.push(slots[from + i]);
      }
    }
  }

  release(): void {
    if (this.#classify !== null) this.#memory.free(this.#rows, ROWS * (ROW + 4));
  }

  #fill(row: number, slot: number): void {
    const { u8 } = this.#memory;
    u8.copyWithin(row, slot, slot + SLOT_META);
    const data = this.#memory.get32(slot + SLOT_DATA);
    const bytes = u8.subarray(data, data + this.#memory.get32(slot + SLOT_LENGTH));
    const ip = networkOffset(this.#memory, slot, bytes);
    const set = (field: number, value: number): void => this.#memory.set32(row + field, value);
    if (ip === null) {
      set(SLOT_NETWORK, 0);
      set(SLOT_TRANSPORT, 0);
    } else if (u8[data + ip] >> 4 === 4) {
      set(SLOT_NETWORK, data + ip);
      set(SLOT_TRANSPORT, data + ip + (u8[data + ip] & 15) * 4);
    } else {
      this.#standIn(row, bytes, ip);
      return;
    }
    if (this.#memory.get32(slot + SLOT_MAC) === 0 && startOf(bytes, ip ?? -1) === "ethernet")
      set(SLOT_MAC, data);
  }

  /** An IPv4 packet that has the protocol and the transport header of the IPv6 packet at `ip`. */
  #standIn(row: number, bytes: Uint8Array, ip: number): void {
    const { u8 } = this.#memory;
    const header = row + SLOT_META;
    const found = ip >= 0 ? transport6(bytes, ip) : null;
    const take = found === null ? 0 : Math.min(TRANSPORT, bytes.length - found.at);
    u8.fill(0, header, header + IPV4_HEADER);
    u8[header] = 0x45;
    u8[header + 3] = IPV4_HEADER + take;
    u8[header + 8] = bytes[ip + 7];
    u8[header + 9] = found?.protocol ?? 0;
    if (found !== null) u8.set(bytes.subarray(found.at, found.at + take), header + IPV4_HEADER);
    this.#memory.set32(row + SLOT_DATA, header);
    this.#memory.set32(row + SLOT_LENGTH, IPV4_HEADER + take);
    this.#memory.set32(row + SLOT_MAC, 0);
    this.#memory.set32(row + SLOT_NETWORK, header);
    this.#memory.set32(row + SLOT_TRANSPORT, header + IPV4_HEADER);
  }
}

/**
 * Offset from the packet's data to its IP header: where it is marked (it may be before the data, negative), or where
 * it is found; null where there is none.
 */
export function networkOffset(memory: PacketMemory, slot: number, bytes: Uint8Array): number | null {
  const marked = memory.get32(slot + SLOT_NETWORK);
  const data = memory.get32(slot + SLOT_DATA);
  // An IPv4 header may have been stripped already; the kernels read it nevertheless.
  const version = marked === 0 ? 0 : memory.u8[marked] >> 4;
  if (marked >= memory.get32(slot + SLOT_BUFFER) && marked + IPV4_HEADER <= data + bytes.length) {
    if (version === 4 || (version === 6 && marked >= data)) return marked - data;
  }
  const ip = ipHeaderOffset(bytes);
  return ip < 0 ? null : ip;
}

function wrong(what: string): TraceError {
  return new TraceError(
    "BAD_FILTER",
    `wrong filter: ${what} (expected a pattern as IPClassifier takes: 'udp port 4342', 'host 10.0.0.1', 'icmp', 'src net 10.0.0.0/8 and tcp'; empty for every packet)`,
  );
}
