// tshark, a judge from outside: what it reads in packets of ours.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import { LINKTYPE_RAW } from "../src/wire/pcap.js";
import { skipUnless } from "./skip.js";
import { capture } from "./wire/lisp-control/fixtures.js";

export const TSHARK: boolean = spawnSync("tshark", ["--version"]).status === 0;

/** `test` where there is a tshark. */
export const tsharkTest: ReturnType<typeof skipUnless> = skipUnless(TSHARK, "needs tshark", test);

/** The fields in which it complains of a packet: empty for one that is as it should be. */
export const COMPLAINTS = ["_ws.expert.message", "_ws.malformed"] as const;

/**
 * The values that tshark gives `fields` of each IP packet, those of a field that is there several times separated by
 * commas; checksums are checked. UDP port 4342 is LISP control, whichever other port there is.
 */
export function judged(
  packets: readonly Uint8Array[],
  fields: readonly string[],
): Readonly<Record<string, string>>[] {
  const folder = mkdtempSync(join(tmpdir(), "sluice-tshark-"));
  try {
    const file = join(folder, "packets.pcap");
    writeFileSync(file, capture(packets, LINKTYPE_RAW));
    const words = ["-r", file, "-d", "udp.port==4342,lisp", "-T", "fields"];
    words.push("-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE");
    // RFC 9300, section 5.3: data packets have none.
    words.push("-o", "udp.ignore_ipv6_zero_checksum:TRUE");
    const { stdout, stderr, status } = spawnSync(
      "tshark",
      [...words, ...fields.flatMap((field) => ["-e", field])],
      { encoding: "utf8", maxBuffer: 1 << 26 },
    );
    if (status !== 0) throw new Error(`tshark: ${stderr}`);
    const lines = stdout.split("\n");
    return packets.map((_, i) => {
      const values = lines[i].split("\t");
      return Object.fromEntries(fields.map((field, k) => [field, values[k]]));
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Whether a boolean field is set, as either version of tshark says it. */
export function isSet(value: string): boolean {
  return value === "1" || value === "True";
}
