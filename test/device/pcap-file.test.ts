import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ANNO_EXTRA_LENGTH, PACKET_BROADCAST, PACKET_HOST, SLOT_ANNO } from "../../assembly/layout.js";
import { PcapReadDevice } from "../../src/device/pcap-read.js";
import { PcapWriteDevice } from "../../src/device/pcap-write.js";
import { SystemProvider } from "../../src/device/provider.js";
import { BatchPool } from "../../src/packet/batch.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import { timestampNanoseconds, timestampSeconds, writeTimestamp } from "../../src/packet/timestamp.js";
import { DeviceError } from "../../src/router/device.js";
import { PcapWriter } from "../../src/wire/pcap.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-pcap-"));
const memory = new PacketMemory({ bytes: 2 ** 25, slots: 1024 });
const pool = new BatchPool(memory);
const packet = new Packet(memory);

test.after(() => rmSync(folder, { recursive: true, force: true }));

function captureFile(name: string, linkType: number, packets: readonly Uint8Array[]): string {
  const file = join(folder, name);
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((b) => chunks.push(b.slice()), { linkType });
  for (const p of packets) writer.buffer.set(p, writer.add(1_700_000_000, 123_456_000, p.length));
  writer.flush();
  writeFileSync(file, Buffer.concat(chunks));
  return file;
}

test("packets written to a capture are read back with their times", () => {
  const file = join(folder, "round.pcap");
  const out = new PcapWriteDevice("out", file, memory, "ethernet", () => 0);
  const batch = pool.acquire();
  const sent: Uint8Array[] = [];
  for (let i = 0; i < 100; i++) {
    const bytes = new Uint8Array(60 + i * 10).fill(i);
    if (i % 2 === 0) bytes.fill(0xff, 0, 6);
    else bytes[0] = 2;
    sent.push(bytes);
    packet.at(memory.kernels.poolTake());
    packet.setBytes(bytes);
    packet.timestamp = 1_700_000_000_999_999_999n + BigInt(i);
    batch.add(packet.slot);
  }
  assert.is(out.send(batch), 100);
  assert.is(batch.count, 0);
  out.close();
  assert.is(out.counters().tx_packets, 100);
  const before = memory.heapUsed;
  const device = new PcapReadDevice("in", file, memory);
  assert.is(device.linkType, "ethernet");
  let got = 0;
  while (device.down === null) {
    device.receive(batch, 7);
    for (let i = 0; i < batch.count; i++) {
      packet.at(batch.at(i));
      assert.equal(packet.bytes(), sent[got]);
      assert.is(packet.timestamp, 1_700_000_000_999_999_999n + BigInt(got));
      assert.is(packet.packetType, got % 2 === 0 ? PACKET_BROADCAST : PACKET_HOST);
      got++;
    }
    batch.kill();
  }
  assert.is(got, 100);
  assert.match(device.down, /end of file/);
  device.close();
  assert.is(memory.heapUsed, before);
  assert.is(memory.slotsUsed, 0);
  pool.release(batch);
});

test("timestamps go in and out of a slot exactly", () => {
  const slot = memory.kernels.poolTake();
  packet.at(slot);
  for (const [s, ns] of [
    [0, 0],
    [0, 1],
    [1, 999_999_999],
    [4_294_967_295, 999_999_999],
    [1_700_000_000, 0],
    [1_699_999_999, 999_999_999],
    [65536, 7],
  ]) {
    writeTimestamp(memory, slot, s, ns);
    assert.is(packet.timestamp, BigInt(s) * 1_000_000_000n + BigInt(ns));
    assert.is(timestampSeconds(memory, slot), s);
    assert.is(timestampNanoseconds(memory, slot, s), ns);
  }
  memory.kernels.poolGive(slot);
});

test("Linux cooked captures lose their header and keep packet type and IP", () => {
  const ip = new Uint8Array(20).fill(1);
  ip[0] = 0x45;
  const sll = (type: number, protocol: number) =>
    Uint8Array.from([0, type, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, protocol >> 8, protocol & 255, ...ip]);
  const file = captureFile("sll.pcap", 113, [sll(4, 0x0800), sll(0, 0x0806), sll(1, 0x86dd)]);
  const device = new PcapReadDevice("in", file, memory);
  const batch = pool.acquire();
  assert.is(device.linkType, "ip");
  assert.is(device.receive(batch, 10), 2);
  packet.at(batch.at(0));
  assert.equal(packet.bytes(), ip);
  assert.is(packet.packetType, 4);
  assert.is(packet.at(batch.at(1)).packetType, 1);
  assert.is(device.counters().rx_errors, 1);
  device.close();
  pool.release(batch);
});

test("a record larger than a packet is counted, and a cut one tells what is missing", () => {
  const file = captureFile("big.pcap", 1, [new Uint8Array(66561), new Uint8Array(100)]);
  const bytes = readFileSync(file);
  bytes.writeUInt32LE(160, 24 + 16 + 66561 + 12);
  writeFileSync(file, bytes);
  const device = new PcapReadDevice("in", file, memory);
  const batch = pool.acquire();
  assert.is(device.receive(batch, 10), 1);
  assert.is(device.counters().rx_too_big, 1);
  assert.is(memory.get32(batch.at(0) + SLOT_ANNO + ANNO_EXTRA_LENGTH), 60);
  device.close();
  pool.release(batch);
});

test("a damaged capture gives its whole packets, then goes down and says where", () => {
  const file = captureFile("cut.pcap", 1, [new Uint8Array(60), new Uint8Array(60)]);
  writeFileSync(file, readFileSync(file).subarray(0, 120));
  const said: string[] = [];
  const device = new PcapReadDevice("in", file, memory, (m) => said.push(m));
  const batch = pool.acquire();
  assert.is(device.receive(batch, 10), 1);
  assert.match(String(device.down), /ends inside a record \(byte 100\)/);
  assert.equal(said, [device.down]);
  assert.is(device.receive(batch, 10), 0);
  assert.is(said.length, 1);
  device.close();
  pool.release(batch);
});

test("a reader waits while there is no slot and loses nothing", () => {
  const small = new PacketMemory({ bytes: 2 ** 23, slots: 4 });
  const batches = new BatchPool(small);
  const file = captureFile(
    "many.pcap",
    101,
    Array.from({ length: 10 }, () => new Uint8Array(20).fill(0x45)),
  );
  const device = new PcapReadDevice("in", file, small);
  const batch = batches.acquire();
  let got = 0;
  while (device.down === null) {
    got += device.receive(batch, 10);
    assert.ok(batch.count <= 4);
    batch.kill();
  }
  assert.is(got, 10);
  device.close();
});

test("arm wakes once, in a later turn", async () => {
  const device = new PcapReadDevice("in", captureFile("arm.pcap", 1, [new Uint8Array(60)]), memory);
  let woken = 0;
  device.arm(() => woken++);
  device.arm(() => woken++);
  assert.is(woken, 0);
  await new Promise((r) => setTimeout(r, 5));
  assert.is(woken, 1);
  device.close();
});

test("the provider opens captures by name, once each, and says what is wrong with others", () => {
  const file = captureFile("named.pcap", 1, [new Uint8Array(60)]);
  const provider = new SystemProvider();
  const device = provider.open(`pcap:${file}`, memory);
  assert.is(provider.open(`pcap:${file}`, memory), device);
  const fails = (name: string, code: string, text: RegExp) =>
    assert.throws(
      () => provider.open(name, memory),
      (e: unknown) => e instanceof DeviceError && e.code === code && text.test(e.message),
    );
  fails(`pcap:${join(folder, "none.pcap")}`, "BAD_FILE", /none\.pcap.*ENOENT/);
  fails(`pcap:${folder}`, "BAD_FILE", /EISDIR/);
  fails("warp:x", "NO_SUCH_DEVICE", /pcap:FILE/);
  writeFileSync(file, "GET / HTTP/1.1");
  fails(`pcap:${file}x`, "BAD_FILE", /ENOENT/);
  const other = join(folder, "http.pcap");
  writeFileSync(other, "GET / HTTP/1.1\r\nHost: example\r\n");
  fails(`pcap:${other}`, "BAD_FILE", /no pcap file.*byte 0/);
  provider.close();
  assert.match(String(device.down), /closed/);
});

test.run();
