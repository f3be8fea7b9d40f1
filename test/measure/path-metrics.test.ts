// Metrics of measured paths: what is known, in seconds; what is not is absent.

import { Registry } from "prom-client";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPRLOCProber } from "../../elements/lisp/itr/lisp-rloc-prober.js";
import { findAddress } from "../../src/net/address.js";
import { PathMetrics, pathsOf } from "../../src/vnf/api/path-metrics.js";
import { measuredPaths } from "../../src/vnf/instance/measured-paths.js";
import { Bench } from "../elements/lisp/harness.js";

const OWN = findAddress("192.0.2.1")!;

test("a service's metrics have every path of every function, in parts", async () => {
  const b = await Bench.start(`
    feed :: Feed -> cache :: LISPMapCache -> Discard;
    f1 :: Feed -> a :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL 0) -> o1 :: Sink;
    f2 :: Feed -> z :: LISPRLOCProber(cache, RLOC 192.0.2.1, INTERVAL 0) -> o2 :: Sink;
  `);
  for (const name of ["a", "z"]) {
    const { paths } = b.router.find(name) as LISPRLOCProber;
    for (let i = 0; i < 50; i++) {
      const peer = Uint8Array.of(192, 0, 3, i);
      const path = paths.path(OWN, peer);
      if (i === 0) continue;
      path.state = i === 1 ? "down" : "up";
      const rtt = i === 1 ? "lost" : 35e6;
      paths.take([0, 1e9].map((sentAt) => ({ own: OWN, peer, sentAt, rtt, repeated: false })));
    }
  }
  let asked = 0;
  const registry = new Registry();
  const metrics = new PathMetrics(registry);
  const f = {
    request: async (_: "paths", { after }: { readonly after: string | null }) => {
      asked++;
      return measuredPaths(b.router.elements, after);
    },
  };
  for await (const path of pathsOf(f)) metrics.add("xtr", path);
  const text = await registry.metrics();
  const of = (element: string, n: number): string =>
    `function="xtr",element="${element}",source="192.0.2.1",destination="192.0.3.${n}"`;
  const lines = text.split("\n");
  for (const line of [
    `sluice_path_up{${of("a", 1)}} 0`,
    `sluice_path_up{${of("z", 49)}} 1`,
    `sluice_path_availability_ratio{${of("a", 1)}} 0`,
    `sluice_path_window_probes{${of("z", 2)},fate="answered"} 2`,
    `sluice_path_window_probes{${of("a", 1)},fate="lost"} 2`,
    `sluice_path_rtt_seconds{${of("z", 2)},stat="p95"} 0.035`,
    `sluice_path_jitter_seconds{${of("z", 2)},stat="smoothed"} 0`,
  ])
    assert.ok(lines.includes(line), `${line} in\n${lines.filter((l) => l.includes('.1"')).join("\n")}`);
  assert.not.match(text, /destination="192\.0\.3\.0"/);
  assert.not.match(text, /rtt_seconds\{[^}]*destination="192\.0\.3\.1"/);
  assert.is(lines.filter((line) => line.startsWith("sluice_path_up{")).length, 98);
  assert.is(asked, 4);
  b.close();
});

test("a function that answers no more ends its paths, and nothing else", async () => {
  const found: unknown[] = [];
  for await (const path of pathsOf({ request: () => Promise.reject(new Error("gone")) })) found.push(path);
  assert.equal(found, []);
});

test.run();
