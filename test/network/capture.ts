// Captures of an interface by tshark, and tshark's judgement of the LISP data packets in them.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import * as assert from "uvu/assert";
import { until } from "../until.js";
import { ended, type Network } from "./namespaces.js";

/** Whether there is a tshark. */
export function hasTshark(): boolean {
  return spawnSync("tshark", ["--version"]).status === 0;
}

/** Mebibytes that wait in the kernel for the capturing process, which a busy machine lets wait. */
const BUFFER = 64;
/** Bytes of the echo request that is the last packet of a capture. */
const LAST = Buffer.from("the last packet!");

/** Captures interface `dev` of namespace `name` into `file`; returns what ends that, given who pings whom across it. */
export async function startCapture(
  network: Network,
  name: string,
  dev: string,
  file: string,
): Promise<(from: string, to: string) => Promise<void>> {
  const words = ["-q", "-i", dev, "-B", String(BUFFER), "-w", file];
  const sniffer = network.start(name, "tshark", words);
  const stopped = ended(sniffer);
  // It captures once its file has a header; how long that takes depends on the machine.
  await until(() => existsSync(file) && statSync(file).size > 0, "tshark captures");
  return async (from, to) => {
    // What was sent before is in the file once a ping that comes later is: it crosses the interface, too.
    network.run(from, "ping", "-c", "1", "-w", "30", "-s", "64", "-p", LAST.toString("hex"), to);
    await until(() => readFileSync(file).includes(LAST), "tshark has captured the last packet");
    sniffer.kill("SIGINT");
    await stopped;
  };
}

/** What tshark remarks on packets that nothing is wrong with: of a connection's start and end, and of TCP's repetitions. */
const HARMLESS = /no response found!?|Connection.*|D-SACK.*/gi;

/** A LISP data packet of a capture. */
export interface LispPacket {
  /** Bytes of the frame. */
  readonly length: number;
  /** Protocols from Ethernet up, as tshark names them. */
  readonly protocols: string;
}

/** The LISP data packets of a capture; throws when tshark finds anything wrong with one, a checksum or a length too. */
export function lispPackets(file: string): LispPacket[] {
  const checks = ["ip.check_checksum", "udp.check_checksum", "udp.ignore_ipv6_zero_checksum"];
  const fields = [
    "frame.protocols",
    "frame.len",
    "_ws.malformed",
    "_ws.expert.message",
    "ip.checksum.status",
  ];
  const out = spawnSync(
    "tshark",
    [
      "-r",
      file,
      ...checks.flatMap((o) => ["-o", `${o}:TRUE`]),
      // What TCP sends again is no fault of a packet.
      ...["-o", "tcp.analyze_sequence_numbers:FALSE"],
      ...["-T", "fields", "-E", "separator=|"],
      ...fields.flatMap((f) => ["-e", f]),
    ],
    { encoding: "utf8", maxBuffer: 1 << 28 },
  ).stdout;
  const lines = out.split("\n").filter((line) => /^eth:ethertype:ipv?6?:udp:lisp-data:/.test(line));
  return lines.map((line) => {
    const [protocols, length, malformed, expert, checksums] = line.split("|");
    assert.is(malformed, "", line);
    assert.is(expert.replace(HARMLESS, "").trim(), "", line);
    assert.not.match(checksums, /0/, `bad checksum: ${line}`);
    return { length: Number(length), protocols };
  });
}
