// LISPMapServer: subscriptions to EID-prefixes (RFC 9437).

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AuthenticationKey,
  authenticate,
  verifyAuthentication,
} from "../../../../src/lisp/control/authentication.js";
import { subscriptionsText } from "../../../../src/lisp/map-server/listing.js";
import { Subscriptions } from "../../../../src/lisp/map-server/subscriptions.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { coversPrefix, findPrefix } from "../../../../src/net/prefix.js";
import { ipAddress, NO_ADDRESS } from "../../../../src/wire/lisp-control/address.js";
import type { MapRequest } from "../../../../src/wire/lisp-control/map-request.js";
import type { EidRecord } from "../../../../src/wire/lisp-control/record.js";
import type { MapNotify } from "../../../../src/wire/lisp-control/registration.js";
import { packetOf, record, sentOf } from "../control.js";
import type { Bench } from "../harness.js";
import { bench, eidsOf, ids, MS, notifies, register, request, rlocsOf, SITES } from "./map-server-lab.js";

const PUBSUB: AuthenticationKey = { id: 3, secret: Buffer.from("shared") };
const withPubsub = (more = ""): Promise<Bench> => bench(`, PUBSUB_KEY 3:shared ${more}`);

function subscribe(b: Bench, nonce: number, eid: string, fields: Partial<MapRequest> = {}): void {
  request(b, eid, { nonce: BigInt(nonce), records: [subscribed(eid)], ids: ids(5), ...fields });
}

const subscribed = (eid: string, maskLength = 32): MapRequest["records"][number] => ({
  eid: ipAddress(parseRloc(eid)),
  maskLength,
  subscribe: true,
});

function acknowledge(b: Bench, message: MapNotify, key = PUBSUB): void {
  const bytes = authenticate({ ...message, type: "map-notify-ack" }, key, 2, "ids");
  b.push("e", [packetOf(bytes, { from: "192.0.2.50", to: MS })]);
}

test("a subscription is answered by a Map-Notify with its nonce, each change published with one more", async () => {
  const b = await withPubsub();
  subscribe(b, 40, "10.1.0.7");
  const [first, ...more] = notifies(b);
  assert.equal([more.length, first.to, first.message.nonce], [0, "192.0.2.50", 40n]);
  assert.equal([eidsOf(first.message), rlocsOf(first.message)], [["10.1.0.0/16"], []]);
  assert.equal(first.message.ids, ids(5));
  assert.is(verifyAuthentication(first.payload, first.message, [PUBSUB]).verdict, "valid");
  acknowledge(b, first.message);
  assert.equal([b.read("e.pending"), b.read("e.subscribed")], ["0", "1"]);
  const changes: [number, EidRecord][] = [
    [1, record("10.1.0.0/16", "192.0.2.1")],
    [2, record("10.1.0.0/16", "192.0.2.1")],
    [3, record("10.1.0.7/32", "192.0.2.3")],
    [4, record("10.1.0.8/32", "192.0.2.3")],
    [5, record("10.1.0.7/32", "192.0.2.3", { ttl: 0 })],
  ];
  const told: unknown[] = [];
  for (const [nonce, change] of changes) {
    register(b, nonce, [change], { wantNotify: false, ids: ids(1) });
    for (const { to, message } of notifies(b)) {
      if (to !== "192.0.2.50") continue;
      told.push([message.nonce, ...eidsOf(message), ...rlocsOf(message), message.records[0].ttl]);
      acknowledge(b, message);
    }
  }
  assert.equal(told, [
    [41n, "10.1.0.0/16", "192.0.2.1", 1440],
    [42n, "10.1.0.7/32", "192.0.2.3", 1440],
    [43n, "10.1.0.7/32", 0],
  ]);
  assert.equal([b.read("e.published"), b.read("e.pending")], ["3", "0"]);
  assert.is(b.read("e.subscriptions"), `10.1.0.7/32 192.0.2.50 xtr ${"05".repeat(16)} nonce 2b`);
  b.close();
});

test("a change around a subscription's prefix is published where it holds for that, for what it is then", async () => {
  const b = await withPubsub();
  subscribe(b, 40, "10.1.0.7");
  subscribe(b, 1 << 20, "10.1.9.9");
  for (const { message } of notifies(b)) acknowledge(b, message);
  const told: string[] = [];
  const change = (nonce: number, eid: string, ttl = 1440): void => {
    register(b, nonce, [record(eid, `192.0.2.${nonce}`, { ttl })], {
      wantNotify: false,
      proxyReply: true,
      ids: ids(1),
    });
    for (const { to, message } of notifies(b)) {
      if (to !== "192.0.2.50") continue;
      acknowledge(b, message);
      const records = eidsOf(message).map((e, i) => `${e}${message.records[i].ttl === 0 ? " gone" : ""}`);
      told.push(`${message.nonce < 100n ? "7" : "9"}: ${records.join(", ")}`);
    }
  };
  const published = (nonce: number, eid: string, ttl?: number): string[] => {
    told.length = 0;
    change(nonce, eid, ttl);
    return [...told].sort();
  };
  assert.equal(published(1, "10.1.0.0/16"), ["7: 10.1.0.0/16", "9: 10.1.0.0/16"]);
  assert.equal(published(2, "10.1.0.7/32"), ["7: 10.1.0.7/32"]);
  // The host has a mapping of its own; for the other the answer is the prefix with the host in it.
  assert.equal(published(3, "10.1.0.0/16"), ["9: 10.1.0.0/16, 10.1.0.7/32"]);
  assert.equal(published(4, "10.1.0.0/24"), []);
  assert.equal(published(5, "10.1.0.7/32", 0), ["7: 10.1.0.7/32 gone"]);
  assert.equal(published(6, "10.1.0.0/24", 0), ["7: 10.1.0.0/16"]);
  assert.equal(published(7, "10.1.0.0/16", 0), [
    "7: 10.1.0.0/16 gone, 10.1.0.7/32 gone",
    "9: 10.1.0.0/16 gone, 10.1.9.9/32 gone",
  ]);
  b.close();
});

test("who acknowledges no publication, or with the wrong key, is told again and again, then subscribed no longer", async () => {
  const b = await withPubsub();
  subscribe(b, 40, "10.1.0.7");
  acknowledge(b, notifies(b)[0].message, { id: 3, secret: Buffer.from("guess") });
  assert.equal([b.read("e.bad_authentication"), b.read("e.pending")], ["1", "1"]);
  b.router.runFor(98);
  assert.not.equal(b.read("e.subscriptions"), "");
  b.router.runFor(2);
  assert.equal([b.read("e.subscriptions"), b.read("e.pending"), notifies(b).length], ["", "0", 6]);
  b.close();
});

test("a subscription with a nonce that is not newer changes nothing; one without an RLOC ends it", async () => {
  const b = await withPubsub();
  subscribe(b, 40, "10.1.0.7");
  acknowledge(b, notifies(b)[0].message);
  subscribe(b, 40, "10.1.0.7", { itrRlocs: [ipAddress(parseRloc("192.0.2.66"))] });
  subscribe(b, 39, "10.1.0.7", { itrRlocs: [NO_ADDRESS] });
  assert.equal([b.read("e.replayed"), notifies(b).length], ["2", 0]);
  assert.match(b.read("e.subscriptions"), "192.0.2.50");
  subscribe(b, 41, "10.1.0.7", { itrRlocs: [NO_ADDRESS] });
  assert.equal(
    notifies(b).map((n) => [n.to, n.message.nonce]),
    [["192.0.2.50", 41n]],
  );
  assert.equal([b.read("e.subscriptions"), b.read("e.unsubscribed")], ["", "1"]);
  b.close();
});

test("without a key for it, or when as many as may be are subscribed, it is a Map-Request like any other", async () => {
  for (const b of [await bench(), await withPubsub(", SUBSCRIPTIONS 0")]) {
    subscribe(b, 40, "10.1.0.7");
    assert.is(sentOf(b, "out", "map-reply").length, 1);
    assert.equal([b.read("e.subscriptions"), b.read("e.subscribed")], ["", "0"]);
    b.close();
  }
});

/** What a subscription to a prefix is answered: its EID-prefixes with their first locator. */
function answered(b: Bench, nonce: number, eid: string, length: number): string[] {
  subscribe(b, nonce, eid, { records: [subscribed(eid, length)] });
  const [{ message }] = notifies(b);
  acknowledge(b, message);
  return eidsOf(message).map((text, i) => `${text} ${rlocsOf({ records: [message.records[i]] })[0] ?? "-"}`);
}

test("a subscription is answered with all that is registered within, also where the ETRs answer themselves", async () => {
  const b = await withPubsub();
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1"), record("10.1.7.0/24", "192.0.2.2")], {
    wantNotify: false,
  });
  register(b, 2, [record("10.1.7.9/32", "192.0.2.3")], { wantNotify: false, proxyReply: true });
  const all = ["10.1.0.0/16 192.0.2.1", "10.1.7.0/24 192.0.2.2", "10.1.7.9/32 192.0.2.3"];
  assert.equal(answered(b, 1 << 10, "10.1.0.0", 16), all);
  assert.equal(answered(b, 2 << 10, "10.1.3.0", 24), all);
  assert.equal(answered(b, 3 << 10, "10.1.7.0", 24), all.slice(1));
  // Of what nobody has registered as a whole, that it is nobody's, and what is within.
  register(b, 3, [record("10.1.0.0/16", "", { ttl: 0 }), record("10.1.7.0/24", "", { ttl: 0 })], {
    wantNotify: false,
  });
  notifies(b);
  assert.equal(answered(b, 4 << 10, "10.1.0.0", 16), ["10.1.0.0/16 -", "10.1.7.9/32 192.0.2.3"]);
  assert.equal(answered(b, 5 << 10, "10.1.8.0", 24), ["10.1.8.0/21 -"]);
  b.close();
});

test("what is more than a message holds is answered in part, and the halves of the prefix tell the rest", async () => {
  for (const around of [[record("10.1.0.0/16", "192.0.2.1")], []]) {
    const b = await withPubsub();
    const hosts = Array.from({ length: 200 }, (_, i) => `10.1.${i >> 5}.${(i & 31) * 8}/32`);
    for (let i = 0; i < hosts.length; i += 20)
      register(b, 1 + i, [...around, ...hosts.slice(i, i + 20).map((eid) => record(eid, "192.0.2.2"))], {
        wantNotify: false,
      });
    const found = new Set<string>();
    let nonce = 1;
    const look = (address: number, length: number): void => {
      const eid = [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
      const lines = answered(b, nonce++ << 10, eid, length);
      const whole = lines.some((line) => {
        const prefix = findPrefix(line.split(" ")[0])!;
        return prefix.length <= length && coversPrefix(prefix, findPrefix(`${eid}/${length}`)!);
      });
      if (whole) for (const line of lines) found.add(line);
      if (whole) return;
      look(address, length + 1);
      look(address + 2 ** (31 - length), length + 1);
    };
    look(0x0a010000, 16);
    assert.equal(
      [...found].filter((line) => line.endsWith("/32 192.0.2.2")).sort(),
      hosts.map((h) => `${h} 192.0.2.2`).sort(),
    );
    assert.ok(nonce < 60, `${nonce} subscriptions`);
    b.close();
  }
});

/** Acknowledges all that is published, and what follows on that; the nonces and what they told, the latest last. */
function acknowledgeAll(b: Bench): { readonly nonces: number[]; readonly told: Map<string, string> } {
  const nonces: number[] = [];
  const told = new Map<string, string>();
  for (let some = notifies(b); some.length > 0; some = notifies(b)) {
    for (const { message } of some) {
      nonces.push(Number(message.nonce));
      for (const [i, eid] of eidsOf(message).entries())
        told.set(eid, rlocsOf({ records: [message.records[i]] })[0] ?? "gone");
      acknowledge(b, message);
    }
    b.router.runFor(0.01);
  }
  return { nonces, told };
}

test("what changes while as many publications as may wait is told as it is when they are acknowledged", async () => {
  const b = await withPubsub(", PENDING 1");
  subscribe(b, 40, "10.1.0.0", { records: [subscribed("10.1.0.0", 16)] });
  const change = (nonce: number, eid: string, rloc: string): void => {
    register(b, nonce, [record(eid, rloc)], { wantNotify: false });
  };
  change(1, "10.1.0.0/16", "192.0.2.1");
  change(2, "10.1.0.9/32", "192.0.2.2");
  change(3, "10.1.0.9/32", "192.0.2.3");
  assert.equal(acknowledgeAll(b), {
    nonces: [40, 41, 42],
    told: new Map([
      ["10.1.0.0/16", "192.0.2.1"],
      ["10.1.0.9/32", "192.0.2.3"],
    ]),
  });
  // Of very many nothing is kept: the whole answer, and a gap that makes the subscriber ask anew.
  change(4, "10.1.0.0/16", "192.0.2.4");
  for (let i = 0; i < 20; i++) change(5 + i, `10.1.1.${i}/32`, "192.0.2.5");
  b.router.runFor(0.01);
  const { nonces, told } = acknowledgeAll(b);
  assert.equal(nonces, [43, 45]);
  assert.is(told.get("10.1.0.0/16"), "192.0.2.4");
  b.close();
});

test("of a subscriber that is not there what still waits to be told is given up, and its subscription", async () => {
  const b = await withPubsub(", PENDING 1");
  for (const [nonce, eid] of [
    [40, "10.1.0.7"],
    [1 << 20, "10.1.9.9"],
  ] as const)
    subscribe(b, nonce, eid);
  for (const { message } of notifies(b)) acknowledge(b, message);
  register(b, 1, [record("10.1.0.7/32", "192.0.2.1"), record("10.1.9.9/32", "192.0.2.1")], {
    wantNotify: false,
  });
  assert.equal([b.read("e.pending"), b.read("e.published")], ["1", "1"]);
  b.router.runFor(100);
  assert.equal([b.read("e.pending"), b.read("e.published"), b.read("e.subscriptions")], ["0", "1", ""]);
  b.close();
});

test("when more changes wait than are kept for all, every subscriber is told the whole, with a gap", async () => {
  const b = await withPubsub();
  subscribe(b, 40, "10.1.0.7");
  acknowledge(b, notifies(b)[0].message);
  // Nobody gets a turn meanwhile.
  for (let i = 0; i < 16_500; i += 20)
    register(
      b,
      1 + i,
      Array.from({ length: 20 }, (_, k) => record(`10.1.${(i + k) >> 8}.${(i + k) & 255}/32`, "192.0.2.2")),
      { wantNotify: false },
    );
  b.router.runFor(1);
  const { nonces, told } = acknowledgeAll(b);
  assert.equal([nonces, told.get("10.1.0.7/32")], [[41, 43], "192.0.2.2"]);
  b.close();
});

/** One xTR, numbered `n`, subscribes; its publications go to 203.0.113.N. */
function subscribeAs(b: Bench, n: number, nonce: number, rloc: typeof NO_ADDRESS | null = null): void {
  const itrRlocs = [rloc ?? ipAddress(parseRloc(`203.0.113.${n}`))];
  subscribe(b, nonce, "10.1.0.7", { ids: { xtrId: new Uint8Array(16).fill(n), siteId: null }, itrRlocs });
}

test("of many subscribers some are told at once, the others by and by: each of every change, in order, once", async () => {
  const MANY = 100;
  const b = await withPubsub();
  for (let n = 1; n <= MANY; n++) {
    subscribeAs(b, n, 40);
    for (const { message } of notifies(b)) acknowledge(b, message);
  }
  const told = new Map<number, string[]>();
  const take = (): void => {
    for (const { to, message } of notifies(b)) {
      const [, n] = /^203\.0\.113\.(\d+)$/.exec(to) ?? [];
      if (n === undefined) continue;
      told.set(Number(n), [...(told.get(Number(n)) ?? []), `${message.nonce}: ${rlocsOf(message)}`]);
      acknowledge(b, message);
    }
  };
  const change = (nonce: number): void =>
    void register(b, nonce, [record("10.1.0.0/16", `192.0.2.${nonce}`)], { wantNotify: false, ids: ids(1) });
  change(1);
  take();
  assert.ok(told.size > 0 && told.size < MANY / 2, `${told.size} are told in the first turn`);
  // While others wait to hear of it one ends its subscription, another one comes, who gets the answer of now.
  subscribeAs(b, MANY, 41, NO_ADDRESS);
  change(2);
  subscribeAs(b, MANY + 1, 40);
  b.router.runFor(0.1);
  take();
  // What is told is what holds then.
  for (let n = 1; n < MANY; n++) {
    const [first, second, ...more] = told.get(n) ?? [];
    assert.match(first, /^41: 192\.0\.2\.[12]$/, `subscriber ${n}`);
    assert.equal([second, more], ["42: 192.0.2.2", []], `subscriber ${n}`);
  }
  assert.equal(told.get(MANY + 1), ["40: 192.0.2.2"]);
  // The answer that it is subscribed no longer.
  assert.equal(told.get(MANY), ["41: 192.0.2.1"]);
  b.close();
});

test("a hot swap does not keep from anybody what was still to be told", async () => {
  const b = await withPubsub();
  for (let n = 1; n <= 60; n++) {
    subscribeAs(b, n, 40);
    for (const { message } of notifies(b)) acknowledge(b, message);
  }
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { wantNotify: false, ids: ids(1) });
  const before = new Set(notifies(b).map(({ to }) => to));
  await b.router.swap(
    `feed :: Feed -> e :: LISPMapServer(${SITES}, RLOC4 ${MS}, PUBSUB_KEY 3:shared) -> out :: Sink`,
  );
  b.router.runFor(0.1);
  const after = notifies(b).map(({ to }) => to);
  assert.ok(before.size < 60);
  assert.is(new Set([...before, ...after]).size, 60);
  b.close();
});

test("subscriptions are listed in parts, by prefix, each once", () => {
  const MANY = 5000;
  const all = new Subscriptions(MANY);
  for (let i = 0; i < MANY; i++) {
    const xtrId = new Uint8Array(16).fill(i % 250);
    const eid = { address: Uint8Array.of(10, 0, 0, i >> 8), length: 32 };
    all.add({
      ids: { xtrId, siteId: new Uint8Array(8).fill(i & 255) },
      prefix: { iid: 5, eid },
      to: xtrId,
      nonce: BigInt(i),
    });
  }
  const lines: string[] = [];
  for (let from: string | undefined = ""; from !== undefined; ) {
    const part: string[] = subscriptionsText(all, from).trimEnd().split("\n");
    from = /^more: (.*)/.exec(part.at(-1)!)?.[1];
    lines.push(...(from === undefined ? part : part.slice(0, -1)));
  }
  assert.equal([lines.length, new Set(lines).size], [MANY, MANY]);
});

test.run();
