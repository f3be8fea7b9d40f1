// The captures of test/fixtures/lisp, for tests.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type CapturedDatagram, lispDatagrams } from "../../../src/cli/lisp-capture.js";

export const LISP_FIXTURES: string = fileURLToPath(
  new URL("../../../../test/fixtures/lisp/", import.meta.url),
);

export const CAPTURES: readonly string[] = readdirSync(LISP_FIXTURES)
  .filter((file) => file.endsWith(".pcap"))
  .sort();

/** The LISP datagrams of a capture. */
export function datagrams(file: string): CapturedDatagram[] {
  const bytes = readFileSync(LISP_FIXTURES + file);
  let at = 0;
  return [
    ...lispDatagrams((into) => {
      const n = bytes.copy(into, 0, at, at + into.length);
      at += n;
      return n;
    }),
  ];
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
