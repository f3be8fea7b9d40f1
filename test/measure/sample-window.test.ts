// Windows of probes: what they say, against a slow twin and by hand.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { LOST, SampleWindow, type WindowSummary } from "../../src/measure/sample-window.js";
import * as fc from "../property.js";

const MS = 1e6;
const S = 1e9;

function windowOf(
  ...samples: readonly (readonly [sentAt: number, rtt: number, scheduled?: boolean])[]
): SampleWindow {
  const window = new SampleWindow(64);
  for (const [sentAt, rtt, scheduled] of samples) window.add(sentAt, rtt, scheduled);
  return window;
}

test("of a path without an answer nothing but that is known", () => {
  const nothing = { rtt: null, jitter: null };
  assert.equal(new SampleWindow(4).summary(0), { sent: 0, answered: 0, availability: null, ...nothing });
  assert.equal(windowOf([0, LOST], [S, LOST]).summary(0), {
    sent: 2,
    answered: 0,
    availability: 0,
    ...nothing,
  });
});

test("one answer gives a round-trip time, and no jitter", () => {
  const { rtt, jitter, availability } = windowOf([0, 35 * MS]).summary(0);
  assert.equal(Object.values(rtt!), Array(8).fill(35 * MS));
  assert.equal([jitter, availability], [null, 1]);
});

test("jitter is the mean of |IPDV| over answers that follow each other, and RFC 3550's smoothed one", () => {
  // Differences 10, 20, 10 ms; smoothed from the first: 10, 10 + 10/16, then down by 0.625/16.
  const { jitter } = windowOf(
    [0, 30 * MS],
    [S, 40 * MS],
    [2 * S, LOST],
    [3 * S, 20 * MS],
    [4 * S, 30 * MS],
  ).summary(0);
  assert.is(jitter!.mean, (40 / 3) * MS);
  assert.ok(Math.abs(jitter!.smoothed - (10.625 - 0.625 / 16) * MS) < 1, String(jitter!.smoothed));
});

test("EWMA goes an eighth of the way with each answer, also of those that the window has lost", () => {
  const { rtt } = windowOf([0, 80 * MS], [S, 160 * MS], [2 * S, 160 * MS]).summary(2 * S);
  assert.equal([rtt!.mean, rtt!.ewma], [160 * MS, (80 + 10 + 8.75) * MS]);
});

test("equally spaced probes: availability is answered / sent; else each stands for the time around it", () => {
  assert.is(windowOf([0, 1], [S, LOST], [2 * S, 1], [3 * S, LOST]).summary(0).availability, 0.5);
  assert.is(windowOf([0, 1], [S, 1], [2 * S, LOST]).summary(0).availability, 2 / 3);
  // 10 s up, then 90 s until the next: half of these are up.
  assert.is(
    windowOf([0, 1], [10 * S, 1], [100 * S, LOST]).summary(0).availability,
    (5 + 10 / 2 + 50) / (5 + 10 + 90 + 45),
  );
});

test("repeated probes count for round-trip times, and not for availability", () => {
  const { sent, answered, availability, rtt } = windowOf(
    [0, 10 * MS],
    [10 * S, LOST],
    [11 * S, LOST, false],
    [12 * S, 30 * MS, false],
    [20 * S, 20 * MS],
  ).summary(0);
  assert.equal([sent, answered, availability, rtt!.mean, rtt!.last], [3, 2, 2 / 3, 20 * MS, 20 * MS]);
});

/** The definitions, with lists. */
function twin(
  samples: readonly (readonly [sentAt: number, rtt: number, scheduled: boolean])[],
  capacity: number,
  from: number,
): WindowSummary {
  let kept: (readonly [number, number, boolean])[] = [];
  for (const s of samples)
    if (s[2] || s[1] !== LOST) {
      if (kept.length === capacity) kept = kept.slice(1);
      kept = [...kept.filter(([at]) => at <= s[0]), s, ...kept.filter(([at]) => at > s[0])];
    }
  const within = kept.filter(([at]) => at >= from);
  const planned = within.filter(([, , scheduled]) => scheduled);
  const gaps = planned.map(([at], i) => {
    const before = i > 0 ? at - planned[i - 1][0] : null;
    const after = i + 1 < planned.length ? planned[i + 1][0] - at : null;
    return ((before ?? after ?? 0) + (after ?? before ?? 0)) / 2;
  });
  const time = gaps.reduce((a, b) => a + b, 0);
  const answered = planned.filter(([, rtt]) => rtt !== LOST).length;
  const up = gaps.reduce((sum, gap, i) => sum + (planned[i][1] === LOST ? 0 : gap), 0);
  const rtts = within.map(([, rtt]) => rtt).filter((rtt) => rtt !== LOST);
  const sorted = [...rtts].sort((a, b) => a - b);
  const rank = (p: number): number => sorted.find((_, i) => (i + 1) * 100 >= p * sorted.length)!;
  const all = samples.map(([, rtt]) => rtt).filter((rtt) => rtt !== LOST);
  const ewma = all.slice(1).reduce((mean, rtt) => mean + (rtt - mean) / 8, all[0]);
  const steps = all.slice(1).map((rtt, i) => Math.abs(rtt - all[i]));
  const smoothed = steps.slice(1).reduce((mean, d) => mean + (d - mean) / 16, steps[0]);
  const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  return {
    sent: planned.length,
    answered,
    availability: planned.length === 0 ? null : time > 0 ? up / time : answered / planned.length,
    rtt:
      rtts.length === 0
        ? null
        : {
            last: rtts.at(-1)!,
            mean: total(rtts) / rtts.length,
            min: sorted[0],
            p50: rank(50),
            p95: rank(95),
            p99: rank(99),
            max: sorted.at(-1)!,
            ewma,
          },
    jitter:
      rtts.length < 2
        ? null
        : {
            mean: total(rtts.slice(1).map((rtt, i) => Math.abs(rtt - rtts[i]))) / (rtts.length - 1),
            smoothed,
          },
  };
}

function close(a: unknown, b: unknown): boolean {
  if (typeof a === "number" && typeof b === "number")
    return Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
  if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return a === b;
  return Object.keys(a).every((key) =>
    close((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}

test("any samples, some out of order, say what the definitions say", () => {
  const sample = fc.tuple(
    fc.integer({ min: 0, max: 50 }),
    fc.oneof(fc.constant(LOST), fc.integer({ min: 0, max: 1000 })),
    fc.boolean(),
  );
  fc.assert(
    fc.property(
      fc.array(sample, { maxLength: 40 }),
      fc.integer({ min: 2, max: 12 }),
      fc.nat(50),
      (samples, capacity, from) => {
        const window = new SampleWindow(capacity);
        for (const [sentAt, rtt, scheduled] of samples) window.add(sentAt, rtt, scheduled);
        const [found, wanted] = [window.summary(from), twin(samples, capacity, from)];
        assert.ok(close(wanted, found), `${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
      },
    ),
    { numRuns: 300 },
  );
});

test.run();
