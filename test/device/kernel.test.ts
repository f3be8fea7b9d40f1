// timeout: 300

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PcapReadDevice } from "../../src/device/pcap-read.js";
import { BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { checksumErrors } from "./checksums.js";
import { Lab, type Program } from "./netns.js";

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const root = process.getuid?.() === 0;
const namespaces = root && spawnSync("ip", ["netns", "list"]).status === 0;
const labTest = skipUnless(namespaces, "needs root and network namespaces (iproute2)");

interface State {
  readonly devices: readonly (Record<string, number> & { name: string; down: string | null })[];
  readonly reports: readonly string[];
}

async function counters(bridge: Program): Promise<State> {
  bridge.send("counters");
  return JSON.parse(await bridge.line()) as State;
}

/** The state in which device `index` of the bridge says that it is down for that reason: it has to hear of that first. */
async function stateDown(bridge: Program, index: number, why: RegExp): Promise<State> {
  let state = await counters(bridge);
  await until(async () => why.test(String((state = await counters(bridge)).devices[index].down)));
  return state;
}

async function within(body: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = new Lab();
  try {
    await body(lab);
  } finally {
    lab.close();
  }
}

/** Two hosts, 10.0.0.1/fd00::1 and .2, with a namespace between them that holds r0 and r1. */
function twoHosts(lab: Lab): { left: string; right: string; middle: string } {
  const [left, right, middle] = [lab.namespace(), lab.namespace(), lab.namespace()];
  lab.veth(left, "eth0", middle, "r0");
  lab.veth(right, "eth0", middle, "r1");
  for (const [ns, n] of [
    [left, 1],
    [right, 2],
  ] as const) {
    lab.exec(ns, `ip addr add 10.0.0.${n}/24 dev eth0`);
    lab.exec(ns, `ip addr add fd00::${n}/64 dev eth0 nodad`);
  }
  return { left, right, middle };
}

async function transfer(lab: Lab, from: string, to: string, address: string, bytes: number): Promise<void> {
  const server = lab.node(to, [here("tcp-peer.js"), "serve", address, "9000"]);
  assert.is(await server.line(), "ready");
  const client = lab.node(from, [here("tcp-peer.js"), "send", address, "9000", String(bytes)]);
  const sent = await client.line(120);
  assert.is(await server.line(), sent);
  assert.match(sent, new RegExp(`^${bytes} `));
  server.child.kill();
}

labTest("TCP with offloads on crosses packet sockets intact: big frames are cut, checksums completed", () =>
  within(async (lab) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-veth-"));
    try {
      const { left, right, middle } = twoHosts(lab);
      const file = join(folder, "seen.pcap");
      const bridge = lab.node(middle, [here("bridge.js"), "r0", "r1", `capture=${file}`]);
      assert.is(await bridge.line(), "ready");
      await transfer(lab, left, right, "10.0.0.2", 8_000_000);
      await transfer(lab, right, left, "fd00::1", 8_000_000);
      const { devices } = await counters(bridge);
      for (const device of devices) {
        assert.ok(device.rx_segmented > 50, JSON.stringify(device));
        assert.ok(device.rx_checksums > 10, JSON.stringify(device));
        assert.is(device.rx_too_big + device.rx_no_slot + device.rx_errors + device.tx_errors, 0);
      }
      bridge.child.stdin!.end();
      assert.is(await bridge.exit, 0);
      assert.ok(verifyCapture(file) > 10_000);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }),
);

/** Checks every packet of a capture; returns how many there are. */
function verifyCapture(file: string): number {
  const memory = new PacketMemory({ bytes: 2 ** 24, slots: 512 });
  const batch = new BatchPool(memory).acquire();
  const device = new PcapReadDevice("seen", file, memory);
  const packet = new Packet(memory);
  let packets = 0;
  while (device.down === null) {
    device.receive(batch, 256);
    for (let i = 0; i < batch.count; i++) {
      packet.at(batch.at(i));
      packets++;
      assert.ok(packet.length <= 1514, `${packet.length} bytes`);
      const type = packet.u16(12);
      if (type === 0x0800 || type === 0x86dd) assert.equal(checksumErrors(packet.bytes(), 14), []);
    }
    batch.kill();
  }
  device.close();
  return packets;
}

labTest("TCP crosses TAP interfaces that stand for the hosts' own", () =>
  within(async (lab) => {
    const [left, right, middle] = [lab.namespace(), lab.namespace(), lab.namespace()];
    const bridge = lab.node(middle, [here("bridge.js"), "tap:t0", "tap:t1"]);
    assert.is(await bridge.line(), "ready");
    for (const [ns, n] of [
      [left, 1],
      [right, 2],
    ] as const) {
      lab.exec(middle, `ip link set t${n - 1} netns ${ns}`);
      lab.exec(ns, `ip link set t${n - 1} up`);
      lab.exec(ns, `ip addr add 10.0.0.${n}/24 dev t${n - 1}`);
      lab.exec(ns, `ip addr add fd00::${n}/64 dev t${n - 1} nodad`);
    }
    await transfer(lab, left, right, "10.0.0.2", 8_000_000);
    await transfer(lab, right, left, "fd00::1", 8_000_000);
    const { devices } = await counters(bridge);
    for (const device of devices) assert.ok(device.rx_segmented > 50, JSON.stringify(device));
    bridge.child.stdin!.end();
    assert.is(await bridge.exit, 0);
  }),
);

labTest("a device deleted while it runs goes down, says so once, and nothing else stops", () =>
  within(async (lab) => {
    const { left, right, middle } = twoHosts(lab);
    lab.veth(left, "extra", middle, "r2");
    const bridge = lab.node(middle, [here("bridge.js"), "r0", "r1", "r2", "tap:t3"]);
    assert.is(await bridge.line(), "ready");
    lab.exec(left, "ping -c 1 -W 30 10.0.0.2");
    lab.exec(left, "ip link del extra");
    lab.exec(middle, "ip link del t3");
    lab.exec(left, "ping -c 1 -W 30 10.0.0.2");
    await stateDown(bridge, 2, /r2 is gone/);
    const first = await stateDown(bridge, 3, /tap:t3 is gone/);
    assert.is(first.devices[0].down, null);
    lab.exec(right, "ping -c 1 -W 30 10.0.0.1");
    const second = await counters(bridge);
    assert.is(second.reports.filter((r) => /r2 is gone/.test(r)).length, 1);
    assert.is(second.reports.filter((r) => /tap:t3 is gone/.test(r)).length, 1);
    bridge.child.stdin!.end();
    assert.is(await bridge.exit, 0);
  }),
);

labTest("an interface switched off and on again goes on working", () =>
  within(async (lab) => {
    const { left, middle } = twoHosts(lab);
    const bridge = lab.node(middle, [here("bridge.js"), "r0", "r1"]);
    assert.is(await bridge.line(), "ready");
    lab.exec(left, "ping -c 1 -W 30 10.0.0.2");
    lab.exec(middle, "ip link set r1 down");
    assert.throws(() => lab.exec(left, "ping -c 1 -W 1 10.0.0.2"));
    const { devices } = await stateDown(bridge, 1, /r1 is down.*ip link set r1 up/);
    assert.is(devices[0].down, null);
    lab.exec(middle, "ip link set r1 up");
    // Several, until one is answered: the kernel takes its time until an interface works.
    lab.exec(left, "ping -c 1 -w 30 10.0.0.2");
    assert.is((await counters(bridge)).devices[1].down, null);
    bridge.child.stdin!.end();
    assert.is(await bridge.exit, 0);
  }),
);

const OPEN = `
const [module, memory, name] = process.argv.slice(1);
Promise.all([import(module), import(memory)]).then(([{ SystemProvider }, { PacketMemory }]) => {
  try {
    new SystemProvider().open(name, new PacketMemory());
    console.log("opened");
  } catch (e) {
    console.log(e.code + " " + e.message);
  }
}, (e) => console.log("UNREADABLE " + e.message));
`;

function openAsNobody(name: string): string {
  const modules = ["provider.js", "../packet/memory.js"].map((f) => here(`../../src/device/${f}`));
  const user = root ? { uid: 65534, gid: 65534 } : {};
  const { stdout, error } = spawnSync(process.execPath, ["-e", OPEN, ...modules, name], {
    encoding: "utf8",
    timeout: 20_000,
    cwd: "/",
    ...user,
  });
  return error === undefined ? stdout : `UNREADABLE ${error.message}`;
}

const readable = !openAsNobody("pcap:/nonexistent").startsWith("UNREADABLE");
const nobodyTest = skipUnless(readable, "an ordinary user cannot read Node or this folder");

nobodyTest("without the right, opening an interface names the capability and the way without it", () => {
  const text = openAsNobody("lo");
  assert.match(text, /^PERMISSION interface lo: .*CAP_NET_RAW.*unshare -Urn.*pcap:FILE/);
});

nobodyTest("without the right, making a TUN interface names the capability and the device file", () => {
  const text = openAsNobody("tun:sluice0");
  assert.match(text, /^(PERMISSION|UNSUPPORTED) tun:sluice0: .*\/dev\/net\/tun/);
  if (text.startsWith("PERMISSION")) assert.match(text, /CAP_NET_ADMIN/);
});

labTest("an interface that was deleted, moved away or switched off is taken up again when it is back", () =>
  within(async (lab) => {
    const [left, middle] = [lab.namespace(), lab.namespace()];
    const bridge0 = (): void => {
      lab.veth(left, "eth0", middle, "r0");
      lab.exec(left, "ip addr add 10.0.0.1/24 dev eth0");
    };
    bridge0();
    const [right, other] = [lab.namespace(), lab.namespace()];
    lab.veth(right, "eth0", middle, "r1");
    lab.exec(right, "ip addr add 10.0.0.2/24 dev eth0");
    const bridge = lab.node(middle, [here("bridge.js"), "r0", "r1"]);
    assert.is(await bridge.line(), "ready");
    const up = async (): Promise<void> => {
      await until(async () => (await counters(bridge)).devices[0].down === null);
      // The neighbour may be another one.
      lab.exec(right, "ip neigh flush dev eth0");
      lab.exec(right, "ping -c 1 -W 5 10.0.0.1");
    };
    await up();

    lab.exec(middle, "ip link del r0");
    await stateDown(bridge, 0, /r0 is gone/);
    bridge0();
    await up();

    lab.exec(middle, `ip link set r0 netns ${other}`);
    await stateDown(bridge, 0, /r0 is gone/);
    lab.exec(other, `ip link set r0 netns ${middle}`);
    lab.exec(middle, "ip link set r0 up");
    await up();

    lab.exec(middle, "ip link set r0 down");
    await stateDown(bridge, 0, /r0 is down/);
    lab.exec(middle, "ip link set r0 up");
    await up();

    const { devices, reports } = await counters(bridge);
    assert.is(devices[0].link_downs, devices[0].link_ups);
    assert.ok(devices[0].link_ups >= 3);
    const said = reports.filter((r) => r.startsWith("r0 ")).map((r) => r.split(":")[0].split(",")[0]);
    assert.equal(
      said.filter((r) => r === "r0 is gone" || r === "r0 is back"),
      ["r0 is gone", "r0 is back", "r0 is gone", "r0 is back"],
    );
    assert.ok(said.includes("r0 is down") && said.includes("r0 is up again"));
    assert.is(devices[1].link_downs, 0);
  }),
);

labTest("an MTU that is changed while a device runs is noticed, said and counted", () =>
  within(async (lab) => {
    const { middle } = twoHosts(lab);
    const bridge = lab.node(middle, [here("bridge.js"), "r0", "r1"]);
    assert.is(await bridge.line(), "ready");
    lab.exec(middle, "ip link set r0 mtu 1300");
    await until(async () => (await counters(bridge)).devices[0].mtu_changes === 1);
    const { reports, devices } = await counters(bridge);
    assert.ok(reports.includes("r0 has another MTU: 1300, it was 1500"), reports.join("; "));
    assert.is(devices[1].mtu_changes, 0);
  }),
);

test.run();
