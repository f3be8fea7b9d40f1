// EID-Records for messages that cross networks in one packet.

import { Writer } from "../../wire/lisp-control/cursor.js";
import { type EidRecord, writeEidRecord } from "../../wire/lisp-control/record.js";

/** Most bytes of records in a message, but for a single one: with headers and authentication below any usual MTU. */
export const RECORDS_BYTES = 1200;

/** Bytes that the records take. Throws LispControlError for what cannot be said. */
export function recordBytes(records: readonly EidRecord[]): number {
  const w = new Writer();
  for (const record of records) writeEidRecord(w, record);
  return w.at;
}

/** The records in their order, in as few groups as take RECORDS_BYTES each, or are one record. Throws LispControlError. */
export function grouped(records: readonly EidRecord[]): EidRecord[][] {
  const groups: EidRecord[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of records) {
    const size = recordBytes([record]);
    if (bytes + size > RECORDS_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups[groups.length - 1].push(record);
    bytes += size;
  }
  return groups;
}
