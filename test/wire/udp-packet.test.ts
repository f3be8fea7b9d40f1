// UDP datagrams in IPv4 and IPv6 packets.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { WireError } from "../../src/wire/error.js";
import { readUdpPacket, writeUdpPacket } from "../../src/wire/udp-packet.js";
import * as fc from "../property.js";

const address = (size: number) => fc.uint8Array({ minLength: size, maxLength: size });
const packet = fc.constantFrom(4, 16).chain((size) =>
  fc.record({
    source: address(size),
    destination: address(size),
    sourcePort: fc.nat(65535),
    destinationPort: fc.nat(65535),
    ttl: fc.nat(255),
    payload: fc.uint8Array({ maxLength: 1400 }),
  }),
);

test("what is written is read again", () => {
  fc.assert(
    fc.property(packet, (p) => {
      const read = readUdpPacket(writeUdpPacket(p));
      for (const key of ["source", "destination", "payload"] as const)
        assert.equal([...read[key]], [...p[key]]);
      assert.equal(
        [read.sourcePort, read.destinationPort, read.ttl],
        [p.sourcePort, p.destinationPort, p.ttl],
      );
    }),
  );
});

test("a packet cut at any length, or with any byte changed that a checksum covers, is an error", () => {
  fc.assert(
    fc.property(packet, fc.nat(), fc.integer({ min: 1, max: 255 }), (p, at, change) => {
      const bytes = writeUdpPacket(p);
      assert.throws(
        () => readUdpPacket(bytes.subarray(0, at % bytes.length)),
        (e: unknown) => e instanceof WireError,
      );
      const first = p.source.length === 4 ? 28 : 48;
      const i = first + (at % Math.max(1, bytes.length - first));
      if (i >= bytes.length) return;
      bytes[i] ^= change;
      assert.throws(
        () => readUdpPacket(bytes),
        (e: unknown) => e instanceof WireError,
      );
    }),
  );
});

test("fragments, other protocols and other versions are errors that say so", () => {
  const base = {
    source: Uint8Array.of(1, 2, 3, 4),
    destination: Uint8Array.of(5, 6, 7, 8),
    sourcePort: 1,
    destinationPort: 2,
  };
  const wrong = (change: (b: Uint8Array) => void, words: RegExp): void => {
    const bytes = writeUdpPacket({ ...base, payload: new Uint8Array(8) });
    change(bytes);
    let sum = 0;
    bytes.fill(0, 10, 12);
    for (let i = 0; i < 20; i += 2) sum += (bytes[i] << 8) | bytes[i + 1];
    sum = (sum & 0xffff) + (sum >>> 16);
    bytes[10] = (~sum >> 8) & 255;
    bytes[11] = ~sum & 255;
    assert.throws(() => readUdpPacket(bytes), words);
  };
  wrong((b) => b.set([0x20], 6), /fragment/);
  wrong((b) => b.set([6], 9), /protocol 6/);
  wrong((b) => b.set([0x55], 0), /version 5/);
  assert.throws(
    () => writeUdpPacket({ ...base, source: new Uint8Array(16), payload: new Uint8Array(0) }),
    /addresses of 16 and 4/,
  );
});

test.run();
