// timeout: 240
// Packets of up to 65,535 bytes through every kind of device.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeLink } from "../../src/device/link.js";
import { SystemProvider } from "../../src/device/provider.js";
import { makeSharedLink, SharedLinkDevice } from "../../src/device/shared-link.js";
import { BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import type { Device } from "../../src/router/device.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { Lab } from "./netns.js";

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const namespaces = process.getuid?.() === 0 && spawnSync("ip", ["netns", "list"]).status === 0;
const labTest = skipUnless(namespaces, "needs root and network namespaces (iproute2)");

/** Bytes of IP packets: the usual, what just fits a slot of its own, and what does not. */
const LENGTHS = [60, 1500, 1906, 1907, 4096, 9000, 40_000, 65_535];
const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

/** An Ethernet frame with `length` bytes behind its header, all different from those of another length. */
function frame(length: number): Uint8Array {
  const bytes = Uint8Array.from({ length: 14 + length }, (_, i) => (i * 7 + length) & 0xff);
  bytes.set(MAC);
  bytes.set([0x88, 0xb5], 12);
  return bytes;
}

/** One end of a link, with a memory of its own. */
class Host {
  readonly memory = new PacketMemory({ bytes: 2 ** 26 });
  readonly #batch = new BatchPool(this.memory).acquire();
  readonly #packet = new Packet(this.memory);

  send(device: Device): void {
    for (const length of LENGTHS) {
      this.#packet.at(this.memory.kernels.poolTake()).setBytes(frame(length));
      this.#batch.add(this.#packet.slot);
    }
    assert.is(device.send(this.#batch), LENGTHS.length);
  }

  /** Receives until all that was sent is there. */
  async receive(device: Device): Promise<void> {
    const got: Uint8Array[] = [];
    await until(() => {
      device.receive(this.#batch, 64);
      for (let i = 0; i < this.#batch.count; i++)
        got.push(this.#packet.at(this.#batch.at(i)).bytes().slice());
      this.#batch.kill();
      return got.length === LENGTHS.length;
    });
    assert.equal(
      got.map((bytes) => bytes.length),
      LENGTHS.map((n) => n + 14),
    );
    for (const [i, length] of LENGTHS.entries())
      assert.is(Buffer.compare(got[i], frame(length)), 0, `${length} bytes`);
  }
}

async function between(one: Device, other: Device, hosts: readonly [Host, Host]): Promise<void> {
  // Twice: what was given back serves again.
  for (let i = 0; i < 2; i++) {
    hosts[0].send(one);
    await hosts[1].receive(other);
    hosts[1].send(other);
    await hosts[0].receive(one);
  }
  for (const device of [one, other]) device.close();
  for (const { memory } of hosts) assert.is(memory.slotsUsed, 0);
}

test("a link inside the process carries packets of every size", async () => {
  const [one, other] = makeLink({ mtu: 65_535 });
  await between(one, other, [new Host(), new Host()]);
});

test("a link between threads carries packets of every size", async () => {
  const flight = { packets: 64, bytes: 2 ** 19 };
  const ends = makeSharedLink({ mtu: 65_535, flight, names: ["a", "b"], macs: [MAC, MAC] });
  const [one, other] = ends.map((end) => new SharedLinkDevice(end, {}));
  await between(one, other, [new Host(), new Host()]);
});

test("Unix sockets carry packets of every size", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-jumbo-"));
  const hosts = [new Host(), new Host()] as const;
  const [a, b] = [join(folder, "a"), join(folder, "b")];
  const provider = new SystemProvider();
  try {
    const one = provider.open(`unix:${a}:${b}`, hosts[0].memory, { mtu: 65_535 });
    const other = new SystemProvider().open(`unix:${b}:${a}`, hosts[1].memory, { mtu: 65_535 });
    await between(one, other, hosts);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

labTest(
  "pings of up to 65,535 bytes, and TCP in segments of 9,000, cross packet sockets and TAP interfaces",
  async () => {
    const lab = new Lab();
    try {
      for (const kind of ["veth", "tap"]) {
        const [left, right, middle] = [lab.namespace(), lab.namespace(), lab.namespace()];
        // A TAP interface carries no more than 65,521 bytes.
        const most = kind === "veth" ? 65_535 : 65_521;
        if (kind === "veth") {
          for (const [ns, i] of [
            [left, 0],
            [right, 1],
          ] as const) {
            lab.veth(ns, `t${i}`, middle, `r${i}`);
            lab.exec(middle, `ip link set r${i} mtu ${most}`);
          }
        }
        const bridge = lab.node(middle, [
          here("bridge.js"),
          ...(kind === "veth" ? ["r0", "r1"] : ["tap:t0", "tap:t1"]),
        ]);
        assert.is(await bridge.line(), "ready");
        for (const [ns, i] of [
          [left, 0],
          [right, 1],
        ] as const) {
          if (kind === "tap") lab.exec(middle, `ip link set t${i} netns ${ns}`);
          lab.exec(ns, `ip link set t${i} up mtu ${most}`);
          lab.exec(ns, `ip addr add 10.0.0.${i + 1}/24 dev t${i}`);
          lab.exec(ns, `ip addr add fd00::${i + 1}/64 dev t${i} nodad`);
        }
        for (const length of [1500, 2048, 9000, most]) {
          lab.exec(left, `ping -c 2 -i 0.2 -w 30 -M do -s ${length - 28} 10.0.0.2`);
          lab.exec(left, `ping -c 2 -i 0.2 -w 30 -M do -s ${length - 48} fd00::2`);
        }
        for (const [ns, i] of [
          [left, 0],
          [right, 1],
        ] as const)
          lab.exec(ns, `ip link set t${i} mtu 9000`);
        const server = lab.node(right, [here("tcp-peer.js"), "serve", "10.0.0.2", "9000"]);
        assert.is(await server.line(), "ready");
        const client = lab.node(left, [here("tcp-peer.js"), "send", "10.0.0.2", "9000", "20000000"]);
        assert.is(await server.line(), await client.line(120));
        bridge.send("counters");
        const { devices } = JSON.parse(await bridge.line()) as { devices: Record<string, number>[] };
        for (const d of devices)
          assert.is(
            d.rx_too_big + d.rx_no_slot + d.rx_errors + d.tx_too_big + d.tx_errors,
            0,
            JSON.stringify(d),
          );
        assert.ok(devices[0].rx_segmented > 10, JSON.stringify(devices[0]));
        bridge.child.stdin!.end();
        assert.is(await bridge.exit, 0);
      }
    } finally {
      lab.close();
    }
  },
);

test.run();
