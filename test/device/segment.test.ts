import { test } from "uvu";
import * as assert from "uvu/assert";
import { LINK_ETHERNET, LINK_IP } from "../../assembly/device-layout.js";
import { PacketMemory } from "../../src/packet/memory.js";
import { Packet } from "../../src/packet/packet.js";
import * as fc from "../property.js";
import { fillSlot, touched } from "../slot-canary.js";
import { checksumErrors, onesSum, pseudoSum } from "./checksums.js";

const memory = new PacketMemory({ bytes: 2 ** 24, slots: 256 });
const { kernels } = memory;
const seg = memory.alloc(64);
const FRAME = memory.alloc(65536);
const packet = new Packet(memory);
const ROOM = memory.bufferSize - memory.headroom;

interface Shape {
  readonly version: 4 | 6;
  readonly protocol: 6 | 17;
  readonly vlan: boolean;
  readonly link: number;
  readonly options: number;
  readonly payload: Uint8Array;
  readonly size: number;
  readonly flags: number;
  readonly partial: boolean;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  version: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom(6 as const, 17 as const),
  vlan: fc.boolean(),
  link: fc.constantFrom(LINK_ETHERNET, LINK_IP),
  options: fc.integer({ min: 0, max: 3 }),
  payload: fc.uint8Array({ minLength: 1, maxLength: 4000 }),
  size: fc.integer({ min: 100, max: 1448 }),
  flags: fc.integer({ min: 0, max: 255 }),
  partial: fc.boolean(),
});

const SEQUENCE = 0xfffffff0;
const IDENTITY = 0xfffe;

/** A frame as a sender with offloads makes it. */
function build(s: Shape): { frame: Buffer; network: number; transport: number; headers: number } {
  const network = s.link === LINK_IP ? 0 : s.vlan ? 18 : 14;
  const transport = network + (s.version === 4 ? 20 + s.options * 4 : 40 + (s.options > 0 ? 8 : 0));
  const headers = transport + (s.protocol === 6 ? 20 + s.options * 4 : 8);
  const frame = Buffer.alloc(headers + s.payload.length, 0x11);
  const type = s.version === 4 ? 0x0800 : 0x86dd;
  if (network === 14) frame.writeUInt16BE(type, 12);
  if (network === 18) {
    frame.writeUInt32BE(0x8100_0005, 12);
    frame.writeUInt16BE(type, 16);
  }
  if (s.version === 4) {
    frame[network] = 0x45 + s.options;
    frame.writeUInt16BE(frame.length - network, network + 2);
    frame.writeUInt16BE(IDENTITY, network + 4);
    frame.writeUInt16BE(0x4000, network + 6);
    frame[network + 9] = s.protocol;
  } else {
    frame[network] = 0x60;
    frame.writeUInt16BE(frame.length - network - 40, network + 4);
    frame[network + 6] = s.options > 0 ? 60 : s.protocol;
    if (s.options > 0) frame.set([s.protocol, 0], network + 40);
  }
  if (s.protocol === 6) {
    frame.writeUInt32BE(SEQUENCE, transport + 4);
    frame[transport + 12] = (5 + s.options) << 4;
    frame[transport + 13] = s.flags;
  } else frame.writeUInt16BE(frame.length - transport, transport + 4);
  frame.set(s.payload, headers);
  const field = transport + (s.protocol === 6 ? 16 : 6);
  const length = frame.length - transport;
  frame.writeUInt16BE(s.partial ? pseudoSum(frame, network, s.version, s.protocol, length) : 0x1234, field);
  return { frame, network, transport, headers };
}

function gsoType(s: Shape): number {
  return s.protocol === 17 ? 5 : s.version === 4 ? 1 : 4;
}

function segments(s: Shape, frame: Buffer): Buffer[] | null {
  memory.u8.set(frame, FRAME);
  const begun = kernels.segmentBegin(
    seg,
    FRAME,
    frame.length,
    s.link,
    gsoType(s),
    s.size,
    s.partial ? 1 : 0,
    ROOM,
  );
  if (begun === 0) return null;
  const out: Buffer[] = [];
  for (let left = 1; left > 0; ) {
    const slot = kernels.poolTake();
    left = kernels.segmentNext(seg, slot);
    out.push(Buffer.from(packet.at(slot).bytes()));
    kernels.poolGive(slot);
  }
  return out;
}

test("segments carry the payload in order, with correct lengths, numbers, flags and checksums", () => {
  fc.assert(
    fc.property(shape, (s) => {
      const { frame, network, transport, headers } = build(s);
      const out = segments(s, frame);
      assert.ok(out !== null);
      assert.is(out.length, Math.ceil(s.payload.length / s.size));
      assert.equal(Buffer.concat(out.map((b) => b.subarray(headers))), Buffer.from(s.payload));
      out.forEach((b, i) => {
        const last = i === out.length - 1;
        if (!last) assert.is(b.length, headers + s.size);
        assert.equal(b.subarray(0, network), frame.subarray(0, network));
        if (s.version === 4) {
          assert.is(b.readUInt16BE(network + 2), b.length - network);
          assert.is(b.readUInt16BE(network + 4), (IDENTITY + i) & 0xffff);
        } else assert.is(b.readUInt16BE(network + 4), b.length - network - 40);
        if (s.protocol === 6) {
          assert.is(b.readUInt32BE(transport + 4), (SEQUENCE + i * s.size) >>> 0);
          let flags = s.flags;
          if (!last) flags &= 0xf6;
          if (i > 0) flags &= 0x7f;
          assert.is(b[transport + 13], flags);
        } else assert.is(b.readUInt16BE(transport + 4), b.length - transport);
        assert.equal(checksumErrors(b, network), []);
      });
    }),
    { numRuns: 500 },
  );
});

test("a UDP frame without a checksum stays without", () => {
  const s: Shape = {
    version: 4,
    protocol: 17,
    vlan: false,
    link: LINK_ETHERNET,
    options: 0,
    payload: new Uint8Array(1000),
    size: 400,
    flags: 0,
    partial: false,
  };
  const { frame, transport } = build(s);
  frame.writeUInt16BE(0, transport + 6);
  for (const b of segments(s, frame)!) assert.is(b.readUInt16BE(transport + 6), 0);
});

test("random headers are refused or segmented, and nothing is written outside the slot", () => {
  const canary = 0xa5;
  const [before, slot, after] = [kernels.poolTake(), kernels.poolTake(), kernels.poolTake()];
  assert.is(after - slot, slot - before);
  const data = memory.get32(slot);
  const fill = (): void => {
    for (const guard of [before, after]) fillSlot(memory, guard, canary);
  };
  let made = 0;
  fc.assert(
    fc.property(
      shape,
      fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 3 }),
      fc.nat(4200),
      fc.constantFrom(0, 1, 4, 5),
      (s, damage, cut, type) => {
        const { frame } = build(s);
        for (const [at, value] of damage) frame[at % frame.length] = value;
        const length = Math.min(cut, frame.length);
        memory.u8.set(frame, FRAME);
        fill();
        const ok = kernels.segmentBegin(seg, FRAME, length, s.link, type, s.size, s.partial ? 1 : 0, ROOM);
        if (ok === 0) return;
        made++;
        for (let left = 1, n = 0; left > 0; n++) {
          assert.ok(n < 4200);
          memory.set32(slot, data);
          left = kernels.segmentNext(seg, slot);
          assert.ok(memory.get32(slot + 4) <= ROOM);
        }
        for (const guard of [before, after]) assert.is(touched(memory, guard, canary), null);
      },
    ),
    { numRuns: 2000 },
  );
  assert.ok(made > 50, `${made}`);
  for (const s of [before, slot, after]) kernels.poolGive(s);
});

test("what cannot be cut is refused: fragments, foreign protocols, segments larger than a slot", () => {
  const s: Shape = {
    version: 4,
    protocol: 6,
    vlan: false,
    link: LINK_IP,
    options: 0,
    payload: new Uint8Array(3000),
    size: 1000,
    flags: 16,
    partial: true,
  };
  const good = build(s);
  assert.is(segments(s, good.frame)?.length, 3);
  assert.is(segments({ ...s, size: ROOM }, good.frame), null);
  assert.is(segments({ ...s, size: 0 }, good.frame), null);
  const fragment = Buffer.from(good.frame);
  fragment.writeUInt16BE(0x2000, 6);
  assert.is(segments(s, fragment), null);
  const sctp = Buffer.from(good.frame);
  sctp[9] = 132;
  assert.is(segments(s, sctp), null);
  assert.is(onesSum(new Uint8Array([1, 2, 3])), 0x0402);
});

test.run();
