// Records of migrations as bytes of a store: what comes back, and what is refused.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { OwnLedger, recordKey } from "../../../src/cloud/migration/ledger.js";
import {
  decodeRecord,
  encodeRecord,
  type MigrationRecord,
  withStep,
} from "../../../src/cloud/migration/record.js";
import { StoreError } from "../../../src/router/store.js";
import { MemoryStore } from "../../../src/store/memory-store.js";
import { address } from "./world.js";

const RECORD: MigrationRecord = {
  id: "fmc-1-7",
  number: 7,
  vm: "vm",
  from: "dc1",
  to: "dc2",
  arm: "e",
  state: "running",
  reason: "the user is there",
  decision: 3,
  memory: 1e9,
  mtu: 1500,
  eids: [
    { iid: 5, address: address("10.1.0.5") },
    { iid: 0, address: address("fd00::5") },
  ],
  rlocs: { source: [address("192.0.2.1")], target: [address("192.0.2.2"), address("2001:db8::2")] },
  back: { code: "FAILED", from: "hypervisor dc1", reason: "no" },
  next: { to: "dc3", reason: "", arm: "a", decision: null },
  history: withStep([], { at: 1, state: "decided", from: "controller", item: "F14.2", what: "x" }),
};

test("a record comes back as it was", () => {
  assert.equal(decodeRecord(encodeRecord(RECORD)), RECORD);
  const plain = { ...RECORD, back: null, next: null, decision: null, history: [] };
  assert.equal(decodeRecord(encodeRecord(plain)), plain);
});

test("a history keeps its first and its last lines", () => {
  let history: MigrationRecord["history"] = [];
  for (let at = 0; at < 500; at++)
    history = withStep(history, { at, state: "running", from: "x", item: "", what: "y".repeat(1000) });
  assert.equal([history.length, history[0].at, history[31].at, history.at(-1)!.at], [96, 0, 31, 499]);
  assert.is(history[0].what.length, 200);
  assert.equal(decodeRecord(encodeRecord({ ...RECORD, history })).history, history);
});

test("bytes that no such program has written are refused, whichever field is wrong", () => {
  const good = JSON.parse(Buffer.from(encodeRecord(RECORD)).toString());
  const refused = (value: unknown): void => {
    const bytes = Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
    assert.throws(
      () => decodeRecord(bytes),
      (e: Error) => e instanceof StoreError,
      JSON.stringify(value),
    );
  };
  for (const text of ["", "[]", "null", "7", "{", "x".repeat(70_000)]) refused(text);
  for (const name of Object.keys(good)) {
    refused({ ...good, [name]: undefined });
    refused({ ...good, [name]: { a: 1 } });
    refused({ ...good, [name]: -1 });
    refused({ ...good, [name]: [{ a: 1 }] });
  }
  refused({ ...good, format: 2 });
  refused({ ...good, vm: "x".repeat(201) });
  refused({ ...good, eids: [{ iid: 0, address: "x" }] });
  refused({ ...good, eids: Array(65).fill(good.eids[0]) });
  refused({ ...good, rlocs: { source: [7], target: [] } });
  assert.throws(() => decodeRecord(Uint8Array.of(0xff, 0xfe)), /is no JSON/);
});

test("what a store has that cannot be read is counted, and left alone", async () => {
  const store = new MemoryStore();
  await store.commit([
    { key: recordKey("a"), value: Buffer.from("{}") },
    { key: Buffer.from("fmc/catalogue/dc/a"), value: Buffer.from("{}") },
    { key: recordKey(RECORD.id), value: encodeRecord(RECORD) },
  ]);
  const ledger = await OwnLedger.open(store);
  assert.equal(ledger.records(), [RECORD]);
  assert.is(ledger.unreadable, 1);
  await ledger.forget([RECORD.id]);
  assert.equal([ledger.records(), store.size], [[], 2]);
});

test.run();
