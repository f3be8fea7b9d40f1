// Unix sockets as devices: whole batches cross, a full peer makes the sender wait, and peers come, go and come again.

import {
  chownSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FLAG_PARTIAL_CSUM, SLOT_CSUM_OFFSET, SLOT_CSUM_START, SLOT_FLAGS } from "../../assembly/layout.js";
import { SystemProvider } from "../../src/device/provider.js";
import { type Batch, BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import { type Device, DeviceError, type DeviceOptions } from "../../src/router/device.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-"));
const [A, B] = [join(folder, "a"), join(folder, "b")];
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** A router's memory with one end. */
class Host {
  readonly device: Device;
  readonly reports: string[] = [];
  readonly got: Uint8Array[] = [];
  readonly memory: PacketMemory;
  readonly batch: Batch;
  readonly packet: Packet;
  readonly provider = new SystemProvider({ report: (message) => this.reports.push(message) });

  constructor(own: string, peer: string, options: DeviceOptions = {}, bufferSize = 2048) {
    this.memory = new PacketMemory({ bytes: 2 ** 25, slots: 1024, bufferSize });
    this.batch = new BatchPool(this.memory).acquire();
    this.packet = new Packet(this.memory);
    this.device = this.provider.open(`unix:${own}:${peer}`, this.memory, options);
  }

  add(bytes: Uint8Array): void {
    this.packet.at(this.memory.kernels.poolTake()).setBytes(bytes);
    this.batch.add(this.packet.slot);
  }

  /** Sends `count` frames of `length` bytes, numbered from `first`; returns how many the device took. */
  send(count: number, length = 100, first = 0): number {
    for (let i = 0; i < count; i++) this.add(frame(first + i, length));
    return this.device.send(this.batch);
  }

  receive(): number {
    const before = this.got.length;
    while (this.device.receive(this.batch, 64) > 0) {
      for (let i = 0; i < this.batch.count; i++)
        this.got.push(this.packet.at(this.batch.at(i)).bytes().slice());
      this.batch.kill();
    }
    return this.got.length - before;
  }

  numbers(): number[] {
    return this.got.map((bytes) => (bytes[14] << 8) | bytes[15]);
  }

  close(): void {
    this.provider.close();
  }
}

function frame(n: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(n & 255);
  bytes.set([2, 1, 1, 1, 1, 1, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, n >> 8, n & 255]);
  return bytes;
}

async function between(body: (a: Host, b: Host) => void | Promise<void>): Promise<void> {
  const hosts = [new Host(A, B), new Host(B, A)] as const;
  try {
    await body(...hosts);
    // What a device holds goes back with it.
    for (const host of hosts) host.close();
    for (const { memory } of hosts) {
      let free = 0;
      while (memory.kernels.poolTake() !== 0) free++;
      assert.is(free, memory.slots);
    }
  } finally {
    for (const host of hosts) host.close();
  }
  assert.equal(readdirSync(folder), []);
}

test("batches larger than a system call cross both ways, in order and unchanged", () =>
  between((a, b) => {
    assert.is(a.send(120, 200), 120);
    assert.is(b.send(80, 60), 80);
    assert.is(b.receive(), 120);
    assert.is(a.receive(), 80);
    assert.equal(b.numbers(), [...new Array(120).keys()]);
    assert.equal(b.got[77], frame(77, 200));
    assert.is(a.device.counters().tx_packets, 120);
    assert.is(b.device.counters().rx_packets, 120);
    assert.is(b.device.counters().rx_bytes, 120 * 200);
  }));

test("whoever sleeps is woken by a frame", () =>
  between(async (a, b) => {
    let woken = 0;
    b.device.arm(() => woken++);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.is(woken, 0);
    a.send(1);
    await until(() => woken === 1);
    assert.is(b.receive(), 1);
  }));

test("a full peer makes the sender wait, who is woken when there is room; no frame is lost", () =>
  between(async (a, b) => {
    let sent = 0;
    // The kernel limits what is under way by bytes.
    while (a.batch.count === 0 && sent < 100_000) {
      a.send(100, 1500, sent);
      sent += 100;
    }
    assert.ok(a.batch.count > 0, "it is never full");
    assert.ok(sent > 50, "whole batches fit");
    assert.is(a.device.down, null);
    let woken = false;
    a.device.armSend(() => {
      woken = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.not.ok(woken);
    b.receive();
    await until(() => woken);
    a.device.send(a.batch);
    assert.is(a.batch.count, 0);
    b.receive();
    assert.equal(
      b.numbers(),
      [...new Array(sent).keys()].map((n) => n & 0xffff),
    );
    assert.is(a.device.counters().tx_packets, sent);
  }));

test("a frame over the MTU is counted and left out; a VLAN tag does not count", () =>
  between((a, b) => {
    a.add(frame(1, 1514));
    a.add(frame(2, 1515));
    const tagged = frame(3, 1518);
    tagged.set([0x81, 0], 12);
    a.add(tagged);
    a.add(frame(4, 60));
    assert.is(a.device.send(a.batch), 4);
    assert.is(b.receive(), 3);
    assert.equal(
      b.got.map((bytes) => bytes.length),
      [1514, 1518, 60],
    );
    assert.is(a.device.counters().tx_too_big, 1);
  }));

test("a datagram larger than any frame is counted and lost", () => {
  const a = new Host(A, B, { mtu: 80_000 }, 81_920);
  const b = new Host(B, A);
  try {
    for (const length of [65_793, 100]) a.add(frame(length, length));
    assert.is(a.device.send(a.batch), 2);
    assert.is(b.receive(), 1);
    assert.is(b.got[0].length, 100);
    assert.is(b.device.counters().rx_too_big, 1);
  } finally {
    a.close();
    b.close();
  }
});

test("a checksum that was left to the interface is completed", () =>
  between((a, b) => {
    a.add(frame(1, 60));
    const slot = a.batch.at(0);
    a.memory.u8[slot + SLOT_FLAGS] |= FLAG_PARTIAL_CSUM;
    a.memory.view.setUint16(slot + SLOT_CSUM_START, 20, true);
    a.memory.view.setUint16(slot + SLOT_CSUM_OFFSET, 4, true);
    a.device.send(a.batch);
    b.receive();
    const [bytes] = b.got;
    let sum = 0;
    for (let i = 20; i < 60; i += 2) if (i !== 24) sum += (bytes[i] << 8) | bytes[i + 1];
    sum += 0x0101; // what the field held
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    assert.is((bytes[24] << 8) | bytes[25], ~sum & 0xffff);
    assert.is(a.device.counters().tx_checksums, 1);
  }));

test("without a peer frames are lost and counted, and go when it comes", async () => {
  const a = new Host(A, B);
  try {
    assert.is(a.device.down, null);
    assert.is(a.send(10), 10);
    assert.is(a.device.counters().tx_down, 10);
    assert.match(a.device.down ?? "", /is down: nobody has the socket .*\/b$/);
    const b = new Host(B, A);
    assert.is(a.send(3), 3);
    assert.is(b.receive(), 3);
    assert.is(a.device.down, null);
    assert.is(a.reports.length, 2);
    assert.match(a.reports[1], / is up again$/);
    b.close();
    assert.not.ok(existsSync(B));
    a.send(2);
    assert.is(a.device.counters().tx_down, 12);
  } finally {
    a.close();
  }
});

test("a peer that was killed and comes again is found, also by an end that never sends", async () => {
  const [a, killed] = [new Host(A, B), new Host(B, A)];
  let b: Host | null = null;
  try {
    killed.send(1);
    assert.is(a.receive(), 1);
    endByForce(killed);
    assert.ok(statSync(B).isSocket());
    // It is silent, and hears of the end by looking.
    await new Promise((resolve) => setTimeout(resolve, 250));
    b = new Host(B, A);
    b.send(5, 100, 7);
    assert.is(b.device.counters().tx_down, 0);
    assert.is(a.receive(), 5);
    a.send(4);
    assert.is(b.receive(), 4);
  } finally {
    a.close();
    b?.close();
  }
});

/** Closes `host`, whose path is B, as kill -9 does: the file stays. */
function endByForce(host: Host): void {
  renameSync(B, `${B}.kept`);
  host.close();
  renameSync(`${B}.kept`, B);
}

test("one that only sends takes no path, until it is to receive as well", () => {
  const a = new Host(A, B, { sendOnly: true });
  const b = new Host(B, A);
  try {
    assert.not.ok(existsSync(A));
    a.send(5);
    assert.is(b.receive(), 5);
    b.send(1);
    assert.is(b.device.counters().tx_down, 1);
    a.provider.open(a.device.name, a.memory);
    assert.ok(existsSync(A));
    b.send(2);
    assert.is(a.receive(), 2);
  } finally {
    a.close();
    b.close();
  }
});

test("its hardware address is the same in every run, and known before it is open", () => {
  const provider = new SystemProvider();
  const mac = provider.address(`unix:${A}:${B}`, "ether")!;
  assert.is(mac.length, 6);
  assert.is(mac[0], 2);
  const a = new Host(A, B);
  assert.equal(a.device.mac, mac);
  a.close();
  assert.not.equal(provider.address(`unix:${B}:${A}`, "ether"), mac);
  assert.is(provider.address(`unix:${A}:${B}`, "ip"), null);
});

test("names that cannot be are refused with the reason", () => {
  const refused = (name: string, code: string, message: RegExp): void => {
    try {
      new SystemProvider().open(name, new PacketMemory({ bytes: 2 ** 24, slots: 64 })).close();
    } catch (e) {
      assert.instance(e, DeviceError);
      assert.is((e as DeviceError).code, code);
      assert.match((e as DeviceError).message, message);
      return;
    }
    assert.unreachable(name);
  };
  refused("unix:", "NO_SUCH_DEVICE", /two paths, unix:OWN:PEER/);
  refused("unix:a", "NO_SUCH_DEVICE", /two paths/);
  refused("unix:a:b:c", "NO_SUCH_DEVICE", /two paths/);
  refused(`unix:${A}:${folder}/./a`, "NO_SUCH_DEVICE", /are the same/);
  refused(`unix:${"x".repeat(108)}:b`, "NO_SUCH_DEVICE", /107 bytes at most, x+ has 108$/);
  refused(`unix:${folder}/none/a:${B}`, "IO", /there is no such folder/);
  writeFileSync(A, "");
  refused(`unix:${A}:${B}`, "IO", /is there and is no socket$/);
  rmSync(A);
  const a = new Host(A, B);
  refused(`unix:${A}:${B}`, "BUSY", /another process has the socket/);
  a.send(1);
  assert.ok(existsSync(A), "the refused one took nothing away");
  a.close();
});

skipUnless(process.getuid?.() === 0, "needs root to give files to another user")(
  "a socket that another user left is not taken away",
  () => {
    const a = new Host(A, B);
    linkSync(A, `${A}-left`);
    a.close();
    chownSync(`${A}-left`, 65534, 65534);
    assert.throws(() => new Host(`${A}-left`, B), /-left belongs to another user \(65534\)/);
    assert.ok(existsSync(`${A}-left`));
    chownSync(`${A}-left`, 0, 0);
    new Host(`${A}-left`, B).close();
    assert.not.ok(existsSync(`${A}-left`));
  },
);

test.run();
