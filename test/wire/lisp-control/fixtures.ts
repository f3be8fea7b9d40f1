// The captures of test/fixtures/lisp, for tests.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type CapturedDatagram, lispDatagrams } from "../../../src/cli/lisp-capture.js";
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
