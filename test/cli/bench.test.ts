// timeout: 300
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseTraffic, trafficFrame } from "../../src/device/traffic.js";
import { SeededRandom } from "../../src/router/random.js";
import { PcapWriter } from "../../src/wire/pcap.js";
import { MAIN, sluice } from "./sluice.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-bench-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Options for runs that are over soon. */
const SHORT = ["--seconds", "0.05", "--runs", "2", "--frames", "64"];
/** For those that are over when so many packets were given, however long that takes. */
const COUNTED = ["--seconds", "60", "--runs", "2", "--frames", "64", "--packets"];

interface Result {
  readonly nsPerPacket: { readonly runs: number; readonly median: number };
  readonly runs: readonly { readonly packets: number }[];
  readonly devices: readonly { readonly name: string; readonly received: number; readonly sent: number }[];
  readonly elements: readonly {
    readonly name: string;
    readonly packets: number;
    readonly calls: number;
    readonly drops: number;
    readonly share: number;
  }[];
  readonly notes: readonly string[];
}

/** The result of runs of `packets` packets. */
async function bench(packets: number, ...words: string[]): Promise<Result> {
  const { code, out, err } = await sluice([
    ...["bench", "--json"],
    ...[...COUNTED, String(packets), ...words],
  ]);
  assert.is(code, 0, err);
  return JSON.parse(out);
}

test("every packet that a replaced device gives goes through the graph to the other one", async () => {
  const r = await bench(1000, "-e", "FromDevice(eth0) -> ToDevice(eth1)");
  assert.equal(
    r.runs.map((run) => run.packets),
    [1000, 1000],
  );
  // The run to warm up is one more.
  assert.equal(r.devices, [
    { name: "eth0", received: 3000, sent: 0 },
    { name: "eth1", received: 0, sent: 3000 },
  ]);
  assert.ok(r.nsPerPacket.median > 0);
});

test("the shares of elements, generator and sink are those of all the time", async () => {
  const r = await bench(5000, "-e", "FromDevice(eth0) -> d :: ToDevice(eth1)");
  const total = r.elements.reduce((n, e) => n + e.share, 0);
  assert.ok(Math.abs(total - 1) < 1e-9, `they add up to ${total}`);
  assert.is(r.elements.find((e) => e.name === "d")?.packets, 5000);
  assert.is(r.elements.find((e) => e.name === "(generator)")?.packets, 5000);
});

test("a smaller burst makes smaller batches", async () => {
  const r = await bench(640, "--burst", "10", "-e", "FromDevice(eth0) -> d :: ToDevice(eth1)");
  const d = r.elements.find((e) => e.name === "d")!;
  assert.is(d.packets / d.calls, 10);
});

test("traffic is as described: an IP filter sees the prefix, the protocol and the family", async () => {
  const r = await bench(
    300,
    ...["--traffic", "dst 10.7.0.0/16 proto tcp dport 80"],
    ...["--traffic", "on eth9 dst 10.8.0.1", "-e"],
    "FromDevice(eth0) -> Classifier(12/0800 30/0a07 23/06 36/0050) -> hit :: ToDevice(eth1)",
  );
  assert.is(r.elements.find((e) => e.name === "hit")?.packets, 300);
  const six = await bench(
    300,
    ...["--traffic", "dst 2001:db8:7::/48", "-e"],
    "FromDevice(eth0) -> Classifier(12/86dd 38/20010db80007 20/11) -> hit :: ToDevice(eth1)",
  );
  assert.is(six.elements.find((e) => e.name === "hit")?.packets, 300);
});

test("recorded packets are played over and over", async () => {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((b) => chunks.push(b.slice()));
  const frame = trafficFrame(parseTraffic("dst 10.9.9.9"), "ethernet", new SeededRandom(1));
  for (let i = 0; i < 3; i++) writer.buffer.set(frame, writer.add(1, 0, frame.length));
  writer.flush();
  const file = join(folder, "three.pcap");
  writeFileSync(file, Buffer.concat(chunks));
  const r = await bench(
    100,
    ...["--pcap", file, "-e"],
    "FromDevice(eth0) -> Classifier(30/0a090909) -> hit :: ToDevice(eth1)",
  );
  assert.is(r.elements.find((e) => e.name === "hit")?.packets, 100);
});

test("a configuration file takes its variables from the command line", async () => {
  const file = join(folder, "two.click");
  writeFileSync(file, "define($IN x)\nFromDevice($IN) -> Discard;\n");
  const r = await bench(10, file, "IN=left");
  assert.equal(
    r.devices.map((d) => d.name),
    ["left"],
  );
});

test("the text names the cost, the devices and the elements", async () => {
  const { code, out } = await sluice(["bench", ...SHORT, "-e", "FromDevice(eth0) -> d :: Discard"]);
  assert.is(code, 0);
  assert.match(out, /ns a packet/);
  assert.match(out, /^eth0: \d+ packets in, 0 out/m);
  assert.match(out, /^d :: Discard +\d/m);
});

/** A module that says when the process begins to listen for an interrupt. */
const TELLS = `process.on("newListener", (event) => event === "SIGINT" && process.stderr.write("listens"));`;

test("an interrupt ends the measurement with what it has", async () => {
  const child = spawn(process.execPath, [
    ...["--import", `data:text/javascript,${encodeURIComponent(TELLS)}`],
    ...[MAIN, "bench", "--seconds", "0.05", "--runs", "9999", "--json"],
    ...["-e", "FromDevice(eth0) -> Discard"],
  ]);
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  const ended = new Promise((resolve) => child.on("close", resolve));
  await once(child.stderr, "data");
  child.kill("SIGINT");
  const code = await ended;
  assert.is(code, 130);
  const r = JSON.parse(out);
  assert.is(r.interrupted, true);
  assert.ok(r.runs.length < 9999);
});

const wrong: readonly [string, readonly string[], RegExp][] = [
  [
    "traffic on another device only",
    ["--traffic", "on b", "-e", "FromDevice(a) -> Discard"],
    /no packets came/,
  ],
  ["an unknown word for traffic", ["--traffic", "to 10.0.0.1", "-e", "Idle"], /'to' is no word for traffic/],
  ["an address that is none", ["--traffic", "dst 10.0.0", "-e", "Idle"], /'10.0.0' is no address/],
  ["two families", ["--traffic", "dst 10.0.0.1 src ::1", "-e", "Idle"], /different families/],
  ["packets too small for their headers", ["--size", "27", "-e", "Idle"], /no room for their headers, 28/],
  [
    "packets larger than IP allows",
    ["--size", "65536", "-e", "FromDevice(a) -> Discard"],
    /--size needs a whole number from 1 to 65535/,
  ],
  ["a capture file that is not there", ["--pcap", "/none", "-e", "FromDevice(a) -> Discard"], /no such file/],
  [
    "recorded and generated packets at once",
    ["--pcap", "x", "--traffic", "dst ::1", "-e", "Idle"],
    /cannot stand/,
  ],
  ["no runs", ["--runs", "0", "-e", "Idle"], /--runs needs a whole number/],
  ["a burst beyond a batch", ["--burst", "257", "-e", "Idle"], /--burst needs a whole number from 1 to 256/],
  ["an unknown element", ["-e", "Nonsense -> Discard"], /unknown element class|undeclared element/],
];
for (const [what, words, message] of wrong) {
  test(`${what}: refused with a reason`, async () => {
    const { code, out, err } = await sluice(["bench", ...SHORT, ...words]);
    assert.is(code, 1, out);
    assert.match(err, message);
    assert.is(out, "");
  });
}

test.run();
