import { test } from "uvu";
import * as assert from "uvu/assert";
import * as ip from "../../assembly/ip-layout.js";
import * as layout from "../../assembly/layout.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import * as fc from "../property.js";
import { bufferOf } from "../slot-canary.js";
import { type CheckOptions, ipv4, plainCheck, plainSum } from "./ip-oracle.js";

const memory = new PacketMemory({ bytes: 32 * 2 ** 20, slots: 300 });
const { kernels } = memory;
const batch = memory.alloc(layout.BATCH_MAX * 4);
const bad = memory.alloc(layout.BATCH_MAX * 4);
const lists = memory.alloc(512);
const CANARY = 0xc3;

/** A batch of packets with these bytes, everything around the data filled with a canary. */
function packets(all: readonly Uint8Array[]): Packet[] {
  assert.is(kernels.poolTakeBatch(batch, all.length), all.length);
  return all.map((bytes, i) => {
    const packet = new Packet(memory, memory.get32(batch + i * 4));
    memory.u8.fill(CANARY, ...bufferOf(memory, packet.slot));
    assert.ok(packet.setBytes(bytes));
    return packet;
  });
}

/** Checks the canaries around the original data and gives the packets back. */
function release(all: readonly Packet[], bytes: readonly Uint8Array[]): void {
  for (const [i, packet] of all.entries()) {
    const end = packet.data + bytes[i].length;
    for (let a = bufferOf(memory, packet.slot)[0]; a < packet.data; a++) assert.is(memory.u8[a], CANARY);
    for (let a = end; a < end + 64; a++) assert.is(memory.u8[a], CANARY);
    kernels.poolGive(packet.slot);
  }
}

function state(size: number): number {
  const at = memory.alloc(size);
  memory.u8.fill(0, at, at + size);
  return at;
}

function checkState(options: CheckOptions): number {
  const at = state(ip.IP_CHECK_SIZE);
  memory.set32(at + ip.IP_CHECK_OFFSET, options.offset);
  memory.set32(at + ip.IP_CHECK_SUM, options.checksum ? 1 : 0);
  let to = lists;
  for (const [count, list, addresses] of [
    [ip.IP_CHECK_BADSRC_COUNT, ip.IP_CHECK_BADSRC, options.badSource],
    [ip.IP_CHECK_GOODDST_COUNT, ip.IP_CHECK_GOODDST, options.goodDestination],
  ] as const) {
    memory.set32(at + count, addresses.length);
    memory.set32(at + list, to);
    for (const address of addresses) {
      memory.u8.set(address.split(".").map(Number), to);
      to += 4;
    }
  }
  return at;
}

const few = fc.constantFrom([10, 0, 0, 1], [10, 0, 0, 255], [255, 255, 255, 255], [1, 2, 3, 4]);
const header = fc
  .record({
    words: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 5, max: 15 }) },
      fc.integer({ min: 0, max: 15 }),
    ),
    version: fc.oneof({ weight: 8, arbitrary: fc.constant(4) }, fc.nat(15)),
    total: fc.option(fc.nat(120), { nil: undefined, freq: 3 }),
    checksum: fc.option(fc.nat(0xffff), { nil: undefined, freq: 4 }),
    ttl: fc.nat(255),
    source: few,
    destination: few,
    payload: fc.nat(60),
    padding: fc.nat(30),
  })
  .map((fields) => {
    const bytes = ipv4(fields);
    const padded = new Uint8Array(bytes.length + fields.padding).fill(0x77);
    padded.set(bytes);
    return padded;
  });
const anything = fc.oneof(
  { weight: 6, arbitrary: header },
  { weight: 2, arbitrary: fc.tuple(header, fc.nat(80)).map(([bytes, n]) => bytes.slice(0, n)) },
  fc.uint8Array({ maxLength: 100 }),
);

test("CheckIPHeader judges any packet as its plain twin does, splits stably, and writes nothing around the data", () => {
  const seen = new Set<number>();
  fc.assert(
    fc.property(
      fc.array(anything, { maxLength: 20 }),
      fc.constantFrom(0, 0, 1, 14, 0xffffffff, 0x7fffffff),
      fc.boolean(),
      fc.constantFrom([], ["10.0.0.255", "255.255.255.255"]),
      fc.constantFrom([], ["1.2.3.4"]),
      (headers, offset, checksum, badSource, goodDestination) => {
        const options = { offset, checksum, badSource, goodDestination };
        const lead = new Uint8Array(offset < 100 ? offset : 0).fill(0x45);
        const all = headers.map((bytes) => Uint8Array.of(...lead, ...bytes));
        const given = packets(all);
        const at = checkState(options);
        const good = kernels.ipCheckHeader(at, batch, all.length, bad);
        const counts = [0, 0, 0, 0, 0, 0];
        let kept = 0;
        let rejected = 0;
        for (const [i, packet] of given.entries()) {
          const verdict = plainCheck(all[i], options);
          assert.equal(memory.u8.slice(packet.data, packet.data + all[i].length), new Uint8Array(all[i]));
          if (typeof verdict === "number") {
            seen.add(verdict);
            counts[verdict]++;
            assert.is(memory.get32(bad + 4 * rejected++), packet.slot);
            assert.is(memory.view.getUint16(packet.slot + layout.SLOT_REASON, true), verdict);
            assert.is(packet.length, all[i].length);
            assert.is(packet.networkHeader, 0);
          } else {
            seen.add(-1);
            assert.is(memory.get32(batch + 4 * kept++), packet.slot);
            assert.is(packet.length, verdict.length);
            assert.is(packet.networkHeader, packet.data + offset);
            assert.is(packet.transportHeader, packet.data + offset + verdict.header);
            assert.equal(
              memory.u8.slice(packet.anno(layout.ANNO_DST_IP), packet.anno(layout.ANNO_DST_IP) + 4),
              new Uint8Array(all[i].slice(offset + 16, offset + 20)),
            );
          }
        }
        assert.is(good, kept);
        for (const [reason, n] of counts.entries()) assert.is(memory.get64(at + reason * 8), n);
        memory.free(at, ip.IP_CHECK_SIZE);
        release(given, all);
      },
    ),
    { numRuns: 1500, seed: 11 },
  );
  assert.equal([...seen].sort(), [-1, 0, 1, 2, 3, 4, 5]);
});

test("DecIPTTL leaves a header whose checksum is right, and sends expired packets the second way unchanged", () => {
  fc.assert(
    fc.property(fc.array(header, { minLength: 1, maxLength: 20 }), fc.boolean(), (all, multicast) => {
      for (const bytes of all) {
        if (bytes[16] === 1) bytes[16] = 0xe0 + (bytes[8] & 15);
        if (bytes[1] === 0) bytes[8] &= bytes[19] === 1 ? 3 : 0xff;
        const view = new DataView(bytes.buffer);
        view.setUint16(10, 0);
        view.setUint16(10, 0xffff - plainSum(bytes.subarray(0, 20)));
      }
      const given = packets(all);
      for (const packet of given) packet.networkHeader = packet.data;
      const at = state(ip.IP_TTL_SIZE);
      memory.set32(at + ip.IP_TTL_MULTICAST, multicast ? 1 : 0);
      const good = kernels.ipDecTtl(at, batch, all.length, bad);
      let kept = 0;
      for (const [i, packet] of given.entries()) {
        const now = packet.bytes();
        const exempt = !multicast && all[i][16] >>> 4 === 14;
        if (!exempt && all[i][8] <= 1) {
          assert.equal(now.slice(), new Uint8Array(all[i]));
          assert.is(memory.get32(bad + 4 * (i - kept)), packet.slot);
          assert.is(memory.view.getUint16(packet.slot + layout.SLOT_REASON, true), ip.IP_TTL_EXPIRED);
        } else {
          assert.is(memory.get32(batch + 4 * kept++), packet.slot);
          assert.is(now[8], exempt ? all[i][8] : all[i][8] - 1);
          assert.is(plainSum(now.subarray(0, 20)), 0xffff);
          const others = Uint8Array.from(all[i]);
          others.set(now.subarray(8, 12), 8);
          assert.equal(now.slice(), others);
        }
      }
      assert.is(good, kept);
      assert.is(memory.get64(at), all.length - kept);
      memory.free(at, ip.IP_TTL_SIZE);
      release(given, all);
    }),
    { numRuns: 500 },
  );
});

test("DecIPTTL is right for every TTL and every checksum", () => {
  const [packet] = packets([ipv4({})]);
  packet.networkHeader = packet.data;
  const at = state(ip.IP_TTL_SIZE);
  for (let n = 0; n < 0x10000; n += 1) {
    memory.view.setUint16(packet.data + 4, n);
    memory.u8[packet.data + 8] = 2 + (n % 254);
    memory.view.setUint16(packet.data + 10, 0);
    memory.view.setUint16(
      packet.data + 10,
      0xffff - plainSum(memory.u8.subarray(packet.data, packet.data + 20)),
    );
    assert.is(kernels.ipDecTtl(at, batch, 1, bad), 1);
    if (plainSum(memory.u8.subarray(packet.data, packet.data + 20)) !== 0xffff)
      assert.unreachable(`wrong at ${n}`);
  }
  kernels.poolGive(packet.slot);
});

test("without a network header inside the data nothing is read or written: it is a drop of its own", () => {
  const all = [ipv4({}), ipv4({}), ipv4({}).slice(0, 19), ipv4({})];
  const given = packets(all);
  given[1].networkHeader = given[1].data - 4;
  given[2].networkHeader = given[2].data;
  given[3].networkHeader = given[3].data + 9;
  for (const [kernel, size] of [
    [kernels.ipDecTtl, ip.IP_TTL_SIZE],
    [kernels.ip6DecHopLimit, ip.IP6_HLIM_SIZE],
  ] as const) {
    const at = state(size);
    assert.is(kernel(at, batch, 4, bad), 0);
    for (const [i, packet] of given.entries()) {
      assert.is(memory.get32(bad + i * 4), packet.slot);
      assert.is(memory.view.getUint16(packet.slot + layout.SLOT_REASON, true), 1);
      assert.equal(packet.bytes().slice(), new Uint8Array(all[i]));
    }
    assert.is(memory.get64(at + 8), 4);
  }
  release(given, all);
});

test("MarkIPHeader points at the headers and leaves unset what would lie outside the data", () => {
  const all = [ipv4({ words: 6 }), ipv4({ words: 6 }).slice(0, 23), Uint8Array.of(0x45), new Uint8Array(0)];
  const given = packets(all);
  kernels.ipMarkHeader(batch, 4, 0);
  assert.equal(
    given.map((p) => p.networkHeader && p.networkHeader - p.data + 1),
    [1, 1, 1, 0],
  );
  assert.equal(
    given.map((p) => p.transportHeader && p.transportHeader - p.data),
    [24, 0, 0, 0],
  );
  kernels.ipMarkHeader(batch, 4, 0xffffffff);
  assert.equal(
    given.map((p) => p.networkHeader + p.transportHeader),
    [0, 0, 0, 0],
  );
  release(given, all);
});

test("GetIPAddress and SetIPAddress write the annotation, zero for what is not within the data", () => {
  const all = [ipv4({}), ipv4({}).slice(0, 19)];
  const given = packets(all);
  const anno = (at: number) => given.map((p) => memory.u8.slice(p.anno(at), p.anno(at) + 4).join("."));
  kernels.ipGetAddress(batch, 2, 16, layout.ANNO_DST_IP);
  assert.equal(anno(0), ["10.0.0.2", "0.0.0.0"]);
  kernels.ipGetAddress(batch, 2, 12, 4);
  assert.equal(anno(4), ["10.0.0.1", "10.0.0.1"]);
  kernels.ipGetAddress(batch, 2, ip.IP_GET_SOURCE, 4);
  assert.equal(anno(4), ["0.0.0.0", "0.0.0.0"]);
  for (const packet of given) packet.networkHeader = packet.data;
  kernels.ipGetAddress(batch, 2, ip.IP_GET_SOURCE, 4);
  assert.equal(anno(4), ["10.0.0.1", "0.0.0.0"]);
  kernels.ipGetAddress(batch, 2, ip.IP_GET_DESTINATION, 4);
  assert.equal(anno(4), ["10.0.0.2", "0.0.0.0"]);
  kernels.ipGetAddress(batch, 2, 0x7fffffff, 4);
  assert.equal(anno(4), ["0.0.0.0", "0.0.0.0"]);
  kernels.ipSetAddress(batch, 2, 0x04030201, 8);
  assert.equal(anno(8), ["1.2.3.4", "1.2.3.4"]);
  release(given, all);
});

test.run();
