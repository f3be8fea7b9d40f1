// timeout: 300
// KernelTun: over an IP link inside the process, and with the kernel of this machine.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SLOT_NETWORK, SLOT_TRANSPORT } from "../../assembly/layout.js";
import { makeLink } from "../../src/device/link.js";
import { MapProvider } from "../../src/device/provider.js";
import { ConfigurationError, Packet, type Router } from "../../src/index.js";
import { Simulation } from "../../src/router/simulation.js";
import { Lab as Namespaces } from "../device/netns.js";
import { skipUnless } from "../skip.js";
import { type Lab, lab } from "./ethernet/harness.js";

const IP = `4500001c${"00".repeat(24)}`;
const IP6 = `6000000000003aff${"00".repeat(32)}`;

async function tun(text: string, mtu = 1500): Promise<{ l: Lab; peer: Lab; sim: Simulation }> {
  const sim = new Simulation();
  const [a, b] = makeLink({ clock: sim.clock, schedule: sim.schedule, linkType: "ip", mtu });
  const of = { clock: sim.clock };
  const l = await lab(text, { ...of, devices: new MapProvider([["tun:t", a]]) });
  const peer = await lab("Source -> out :: ToDevice(k); FromDevice(k) -> got :: Capture", {
    ...of,
    devices: new MapProvider([["k", b]]),
  });
  sim.add(l.router as Router);
  sim.add(peer.router as Router);
  return { l, peer, sim };
}

test("whole IP packets come out with their headers marked, the rest on output 1", async () => {
  const { l, peer, sim } = await tun(
    "t :: KernelTun(10.0.0.1/24, DEVNAME t); t -> got :: Capture; t [1] -> other :: Capture",
  );
  const packet = new Packet(l.router.memory);
  const heads: number[] = [];
  l.capture("got").onPacket = (slot) => {
    const data = packet.at(slot).data;
    heads.push(
      l.router.memory.get32(slot + SLOT_NETWORK) - data,
      l.router.memory.get32(slot + SLOT_TRANSPORT) - data,
    );
  };
  const bad = [
    `4f00001c${"00".repeat(24)}`,
    IP.replace("001c", "001d"),
    IP.replace("001c", "0013"),
    IP.slice(0, 38),
    `55${IP.slice(2)}`,
    `6000000000013aff${"00".repeat(32)}`,
  ];
  peer.push(
    "out",
    0,
    [IP, IP6, `${IP}ffff`, ...bad].map((data) => ({ data })),
  );
  sim.run(0.1);
  assert.equal(l.got("got"), [IP, IP6, IP]);
  assert.equal(heads, [0, 20, 0, 40, 0, 20]);
  assert.equal(l.got("other"), bad);
  assert.is(l.router.read("t.packets"), "9");
  l.router.close();
  peer.router.close();
  assert.is(l.used(), 0);
});

test("what is no IP packet is counted where output 1 is not connected", async () => {
  const { l, peer, sim } = await tun("t :: KernelTun(10.0.0.1/24, DEVNAME t) -> got :: Capture");
  peer.push("out", 0, [{ data: "00" }]);
  sim.run(0.1);
  assert.is(l.router.read("t.not_ip"), "1");
  assert.is(l.used(), 0);
  l.router.close();
  peer.router.close();
});

test("packets go to the kernel from their network header on; those it cannot have are dropped and counted", async () => {
  const { l, peer, sim } = await tun("Source -> t :: KernelTun(10.0.0.1/24, DEVNAME t, MTU 40) -> Discard");
  const packet = new Packet(l.router.memory);
  const batch = l.router.batches.acquire();
  const add = (data: string, network: number | null): void => {
    const slot = l.router.memory.kernels.poolTake();
    packet.at(slot).setBytes(new Uint8Array(Buffer.from(data, "hex")));
    if (network !== null) packet.networkHeader = packet.data + network;
    batch.add(slot);
  };
  add(`${"ee".repeat(14)}${IP}`, 14);
  add(IP6, 0);
  add(IP, null);
  add(IP, 9);
  add(IP, -4);
  add(`75${IP.slice(2)}`, 0);
  add(IP + "00".repeat(13), 0);
  l.router.find("t")!.push(0, batch);
  batch.count = 0;
  l.router.batches.release(batch);
  sim.run(0.1);
  assert.equal(peer.got("got"), [IP, IP6]);
  const read = (name: string): string => l.router.read(`t.${name}`);
  assert.equal(["sent", "no_network", "bad_version", "too_big", "full"].map(read), ["2", "3", "1", "1", "0"]);
  assert.is(l.used(), 0);
  l.router.close();
  peer.router.close();
});

test("a gateway outside the network is refused, and so is a router without such devices", async () => {
  const problem = async (args: string): Promise<string> => {
    try {
      (await lab(`KernelTun(${args}) -> Discard`)).router.close();
      return "";
    } catch (e) {
      if (!(e instanceof ConfigurationError)) throw e;
      return e.diagnostics.map((d) => d.message).join("\n");
    }
  };
  assert.match(await problem("10.0.0.1/24, 10.0.1.1"), /bad GATEWAY/);
  assert.match(await problem("10.0.0.1/255.0.255.0"), /ADDR: the mask is no prefix/);
  assert.match(await problem("10.0.0.1/24"), /no device 'tun:'/);
});

const program = fileURLToPath(new URL("tun-host.js", import.meta.url));
const namespaces = process.getuid?.() === 0 && spawnSync("ip", ["netns", "list"]).status === 0;
const labTest = skipUnless(namespaces, "needs root and network namespaces (iproute2)");

labTest("the kernel's pings come out, and go back in as answers", async () => {
  const space = new Namespaces();
  try {
    const ns = space.namespace();
    const router = space.node(ns, [program]);
    const [name, named, unnamed] = [await router.line(), await router.line(), await router.line()];
    assert.is(named, "named0");
    assert.is.not(name, unnamed);
    assert.match(space.exec(ns, `ip addr show dev ${name}`), /inet 10\.9\.0\.1\/24[\s\S]*inet6 fd09::1\/64/);
    assert.match(space.exec(ns, "ip route"), new RegExp(`default via 10\\.9\\.0\\.254 dev ${name}`));
    for (let i = 0; i < 2; i++) assert.match(space.exec(ns, "ping -c 1 -W 30 10.9.0.7"), / 1 received/);
    router.send("sent");
    assert.ok(Number(await router.line()) >= 2);
    router.child.stdin!.end();
    assert.is(await router.exit, 0);
    assert.is(space.exec(ns, "ip -o link").trim().split("\n").length, 1, "its interfaces went with it");
  } finally {
    space.close();
  }
});

test.run();
