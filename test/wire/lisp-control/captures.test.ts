// What other implementations sent: every message is read and comes out as it went in.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { eidPrefix } from "../../../src/wire/lisp-control/address.js";
import {
  decodeLispControl,
  encodeLispControl,
  type LispControlMessage,
} from "../../../src/wire/lisp-control/message.js";
import * as fc from "../../property.js";
import { CAPTURES, capture, datagrams, frameBytes, readDatagrams, toHex } from "./fixtures.js";

/** How many messages of each kind the captures hold, as tshark counts them; those inside ECMs too. */
const COUNTS: Record<string, Record<string, number>> = {
  "oor-01-register-resolve-ping.pcap": {
    "map-register": 4,
    "map-notify": 4,
    "encapsulated-control": 4,
    "in ECM: map-request": 4,
    "map-reply": 5,
    "map-request": 3,
  },
  "oor-02-ipv6-eid-proxy-reply.pcap": { "encapsulated-control": 3, "in ECM: map-request": 3, "map-reply": 2 },
  "oor-03-negative-map-reply.pcap": {
    "encapsulated-control": 3,
    "in ECM: map-request": 3,
    "map-reply": 8,
    "map-register": 4,
    "map-notify": 4,
    "map-request": 5,
  },
  "oor-05-smr-iface-down-up.pcap": {
    "map-register": 4,
    "map-request": 6,
    "map-notify": 4,
    "encapsulated-control": 6,
    "in ECM: map-request": 6,
    "map-reply": 6,
  },
  "oor-08-instance-id-101.pcap": {
    "map-register": 4,
    "map-notify": 4,
    "encapsulated-control": 4,
    "in ECM: map-request": 4,
    "map-reply": 2,
  },
  "oor-10-ipv6-rlocs.pcap": {
    "map-register": 4,
    "map-notify": 4,
    "encapsulated-control": 7,
    "in ECM: map-request": 7,
    "map-reply": 4,
  },
  "opencp-01-ms-with-oor-xtrs.pcap": {
    "map-register": 4,
    "map-notify": 4,
    "encapsulated-control": 2,
    "in ECM: map-request": 2,
    "map-reply": 2,
  },
};

function messages(file: string): LispControlMessage[] {
  return datagrams(file).flatMap((d) => {
    assert.is(d.problem, null, `${file} frame ${d.frame}`);
    return d.control ? [decodeLispControl(d.payload!)] : [];
  });
}

function counts(file: string): Record<string, number> {
  const found: Record<string, number> = {};
  const add = (kind: string): void => {
    found[kind] = (found[kind] ?? 0) + 1;
  };
  for (const m of messages(file)) {
    add(m.type);
    if (m.type === "encapsulated-control") add(`in ECM: ${m.inner?.message.type}`);
  }
  return found;
}

for (const file of CAPTURES) {
  test(`${file}: every control message re-encodes to its own bytes, and nothing in it is unknown`, () => {
    for (const d of datagrams(file)) {
      if (!d.control) continue;
      const message = decodeLispControl(d.payload!);
      assert.is(toHex(encodeLispControl(message)), toHex(d.payload!), `frame ${d.frame}`);
      assert.not.ok("trailer" in message, `frame ${d.frame} has a trailer`);
      if (message.type === "encapsulated-control") assert.is(message.inner!.udpChecksum, null);
    }
  });

  test(`${file}: the messages are of the kinds that are there`, () => {
    assert.equal(counts(file), COUNTS[file] ?? {});
  });
}

test("a Map-Register of OOR wants a Map-Notify, with the prefix and weights that were configured", () => {
  const register = messages("oor-08-instance-id-101.pcap").find(
    (m) => m.type === "map-register" && m.records[0].locators.length === 2,
  );
  if (register?.type !== "map-register") throw new Error("there is none");
  assert.is(register.wantNotify, true);
  assert.is(register.proxyReply, false);
  assert.equal(register.authentication.algorithm, 1);
  assert.is(register.authentication.data.length, 20);
  const record = register.records[0];
  const prefix = eidPrefix(record);
  assert.equal(prefix, { iid: 101, eid: { address: Uint8Array.of(192, 168, 2, 0), length: 24 } });
  assert.is(record.ttl, 10);
  assert.equal(
    record.locators.map((l) => [l.rloc.kind === "ip" && l.rloc.address.join("."), l.priority, l.weight]),
    [
      ["10.0.2.2", 1, 75],
      ["10.0.3.2", 1, 25],
    ],
  );
  assert.ok(record.locators.every((l) => l.local && l.reachable && !l.probed));
});

test("OOR's negative Map-Reply forwards natively for the prefix it computes wrongly", () => {
  const replies = messages("oor-03-negative-map-reply.pcap").filter((m) => m.type === "map-reply");
  const negative = replies.flatMap((m) => m.records).find((r) => r.locators.length === 0)!;
  assert.is(negative.action, 1);
  assert.is(negative.ttl, 15);
  assert.is(negative.authoritative, true);
  assert.equal(eidPrefix(negative), {
    iid: 0,
    eid: { address: Uint8Array.of(0xc1, 0xa8, 0x40, 0), length: 18 },
  });
});

test("an SMR comes straight to the RLOC, and the Map-Request it calls for goes through the mapping system", () => {
  const all = messages("oor-05-smr-iface-down-up.pcap");
  const smrs = all.filter((m) => m.type === "map-request" && m.smr);
  assert.is(smrs.length, 4);
  const invoked = all.filter(
    (m) =>
      m.type === "encapsulated-control" && m.inner?.message.type === "map-request" && !m.inner.message.smr,
  );
  assert.ok(invoked.length > 0);
});

test("damaged frames are passed over or shown as what they are, never another failure", () => {
  const frames = CAPTURES.flatMap(frameBytes);
  let shown = 0;
  fc.assert(
    fc.property(
      fc.constantFrom(...frames),
      fc.constantFrom(0, 1, 101, 113, 9, 50, 104),
      fc.array(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })), { maxLength: 3 }),
      fc.nat({ max: 200 }),
      (frame, linkType, changes, length) => {
        const bytes = frame.slice(0, length);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        for (const d of readDatagrams(capture([bytes], linkType))) {
          assert.is(d.payload === null, d.problem !== null);
          shown++;
        }
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(shown > 100, `${shown}`);
});

test.run();
