// LISPEchoNonce: who is asked, what is echoed, and what silence means (RFC 9300, section 10.1).

import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { addressText } from "../../../../src/net/address.js";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import { failure, packetOf, record, requestsTo, sentOf, takeAllSlots } from "../control.js";
import { Bench, hex, ip, ipv4, lisp, toHex, udp } from "../harness.js";

const NOTHING = udp(1, 2, new Uint8Array(0));
const MAPPINGS = "10.2.0.0/16 192.0.2.2 192.0.2.3/2, 10.3.0.0/16 192.0.2.4 iid 5";

const bench = (args = "REQUEST all", cache = MAPPINGS, probe = 0): Promise<Bench> =>
  Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(${cache}, PACKET_IID true) -> encap :: LISPEncap(192.0.2.1) -> s0 :: Sink;
    cache[1] -> resolver :: LISPResolver(cache, RLOC 192.0.2.1, MAP_RESOLVER 192.0.2.9) -> out :: Sink;
    f2 :: Feed -> answers :: Counter -> [1] resolver; resolver[1] -> cache;
    f3 :: Feed -> decap :: LISPDecap(ALL_IIDS true, PEERS 16) -> s1 :: Sink;
    f4 :: Feed -> prober :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL ${probe}) -> probes :: Sink;
    e :: LISPEchoNonce(cache, DECAP decap, RESOLVER resolver, PROBER prober, ACTIVE true, ${args});
  `);

/** RLOC and header (first word) of a packet of ours to `to`. */
function send(b: Bench, to = "10.2.0.1", iid = 0): string {
  b.push("cache", [ipv4(NOTHING, { destination: ip(to) })], { iid });
  const [seen] = b.take("s0");
  if (seen === undefined) return "none";
  return `${seen.bytes[19]} ${toHex(seen.bytes.subarray(28, 32))}`;
}

/** A packet from `rloc` with the header's first word. */
function hear(b: Bench, word = "00000000", rloc = "192.0.2.2", second = "00000000"): void {
  const f = { source: parseRloc(rloc), destination: parseRloc(rloc.includes(":") ? "::1" : "192.0.2.1") };
  b.push("decap", [lisp(ipv4(NOTHING), hex(`${word}${second}`), f)]);
  assert.is(b.take("s1").length, 1);
}

/** Traffic both ways for `seconds`, ten packets a second; `word` is what the peer says to what it heard. */
function talk(
  b: Bench,
  seconds: number,
  word: (heard: string) => string | null = () => "00000000",
): string[] {
  const words: string[] = [];
  for (let i = 0; i < seconds * 10; i++) {
    const sent = send(b);
    words.push(sent);
    const said = word(sent.split(" ")[1]);
    if (said !== null) hear(b, said);
    b.router.runFor(0.1);
  }
  return words;
}

/** What a peer says that echoes. */
const echo = (heard: string): string => (heard.startsWith("a0") ? `80${heard.slice(2)}` : "00000000");

test("a locator with traffic both ways is asked each interval, until it has echoed; each time with another nonce", async () => {
  const b = await bench();
  b.router.runFor(0);
  const words = talk(b, 35, echo);
  const asked = words.map((w, i) => ({ w, at: i / 10 })).filter(({ w }) => w.startsWith("2 a0"));
  assert.equal(
    asked.map(({ at }) => at),
    [10, 20, 30],
    "one packet was enough",
  );
  assert.is(new Set(asked.map(({ w }) => w)).size, 3);
  assert.ok(words.every((w) => w === "2 00000000" || w.startsWith("2 a0")));
  assert.equal(
    ["requests", "echoes", "downs"].map((h) => b.read(`e.${h}`)),
    ["3", "3", "0"],
  );
  b.close();
});

test("a locator that goes on sending without an echo is down after TIMEOUT, tried again after RETRY, and up with an echo", async () => {
  const b = await bench("REQUEST all, RETRY 20");
  b.router.runFor(0);
  const before = talk(b, 14);
  assert.ok(before.slice(0, 100).every((w) => w === "2 00000000"));
  assert.ok(
    before.slice(100).every((w) => w === before[100] && w.startsWith("2 a0")),
    "every packet asks",
  );
  assert.equal([b.read("e.downs"), b.read("e.table")], ["1", "192.0.2.2 down"]);
  assert.match(b.read("cache.rlocs"), /192\.0\.2\.2 1 down/);
  assert.ok(talk(b, 26).every((w) => w === "3 00000000"));
  assert.ok(
    talk(b, 4).every((w) => w.startsWith("2 a0")),
    "tried again",
  );
  assert.ok(talk(b, 26).every((w) => w === "3 00000000"));
  assert.is(b.read("e.downs"), "1", "it was not up in between");
  talk(b, 1, echo);
  assert.ok(talk(b, 9, echo).every((w) => w === "2 00000000"));
  assert.match(b.read("cache.rlocs"), /192\.0\.2\.2 1 up/);
  b.close();
});

test("without traffic both ways nobody is asked, and nothing concluded", async () => {
  for (const ways of ["out", "in", "first half only"]) {
    const b = await bench();
    b.router.runFor(0);
    for (let i = 0; i < 600; i++) {
      const late = i % 100 >= 20 && i >= 100;
      if (ways === "out") assert.is(send(b), "2 00000000");
      else if (ways === "in") hear(b);
      else {
        send(b);
        if (!late) hear(b);
      }
      b.router.runFor(0.1);
    }
    assert.equal([b.read("e.downs"), b.read("e.requests") === "0"], ["0", ways !== "first half only"], ways);
    b.close();
  }
});

test("a peer that is asked but gets no packet is not to blame", async () => {
  const b = await bench();
  b.router.runFor(0);
  talk(b, 9.9);
  b.router.runFor(0.1);
  for (let i = 0; i < 60; i++) {
    hear(b);
    b.router.runFor(0.1);
  }
  assert.equal([b.read("e.requests"), b.read("e.downs")], ["1", "0"]);
  b.close();
});

test("only the nonce asked for is an echo, from the RLOC asked, with E clear", async () => {
  const b = await bench();
  b.router.runFor(0);
  talk(b, 10);
  const asked = send(b).slice(2);
  hear(b, "80123456");
  hear(b, `90${asked.slice(2)}`, "192.0.2.9");
  hear(b, `00${asked.slice(2)}`);
  hear(b, `10${asked.slice(2)}`);
  assert.equal([send(b).slice(2), b.read("e.echoes")], [asked, "0"]);
  hear(b, `80${asked.slice(2)}`);
  assert.equal([send(b), b.read("e.echoes")], ["2 00000000", "1"]);
  b.close();
});

test("capable: only locators of Map-Replies with the E bit are asked", async () => {
  for (const echoNonce of [true, false]) {
    const b = await bench("REQUEST capable", "10.9.0.0/16 192.0.2.2");
    b.router.runFor(0);
    b.push("cache", [ipv4(NOTHING, { destination: ip("10.2.0.1") })], { iid: 0 });
    b.router.runFor(0);
    const [{ message }] = requestsTo(b, "out");
    const records = [record("10.2.0.0/16", "192.0.2.2")];
    b.push("answers", [packetOf(mapReply({ nonce: message.nonce, echoNonce, records }))]);
    talk(b, 11, echo);
    assert.is(b.read("e.requests"), echoNonce ? "1" : "0");
    if (echoNonce) {
      await b.router.write("resolver.ask", "10.2.0.0/16");
      b.router.runFor(0);
      const [again] = requestsTo(b, "out");
      b.push("answers", [packetOf(mapReply({ nonce: again.message.nonce, echoNonce: false, records }))]);
      talk(b, 30, echo);
      assert.is(b.read("e.requests"), "1", "not any more");
    }
    b.close();
  }
});

test("a peer's nonce is echoed in the packets to it, while it asks and up to HOLD longer", async () => {
  const b = await bench("REQUEST none");
  hear(b, "a0abcdef");
  assert.equal([send(b), b.read("e.table")], ["2 80abcdef", "192.0.2.2 answering"]);
  for (let i = 0; i < 50; i++) {
    b.router.runFor(0.2);
    hear(b, "a0abcdef");
  }
  assert.equal([send(b), b.read("e.answers")], ["2 80abcdef", "1"]);
  hear(b, "a0123456");
  assert.equal([send(b), b.read("e.answers")], ["2 80123456", "2"], "the last one counts");
  hear(b, "00000000");
  b.router.runFor(6.1);
  assert.equal([send(b), b.read("e.table")], ["2 00000000", ""]);
  hear(b, "20abcdef");
  assert.is(send(b), "2 00000000", "E without N says nothing");
  hear(b, "a0abcdef", "192.0.2.4", "00000500");
  assert.is(send(b), "2 00000000");
  hear(b, "a8777777", "192.0.2.4", "00000500");
  assert.is(send(b, "10.3.0.1", 5), "4 88777777", "of another instance");
  b.close();
});

test("a nonce asked for before we have a mapping is echoed as soon as we have one", async () => {
  const b = await bench("REQUEST none", "10.9.0.0/16 192.0.2.99");
  hear(b, "a0abcdef");
  await b.router.write("cache.add", "10.2.0.0/16 192.0.2.2");
  assert.is(send(b), "2 80abcdef");
  b.close();
});

test("who is asked while asking gives way to the greater nonce; both hear their own nonce back", async () => {
  const b = await bench();
  b.router.runFor(0);
  const ask = (): string => {
    talk(b, 10);
    const asked = send(b).slice(2);
    assert.ok(asked.startsWith("a0"), asked);
    return asked;
  };
  const first = ask();
  hear(b, "a0ffffff");
  assert.is(send(b), "2 80ffffff", "our own request rests");
  hear(b, `80${first.slice(2)}`);
  assert.equal([send(b), b.read("e.echoes")], ["2 80ffffff", "1"]);
  const second = ask();
  hear(b, "a0000000");
  assert.equal([send(b), b.read("e.table")], [`2 ${second}`, "192.0.2.2 asking"], "theirs waits");
  hear(b, `80${second.slice(2)}`);
  assert.equal([send(b), b.read("e.echoes")], ["2 80000000", "2"], "and is echoed then");
  b.close();
});

test("who rested for another's request concludes nothing from silence; who did not, does", async () => {
  for (const [nonce, downs] of [
    ["a0ffffff", "0"],
    ["a0000000", "1"],
  ]) {
    const b = await bench();
    b.router.runFor(0);
    talk(b, 10);
    assert.ok(send(b).startsWith("2 a0"));
    // It goes on asking, and never echoes: what we ask does not reach it.
    talk(b, 25, () => nonce);
    assert.is(b.read("e.downs"), downs, nonce);
    b.close();
  }
});

test("where a prober is, it decides: what answers stays up, what does not goes down", async () => {
  for (const answers of [true, false]) {
    const b = await bench("REQUEST all", MAPPINGS, 1000);
    const answerAll = (): number =>
      sentOf(b, "probes", "map-request").filter(({ message, destination }) => {
        const reply = mapReply({ nonce: message.nonce, probe: true, records: [record("10.2.0.0/16")] });
        if (answers || destination[3] !== 2 || b.clock.now() < 105e9)
          b.push("prober", [packetOf(reply, { from: addressText(destination) })]);
        return destination[3] === 2;
      }).length;
    for (let i = 0; i < 1050; i++) {
      b.router.runFor(0.1);
      answerAll();
    }
    const last = talk(b, 9.1);
    assert.is(last.at(-1)!.split(" ")[0], "2");
    assert.is(answerAll(), 1, "a probe at once");
    for (let i = 0; i < 31; i++) {
      b.router.runFor(0.1);
      answerAll();
    }
    assert.equal([send(b).split(" ")[0], b.read("e.verified")], [answers ? "2" : "3", "1"]);
    assert.equal([b.read("e.downs"), b.read("prober.downs")], ["0", answers ? "0" : "1"]);
    b.close();
  }
});

test("no more nonces are echoed at once than may be", async () => {
  const b = await Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(10.2.0.0/16 192.0.2.2) -> Discard;
    f3 :: Feed -> decap :: LISPDecap(ALL_IIDS true, PEERS 4096) -> s1 :: Sink;
    e :: LISPEchoNonce(cache, DECAP decap, ACTIVE true);
  `);
  for (let i = 0; i < 1030; i++) hear(b, "a0abcdef", `192.1.${i >> 8}.${i & 255}`);
  assert.equal([b.read("e.full"), b.read("e.answers")], ["6", "1024"]);
  b.router.runFor(10);
  assert.is(b.read("e.table"), "");
  b.close();
});

test("mappings that go, come, or change do not forget what is down, nor leave nonces behind", async () => {
  const b = await bench();
  b.router.runFor(0);
  talk(b, 14.5);
  await b.router.write("cache.remove", "10.2.0.0/16");
  await b.router.write("cache.add", "10.2.0.0/16 192.0.2.2 192.0.2.3/2");
  assert.is(send(b), "3 00000000");
  await b.router.write("cache.clear", "");
  b.router.runFor(20);
  await b.router.write("cache.add", "10.2.0.0/16 192.0.2.2 192.0.2.3/2");
  assert.is(send(b), "2 00000000", "nobody used it for so long");
  talk(b, 20);
  await b.router.write("cache.clear", "");
  b.router.runFor(10);
  takeAllSlots(b);
  assert.is(b.read("e.table"), "");
  b.close();
});

test("a hot swap keeps what is down, and what packets carried is taken back", async () => {
  const text = (args: string): string => `
    feed :: Feed -> cache :: LISPMapCache(${MAPPINGS}, PACKET_IID true) -> encap :: LISPEncap(192.0.2.1) -> s0 :: Sink;
    f3 :: Feed -> decap :: LISPDecap(ALL_IIDS true, PEERS 16) -> s1 :: Sink;
    e :: LISPEchoNonce(cache, DECAP decap, REQUEST all, ${args});`;
  const b = await Bench.start(text("ACTIVE true"));
  b.router.runFor(0);
  talk(b, 14);
  hear(b, "a0abcdef", "192.0.2.3");
  assert.is(send(b), "3 80abcdef");
  await b.router.swap(text("ACTIVE true"));
  b.router.runFor(0);
  assert.match(send(b), /^3 a0(?!abcdef)/, "a nonce of our own again");
  assert.match(b.read("e.table"), /^192\.0\.2\.2 down$/m);
  await b.router.swap(text("ACTIVE false"));
  b.router.runFor(0);
  assert.equal([send(b), send(b, "10.3.0.1", 5)], ["2 00000000", "4 08000000"]);
  hear(b, "a0abcdef");
  assert.is(send(b), "2 00000000");
  b.close();
});

test("what is wrong with its arguments is said", async () => {
  const cache =
    "Idle -> c :: LISPMapCache -> Discard; Idle -> p :: LISPDecap(ALL_IIDS true, PEERS 4) -> Discard;";
  for (const [text, message] of [
    ["LISPEchoNonce(d, DECAP p)", /CACHE is not a LISPMapCache/],
    ["LISPEchoNonce(c, DECAP d)", /DECAP is not a LISPDecap/],
    ["LISPEchoNonce(c, DECAP p, RESOLVER d)", /RESOLVER is not a LISPResolver/],
    ["LISPEchoNonce(c, DECAP p, PROBER d)", /PROBER is not a LISPRLOCProber/],
    ["LISPEchoNonce(c, DECAP p, TIMEOUT 10)", /TIMEOUT must be above 0 and below INTERVAL/],
    [
      "Idle -> n :: LISPDecap -> Discard; LISPEchoNonce(c, DECAP n, ACTIVE true)",
      /DECAP does not remember its PEERS/,
    ],
  ] as const) {
    const said: string[] = [];
    const error = await failure(() =>
      Bench.start(`${cache} Idle -> d :: Discard; ${text}`, (line) => said.push(line)),
    );
    assert.match(`${error} ${said.join(" ")}`, message);
  }
});

test("of hundreds of peers, looked at a part at a time, just those that do not echo are found down", async () => {
  const MANY = 400;
  const rloc = (i: number): string => `198.18.${i >> 8}.${i & 255}`;
  const mappings = Array.from({ length: MANY }, (_, i) => `10.${i >> 8}.${i & 255}.0/24 ${rloc(i)}`).join(
    ", ",
  );
  const b = await Bench.start(`
    feed :: Feed -> cache :: LISPMapCache(${mappings}) -> LISPEncap(192.0.2.1) -> s0 :: Sink;
    f3 :: Feed -> decap :: LISPDecap(ALL_IIDS true, PEERS 8192) -> s1 :: Sink;
    e :: LISPEchoNonce(cache, DECAP decap, ACTIVE true, REQUEST all);
  `);
  const quiet = (i: number): boolean => i % 4 === 0;
  const oneWay = (i: number): boolean => i % 5 === 0;
  for (let tenth = 0; tenth < 260; tenth += 5) {
    for (let from = 0; from < MANY; from += 100) {
      const some = Array.from({ length: 100 }, (_, i) => from + i);
      b.push(
        "cache",
        some
          .filter((i) => !oneWay(i))
          .map((i) => ipv4(NOTHING, { destination: ip(`10.${i >> 8}.${i & 255}.1`) })),
      );
      for (const { bytes } of b.take("s0")) {
        const i = (bytes[18] << 8) | bytes[19];
        const word = toHex(bytes.subarray(28, 32));
        const asks = word.startsWith("a0");
        const said = asks && !quiet(i) ? `80${word.slice(2)}` : "00000000";
        const f = { source: parseRloc(rloc(i)), destination: parseRloc("192.0.2.1") };
        b.push("decap", [lisp(ipv4(NOTHING), hex(`${said}00000000`), f)]);
      }
      b.take("s1");
      for (const i of some.filter(oneWay)) hear(b, "00000000", rloc(i));
    }
    b.router.runFor(0.5);
  }
  const down = b
    .read("e.table")
    .split("\n")
    .filter((line) => line.endsWith(" down"))
    .map((line) => line.split(" ")[0]);
  const expected = Array.from({ length: MANY }, (_, i) => i).filter((i) => quiet(i) && !oneWay(i));
  assert.equal(down.sort(), expected.map(rloc).sort());
  assert.is(b.read("e.downs"), String(expected.length));
  b.close();
});

test.run();
