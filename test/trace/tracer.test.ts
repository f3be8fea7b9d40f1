// Packets followed through the elements of a router.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { whatHappened } from "../../src/cli/trace-view.js";
import { TraceError } from "../../src/trace/error.js";
import type { TracedPacket, TraceRequest } from "../../src/trace/traced.js";
import { Tracing } from "../../src/trace/tracing.js";
import { writeEthernet } from "../../src/wire/ethernet.js";
import { writeUdp } from "../../src/wire/udp.js";
import { lab } from "../elements/lab.js";
import { ether, filling, ip, ip6, ipv6, udp4 } from "../packets.js";

const CONTROL = { sourcePort: 4342, destinationPort: 4342 };
const LISP = udp4({ destination: ip("10.0.0.2") }, CONTROL);
const DNS = udp4({ destination: ip("10.0.0.53") }, { destinationPort: 53 });
const LISP6 = ipv6({
  payload: writeUdp(
    { ...CONTROL, payload: filling(20) },
    { source: ip6("2001:db8::1"), destination: ip6("2001:db8:1::1") },
  ),
});
const framed = (payload: Uint8Array, etherType = 0x0800): Uint8Array =>
  writeEthernet({
    destination: ether("02:00:00:00:00:01"),
    source: ether("02:00:00:00:00:02"),
    etherType,
    payload,
  });

const ASKED: TraceRequest = { filter: "", count: 10, seconds: 10, bytes: false };

/** An element's name and what it did to the packet. */
function way(packet: TracedPacket): string[] {
  return packet.steps.map((s) => `${s.element}: ${whatHappened(s)}`);
}

/** Runs `text` with `f :: Feed`, traces what `drive` does with it, and gives the packets and the trace's end. */
async function traced(
  text: string,
  asked: Partial<TraceRequest>,
  drive: (l: Awaited<ReturnType<typeof lab>>) => void | Promise<void>,
): Promise<readonly TracedPacket[]> {
  const l = await lab(text);
  const tracing = new Tracing(l.router);
  const id = tracing.begin({ ...ASKED, ...asked });
  await drive(l);
  const { packets } = tracing.take(id, true);
  assert.is(l.router.observer, null, "nobody is watched any more");
  l.close();
  return packets;
}

test("a packet's way is told, with what each element did to it", async () => {
  const graph = "f :: Feed -> s :: Strip(14) -> c :: CheckIPHeader -> n :: Counter -> d :: Discard";
  const [packet] = await traced(graph, {}, (l) => l.feed([framed(LISP)]));
  assert.equal(way(packet), [
    "f: Feed, out 0",
    "s: Strip, in 0, 68 -> 54 bytes, out 0",
    "c: CheckIPHeader, in 0, out 0",
    "n: Counter, in 0, out 0",
    "d: Discard, in 0, its way ends here",
  ]);
  assert.is(packet.summary, "IP 10.0.0.1.4342 > 10.0.0.2.4342: udp");
  assert.is(packet.seconds, 1_000_000_000);
});

test("a dropped packet says why, and only it", async () => {
  const bad = LISP.slice();
  bad[10] ^= 1;
  const graph = "f :: Feed -> c :: CheckIPHeader -> d :: Discard";
  const packets = await traced(graph, {}, (l) => {
    l.feed([bad]);
    l.feed([LISP]);
  });
  assert.match(way(packets[0])[1], /^c: CheckIPHeader, in 0, dropped: .*checksum/);
  assert.is(way(packets[1])[2], "d: Discard, in 0, its way ends here");
});

test("a packet is followed through a queue, and to where it is pulled", async () => {
  const graph = "f :: Feed -> q :: Queue(2) -> n :: Counter -> u :: Unqueue -> d :: Discard";
  const packets = await traced(graph, {}, (l) => {
    l.feed([LISP, LISP, LISP]);
    l.router.step(10);
  });
  const through = packets.filter((p) => p.steps.length === 5);
  assert.is(through.length, 2);
  assert.equal(way(through[0]), [
    "f: Feed, out 0",
    "q: Queue, in 0, out 0",
    "n: Counter, in 0, out 0",
    "u: Unqueue, in 0, out 0",
    "d: Discard, in 0, its way ends here",
  ]);
  const dropped = packets.find((p) => p.steps.length === 2)!;
  assert.is(way(dropped)[1], "q: Queue, in 0, dropped: the queue was full");
});

test("what waits when the trace ends is told so", async () => {
  const packets = await traced("f :: Feed -> q :: Queue -> Idle", {}, (l) => l.feed([LISP]));
  assert.is(way(packets[0])[1], "q: Queue, in 0, still there");
});

test("what is thrown away where it waits leaves there", async () => {
  const packets = await traced("f :: Feed -> q :: Queue -> Idle", {}, async (l) => {
    l.feed([LISP]);
    await l.router.write("q.reset");
  });
  assert.is(way(packets[0])[1], "q: Queue, in 0, its way ends here");
});

test("copies are packets of their own that name their original", async () => {
  const graph = "f :: Feed -> t :: Tee; t[0] -> a :: Discard; t[1] -> b :: Counter -> Discard";
  const packets = await traced(graph, { count: 1 }, (l) => l.feed([LISP]));
  assert.equal(packets.map((p) => p.copyOf).sort(), [1, null].sort());
  const copy = packets.find((p) => p.copyOf === 1)!;
  assert.equal(way(copy), ["t: Tee, out 0", "a: Discard, in 0, its way ends here"]);
});

test("a slot that is used again is another packet", async () => {
  const packets = await traced("f :: Feed -> n :: Counter -> Discard", { filter: "udp port 4342" }, (l) => {
    for (const packet of [LISP, DNS, LISP, DNS]) l.feed([packet]);
  });
  assert.equal(
    packets.map((p) => [p.number, p.steps.length]),
    [
      [1, 3],
      [2, 3],
    ],
  );
});

test("filters see packets with and without Ethernet header, and IPv6's ports", async () => {
  const batch = [
    framed(LISP),
    LISP,
    framed(DNS),
    DNS,
    framed(LISP6, 0x86dd),
    LISP6,
    framed(LISP.slice(0, 20)),
  ];
  const found = async (filter: string): Promise<string[]> =>
    (await traced("f :: Feed -> Discard", { filter }, (l) => l.feed(batch))).map((p) => p.summary);
  const lisp = "IP 10.0.0.1.4342 > 10.0.0.2.4342: udp";
  const lisp6 = "IP6 2001:db8::1.4342 > 2001:db8:1::1.4342: udp";
  assert.equal(await found("udp port 4342"), [lisp, lisp, lisp6, lisp6]);
  assert.equal(await found("dst host 10.0.0.53"), Array(2).fill("IP 10.0.0.1.1000 > 10.0.0.53.53: udp"));
  assert.equal(await found("icmp"), []);
  assert.is((await found("")).length, 7);
  assert.is((await found("ether host 02:00:00:00:00:02")).length, 3);
});

test("names that the graph defines may stand in filters", async () => {
  const graph = "AddressInfo(ns 10.0.0.53); f :: Feed -> Discard";
  assert.is((await traced(graph, { filter: "host ns" }, (l) => l.feed([LISP, DNS]))).length, 1);
});

test("a packet is followed from where it first matches", async () => {
  const graph =
    "f :: Feed -> s :: Strip(3) -> e :: UDPIPEncap(10.0.0.9, 4342, 10.0.0.8, 4342) -> n :: Counter -> Discard";
  const [packet] = await traced(graph, { filter: "udp port 4342" }, (l) => l.feed([filling(30)]));
  assert.is(way(packet)[0], "e: UDPIPEncap, out 0");
});

test("no more packets are followed than asked for, and none after the time", async () => {
  const feed = Array(20).fill(LISP);
  assert.is((await traced("f :: Feed -> Discard", { count: 3 }, (l) => l.feed(feed))).length, 3);
  const late = await traced("f :: Feed -> Discard", { seconds: 1 }, (l) => {
    l.router.runFor(2);
    l.feed(feed);
  });
  assert.is(late.length, 0);
});

test("a packet that goes round for ever is followed so far", async () => {
  const graph = "f :: Feed -> n :: Counter -> q :: Queue -> u :: Unqueue -> n";
  const packets = await traced(graph, { count: 1 }, (l) => {
    l.feed([LISP]);
    l.router.step(500);
  });
  assert.equal(
    packets.map((p) => [p.steps.length, p.cut]),
    [[200, true]],
  );
});

test("a hot swap neither ends a trace nor a packet's way", async () => {
  const packets = await traced("f :: Feed -> q :: Queue -> i :: Idle", {}, async (l) => {
    l.feed([LISP]);
    await l.router.swap("f :: Feed -> q :: Queue -> u :: Unqueue -> d :: Discard");
    l.router.step(10);
    l.feed([LISP]);
    l.router.step(10);
  });
  assert.equal(
    packets.map((p) => p.steps.map((s) => s.element).join(" ")),
    ["f q u d", "f q u d"],
  );
});

test("bytes are given where they are asked for", async () => {
  const graph = "f :: Feed -> Strip(14) -> Discard";
  const [packet] = await traced(graph, { bytes: true }, (l) => l.feed([framed(LISP)]));
  assert.equal(
    packet.steps.map((s) => [s.start, Buffer.from(s.bytes!, "base64").length]),
    [
      ["ethernet", 68],
      ["ethernet", 68],
      ["ip", 54],
    ],
  );
});

test("what waits to be read is bounded, and what is not followed counted", async () => {
  const l = await lab("f :: Feed -> Counter -> Counter -> Counter -> Discard");
  const tracing = new Tracing(l.router);
  const id = tracing.begin({ ...ASKED, count: 10_000, bytes: true });
  const large = Array(100).fill(udp4({}, { payload: filling(1400) }));
  for (let i = 0; i < 60; i++) l.feed(large);
  const first = tracing.take(id, false).packets;
  const bytes = JSON.stringify(first).length;
  assert.ok(bytes > 8e6 && bytes < 40e6, `${bytes} bytes`);
  l.feed(large);
  const second = tracing.take(id, true);
  assert.is(second.packets.length, 100);
  assert.is(second.end!.missed, 6000 - first.length);
  l.close();
});

function refusal(begin: () => unknown): string {
  try {
    begin();
  } catch (e) {
    assert.instance(e, TraceError);
    return `${(e as TraceError).code}: ${(e as Error).message}`;
  }
  throw new Error("it was not refused");
}

test("wrong filters and limits are refused with what was expected; one trace at a time", async () => {
  const l = await lab("f :: Feed -> Discard");
  const tracing = new Tracing(l.router);
  const begin = (asked: Partial<TraceRequest>) => (): number => tracing.begin({ ...ASKED, ...asked });
  assert.match(
    refusal(begin({ filter: "upd port 4342" })),
    /^BAD_FILTER: wrong filter: .*expected a pattern/,
  );
  assert.match(refusal(begin({ filter: "udp port (" })), /^BAD_FILTER/);
  assert.match(refusal(begin({ filter: "x".repeat(5000) })), /more than 4096 characters/);
  assert.match(refusal(begin({ count: 10_001 })), /^BAD_REQUEST: a trace is of 1 to 10000 packets/);
  assert.match(refusal(begin({ seconds: 0 })), /^BAD_REQUEST/);
  const used = l.router.memory.heapUsed;
  const id = tracing.begin({ ...ASKED, filter: "udp" });
  assert.match(refusal(begin({})), /^BUSY/);
  assert.is(tracing.take(id, true).end!.end, "stopped");
  assert.is(l.router.memory.heapUsed, used, "it leaves nothing in the router's memory");
  assert.match(
    refusal(() => tracing.take(id, false)),
    /^ENDED/,
  );
  l.close();
});

test("metering goes on while packets are followed", async () => {
  const l = await lab("f :: Feed -> n :: Counter -> Discard", { metered: true });
  l.feed([LISP]);
  const tracing = new Tracing(l.router);
  const id = tracing.begin(ASKED);
  l.feed([LISP]);
  tracing.take(id, true);
  l.feed([LISP]);
  const { meter } = l.router.find("f")!.outputs[0] as unknown as { meter: { packets: number } };
  assert.is(meter.packets, 3);
  l.close();
});

test.run();
