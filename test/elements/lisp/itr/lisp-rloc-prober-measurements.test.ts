// LISPRLOCProber: what it measures, as records for those who listen.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPRLOCProber } from "../../../../elements/lisp/itr/lisp-rloc-prober.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import type { Measurement } from "../../../../src/measure/measurements.js";
import { addressText } from "../../../../src/net/address.js";
import { mapReply } from "../../../../src/wire/lisp-control/map-reply.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import { packetOf, record, type Sent, sentOf, takeAllSlots } from "../control.js";
import { Bench } from "../harness.js";

const OWN = parseRloc("192.0.2.1");
const PEER = parseRloc("192.0.2.2");

const bench = (mappings = "192.168.2.0/24 192.0.2.2", log?: (line: string) => void): Promise<Bench> =>
  Bench.start(
    `feed :: Feed -> cache :: LISPMapCache(${mappings}) -> Discard;
     f2 :: Feed -> e :: LISPRLOCProber(cache, RLOC 192.0.2.1, RLOC 2001:db8::1, INTERVAL 10) -> out :: Sink;`,
    log,
  );

const prober = (b: Bench): LISPRLOCProber => b.router.find("e") as LISPRLOCProber;
const probes = (b: Bench): Sent<MapRequest>[] => sentOf(b, "out", "map-request");

function listen(b: Bench): Measurement[] {
  const measured: Measurement[] = [];
  prober(b).onMeasurement((m) => measured.push(m));
  return measured;
}

/** The next probe, and the steady nanoseconds before and after which it cannot have left. */
function next(b: Bench): Sent<MapRequest> & { readonly from: number; readonly until: number } {
  for (let i = 0; i < 2000; i++) {
    const from = b.clock.now();
    b.router.runFor(0.01);
    const [sent] = probes(b);
    if (sent !== undefined) return { ...sent, from, until: b.clock.now() };
  }
  throw new Error("no probe");
}

function answer(b: Bench, { message, source, destination }: Sent<MapRequest>): void {
  const records = [record("192.168.2.0/24", "192.0.2.2")];
  const ends = { from: addressText(destination), to: addressText(source) };
  b.push("e", [packetOf(mapReply({ nonce: message.nonce, probe: true, records }), ends)]);
}

test("an answer gives the pair, when the probe left, and its round-trip time; nothing is said before", async () => {
  const b = await bench();
  const measured = listen(b);
  const sent = next(b);
  b.router.runFor(0.25);
  assert.equal(measured, []);
  answer(b, sent);
  const [{ own, peer, sentAt, rtt }, ...more] = measured;
  assert.equal([own, peer, more], [OWN, PEER, []]);
  assert.ok(sentAt >= sent.from && sentAt <= sent.until, String(sentAt));
  assert.is(rtt, b.clock.now() - sentAt);
  answer(b, sent);
  assert.is(measured.length, 1, "an answer that comes again is none");
  b.close();
});

test("over IPv6 the pair is that of IPv6", async () => {
  const b = await bench("192.168.2.0/24 2001:db8::2");
  const measured = listen(b);
  answer(b, next(b));
  const [{ own, peer }] = measured;
  assert.equal([own, peer], [parseRloc("2001:db8::1"), parseRloc("2001:db8::2")]);
  b.close();
});

test("probes that nobody answers are lost, in the order in which they left", async () => {
  const b = await bench();
  const measured = listen(b);
  next(b);
  b.router.runFor(3);
  assert.equal(
    measured.map(({ rtt }) => rtt),
    ["lost", "lost", "lost"],
  );
  const gaps = [1, 2].map((i) => measured[i].sentAt - measured[i - 1].sentAt);
  assert.equal(gaps, [1e9, 1e9]);
  assert.is(b.read("e.downs"), "1");
  b.close();
});

test("an answer to the second: the first is lost; a late one to the first: the second, still on its way, is neither", async () => {
  const b = await bench();
  const measured = listen(b);
  next(b);
  answer(b, next(b));
  assert.is(measured[0].rtt, "lost");
  assert.ok(typeof measured[1].rtt === "number" && measured[1].rtt <= 10e6, String(measured[1].rtt));
  measured.length = 0;
  const first = next(b);
  next(b);
  answer(b, first);
  assert.is(measured.length, 1);
  assert.ok(Number(measured[0].rtt) >= 1e9, String(measured[0].rtt));
  b.close();
});

test("an RLOC that goes while its probe is out: that is lost; where none was sent nothing is measured", async () => {
  const b = await bench();
  const measured = listen(b);
  next(b);
  await b.router.write("cache.clear", "");
  b.router.runFor(2);
  assert.equal([measured.map(({ rtt }) => rtt), b.read("e.table")], [["lost"], ""]);
  b.close();
  const full = await bench();
  const none = listen(full);
  takeAllSlots(full);
  full.router.runFor(5);
  assert.ok(Number(full.read("e.no_slot")) >= 3);
  assert.equal([none, full.read("e.downs")], [[], "1"]);
  full.close();
});

test("a listener that throws breaks neither the prober nor others, and is once on the log", async () => {
  const lines: string[] = [];
  const b = await bench(undefined, (line) => lines.push(line));
  prober(b).onMeasurement(() => {
    throw new Error("no disk");
  });
  const measured = listen(b);
  for (let i = 0; i < 2; i++) answer(b, next(b));
  assert.equal([measured.length, b.read("e.answers")], [2, "2"]);
  assert.equal(
    lines.filter((line) => line.includes("a listener to its measurements failed: Error: no disk")).length,
    1,
    lines.join("\n"),
  );
  b.close();
});

test("a listener hears no more once it has ended that, another may end it, and none outlives the element", async () => {
  const b = await bench();
  const heard: string[] = [];
  const ends: (() => void)[] = [];
  ends.push(
    prober(b).onMeasurement(() => {
      heard.push("first");
      ends[1]();
    }),
  );
  ends.push(prober(b).onMeasurement(() => heard.push("second")));
  const twice = (): void => void heard.push("twice");
  ends.push(prober(b).onMeasurement(twice), prober(b).onMeasurement(twice));
  answer(b, next(b));
  assert.equal(heard.splice(0), ["first", "twice", "twice"]);
  ends[0]();
  ends[0]();
  ends[2]();
  answer(b, next(b));
  assert.equal(heard.splice(0), ["twice"], "each ends its own");
  const sent = next(b);
  prober(b).cleanup();
  answer(b, sent);
  assert.equal(heard, []);
  b.close();
});

test.run();
