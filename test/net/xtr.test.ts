// timeout: 400
// Two LISP tunnel routers from conf/xtr.click between two hosts, in network namespaces, with the kernel's own traffic.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skipUnless } from "../skip.js";
import { ended, Network, namespacesRefused } from "./namespaces.js";
import { startXtrs, waitForPing } from "./xtr-network.js";

const TRANSFER = fileURLToPath(new URL("transfer.js", import.meta.url));
const MEGABYTES = 100;

const refused = namespacesRefused();
const tests = suite("xTRs in namespaces");
const test = skipUnless(refused === null, refused ?? "", tests);
const tshark = skipUnless(
  refused === null && spawnSync("tshark", ["--version"]).status === 0,
  refused ?? "needs the program tshark",
  tests,
);

const folder = mkdtempSync(join(tmpdir(), "sluice-xtr-"));
const capture = join(folder, "core.pcap");
let network: Network;

async function build(): Promise<void> {
  network = new Network("xtr");
  startXtrs(network, "xtr.click", false);
}

async function transfer(protocol: "tcp" | "udp", address: string, datagram?: number): Promise<void> {
  const port = String(5000 + Math.floor(Math.random() * 1000));
  const server = network.start("host2", process.execPath, [TRANSFER, "serve", protocol, address, port]);
  const received = ended(server);
  await new Promise((resolve) => server.stdout!.once("data", resolve));
  const words = [TRANSFER, "send", protocol, address, port, String(MEGABYTES * 1e6), String(datagram ?? "")];
  const sent = await ended(
    network.start(
      "host1",
      process.execPath,
      words.filter((w) => w !== ""),
    ),
  );
  assert.is(sent.code, 0, sent.err);
  assert.is((await received).out.replace("ready\n", ""), sent.out);
  assert.match(sent.out, new RegExp(`^${MEGABYTES * 1e6} [0-9a-f]{64}\n$`));
}

if (refused === null) {
  tests.before(build);
  tests.after(async () => {
    await network.close();
    rmSync(folder, { recursive: true });
  });
}

for (const [family, to] of [
  ["IPv4", "192.168.2.10"],
  ["IPv6", "fd02::10"],
]) {
  test(`no ping is lost after the first, ${family}`, () => {
    waitForPing(network, "host1", to);
    const out = network.run("host1", "ping", "-c", "50", "-i", "0.05", to);
    assert.match(out, /50 packets transmitted, 50 received, 0% packet loss/);
  });

  test(`pings larger than the core's packets cross, in fragments, ${family}`, () => {
    waitForPing(network, "host1", to);
    const out = network.run(
      "host1",
      "ping",
      "-c",
      "8",
      "-i",
      "0.2",
      "-s",
      "6000",
      "-M",
      "want",
      "-W",
      "2",
      to,
    );
    // Discovering the path's MTU costs a packet in each direction.
    assert.match(out, /8 packets transmitted, [678] received/);
  });

  test(`${MEGABYTES} MB over TCP arrive intact, ${family}`, () => transfer("tcp", to));
  test(`${MEGABYTES} MB over UDP arrive intact, ${family}`, () => transfer("udp", to));
  test(`${MEGABYTES} MB over UDP in datagrams of several fragments arrive intact, ${family}`, () =>
    transfer("udp", to, 4000));
}

tshark("a capture of the core decodes as LISP, with right checksums and lengths", async () => {
  const sniffer = network.start("xtr2", "tshark", ["-q", "-i", "core", "-w", capture, "-a", "duration:60"]);
  const stopped = ended(sniffer);
  // It captures once its file has a header; how long that takes depends on the machine.
  for (let i = 0; i < 200 && !(existsSync(capture) && statSync(capture).size > 0); i++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  for (const to of ["192.168.2.10", "fd02::10"])
    network.run("host1", "ping", "-c", "15", "-i", "0.05", "-s", "1000", to);
  await new Promise((resolve) => setTimeout(resolve, 500));
  sniffer.kill("SIGINT");
  await stopped;
  const checks = ["ip.check_checksum", "udp.check_checksum", "udp.ignore_ipv6_zero_checksum"].flatMap((o) => [
    "-o",
    `${o}:TRUE`,
  ]);
  const fields = ["frame.protocols", "_ws.malformed", "_ws.expert.message", "ip.checksum.status"].flatMap(
    (f) => ["-e", f],
  );
  const out = spawnSync(
    "tshark",
    ["-r", capture, ...checks, "-T", "fields", "-E", "separator=|", ...fields],
    { encoding: "utf8" },
  ).stdout;
  const lines = out.trim().split("\n");
  const lisp = lines.filter((line) => /^eth:ethertype:ipv?6?:udp:lisp-data:/.test(line));
  assert.ok(lisp.length >= 50, `LISP packets among:\n${out}`);
  for (const line of lisp) {
    const [, malformed, expert, checksums] = line.split("|");
    assert.is(malformed, "", line);
    assert.is(expert.replace(/no response found!?|Connection.*/gi, "").trim(), "", line);
    assert.not.match(checksums, /0/, `bad checksum: ${line}`);
  }
  assert.ok(readFileSync(capture).length > 0);
});

tests.run();
