import { test } from "uvu";
import * as assert from "uvu/assert";
import { SLOT_CSUM_START, SLOT_FLAGS } from "../../../assembly/layout.js";
import { bucketFrom } from "../../../src/transport/streams/delays.js";
import type { NumberedReport } from "../../../src/transport/streams/numbered-flow.js";
import { readUdpPacket, writeUdpPacket } from "../../../src/wire/udp-packet.js";
import { filling, hex, ip6, ipv4, ipv6, udp4 } from "../../packets.js";
import * as fc from "../../property.js";
import { noMoreRoom } from "../../slot-canary.js";
import { complaints, type Fed, type Lab, lab } from "../lab.js";
import { account, type Sent } from "./numbered-oracle.js";

const START = 1_000_000_000_000_000_000n;

interface Fields {
  readonly stream?: number;
  readonly run?: bigint;
  readonly sent?: bigint;
  readonly magic?: number;
  readonly port?: number;
  readonly source?: Uint8Array;
}

function payload(
  number: number | bigint,
  { stream = 0, run = START, sent = START, magic }: Fields,
): Uint8Array {
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic ?? 0x4e554d31);
  view.setUint32(4, stream);
  view.setBigUint64(8, run);
  view.setBigUint64(16, BigInt(number));
  view.setBigUint64(24, sent);
  return bytes;
}

/** Packet `number` of a stream. */
function packet(number: number | bigint, fields: Fields = {}): Uint8Array {
  const source = fields.source ?? Uint8Array.of(10, 0, 0, 1);
  return writeUdpPacket({
    source,
    destination: source.length === 4 ? Uint8Array.of(10, 0, 0, 2) : ip6("fd00::2"),
    sourcePort: 5000,
    destinationPort: fields.port ?? 5000,
    payload: payload(number, fields),
  });
}

const sink = (config = ""): Promise<Lab> =>
  lab(`f :: Feed -> MarkIPHeader -> s :: NumberedSink(${config}); s[0] -> Discard; s[1] -> other :: Catch`);
const reports = (l: Lab, of = ""): NumberedReport[] => JSON.parse(l.router.read("s.report", `${of} --json`));

test("what a NumberedSource sends is right UDP over IPv4 and IPv6, numbered from 1, with the time", async () => {
  for (const [source, destination] of [
    ["10.0.0.1", "10.0.0.2"],
    ["fd00::1", "fd00::2"],
  ]) {
    const l = await lab(
      `n :: NumberedSource(${source}, 4000, ${destination}, 5000, STREAM 7, RATE 1000, LENGTH 65, LIMIT 3) -> c :: Catch`,
    );
    l.router.runFor(1);
    const caught = l.caught("c");
    assert.is(caught.length, 3);
    for (const [i, { bytes, network, transport, timestamp, anno }] of caught.entries()) {
      const { sourcePort, destinationPort, payload: data, ...ends } = readUdpPacket(bytes);
      assert.equal([sourcePort, destinationPort, data.length], [4000, 5000, 65]);
      const sent = timestamp;
      assert.ok(Math.abs(Number(sent - START) - i * 1e6) < 10_000, "evenly");
      assert.equal(new Uint8Array(data.subarray(0, 32)), payload(i + 1, { stream: 7, sent }));
      assert.equal([network, transport], [0, source.includes(":") ? 40 : 20]);
      assert.equal(anno.subarray(0, ends.destination.length), new Uint8Array(ends.destination));
      if (bytes[0] === 0x45) assert.is(bytes[6], 0x40, "don't fragment");
    }
    assert.is(l.read("n.count"), "3");
    assert.is(l.read("n.number"), "3");
    await l.router.write("n.reset", "");
    l.router.runFor(1);
    assert.is(l.caught("c").length, 3, "another LIMIT");
    assert.is(l.read("n.number"), "6");
    l.close();
  }
});

test("a NumberedSource is pulled, stopped, sped up and ended by handlers", async () => {
  const pulled = await lab(
    "n :: NumberedSource(1.0.0.1, 1, 1.0.0.2, 2, RATE 100, BURST 4) -> Unqueue -> c :: Catch",
  );
  pulled.router.runFor(0.095);
  assert.is(pulled.caught("c").length, 10);
  pulled.close();
  const l = await lab("n :: NumberedSource(1.0.0.1, 1, 1.0.0.2, 2, RATE 10, STOP true) -> c :: Catch");
  l.router.runFor(0.95);
  assert.is(l.caught("c").length, 10);
  await l.router.write("n.active", "false");
  l.router.runFor(1);
  assert.is(l.caught("c").length, 0);
  await l.router.write("n.rate", "1000");
  await l.router.write("n.active", "true");
  await l.router.write("n.limit", "20");
  l.router.runFor(5);
  assert.is(l.caught("c").length, 10);
  assert.equal([l.read("n.rate"), l.read("n.limit"), l.read("n.active")], ["1000", "20", "true"]);
  l.close();
});

test("a NumberedSource without a slot says no_slot, and the number is not used up", async () => {
  const l = await lab("n :: NumberedSource(1.0.0.1, 1, 1.0.0.2, 2, RATE 10, LENGTH 3000) -> c :: Catch");
  l.router.runFor(0.05);
  const { kernels } = l.router.memory;
  const waiting = kernels.poolTakeFor(3028);
  noMoreRoom(l.router.memory);
  l.router.runFor(0.3);
  assert.equal([l.read("n.no_slot"), l.read("n.count"), l.read("n.number")], ["3", "1", "1"]);
  kernels.poolGive(waiting);
  l.close();
});

test("addresses of two families, a window that is no power of two and too many windows are errors", async () => {
  assert.match(
    (await complaints("NumberedSource(1.0.0.1, 1, fd00::1, 2) -> Discard")).join(),
    /two families/,
  );
  assert.match(
    (await complaints("Idle -> NumberedSink(WINDOW 100)")).join(),
    /WINDOW must be a power of two/,
  );
  assert.match(
    (await complaints("Idle -> NumberedSink(WINDOW 65536, STREAMS 17)")).join(),
    /STREAMS x WINDOW is 1114112 numbers, of at most 1048576/,
  );
});

test("from source to sink through a delay nothing is lost, and every delay is the link's", async () => {
  const l = await lab(
    "NumberedSource(10.0.0.1, 5000, 10.0.0.2, 5000, RATE 1000, LIMIT 2000) -> Queue -> DelayUnqueue(5ms) -> s :: NumberedSink(5000)",
  );
  l.router.runFor(3);
  const [r] = reports(l);
  assert.equal([r.received, r.lost, r.doubled, r.reordered, r.highest], [2000, 0, 0, 0, 2000]);
  assert.is(r.bytes, 2000 * 64);
  assert.ok(Math.abs(r.seconds - 1.999) < 1e-5);
  const { packets, ...delays } = r.delay_ms!;
  assert.is(packets, 2000);
  // The tasks on the way take a microsecond.
  for (const delay of Object.values(delays)) assert.ok(Math.abs(delay - 5) < 0.002, String(delay));
  assert.ok(Math.abs(r.longest_gap - 0.001) < 1e-5);
  assert.equal([r.gaps, r.lost_ranges], [[], []]);
  assert.ok(Math.abs(r.silent - (3 - 2.004)) < 1e-5);
  assert.match(
    l.read("s.report"),
    /^stream 0 from 10\.0\.0\.1: 2000 received, 0 lost \(0%\), 0 doubled, 0 reordered \(0%\)\n/,
  );
  l.close();
});

const WINDOW = 64;
const THRESHOLD = 5_000_000;
interface Step {
  readonly run: number;
  readonly step: number;
  readonly wait: number;
  readonly later: number;
}

/** Packets of some runs, from a sender's order with loss, copies and displacement; and how they are spread in time. */
const patterns = fc.array(
  fc.record({
    run: fc.nat({ max: 2 }),
    /** By how much the number differs from the one after the last. */
    step: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0) },
      { weight: 3, arbitrary: fc.integer({ min: -8, max: 8 }) },
      { weight: 1, arbitrary: fc.integer({ min: -90, max: 200 }) },
    ),
    wait: fc.oneof(fc.nat({ max: 2_000_000 }), fc.nat({ max: 20_000_000 })),
    later: fc.nat({ max: 9 }),
  }),
  { maxLength: 120 },
);

/** Numbers from the steps; a run follows the one before it only where its turn has come. */
function spread(pattern: readonly Step[]): Sent[] {
  const at = [1, 1, 1];
  let begun = 0;
  return pattern.map(({ run, step, wait, later }) => {
    if (run === begun + 1 && later === 0) begun++;
    const r = Math.min(run, begun);
    const number = Math.max(1, at[r] + step);
    at[r] = number + 1;
    return { run: r, number, wait };
  });
}

test("for any loss, copies, order and restarts the sink tells what a slow account of all numbers tells", async () => {
  await fc.assert(
    fc.asyncProperty(patterns, async (pattern) => {
      const packets = spread(pattern);
      const l = await sink(`WINDOW ${WINDOW}, GAP ${THRESHOLD / 1e9}`);
      let time = 0;
      for (const { number, run, wait } of packets) {
        time += wait;
        l.clock.advance(time);
        l.feed([packet(number, { run: START + BigInt(run) })]);
      }
      const expected = account(packets, WINDOW, THRESHOLD);
      const [r] = reports(l);
      if (r !== undefined) {
        const { lost_ranges, gaps, longest_gap, ...exact } = expected;
        for (const [name, value] of Object.entries(exact))
          assert.is(r[name as keyof typeof exact], value, name);
        assert.equal(r.lost_ranges, lost_ranges.slice(-r.lost_ranges.length));
        assert.is(r.lost_ranges.length + r.lost_ranges_omitted, lost_ranges.length);
        assert.is(r.gaps.length + r.gaps_omitted, gaps);
        assert.ok(Math.abs(r.longest_gap - longest_gap) < 1e-12);
        for (const name of ["received", "doubled", "reordered", "too_old", "stale", "restarts"] as const)
          assert.is(l.read(`s.${name}`), String(expected[name]));
        assert.is(l.read("s.lost"), String(expected.lost));
      }
      l.close();
    }),
    { numRuns: 150 },
  );
});

test("losses in the window and below it are one range; lists keep the latest", async () => {
  const l = await sink("WINDOW 64");
  l.feed([packet(10), packet(80), packet(85)]);
  assert.equal(reports(l)[0].lost_ranges, [
    [1, 9],
    [11, 79],
    [81, 84],
  ]);
  assert.match(l.read("s.report"), /lost: 1-9 11-79 81-84\n/);
  for (let n = 87; n < 600; n += 2) l.feed([packet(n)]);
  const [r] = reports(l);
  assert.equal(r.lost_ranges.at(-1), [598, 598]);
  assert.is(r.lost_ranges.length + r.lost_ranges_omitted, 3 + 257);
  assert.is(r.lost, 9 + 69 + 4 + 257);
  assert.match(l.read("s.report"), / and \d+ more\n/);
  l.close();
});

test("gaps have their start, their length and the numbers around them; the latest 64 are kept", async () => {
  const l = await sink("GAP 10ms");
  const at = (ms: number, n: number): void => {
    l.clock.advance(ms * 1e6);
    l.feed([packet(n)]);
  };
  at(5, 1);
  at(15, 2);
  at(65, 9);
  let [r] = reports(l);
  assert.equal(r.gaps, [{ start: 0.015, seconds: 0.05, before: 2, after: 9 }]);
  assert.equal([r.longest_gap, r.longest_gap_start], [0.05, 0.015]);
  for (let i = 1; i <= 70; i++) at(65 + i * 20, 9 + i);
  [r] = reports(l);
  assert.equal([r.gaps.length, r.gaps_omitted, r.gaps[63].after, r.gaps[0].before], [64, 7, 79, 15]);
  assert.match(l.read("s.report"), /7 earlier gaps\n/);
  l.close();
});

test("`expect` makes what was sent last and did not come lost", async () => {
  const l = await sink();
  l.feed([packet(1), packet(3)]);
  await l.router.write("s.expect", "0 5");
  assert.equal(reports(l)[0].lost_ranges, [
    [2, 2],
    [4, 5],
  ]);
  assert.is(l.read("s.lost"), "3");
  l.feed([packet(4), packet(5)]);
  assert.equal([reports(l)[0].lost, reports(l)[0].reordered], [1, 0]);
  await rejects(() => l.router.write("s.expect", "9 5"), /no packet of stream 9 has come/);
  // The next run does not know of it.
  await l.router.write("s.expect", "0 6");
  l.feed([packet(1, { run: START + 1n })]);
  assert.equal(
    [reports(l)[0].lost, reports(l)[0].lost_ranges],
    [
      2,
      [
        [2, 2],
        [6, 6],
      ],
    ],
  );
  l.close();
});

test("counting begins with the first packet where FROM_START is false, and anew after a reset", async () => {
  const l = await sink("FROM_START false");
  l.feed([packet(100), packet(99), packet(102)]);
  let [r] = reports(l);
  assert.equal([r.received, r.before, r.lost], [2, 1, 1]);
  assert.match(l.read("s.report"), /1 from before counting began\n/);
  await l.router.write("s.reset", "");
  l.feed([packet(101), packet(103), packet(105), packet(105)]);
  [r] = reports(l);
  assert.equal([r.received, r.before, r.lost, r.doubled], [2, 1, 1, 1]);
  assert.equal([r.lost_ranges, r.delay_ms!.packets], [[[104, 104]], 2]);
  assert.equal([l.read("s.received"), l.read("s.before")], ["2", "1"]);
  // A run that begins later is whole.
  l.feed([packet(2, { run: START + 1n })]);
  assert.is(reports(l)[0].lost, 2);
  l.close();
});

test("a sender that begins anew is noticed; its former packets are stale", async () => {
  const l = await lab(
    "n :: NumberedSource(fd00::1, 5000, fd00::2, 5000, RATE 1000) -> s :: NumberedSink(5000)",
  );
  l.router.runFor(0.0095);
  await l.router.write("n.restart", "");
  l.router.runFor(0.005);
  const [r] = reports(l);
  assert.equal([r.source, r.received, r.lost, r.restarts, r.highest], ["fd00::1", 15, 0, 1, 5]);
  assert.match(l.read("s.report"), /1 restarts of the sender\n/);
  l.close();
  const late = await sink();
  late.feed([packet(1, { run: START + 1n }), packet(4), packet(2, { run: START + 1n })]);
  assert.equal([reports(late)[0].stale, reports(late)[0].received], [1, 2]);
  late.close();
});

test("a sender whose clock was set back meanwhile is noticed after a minute", async () => {
  const l = await sink();
  l.feed([packet(5)]);
  l.clock.advance(60e9);
  l.feed([packet(1, { run: START - 1n })]);
  assert.is(l.read("s.stale"), "1");
  l.clock.advance(60e9 + 1);
  l.feed([packet(1, { run: START - 1n }), packet(2, { run: START - 1n })]);
  assert.equal([l.read("s.restarts"), l.read("s.received"), l.read("s.lost")], ["1", "3", "4"]);
  // So long as nothing of a stream comes, a reset does not make it silent.
  await l.router.write("s.reset", "");
  l.feed([packet(3, { run: START - 2n })]);
  assert.is(l.read("s.stale"), "1");
  l.close();
});

test("streams are told apart by source and number, and asked for by number", async () => {
  const l = await sink("STREAMS 4");
  const other = Uint8Array.of(10, 0, 0, 9);
  l.feed([packet(1), packet(1, { stream: 3 }), packet(2, { source: other }), packet(1, { source: other })]);
  l.feed([packet(1, { stream: 3 }), packet(1)]);
  const told = (of?: string): unknown[] =>
    reports(l, of).map((r) => [r.source, r.stream, r.received, r.doubled]);
  assert.equal(told(), [
    ["10.0.0.1", 0, 1, 1],
    ["10.0.0.1", 3, 1, 1],
    ["10.0.0.9", 0, 2, 0],
  ]);
  assert.equal(told("3"), [["10.0.0.1", 3, 1, 1]]);
  assert.is(l.router.read("s.report", "5"), "");
  assert.throws(() => l.router.read("s.report", "five"), /expected '\[STREAM\] \[--json\]', not 'five'/);
  assert.is(l.read("s.streams"), "3");
  l.feed([packet(1, { stream: 4 }), packet(1, { stream: 5 }), packet(2)]);
  assert.equal([l.read("s.too_many"), l.read("s.received")], ["1", "6"]);
  l.close();
});

test("packets that were sent later than they came count for no delay", async () => {
  const l = await sink();
  l.feed([packet(1, { sent: START + 1n })]);
  assert.equal([reports(l)[0].sent_ahead, reports(l)[0].delay_ms], [1, null]);
  assert.match(l.read("s.report"), /1 sent later than they came: the clocks differ\n/);
  l.clock.advance(3_000_000);
  l.feed([packet(2), packet(3, { sent: START + 2_000_000n })]);
  const d = reports(l)[0].delay_ms!;
  assert.equal([d.packets, d.min, d.mean, d.max], [2, 1, 2, 3]);
  l.close();
});

test("percentiles of delays are right to 1 in 128", async () => {
  const l = await sink("WINDOW 1024");
  const delays = Array.from({ length: 1000 }, (_, i) => Math.floor(1000 * 1.02 ** i));
  l.clock.advance(delays[999]);
  for (const [i, d] of delays.entries()) l.feed([packet(i + 1, { sent: START + BigInt(delays[999] - d) })]);
  const d = reports(l)[0].delay_ms!;
  for (const [got, exact] of [
    [d.p50, delays[499]],
    [d.p90, delays[899]],
    [d.p99, delays[989]],
    [d.p999, delays[998]],
  ])
    assert.ok(Math.abs(got * 1e6 - exact) <= exact / 128, `${got} ms, not ${exact} ns`);
  assert.equal([d.min, d.max], [0.001, delays[999] / 1e6]);
  for (let i = 1; i < 2240; i++) assert.ok(bucketFrom(i) > bucketFrom(i - 1));
  l.close();
});

const whole = packet(1);
const bent = (at: number, ...bytes: number[]): Uint8Array => {
  const copy = whole.slice();
  copy.set(bytes, at);
  return copy;
};
const six = packet(1, { source: ip6("fd00::1") });
const bent6 = (at: number, ...bytes: number[]): Uint8Array => {
  const copy = six.slice();
  copy.set(bytes, at);
  return copy;
};
const refused: readonly (readonly [what: string, fed: Uint8Array | Fed, reason: string])[] = [
  ["less than an IP header", whole.subarray(0, 19), "no_header"],
  ["version 5", bent(0, 0x55), "no_header"],
  ["a header of 16 bytes", bent(0, 0x44), "no_header"],
  ["an IPv6 header cut off", six.subarray(0, 39), "no_header"],
  ["TCP", ipv4({ protocol: 6, payload: filling(40) }), "not_udp"],
  ["an IPv6 option header", bent6(6, 60), "not_udp"],
  ["a first fragment", bent(6, 0x20), "fragment"],
  ["a later fragment", bent(7, 1), "fragment"],
  ["an IPv6 fragment", bent6(6, 44), "fragment"],
  ["a total length beyond the packet", bent(2, 0, 61), "bad_length"],
  ["a total length within the header", bent(2, 0, 19), "bad_length"],
  ["no UDP header", ipv4({ payload: filling(7) }), "bad_length"],
  ["a UDP length beyond the packet", bent(24, 0, 41), "bad_length"],
  ["a UDP length of 7", bent(24, 0, 7), "bad_length"],
  ["an IPv6 length beyond the packet", bent6(4, 0, 41), "bad_length"],
  ["a bit that was turned over", bent(59, 1), "bad_checksum"],
  ["no checksum over IPv6", bent6(46, 0, 0), "bad_checksum"],
  ["another port", packet(1, { port: 5001 }), "other_port"],
  ["another payload", packet(1, { magic: 0x4e554d32 }), "not_numbered"],
  ["31 bytes", udp4({}, { destinationPort: 5000, payload: payload(1, {}).subarray(0, 31) }), "not_numbered"],
  ["number 0", packet(0), "not_numbered"],
  ["number 2^53", packet(2n ** 53n), "not_numbered"],
  ["nothing", hex(""), "no_header"],
  ["IPv6 without payload", ipv6(), "bad_length"],
];
for (const [what, fed, reason] of refused) {
  test(`NumberedSink takes no notice of ${what} (${reason})`, async () => {
    const l = await sink("5000");
    l.feed([packet(1), fed, packet(2)]);
    assert.is(l.read(`s.${reason}`), "1");
    assert.equal([l.read("s.received"), l.caught("other").length], ["2", 1]);
    l.close();
  });
}

test("no checksum over IPv4, and one that the device vouches for or is to complete, is no reason to drop", async () => {
  const l = await sink("5000");
  const flagged = (flags: number): Fed => ({
    bytes: bent(26, 0x12, 0x34),
    slot: (memory, slot) => {
      memory.u8[slot + SLOT_FLAGS] = flags;
      memory.u16[(slot + SLOT_CSUM_START) >>> 1] = 20;
    },
  });
  l.feed([bent(26, 0, 0), flagged(1), flagged(2)]);
  assert.equal([l.read("s.received"), l.read("s.doubled")], ["1", "2"]);
  l.close();
});

test("a hot swap loses no account, and is no restart", async () => {
  const text = (rate: number): string =>
    `n :: NumberedSource(10.0.0.1, 5000, 10.0.0.2, 5000, RATE ${rate}) -> s :: NumberedSink(5000)`;
  const l = await lab(text(100));
  l.router.runFor(0.095);
  await l.router.swap(text(1000));
  l.router.runFor(0.0095);
  const [r] = reports(l);
  assert.equal([r.received, r.lost, r.doubled, r.restarts], [20, 0, 0, 0]);
  assert.equal([l.read("s.received"), l.read("n.count")], ["20", "20"]);
  // Another window cannot take it over.
  await l.router.swap(text(1000).replace("Sink(5000", "Sink(5000, WINDOW 64"));
  assert.is(l.read("s.streams"), "0");
  l.close();
});

async function rejects(run: () => unknown, message: RegExp): Promise<void> {
  try {
    await run();
  } catch (e) {
    assert.match((e as Error).message, message);
    return;
  }
  assert.unreachable("no error");
}

test.run();
