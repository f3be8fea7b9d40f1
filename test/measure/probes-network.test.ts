// RLOC probes over links of known delay, jitter, loss and failures, in simulated time: what is measured is what is there.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPRLOCProber } from "../../elements/lisp/itr/lisp-rloc-prober.js";
import { type LinkDevice, makeLink } from "../../src/device/link.js";
import { parsePathDocument } from "../../src/measure/path-document.js";
import type { PathReport } from "../../src/measure/path-table.js";
import { SeededRandom } from "../../src/router/random.js";
import { Network } from "../conf/network.js";

const READER = fileURLToPath(new URL("../../../test/fixtures/paths/read.mjs", import.meta.url));

interface Peer {
  readonly delay: number;
  readonly jitter?: number;
  readonly loss?: number;
}

/** A prober, 10.0.0.1, and peers 10.0.i.2 behind a link each; `ends[i]`: the peer's. */
async function world(
  peers: readonly Peer[],
  args: string,
  dead = "",
): Promise<{ n: Network; ends: LinkDevice[]; report(i: number): PathReport }> {
  const n = new Network();
  const { clock, schedule } = n.simulation;
  const random = new SeededRandom(9);
  const links = peers.map((peer, i) =>
    makeLink({ clock, schedule, random: () => random.real(), names: [`to${i}`, "core"], ...peer }),
  );
  const mappings = peers.map((_, i) => `10.1${i}.0.0/16 10.0.${i}.2`);
  const routes = peers.map((_, i) => `10.0.${i}.0/24 ${i}`);
  await n.make(
    "xtr",
    `Idle -> cache :: LISPMapCache(${[...mappings, dead].filter(Boolean).join(", ")}) -> Discard;
     answers :: Null -> e :: LISPRLOCProber(cache, RLOC 10.0.0.1, ${args}) -> r :: RadixIPLookup(${routes}, 0/0 ${peers.length});
     r[${peers.length}] -> Discard;
     ${peers.map((_, i) => `FromDevice(to${i}) -> answers; r[${i}] -> Queue -> ToDevice(to${i});`).join("\n")}`,
    links.map(([end], i) => [`to${i}`, end] as const),
  );
  for (const [i, [, end]] of links.entries())
    await n.make(
      `peer${i}`,
      `site :: LISPSite(10.1${i}.0.0/16 10.0.${i}.2);
       FromDevice(core) -> e :: LISPMapReplier(site, RLOC 10.0.${i}.2) -> Queue -> ToDevice(core); Idle -> [1] e`,
      [["core", end]],
    );
  const { paths } = n.routers.get("xtr")!.find("e") as LISPRLOCProber;
  return {
    n,
    ends: links.map(([, end]) => end),
    report: (i) =>
      [...paths.paths()].map((p) => paths.report(p)).find((r) => r.destination === `10.0.${i}.2`)!,
  };
}

test("round-trip times are the links', to a microsecond, none taken for another's", async () => {
  const delays = [0.0005, 0.0175, 0.0185, 0.12, 0.6];
  const { n, report } = await world(
    delays.map((delay) => ({ delay })),
    "INTERVAL 5",
  );
  await n.simulation.runFor(100);
  for (const [i, delay] of delays.entries()) {
    const { rtt, jitter, availability, state } = report(i);
    for (const [what, seconds] of Object.entries(rtt!))
      assert.ok(Math.abs(seconds - 2 * delay) < 1e-6, `${delay}: ${what} ${seconds}`);
    assert.ok(jitter!.mean < 1e-6 && jitter!.smoothed < 1e-6);
    assert.equal([availability, state], [1, "up"], "also where a round trip takes longer than TIMEOUT");
  }
  n.close();
});

test("a path that breaks is measured as it is broken: 60 s of 300", async () => {
  const { n, ends, report } = await world(
    [{ delay: 0.02 }, { delay: 0.02 }],
    "INTERVAL 2, WINDOW 300, SAMPLES 400",
  );
  await n.simulation.runFor(120);
  ends[0].impair({ delay: 0.02 }, true);
  await n.simulation.runFor(60);
  assert.is(report(0).state, "down");
  ends[0].impair({ delay: 0.02 });
  await n.simulation.runFor(120);
  const { availability, state, sent } = report(0);
  // An interval at either end.
  assert.ok(Math.abs(availability! - 0.8) < 4 / 300, String(availability));
  assert.ok(sent > 200 && state === "up", String(sent));
  assert.is(report(1).availability, 1);
  n.close();
});

test("loss is what a link loses one way and the other; jitter is that of its distribution", async () => {
  const { n, report } = await world(
    [
      { delay: 0.02, loss: 0.1 },
      { delay: 0.02, jitter: 0.01 },
    ],
    "INTERVAL 10, WINDOW 40000, SAMPLES 8192",
  );
  await n.simulation.runFor(20000);
  const { sent, availability } = report(0);
  // 0.9 * 0.9; three standard deviations.
  const deviation = Math.sqrt((0.81 * 0.19) / sent);
  assert.ok(Math.abs(availability! - 0.81) < 3 * deviation, `${availability} of ${sent}`);
  const { rtt, jitter } = report(1);
  // Two ways uniform in 20 to 30 ms each: mean 50 ms; |X - Y| of two such sums is 7/15 of the width on average.
  assert.ok(Math.abs(rtt!.mean - 0.05) < 0.0006, String(rtt!.mean));
  assert.ok(rtt!.min >= 0.04 && rtt!.max <= 0.06 && Math.abs(rtt!.p50 - 0.05) < 0.0005);
  assert.ok(Math.abs(jitter!.mean - 0.01 * (7 / 15)) < 0.0003, String(jitter!.mean));
  assert.ok(Math.abs(jitter!.smoothed - 0.01 * (7 / 15)) < 0.003, String(jitter!.smoothed));
  n.close();
});

test("the file is read by a program that was written from its description; nobody finds half of one", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-paths-"));
  const file = join(folder, "paths.json");
  try {
    const { n } = await world(
      [{ delay: 0.0175 }],
      `INTERVAL 2, FILE "${file}", FILE_INTERVAL 5`,
      "10.99.0.0/16 10.0.99.2",
    );
    await n.simulation.runFor(4.9);
    assert.not(existsSync(file));
    await n.simulation.runFor(0.2);
    const table = execFileSync(process.execPath, [READER, file], { encoding: "utf8" });
    assert.match(table, /^10\.0\.0\.1 10\.0\.0\.2 up 35\.0 35\.0 0\.0 1\.00$/m);
    assert.match(table, /^10\.0\.0\.1 10\.0\.99\.2 down \? \? \? 0\.00$/m);
    const document = parsePathDocument(readFileSync(file, "utf8"));
    assert.equal([document.element, document.interval, document.window, document.timeout], ["e", 5, 300, 3]);
    assert.is(document.written, "2001-09-09T01:46:45.000Z");
    assert.is(statSync(file).mode & 0o777, 0o644);
    await n.simulation.runFor(5);
    assert.ok(parsePathDocument(readFileSync(file, "utf8")).written > document.written);
    // What cannot be written is said, once, and written again when it can be.
    rmSync(file);
    mkdirSync(file);
    await n.simulation.runFor(10);
    assert.match(n.read("xtr", "e.problem"), /^cannot write .*paths\.json: /);
    rmSync(file, { recursive: true });
    await n.simulation.runFor(5.1);
    assert.is(n.read("xtr", "e.problem"), "");
    assert.ok(existsSync(file));
    n.close();
    assert.not(existsSync(`${file}.new`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
