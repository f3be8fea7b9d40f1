// Reserved bits are 0 in what is sent, and ignored in what is received (RFC 9301, section 5; RFC 8060, section 3; the
// masks below are read off the figures there, RFC 8111's section 6.4 and RFC 9437's).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { encapsulatedControl } from "../../../src/wire/lisp-control/encapsulated.js";
import type { MapRequest } from "../../../src/wire/lisp-control/map-request.js";
import {
  decodeLispControl,
  encodeLispControl,
  type LispControlMessage,
  receiveLispControl,
} from "../../../src/wire/lisp-control/message.js";
import * as fc from "../../property.js";
import { plainMessage } from "./arbitrary.js";
import { hex } from "./fixtures.js";

const NONCE = "0102030405060708";
// TTL, one locator, mask 24, no action, no version, an EID, and a locator with R.
const RECORD = "000005a0 01 18 0000 0000 0001 c0a80100";
const RLOC = "01 64 ff 00 0001 0001 c0000201";
const RECORD_BITS = "00000000 00 00 0fff f000 0000 00000000 00000000 fff8 0000 00000000";
const KEY = "00 01 0000";

/** A message, and its reserved bits: those that are set in the mask, which is as long. */
const MESSAGES: readonly (readonly [name: string, message: string, mask: string])[] = [
  [
    "Map-Request (5.2), with Map-Data",
    `1400 0001 ${NONCE} 0000 0001 c0000209 00 18 0001 c0a80100 ${RECORD} ${RLOC}`,
    `002f 8000 0000000000000000 0000 0000 00000000 7f 00 0000 00000000 ${RECORD_BITS}`,
  ],
  ["Map-Reply (5.4)", `2000 0001 ${NONCE} ${RECORD} ${RLOC}`, `01ff ff00 0000000000000000 ${RECORD_BITS}`],
  [
    "Map-Register (5.6)",
    `3000 0101 ${NONCE} ${KEY} ${RECORD} ${RLOC}`,
    `01ff e200 0000000000000000 00000000 ${RECORD_BITS}`,
  ],
  [
    "Map-Notify (5.7)",
    `4000 0001 ${NONCE} ${KEY} ${RECORD} ${RLOC}`,
    `0fff ff00 0000000000000000 00000000 ${RECORD_BITS}`,
  ],
  [
    "Map-Notify-Ack (5.7)",
    `5000 0001 ${NONCE} ${KEY} ${RECORD} ${RLOC}`,
    `0fff ff00 0000000000000000 00000000 ${RECORD_BITS}`,
  ],
  [
    "Change-Priority",
    `f7de 8101 ${NONCE} ${KEY} 00000000 ${RECORD} ${RLOC}`,
    `0000 0000 0000000000000000 00000000 ffffffff ${RECORD_BITS}`,
  ],
  [
    "Change-Priority, an acknowledgement",
    `f7de 1a01 ${NONCE} ${KEY} 03000000 ${RECORD} ${RLOC}`,
    `0000 0000 0000000000000000 00000000 00ffffff ${RECORD_BITS}`,
  ],
  [
    "Map-Referral (RFC 8111)",
    `6000 0001 ${NONCE} ${RECORD} ${RLOC}`,
    "0fff ff00 0000000000000000 00000000 00 00 07ff 0000 0000 00000000 00000000 fff8 0000 00000000",
  ],
  [
    "a Map-Reply with an instance ID, an ELP and an RLE (RFC 8060, sections 4.1, 4.6 and 4.9)",
    `2000 0001 ${NONCE} 000005a0 02 18 0000 0000 4003 00 00 02 00 000a 00000005 0001 c0a80100
      01 64 ff 00 0001 4003 00 00 0a 00 0008 0007 0001 c0000201
      01 64 ff 00 0001 4003 00 00 0d 00 000a 00000001 0001 c0000202`,
    `01ff ff00 0000000000000000 00000000 00 00 0fff f000 0000 ff ff 00 00 0000 00000000 0000 00000000
      00000000 fff8 0000 ff ff 00 ff 0000 fff8 0000 00000000
      00000000 fff8 0000 ff ff 00 ff 0000 ffffff00 0000 00000000`,
  ],
];

for (const [name, text, mask] of MESSAGES)
  test(`${name}: no reserved bit changes what is received, and none is sent`, () => {
    const bytes = hex(text);
    const bits = hex(mask);
    assert.is(bits.length, bytes.length, "the mask is of the message's length");
    const message = receiveLispControl(bytes);
    let flipped = 0;
    for (let i = 0; i < bytes.length; i++)
      for (let bit = 0x80; bit > 0; bit >>= 1) {
        if ((bits[i] & bit) === 0) continue;
        const other = Uint8Array.from(bytes);
        other[i] |= bit;
        assert.equal(receiveLispControl(other), message, `byte ${i}, bit 0x${bit.toString(16)}`);
        assert.equal(encodeLispControl(receiveLispControl(other)), bytes);
        flipped++;
      }
    assert.ok(flipped > 20);
  });

test("an ECM: bits 6 to 31 are ignored, and what it carries keeps all its bits, as it may go on to others", () => {
  const ip = { version: 4, tos: 0, id: 0, dontFragment: false, ttl: 64, options: new Uint8Array(0) } as const;
  const inner = {
    ip: { ...ip, source: hex("c0000209"), destination: hex("c0000201") },
    sourcePort: 4342,
    destinationPort: 4342,
    udpChecksum: null,
    message: decodeLispControl(hex(`102f8001 ${NONCE} 0000 0001 c0000209 7f 18 0001 c0a80100`)) as MapRequest,
  };
  const at = (reserved: number): Uint8Array => encodeLispControl(encapsulatedControl(inner, { reserved }));
  const plain = at(0);
  const message = receiveLispControl(plain);
  for (let bit = 6; bit < 32; bit++) {
    assert.equal(receiveLispControl(at(2 ** (31 - bit))), message, `bit ${bit}`);
  }
  assert.equal(encodeLispControl(message), plain);
});

/** The same without fields for reserved bits, however deep. */
function cleared(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(cleared);
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  const kept = Object.entries(value).filter(([key]) => !/^(reserved[12]?|flags|\w+Reserved)$/.test(key));
  return Object.fromEntries(kept.map(([key, field]) => [key, cleared(field)]));
}

test("any message: received, and sent again, it is the same without its reserved bits", () => {
  fc.assert(
    fc.property(plainMessage, (message) => {
      const clean = cleared(message) as LispControlMessage;
      const received = receiveLispControl(encodeLispControl(message));
      assert.equal(received, clean);
      assert.equal(decodeLispControl(encodeLispControl(received)), clean);
    }),
    { numRuns: 500 },
  );
});

test.run();
