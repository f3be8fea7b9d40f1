// Controllers of migrations that share an etcd cluster.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Ledger } from "../../../src/cloud/migration/ledger.js";
import { openLedger } from "../../../src/cloud/migration/open-ledger.js";
import { decodeRecord, encodeRecord, type MigrationRecord } from "../../../src/cloud/migration/record.js";
import { RealClock } from "../../../src/router/clock.js";
import { Timer, Timers } from "../../../src/router/timer.js";
import { EtcdCluster, etcdMissing } from "../../lisp/database/etcd-cluster.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";

const etcd = suite("etcd");
const missing = etcdMissing();
const test = skipUnless(missing === null, missing ?? "", etcd);
let cluster: EtcdCluster;
if (missing === null) {
  etcd.before(async () => {
    cluster = await EtcdCluster.start(1);
  });
  etcd.after(() => cluster.close());
}

const clock = new RealClock();

async function open(timers: Timers): Promise<Ledger> {
  const address = { kind: "etcd", hosts: cluster.hosts, prefix: "migrations/" } as const;
  return openLedger(address, {
    stores: null,
    prefix: "sluice-fmc/",
    lock: async () => () => {},
    clock,
    timers: { timer: (fire) => new Timer(timers, fire) },
    lease: 0.5,
    report: () => {},
  });
}

const RECORD: MigrationRecord = {
  id: "fmc-1-1",
  number: 1,
  vm: "vm",
  from: "dc1",
  to: "dc2",
  arm: "e",
  state: "armed",
  reason: "",
  decision: null,
  memory: 1,
  mtu: 1500,
  eids: [],
  rlocs: { source: [], target: [] },
  back: null,
  next: null,
  history: [],
};

test("of two controllers one acts, and the other takes over with what the first has kept", async () => {
  const timers = [new Timers(clock), new Timers(clock)];
  const ticking = timers.map((some) => setInterval(() => some.run(16), 5));
  try {
    const a = await open(timers[0]);
    await until(() => a.acting);
    const b = await open(timers[1]);
    await a.save([RECORD]);
    assert.ok(!b.acting);
    // It stands still, as a process does that is killed.
    clearInterval(ticking[0]);
    await until(() => b.acting);
    assert.equal(b.records(), [decodeRecord(encodeRecord(RECORD))]);
    const error = await a.save([{ ...RECORD, state: "failed" }]).then(
      () => "",
      (e: Error) => e.message,
    );
    assert.match(error, /another controller acts|the leader's key/);
    await b.forget([RECORD.id]);
    assert.equal(b.records(), []);
    await a.close();
    await b.close();
  } finally {
    for (const one of ticking) clearInterval(one);
  }
});

etcd.run();
