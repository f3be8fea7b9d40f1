// The Change-Priority messages of 2012, of type 5: by hand from the prototype's packed structure.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type ChangePriority2012,
  decodeChangePriority2012,
} from "../../../src/wire/lisp-control/change-priority-2012.js";
import { LispControlError } from "../../../src/wire/lisp-control/error.js";
import { decodeLispControl } from "../../../src/wire/lisp-control/message.js";
import * as fc from "../../property.js";
import { address } from "./arbitrary.js";
import { hex, toHex, write2012 } from "./fixtures.js";

const MAC = "00112233445566778899aabbccddeeff00112233";
const HEAD = `0102030405060708 0001 0014 ${MAC}`;

test("H, S and D, an EID behind 8 bits of mask length, and the RLOCs of its list", () => {
  const message = decodeChangePriority2012(
    hex(`5a000002 ${HEAD} 20 0001 c0a8010a 0001 0a000001 0002 fd000000000000000000000000000001`),
  );
  assert.equal(message, {
    type: "change-priority-2012",
    hypervisor: true,
    source: false,
    destination: true,
    nonce: 0x0102030405060708n,
    // The 16 bits of Key ID 1 are today's Key ID 0 with HMAC-SHA-1.
    authentication: { keyId: 0, algorithm: 1, data: hex(MAC) },
    eid: { kind: "ip", address: hex("c0a8010a") },
    maskLength: 32,
    list: [
      { kind: "ip", address: hex("0a000001") },
      { kind: "ip", address: hex("fd000000000000000000000000000001") },
    ],
  });
});

test("without the switch type 5 is a Map-Notify-Ack, and no other type is the message of 2012", () => {
  const bytes = hex("54000000 0102030405060708 0001 0000 20 0001 c0a8010a");
  assert.is(decodeLispControl(bytes).type, "map-notify-ack");
  assert.is(decodeChangePriority2012(bytes).source, true);
  assert.throws(
    () => decodeChangePriority2012(hex("f7de8100 0102030405060708 0001 0000 20 0001 c0a8010a")),
    /type 15 is no Change-Priority of 2012/,
  );
  assert.throws(() => decodeChangePriority2012(new Uint8Array(65528).fill(0x50)), /65528 bytes/);
  assert.throws(() => decodeChangePriority2012(hex("5800")), /TRUNCATED|4 bytes needed/);
});

const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const any2012: fc.Arbitrary<ChangePriority2012> = fc
  .tuple(
    fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.tuple(upTo(255), upTo(255), fc.uint8Array({ maxLength: 40 })),
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.tuple(upTo(32), upTo(0x1ffff), fc.array(address, { maxLength: 4 })),
    fc.uint8Array({ maxLength: 9 }),
  )
  .map(
    ([
      [hypervisor, source, destination],
      nonce,
      [keyId, algorithm, data],
      eid,
      [maskLength, bits, list],
      rest,
    ]) => ({
      type: "change-priority-2012",
      hypervisor,
      source,
      destination,
      nonce,
      authentication: { keyId, algorithm, data },
      eid: { kind: "ip", address: eid },
      maskLength,
      list,
      ...(bits === 0 ? {} : { reserved: bits * 256 }),
      ...(rest.length === 0 ? {} : { trailer: rest }),
    }),
  );

test("any such message is read as it was written, and every bit is in the record", () => {
  fc.assert(
    fc.property(any2012, (message) => {
      const bytes = write2012(message);
      const read = decodeChangePriority2012(bytes);
      bytes.fill(0xee);
      assert.equal(read, message, "and holds copies");
    }),
    { numRuns: 300 },
  );
});

test("damaged ones are an error of the codec's, or the message that the bytes say", () => {
  let read = 0;
  fc.assert(
    fc.property(any2012, upTo(2000), upTo(255), fc.boolean(), (message, at, value, cut) => {
      const whole = write2012(message);
      const bytes = cut ? whole.slice(0, at % whole.length) : whole;
      if (!cut) bytes[at % Math.min(bytes.length, 40)] = value;
      try {
        assert.is(toHex(write2012(decodeChangePriority2012(bytes))), toHex(bytes));
        read++;
      } catch (e) {
        if (!(e instanceof LispControlError)) throw e;
        assert.ok(e.offset >= 0 && e.offset <= bytes.length);
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(read > 100 && read < 900, `${read} were messages`);
});

test.run();
