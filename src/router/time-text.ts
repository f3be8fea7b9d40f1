// Times as Click prints them: to the microsecond, as its default build keeps them.

import { SLOT_TIMESTAMP } from "../../assembly/layout.js";
import type { PacketMemory } from "../packet/memory.js";

/** `1000000000.000250`: seconds since the epoch. */
export function timestampText(seconds: number, nanoseconds: number): string {
  return `${seconds}.${String(Math.floor(nanoseconds / 1000)).padStart(6, "0")}`;
}

/** The timestamp of the packet in `slot`. */
export function packetTimestampText(memory: PacketMemory, slot: number): string {
  const ns = memory.view.getBigUint64(slot + SLOT_TIMESTAMP, true);
  return timestampText(Number(ns / 1_000_000_000n), Number(ns % 1_000_000_000n));
}

/** An interval of `ns` nanoseconds: `500ms`, `250us`, `2.500000s`. */
export function intervalText(ns: number): string {
  const us = Math.floor(ns / 1000);
  if (us >= 1e6) return `${timestampText(Math.floor(ns / 1e9), ns % 1e9)}s`;
  return us % 1000 === 0 ? `${us / 1000}ms` : `${us}us`;
}
