// The tables of TCP against plain models: sequence numbers, ranges, the scoreboard, the stream.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { RANGES_MOST, Ranges } from "../../src/transport/tcp/ranges.js";
import { LOST, RESENT, SACKED, Scoreboard } from "../../src/transport/tcp/scoreboard.js";
import { positionOf, signedDistance, wireNumber } from "../../src/transport/tcp/sequence.js";
import { streamByte, streamErrors, writeStream } from "../../src/transport/tcp/stream.js";
import * as fc from "../property.js";

test("positions survive the wire, also where sequence numbers wrap", () => {
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(
      u32,
      fc.maxSafeNat(),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      (initial, near, by) => {
        const position = near + by;
        if (position < 0 || position > Number.MAX_SAFE_INTEGER - 2 ** 33) return;
        assert.is(positionOf(initial, wireNumber(initial, position), near), position);
      },
    ),
  );
  assert.is(signedDistance(5, 0xfffffffe), 7);
  assert.is(signedDistance(0xfffffffe, 5), -7);
});

test("ranges hold what was added, in order and joined", () => {
  const segment = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 12 }));
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 30 }), (segments) => {
      const ranges = new Ranges();
      const model = new Uint8Array(80);
      for (const [start, length] of segments) {
        assert.ok(ranges.takes(start, start + length));
        ranges.add(start, start + length);
        model.fill(1, start, start + length);
      }
      const found: number[] = [];
      for (let i = 0; i < ranges.count; i++) {
        if (i > 0) assert.ok(ranges.start(i) > ranges.end(i - 1), "they do not touch");
        for (let k = ranges.start(i); k < ranges.end(i); k++) found.push(k);
      }
      assert.equal(
        found,
        [...model.keys()].filter((k) => model[k] === 1),
      );
    }),
  );
});

test("a full table of ranges takes only what joins one of them", () => {
  const ranges = new Ranges();
  for (let i = 0; i < RANGES_MOST; i++) ranges.add(4 * i, 4 * i + 2);
  assert.not(ranges.takes(4 * RANGES_MOST, 4 * RANGES_MOST + 1));
  assert.ok(ranges.takes(2, 3));
  assert.ok(ranges.takes(3, 4));
  ranges.add(2, 4);
  assert.is(ranges.count, RANGES_MOST - 1);
});

test("the scoreboard counts what its segments are, whatever happens to them", () => {
  const step = fc.tuple(
    fc.constantFrom("add", "sack", "lose", "resend", "touch", "shift", "unmark", "forget"),
    fc.nat(40),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const board = new Scoreboard();
      let now = 0;
      let next = 1;
      for (const [what, which] of steps) {
        const index = board.head + which;
        const there = index < board.tail;
        now++;
        if (what === "add") {
          board.add(next, 10, now);
          next += 10;
        } else if (what === "shift" && board.count > 0) board.shift();
        else if (what === "unmark") board.unmarkLost();
        else if (what === "forget") board.forgetSacks();
        else if (!there) continue;
        else if (what === "sack") board.markSacked(index);
        else if (what === "lose") board.markLost(index);
        else if (what === "touch" && (board.flags(index) & (SACKED | LOST)) === 0) board.touch(index, now);
        else if (what === "resend" && (board.flags(index) & (LOST | RESENT)) === LOST)
          board.resend(index, now);
        const counts = { sacked: 0, lost: 0, resent: 0 };
        const waiting = new Set<number>();
        let lost = board.tail;
        for (let i = board.head; i < board.tail; i++) {
          const flags = board.flags(i);
          if (flags & SACKED) counts.sacked++;
          if (flags & LOST) counts.lost++;
          if (flags & RESENT) counts.resent++;
          if ((flags & SACKED) === 0 && (flags & (LOST | RESENT)) !== LOST) waiting.add(i);
          if (lost === board.tail && (flags & (LOST | RESENT)) === LOST) lost = i;
        }
        assert.equal(counts, { sacked: board.sacked, lost: board.lost, resent: board.resent });
        assert.is(board.nextLost(), lost);
        let before = 0;
        for (let i = board.oldest(); i >= 0; i = board.newer(i)) {
          assert.ok(waiting.delete(i), "the list by time has what may arrive, once");
          if (what !== "forget") assert.ok(board.sentAt(i) >= before || steps.some(([w]) => w === "forget"));
          before = board.sentAt(i);
        }
        assert.is(waiting.size, 0);
        if (board.count > 0)
          assert.is(board.find(board.start(board.head) + 15), board.head + (board.count > 1 ? 1 : 1));
      }
    }),
  );
});

test("segments that have become too long are cut, and are all to be sent again but what arrived", () => {
  const board = new Scoreboard();
  for (let i = 0; i < 20; i++) board.add(1 + 100 * i, 100, i);
  board.markSacked(3);
  board.resegment(40);
  assert.is(board.count, 60);
  assert.equal([board.sacked, board.lost, board.resent], [3, 57, 0]);
  assert.is(board.start(board.head), 1);
  assert.is(board.end(board.tail - 1), 2001);
  assert.is(board.nextLost(), board.head);
});

test("the stream is the same at any place and length, and what differs is counted", () => {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(40), fc.nat(20), fc.integer(), (offset, length, at, seed) => {
      if (offset > Number.MAX_SAFE_INTEGER - 100) return;
      writeStream(view, at, seed, offset, length);
      for (let i = 0; i < length; i++) assert.is(bytes[at + i], streamByte(seed, offset + i));
      assert.is(streamErrors(view, at, seed, offset, length), 0);
      if (length === 0) return;
      bytes[at + (length >> 1)] ^= 1;
      assert.is(streamErrors(view, at, seed, offset, length), 1);
    }),
  );
});

test.run();
