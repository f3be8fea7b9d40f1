// LISPMapResolver: whom it asks, what it answers itself, and what it refuses.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseEid, parseRloc } from "../../../../src/lisp/mapping.js";
import { eidAddress, ipAddress } from "../../../../src/wire/lisp-control/address.js";
import { encapsulatedControl } from "../../../../src/wire/lisp-control/encapsulated.js";
import { type MapRequest, mapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import { packetOf, reply, sentOf, sentTo } from "../control.js";
import { Bench } from "../harness.js";

const MR = "192.0.2.99";

function remote(
  routes = "10.1.0.0/16 192.0.2.100 192.0.2.101, 10.1.5.0/24 192.0.2.102, 10.1.0.0/16 192.0.2.103 iid 7",
): Promise<Bench> {
  return Bench.start(`feed :: Feed -> e :: LISPMapResolver(${routes}, RLOC4 ${MR}) -> out :: Sink`);
}

/** With a Map-Server of its own for 10.1.0.0/16, and another one for what else there is in 10.0.0.0/8. */
function both(more = ""): Promise<Bench> {
  return Bench.start(`
    feed :: Feed -> e :: LISPMapResolver(10.0.0.0/8 192.0.2.100, MAP_SERVER ms, RLOC4 ${MR} ${more}) -> out :: Sink;
    Feed -> ms :: LISPMapServer(a key secret eid 10.1.0.0/16, RLOC4 ${MR}) -> out2 :: Sink`);
}

interface Asking extends Partial<MapRequest> {
  readonly from?: string;
  readonly hops?: number;
  readonly reserved?: number;
  readonly iid?: number;
}

function ask(
  b: Bench,
  text: string,
  { from = "192.0.2.50", hops = 9, reserved = 0, iid = 0, ...fields }: Asking = {},
): void {
  const { address, length } = parseEid(text);
  const message = mapRequest({
    nonce: 99n,
    itrRlocs: [ipAddress(parseRloc("192.0.2.50"))],
    records: [{ eid: eidAddress(iid, address), maskLength: length, subscribe: false }],
    ...fields,
  });
  const ip = { version: 6, source: parseRloc("fd01::1"), destination: parseRloc("fd01::2") } as const;
  const inner = {
    ip: { ...ip, trafficClass: 0, flowLabel: 5, hopLimit: hops },
    sourcePort: 4000,
    destinationPort: 4342,
  };
  const ecm = encapsulatedControl({ ...inner, udpChecksum: null, message }, { reserved });
  b.push("e", [packetOf(ecm, { from, to: MR })]);
}

const forwardedTo = (b: Bench): string[] =>
  sentOf(b, "out", "encapsulated-control").map((s) => {
    assert.equal([s.message.reserved ?? 0, s.destinationPort], [0, 4342]);
    const inner = s.message.inner!;
    assert.equal(
      [inner.sourcePort, inner.ip.source, inner.message.type],
      [4000, parseRloc("fd01::1"), "map-request"],
    );
    return s.destination.join(".");
  });
const answered = (b: Bench, sink = "out"): [string, number][] =>
  sentOf(b, sink, "map-reply").map((s) => {
    assert.equal([s.destination.join("."), s.destinationPort, s.message.nonce], ["192.0.2.50", 4000, 99n]);
    const [r]: readonly EidRecord[] = s.message.records;
    assert.equal([r.action, r.locators.length, r.authoritative], [1, 0, false]);
    return [`${r.eid.kind === "ip" ? r.eid.address.join(".") : r.eid.kind}/${r.maskLength}`, r.ttl];
  });

test("a Map-Request goes on, unchanged, to the Map-Servers of the longest prefix around its EID, in turn", async () => {
  const b = await remote();
  for (const eid of ["10.1.2.3/32", "10.1.5.5/32", "10.1.2.3/32", "10.1.2.3/32"]) ask(b, eid);
  ask(b, "10.1.2.3/32", { iid: 7 });
  assert.equal(forwardedTo(b), ["192.0.2.100", "192.0.2.102", "192.0.2.101", "192.0.2.100", "192.0.2.103"]);
  assert.equal([b.read("e.requests"), b.read("e.forwarded")], ["5", "5"]);
  b.close();
});

test("what no Map-Server is known for is answered for 15 minutes, for the least specific prefix of which that is so", async () => {
  const b = await remote();
  ask(b, "10.2.0.1/32");
  ask(b, "192.168.0.1/32");
  ask(b, "10.1.0.1/32", { iid: 9 });
  assert.equal(answered(b), [
    ["10.2.0.0/15", 15],
    ["128.0.0.0/1", 15],
    ["instance/0", 15],
  ]);
  assert.is(b.read("e.negative_replies"), "3");
  b.close();
});

test("its own Map-Server is asked for its sites' EIDs, another one for less specific prefixes", async () => {
  const b = await both();
  ask(b, "10.1.0.1/32");
  ask(b, "10.2.0.1/32");
  ask(b, "192.168.0.1/32");
  assert.equal(answered(b, "out2"), [["10.1.0.0/16", 1]]);
  const [other, negative] = sentTo(b, "out");
  assert.equal([other.destination.join("."), other.message.type], ["192.0.2.100", "encapsulated-control"]);
  assert.is(negative.message.type, "map-reply");
  assert.equal(
    ["local", "forwarded", "negative_replies"].map((h) => b.read(`e.${h}`)),
    ["1", "1", "1"],
  );
  b.close();
});

test("reserved bits of an ECM, 6 and 7 among them, are ignored and not sent on (RFC 9301, section 5.8)", async () => {
  const b = await remote();
  for (let bit = 0; bit < 26; bit++) ask(b, "10.1.2.3/32", { reserved: 2 ** bit });
  assert.is(forwardedTo(b).length, 26);
  b.close();
});

test("a Map-Request passes so many Map-Resolvers that name one another, and no more", async () => {
  const b = await remote();
  ask(b, "10.1.2.3/32", { hops: 255 });
  let [sent] = sentOf(b, "out", "encapsulated-control");
  const hops: number[] = [];
  while (sent !== undefined) {
    const { ip } = sent.message.inner!;
    hops.push(ip.version === 6 ? ip.hopLimit : ip.ttl);
    b.push("e", [packetOf(sent.message, { from: "192.0.2.100", to: MR })]);
    [sent] = sentOf(b, "out", "encapsulated-control");
  }
  assert.equal([hops, b.read("e.no_hops")], [[8, 7, 6, 5, 4, 3, 2, 1], "1"]);
  b.close();
});

test("IID is the instance of routes that name none", async () => {
  const b = await remote("10.1.0.0/16 192.0.2.100, 10.1.0.0/16 192.0.2.101 iid 7, IID 5");
  for (const iid of [0, 5, 7]) ask(b, "10.1.2.3/32", { iid });
  assert.is(b.read("e.negative_replies"), "1");
  assert.equal(
    sentTo(b, "out").flatMap((s) => (s.message.type === "encapsulated-control" ? [s.destination[3]] : [])),
    [100, 101],
  );
  b.close();
});

test("no Map-Server is asked at the Map-Resolver's own address", async () => {
  const b = await remote(`10.1.0.0/16 ${MR}`);
  ask(b, "10.1.2.3/32");
  assert.equal([b.take("out").length, b.read("e.no_route")], [0, "1"]);
  b.close();
});

test("a sender that asks faster than it may is not heard, others are, and it again when time has passed", async () => {
  const b = await both(", RATE 2, BURST 3");
  for (let i = 0; i < 5; i++) ask(b, "10.1.0.1/32");
  ask(b, "10.1.0.1/32", { from: "192.0.2.51" });
  assert.equal([b.read("e.rate_limited"), b.read("e.local"), b.read("e.senders")], ["2", "4", "2"]);
  b.router.runFor(1);
  for (let i = 0; i < 3; i++) ask(b, "10.1.0.1/32");
  assert.equal([b.read("e.rate_limited"), b.read("e.local")], ["3", "6"]);
  b.close();
});

test("probes, SMRs, other EIDs, other messages and what nobody can be sent are dropped by reason", async () => {
  const b = await remote("10.1.0.0/16 192.0.2.100, 10.2.0.0/16 2001:db8::1");
  ask(b, "10.1.0.1/32", { probe: true });
  ask(b, "10.1.0.1/32", { smr: true });
  ask(b, "10.2.0.1/32");
  ask(b, "10.3.0.1/32", { itrRlocs: [ipAddress(parseRloc("2001:db8::2"))] });
  ask(b, "10.1.0.1/32", { records: [{ eid: { kind: "name", name: "x" }, maskLength: 0, subscribe: false }] });
  b.push("e", [
    packetOf(reply(1n)),
    packetOf(mapRequest({ nonce: 1n, itrRlocs: [ipAddress(parseRloc(MR))], records: [] })),
  ]);
  b.push("e", [packetOf(Uint8Array.of(0x80, 0, 0)), Uint8Array.of(0x45, 0)]);
  assert.equal(
    ["probe", "no_route", "unsupported_eid", "unexpected", "malformed"].map((h) => b.read(`e.${h}`)),
    ["2", "2", "1", "2", "2"],
  );
  assert.is(b.take("out").length, 0);
  b.close();
});

test("a message for which there is no packet is counted as not sent", async () => {
  const b = await Bench.start(
    `feed :: Feed -> e :: LISPMapResolver(10.0.0.0/8 192.0.2.100, RLOC4 ${MR}) -> Queue -> Idle`,
  );
  const { kernels } = b.router.memory;
  let last = 0;
  for (let slot = kernels.poolTake(); slot !== 0; slot = kernels.poolTake()) last = slot;
  kernels.poolGive(last);
  const eid = ipAddress(parseRloc("10.1.0.1"));
  // The packet of the request is free again for the first message; the second one has none.
  const record = { eid, maskLength: 32, subscribe: false };
  ask(b, "10.1.0.1/32", { records: [record, record] });
  assert.equal([b.read("e.forwarded"), b.read("e.not_sent")], ["1", "1"]);
  b.close();
});

for (const [config, complaint] of [
  ["RLOC4 192.0.2.1", /needs MAP_SERVER or the addresses of Map-Servers/],
  ["10.0.0.0/8 192.0.2.1", /needs RLOC4 or RLOC6/],
  ["10.0.0.0/8, RLOC4 192.0.2.1", /expected the address of a Map-Server/],
  ["10.0.0.0/8 192.0.2.1, 10.0.0.0/8 192.0.2.2, RLOC4 192.0.2.1", /is there twice/],
  ["10.0.0.0/8 192.0.2.1 iid x, RLOC4 192.0.2.1", /instance ID 'x'/],
  ["10.0.0.0/8 192.0.2.1, RLOC6 192.0.2.1", /RLOC6 must be an IPv6 address/],
  ["MAP_SERVER feed, RLOC4 192.0.2.1", /MAP_SERVER is not a LISPMapServer/],
] as const)
  test(`refused: ${config}`, async () => {
    try {
      await Bench.start(`feed :: Feed -> e :: LISPMapResolver(${config}) -> out :: Sink`);
      assert.unreachable();
    } catch (e) {
      assert.match((e as Error).message, complaint);
    }
  });

test.run();
