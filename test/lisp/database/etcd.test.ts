// The etcd store when something is wrong between it and etcd: connections cut or frozen, changes that are not kept any
// more, leases revoked, another cluster, servers that are no etcd.

import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { suite, test as unit } from "uvu";
import * as assert from "uvu/assert";
import { SharedDatabase } from "../../../src/lisp/database/shared-database.js";
import { PacketMemory } from "../../../src/packet/memory.js";
import { SimulatedClock } from "../../../src/router/clock.js";
import { StoreError } from "../../../src/router/store.js";
import { EtcdClient, type EtcdHost } from "../../../src/store/etcd-client.js";
import { EtcdReplies } from "../../../src/store/etcd-replies.js";
import { rangeEnd } from "../../../src/store/etcd-requests.js";
import { EtcdStore } from "../../../src/store/etcd-store.js";
import { failure } from "../../elements/lisp/control.js";
import { skipUnless } from "../../skip.js";
import { until } from "../../until.js";
import { entry, key } from "./entries.js";
import { EtcdCluster, etcdMissing } from "./etcd-cluster.js";

/** Seconds in which the store must take what is given to it: many, where the machine is busy. */
const PATIENCE = 120;

/** A way to a member that can be closed, frozen, and led elsewhere. */
class Gate {
  readonly #server = createServer((socket) => this.#join(socket));
  readonly #sockets = new Set<Socket>();
  target: EtcdHost;
  #open = true;

  constructor(target: EtcdHost) {
    this.target = target;
  }

  async start(): Promise<EtcdHost> {
    await new Promise<void>((done) => this.#server.listen(0, "127.0.0.1", done));
    return { host: "127.0.0.1", port: (this.#server.address() as AddressInfo).port };
  }

  /** Cuts what is there; nothing new gets through. */
  shut(): void {
    this.#open = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  unlock(): void {
    this.#open = true;
  }

  /** As if the machine were gone: nothing comes any more, and nobody says so. */
  freeze(): void {
    for (const socket of this.#sockets) socket.pause().unpipe();
    this.#join = (socket) => void this.#sockets.add(socket.pause());
  }

  async close(): Promise<void> {
    this.shut();
    await new Promise((done) => this.#server.close(done));
  }

  #join = (socket: Socket): void => {
    const other = connect(this.target.port, this.target.host);
    for (const [one, two] of [
      [socket, other],
      [other, socket],
    ]) {
      this.#sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => {
        this.#sockets.delete(one);
        two.destroy();
      });
      one.pipe(two);
    }
    if (!this.#open) socket.destroy();
  };
}

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

let prefixes = 0;
const newPrefix = (): string => `etcd-${prefixes++}/`;

interface Opened {
  readonly db: SharedDatabase;
  readonly store: EtcdStore;
}

async function open(prefix: string, hosts: readonly EtcdHost[] = cluster.hosts): Promise<Opened> {
  const store = new EtcdStore({ hosts, prefix, patience: PATIENCE });
  const memory = new PacketMemory({ bytes: 32 << 20, slots: 1 });
  return {
    db: await SharedDatabase.open({ clock: new SimulatedClock(), store, memory, patience: PATIENCE }),
    store,
  };
}

/** Asks the cluster past all stores. */
async function direct(path: string, body: object): Promise<Record<string, unknown>> {
  const client = new EtcdClient(cluster.hosts);
  try {
    return (await client.call(path, body)) as Record<string, unknown>;
  } finally {
    client.close();
  }
}

const put = (eid: string, more = {}): { put: ReturnType<typeof entry> } => ({
  put: entry(`${eid} 192.0.2.1`, more),
});

for (const compacted of [false, true])
  test(`who was cut off is told what happened meanwhile${compacted ? ", also when etcd does not keep it any more" : ""}`, async () => {
    const prefix = newPrefix();
    const gate = new Gate(cluster.hosts[0]);
    const a = await open(prefix, [await gate.start()]);
    const b = await open(prefix);
    await b.db.commit([put("10.0.0.0/8"), { nonce: "n", value: 1n }]);
    await until(() => a.db.size === 1);
    gate.shut();
    await until(() => a.db.loss !== null);
    const held = a.db.commit([put("13.0.0.0/8")]);
    await b.db.commit([{ delete: key("10.0.0.0/8") }, put("11.0.0.0/8"), { nonce: "n", value: 2n }]);
    if (compacted) {
      const { header } = await direct("/v3/kv/range", { key: "AA==" });
      await direct("/v3/kv/compaction", { revision: (header as { revision: string }).revision });
    }
    assert.equal([a.db.get(key("10.0.0.0/8")) !== null, a.db.size], [true, 1]);
    gate.unlock();
    await held;
    await until(() => a.db.loss === null);
    assert.equal(
      [...a.db.entries()].map((e) => e.eid.address[0]),
      [11, 13],
    );
    assert.is(a.db.nonce("n"), 2n);
    await Promise.all([a.db.close(), b.db.close()]);
    await gate.close();
  });

test("a member that is gone without a word is left for another one", async () => {
  const gate = new Gate(cluster.hosts[0]);
  const prefix = newPrefix();
  const a = await open(prefix, [await gate.start(), ...cluster.hosts]);
  const b = await open(prefix);
  await a.db.commit([put("10.0.0.0/8")]);
  gate.freeze();
  await a.db.commit([put("11.0.0.0/8")]);
  await b.db.commit([put("12.0.0.0/8")]);
  await until(() => a.db.size === 3);
  await Promise.all([a.db.close(), b.db.close()]);
  await gate.close();
});

test("another cluster in the place of the first counts, with what it holds", async () => {
  const other = await EtcdCluster.start(1);
  const gate = new Gate(cluster.hosts[0]);
  const prefix = newPrefix();
  const a = await open(prefix, [await gate.start()]);
  await a.db.commit([put("10.0.0.0/8")]);
  const b = await open(prefix, other.hosts);
  await b.db.commit([put("11.0.0.0/8")]);
  gate.shut();
  gate.target = other.hosts[0];
  gate.unlock();
  await until(() => a.db.get(key("10.0.0.0/8")) === null && a.db.get(key("11.0.0.0/8")) !== null);
  await a.db.commit([put("12.0.0.0/8")]);
  await until(() => b.db.size === 2);
  await Promise.all([a.db.close(), b.db.close()]);
  await Promise.all([gate.close(), other.close()]);
});

test("registrations of about the same time share a lease; one that is revoked is got anew", async () => {
  const { db, store } = await open(newPrefix());
  const at = (i: number): ReturnType<typeof put> => put(`10.0.${i}.0/24`, { expiry: 180e9 + i * 1e7 });
  await Promise.all(Array.from({ length: 200 }, (_, i) => db.commit([at(i)])));
  assert.ok(store.leases >= 1 && store.leases <= 2, `${store.leases} leases`);
  const { leases } = await direct("/v3/lease/leases", {});
  for (const { ID } of leases as { ID: string }[]) await direct("/v3/lease/revoke", { ID });
  await until(() => db.size === 0);
  await db.commit([at(1)]);
  assert.is(db.size, 1);
  await db.close();
});

test("much is loaded in parts, each as large as the gateway passes on", async () => {
  const prefix = newPrefix();
  const { db } = await open(prefix);
  const large = Array.from({ length: 80 }, (_, i) =>
    put(`10.0.${i}.0/24`, { raw: new Uint8Array(65_535).fill(i) }),
  );
  // One after the other: how much a slow machine takes at once is not what is asked here.
  for (const operation of large) await db.commit([operation]);
  await Promise.all(
    Array.from({ length: 2100 }, (_, i) => db.commit([{ nonce: `n${i}`, value: BigInt(i) }])),
  );
  await db.close();
  const again = await open(prefix);
  assert.equal([again.db.size, again.db.nonce("n2099"), again.db.skipped.count], [80, 2099n, 0]);
  await again.db.close();
});

etcd.run();

unit("servers that are no etcd, or lie, are an error of the store", async () => {
  let answer = "";
  const server = createHttpServer((_, response) => response.end(answer));
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const host = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  for (const [text, message] of [
    ["<html>hello</html>", /does not speak as etcd does: <html>/],
    ["", /does not speak as etcd does/],
    ["null", /does not speak as etcd does/],
    ["{}", /no header/],
    ['{"header":{"revision":"-1"}}', /the revision '-1'/],
    ['{"header":{"revision":"1"},"kvs":7}', /in place of a list/],
    ['{"header":{"revision":"1"},"kvs":[{"key":"AA=="}]}', /a key without our prefix/],
    ['{"header":{"revision":"1"},"more":true}', /more of nothing/],
  ] as const) {
    answer = text;
    const store = new EtcdStore({ hosts: [host], patience: 0.1 });
    const opening = SharedDatabase.open({ clock: new SimulatedClock(), store });
    assert.match(await failure(() => opening), message, text);
  }
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

unit(
  "a server that does not answer is given up after two seconds, and somewhat more where it was told much",
  async () => {
    const server = createServer(() => {});
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address() as AddressInfo;
    const client = new EtcdClient([{ host: "127.0.0.1", port }]);
    const much = { key: "A".repeat(100_000 - '{"key":""}'.length) };
    const [told, toldMuch] = [{}, much].map((body) => failure(() => client.call("/v3/kv/range", body)));
    assert.match(await told, /no answer within 2000 ms/);
    assert.match(await toldMuch, /no answer within 2500 ms/);
    client.close();
    server.close();
  },
);

unit("changes of a revision that comes in parts are told together", () => {
  const replies = new EtcdReplies(1, new Uint8Array(8));
  const header = { revision: "9", cluster_id: "1" };
  const event = (n: number): object => ({
    type: n === 2 ? "DELETE" : undefined,
    kv: {
      key: Buffer.from([1, n]).toString("base64"),
      value: Buffer.alloc(13).toString("base64"),
      mod_revision: "9",
    },
  });
  assert.equal(replies.watch({ header, fragment: true, events: [event(1)] }).changes, []);
  const { changes } = replies.watch({ header, events: [event(2)] });
  assert.equal(
    changes.map((c) => [c.key[0], c.value?.length ?? null, c.own, c.revision]),
    [
      [1, 1, true, 9],
      [2, null, false, 9],
    ],
  );
  assert.throws(
    () => replies.watch({ header, events: [{}] }),
    (e: unknown) => e instanceof StoreError,
  );
});

unit("the keys that begin with a prefix end where the next one would begin", () => {
  assert.equal([...rangeEnd(Uint8Array.of(1, 2))], [1, 3]);
  assert.equal([...rangeEnd(Uint8Array.of(1, 255))], [2]);
  assert.equal([...rangeEnd(Uint8Array.of(255))], [0]);
});

unit.run();
