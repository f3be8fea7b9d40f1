// LISPMessageLog: a line for each message, and every packet goes on.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { eidAddress, ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { changePriority } from "../../../../src/wire/lisp-control/change-priority.js";
import { encapsulatedControl } from "../../../../src/wire/lisp-control/encapsulated.js";
import { mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { mapNotify, mapRegister } from "../../../../src/wire/lisp-control/registration.js";
import { packetOf, record, reply } from "../control.js";
import { Bench } from "../harness.js";

const ask = mapRequest({
  nonce: 0xabcn,
  smrInvoked: true,
  itrRlocs: [ipAddress(parseRloc("192.0.2.1")), ipAddress(parseRloc("2001:db8::1"))],
  records: [{ eid: eidAddress(7, parseRloc("10.2.0.1")), maskLength: 32, subscribe: true }],
});
const ip = { version: 6, trafficClass: 0, flowLabel: 0, hopLimit: 9 } as const;

for (const [message, line] of [
  [ask, "Map-Request 0000000000000abc smr-invoked [7]10.2.0.1/32 subscribe from - at 192.0.2.1 2001:db8::1"],
  [
    reply(1n, record("10.1.0.0/16", "192.0.2.2 192.0.2.3"), record("fd01::/64", "", { action: 1, ttl: 15 })),
    "Map-Reply 0000000000000001 10.1.0.0/16 ttl 1440 192.0.2.2/1/100 192.0.2.3/1/100; fd01::/64 ttl 15 natively-forward",
  ],
  [
    mapRegister({ nonce: 2n, wantNotify: true, records: [record("10.1.0.0/16", "192.0.2.2")] }),
    "Map-Register 0000000000000002 key 0.0 notify 10.1.0.0/16 ttl 1440 192.0.2.2/1/100",
  ],
  [
    mapNotify({ type: "map-notify-ack", nonce: 3n, records: [record("10.1.0.0/16")] }),
    "Map-Notify-Ack 0000000000000003 key 0.0 10.1.0.0/16 ttl 1440 no-action",
  ],
  [
    encapsulatedControl({
      ip: { ...ip, source: parseRloc("fd01::1"), destination: parseRloc("fd01::2") },
      sourcePort: 4342,
      destinationPort: 4342,
      udpChecksum: null,
      message: { ...ask, smrInvoked: false },
    }),
    "ECM (Map-Request 0000000000000abc [7]10.2.0.1/32 subscribe from - at 192.0.2.1 2001:db8::1)",
  ],
  [
    changePriority({
      role: "new",
      event: "arrived",
      nonce: 5n,
      records: [record("10.2.0.1/32", "192.0.2.2")],
    }),
    "Change-Priority 0000000000000005 key 0.0 new arrived 10.2.0.1/32 ttl 1440 192.0.2.2/1/100",
  ],
  [
    changePriority({
      role: "hypervisor",
      event: "left",
      nonce: 5n,
      records: [],
      acknowledges: true,
      status: 3,
    }),
    "Change-Priority 0000000000000005 key 0.0 hypervisor left acknowledged: not-hosted",
  ],
  [{ type: "shared-extension", subtype: 1, body: new Uint8Array(4) }, "shared-extension"],
] as const)
  test(`a line for a ${message.type}`, async () => {
    const lines: string[] = [];
    const b = await Bench.of("LISPMessageLog(core)", 1, (text) => lines.push(text));
    const packet = packetOf(message);
    b.push("e", [packet]);
    assert.equal(lines, [`core: 192.0.2.9 > 192.0.2.1 ${line}`]);
    assert.equal(
      b.take("s0").map((s) => s.bytes),
      [packet],
    );
    assert.is(b.read("e.messages"), "1");
    b.close();
  });

test("what holds no message goes on and is said; nothing is said while it is not active; lines have an end", async () => {
  const lines: string[] = [];
  const b = await Bench.of("LISPMessageLog", 1, (text) => lines.push(text));
  b.push("e", [packetOf(Uint8Array.of(0x10)), Uint8Array.of(1, 2)]);
  assert.equal([lines.length, b.read("e.malformed"), b.take("s0").length], [2, "2", 2]);
  assert.match(lines[0], /^no LISP control message: /);
  await b.router.write("e.active", "false");
  b.push("e", [packetOf(ask)]);
  assert.equal([lines.length, b.take("s0").length], [2, 1]);
  await b.router.write("e.active", "true");
  b.push("e", [packetOf(reply(1n, ...Array.from({ length: 60 }, () => record("10.1.0.0/16", "192.0.2.1"))))]);
  assert.is(lines[2].length, 1003);
  b.close();
});

test.run();
