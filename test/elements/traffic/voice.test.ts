import { test } from "uvu";
import * as assert from "uvu/assert";
import type { VoiceReport } from "../../../src/transport/streams/voice-call.js";
import { readUdpPacket, writeUdpPacket } from "../../../src/wire/udp-packet.js";
import { filling, hex, ipv4, udp4 } from "../../packets.js";
import * as fc from "../../property.js";
import { noMoreRoom } from "../../slot-canary.js";
import { complaints, type Lab, lab } from "../lab.js";

/** An RTP packet of 20 ms of G.711, of the call 7 unless it is said. */
function packet(
  sequence: number,
  fields: { stamp?: number; ssrc?: number; port?: number; rtp?: Uint8Array } = {},
) {
  const payload = new Uint8Array(172);
  const view = new DataView(payload.buffer);
  view.setUint16(0, 0x8000);
  view.setUint16(2, sequence);
  view.setUint32(4, fields.stamp ?? sequence * 160);
  view.setUint32(8, fields.ssrc ?? 7);
  return writeUdpPacket({
    source: Uint8Array.of(10, 0, 0, 1),
    destination: Uint8Array.of(10, 0, 0, 2),
    sourcePort: 5004,
    destinationPort: fields.port ?? 5004,
    payload: fields.rtp ?? payload,
  });
}

const sink = (config = ""): Promise<Lab> =>
  lab(`f :: Feed -> MarkIPHeader -> s :: VoiceSink(${config}); s[0] -> Discard; s[1] -> other :: Catch`);
const report = (l: Lab): VoiceReport => JSON.parse(l.router.read("s.report", "--json"))[0];
const near = (got: number, right: number, by: number): void =>
  assert.ok(Math.abs(got - right) <= by, `${got}, not ${right}`);

test("a VoiceSource sends RTP of its codec over IPv4 and IPv6", async () => {
  for (const [ends, codec, ptime, type, bytes] of [
    [["10.0.0.1", "10.0.0.2"], "G.711", 20, 0, 160],
    [["fd00::1", "fd00::2"], "G.729", 10, 18, 10],
    [["fd00::1", "fd00::2"], "G.723.1", 30, 4, 24],
    [["10.0.0.1", "10.0.0.2"], "GSM-EFR", 20, 96, 31],
  ] as const) {
    const l = await lab(
      `v :: VoiceSource(${ends[0]}, 5004, ${ends[1]}, 5006, CODEC ${codec}, PTIME ${ptime}ms, LIMIT 3) -> c :: Catch`,
    );
    l.router.runFor(1);
    const rtp = l.caught("c").map((caught) => {
      assert.is(caught.network, 0);
      const read = readUdpPacket(caught.bytes);
      assert.is(read.destinationPort, 5006);
      assert.equal(caught.anno.subarray(0, read.destination.length), new Uint8Array(read.destination));
      return { view: new DataView(new Uint8Array(read.payload).buffer), caught };
    });
    assert.is(rtp.length, 3);
    const [first] = rtp;
    for (const [i, { view, caught }] of rtp.entries()) {
      assert.is(view.byteLength, 12 + bytes);
      assert.equal([view.getUint8(0), view.getUint8(1)], [0x80, i === 0 ? type | 0x80 : type]);
      assert.is(view.getUint16(2), (first.view.getUint16(2) + i) & 0xffff);
      assert.is(view.getUint32(4), (first.view.getUint32(4) + i * ptime * 8) >>> 0);
      assert.is(String(view.getUint32(8)), l.read("v.ssrc"));
      assert.is(view.getBigUint64(14), caught.timestamp);
      near(Number(caught.timestamp - first.caught.timestamp), i * ptime * 1e6, 10_000);
    }
    l.close();
  }
});

test("a VoiceSource is stopped and goes on by handlers, and loses speech without a slot", async () => {
  const l = await lab("v :: VoiceSource(1.0.0.1, 1, 1.0.0.2, 2) -> c :: Catch");
  l.router.runFor(0.05);
  await l.router.write("v.active", "false");
  l.router.runFor(1);
  assert.is(l.caught("c").length, 3);
  await l.router.write("v.limit", "5");
  await l.router.write("v.active", "true");
  l.router.runFor(1);
  assert.equal([l.caught("c").length, l.read("v.count"), l.read("v.limit")], [2, "5", "5"]);
  const { kernels } = l.router.memory;
  const held: number[] = [];
  await l.router.write("v.limit", "-1");
  noMoreRoom(l.router.memory);
  for (let slot = kernels.poolTake(); slot !== 0; slot = kernels.poolTake()) held.push(slot);
  l.router.runFor(0.05);
  assert.ok(Number(l.read("v.no_slot")) >= 2);
  for (const slot of held) kernels.poolGive(slot);
  l.close();
});

test("what cannot be is an error: frames, families, advantage, interval", async () => {
  const told = async (text: string): Promise<string> => (await complaints(text)).join("\n");
  assert.match(
    await told("VoiceSource(1.0.0.1, 1, 1.0.0.2, 2, CODEC G.729, PTIME 15ms) -> Discard"),
    /PTIME must be a multiple of 10 ms from 10 to 200 ms/,
  );
  assert.match(await told("VoiceSource(1.0.0.1, 1, fd00::2, 2) -> Discard"), /two families/);
  assert.match(await told("Idle -> VoiceSink(PTIME 0)"), /multiple of 1 ms from 2 to 200 ms/);
  assert.match(await told("Idle -> VoiceSink(ADVANTAGE 21)"), /ADVANTAGE must be from 0 to 20/);
  assert.match(await told("Idle -> VoiceSink(INTERVAL 1ms)"), /INTERVAL must be 0, or 10 ms at least/);
});

test("a call over a link of 80 ms is heard with the delay of link, buffer and packet", async () => {
  const l = await lab(
    "VoiceSource(fd00::1, 5004, fd00::2, 5004, LIMIT 500) -> Queue -> DelayUnqueue(80ms) -> s :: VoiceSink(5004, INTERVAL 2)",
  );
  l.router.runFor(12.5);
  const r = report(l);
  assert.equal([r.source, r.received, r.lost, r.missed, r.delay_from], ["fd00::1", 500, 0, 0, "clock"]);
  near(r.network_delay_ms, 80, 0.01);
  near(r.buffer_delay_ms, 60, 0.01);
  near(r.mouth_to_ear_ms, 160, 0.02);
  near(r.r, 89.2, 0.5);
  near(r.mos, 4.32, 0.02);
  assert.is(r.jitter, 0);
  assert.is(r.intervals.length, 6);
  assert.equal(
    r.intervals.reduce((sum, i) => sum + i.expected, 0),
    500,
  );
  assert.match(l.read("s.report"), /mouth to ear 160\.0 ms\)\n {2}network delay 80\.\d+ ms \(by the clock\)/);
  l.close();
});

test("without the times of one clock the delay is half of RTT, or unknown", async () => {
  const l = await sink("5004");
  for (let i = 0; i < 10; i++) {
    l.clock.advance(i * 20e6);
    l.feed([packet(i)]);
  }
  assert.equal([report(l).delay_from, report(l).network_delay_ms], ["none", 0]);
  assert.match(l.read("s.report"), /network delay unknown, taken as 0/);
  await l.router.write("s.rtt", "0.3");
  assert.equal([report(l).delay_from, report(l).network_delay_ms], ["rtt", 150]);
  assert.is(l.read("s.rtt"), "0.3");
  assert.match(l.read("s.report"), /150\.000 ms \(half of RTT\)/);
  await l.router.write("s.rtt", "-1");
  assert.is(report(l).delay_from, "none");
  l.close();
});

test("runs of loss are bursts: the loss, its mean run and its ratio to random loss count", async () => {
  const l = await sink("5004, CODEC G.711-NO-PLC");
  // Of every 20 packets 2 in a row are lost.
  for (let i = 0; i < 2000; i++) {
    l.clock.advance(i * 20e6);
    if (i % 20 !== 10 && i % 20 !== 11) l.feed([packet(i)]);
  }
  const r = report(l);
  assert.equal([r.expected, r.lost, r.played, r.missed], [2000, 200, 1800, 200]);
  assert.is(r.loss_percent, 10);
  assert.is(r.mean_burst, 2);
  near(r.burst_ratio, 2 * 0.9, 1e-9);
  // 95 * 10 / (10 / 1.8 + 4.3), and the delay of the buffer and a packet.
  near(r.r, 93.2 - 96.39 - 2.2, 0.6);
  assert.is(r.mos, 1);
  l.close();
});

test("what comes after its turn is late, and lost to the listener; after a second of it play-out begins anew", async () => {
  const l = await sink("5004, BUFFER 40ms, INTERVAL 0");
  const at = (i: number, late: number): void => {
    l.clock.advance((i * 20 + late) * 1e6);
    l.feed([packet(i)]);
  };
  for (let i = 0; i < 100; i++) at(i, i === 50 ? 39 : 0);
  assert.equal([report(l).late, report(l).missed], [0, 0]);
  // The way is 200 ms longer from now on.
  for (let i = 100; i < 200; i++) at(i, 200);
  let r = report(l);
  assert.equal([r.late, r.missed, r.played, r.resyncs, r.lost], [49, 49, 151, 1, 0]);
  assert.is(r.mean_burst, 49);
  // And short again: packets wait too long.
  for (let i = 210; i < 310; i++) at(i, 0);
  r = report(l);
  assert.equal([r.late, r.resyncs], [49, 2]);
  assert.match(l.read("s.report"), /play-out began anew 2 times\n/);
  l.close();
});

test("sequence numbers are those of RFC 3550 A.1: cycles, order, copies, jumps, restarts", async () => {
  const l = await sink("5004");
  l.feed([packet(65534), packet(0, { stamp: 65536 * 160 }), packet(65535), packet(65535), packet(65533)]);
  let r = report(l);
  assert.equal([r.highest, r.received, r.expected, r.lost, r.doubled, r.reordered], [65536, 5, 3, -2, 1, 2]);
  l.feed([packet(30000)]);
  assert.is(l.read("s.bad_sequence"), "1");
  l.feed([packet(1), packet(30000), packet(30001), packet(30002)]);
  assert.equal([l.read("s.bad_sequence"), l.read("s.restarts")], ["2", "1"]);
  r = report(l);
  assert.equal([r.highest, r.expected, r.received, r.restarts], [30002, 6, 8, 1]);
  assert.match(l.read("s.report"), /1 restarts of the sender\n/);
  l.close();
});

/** RFC 3550 appendix A.8, as it is printed, in whole timestamp units. */
function jitterOf(packets: readonly { arrival: number; stamp: number }[]): number {
  let jitter = 0;
  let transit: number | null = null;
  for (const { arrival, stamp } of packets) {
    const now = Math.floor(arrival / 125000) - stamp;
    if (transit !== null) {
      const d = Math.abs(now - transit);
      jitter += d - ((jitter + 8) >> 4);
    }
    transit = now;
  }
  return jitter;
}

test("for any loss, copies and order the account is a slow one's: jitter, loss, what is heard, runs", async () => {
  const events = fc.array(
    fc.record({ step: fc.integer({ min: -6, max: 9 }), wait: fc.nat({ max: 45_000_000 }) }),
    {
      minLength: 1,
      maxLength: 150,
    },
  );
  await fc.assert(
    fc.asyncProperty(events, async (list) => {
      const l = await sink("5004, BUFFER 30ms, INTERVAL 0");
      let time = 0;
      let sequence = 500;
      let play = Number.NaN;
      let odd = 0;
      const seen: { arrival: number; stamp: number }[] = [];
      const came = new Map<number, boolean>();
      let doubled = 0;
      let highest = 500;
      for (const [i, { step, wait }] of list.entries()) {
        time += i === 0 ? 0 : wait;
        sequence = i === 0 ? 500 : Math.max(500, highest + step);
        highest = Math.max(highest, sequence);
        const stamp = sequence * 160;
        l.clock.advance(time);
        l.feed([packet(sequence)]);
        seen.push({ arrival: time, stamp });
        if (came.has(sequence)) {
          doubled++;
          continue;
        }
        // `play` is when the packet of timestamp 0 would be played.
        if (i === 0) play = time + 30e6 - stamp * 125000;
        let at = play + stamp * 125000;
        odd = at < time || at > time + 60e6 + 125000 ? odd + 1 : 0;
        if (odd >= 50) {
          odd = 0;
          play = time + 30e6 - stamp * 125000;
          at = time + 30e6;
        }
        came.set(sequence, at >= time);
      }
      const heard = Array.from({ length: highest - 499 }, (_, i) => came.get(500 + i) === true);
      const missed = heard.filter((h) => !h).length;
      const bursts = heard.filter((h, i) => !h && (i === 0 || heard[i - 1])).length;
      const r = report(l);
      assert.equal(
        [r.expected, r.lost, r.doubled, r.played, r.missed, r.jitter],
        [
          heard.length,
          heard.length - list.length,
          doubled,
          heard.length - missed,
          missed,
          jitterOf(seen) >> 4,
        ],
      );
      assert.is(r.mean_burst, bursts === 0 ? 0 : missed / bursts);
      l.close();
    }),
    { numRuns: 120 },
  );
});

test("intervals are apart: a loss in one does not count in the next", async () => {
  const l = await sink("5004, INTERVAL 1");
  for (let i = 0; i < 150; i++) {
    l.router.runFor(0.02);
    if (i < 60 || i >= 70) l.feed([packet(i)]);
  }
  l.router.runFor(0.5);
  const { intervals } = report(l);
  assert.equal(
    intervals.map((i) => i.missed),
    [0, 10, 0],
  );
  assert.is(intervals[1].fraction_lost, Math.floor((10 * 256) / intervals[1].expected));
  assert.ok(intervals[1].mos < intervals[0].mos);
  l.close();
});

const bent = (text: string): Uint8Array => packet(2, { rtp: hex(text) });
const refused: readonly (readonly [what: string, fed: Uint8Array, reason: string])[] = [
  ["a header cut off", packet(2).subarray(0, 19), "no_header"],
  ["TCP", ipv4({ protocol: 6, payload: filling(40) }), "not_udp"],
  ["a fragment", ipv4({ moreFragments: true, payload: filling(40) }), "fragment"],
  ["no UDP header", ipv4({ payload: filling(7) }), "bad_length"],
  ["a wrong checksum", Uint8Array.from(packet(2), (byte, i) => (i === 60 ? byte ^ 1 : byte)), "bad_checksum"],
  ["another port", packet(2, { port: 5005 }), "other_port"],
  ["RTP version 1", bent("4000 0002 00000140 00000007"), "not_rtp"],
  ["another payload type", bent("8012 0002 00000140 00000007"), "not_rtp"],
  ["11 bytes", bent("8000 0002 00000140 000000"), "not_rtp"],
  ["CSRCs beyond the packet", bent("8100 0002 00000140 00000007"), "not_rtp"],
  ["an extension cut off", bent("9000 0002 00000140 00000007 0000"), "not_rtp"],
  ["an extension beyond the packet", bent("9000 0002 00000140 00000007 bede0001"), "not_rtp"],
  ["padding of 0 bytes", bent("a000 0002 00000140 00000007 0000"), "not_rtp"],
  ["padding beyond the payload", bent("a000 0002 00000140 00000007 0003"), "not_rtp"],
  ["a jump", packet(20000), "bad_sequence"],
  ["another text", udp4({}, { destinationPort: 5004, payload: filling(8) }), "not_rtp"],
  ["a second call", packet(1, { ssrc: 8 }), "too_many"],
];
for (const [what, fed, reason] of refused) {
  test(`VoiceSink takes no notice of ${what} (${reason})`, async () => {
    const l = await sink("5004, STREAMS 1");
    l.feed([packet(1), fed, packet(2)]);
    assert.is(l.read(`s.${reason}`), "1");
    assert.equal([l.read("s.received"), l.caught("other").length, l.read("s.streams")], ["2", 1, "1"]);
    l.close();
  });
}

test("a hot swap does not end a call", async () => {
  const text = "v :: VoiceSource(10.0.0.1, 5004, 10.0.0.2, 5004) -> s :: VoiceSink(5004)";
  const l = await lab(text);
  l.router.runFor(0.19);
  await l.router.swap(text);
  l.router.runFor(0.1);
  const r = report(l);
  assert.equal([l.read("s.streams"), r.lost, r.doubled, r.restarts], ["1", 0, 0, 0]);
  assert.ok(r.received >= 15);
  l.close();
});

test.run();
