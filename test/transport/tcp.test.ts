// TCP end to end in simulated time, without packets: transfers, handshakes, closes, silence, and what is hostile.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SeededRandom } from "../../src/router/random.js";
import type { TcpOptions } from "../../src/transport/tcp/contract.js";
import { RANGES_MOST } from "../../src/transport/tcp/ranges.js";
import { writeStream } from "../../src/transport/tcp/stream.js";
import { TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, TcpHeader } from "../../src/wire/tcp.js";
import * as fc from "../property.js";
import { copy, OPTIONS, type PathOptions, type Segment, TcpNet } from "./tcp-net.js";

const DELAY = { delay: 0.02 };
/** Enough for anything to be over. */
const LONG = 20_000;

/** Bytes and the end of a transfer of `bytes` over `paths`. */
function transfer(
  bytes: number,
  paths: readonly [PathOptions, PathOptions],
  options = OPTIONS,
  seed = 1,
): TcpNet {
  const net = new TcpNet(paths, { seed, options: [options, options], expected: bytes });
  net.transfer(bytes, LONG);
  net.run(200);
  return net;
}

/** Everything came, once, and both ends have closed. */
function assertDone({ ends: [sender, receiver] }: TcpNet, bytes: number): void {
  assert.is(receiver.came, bytes);
  assert.is(receiver.wrong, 0);
  assert.is(sender.connection!.acknowledged, bytes);
  assert.equal([sender.connection!.ended, receiver.connection!.ended], ["done", "done"]);
}

test("the states of an orderly connection are those of RFC 9293", () => {
  const net = transfer(100_000, [DELAY, DELAY]);
  assertDone(net, 100_000);
  const [sender, receiver] = net.ends;
  assert.equal(sender.states, ["syn-sent", "established", "fin-wait-1", "fin-wait-2", "time-wait", "closed"]);
  assert.equal(receiver.states, ["syn-received", "established", "close-wait", "last-ack", "closed"]);
  assert.is(sender.connection!.sender.retransmits, 0);
});

test("whatever a path loses, doubles and reorders, the stream arrives as it was sent", () => {
  const kinds = fc.record({
    loss: fc.constantFrom(0, 0.02, 0.1, 0.3),
    twice: fc.constantFrom(0, 0.1),
    late: fc.constantFrom(0, 0.05, 0.3),
    back: fc.constantFrom(0, 0.1),
    bytes: fc.integer({ min: 0, max: 150_000 }),
    mss: fc.constantFrom(48, 536, 1460),
    window: fc.constantFrom(3000, 65535, 1_000_000),
    congestion: fc.constantFrom("cubic", "reno"),
    sack: fc.boolean(),
    timestamps: fc.boolean(),
    seed: fc.integer({ min: 0, max: 0xffff }),
  });
  fc.assert(
    fc.property(kinds, ({ loss, twice, late, back, bytes, seed, window, ...more }) => {
      const random = new SeededRandom(seed);
      const more1 = (): number => (random.real() < late ? random.real() * 0.1 : 0);
      const fate = (lost: number) => (): number[] => {
        if (random.real() < lost) return [];
        return random.real() < twice ? [more1(), more1()] : [more1()];
      };
      const options = { ...OPTIONS, ...more, receiveWindow: window, sendWindow: window } as TcpOptions;
      const size = more.mss === 48 ? Math.min(bytes, 5000) : bytes;
      const net = transfer(
        size,
        [
          { ...DELAY, fate: fate(loss) },
          { ...DELAY, fate: fate(back) },
        ],
        options,
        seed,
      );
      const [sender, receiver] = net.ends;
      assert.is(receiver.came, size);
      assert.is(receiver.wrong, 0);
      assert.is(sender.connection!.acknowledged, size);
      // Where the last acknowledgement is lost often enough the one that waits for it gives up.
      assert.is(sender.connection!.state, "closed");
      assert.is(receiver.connection!.state, "closed");
    }),
    { numRuns: 60 },
  );
});

test("sequence numbers may wrap within a transfer", () => {
  for (const seed of [1, 2]) {
    const net = new TcpNet([DELAY, DELAY], { seed, expected: 3_000_000 });
    // The first number that a connection draws is that of its SYN.
    const numbers = [0xffffffff - 1_000_000, 7];
    const { random } = net.ends[0];
    net.ends[0].random = () => numbers.shift() ?? random.call(net.ends[0]);
    net.transfer(3_000_000);
    net.run(200);
    assertDone(net, 3_000_000);
  }
});

test("a path that is silent for 30 s is survived, and the transfer goes on", () => {
  let cut = false;
  const fate = (): number[] => (cut ? [] : [0]);
  const path = { delay: 0.02, rate: 10e6, fate };
  const net = new TcpNet([path, { delay: 0.02, fate }], { expected: 5_000_000 });
  const connection = net.connect();
  connection.supply(5_000_000);
  net.run(1);
  const before = net.ends[1].came;
  assert.ok(before > 0 && before < 5_000_000);
  cut = true;
  net.run(30);
  assert.is(connection.state, "established");
  cut = false;
  net.run(35);
  assert.is(net.ends[1].came, 5_000_000);
  assert.is(net.ends[1].wrong, 0);
});

test("data that nobody answers are given up after as long as Linux waits, a router's errors notwithstanding", () => {
  const net = new TcpNet([DELAY, DELAY]);
  const connection = net.connect();
  net.run(1);
  net.ends[0].transmit = () => {};
  connection.supply(1000);
  net.run(60);
  connection.unreachable("ICMP type 3 code 1", false);
  assert.is(connection.state, "established");
  assert.is(connection.softError, "ICMP type 3 code 1");
  net.run(830);
  assert.is(connection.state, "established");
  net.run(300);
  assert.equal([connection.state, connection.ended], ["closed", "timed_out"]);
});

test("a SYN is sent seven times in 127 s, then nobody is there", () => {
  const net = new TcpNet([{ fate: () => [] }, {}]);
  const connection = net.connect();
  net.ends[0].logging = true;
  net.run(126);
  assert.is(connection.state, "syn-sent");
  assert.is(net.ends[0].log.length, 6);
  net.run(2);
  assert.equal([connection.state, connection.ended], ["closed", "timed_out"]);
});

test("a lost SYN, answer, or last part of the handshake is made up for", () => {
  for (const [forward, back] of [
    [[0], []],
    [[], [0]],
    [[1], []],
    [[0, 1], [0]],
  ]) {
    const fate = (lost: readonly number[]) => (n: number) => (lost.includes(n) ? [] : [0]);
    const net = transfer(50_000, [
      { ...DELAY, fate: fate(forward) },
      { ...DELAY, fate: fate(back) },
    ]);
    assertDone(net, 50_000);
  }
});

test("a closed window is probed, and opens without an acknowledgement being lost for good", () => {
  let lost = 0;
  const net = new TcpNet([DELAY, { ...DELAY, fate: () => (lost-- > 0 ? [] : [0]) }], { expected: 20_000 });
  const connection = net.connect();
  net.run(1);
  const receiver = net.ends[1].connection!.receiver;
  const { window } = receiver;
  receiver.window = 0;
  connection.supply(20_000);
  net.run(0.05);
  // What was in the window came; then nothing more is wanted.
  net.run(100);
  assert.ok(connection.sender.unanswered <= 1, "the probes are answered");
  assert.is(connection.state, "established");
  receiver.window = window;
  lost = 1;
  net.run(300);
  assert.is(net.ends[1].came, 20_000);
});

test("both ends may open, and close, at the same time", () => {
  const net = new TcpNet([DELAY, DELAY]);
  const first = net.connect();
  const [a, b] = net.ends;
  const second = net.connectFrom(b);
  net.run(1);
  assert.equal([first.state, second.state], ["established", "established"]);
  first.close();
  second.close();
  net.run(1);
  assert.equal([first.state, second.state], ["time-wait", "time-wait"]);
  assert.ok(a.states.includes("closing") && b.states.includes("closing"));
  net.run(61);
  assert.equal([first.ended, second.ended], ["done", "done"]);
});

test("a port where nobody listens refuses", () => {
  const net = new TcpNet([DELAY, DELAY]);
  const connection = net.connect();
  const reset = Object.assign(new TcpHeader(), { flags: TCP_RST | TCP_ACK, acknowledgment: 5 });
  connection.arrive(reset, 0, 0);
  assert.is(connection.state, "syn-sent", "one that does not acknowledge the SYN is forged");
  net.ends[1].take = ({ header }: Segment) => {
    const acknowledgment = (header.sequence + 1) >>> 0;
    connection.arrive(Object.assign(new TcpHeader(), { flags: TCP_RST | TCP_ACK, acknowledgment }), 0, 0);
  };
  net.run(1);
  assert.equal([connection.state, connection.ended], ["closed", "refused"]);
});

test("of a RST within the window only the very next number ends a connection (RFC 5961)", () => {
  const net = new TcpNet([DELAY, DELAY]);
  const [a, b] = net.ends;
  a.logging = b.logging = true;
  const connection = net.connect();
  connection.supply(10_000);
  net.run(1);
  const last = a.log.at(-1)!.header;
  const next = b.connection!.receiver.next;
  const forged = copy(last);
  forged.flags = TCP_RST;
  const answers = b.log.length;
  for (const off of [1, 1000, 100_000, -1, -1000]) {
    forged.sequence = (a.log[0].header.sequence + next + off) >>> 0;
    b.connection!.arrive(forged, 0, 0);
    assert.is(b.connection!.state, "established");
  }
  assert.is(b.log.length, answers + 1, "one challenge in half a second");
  assert.ok(b.connection!.refusals.challenged >= 3);
  const syn = copy(last);
  syn.flags = TCP_SYN;
  b.connection!.arrive(syn, 0, 0);
  assert.is(b.connection!.state, "established");
  forged.sequence = (a.log[0].header.sequence + next) >>> 0;
  b.connection!.arrive(forged, 0, 0);
  assert.equal([b.connection!.state, b.connection!.ended], ["closed", "reset"]);
});

test("acknowledgements of what was never sent, or long ago, and old timestamps change nothing", () => {
  const net = new TcpNet([DELAY, DELAY]);
  const [a, b] = net.ends;
  b.logging = true;
  const connection = net.connect();
  connection.supply(100_000);
  net.run(1);
  const good = b.log.at(-1)!.header;
  const { una } = connection.sender;
  for (const by of [1, 1000, 2 ** 30, -(2 ** 30)]) {
    const forged = copy(good);
    forged.acknowledgment = (good.acknowledgment + by) >>> 0;
    connection.arrive(forged, 0, 0);
  }
  assert.is(connection.sender.una, una);
  assert.is(connection.refusals.challenged, 4);
  const old = copy(good);
  old.timestamp = (old.timestamp - 100_000) >>> 0;
  connection.arrive(old, 0, 0);
  assert.is(connection.refusals.paws, 1);
  assert.is(a.connection!.state, "established");
});

test("no segment that a stranger makes ends a connection or changes what arrives", () => {
  const fields = fc.record({
    which: fc.boolean(),
    sequence: fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constant(-1)),
    near: fc.integer({ min: -70_000, max: 70_000 }),
    acknowledgment: fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constant(-1)),
    flags: fc.integer({ min: 0, max: 255 }),
    window: fc.integer({ min: 0, max: 0xffff }),
    mss: fc.integer({ min: 0, max: 0xffff }),
    windowScale: fc.integer({ min: -1, max: 14 }),
    sackCount: fc.integer({ min: 0, max: 4 }),
    hasTimestamps: fc.boolean(),
    timestamp: fc.integer({ min: 0, max: 0xffffffff }),
    block: fc.integer({ min: 0, max: 0xffffffff }),
  });
  fc.assert(
    fc.property(fc.array(fields, { maxLength: 60 }), (forgeries) => {
      const net = new TcpNet([{ ...DELAY, rate: 10e6 }, DELAY], { expected: 300_000 });
      const [a, b] = net.ends;
      a.logging = b.logging = true;
      const connection = net.connect();
      connection.supply(300_000);
      net.run(0.1);
      for (const { which, near, block, ...fields } of forgeries) {
        const to = which ? a : b;
        const like = to.peer.log.at(-1)!.header;
        const header = Object.assign(copy(like), fields);
        header.sequence = fields.sequence < 0 ? (like.sequence + near) >>> 0 : fields.sequence;
        // Whoever does not see the connection does not know what it acknowledges, but may guess well.
        if (fields.acknowledgment < 0) header.acknowledgment = (like.acknowledgment + near) >>> 0;
        header.sack.set([block, block + near, 0, near]);
        // The very next number is what a RST may have, and its FIN and data are as good as the other end's.
        if (header.flags & TCP_RST && header.sequence === like.sequence) continue;
        if (header.flags & TCP_FIN) continue;
        to.connection!.arrive(header, 0, 0);
        net.run(0.001);
      }
      assert.not(connection.state === "closed");
      assert.not(b.connection!.state === "closed");
      assert.is(b.wrong, 0);
      const { una, next, segment } = connection.sender;
      assert.ok(una <= next && segment >= 36);
    }),
    { numRuns: 60 },
  );
});

test("what is sent again because its acknowledgement was lost does not look like a long round trip", () => {
  let lost = 0;
  const net = new TcpNet([DELAY, { ...DELAY, fate: () => (lost-- > 0 ? [] : [0]) }], { expected: 3000 });
  const connection = net.connect();
  net.run(1);
  lost = 5;
  connection.supply(3000);
  net.run(60);
  assert.is(connection.acknowledged, 3000);
  assert.ok(connection.sender.timeouts > 2);
  assert.ok(connection.sender.timeout < 0.5e9, String(connection.sender.timeout));
});

test("holes are kept up to a bound, and what lies behind it comes again", () => {
  const net = new TcpNet([DELAY, DELAY], { expected: 6000 });
  const [a, b] = net.ends;
  a.logging = true;
  const connection = net.connect();
  net.run(1);
  const like = a.log.at(-1)!.header;
  writeStream(net.view, 0, 1, 0, 6000);
  for (let offset = 1; offset < 3000; offset += 2) {
    const header = copy(like);
    header.sequence = (like.sequence + offset) >>> 0;
    b.connection!.arrive(header, offset, 1);
  }
  assert.is(b.connection!.refusals.holes, 1500 - RANGES_MOST);
  assert.is(b.came, RANGES_MOST);
  connection.supply(6000);
  net.run(5);
  assert.equal([b.came, b.wrong, b.connection!.received], [6000, 0, 6000]);
});

test("a path that takes only smaller packets gets smaller ones", () => {
  const net = new TcpNet([{ ...DELAY, fate: (_, { data }) => (data.length > 900 ? [] : [0]) }, DELAY], {
    expected: 100_000,
  });
  const connection = net.connect();
  connection.supply(100_000);
  net.run(0.05);
  connection.tooBig(912);
  net.run(2);
  assert.is(connection.sender.segment, 900);
  assert.is(net.ends[1].came, 100_000);
  assert.is(net.ends[1].wrong, 0);
  connection.tooBig(1);
  assert.is(connection.sender.segment, 36, "not smaller than what is believed");
});

test("every second segment is acknowledged, and a lone one after 40 ms", () => {
  const net = new TcpNet([{ ...DELAY, rate: 10e6, queue: 10_000 }, DELAY], { expected: 3_000_000 });
  const [, b] = net.ends;
  const connection = net.connect();
  connection.supply(2_000_000);
  net.run(10, () => b.came === 2_000_000);
  net.run(0.1);
  const segments = Math.ceil(2_000_000 / 1448);
  assert.ok(b.sent > segments / 2 && b.sent < segments / 2 + 30, `${b.sent} for ${segments}`);
  b.logging = true;
  connection.supply(2_000_100);
  net.run(0.021);
  assert.is(b.log.length, 0);
  net.run(0.04);
  assert.is(b.log.length, 1);
});

test("the same seed gives the same run", () => {
  const once = (): string => {
    const random = new SeededRandom(5);
    const fate = (): number[] => (random.real() < 0.05 ? [] : [0]);
    const net = transfer(200_000, [{ ...DELAY, fate }, DELAY], OPTIONS, 9);
    return `${net.clock.now()} ${net.ends[0].sent} ${net.ends[1].sent}`;
  };
  assert.is(once(), once());
});

test.run();
