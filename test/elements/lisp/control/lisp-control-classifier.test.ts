// LISPControlClassifier: every type to its output, and what is no message nowhere.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { encapsulatedRequest } from "../../../../src/lisp/control/map-requests.js";
import { ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import { mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { mapNotify, mapRegister } from "../../../../src/wire/lisp-control/registration.js";
import { packetOf, record, reply } from "../control.js";
import { Bench, hex, ip, ipv4, ipv6, udp } from "../harness.js";

const RLOC = ip("192.0.2.9");
const request = mapRequest({
  nonce: 1n,
  itrRlocs: [ipAddress(RLOC)],
  records: [{ eid: ipAddress(ip("10.2.0.1")), maskLength: 32, subscribe: false }],
});
const question = { iid: 0, eid: { address: ip("10.2.0.1"), length: 32 }, source: null, smrInvoked: false };
const smr = packetOf({ ...request, smr: true });
const probeReply = packetOf(
  mapReply({ nonce: 1n, probe: true, records: [record("10.2.0.0/16", "192.0.2.2")] }),
);

const MESSAGES: readonly (readonly [string, Uint8Array, number])[] = [
  ["a Map-Request", packetOf(request), 0],
  ["an SMR", smr, 0],
  ["a Map-Reply", packetOf(reply(1n, record("10.2.0.0/16", "192.0.2.2"))), 1],
  ["an answer to a probe", probeReply, 1],
  ["a Map-Register", packetOf(mapRegister({ nonce: 1n, records: [record("10.2.0.0/16", "192.0.2.2")] })), 2],
  ["a Map-Notify", packetOf(mapNotify({ type: "map-notify", nonce: 1n, records: [] })), 3],
  ["a Map-Notify-Ack", packetOf(mapNotify({ type: "map-notify-ack", nonce: 1n, records: [] })), 3],
  ["an ECM", packetOf(encapsulatedRequest(question, 1n, [RLOC], RLOC, RLOC)), 4],
  ["a Map-Referral", packetOf(hex(`60000001${"00".repeat(12)}`)), 5],
  ["an Info-Request", packetOf(hex(`70000000${"00".repeat(12)}`)), 5],
  ["a type LISP does not have", packetOf(hex("90000000")), 5],
  ["a Shared Extension", packetOf(hex("f0000000")), 5],
  ["a Map-Request over IPv6", packetOf(request, { from: "2001:db8::9", to: "2001:db8::1" }), 0],
  [
    "a Map-Reply to another port than 4342",
    packetOf(reply(1n, record("10.2.0.0/16")), { destinationPort: 40000 }),
    1,
  ],
];

for (const [what, packet, output] of MESSAGES) {
  test(`${what} leaves on output ${output}, as it came`, async () => {
    const b = await Bench.of("LISPControlClassifier", 6);
    b.push("e", [packet]);
    for (let i = 0; i < 6; i++)
      assert.equal(
        b.take(`s${i}`).map((s) => s.bytes),
        i === output ? [packet] : [],
      );
    const counters = [
      "map_requests",
      "map_replies",
      "map_registers",
      "map_notifies",
      "encapsulated",
      "other",
    ];
    assert.is(b.read(`e.${counters[output]}`), "1");
    b.close();
  });
}

test("with outputs 6 and 7 SMRs and answers to probes leave there", async () => {
  const b = await Bench.of("LISPControlClassifier", 8);
  b.push("e", [smr, probeReply, packetOf(request)]);
  assert.equal(b.take("s6")[0].bytes, smr);
  assert.equal(b.take("s7")[0].bytes, probeReply);
  assert.is(b.take("s0").length, 1);
  b.close();
});

const good = packetOf(request);
const BAD: readonly (readonly [string, string, Uint8Array])[] = [
  ["an empty packet", "truncated", new Uint8Array(0)],
  ["half an IP header", "truncated", good.subarray(0, 12)],
  ["a packet cut in its UDP header", "truncated", good.subarray(0, 24)],
  ["a message cut short", "truncated", good.subarray(0, 40)],
  ["a Map-Request shorter than one", "truncated", packetOf(hex("10000001 00000000"))],
  ["a payload of three bytes", "truncated", packetOf(hex("100000"))],
  ["an IPv4 header longer than the packet", "truncated", Uint8Array.of(0x4f, ...good.subarray(1, 30))],
  ["another protocol", "not_control", ipv4(udp(4342, 4342, hex("10000001")), { protocol: 6 })],
  ["another IP version", "not_control", Uint8Array.of(0x55, ...good.subarray(1))],
  ["other ports", "not_control", packetOf(request, { sourcePort: 4341, destinationPort: 4341 })],
  ["a fragment", "fragment", ipv4(udp(4342, 4342, hex("10000001")), { fragment: 0x2000 })],
  ["a multicast source", "bad_source", packetOf(request, { from: "224.0.0.1" })],
  ["a source of nobody", "bad_source", packetOf(request, { from: "0.0.0.0" })],
  ["an IPv6 multicast source", "bad_source", packetOf(request, { from: "ff02::1", to: "fd00::1" })],
  [
    "an IPv6 source of nobody",
    "bad_source",
    ipv6(udp(4342, 4342, hex("10000001")), { source: new Uint8Array(16) }),
  ],
  ["a Map-Request without a record", "no_records", packetOf({ ...request, records: [] })],
  ["a Map-Reply without a record", "no_records", packetOf(reply(1n))],
  ["a Map-Register without a record", "no_records", packetOf(mapRegister({ nonce: 1n, records: [] }))],
];

for (const [what, reason, packet] of BAD) {
  test(`${what} is dropped: ${reason}`, async () => {
    const b = await Bench.of("LISPControlClassifier", 8);
    b.push("e", [packet]);
    for (let i = 0; i < 8; i++) assert.is(b.take(`s${i}`).length, 0);
    assert.is(b.read(`e.${reason}`), "1");
    b.close();
  });
}

test.run();
