// The captures of test/fixtures/lisp, for tests.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type CapturedDatagram, lispDatagrams } from "../../../src/cli/lisp-capture.js";
import { writeAddress } from "../../../src/wire/lisp-control/address.js";
import type { ChangePriority2012 } from "../../../src/wire/lisp-control/change-priority-2012.js";
import { Writer } from "../../../src/wire/lisp-control/cursor.js";
import { LINKTYPE_ETHERNET, PcapReader, type PcapSource, PcapWriter } from "../../../src/wire/pcap.js";

export const LISP_FIXTURES: string = fileURLToPath(
  new URL("../../../../test/fixtures/lisp/", import.meta.url),
);

export const CAPTURES: readonly string[] = readdirSync(LISP_FIXTURES)
  .filter((file) => file.endsWith(".pcap"))
  .sort();

/** A source of these bytes for readers of captures. */
function source(bytes: Uint8Array): PcapSource {
  let at = 0;
  return (into) => {
    const part = bytes.subarray(at, at + into.length);
    into.set(part);
    at += part.length;
    return part.length;
  };
}

/** The LISP datagrams in the bytes of a capture. */
export function readDatagrams(bytes: Uint8Array): CapturedDatagram[] {
  return [...lispDatagrams(source(bytes))];
}

/** The LISP datagrams of a capture. */
export function datagrams(file: string): CapturedDatagram[] {
  return readDatagrams(readFileSync(LISP_FIXTURES + file));
}

/** The frames of a capture, of whatever kind. */
export function frameBytes(file: string): Uint8Array[] {
  const reader = new PcapReader(source(readFileSync(LISP_FIXTURES + file)));
  const frames: Uint8Array[] = [];
  while (reader.next()) frames.push(reader.buffer.slice(reader.start, reader.start + reader.captured));
  return frames;
}

/** The bytes of a capture with these frames. */
export function capture(frames: readonly Uint8Array[], linkType: number = LINKTYPE_ETHERNET): Uint8Array {
  const parts: Uint8Array[] = [];
  const writer = new PcapWriter((part) => parts.push(part.slice()), { linkType });
  for (const frame of frames) writer.buffer.set(frame, writer.add(1, 0, frame.length));
  writer.flush();
  return Buffer.concat(parts);
}

/** The control messages of all captures. */
export function controlMessages(): Uint8Array[] {
  return CAPTURES.flatMap(datagrams).flatMap((d) => (d.control && d.payload !== null ? [d.payload] : []));
}

/** Bytes from hexadecimal digits; spaces and line ends between them are for the reader. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replace(/\s+/g, ""), "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The bytes of a Change-Priority message of 2012, which we never send. */
export function write2012(m: ChangePriority2012): Uint8Array {
  const w = new Writer();
  const bits = (m.hypervisor ? 8 : 0) + (m.source ? 4 : 0) + (m.destination ? 2 : 0);
  w.u32(0x50000000 + bits * 0x1000000 + (m.reserved ?? 0) + m.list.length, "first word");
  w.u64(m.nonce, "nonce");
  w.u8(m.authentication.keyId, "key ID");
  w.u8(m.authentication.algorithm, "algorithm");
  w.u16(m.authentication.data.length, "length");
  w.raw(m.authentication.data);
  w.u8(m.maskLength, "mask length");
  writeAddress(w, m.eid);
  for (const rloc of m.list) writeAddress(w, rloc);
  w.raw(m.trailer ?? new Uint8Array(0));
  return w.finish();
}
