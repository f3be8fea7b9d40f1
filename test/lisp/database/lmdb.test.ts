// The embedded store for real: kill -9, the order of system calls, damaged files, a full disk.

import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  cpSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MappingDatabase } from "../../../src/lisp/database/mapping-database.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import { RealClock } from "../../../src/router/clock.js";
import { StoreError } from "../../../src/router/store.js";
import { openLmdbStore } from "../../../src/store/lmdb-store.js";
import * as fc from "../../property.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";
import { NUMBERED_PREFIXES, NUMBERED_XTRS, numbered } from "./entries.js";
import { keeperOf } from "./keeper.js";
import { readSyncTrace, TRACED_CALLS } from "./sync-trace.js";

const CHILD = fileURLToPath(new URL("store-child.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-lmdb-"));
test.after(() => rmSync(folder, { recursive: true }));

async function open(at: string): Promise<MappingDatabase> {
  const memory = new PacketMemory({ bytes: 64 << 20, slots: 1 });
  return MappingDatabase.open({ clock: new RealClock(), store: await openLmdbStore(at), memory });
}

const LINE = 8;
const REGISTRATIONS = 10_000;
/** More than a child gets done before it is killed, however late that is. */
const WITHOUT_END = 10_000_000;

/** Lets a child register and kills it once `acknowledged` registrations are. Returns their numbers. */
async function killed(at: string, first: number, acknowledged: number, group: number): Promise<number[]> {
  const path = join(folder, "acknowledged");
  const output = openSync(path, "w");
  const child = spawn(
    process.execPath,
    [CHILD, "register", at, String(first), String(WITHOUT_END), String(group)],
    {
      stdio: ["ignore", output, "inherit"],
    },
  );
  const ended = new Promise<NodeJS.Signals | null>((done) => child.on("exit", (_, signal) => done(signal)));
  while (fstatSync(output).size < acknowledged * LINE && child.exitCode === null)
    await new Promise((later) => setTimeout(later, 1));
  child.kill("SIGKILL");
  assert.is(await ended, "SIGKILL", "the child was killed, it did not end by itself");
  closeSync(output);
  return readFileSync(path, "latin1").split("\n").slice(0, -1).map(Number);
}

test("after kill -9 amid 10,000 registrations every acknowledged one is there, and its nonce", async () => {
  const at = join(folder, "killed");
  const seed = fc.SEED;
  const moments = fc.sample(
    fc.record({
      after: fc.integer({ min: 0, max: REGISTRATIONS - 1500 }),
      group: fc.constantFrom(1, 20, 300, 1000),
    }),
    { seed, numRuns: 8 },
  );
  const known = new Map<number, number>();
  const nonces = new Map<number, number>();
  let first = 0;
  for (const { after, group } of moments) {
    // One at a time would take a sync each.
    const enough = group === 1 ? after % 300 : after;
    const acknowledged = await killed(at, first, enough, group);
    const context = `seed ${seed}, ${acknowledged.length} acknowledged, ${group} at once`;
    assert.ok(acknowledged.length >= enough, context);
    for (const i of acknowledged) {
      known.set(i % NUMBERED_PREFIXES, i);
      nonces.set(i % NUMBERED_XTRS, i);
    }
    const db = await open(at);
    assert.is(db.skipped.count, 0, context);
    for (const [n, i] of known) {
      const [operation] = numbered(n);
      assert.ok("put" in operation);
      const found = db.get(operation.put);
      assert.ok(found !== null, `registration ${i} is not there: ${context}`);
      const { nonce, mapping } = found.registrations[0];
      assert.ok(nonce >= BigInt(i), `registration ${nonce} is there in place of ${i}: ${context}`);
      assert.is(mapping.locators[0].weight, Number(nonce % 100n), context);
    }
    for (const [n, i] of nonces) assert.ok((db.nonce(`xtr ${n}`) ?? -1n) >= BigInt(i), context);
    await db.close();
    // Past those that were under way.
    first = Math.max(first, ...acknowledged.slice(-1)) + REGISTRATIONS;
  }
});

const traceable = spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0;
const traceTest = skipUnless(traceable, "needs strace, and the right to use it");

traceTest("the data is on disk before a registration is acknowledged", () => {
  const trace = join(folder, "trace");
  const count = 30;
  const { status, stdout } = spawnSync(
    "strace",
    [
      "-f",
      "-y",
      "-e",
      `trace=${TRACED_CALLS}`,
      "-o",
      trace,
      process.execPath,
      CHILD,
      "register",
      join(folder, "traced"),
      "0",
      String(count),
      "1",
    ],
    { encoding: "utf8" },
  );
  assert.is(status, 0);
  assert.is(stdout.length, count * LINE);
  const told = readSyncTrace(readFileSync(trace, "latin1"), (call) => / write\(1</.test(call));
  assert.equal(told, { acknowledged: count, early: [], synced: true });
});

test("what is no LMDB database, or a damaged one, is an error and not the end of the process", async () => {
  const sound = join(folder, "sound");
  const db = await open(sound);
  for (let i = 0; i < 2000; i++) void db.commit(numbered(i));
  await db.commit([]);
  await db.close();
  const refused = async (what: string, damage: (file: string) => void, message: RegExp): Promise<void> => {
    const at = join(folder, what);
    cpSync(sound, at, { recursive: true });
    damage(join(at, "data.mdb"));
    const error = await openLmdbStore(at).then(
      () => null,
      (e) => e,
    );
    assert.instance(error, StoreError, what);
    assert.match(error.message, message);
    assert.match(error.message, at);
  };
  await refused("text", (file) => writeFileSync(file, "hello"), /no LMDB database/);
  await refused("zeros", (file) => writeFileSync(file, new Uint8Array(1 << 20)), /no LMDB database/);
  await refused("cut", (file) => truncateSync(file, 20_000), /cut short/);
  await refused("head", (file) => truncateSync(file, 4096 + 20), /no LMDB database/);
  const file = join(folder, "file");
  writeFileSync(file, "");
  for (const at of [join(folder, "no", "such"), file])
    await openLmdbStore(at).then(
      () => assert.unreachable(),
      (e) => assert.instance(e, StoreError),
    );
  mkdirSync(join(folder, "empty"));
  const again = await open(join(folder, "empty"));
  assert.is(again.size, 0);
  await again.close();
});

const linux = skipUnless(process.platform === "linux", "needs /proc of Linux");
const key = (n: number): Uint8Array => Buffer.from(`key ${n}`);

async function failure(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => assert.unreachable() as never,
    (e) => {
      assert.instance(e, StoreError);
      return (e as Error).message;
    },
  );
}

linux(
  "a store whose process is ended fails what was asked, and is opened again with all that it had",
  async () => {
    const at = join(folder, "ended");
    const store = await openLmdbStore(at);
    await store.commit([1, 2, 3].map((n) => ({ key: key(n), value: key(n) })));
    const first = keeperOf(at)!;
    process.kill(first, "SIGSEGV");
    await until(() => keeperOf(at) === null, "the process ends");
    // It is opened again at once, or by the next one where its end was not yet known.
    const gone = [{ key: key(1), value: null }];
    const again = (): Promise<void> => store.commit(gone);
    await again().catch(again);
    assert.not.equal(keeperOf(at), first);
    const second = keeperOf(at)!;
    process.kill(second, "SIGSTOP");
    const under = failure(store.commit([{ key: key(4), value: key(4) }]));
    process.kill(second, "SIGKILL");
    assert.match(await under, /^the mapping store failed: its process was ended by SIGKILL/);
    // Not at once again: one that ends each time would do nothing else.
    assert.match(
      await failure(store.commit([{ key: key(4), value: key(4) }])),
      /^the mapping store failed: /,
    );
    await until(
      () =>
        store.commit([{ key: key(4), value: key(4) }]).then(
          () => true,
          () => false,
        ),
      "it is opened again",
    );
    const found: string[] = [];
    assert.is(await store.load((k) => void found.push(Buffer.from(k).toString())), 0);
    assert.equal(found, ["key 2", "key 3", "key 4"]);
    await store.close();
    assert.is(keeperOf(at), null);
  },
);

linux("a store that was removed while it is open takes nothing any more, and says so", async () => {
  const at = join(folder, "removed");
  const store = await openLmdbStore(at);
  await store.commit([1, 2, 3].map((n) => ({ key: key(n), value: key(n) })));
  rmSync(join(at, "data.mdb"));
  assert.match(
    await failure(store.commit([{ key: key(4), value: key(4) }])),
    /^the mapping store failed: data\.mdb was removed, or is another one$/,
  );
  let message = "";
  await until(async () => {
    message = await failure(store.commit([{ key: key(4), value: key(4) }]));
    return /not in it/.test(message);
  }, "it is looked at again");
  assert.is(message, "the mapping store failed: 3 of 3 keys are not in it any more");
  await store.close();
});

test("damage at random ends no process but the store's own", async () => {
  const sound = join(folder, "to-damage");
  const store = await openLmdbStore(sound);
  for (let i = 0; i < 5000; i += 1000)
    await store.commit(
      Array.from({ length: 1000 }, (_, j) => ({ key: key(i + j), value: new Uint8Array(100) })),
    );
  await store.close();
  const { size } = statSync(join(sound, "data.mdb"));
  const meta = 8192;
  const damages = fc.sample(
    fc.record({
      cut: fc.option(fc.integer({ min: meta, max: size - 1 })),
      places: fc.array(fc.integer({ min: meta, max: size - 4096 }), { minLength: 1, maxLength: 20 }),
      bytes: fc.uint8Array({ minLength: 16, maxLength: 4096 }),
    }),
    { seed: fc.SEED, numRuns: 8 },
  );
  for (const { cut, places, bytes } of damages) {
    const at = join(folder, "damaged");
    rmSync(at, { recursive: true, force: true });
    cpSync(sound, at, { recursive: true });
    const fd = openSync(join(at, "data.mdb"), "r+");
    for (const place of places) writeSync(fd, bytes, 0, undefined, place);
    if (cut !== null) ftruncateSync(fd, cut);
    closeSync(fd);
    // Each may fail, with a StoreError.
    const opened = await openLmdbStore(at).catch((e) => failure(Promise.reject(e)).then(() => null));
    if (opened === null) continue;
    let read = 0;
    await opened
      .load(() => void read++)
      .then(
        (lost) => assert.ok(lost >= 0 && read <= 5000),
        (e) => failure(Promise.reject(e)),
      );
    for (let i = 0; i < 3; i++)
      await opened
        .commit(
          Array.from({ length: 200 }, (_, j) => ({ key: key(i * 1000 + j), value: new Uint8Array(150) })),
        )
        .catch((e) => failure(Promise.reject(e)));
    await opened.close();
  }
});

test("LMDB is loaded when a store is opened, and who has none is told what is missing", () => {
  const bare = join(folder, "bare");
  const built = fileURLToPath(new URL("../../../", import.meta.url));
  for (const room of ["src", "assembly"]) cpSync(join(built, room), join(bare, room), { recursive: true });
  writeFileSync(join(bare, "package.json"), '{"type":"module"}');
  const script = `
    const { openLmdbStore } = await import("./src/store/lmdb-store.js");
    await openLmdbStore("store").catch((e) => console.log(e.code, e.message));`;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: bare,
    encoding: "utf8",
  });
  assert.match(run.stdout, /^STORE the mapping store needs the package lmdb, .* Cannot find package 'lmdb'/);
});

const mountable =
  process.getuid?.() === 0 &&
  spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", folder]).status === 0;

skipUnless(mountable, "needs root, to mount a small disk")(
  "a full disk fails the batch, and the store goes on",
  () => {
    const small = join(folder, "small");
    mkdirSync(small);
    const script = 'mount -t tmpfs -o size=600k none "$1" && exec "$2" "$3" fill "$1/store"';
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      ["-m", "sh", "-c", script, "sh", small, process.execPath, CHILD],
      { encoding: "utf8" },
    );
    assert.is(status, 0, stderr);
    const { told, ...rest } = JSON.parse(stdout);
    assert.match(told, /^the mapping store failed: (Input\/output error|No space left)/);
    assert.equal(rest, { full: true, goesOn: true });
  },
);

test.run();
