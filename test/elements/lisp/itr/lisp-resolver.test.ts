// LISPResolver: what is asked, when again, what an answer may change, and the packets that wait for it.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { TTL_OWN_CHOICE } from "../../../../src/wire/lisp-control/record.js";
import { failure, packetOf, record, reply, requestsTo, takeAllSlots } from "../control.js";
import { Bench, hex, ip, ipv4, ipv6, SIX_A, SIX_B, udp } from "../harness.js";

const to = (destination: string, port = 1): Uint8Array =>
  ipv4(udp(port, 2, new Uint8Array(0)), { destination: ip(destination) });

/** A map-cache with a resolver behind it: `found` gets packets with a locator, `out` the Map-Requests. */
function bench(args = "MAP_RESOLVER 192.0.2.9", cache = "", rlocs = "RLOC 192.0.2.1"): Promise<Bench> {
  return Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(${cache}) -> found :: Sink;
    cache[1] -> e :: LISPResolver(cache, ${rlocs}, ${args});
    answers :: Counter; f2 :: Feed -> answers -> [1] e;
    e[0] -> out :: Sink; e[1] -> cache; cache[2] -> native :: Sink;
  `);
}

const answer = (b: Bench, ...records: Parameters<typeof record>[]): void => {
  b.router.runFor(0);
  const nonce = requestsTo(b, "out").at(-1)!.message.nonce;
  b.push("answers", [packetOf(reply(nonce, ...records.map((r) => record(...r))))]);
};

test("a miss becomes a Map-Request in an ECM; the packets that wait go on when the reply comes", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1", 7), to("10.2.0.1", 8)]);
  b.router.runFor(0);
  const [sent, ...more] = requestsTo(b, "out");
  assert.is(more.length, 0);
  assert.equal([sent.source, sent.destination], [ip("192.0.2.1"), ip("192.0.2.9")]);
  assert.equal([sent.destinationPort, sent.inner], [4342, ip("10.2.0.1")]);
  assert.equal(sent.message.itrRlocs, [{ kind: "ip", address: ip("192.0.2.1") }]);
  assert.equal(sent.message.sourceEid, { kind: "ip", address: ip("10.1.0.1") });
  assert.equal(sent.message.records, [
    { eid: { kind: "ip", address: ip("10.2.0.1") }, maskLength: 32, subscribe: false },
  ]);
  assert.equal([b.read("e.waiting"), b.read("e.pending")], ["2", "1"]);
  b.push("answers", [packetOf(reply(sent.message.nonce, record("10.2.0.0/16", "192.0.2.2")))]);
  assert.equal(
    b.take("found").map((s) => s.bytes),
    [to("10.2.0.1", 7), to("10.2.0.1", 8)],
  );
  assert.is(b.read("cache.table"), "10.2.0.0/16 192.0.2.2/1/100 ttl 86400");
  assert.equal([b.read("e.waiting"), b.read("e.resolved"), b.read("e.replies")], ["0", "2", "1"]);
  b.router.runFor(1);
  assert.is(b.read("e.pending"), "0");
  b.close();
});

test("addresses that stand for no host elsewhere are never asked for", async () => {
  const b = await bench();
  for (const destination of [
    "0.0.0.0",
    "127.0.0.1",
    "169.254.9.9",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
  ])
    b.push("cache", [to(destination)]);
  for (const destination of ["::1", "fe80::1", "ff02::1", "::ffff:a02:1"])
    b.push("cache", [ipv6(udp(1, 2, new Uint8Array(0)), { destination: ip(destination) })]);
  b.router.runFor(1);
  assert.equal([requestsTo(b, "out").length, b.read("e.unroutable"), b.read("e.pending")], [0, "10", "0"]);
  b.close();
});

test("locators of a Map-Reply that can be no RLOC are not used, and a mapping of nothing else is none", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1")]);
  answer(b, ["10.2.0.0/16", "127.0.0.1 192.0.2.2 169.254.1.1 224.0.0.1 fe80::1 ::ffff:192.0.2.3"]);
  assert.match(b.read("cache.table"), /^10\.2\.0\.0\/16 192\.0\.2\.2\/1\/100 ttl/);
  b.push("cache", [to("10.3.0.1")]);
  answer(b, ["10.3.0.0/16", "169.254.1.1 fe80::1"]);
  assert.equal([b.read("cache.size"), b.read("e.unusable")], ["1", "1"]);
  b.close();
});

test("locators of other kinds are kept in the map-cache and shown where they stood, until the mapping goes", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1")]);
  const { locators } = record("10.2.0.0/16", "192.0.2.2 192.0.2.3");
  const hop = { lookup: false, probe: false, strict: true, address: locators[1].rloc };
  const elp = { kind: "path", hops: [hop, { ...hop, strict: false, address: locators[0].rloc }] } as const;
  answer(b, ["10.2.0.0/16", "", { locators: [{ ...locators[0], rloc: elp }, locators[0]] }]);
  const text = "10.2.0.0/16 path(192.0.2.3:S 192.0.2.2)/1/100 192.0.2.2/1/100 ttl 86400";
  assert.is(b.read("cache.table"), text);
  assert.is(b.take("found").length, 1);
  // What a table shows a configuration may have.
  await b.router.write("cache.add", `${text.slice(0, -6)} 600`);
  assert.is(b.read("cache.table"), text.replace("86400", "600"));
  await b.router.write("cache.add", "10.2.0.0/16 192.0.2.9 ttl 60");
  assert.is(b.read("cache.table"), "10.2.0.0/16 192.0.2.9/1/100 ttl 60");
  await b.router.write("cache.add", text);
  b.router.runFor(86401);
  await b.router.write("cache.add", "10.2.0.0/16 192.0.2.9");
  assert.is(b.read("cache.table"), "10.2.0.0/16 192.0.2.9/1/100");
  b.close();
});

test("a proxy ITR asks with the p bit and names no Source EID", async () => {
  for (const [args, proxy] of [
    ["", false],
    [", PITR true", true],
  ] as const) {
    const b = await bench(`MAP_RESOLVER 192.0.2.9${args}`);
    b.push("cache", [to("10.2.0.1")]);
    b.router.runFor(0);
    const [{ message }] = requestsTo(b, "out");
    assert.equal([message.proxyItr, message.sourceEid.kind], [proxy, proxy ? "none" : "ip"]);
    b.close();
  }
});

test("IPv6 EIDs resolve over an IPv4 Map-Resolver, in their instance", async () => {
  const b = await bench("MAP_RESOLVER 192.0.2.9", "IID 7");
  b.push("cache", [ipv6(udp(1, 2, new Uint8Array(0)))]);
  b.router.runFor(0);
  const [sent] = requestsTo(b, "out");
  assert.equal(sent.inner, SIX_B);
  assert.equal(sent.message.records[0].eid, {
    kind: "instance",
    iid: 7,
    iidMaskLength: 0,
    address: { kind: "ip", address: SIX_B },
  });
  const { eid } = sent.message.records[0];
  assert.equal(sent.message.sourceEid.kind === "instance" && sent.message.sourceEid.address, {
    kind: "ip",
    address: SIX_A,
  });
  const found = record("fd01::/16", "192.0.2.2");
  b.push("answers", [packetOf(reply(sent.message.nonce, found))]);
  assert.equal([b.read("e.foreign"), b.take("found").length], ["1", 0], "instance 0 was not asked for");
  b.push("answers", [packetOf(reply(sent.message.nonce, { ...found, eid, maskLength: 64 }))]);
  assert.is(b.take("found").length, 1);
  b.close();
});

test("without a reply it asks again after 1, 2, 4, 4 ... seconds, ten times, then rests for 30 seconds", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1")]);
  const times: number[] = [];
  const nonces = new Set<bigint>();
  for (let tenth = 0; tenth <= 420; tenth++) {
    b.router.runFor(tenth === 0 ? 0 : 0.1);
    for (const sent of requestsTo(b, "out")) {
      times.push(tenth / 10);
      nonces.add(sent.message.nonce);
    }
  }
  assert.equal(times, [0, 1, 3, 7, 11, 15, 19, 23, 27, 31, 35]);
  assert.is(nonces.size, 11, "each with its own nonce");
  assert.equal([b.read("e.unanswered"), b.read("e.waiting")], ["1", "0"]);
  assert.match(b.read("e.table"), /^0 10\.2\.0\.1\/32 resting 11 /);
  // Resting since second 39.
  b.push("cache", [to("10.2.0.1")]);
  assert.is(b.read("e.resting"), "1");
  const late = [...nonces].at(-1)!;
  b.push("answers", [packetOf(reply(late, record("10.2.0.0/16", "192.0.2.2")))]);
  assert.equal([b.read("e.unsolicited"), b.read("cache.size")], ["1", "0"]);
  b.router.runFor(26.8);
  b.push("cache", [to("10.2.0.1")]);
  assert.is(b.read("e.resting"), "2");
  b.router.runFor(0.4);
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(0);
  assert.is(requestsTo(b, "out").length, 1);
  b.close();
});

test("each further Map-Request goes to the next Map-Resolver, and the one that answers is asked first from then on", async () => {
  const b = await bench("MAP_RESOLVER 192.0.2.9 192.0.2.10, MAP_RESOLVER 192.0.2.11");
  const asked = (): number[] => requestsTo(b, "out").map((r) => r.destination[3]);
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(0);
  assert.equal(asked(), [9]);
  b.router.runFor(1);
  const second = requestsTo(b, "out");
  assert.equal(
    second.map((r) => r.destination[3]),
    [10],
  );
  b.router.runFor(2);
  assert.equal(asked(), [11]);
  // The second one's answer comes late, and counts as its answer.
  b.push("answers", [packetOf(reply(second[0].message.nonce, record("10.2.0.0/16", "192.0.2.2")))]);
  assert.is(b.read("e.resolvers"), "192.0.2.9 - 1 0 1\n192.0.2.10 preferred 1 1 1\n192.0.2.11 - 1 0 0");
  b.push("cache", [to("10.3.0.1")]);
  b.router.runFor(0);
  assert.equal(asked(), [10]);
  b.close();
});

test("one EID is asked for once a second, though it stays without a mapping", async () => {
  const b = await bench();
  for (let i = 0; i < 29; i++) {
    b.push("cache", [to("10.2.0.1")]);
    b.router.runFor(0);
    for (const sent of requestsTo(b, "out"))
      b.push("answers", [
        packetOf(reply(sent.message.nonce, record("10.2.0.1/32", "", { action: 2, ttl: 1 }))),
      ]);
    b.router.runFor(0.1);
  }
  assert.is(b.read("e.requests"), "3");
  assert.is(b.read("cache.map_requests") !== "0", true);
  assert.is(Number(b.read("e.unmapped")) > 20, true);
  b.close();
});

test("a wrong, spoofed or repeated nonce, a probe's answer and a cut message change nothing", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(0);
  const { nonce } = requestsTo(b, "out")[0].message;
  const true_ = reply(nonce, record("10.2.0.0/16", "192.0.2.2"));
  b.push("answers", [packetOf({ ...true_, nonce: nonce ^ 1n }), packetOf({ ...true_, probe: true })]);
  assert.equal([b.read("e.unsolicited"), b.read("cache.size"), b.read("e.waiting")], ["2", "0", "1"]);
  const whole = packetOf(true_);
  b.push("answers", [whole.subarray(0, 30), packetOf(hex("20000001")), packetOf(hex("70000000"))]);
  assert.equal([b.read("e.malformed"), b.read("cache.size")], ["3", "0"]);
  b.push("answers", [whole]);
  assert.is(b.read("cache.size"), "1");
  await b.router.write("cache.clear", "");
  b.push("answers", [whole]);
  assert.equal([b.read("e.unsolicited"), b.read("cache.size")], ["3", "0"]);
  b.close();
});

test("a reply about something else is no reply: the true one may still come", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(0);
  const { nonce } = requestsTo(b, "out")[0].message;
  b.push("answers", [packetOf(reply(nonce, record("10.3.0.0/16", "192.0.2.66")))]);
  assert.equal([b.read("e.foreign"), b.read("cache.size"), b.read("e.waiting")], ["1", "0", "1"]);
  b.push("answers", [packetOf(reply(nonce, record("10.2.0.0/16", "192.0.2.2")))]);
  assert.is(b.take("found").length, 1);
  b.close();
});

test("more-specific records within the one that was asked for are taken, others are not (5.5)", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.5.5")]);
  answer(
    b,
    ["10.2.0.0/16", "192.0.2.2"],
    ["10.2.1.0/24", "192.0.2.3"],
    ["10.9.0.0/16", "192.0.2.66"],
    ["12.0.0.0/7", "", { action: 3 }],
  );
  assert.equal(b.read("cache.table").split("\n"), [
    "10.2.0.0/16 192.0.2.2/1/100 ttl 86400",
    "10.2.1.0/24 192.0.2.3/1/100 ttl 86400",
  ]);
  assert.is(b.read("e.foreign"), "2");
  b.close();
});

/** EID-prefixes of the map-cache, each with its first locator's last byte or the action. */
const cached = (b: Bench): string[] =>
  b
    .read("cache.table")
    .split("\n")
    .map((line) => line.split(" "))
    .map(([eid, rloc, action]) => `${eid} ${rloc === "action" ? action : rloc.split("/")[0].split(".")[3]}`);

for (const [what, records, kept] of [
  [
    "both parts",
    [
      ["10.2.0.0/25", "192.0.2.3"],
      ["10.2.0.128/25", "192.0.2.4"],
    ],
    ["10.2.0.0/25 3", "10.2.0.128/25 4"],
  ],
  ["one part alone", [["10.2.0.0/25", "192.0.2.3"]], ["10.2.0.0/25 3"]],
  [
    "a part and a hole",
    [
      ["10.2.0.128/25", "192.0.2.3"],
      ["10.2.0.0/25", "", { action: 1, ttl: 1 }],
    ],
    ["10.2.0.0/25 natively-forward", "10.2.0.128/25 3"],
  ],
  [
    "a part within a part",
    [
      ["10.2.0.0/25", "192.0.2.3"],
      ["10.2.0.64/26", "192.0.2.4"],
    ],
    ["10.2.0.0/25 3", "10.2.0.64/26 4"],
  ],
  [
    "itself and a part",
    [
      ["10.2.0.0/24", "192.0.2.5"],
      ["10.2.0.9/32", "192.0.2.4"],
    ],
    ["10.2.0.0/24 5", "10.2.0.9/32 4"],
  ],
  ["what it is merged into", [["10.2.0.0/16", "192.0.2.5"]], ["10.2.0.0/16 5"]],
  ["nothing there", [["10.2.0.0/24", "", { action: 1, ttl: 15 }]], ["10.2.0.0/24 natively-forward"]],
  [
    "what is outside as well",
    [
      ["10.2.0.0/25", "192.0.2.3"],
      ["10.2.1.0/25", "192.0.2.66"],
      ["10.2.1.0/26", "", { action: 3 }],
    ],
    ["10.2.0.0/25 3"],
  ],
] as const) {
  test(`a prefix that is asked for again, and answered with ${what}, has that in its place (5.5)`, async () => {
    const b = await bench();
    await b.router.write("cache.add", "10.2.0.0/24 192.0.2.2 ttl 600");
    await b.router.write("e.ask", "10.2.0.0/24");
    answer(b, ...(records as unknown as Parameters<typeof record>[]));
    assert.equal(cached(b), kept);
    b.close();
  });
}

test("a record for a part of the prefix that was asked for is none for a host that was asked for", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1")]);
  answer(b, ["10.2.0.128/25", "192.0.2.66"]);
  assert.equal([b.read("e.foreign"), b.read("cache.size"), b.read("e.waiting")], ["1", "0", "1"]);
  b.close();
});

test("what is within an answer's prefix and not named is asked for: both of two that were merged go", async () => {
  const b = await bench();
  for (const eid of ["10.2.0.0/25", "10.2.0.128/25"])
    await b.router.write("cache.add", `${eid} 192.0.2.2 ttl 600`);
  await b.router.write("e.ask", "10.2.0.0/25");
  for (let i = 0; i < 2; i++) answer(b, ["10.2.0.0/24", "192.0.2.3"]);
  assert.equal(cached(b), ["10.2.0.0/24 3"]);
  b.router.runFor(20);
  assert.is(b.take("out").length, 0);
  b.close();
});

test("many of them are asked for in slices; what there is no room to ask for is forgotten", async () => {
  const b = await bench("MAP_RESOLVER 192.0.2.9, CAPACITY 200");
  for (let i = 0; i < 300; i++)
    await b.router.write("cache.add", `10.2.${i >> 8}.${i & 255}/32 192.0.2.2 ttl 600`);
  await b.router.write("e.ask", "10.2.9.9/32");
  answer(b, ["10.2.0.0/16", "192.0.2.3"]);
  b.router.runFor(0);
  const asked = new Set(requestsTo(b, "out").map((r) => r.inner.join(".")));
  assert.equal([asked.size, cached(b).length], [199, 200]);
  b.close();
});

test("no mapping outlives those within it: packets to them would follow it (5.5)", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.5.5")]);
  answer(
    b,
    ["10.2.0.0/16", "192.0.2.2"],
    ["10.2.1.0/24", "192.0.2.3", { ttl: 10 }],
    ["10.2.2.0/24", "", { action: 2, ttl: 1440 }],
    ["10.2.1.7/32", "192.0.2.4", { ttl: 20 }],
  );
  assert.equal(b.read("cache.table").split("\n"), [
    "10.2.0.0/16 192.0.2.2/1/100 ttl 600",
    "10.2.1.0/24 192.0.2.3/1/100 ttl 600",
    "10.2.1.7/32 192.0.2.4/1/100 ttl 1200",
    "10.2.2.0/24 action send-map-request ttl 86400",
  ]);
  b.close();
});

for (const [what, asked, eid, kept] of [
  ["that covers half the Internet", "10.2.0.1", "0.0.0.0/1", "10.2.0.0/24"],
  ["for the wrong prefix, as OOR sends", "192.168.99.1", "193.168.64.0/18", "192.168.99.1/32"],
  ["narrower than the least length", "10.2.0.1", "10.2.0.0/28", "10.2.0.0/28"],
] as const) {
  test(`a negative Map-Reply ${what} takes up ${kept}`, async () => {
    const b = await bench();
    b.push("cache", [to(asked)]);
    answer(b, [eid, "", { action: 1, ttl: 15 }]);
    assert.is(b.read("cache.table"), `${kept} action natively-forward ttl 900`);
    assert.is(b.take("native").length, 1);
    assert.is(b.read("e.narrowed"), eid === kept ? "0" : "1");
    b.close();
  });
}

test("a longer prefix that the reply does not name is registered no more, and is forgotten (5.5)", async () => {
  const b = await bench(undefined, "10.2.9.0/24 192.0.2.7");
  await b.router.write("cache.add", "10.2.0.1/32 192.0.2.4 ttl 300");
  await b.router.write("cache.add", "10.2.0.0/28 192.0.2.5 ttl 300");
  await b.router.write("cache.add", "10.2.0.2/32 192.0.2.4 ttl 300");
  await b.router.write("e.ask", "10.2.0.1/32");
  answer(b, ["10.2.0.0/16", "192.0.2.2"]);
  const table = (): string[] =>
    b
      .read("cache.table")
      .split("\n")
      .map((line) => line.split(" ").slice(0, 2).join(" "));
  const others = ["10.2.0.2/32 192.0.2.4/1/100", "10.2.9.0/24 192.0.2.7/1/100"];
  assert.equal(
    table().sort(),
    ["10.2.0.0/16 192.0.2.2/1/100", ...others],
    "others stay: what is around them was not asked",
  );
  b.router.runFor(1);
  await b.router.write("e.ask", "10.2.0.2/32");
  answer(b, ["10.2.0.0/16", "192.0.2.2"], ["10.2.0.2/32", "192.0.2.6"]);
  assert.ok(table().includes("10.2.0.2/32 192.0.2.6/1/100"), "one that is named stays");
  b.router.runFor(1);
  await b.router.write("e.ask", "10.2.9.1/32");
  answer(b, ["10.2.0.0/16", "192.0.2.2"]);
  assert.ok(table().includes(others[1]), "what is configured stays");
  b.close();
});

test("a negative Map-Reply does not touch a mapping that is there for others", async () => {
  const b = await bench("MAP_RESOLVER 192.0.2.9, NEGATIVE_LENGTH4 0", "10.2.0.0/16 192.0.2.2");
  b.push("cache", [to("10.3.0.1")]);
  answer(b, ["10.0.0.0/8", "", { action: 3, ttl: 15 }]);
  b.push("cache", [to("10.2.0.1"), to("10.4.0.1")]);
  assert.is(b.take("found").length, 1);
  assert.is(b.read("cache.no_reason"), "2");
  b.close();
});

for (const [what, ttl, locators, seconds] of [
  ["minutes", 3, "192.0.2.2", 180],
  ["more than MAX_TTL", 100000, "192.0.2.2", 86400],
  ["our own choice", TTL_OWN_CHOICE, "192.0.2.2", 86400],
  ["minutes, negative", 1, "", 60],
  ["more than NEGATIVE_TTL", 1440, "", 900],
] as const) {
  test(`a mapping goes when its TTL is over: ${what}`, async () => {
    const b = await bench();
    b.push("cache", [to("10.2.0.1")]);
    answer(b, ["10.2.0.0/24", locators, { ttl, action: locators === "" ? 3 : 0 }]);
    b.router.runFor(seconds - 0.001);
    assert.is(b.read("cache.size"), "1");
    b.router.runFor(0.002);
    assert.is(b.read("cache.size"), "0");
    b.close();
  });
}

test("a site that has not registered is asked for again soon, though its mapping could be kept for a minute", async () => {
  const b = await bench();
  b.router.runFor(60);
  b.push("cache", [to("10.2.0.1")]);
  answer(b, ["10.2.0.0/16", "", { action: 1, ttl: 1 }]);
  assert.is(b.read("cache.table"), "10.2.0.0/24 action natively-forward ttl 5");
  b.router.runFor(4.99);
  b.push("cache", [to("10.2.0.1")]);
  assert.is(b.read("e.waiting"), "0");
  b.router.runFor(0.02);
  b.push("cache", [to("10.2.0.1")]);
  answer(b, ["10.2.0.0/16", "192.0.2.2"]);
  assert.is(b.take("found").length, 1);
  b.close();
});

test("an ITR that has just started asks sooner: sites start together, and the others' Map-Registers are on their way", async () => {
  const b = await bench();
  const asked: number[] = [];
  for (let tenth = 0; tenth <= 200; tenth++) {
    b.push("cache", [to("10.2.0.1")]);
    b.router.runFor(0);
    for (const { message } of requestsTo(b, "out")) {
      asked.push(tenth / 10);
      b.push("answers", [packetOf(reply(message.nonce, record("10.2.0.0/16", "", { action: 1, ttl: 1 })))]);
    }
    b.router.runFor(0.1);
  }
  assert.equal(asked, [0, 1, 2, 4, 8, 13, 18]);
  b.close();
});

test("a TTL of 0 removes the mapping", async () => {
  const b = await bench("MAP_RESOLVER 192.0.2.9", "10.2.0.0/24 192.0.2.2, 10.3.0.0/24 192.0.2.2");
  await b.router.write("e.ask", "10.2.0.0/24");
  b.router.runFor(0);
  const [sent] = requestsTo(b, "out");
  assert.equal([sent.message.records[0].maskLength, sent.message.sourceEid], [24, { kind: "none" }]);
  const zero = { ttl: 0 };
  b.push("answers", [
    packetOf(
      reply(
        sent.message.nonce,
        record("10.2.0.0/24", "192.0.2.2", zero),
        record("10.3.0.0/24", "192.0.2.2", zero),
      ),
    ),
  ]);
  assert.match(b.read("cache.table"), /^10\.3\.0\.0\/24 [^\n]*$/);
  assert.is(b.read("e.foreign"), "1");
  b.close();
});

test("locators of a family without a source RLOC are not used; others than IP addresses are left out", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1")]);
  answer(b, ["10.2.0.0/16", "192.0.2.2 2001:db8::2 224.0.0.5"]);
  assert.is(b.read("cache.table"), "10.2.0.0/16 192.0.2.2/1/100 2001:db8::2/1/100/down ttl 86400");
  b.push("cache", [to("10.9.0.1")]);
  answer(b, ["10.9.0.0/16", "224.0.0.5 0.0.0.0"]);
  assert.equal([b.read("e.unusable"), b.read("cache.size")], ["1", "1"]);
  b.close();
});

test("as many packets wait as may, for one EID and in all, the first ones; no more EIDs than may be are asked for", async () => {
  const b = await bench("MAP_RESOLVER 192.0.2.9, HOLD 3, QUEUE 5, CAPACITY 3");
  b.push(
    "cache",
    Array.from({ length: 5 }, (_, i) => to("10.2.0.1", i)),
  );
  assert.equal([b.read("e.waiting"), b.read("e.queue_full")], ["3", "2"]);
  b.push("cache", [to("10.3.0.1"), to("10.4.0.1"), to("10.5.0.1"), to("10.6.0.1")]);
  assert.equal([b.read("e.waiting"), b.read("e.queue_full"), b.read("e.table_full")], ["5", "2", "2"]);
  assert.is(b.read("e.pending"), "3");
  await b.router.write("e.clear", "");
  assert.equal([b.read("e.waiting"), b.read("e.unanswered"), b.read("e.pending")], ["0", "5", "0"]);
  b.close();
});

test("no more than RATE Map-Requests a second are sent; those above it come later", async () => {
  const b = await bench("MAP_RESOLVER 192.0.2.9, RATE 10");
  b.push(
    "cache",
    Array.from({ length: 25 }, (_, i) => to(`10.2.0.${i}`)),
  );
  b.router.runFor(0.01);
  assert.equal([b.read("e.requests"), b.read("e.rate")], ["10", "15"]);
  b.router.runFor(1);
  assert.is(b.read("e.requests"), "20");
  b.close();
});

test("without a Map-Resolver, or one of a family we have no RLOC of, packets that need a mapping are dropped", async () => {
  for (const args of ["MAP_RESOLVER 2001:db8::9", "MAP_RESOLVER ''", "CAPACITY 9"]) {
    const b = await bench(args);
    b.push("cache", [to("10.2.0.1")]);
    assert.equal([b.read("e.no_resolver"), b.read("e.pending")], ["1", "0"]);
    assert.match(await failure(() => b.router.write("e.ask", "10.2.0.1")), /no Map-Resolver/);
    b.close();
  }
});

test("a Map-Request that there is no free slot for is counted, and sent when there is one", async () => {
  const b = await bench();
  const { kernels } = b.router.memory;
  const taken: number[] = [];
  for (let slot = kernels.poolTake(); slot !== 0; slot = kernels.poolTake()) taken.push(slot);
  kernels.poolGive(taken.pop()!);
  b.push("cache", [to("10.2.0.1")]);
  b.router.runFor(0);
  assert.equal([b.read("e.no_slot"), b.read("e.waiting")], ["1", "1"]);
  assert.is(requestsTo(b, "out").length, 0);
  for (const slot of taken) kernels.poolGive(slot);
  b.router.runFor(1.1);
  assert.is(requestsTo(b, "out").length, 1);
  b.close();
});

test("a packet that comes from no map-cache is dropped", async () => {
  const b = await bench();
  b.push("e", [hex("00"), hex("f0".repeat(20))]);
  assert.is(b.read("e.bad_packet"), "2");
  b.close();
});

test("a record that the map-cache has no room for is counted, and its packets are dropped", async () => {
  const b = await bench("MAP_RESOLVER 192.0.2.9", "CAPACITY 1, 10.9.0.0/16 192.0.2.2");
  b.push("cache", [to("10.2.0.1")]);
  answer(b, ["10.2.0.0/16", "192.0.2.2"]);
  assert.equal([b.read("e.cache_full"), b.read("e.unmapped"), b.read("cache.size")], ["1", "1", "1"]);
  b.close();
});

test("without a free packet no Map-Request leaves; it is sent again as if it was lost", async () => {
  const b = await bench();
  b.push("cache", [to("10.2.0.1")]);
  const taken = takeAllSlots(b);
  b.router.runFor(0);
  assert.equal([b.read("e.no_slot"), b.take("out").length], ["1", 0]);
  for (const slot of taken) b.router.memory.kernels.poolGive(slot);
  b.router.runFor(1);
  assert.is(requestsTo(b, "out").length, 1);
  b.close();
});

test("what is wrong with its arguments is said", async () => {
  for (const [text, message] of [
    ["d :: Discard; Idle -> d; e :: LISPResolver(d, RLOC 192.0.2.1)", /CACHE is not a LISPMapCache/],
    ["c :: LISPMapCache; Idle -> c -> Discard; e :: LISPResolver(c)", /no RLOC given/],
    [
      "c :: LISPMapCache; Idle -> c -> Discard; e :: LISPResolver(c, RLOC 192.0.2.1, MAP_RESOLVER x)",
      /MAP_RESOLVER: 'x' is not an IP address/,
    ],
  ] as const) {
    const said: string[] = [];
    const ports = "Idle -> [0] e; Idle -> [1] e; e[0] -> Discard; e[1] -> Discard;";
    const error = await failure(() => Bench.start(`${text}; ${ports}`, (line) => said.push(line)));
    assert.match(`${error} ${said.join(" ")}`, message);
  }
});

test("ask wants an EID-prefix", async () => {
  const b = await bench();
  for (const text of [
    "",
    "x",
    "10.0.0.0/8 iid 99999999",
    "10.0.0.0/8 iid",
    "10.0.0.0/8 iid x",
    "10.0.0.0/8 now 3",
  ])
    assert.is.not(await failure(() => b.router.write("e.ask", text)), "", `ask ${text}`);
  await b.router.write("e.ask", "10.2.0.0/24 iid 5");
  b.router.runFor(0);
  assert.is(b.read("e.table").startsWith("5 10.2.0.0/24 asking 1 "), true);
  assert.equal(requestsTo(b, "out")[0].inner, parseRloc("10.2.0.0"));
  b.close();
});

test.run();
