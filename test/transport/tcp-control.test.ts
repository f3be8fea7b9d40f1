// What decides how fast TCP sends, piece by piece: timeout, congestion control, rate reduction, loss detection, undo.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AckEvent, CongestionWindow } from "../../src/transport/tcp/congestion.js";
import { Cubic } from "../../src/transport/tcp/cubic.js";
import { HyStart } from "../../src/transport/tcp/hystart.js";
import { NewReno } from "../../src/transport/tcp/new-reno.js";
import { RateReduction } from "../../src/transport/tcp/prr.js";
import { Rack } from "../../src/transport/tcp/rack.js";
import { RttEstimator } from "../../src/transport/tcp/rtt.js";
import { LOST, Scoreboard } from "../../src/transport/tcp/scoreboard.js";
import { Undo } from "../../src/transport/tcp/undo.js";
import { ThroughputLog } from "../../src/transport/throughput-log.js";

const MS = 1e6;
const SECOND = 1e9;

const ack = (now: number, delivered: number): AckEvent => ({ now, delivered, una: 0, next: 0, rtt: 0 });

/** A window of `size` in congestion avoidance. */
function avoiding(size: number): CongestionWindow {
  const window = new CongestionWindow();
  window.size = window.threshold = size;
  return window;
}

test("the timeout is the round-trip time and its variation, of which there is 200 ms at least", () => {
  const rtt = new RttEstimator();
  assert.is(rtt.timeout, SECOND, "before a measurement: RFC 6298 section 2.1");
  rtt.sample(150 * MS, 0, 1, 1);
  assert.equal([rtt.smoothed, rtt.timeout], [150 * MS, 450 * MS], "R + 4 * R/2");
  for (let i = 1; i < 400; i++) rtt.sample(20 * MS, i * 20 * MS, i, i + 1);
  assert.ok(Math.abs(rtt.smoothed - 20 * MS) < MS);
  assert.ok(Math.abs(rtt.timeout - 220 * MS) < MS, String(rtt.timeout));
  rtt.sample(500 * MS, 9 * SECOND, 400, 401);
  assert.ok(rtt.timeout > 500 * MS, "it rises at once");
  assert.is(rtt.least, 20 * MS);
  rtt.sample(400 * SECOND, 400 * SECOND, 401, 402);
  assert.is(rtt.timeout, 120 * SECOND, "the longest");
  assert.is(rtt.least, 400 * SECOND, "the least one of the last five minutes");
});

test("NewReno doubles in slow start, adds one in a round trip, and halves", () => {
  const reno = new NewReno();
  const window = new CongestionWindow();
  window.threshold = 25;
  reno.acknowledged(window, ack(0, 10));
  assert.is(window.size, 20);
  reno.acknowledged(window, ack(0, 10));
  assert.is(window.size, 25, "up to the threshold");
  for (let i = 0; i < 25; i++) reno.acknowledged(window, ack(0, 1));
  assert.is(window.size, 26);
  assert.is(reno.afterLoss(window), 13);
  window.size = 2;
  assert.is(reno.afterLoss(window), 2);
});

test("CUBIC is back at the window of the last loss after the RFC's K seconds, and beyond it later", () => {
  const cubic = new Cubic();
  const window = avoiding(100);
  assert.is(cubic.afterLoss(window), 70);
  window.size = window.threshold = 70;
  const rtt = 0.1;
  const k = Math.cbrt((100 - 70) / 0.4);
  const at = (until: number, from: number): number => {
    for (let t = from; t < until; t += rtt) cubic.acknowledged(window, ack(t * SECOND, window.size));
    return window.size;
  };
  const half = at(k / 2, 0);
  assert.ok(half > 93 && half < 99, `concave: ${half}`);
  const plateau = at(k, k / 2);
  assert.ok(plateau >= 99 && plateau <= 101, `plateau: ${plateau}`);
  const beyond = at(2 * k, k);
  assert.ok(beyond > 120 && beyond < 135, `convex: ${beyond}`);
});

test("CUBIC keeps up with Reno where that is faster, and yields when it did not get back", () => {
  const cubic = new Cubic();
  const window = avoiding(20);
  assert.is(cubic.afterLoss(window), 14);
  window.size = window.threshold = 14;
  // Round trips of 5 ms: the cubic function has hardly moved after 40 of them.
  for (let i = 0; i < 40; i++) cubic.acknowledged(window, ack(i * 5 * MS, window.size));
  assert.ok(window.size > 14 + 15 && window.size < 14 + 24, `0.53 a round trip: ${window.size}`);
  const low = new Cubic();
  low.afterLoss(avoiding(100));
  const again = avoiding(80);
  assert.is(low.afterLoss(again), 56);
  // The plateau is 68 now (fast convergence), no higher than the window: it begins to probe at once.
  again.size = again.threshold = 56;
  for (let t = 0; t < 3.3; t += 0.3) low.acknowledged(again, ack(t * SECOND, again.size));
  assert.ok(again.size >= 66 && again.size <= 70, String(again.size));
});

test("HyStart leaves slow start when the round-trip time grows, or a train of acknowledgements is long", () => {
  const grown = (size: number, rtts: readonly number[]): boolean => {
    const start = new HyStart();
    // Far apart, so that they are no train.
    return rtts.some((rtt, i) =>
      start.exits(size, rtt * MS, 40 * MS, { now: i * 3 * MS, una: 1, next: 100 }),
    );
  };
  const rising = [46, 46, 46, 46, 46, 46, 46, 46, 46];
  assert.ok(grown(20, rising));
  assert.not(grown(15, rising), "not before the window has 16 segments");
  assert.not(grown(20, [...rising.slice(0, 4), 41, ...rising.slice(4)]), "the least of a round counts");
  assert.not(grown(20, rising.slice(0, 8)), "eight say nothing yet");
  const train = new HyStart();
  let exitAt = -1;
  for (let now = 0; now < 40 && exitAt < 0; now++)
    if (train.exits(20, 40 * MS, 40 * MS, { now: now * MS, una: 1, next: 100 })) exitAt = now;
  assert.is(exitAt, 21, "half the round-trip time and 1 ms");
});

test("rate reduction sends in proportion to what arrives, and ends at the threshold", () => {
  const reduction = new RateReduction();
  reduction.begin(20);
  let inFlight = 19;
  let sent = 0;
  // One of 20 is lost; each acknowledgement shows another one to have arrived.
  for (let i = 0; i < 19; i++) {
    inFlight--;
    const window = reduction.window(10, inFlight, 1, true);
    const now = Math.max(0, window - inFlight);
    if (i === 0) assert.is(now, 1, "the first retransmission leaves at once");
    inFlight += now;
    sent += now;
    reduction.sent(now);
  }
  assert.is(inFlight, 10);
  assert.is(sent, 10, "one for two");
});

/** Five segments that were sent 1 ms apart, from 0 on. */
function five(): Scoreboard {
  const board = new Scoreboard();
  for (let i = 0; i < 5; i++) board.add(1 + 100 * i, 100, i * MS);
  return board;
}

test("RACK takes for lost what was sent before three that arrived, and waits where fewer did", () => {
  const board = five();
  const rack = new Rack();
  const arrives = (index: number, now: number): number => {
    rack.delivered(board.sentAt(index), board.end(index), false, now, 40 * MS);
    board.markSacked(index);
    return rack.detect(board, now, false, 40 * MS, 40 * MS);
  };
  // A quarter of the least round-trip time, from when its acknowledgement would have come.
  assert.is(arrives(1, 41 * MS), 9 * MS);
  assert.is(arrives(2, 42 * MS), 8 * MS);
  assert.is(board.lost, 0);
  assert.is(arrives(3, 43 * MS), 0);
  assert.is(board.flags(0), LOST);
  // The retransmission is lost too: something that was sent after it arrives.
  board.resend(0, 43 * MS);
  board.add(501, 100, 44 * MS);
  rack.delivered(44 * MS, 601, false, 84 * MS, 40 * MS);
  board.markSacked(5);
  rack.detect(board, 84 * MS, true, 40 * MS, 40 * MS);
  assert.is(board.flags(0) & LOST, LOST);
  assert.is(board.resent, 0);
  assert.is(board.everLost, 3, "the first one twice, and the last of the five");
});

test("RACK waits longer where segments were seen out of order, or were sent again for nothing", () => {
  const board = five();
  const rack = new Rack();
  rack.delivered(board.sentAt(4), board.end(4), false, 44 * MS, 40 * MS);
  board.markSacked(4);
  rack.detect(board, 44 * MS, false, 40 * MS, 40 * MS);
  rack.delivered(board.sentAt(3), board.end(3), false, 44 * MS, 40 * MS);
  board.markSacked(3);
  assert.ok(rack.reordering);
  rack.delivered(board.sentAt(2), board.end(2), false, 44 * MS, 40 * MS);
  board.markSacked(2);
  // That of the second one is due 42 ms after it was sent: so long took the last one's.
  assert.is(rack.detect(board, 44 * MS, false, 40 * MS, 100 * MS), 9 * MS);
  rack.duplicated(1, 501);
  assert.is(rack.detect(board, 44 * MS, false, 40 * MS, 100 * MS), 19 * MS, "another quarter");
  assert.is(board.lost, 0);
});

test("a reduction is taken back once, when all came twice or a first transmission is answered", () => {
  const window = avoiding(50);
  const undo = new Undo();
  assert.not(undo.allTwice);
  undo.remember(window, 1);
  window.size = window.threshold = 35;
  assert.not(undo.allTwice, "nothing was sent again yet");
  assert.not(undo.answersFirst(5 * MS));
  undo.resent(10 * MS);
  undo.resent(11 * MS);
  undo.duplicated(101);
  assert.not(undo.allTwice);
  undo.duplicated(1);
  assert.not(undo.allTwice, "what is before says nothing");
  undo.duplicated(201);
  assert.ok(undo.allTwice);
  assert.ok(undo.answersFirst(9 * MS));
  assert.not(undo.answersFirst(10 * MS));
  undo.restore(window);
  assert.equal([window.size, window.threshold, undo.count], [50, 50, 1]);
  assert.not(undo.allTwice);
  assert.not(undo.answersFirst(9 * MS));
});

test("the log of throughput keeps its size, and its bytes", () => {
  const log = new ThroughputLog();
  for (let second = 0; second < 5000; second++) log.add(125, 7 * SECOND + second * SECOND);
  const { interval, bits_per_second: rates } = log.toJSON();
  assert.is(interval, 8);
  assert.ok(rates.length === 625 && rates.every((rate) => rate === 1000));
  assert.is(log.total, 625_000);
  assert.ok(Math.abs(log.mean - 1000) < 1);
  log.add(1, 1e9 * SECOND);
  assert.ok(log.toJSON().bits_per_second.length <= 1024);
});

test.run();
