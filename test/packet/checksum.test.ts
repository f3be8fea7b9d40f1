import { test } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../assembly/layout.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import * as fc from "../property.js";
import { plainChecksum, plainSum, swap16 } from "./ip-oracle.js";
import { randomNumbers } from "./prefix-oracle.js";

const memory = new PacketMemory({ bytes: 32 * 2 ** 20, slots: 64 });
const { kernels } = memory;
const area = memory.alloc(4 * 2 ** 20);

test("the sum of every length from 0 to 2,000, from even and odd addresses, is the plain sum", () => {
  const random = randomNumbers(1);
  for (let length = 0; length <= 2000; length++) {
    for (const start of [area, area + 1, area + 2 + (length % 14)]) {
      // What stands around the range must not count.
      memory.u8.fill(0xff, area, area + 2100);
      const bytes = memory.u8.subarray(start, start + length);
      for (let i = 0; i < length; i++) bytes[i] = random();
      assert.is(swap16(kernels.csumAdd(0, start, length)), plainSum(bytes));
      assert.is(swap16(kernels.csumOf(start, length)), plainChecksum(bytes));
    }
  }
});

test("sums do not overflow: all bits set, up to 4 MB", () => {
  memory.u8.fill(0xff, area, area + 4 * 2 ** 20);
  for (const length of [20, 63, 64, 2048, 65535, 262143, 262144, 4 * 2 ** 20]) {
    const bytes = memory.u8.subarray(area, area + length);
    assert.is(swap16(kernels.csumAdd(0xffff, area, length)), plainSum(bytes, 0xffff));
  }
});

test("a sum goes on over ranges of even lengths", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, cut) => {
      const at = Math.min(cut, bytes.length) & ~1;
      memory.u8.set(bytes, area);
      const first = kernels.csumAdd(0, area, at);
      assert.is(swap16(kernels.csumAdd(first, area + at, bytes.length - at)), plainSum(bytes));
    }),
  );
});

test("a checksum mended after a change is the one computed anew", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 64 }),
      fc.nat(),
      fc.nat(0xffffffff),
      (bytes, where, value) => {
        bytes[0] |= 1; // some bit set, so that the sum is never zero
        memory.u8.set(bytes, area);
        const whole = bytes.length & ~1;
        const field = kernels.csumOf(area, whole);
        const at = 2 + ((where % (whole - 6 + 1)) & ~1);
        const before = memory.view.getUint32(area + at, true);
        memory.view.setUint16(area + at, value & 0xffff, true);
        const mended = kernels.csumUpdate(field, before & 0xffff, value & 0xffff);
        assert.is(mended, kernels.csumOf(area, whole));
        memory.view.setUint32(area + at, value, true);
        assert.is(kernels.csumUpdate32(field, before, value), kernels.csumOf(area, whole));
      },
    ),
  );
});

test("RFC 1624's example: 0xDD2F, a word from 0x5555 to 0x3285, gives 0x0000", () => {
  assert.is(kernels.csumUpdate(swap16(0xdd2f), swap16(0x5555), swap16(0x3285)), 0);
});

test("pseudo-header sums are those of the pseudo-headers written out", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 40, maxLength: 40 }),
      fc.nat(255),
      fc.nat(0xffff),
      fc.nat(0x7fffffff),
      (header, protocol, length, jumbo) => {
        memory.u8.set(header, area);
        const four = Uint8Array.of(...header.subarray(12, 20), 0, protocol, length >> 8, length & 0xff);
        assert.is(swap16(kernels.csumPseudo4(area, protocol, length)), plainSum(four));
        const size = [jumbo >>> 24, jumbo >>> 16, jumbo >>> 8, jumbo].map((b) => b & 0xff);
        const six = Uint8Array.of(...header.subarray(8, 40), ...size, 0, 0, 0, protocol);
        assert.is(swap16(kernels.csumPseudo6(area, protocol, jumbo)), plainSum(six));
      },
    ),
  );
});

test("a partial checksum is completed, and never one that lies outside the packet", () => {
  const batch = memory.alloc(64);
  const bad = memory.alloc(64);
  const state = memory.alloc(8);
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 120 }),
      fc.nat(140),
      fc.oneof(fc.nat(40), fc.constantFrom(0xffff, 0xfffe)),
      fc.boolean(),
      (bytes, start, offset, partial) => {
        assert.is(kernels.poolTakeBatch(batch, 1), 1);
        const packet = new Packet(memory, memory.get32(batch));
        packet.setBytes(bytes);
        memory.u8.fill(0x5a, packet.data + bytes.length, packet.data + bytes.length + 64);
        memory.u8[packet.slot + layout.SLOT_FLAGS] = partial ? layout.FLAG_PARTIAL_CSUM | 4 : 4;
        memory.view.setUint16(packet.slot + layout.SLOT_CSUM_START, start, true);
        memory.view.setUint16(packet.slot + layout.SLOT_CSUM_OFFSET, offset, true);
        memory.view.setUint16(packet.slot + layout.SLOT_REASON, 99, true);
        const counted = memory.get64(state);
        const good = kernels.csumCompleteBatch(state, batch, 1, bad);
        const wanted = bytes.slice();
        const within = start + offset + 2 <= bytes.length;
        if (partial && within) {
          const sum = plainChecksum(bytes.subarray(start));
          new DataView(wanted.buffer).setUint16(start + offset, sum === 0 ? 0xffff : sum);
        }
        assert.equal(packet.bytes().slice(), wanted);
        assert.is(good, !partial || within ? 1 : 0);
        assert.is(
          memory.u8[packet.slot + layout.SLOT_FLAGS],
          partial && !within ? layout.FLAG_PARTIAL_CSUM | 4 : 4,
        );
        assert.is(memory.get64(state), counted + 1 - good);
        if (good === 0) {
          assert.is(memory.get32(bad), packet.slot);
          assert.is(memory.view.getUint16(packet.slot + layout.SLOT_REASON, true), 0);
        }
        const after = packet.data + bytes.length;
        for (let i = 0; i < 64; i++) assert.is(memory.u8[after + i], 0x5a);
        kernels.poolGive(packet.slot);
      },
    ),
    { numRuns: 1000 },
  );
});

test("a UDP datagram left to the device gets the checksum its receiver computes, and 0xffff for 0", () => {
  const batch = memory.alloc(64);
  for (const [payload, wanted] of [
    [0x1234, undefined],
    [0xffff - plainSum(Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 10, 0, 1, 0, 2, 0, 10)), 0xffff],
  ] as const) {
    kernels.poolTakeBatch(batch, 1);
    const packet = new Packet(memory, memory.get32(batch));
    const pseudo = Uint8Array.of(10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 10);
    const udp = Uint8Array.of(0, 1, 0, 2, 0, 10, 0, 0, payload >> 8, payload & 0xff);
    const sum = plainSum(pseudo);
    packet.setBytes(udp.slice());
    memory.view.setUint16(packet.data + 6, sum);
    memory.u8[packet.slot + layout.SLOT_FLAGS] = layout.FLAG_PARTIAL_CSUM;
    memory.view.setUint16(packet.slot + layout.SLOT_CSUM_OFFSET, 6, true);
    assert.is(kernels.csumComplete(packet.slot), 1);
    assert.is(packet.u16(6), wanted ?? plainChecksum(udp, sum));
    assert.is(plainSum(packet.bytes(), sum), 0xffff);
    kernels.poolGive(packet.slot);
  }
});

test.run();
