// FromDevice and ToDevice over links inside the process.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ANNO_EXTRA_LENGTH,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_OTHERHOST,
  SLOT_ANNO,
} from "../../assembly/layout.js";
import { type LinkOptions, makeLink } from "../../src/device/link.js";
import { MapProvider } from "../../src/device/provider.js";
import type { ConfigurationError } from "../../src/index.js";
import { type Batch, Element, Loader, Packet, type Router } from "../../src/index.js";
import { Notifier } from "../../src/router/notifier.js";
import { Simulation } from "../../src/router/simulation.js";
import { Capture, type Lab, lab, Source } from "./ethernet/harness.js";

/** Gives on pull what is put into it, and wakes who waits. */
class Store extends Element {
  static readonly spec = { ports: "0/1", processing: "/l" } as const;
  readonly slots: number[] = [];
  override pull(_port: number, batch: Batch, max: number): void {
    while (batch.count < max && this.slots.length > 0) batch.add(this.slots.shift()!);
    if (this.slots.length === 0) this.#empty.sleep();
  }
  readonly #empty = new Notifier();
  override notifier(): Notifier {
    return this.#empty;
  }
  override takeState(old: Element): void {
    this.slots.push(...(old as Store).slots.splice(0));
  }
  wake(): void {
    this.#empty.wake();
  }
}

interface Pair {
  readonly sim: Simulation;
  readonly left: Lab;
  readonly right: Lab;
}

/** Two routers with a link between them: the left one's `eth0` and the right one's `eth1`. */
async function pair(left: string, right: string, options: LinkOptions = {}): Promise<Pair> {
  const sim = new Simulation();
  const random = (): number => sim.random.real();
  const [a, b] = makeLink({ clock: sim.clock, schedule: sim.schedule, random, ...options });
  const make = (text: string, name: string, device: typeof a): Promise<Lab> => {
    const loader = new Loader();
    for (const c of [Capture, Source, Store]) loader.add(c);
    return lab(text, { loader, clock: sim.clock, devices: new MapProvider([[name, device]]) });
  };
  const labs = [await make(left, "eth0", a), await make(right, "eth1", b)] as const;
  for (const l of labs) sim.add(l.router as Router);
  return { sim, left: labs[0], right: labs[1] };
}

const close = (p: Pair): void => {
  p.left.router.close();
  p.right.router.close();
  assert.is(p.left.used(), 0);
  assert.is(p.right.used(), 0);
};
const frame = (n: number, to = "020000000002"): string =>
  `${to}0200000000010800${n.toString(16).padStart(92, "0")}`;

test("what one router sends the other receives, with packet types, time and counts", async () => {
  const p = await pair("Source -> out :: ToDevice(eth0)", "in :: FromDevice(eth1) -> got :: Capture", {
    delay: 0.25,
  });
  const types: number[] = [];
  const packet = new Packet(p.right.router.memory);
  p.right.capture("got").onPacket = (slot) => {
    types.push(packet.at(slot).packetType);
    assert.is(packet.timestamp, 1_000_000_000_250_000_000n);
  };
  const frames = [frame(1), frame(2, "ffffffffffff"), frame(3, "0200000000ee")];
  p.left.push(
    "out",
    0,
    frames.map((data) => ({ data })),
  );
  p.sim.run(0.2);
  assert.equal(p.right.got("got"), []);
  p.sim.run(0.1);
  assert.equal(p.right.got("got"), frames);
  assert.equal(types, [PACKET_HOST, PACKET_BROADCAST, PACKET_OTHERHOST]);
  assert.is(p.left.router.read("out.count"), "3");
  assert.is(p.right.router.read("in.count"), "3");
  assert.is(p.right.router.read("in.bytes"), "180");
  assert.match(p.right.router.read("in.device"), /^rx_packets\t3$/m);
  assert.match(p.left.router.read("out.device"), /^tx_packets\t3$/m);
  assert.is(p.right.router.read("in.encap"), "ETHER");
  assert.is(p.right.router.read("in.kernel_drops"), "??");
  assert.is(p.right.router.read("in.down"), "");
  await p.right.router.write("in.reset_counts");
  assert.is(p.right.router.read("in.count") + p.right.router.read("in.bytes"), "00");
  close(p);
});

test("the largest IP packet passes FromDevice and ToDevice whole, behind its Ethernet header", async () => {
  const p = await pair("Source -> out :: ToDevice(eth0)", "FromDevice(eth1) -> got :: Capture", {
    mtu: 65_535,
  });
  const whole = frame(1).slice(0, 28) + "5a".repeat(65_535);
  p.left.push("out", 0, [{ data: whole }]);
  p.sim.run(0.1);
  const got = p.right.got("got");
  assert.is(got.length, 1);
  assert.ok(got[0] === whole, `${got[0].length / 2} bytes`);
  close(p);
});

test("BURST bounds a batch, and SNAPLEN what is kept of a packet", async () => {
  const p = await pair(
    "Source -> out :: ToDevice(eth0)",
    "FromDevice(eth1, BURST 2, SNAPLEN 20) -> got :: Capture",
  );
  const extra: number[] = [];
  p.right.capture("got").onPacket = (slot) =>
    extra.push(p.right.router.memory.get32(slot + SLOT_ANNO + ANNO_EXTRA_LENGTH));
  p.left.push(
    "out",
    0,
    [1, 2, 3].map((n) => ({ data: frame(n) })),
  );
  p.left.push("out", 0, [{ data: frame(4).slice(0, 40) }]);
  p.sim.run(0.1);
  assert.equal(p.right.capture("got").batches, [2, 2]);
  assert.equal(
    p.right.got("got"),
    [1, 2, 3, 4].map((n) => frame(n).slice(0, 40)),
  );
  assert.equal(extra, [40, 40, 40, 0]);
  close(p);
});

test("with FORCE_IP only IP packets come, marked; the others leave on output 1, or are dropped and counted", async () => {
  const ipv4 = `0200000000020200000000010800${`4500001400000000${"4011"}00000a0000010a000002`.padEnd(92, "0")}`;
  const ipv6 = `02000000000202000000000186dd${`60000000${"0000"}3b40`.padEnd(92, "0")}`;
  const arp = frame(7).replace("0800", "0806");
  const cut = ipv4.slice(0, 60);
  const from = "Source -> out :: ToDevice(eth0)";
  for (const rest of ["", "; in[1] -> others :: Capture"]) {
    const p = await pair(from, `in :: FromDevice(eth1, 1, 2000, FORCE_IP true) -> got :: Capture${rest}`);
    const marks: string[] = [];
    const packet = new Packet(p.right.router.memory);
    p.right.capture("got").onPacket = (slot) => {
      const { data, networkHeader, transportHeader } = packet.at(slot);
      const destination = p.right.router.memory.view.getUint32(slot + SLOT_ANNO);
      marks.push(`${networkHeader - data} ${transportHeader - data} ${destination.toString(16)}`);
    };
    p.left.push(
      "out",
      0,
      [arp, ipv4, cut, ipv6].map((data) => ({ data })),
    );
    p.sim.run(0.1);
    assert.equal(p.right.got("got"), [ipv4, ipv6]);
    assert.equal(marks, ["14 34 a000002", "14 54 0"]);
    assert.is(p.right.router.read("in.count"), "4");
    assert.is(p.right.router.read("in.not_ip"), rest === "" ? "2" : "0");
    if (rest !== "") assert.equal(p.right.got("others"), [arp, cut]);
    close(p);
  }
});

test("while it is not active it reads nothing; made active it reads what waited", async () => {
  const p = await pair(
    "Source -> out :: ToDevice(eth0)",
    "in :: FromDevice(eth1, ACTIVE false) -> got :: Capture",
  );
  p.left.push("out", 0, [{ data: frame(1) }]);
  p.sim.run(1);
  assert.equal(p.right.got("got"), []);
  await p.right.router.write("in.active", "true");
  p.sim.run(0.1);
  assert.equal(p.right.got("got"), [frame(1)]);
  await p.right.router.write("in.active", "false");
  p.left.push("out", 0, [{ data: frame(2) }]);
  p.sim.run(1);
  assert.equal(p.right.got("got"), []);
  close(p);
});

const RATE: LinkOptions = { rate: 480_000, queue: 2 }; // a 60-byte frame takes a millisecond

test("what a full device does not take is dropped when it was pushed", async () => {
  const p = await pair("Source -> out :: ToDevice(eth0)", "FromDevice(eth1) -> got :: Capture", RATE);
  p.left.push(
    "out",
    0,
    [1, 2, 3, 4, 5].map((n) => ({ data: frame(n) })),
  );
  p.sim.run(1);
  const got = p.right.got("got");
  assert.ok(got.length >= 2 && got.length < 5);
  assert.is(p.left.router.read("out.count"), String(got.length));
  assert.is(p.left.router.read("out.full"), String(5 - got.length));
  close(p);
});

function store(l: Lab, frames: readonly string[]): void {
  const packet = new Packet(l.router.memory);
  for (const data of frames) {
    const slot = l.router.memory.kernels.poolTake();
    packet.at(slot).setBytes(new Uint8Array(Buffer.from(data, "hex")));
    (l.router.find("s") as Store).slots.push(slot);
  }
  (l.router.find("s") as Store).wake();
}

test("what a full device does not take waits when it was pulled, and goes in order", async () => {
  const p = await pair(
    "s :: Store -> out :: ToDevice(eth0, BURST 4)",
    "FromDevice(eth1) -> got :: Capture",
    RATE,
  );
  const frames = Array.from({ length: 20 }, (_, n) => frame(n));
  store(p.left, frames);
  p.sim.run(0.1);
  assert.equal(p.right.got("got"), frames);
  assert.is(p.left.router.read("out.count"), "20");
  assert.is(p.left.router.read("out.full"), "0");
  close(p);
});

test("a hot swap loses no packet that waits for the device", async () => {
  const text = "s :: Store -> out :: ToDevice(eth0)";
  const p = await pair(text, "FromDevice(eth1) -> got :: Capture", RATE);
  const frames = Array.from({ length: 8 }, (_, n) => frame(n));
  store(p.left, frames);
  p.left.router.step();
  assert.ok(Number(p.left.router.read("out.count")) < 8);
  await p.left.router.swap(text);
  p.sim.run(0.1);
  assert.equal(p.right.got("got"), frames);
  assert.is(p.left.router.read("out.count"), "8");
  close(p);
});

test("a link's MAC is what its name stands for, as in eth0:eth", async () => {
  const p = await pair(
    "Source -> e :: EtherEncap(0x0800, eth0:eth, 2:0:0:0:0:2) -> ToDevice(eth0)",
    "FromDevice(eth1) -> got :: Capture",
  );
  p.left.push("e", 0, [{ data: "45" }]);
  p.sim.run(0.1);
  assert.equal(p.right.got("got"), ["020000000002020000000001080045"]);
  close(p);
});

test("a device that is not there, and SNIFFER false, are refused in words", async () => {
  const problem = async (text: string): Promise<string> => {
    const [a] = makeLink();
    try {
      (await lab(text, { devices: new MapProvider([["eth0", a]]) })).router.close();
      return "";
    } catch (e) {
      return (e as ConfigurationError).diagnostics.map((d) => d.message).join("\n");
    }
  };
  assert.match(await problem("FromDevice(eth7) -> Capture"), /no device 'eth7' here \(known: eth0\)/);
  assert.match(await problem("Source -> ToDevice(eth7)"), /no device 'eth7' here/);
  assert.match(await problem("FromDevice(eth0, SNIFFER false) -> Capture"), /SNIFFER false is not supported/);
  assert.is(
    await problem("FromDevice(eth0, METHOD LINUX) -> Capture; Source -> ToDevice(eth0, DEBUG true)"),
    "",
  );
  const p = await pair(
    "Source -> ToDevice(eth0)",
    "FromDevice(eth1, 0, HEADROOM 100, ENCAP ETHER, BPF_FILTER tcp) -> Capture",
  );
  assert.match(p.right.log.join("\n"), /not using METHOD PCAP, BPF filter ignored/);
  close(p);
});

test.run();
