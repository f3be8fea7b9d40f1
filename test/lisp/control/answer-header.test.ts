// Whose answer a message is: told by the first words where the packet lies, as by reading all of it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { answerHeader } from "../../../src/lisp/control/answer-header.js";
import { ipAddress } from "../../../src/wire/lisp-control/address.js";
import { mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import { mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { encodeLispControl } from "../../../src/wire/lisp-control/message.js";
import { mapNotify } from "../../../src/wire/lisp-control/registration.js";
import { writeUdpPacket } from "../../../src/wire/udp-packet.js";
import * as fc from "../../property.js";

const HEADER_BYTES = 12;

function packet(payload: Uint8Array, bytes: 4 | 16): Uint8Array {
  const source = new Uint8Array(bytes).fill(1);
  return writeUdpPacket({ source, destination: source, sourcePort: 4342, destinationPort: 4342, payload });
}

/** The header of a packet that lies anywhere in memory. */
function headerOf(bytes: Uint8Array, before = 7): ReturnType<typeof answerHeader> {
  const memory = new Uint8Array(before + bytes.length + 40).fill(0x22);
  memory.set(bytes, before);
  return answerHeader(memory, before, before + bytes.length);
}

const families = fc.constantFrom(4 as const, 16 as const);
const nonces = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

test("type, P bit and nonce are those of the message, over both families, wherever it lies", () => {
  fc.assert(
    fc.property(families, nonces, fc.boolean(), fc.nat(100), (family, nonce, probe, before) => {
      const reply = encodeLispControl(mapReply({ nonce, probe, records: [] }));
      assert.equal(headerOf(packet(reply, family), before), { type: "map-reply", probe, nonce });
      const notify = encodeLispControl(mapNotify({ type: "map-notify", nonce, records: [] }));
      assert.equal(headerOf(packet(notify, family), before), { type: "map-notify", probe: false, nonce });
    }),
  );
});

test("what follows the nonce is not looked at", () => {
  fc.assert(
    fc.property(families, nonces, fc.uint8Array({ maxLength: 60 }), (family, nonce, rest) => {
      const reply = encodeLispControl(mapReply({ nonce, records: [] })).subarray(0, HEADER_BYTES);
      const header = headerOf(packet(Uint8Array.of(...reply, ...rest), family));
      assert.equal(header, { type: "map-reply", probe: false, nonce });
    }),
  );
});

test("other messages, and what is cut short, have no header", () => {
  const others = [
    mapRequest({ nonce: 5n, itrRlocs: [ipAddress(new Uint8Array(4).fill(1))], records: [] }),
    mapNotify({ type: "map-notify-ack", nonce: 5n, records: [] }),
  ];
  for (const family of [4, 16] as const) {
    for (const other of others) assert.is(headerOf(packet(encodeLispControl(other), family)), null);
    const whole = packet(encodeLispControl(mapReply({ nonce: 5n, records: [] })), family);
    for (let length = 0; length < whole.length; length++)
      assert.is(headerOf(whole.subarray(0, length)), null, `${length} bytes`);
    const short = encodeLispControl(mapReply({ nonce: 5n, records: [] })).subarray(0, HEADER_BYTES - 1);
    assert.is(headerOf(Uint8Array.of(...packet(short, family), 0, 0)), null, "beyond the datagram");
  }
});

test("fragments, other protocols and other versions have none", () => {
  const whole = packet(encodeLispControl(mapReply({ nonce: 5n, records: [] })), 4);
  for (const [at, value] of [
    [6, 0x20],
    [7, 1],
    [9, 6],
    [0, 0x55],
  ]) {
    const changed = Uint8Array.from(whole);
    changed[at] = value;
    assert.is(headerOf(changed), null, `byte ${at}`);
  }
});

test("any bytes are told apart without an error, within their bounds", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(0x45, 0x60, 0x4f), (bytes, first) => {
      if (bytes.length > 9) bytes.set([17], first === 0x60 ? 6 : 9);
      if (bytes.length > 0) bytes[0] = first;
      const header = headerOf(bytes);
      if (bytes.length < 20 + 8 + HEADER_BYTES) assert.is(header, null);
    }),
  );
});

test.run();
