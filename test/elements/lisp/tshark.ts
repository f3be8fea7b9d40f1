// What tshark, a decoder of other people's, reads in packets.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hex } from "./harness.js";

export const TSHARK = spawnSync("tshark", ["--version"]).status === 0;

/** A capture file of raw IP packets (link type 101). */
function pcap(packets: readonly Uint8Array[]): Uint8Array {
  const parts = [hex("d4c3b2a1 02000400 00000000 00000000 ffff0000 65000000")];
  for (const p of packets) {
    const header = new Uint8Array(16);
    const view = new DataView(header.buffer);
    view.setUint32(8, p.length, true);
    view.setUint32(12, p.length, true);
    parts.push(header, p);
  }
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The values of `fields` in each of the IP packets, as tshark prints them. Throws when it fails. */
export function tsharkFields(packets: readonly Uint8Array[], fields: readonly string[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), "lisp-"));
  try {
    const file = join(folder, "packets.pcap");
    writeFileSync(file, pcap(packets));
    const args = ["-r", file, "-o", "ip.check_checksum:TRUE", "-T", "fields"];
    const { status, stdout, stderr } = spawnSync("tshark", [...args, ...fields.flatMap((f) => ["-e", f])], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(`tshark: ${stderr}`);
    return stdout
      .replace(/\n$/, "")
      .split("\n")
      .map((line) => line.split("\t"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Whether a boolean field is set, as either version of tshark says it. */
export function isSet(text: string): boolean {
  return text === "1" || text === "True";
}
