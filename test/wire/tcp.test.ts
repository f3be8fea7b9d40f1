import { test } from "uvu";
import * as assert from "uvu/assert";
import { readTcp, TCP_ACK, TCP_SYN, TcpHeader, tcpHeaderSize, writeTcp } from "../../src/wire/tcp.js";
import { hex } from "../packets.js";
import * as fc from "../property.js";

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

// A SYN of Linux: MSS 1460, SACK permitted, timestamps, window scale 7.
const SYN = hex(
  "9c40 1389 12345678 00000000 a002 faf0 0000 0000 0204 05b4 0402 080a 01020304 00000000 01 0303 07",
);

test("a SYN of Linux is read with its options", () => {
  const header = new TcpHeader();
  assert.is(readTcp(view(SYN), 0, SYN.length, header), 40);
  assert.equal(
    [header.sourcePort, header.destinationPort, header.sequence, header.flags, header.window],
    [40000, 5001, 0x12345678, TCP_SYN, 0xfaf0],
  );
  assert.equal(
    [
      header.mss,
      header.windowScale,
      header.sackPermitted,
      header.hasTimestamps,
      header.timestamp,
      header.echo,
    ],
    [1460, 7, true, true, 0x01020304, 0],
  );
});

test("what is written is read again", () => {
  fc.assert(
    fc.property(
      fc.record({
        sequence: fc.integer({ min: 0, max: 0xffffffff }),
        acknowledgment: fc.integer({ min: 0, max: 0xffffffff }),
        flags: fc.integer({ min: 0, max: 255 }),
        window: fc.integer({ min: 0, max: 0xffff }),
        mss: fc.integer({ min: 0, max: 0xffff }),
        windowScale: fc.integer({ min: -1, max: 14 }),
        sackPermitted: fc.boolean(),
        hasTimestamps: fc.boolean(),
        blocks: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 3 }),
      }),
      ({ blocks, ...fields }) => {
        const header = Object.assign(new TcpHeader(), fields);
        if (fields.hasTimestamps) [header.timestamp, header.echo] = [0xfffffffe, 7];
        // There is room for one kind of long option beside a SYN's.
        if (!fields.sackPermitted && fields.mss === 0 && fields.windowScale < 0) {
          header.sackCount = blocks.length;
          for (const [i, block] of blocks.entries()) header.sack.set([block, (block + 9) >>> 0], 2 * i);
        }
        const bytes = new Uint8Array(60);
        const size = writeTcp(view(bytes), 0, header);
        assert.is(size, tcpHeaderSize(header));
        const again = new TcpHeader();
        assert.is(readTcp(view(bytes), 0, size, again), size);
        const shown = (h: TcpHeader): unknown => ({ ...h, sack: [...h.sack.subarray(0, 2 * h.sackCount)] });
        assert.equal(shown(again), shown(header));
      },
    ),
  );
});

test("a header that contradicts the segment is none", () => {
  const header = new TcpHeader();
  for (const offset of [0x00, 0x40, 0xf0]) {
    const bytes = SYN.slice();
    bytes[12] = offset;
    assert.is(readTcp(view(bytes), 0, bytes.length, header), 0);
  }
  assert.is(readTcp(view(SYN), 0, 19, header), 0);
  assert.is(readTcp(view(SYN), 0, 39, header), 0);
});

test("options that are cut off, too short or of a strange length do no harm", () => {
  const header = new TcpHeader();
  const read = (options: string): TcpHeader => {
    const bytes = new Uint8Array(40);
    bytes.set(SYN.subarray(0, 20));
    bytes.set(hex(options), 20);
    assert.is(readTcp(view(bytes), 0, 40, header), 40);
    return header;
  };
  assert.is(read("0200 05b4").mss, 0, "a length of 0");
  assert.is(read("0201 05b4").mss, 0, "a length of 1");
  assert.is(read(`${"01".repeat(18)}0204`).mss, 0, "behind the header");
  assert.is(read("0203 05 0303 0f").windowScale, 14, "another length is passed over, a scale is 14 at most");
  assert.is(read("0507 01020304 05").sackCount, 0, "no whole block");
  assert.is(read("00 0204 05b4").mss, 0, "behind the end of options");
  assert.is(read("0803 01").hasTimestamps, false);
});

test("any bytes are read without harm", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const size = readTcp(view(bytes), 0, bytes.length, new TcpHeader());
      assert.ok(size === 0 || (size >= 20 && size <= bytes.length));
      readTcp(
        view(Uint8Array.of(...SYN.subarray(0, 12), 0xf0, TCP_ACK, ...bytes, ...new Uint8Array(60))),
        0,
        60,
        new TcpHeader(),
      );
    }),
  );
});

test.run();
