import { test } from "uvu";
import * as assert from "uvu/assert";
import * as ip from "../../assembly/ip-layout.js";
import * as layout from "../../assembly/layout.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import * as fc from "../property.js";
import { bufferOf } from "../slot-canary.js";

const memory = new PacketMemory({ bytes: 32 * 2 ** 20, slots: 64 });
const { kernels } = memory;
const batch = memory.alloc(layout.BATCH_MAX * 4);
const bad = memory.alloc(layout.BATCH_MAX * 4);
const list = memory.alloc(64);
const REFUSED = Uint8Array.of(0xff, ...new Uint8Array(14), 1);

function packets(all: readonly Uint8Array[]): Packet[] {
  assert.is(kernels.poolTakeBatch(batch, all.length), all.length);
  return all.map((bytes, i) => {
    const packet = new Packet(memory, memory.get32(batch + i * 4));
    memory.u8.fill(0xc3, ...bufferOf(memory, packet.slot));
    assert.ok(packet.setBytes(bytes));
    return packet;
  });
}

/** An IPv6 header and `payload` bytes; `length` is the field, when it is not to be right. */
function ipv6(fields: {
  readonly version?: number;
  readonly length?: number;
  readonly limit?: number;
  readonly refused?: boolean;
  readonly payload?: number;
}): Uint8Array {
  const payload = fields.payload ?? 8;
  const bytes = new Uint8Array(40 + payload).fill(0x11, 8);
  bytes[0] = (fields.version ?? 6) << 4;
  new DataView(bytes.buffer).setUint16(4, fields.length ?? payload);
  bytes[6] = 17;
  bytes[7] = fields.limit ?? 64;
  if (fields.refused) bytes.set(REFUSED, 8);
  for (let i = 24; i < 40; i++) bytes[i] = i;
  return bytes;
}

/** What CheckIP6Header makes of the data: the reason's number, or what is left of the data. */
function plainCheck(data: Uint8Array, offset: number, refuse: boolean): number | { length: number } {
  const header = data.subarray(Math.min(offset, data.length));
  if (header.length < 40) return ip.IP6_CHECK_TINY;
  if (header[0] >>> 4 !== 6) return ip.IP6_CHECK_VERSION;
  const total = 40 + header[4] * 256 + header[5];
  if (total > header.length) return ip.IP6_CHECK_LENGTH;
  if (refuse && header.subarray(8, 24).join() === REFUSED.join()) return ip.IP6_CHECK_SOURCE;
  return { length: offset + total };
}

const header = fc
  .record({
    version: fc.oneof({ weight: 8, arbitrary: fc.constant(6) }, fc.nat(15)),
    length: fc.option(fc.nat(100), { nil: undefined, freq: 3 }),
    limit: fc.nat(255),
    refused: fc.boolean(),
    payload: fc.nat(60),
    cut: fc.oneof({ weight: 4, arbitrary: fc.constant(200) }, fc.nat(60)),
  })
  .map((fields) => ipv6(fields).slice(0, fields.cut));

test("CheckIP6Header judges any packet as its plain twin does, splits stably, and writes nothing around the data", () => {
  const seen = new Set<number>();
  fc.assert(
    fc.property(
      fc.array(fc.oneof(header, fc.uint8Array({ maxLength: 90 })), { maxLength: 20 }),
      fc.constantFrom(0, 14, 0xffffffff),
      fc.boolean(),
      (headers, offset, refuse) => {
        const lead = new Uint8Array(offset < 100 ? offset : 0);
        const all = headers.map((bytes) => Uint8Array.of(...lead, ...bytes));
        const given = packets(all);
        const at = memory.alloc(ip.IP6_CHECK_SIZE);
        memory.set32(at + ip.IP6_CHECK_OFFSET, offset);
        memory.u8.set(REFUSED, list + 16);
        memory.set32(at + ip.IP6_CHECK_BADSRC_COUNT, refuse ? 2 : 0);
        memory.set32(at + ip.IP6_CHECK_BADSRC, list);
        const good = kernels.ip6CheckHeader(at, batch, all.length, bad);
        const counts = [0, 0, 0, 0];
        let kept = 0;
        let rejected = 0;
        for (const [i, packet] of given.entries()) {
          const verdict = plainCheck(all[i], offset, refuse);
          const end = packet.data + all[i].length;
          assert.equal(memory.u8.slice(packet.data, end), new Uint8Array(all[i]));
          for (let a = end; a < end + 64; a++) assert.is(memory.u8[a], 0xc3);
          if (typeof verdict === "number") {
            seen.add(verdict);
            counts[verdict]++;
            assert.is(memory.get32(bad + 4 * rejected++), packet.slot);
            assert.is(memory.view.getUint16(packet.slot + layout.SLOT_REASON, true), verdict);
            assert.is(packet.networkHeader, 0);
          } else {
            assert.is(memory.get32(batch + 4 * kept++), packet.slot);
            assert.is(packet.length, verdict.length);
            assert.is(packet.networkHeader, packet.data + offset);
            assert.is(packet.transportHeader, packet.data + offset + 40);
            const anno = packet.anno(layout.ANNO_DST_IP);
            assert.equal(
              memory.u8.slice(anno, anno + 16),
              new Uint8Array(all[i].slice(offset + 24, offset + 40)),
            );
          }
          kernels.poolGive(packet.slot);
        }
        assert.is(good, kept);
        for (const [reason, n] of counts.entries()) assert.is(memory.get64(at + reason * 8), n);
        memory.free(at, ip.IP6_CHECK_SIZE);
      },
    ),
    { numRuns: 1000, seed: 5 },
  );
  assert.equal([...seen].sort(), [0, 1, 2, 3]);
});

test("DecIP6HLIM takes one off, and sends limits of 0 and 1 the second way unchanged", () => {
  const limits = [0, 1, 2, 64, 255, 1];
  const given = packets(limits.map((limit) => ipv6({ limit })));
  for (const packet of given) packet.networkHeader = packet.data;
  const state = memory.alloc(ip.IP6_HLIM_SIZE);
  assert.is(kernels.ip6DecHopLimit(state, batch, 6, bad), 3);
  assert.equal(
    given.map((p) => p.u8(7)),
    [0, 1, 1, 63, 254, 1],
  );
  assert.equal(
    [0, 4, 8].map((i) => memory.get32(batch + i)),
    [2, 3, 4].map((i) => given[i].slot),
  );
  assert.equal(
    [0, 4, 8].map((i) => memory.get32(bad + i)),
    [0, 1, 5].map((i) => given[i].slot),
  );
  assert.is(memory.get64(state), 3);
  for (const packet of given) kernels.poolGive(packet.slot);
});

test("MarkIP6Header, GetIP6Address and SetIP6Address stay within the data", () => {
  const given = packets([ipv6({}), ipv6({}).slice(0, 39), new Uint8Array(0)]);
  const anno = () => given.map((p) => memory.u8.slice(p.anno(0), p.anno(0) + 16).join("."));
  const zero = new Uint8Array(16).join(".");
  kernels.ip6MarkHeader(batch, 3, 0);
  assert.equal(
    given.map((p) => p.networkHeader && p.networkHeader - p.data + 1),
    [1, 1, 0],
  );
  assert.equal(
    given.map((p) => p.transportHeader && p.transportHeader - p.data),
    [40, 0, 0],
  );
  kernels.ip6GetAddress(batch, 3, 24);
  assert.equal(anno(), [ipv6({}).slice(24, 40).join("."), zero, zero]);
  kernels.ip6GetAddress(batch, 3, 0xfffffff8);
  assert.equal(anno(), [zero, zero, zero]);
  memory.u8.set(REFUSED, list);
  kernels.ip6SetAddress(batch, 3, list);
  assert.equal(anno(), Array(3).fill(REFUSED.join(".")));
  for (const packet of given) kernels.poolGive(packet.slot);
});

test.run();
