// Tables of paths: reports, listeners, streams, and what they cost.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SimulatedClock } from "../../src/index.js";
import type { Measurement } from "../../src/measure/measurements.js";
import { PathTable, pathName } from "../../src/measure/path-table.js";
import { pathLine, pathLines } from "../../src/measure/path-text.js";
import { findAddress } from "../../src/net/address.js";
import { Listeners } from "../../src/router/listeners.js";

const nobody = (): Listeners<[Measurement]> => new Listeners("measurements", () => {});
const OWN = findAddress("192.0.2.1")!;
const PEER = findAddress("192.0.2.2")!;

const table = (clock = new SimulatedClock()): PathTable =>
  new PathTable({ clock, samples: 8, window: 100e9, listeners: nobody() });

const measured = (sentAt: number, rtt: Measurement["rtt"], repeated = false): Measurement => ({
  own: OWN,
  peer: PEER,
  sentAt,
  rtt,
  repeated,
});

test("a path that was never probed is unknown, and no figure of it is 0", () => {
  const t = table();
  const report = t.report(t.path(OWN, PEER));
  assert.equal(report, {
    source: "192.0.2.1",
    destination: "192.0.2.2",
    state: "unknown",
    sent: 0,
    answered: 0,
    availability: null,
    rtt: null,
    jitter: null,
    age: null,
  });
  assert.is(pathLine(report), "192.0.2.1 192.0.2.2 unknown 0 0 - - - - - - - - - - - -");
});

test("a report is in seconds, looks back as far as it is asked to, and knows how old the last answer is", () => {
  const clock = new SimulatedClock();
  const t = table(clock);
  const path = t.path(OWN, PEER);
  t.take([measured(0, 30e6), measured(10e9, "lost"), measured(20e9, 50e6)]);
  clock.advance(30e9);
  const { rtt, jitter, age, sent, answered } = t.report(path);
  assert.equal([rtt!.mean, rtt!.p50, rtt!.ewma, jitter!.mean], [0.04, 0.03, 0.0325, 0.02]);
  assert.equal([age, sent, answered], [9.95, 3, 2]);
  assert.equal([t.report(path, 15).sent, t.report(path, 5).sent], [1, 0]);
  assert.match(
    pathLine(t.report(path)),
    /^192\.0\.2\.1 192\.0\.2\.2 unknown 3 2 0\.6667 50\.000 40\.000 30\.000 /,
  );
});

test("a path is forgotten with what was measured of it; what is measured of none is nobody's", () => {
  const t = table();
  t.take([measured(0, 1e6)]);
  assert.is(t.find(OWN, PEER), null);
  const path = t.path(OWN, PEER);
  t.take([measured(0, 1e6)]);
  t.delete(path);
  assert.is(t.size, 0);
  assert.is(t.report(t.path(OWN, PEER)).rtt, null);
});

test("a stream gives what comes, in order, keeps the latest for a reader that is late, and ends with its table", async () => {
  const t = table();
  t.path(OWN, PEER);
  const stream = t.measurements();
  const first = stream.next();
  for (let i = 0; i < 5000; i++) t.take([measured(i, 1e6)]);
  assert.is((await first).value.sentAt, 0);
  assert.is(stream.missed, 5000 - 1 - 4096);
  assert.is((await stream.next()).value.sentAt, stream.missed + 1);
  t.close();
  let left = 0;
  for await (const _ of stream) left++;
  assert.is(left, 4095);
  const other = t.measurements();
  const waiting = other.next();
  t.close();
  assert.is((await waiting).done, true);
});

test("a reader that breaks out of its loop hears no more", async () => {
  const t = table();
  t.path(OWN, PEER);
  const stream = t.measurements();
  t.take([measured(0, 1e6), measured(1, 2e6)]);
  for await (const { rtt } of stream) {
    assert.is(rtt, 1e6);
    break;
  }
  t.take([measured(2, 3e6)]);
  assert.is((await stream.next()).done, true);
});

test("10,000 paths are listed some at a time, each once, and take no more than their samples", () => {
  const t = new PathTable({ clock: new SimulatedClock(), samples: 64, window: 1e12, listeners: nobody() });
  const peers = Array.from({ length: 10000 }, (_, i) => Uint8Array.of(10, 0, i >> 8, i & 255));
  const before = process.memoryUsage();
  for (const peer of peers) {
    t.path(OWN, peer);
    for (let i = 0; i < 3; i++) t.take([{ own: OWN, peer, sentAt: i * 1e9, rtt: 1e6, repeated: false }]);
  }
  const after = process.memoryUsage();
  const used = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  // 64 samples of 17 bytes, and half as much again for all else.
  assert.ok(used < 10000 * 4096, `${used / 10000} bytes a path`);
  const seen: string[] = [];
  for (let from = ""; ; ) {
    const lines = pathLines(t, from, ({ source, destination }) => `${source} ${destination}`)
      .trimEnd()
      .split("\n");
    const more = /^more: (.*)$/.exec(lines.at(-1)!);
    seen.push(...(more === null ? lines : lines.slice(0, -1)));
    if (more === null) break;
    from = more[1];
  }
  assert.equal(
    seen,
    peers.map((peer) => pathName(OWN, peer)),
  );
});

test.run();
