import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_RAW,
  PCAP_MAX_LENGTH,
  PcapError,
  PcapReader,
  PcapWriter,
  readPcapHeader,
} from "../../src/wire/pcap.js";
import * as fc from "../property.js";

interface Record {
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly data: Uint8Array;
}

const record = fc.record({
  seconds: fc.integer({ min: 0, max: 0xffffffff }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  data: fc.uint8Array({ maxLength: 300 }),
});

/** A source that hands out at most `step` bytes at a time. */
function source(bytes: Uint8Array, step = 7): (into: Uint8Array) => number {
  let at = 0;
  return (into) => {
    const n = Math.min(step, into.length, bytes.length - at);
    into.set(bytes.subarray(at, at + n));
    at += n;
    return n;
  };
}

function write(records: readonly Record[], options = {}, bufferSize = 400): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((b) => chunks.push(b.slice()), options, new Uint8Array(bufferSize));
  for (const r of records) {
    const at = writer.add(r.seconds, r.nanoseconds, r.data.length);
    writer.buffer.set(r.data.subarray(0, writer.header.snapLength), at);
  }
  writer.flush();
  return Buffer.concat(chunks);
}

function readAll(bytes: Uint8Array, step?: number): Record[] {
  const reader = new PcapReader(source(bytes, step), new Uint8Array(1024));
  const records: Record[] = [];
  while (reader.next()) {
    records.push({
      seconds: reader.seconds,
      nanoseconds: reader.nanoseconds,
      data: reader.buffer.slice(reader.start, reader.start + reader.captured),
    });
  }
  return records;
}

test("what is written is read back, in both byte orders and both resolutions", () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 8 }),
      fc.boolean(),
      fc.boolean(),
      fc.integer({ min: 1, max: 2000 }),
      (records, littleEndian, nanoseconds, step) => {
        const bytes = write(records, { littleEndian, nanoseconds, linkType: LINKTYPE_RAW });
        const header = readPcapHeader(bytes);
        assert.is(header.littleEndian, littleEndian);
        assert.is(header.nanoseconds, nanoseconds);
        assert.is(header.linkType, LINKTYPE_RAW);
        const expected = records.map((r) => ({
          seconds: r.seconds,
          nanoseconds: nanoseconds ? r.nanoseconds : Math.floor(r.nanoseconds / 1000) * 1000,
          data: r.data,
        }));
        assert.equal(readAll(bytes, step), expected);
      },
    ),
  );
});

test("a big-endian microsecond file is read as its bytes say", () => {
  const bytes = Buffer.from(
    `a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001
     00000010 00000005 00000003 0000000a aabbcc`.replace(/\s/g, ""),
    "hex",
  );
  const reader = new PcapReader(source(bytes), new Uint8Array(256));
  assert.is(reader.header.linkType, LINKTYPE_ETHERNET);
  assert.is(reader.header.snapLength, 65535);
  assert.ok(reader.next());
  assert.is(reader.offset, 24);
  assert.is(reader.seconds, 16);
  assert.is(reader.nanoseconds, 5000);
  assert.is(reader.captured, 3);
  assert.is(reader.original, 10);
  assert.equal([...reader.buffer.subarray(reader.start, reader.start + 3)], [0xaa, 0xbb, 0xcc]);
  assert.not(reader.next());
});

test("a packet longer than the snap length is cut and keeps its original length", () => {
  const bytes = write([{ seconds: 1, nanoseconds: 2000, data: new Uint8Array(100).fill(7) }], {
    snapLength: 60,
  });
  const reader = new PcapReader(source(bytes), new Uint8Array(256));
  assert.ok(reader.next());
  assert.is(reader.captured, 60);
  assert.is(reader.original, 100);
});

test("a file cut at any byte gives its whole records, then an error that names the byte", () => {
  const records = [5, 0, 40].map((n, i) => ({
    seconds: i,
    nanoseconds: 0,
    data: new Uint8Array(n).fill(i),
  }));
  const bytes = write(records);
  const ends = [24, 45, 61, 117];
  assert.is(bytes.length, 117);
  for (let length = 0; length < bytes.length; length++) {
    const whole = ends.filter((end) => end <= length).length - 1;
    let got = 0;
    let error: unknown = null;
    try {
      const reader = new PcapReader(source(bytes.subarray(0, length)), new Uint8Array(256));
      while (reader.next()) got++;
    } catch (e) {
      error = e;
    }
    assert.is(got, Math.max(0, whole));
    if (ends.includes(length)) assert.is(error, null);
    else {
      assert.instance(error, PcapError);
      assert.is((error as PcapError).code, "TRUNCATED");
      assert.is((error as PcapError).offset, whole < 0 ? length : ends[whole]);
    }
  }
});

test("random bytes give records inside the buffer or an error, never anything else", () => {
  const header = [...write([])];
  fc.assert(
    fc.property(fc.boolean(), fc.uint8Array({ maxLength: 400 }), (valid, tail) => {
      const bytes = valid ? Uint8Array.from([...header, ...tail]) : tail;
      try {
        const reader = new PcapReader(source(bytes), new Uint8Array(512));
        while (reader.next()) {
          assert.ok(reader.start + reader.captured <= reader.buffer.length);
          assert.ok(reader.nanoseconds >= 0 && reader.nanoseconds < 1e9);
        }
      } catch (error) {
        assert.instance(error, PcapError);
      }
    }),
    { numRuns: 2000 },
  );
});

test("a record that claims more than any capture holds is refused at its byte", () => {
  const bytes = Buffer.concat([write([]), Buffer.alloc(16)]);
  bytes.writeUInt32LE(PCAP_MAX_LENGTH + 1, 32);
  const reader = new PcapReader(source(bytes), new Uint8Array(2 ** 20));
  assert.throws(
    () => reader.next(),
    (e: PcapError) => e.code === "BAD_RECORD" && e.offset === 32 && /262145/.test(e.message),
  );
});

test("other capture formats are named", () => {
  const of = (hex: string) => Buffer.concat([Buffer.from(hex, "hex"), Buffer.alloc(20)]);
  assert.throws(() => readPcapHeader(of("0a0d0d0a")), /pcapng.*editcap/);
  assert.throws(() => readPcapHeader(of("34cdb2a1")), /a1b2cd34/);
  assert.throws(() => readPcapHeader(of("d4c3b2a1")), /version 0\.0/);
  assert.throws(() => readPcapHeader(of("47455420")), /begins with 47455420/);
});

test.run();
