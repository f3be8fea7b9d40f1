// FMCMobilityTracker: which Map-Notifies count, who is where after them, and who is told.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { FMCMobilityTracker } from "../../../elements/cloud/fmc-mobility-tracker.js";
import { type AuthenticationKey, authenticate } from "../../../src/lisp/control/authentication.js";
import { parseEidAndInstance } from "../../../src/lisp/mapping.js";
import { SeededRandom } from "../../../src/router/random.js";
import { eidAddress } from "../../../src/wire/lisp-control/address.js";
import type { MapRequest } from "../../../src/wire/lisp-control/map-request.js";
import type { EidRecord, XtrIds } from "../../../src/wire/lisp-control/record.js";
import { mapNotify } from "../../../src/wire/lisp-control/registration.js";
import { failure, packetOf, record, reply, sentTo, takeAllSlots } from "../lisp/control.js";
import { Bench, hex } from "../lisp/harness.js";
import { ids, MS, register } from "../lisp/mapping-system/map-server-lab.js";

const KEY: AuthenticationKey = { id: 3, secret: Buffer.from("shared") };
const ENTRIES = `access n1 rloc 192.0.2.1 rloc 192.0.2.11, access n2 rloc 192.0.2.2, dc d1 rloc 192.0.2.3, dc d2 rloc 192.0.2.4,
  service s, vm v service s dc d1 eid 10.3.0.9, user u eid 10.1.0.7 eid fd01::7, user net eid 10.1.8.0/24`;

/** The tracker alone: what it sends reaches a sink. */
function alone(more = ", EIDS 10.1.0.0/16", entries = ENTRIES): Promise<Bench> {
  return Bench.start(`c :: FMCCatalogue(${entries});
    f :: Feed -> t :: FMCMobilityTracker(c, RLOC 192.0.2.50, MAP_RESOLVER ${MS}, PUBSUB_KEY 3:shared ${more}) -> out :: Sink;
    f2 :: Feed -> replies :: Counter -> [1] t; t[1] -> notifies :: Sink; t[2] -> others :: Sink`);
}

const tracker = (b: Bench): FMCMobilityTracker => b.router.find("t") as FMCMobilityTracker;

/** What listeners are told from now on. */
function told(b: Bench): string[] {
  const lines: string[] = [];
  const at = (
    where: { network: { name: string } | null; locators: readonly { rloc: Uint8Array }[] } | null,
  ): string => (where === null ? "-" : (where.network?.name ?? where.locators[0].rloc.join(".")));
  tracker(b).onMove(({ user, from, to }) => lines.push(`${user} ${at(from)} ${at(to)}`));
  tracker(b).onClaim(({ vm, from, to }) =>
    lines.push(`${vm} ${at(from)} ${at(to)} ${to?.length ?? ""}`.trim()),
  );
  return lines;
}

function requests(b: Bench): MapRequest[] {
  return sentTo(b, "out").flatMap(({ message }) => {
    if (message.type !== "encapsulated-control") return [];
    const inner = message.inner!.message;
    return inner.type === "map-request" ? [inner] : [];
  });
}

/** The Map-Requests that are out, by EID-prefix: their nonces. */
function asked(b: Bench): Map<string, bigint> {
  b.router.runFor(0.01);
  const found = new Map<string, bigint>();
  for (const message of requests(b)) {
    const [{ eid, maskLength, subscribe }] = message.records;
    assert.ok(subscribe && message.ids !== null);
    const iid = eid.kind === "instance" ? ` iid ${eid.iid}` : "";
    const inner = eid.kind === "instance" ? eid.address : eid;
    if (inner.kind !== "ip") throw new Error("no address");
    const text =
      inner.address.length === 4 ? inner.address.join(".") : Buffer.from(inner.address).toString("hex");
    found.set(`${text}/${maskLength}${iid}`, message.nonce);
  }
  return found;
}

function notify(
  b: Bench,
  nonce: bigint,
  records: readonly EidRecord[],
  { key = KEY, ids = null }: { readonly key?: AuthenticationKey; readonly ids?: XtrIds | null } = {},
): void {
  b.push("t", [
    packetOf(authenticate(mapNotify({ type: "map-notify", nonce, records, ids }), key, 2, "ids")),
  ]);
}

const SUBNET = record("10.1.0.0/16", "192.0.2.1");
const host = (eid: string, rloc: string): EidRecord => record(eid, rloc);
const gone = (eid: string): EidRecord => record(eid, "", { ttl: 0 });

/** Subscribed to 10.1.0.0/16, where all are in n1; gives the nonce. */
async function subscribed(
  more?: string,
  entries?: string,
): Promise<{ b: Bench; nonce: bigint; lines: string[] }> {
  const b = await alone(more, entries);
  const lines = told(b);
  const nonce = asked(b).get("10.1.0.0/16")!;
  notify(b, nonce, [SUBNET]);
  assert.equal(lines.splice(0), ["u - n1", "net - n1"]);
  b.take("out");
  return { b, nonce, lines };
}

test("it subscribes to the prefixes that are given, and to EIDs that lie in none of them", async () => {
  const b = await alone(', EIDS 10.1.0.0/16, EIDS "10.1.2.0/24", EIDS "10.1.0.0/16 iid 5", EIDS 10.1.9.9/16');
  const eids = [...asked(b).keys()].sort();
  assert.equal(eids, ["10.1.0.0/16", "10.1.0.0/16 iid 5", "10.3.0.9/32", `fd01${"0".repeat(27)}7/128`]);
  assert.is(b.read("t.size"), "4");
  b.close();
});

test("a host that is registered within the prefix, moves, and is withdrawn, is told each time, once", async () => {
  const { b, nonce, lines } = await subscribed();
  notify(b, nonce + 1n, [host("10.1.0.7/32", "192.0.2.2")]);
  notify(b, nonce + 2n, [host("10.1.0.8/32", "192.0.2.2")]);
  notify(b, nonce + 3n, [host("10.1.0.7/32", "192.0.2.4")]);
  notify(b, nonce + 4n, [gone("10.1.0.7/32")]);
  assert.equal(lines, ["u n1 n2", "u n2 d2", "u d2 n1"]);
  assert.equal(
    ["publications", "acks", "moves"].map((h) => b.read(`t.${h}`)),
    ["4", "5", "5"],
  );
  assert.equal(tracker(b).user("u")!.moves, 3);
  b.close();
});

test("locators that come, go or change their priority within a place are no news; the best decide", async () => {
  const { b, nonce, lines } = await subscribed();
  const both = (first: number, second: number): EidRecord => {
    const of = host("10.1.0.7/32", "192.0.2.1 192.0.2.2");
    return { ...of, locators: of.locators.map((l, i) => ({ ...l, priority: i === 0 ? first : second })) };
  };
  notify(b, nonce + 1n, [host("10.1.0.7/32", "192.0.2.11")]);
  notify(b, nonce + 2n, [both(1, 2)]);
  assert.equal(lines, []);
  notify(b, nonce + 3n, [both(2, 1)]);
  notify(b, nonce + 4n, [both(2, 255)]);
  const down = both(1, 2);
  notify(b, nonce + 5n, [{ ...down, locators: down.locators.map((l, i) => ({ ...l, reachable: i === 1 })) }]);
  notify(b, nonce + 6n, [host("10.1.0.7/32", "203.0.113.9")]);
  assert.equal(lines, ["u n1 n2", "u n2 n1", "u n1 n2", "u n2 203.0.113.9"]);
  b.router.runFor(2);
  assert.match(b.read("t.users"), /^u - 203\.0\.113\.9\/1\/100 2\.0\d\d 4 10\.1\.0\.7\/32\n/);
  b.close();
});

test("what is not authentic, replayed, another's or nonsense changes nothing", async () => {
  const { b, nonce, lines } = await subscribed();
  const bad = [host("10.1.0.7/32", "192.0.2.4")];
  notify(b, nonce + 1n, [host("10.1.0.7/32", "192.0.2.2")]);
  notify(b, nonce + 2n, [host("10.1.0.99/32", "192.0.2.2")]);
  b.take("out");
  const before = b.read("t.registrations");
  lines.length = 0;
  notify(b, nonce + 3n, bad, { key: { id: 3, secret: Buffer.from("guess") } });
  notify(b, nonce + 3n, bad, { key: { ...KEY, id: 4 } });
  notify(b, nonce + 3n, bad, { ids: { xtrId: new Uint8Array(16), siteId: new Uint8Array(8) } });
  b.push("t", [packetOf(mapNotify({ type: "map-notify", nonce: nonce + 3n, records: bad })), hex("45")]);
  notify(b, nonce + (1n << 32n), bad);
  assert.equal([b.take("notifies").length, b.take("out").length], [6, 0]);
  for (const old of [nonce + 1n, nonce, nonce - 1n]) notify(b, old, bad);
  notify(b, nonce + 2n, bad);
  assert.equal([b.read("t.replay"), b.read("t.repeat"), b.take("out").length], ["3", "1", 1]);
  // Authentic, but for something else, or of no use.
  const path: EidRecord = {
    ...host("10.1.0.7/32", "192.0.2.9"),
    locators: [{ ...bad[0].locators[0], rloc: { kind: "none" } }],
  };
  notify(b, nonce + 3n, [host("10.2.0.1/32", "192.0.2.4"), path]);
  assert.equal([b.read("t.not_ours"), b.read("t.unusable")], ["1", "1"]);
  b.push("t", [
    packetOf(Uint8Array.of(0x40, 0, 0, 1, ...hex((nonce + 4n).toString(16).padStart(16, "0")), 0, 0, 0, 0)),
  ]);
  assert.is(b.read("t.malformed"), "1");
  assert.equal([b.read("t.registrations"), lines], [before, []]);
  b.close();
});

test("a gap in the nonces has all asked for again within TIMEOUT; what the answer does not name is gone", async () => {
  const { b, nonce, lines } = await subscribed(", EIDS 10.1.0.0/16, TIMEOUT 2");
  notify(b, nonce + 1n, [host("10.1.0.8/32", "192.0.2.2"), host("10.1.0.7/32", "192.0.2.2")]);
  b.router.runFor(5);
  b.take("out");
  // That u has gone back is lost.
  notify(b, nonce + 3n, [host("10.1.0.9/32", "192.0.2.2")]);
  const again = asked(b).get("10.1.0.0/16")!;
  assert.ok(again > nonce);
  notify(b, again, [SUBNET, host("10.1.0.9/32", "192.0.2.2")]);
  assert.equal(lines, ["u n1 n2", "u n2 n1"]);
  assert.equal(b.read("t.registrations").split("\n"), [
    "10.1.0.0/16 16 192.0.2.1/1/100",
    "10.1.0.9/32 32 192.0.2.2/1/100",
  ]);
  b.close();
});

test("without any publication all is asked for again after RENEW, with newer nonces", async () => {
  const { b, nonce, lines } = await subscribed(", EIDS 10.1.0.0/16, RENEW 30");
  b.router.runFor(29);
  assert.is(b.take("out").length > 0, true, "what nobody answers is asked for");
  b.router.runFor(1.5);
  const again = requests(b).find((message) => message.records[0].maskLength === 16)!.nonce;
  assert.ok(again > nonce + (1n << 19n));
  notify(b, again, [SUBNET, host("10.1.0.7/32", "192.0.2.2")]);
  assert.equal(lines, ["u n1 n2"]);
  b.close();
});

test("with two addresses a user is where the one is that moved last; the other one's old place is no news", async () => {
  const b = await alone(", EIDS 10.1.0.0/16, EIDS fd01::/64");
  const lines = told(b);
  const nonces = asked(b);
  const four = nonces.get("10.1.0.0/16")!;
  const six = nonces.get(`fd01${"0".repeat(28)}/64`)!;
  notify(b, four, [host("10.1.0.0/16", "192.0.2.1"), host("10.1.0.7/32", "192.0.2.2")]);
  // It was there before, and is still registered there.
  notify(b, six, [host("fd01::/64", "192.0.2.1")]);
  notify(b, six + 1n, [host("fd01::7/128", "192.0.2.2")]);
  notify(b, six + 2n, [host("fd01::7/128", "192.0.2.4")]);
  notify(b, four + 1n, [host("10.1.0.7/32", "192.0.2.4")]);
  notify(b, six + 3n, [gone("fd01::7/128"), gone("fd01::/64")]);
  notify(b, four + 2n, [gone("10.1.0.7/32"), gone("10.1.0.0/16")]);
  notify(b, six + 4n, [host("fd01::7/128", "192.0.2.4")]);
  assert.equal(
    lines.filter((line) => line.startsWith("u")),
    ["u - n2", "u n2 d2", "u d2 -", "u - d2"],
  );
  b.close();
});

test("the same address in two instances is two users' who move apart", async () => {
  const b = await alone(
    ', EIDS "10.1.0.0/16 iid 5", EIDS "10.1.0.0/16 iid 6"',
    "access n1 rloc 192.0.2.1, access n2 rloc 192.0.2.2, user a iid 5 eid 10.1.0.7, user b iid 6 eid 10.1.0.7",
  );
  const lines = told(b);
  const nonces = asked(b);
  const of = (iid: number, rloc: string): EidRecord => ({
    ...host("10.1.0.7/32", rloc),
    eid: eidAddress(iid, parseEidAndInstance("10.1.0.7").eid.address),
  });
  notify(b, nonces.get("10.1.0.0/16 iid 5")!, [of(5, "192.0.2.1")]);
  notify(b, nonces.get("10.1.0.0/16 iid 6")!, [of(6, "192.0.2.1")]);
  notify(b, nonces.get("10.1.0.0/16 iid 6")! + 1n, [of(6, "192.0.2.2")]);
  // One instance's Map-Notify says nothing of the other.
  notify(b, nonces.get("10.1.0.0/16 iid 6")! + 2n, [of(5, "192.0.2.2")]);
  assert.equal([lines, b.read("t.not_ours")], [["a - n1", "b - n1", "b n1 n2"], "1"]);
  b.close();
});

test("whoever claims a virtual machine's EID is told, its subnet apart from a host of its own", async () => {
  const b = await alone();
  const lines = told(b);
  const nonce = asked(b).get("10.3.0.9/32")!;
  notify(b, nonce, [host("10.3.0.0/24", "192.0.2.3")]);
  notify(b, nonce + 1n, [host("10.3.0.9/32", "192.0.2.3")]);
  notify(b, nonce + 2n, [host("10.3.0.9/32", "192.0.2.4")]);
  notify(b, nonce + 2n, [host("10.3.0.9/32", "192.0.2.3")]);
  assert.equal(lines, ["v - d1 24", "v d1 d1 32", "v d1 d2 32"]);
  assert.is(tracker(b).where(parseEidAndInstance("10.3.0.9"))!.network!.name, "d2");
  assert.match(b.read("t.vms"), /^v 10\.3\.0\.9\/32 dc:d2 192\.0\.2\.4\/1\/100 \d\.\d{3} 32$/);
  assert.is(JSON.parse(b.read("t.vms_json")).eids[0].where.network.name, "d2");
  // When it is nobody's any more, its subnet has to be asked for.
  b.router.runFor(2);
  b.take("out");
  notify(b, nonce + 3n, [gone("10.3.0.9/32")]);
  assert.is(lines.at(-1), "v d2 -");
  const again = asked(b).get("10.3.0.9/32")!;
  notify(b, again, [host("10.3.0.0/24", "192.0.2.3")]);
  assert.is(lines.at(-1), "v - d1 24");
  b.close();
});

test("a user with a prefix of its own is where that is registered, whatever is registered within", async () => {
  const { b, nonce, lines } = await subscribed();
  notify(b, nonce + 1n, [host("10.1.8.0/24", "192.0.2.2")]);
  notify(b, nonce + 2n, [host("10.1.8.9/32", "192.0.2.4"), host("10.1.8.0/25", "192.0.2.4")]);
  notify(b, nonce + 3n, [gone("10.1.8.0/24")]);
  assert.equal(lines, ["net n1 n2", "net n2 n1"]);
  b.close();
});

test("users and networks may come, go and change while it runs", async () => {
  const { b, nonce, lines } = await subscribed();
  const write = (handler: string, value: string): Promise<void> => b.router.write(`c.${handler}`, value);
  notify(b, nonce + 1n, [host("10.1.0.20/32", "203.0.113.9")]);
  await write("add", "user w eid 10.1.0.20 eid 10.7.0.1");
  const relabelled: string[] = [];
  tracker(b).onRelabel((user) => relabelled.push(user));
  await write("add", "access n9 rloc 203.0.113.9");
  b.router.runFor(0.1);
  assert.equal(relabelled, ["w"]);
  assert.match(b.read("t.users", "w"), /^w access:n9 /);
  assert.ok(requests(b).some((message) => message.records[0].maskLength === 32));
  notify(b, nonce + 2n, [host("10.1.0.20/32", "192.0.2.2")]);
  // Its address that is known goes, and the one that stays is nowhere.
  await write("add", "user w eid 10.7.0.1");
  await write("remove", "user w");
  notify(b, nonce + 3n, [host("10.1.0.20/32", "192.0.2.1")]);
  assert.equal(lines, ["w - 203.0.113.9", "w n9 n2", "w n2 -"]);
  assert.is(tracker(b).user("w"), null);
  b.router.runFor(0.1);
  assert.not.match(b.read("t.subscriptions"), /10\.7\.0\.1\/32 (asking|subscribed)/);
  b.close();
});

test("messages for nobody are passed on, or counted; a Map-Reply says that the Map-Server does not take it", async () => {
  const b = await alone();
  const nonce = asked(b).get("10.1.0.0/16")!;
  b.push("replies", [packetOf(reply(nonce, SUBNET)), packetOf(reply(7n, SUBNET))]);
  b.router.runFor(0);
  assert.equal([b.read("t.declined"), b.take("others").length], ["1", 1]);
  assert.match(b.read("t.subscriptions"), /10\.1\.0\.0\/16 resting/);
  b.router.runFor(5.1);
  assert.ok(asked(b).has("10.1.0.0/16"));
  b.router.runFor(60);
  assert.ok(Number(b.read("t.unanswered")) >= 2);
  await b.router.write("t.unsubscribe");
  b.close();
  const c = await Bench.start(
    `c :: FMCCatalogue; f :: Feed -> t :: FMCMobilityTracker(c, RLOC 192.0.2.50, MAP_RESOLVER ${MS}, PUBSUB_KEY x) -> Discard`,
  );
  c.push("t", [packetOf(reply(7n, SUBNET))]);
  assert.is(c.read("t.foreign"), "1");
  c.close();
});

test("limits are counted, and nobody to ask, and no packet to ask with", async () => {
  const few = await alone(", EIDS 10.1.0.0/16, CAPACITY 1, REGISTRATIONS 1");
  const nonce = asked(few).get("10.1.0.0/16")!;
  assert.equal([few.read("t.size"), few.read("t.full")], ["1", "2"]);
  notify(few, nonce, [SUBNET, host("10.1.0.7/32", "192.0.2.2")]);
  assert.is(few.read("t.table_full"), "1");
  few.close();
  const none = await Bench.start(
    `c :: FMCCatalogue(${ENTRIES}); f :: Feed -> t :: FMCMobilityTracker(c, RLOC fd00::1, MAP_RESOLVER ${MS}, PUBSUB_KEY x) -> Discard`,
  );
  none.router.runFor(1);
  assert.is(none.read("t.no_resolver"), "4");
  none.close();
  const slots = await alone();
  takeAllSlots(slots);
  slots.router.runFor(0.1);
  assert.is(slots.read("t.no_slot"), "3");
  slots.close();
});

test("of many EIDs no more than RATE a second are subscribed to first; what does not fit is counted", async () => {
  const users = Array.from({ length: 100 }, (_, i) => `user u${i} eid 10.9.0.${i}`).join(", ");
  const b = await alone(", RATE 20, RENEW 600, MAX_TIMEOUT 600, TIMEOUT 600", users);
  const at: number[] = [];
  for (let tenth = 0; tenth <= 50; tenth++) {
    at.push(requests(b).length);
    b.router.runFor(0.1);
  }
  assert.equal([at.slice(0, 2).reduce((n, k) => n + k), at.reduce((n, k) => n + k)], [22, 100]);
  assert.ok(
    at.slice(2).every((n) => n <= 3),
    at.join(),
  );
  b.close();
  const c = await alone(", RATE 1, CAPACITY 10", users);
  c.router.runFor(30);
  assert.is(c.read("t.size"), "10");
  assert.ok(Number(c.read("t.full")) >= 89, c.read("t.full"));
  c.close();
});

test("an answer that takes back what was asked for is not asked for again at once", async () => {
  const { b, nonce } = await subscribed();
  b.router.runFor(2);
  b.take("out");
  notify(b, nonce + 1n, [gone("10.1.0.0/16")]);
  const again = asked(b).get("10.1.0.0/16")!;
  notify(b, again, [gone("10.1.0.0/16")]);
  assert.is(asked(b).get("10.1.0.0/16"), undefined);
  b.close();
});

test("what is configured wrongly is an error", async () => {
  const start = (args: string): Promise<string> =>
    failure(() =>
      Bench.start(
        `c :: FMCCatalogue; n :: Null; Idle -> t :: FMCMobilityTracker(${args}) -> Discard; Idle -> n -> Discard`,
      ),
    );
  assert.match(await start("n, RLOC 192.0.2.1, PUBSUB_KEY x"), /CATALOGUE is not a FMCCatalogue/);
  assert.match(await start("c, PUBSUB_KEY x"), /no RLOC given/);
  assert.match(await start("c, RLOC 192.0.2.1"), /PUBSUB_KEY/);
  assert.match(await start('c, RLOC 192.0.2.1, PUBSUB_KEY ""'), /PUBSUB_KEY: there is no secret/);
  assert.match(await start("c, RLOC 192.0.2.1, PUBSUB_KEY x, XTR_ID zz"), /XTR_ID: 'zz'/);
  assert.match(
    await start("c, RLOC 192.0.2.1, PUBSUB_KEY x, EIDS 10.1.0.0/33"),
    /EIDS: '10.1.0.0\/33' is not/,
  );
});

// ---- With a Map-Server ----------------------------------------------------------------

/** A Map-Server and the tracker; `wire.switch -1` loses what the Map-Server sends to it. */
function together(entries: string, more: string): Promise<Bench> {
  return Bench.start(`c :: FMCCatalogue(${entries});
    feed :: Feed -> e :: LISPMapServer(a key secret-a eid 10.1.0.0/16 more eid fd01::/64 more, RLOC4 ${MS}, PUBSUB_KEY 3:shared)
      -> to :: IPClassifier(dst host 192.0.2.50, -) -> wire :: Switch(0) -> q :: Queue(100000) -> Unqueue -> t :: FMCMobilityTracker(c,
      RLOC 192.0.2.50, MAP_RESOLVER ${MS}, PUBSUB_KEY 3:shared ${more}) -> q2 :: Queue(100000) -> Unqueue -> e;
    to [1] -> out :: Sink`);
}

const USERS = Array.from({ length: 1000 }, (_, i) => `10.1.${i >> 6}.${(i & 63) * 3}`);
const registered = (i: number): string => `192.0.2.${i % 2 === 0 ? 1 : 2}`;

test("of a thousand hosts, none of which is answered for by proxy, all are found, and each move is told", async () => {
  const users = USERS.map((eid, i) => `user u${i} eid ${eid}`).join(", ");
  const b = await together(
    `access n1 rloc 192.0.2.1, access n2 rloc 192.0.2.2, ${users}`,
    ", EIDS 10.1.0.0/16",
  );
  register(b, 1, [record("10.1.0.0/16", "192.0.2.1")], { wantNotify: false });
  for (let i = 0; i < USERS.length; i += 20)
    register(
      b,
      2 + i,
      USERS.slice(i, i + 20).map((eid, k) => record(`${eid}/32`, registered(i + k))),
      { wantNotify: false },
    );
  b.router.runFor(5);
  for (const [i] of USERS.entries())
    assert.is(tracker(b).user(`u${i}`)?.where?.network?.name, i % 2 === 0 ? "n1" : "n2");
  const lines = told(b);
  register(b, 5000, [record(`${USERS[500]}/32`, "192.0.2.2")], { wantNotify: false, from: "192.0.2.2" });
  b.router.runFor(0);
  assert.equal(lines, ["u500 n1 n2"]);
  // It is subscribed to in parts, and the Map-Server knows of no others.
  const size = Number(b.read("t.size"));
  assert.ok(size > 30 && size < 150, `${size} subscriptions`);
  b.router.runFor(200);
  assert.is(Number(b.read("t.size")), size);
  assert.is(b.read("e.subscriptions").split("\n").length, size);
  b.close();
});

test("what is lost on the way is known again as soon as the next publication comes, or the Map-Server repeats it", async () => {
  const b = await together(
    "access n1 rloc 192.0.2.1, access n2 rloc 192.0.2.2, user u eid 10.1.0.7",
    ", EIDS 10.1.0.0/16",
  );
  const move = (nonce: number, eid: string, rloc: string): void =>
    void register(b, nonce, [record(eid, rloc)], { wantNotify: false, ids: ids(1) });
  move(1, "10.1.0.7/32", "192.0.2.1");
  b.router.runFor(2);
  const lines = told(b);
  const lost = async (nonce: number, rloc: string): Promise<void> => {
    await b.router.write("wire.switch", "-1");
    move(nonce, "10.1.0.7/32", rloc);
    b.router.runFor(0.1);
    await b.router.write("wire.switch", "0");
  };
  await lost(2, "192.0.2.2");
  move(3, "10.1.0.9/32", "192.0.2.2");
  // The last Map-Request is longer ago than TIMEOUT.
  b.router.runFor(0);
  assert.equal(lines, ["u n1 n2"]);
  await lost(4, "192.0.2.1");
  b.router.runFor(2.8);
  assert.equal(lines.length, 1);
  b.router.runFor(0.2);
  assert.equal(lines, ["u n1 n2", "u n2 n1"]);
  b.close();
});

test("where one in six messages is lost in each direction, everybody's place is right again after RENEW and its repetitions", async () => {
  const some = USERS.slice(0, 200);
  const users = some.map((eid, i) => `user u${i} eid ${eid}`).join(", ");
  const b = await together(
    `access n1 rloc 192.0.2.1, access n2 rloc 192.0.2.2, ${users}`,
    ", EIDS 10.1.0.0/16, RENEW 20",
  );
  const random = new SeededRandom(5);
  for (const name of ["q", "q2"]) {
    const queue = b.router.find(name)!;
    const push = queue.push.bind(queue);
    queue.push = (port, batch) => (random.below(6) === 0 ? batch.kill() : push(port, batch));
  }
  const place = some.map((_, i) => (i & 1) + 1);
  const move = (i: number, nonce: number): void =>
    void register(b, nonce, [record(`${some[i]}/32`, `192.0.2.${place[i]}`)], {
      wantNotify: false,
      ids: ids(1),
    });
  for (const [i] of some.entries()) move(i, 1 + i);
  for (let n = 0; n < 300; n++) {
    b.router.runFor(0.3);
    const i = random.below(some.length);
    place[i] = 3 - place[i];
    move(i, 1000 + n);
  }
  b.router.runFor(60);
  const wrong = some.filter((_, i) => tracker(b).user(`u${i}`)?.where?.network?.name !== `n${place[i]}`);
  assert.equal(wrong, []);
  b.close();
});

test("a Map-Server tells of the same address in two instances apart", async () => {
  const b = await Bench.start(`c :: FMCCatalogue(access n1 rloc 192.0.2.1, access n2 rloc 192.0.2.2,
      user five iid 5 eid 10.1.0.7, user six iid 6 eid 10.1.0.7, user none eid 10.1.0.7);
    feed :: Feed -> e :: LISPMapServer(a key secret-a eid 10.1.0.0/16 more iid 5 eid 10.1.0.0/16 more iid 6 eid 10.1.0.0/16 more,
      RLOC4 ${MS}, PUBSUB_KEY 3:shared) -> to :: IPClassifier(dst host 192.0.2.50, -) -> q :: Queue -> Unqueue
      -> t :: FMCMobilityTracker(c, RLOC 192.0.2.50, MAP_RESOLVER ${MS}, PUBSUB_KEY 3:shared, EIDS 10.1.0.0/16,
      EIDS "10.1.0.0/16 iid 5") -> q2 :: Queue -> Unqueue -> e; to [1] -> Discard`);
  const lines = told(b);
  let nonce = 1;
  const put = (iid: number, rloc: string): void => {
    const eid = eidAddress(iid, parseEidAndInstance("10.1.0.7").eid.address);
    register(b, nonce++, [{ ...record("10.1.0.7/32", rloc), eid }], { wantNotify: false, ids: ids(1) });
    b.router.runFor(0.1);
  };
  b.router.runFor(1);
  put(5, "192.0.2.1");
  put(6, "192.0.2.2");
  put(0, "192.0.2.1");
  put(5, "192.0.2.2");
  assert.equal(lines, ["five - n1", "six - n2", "none - n1", "five n1 n2"]);
  assert.is(b.read("t.subscriptions").split("\n").length, 3);
  b.close();
});

test("a hot swap goes on with what is known: nobody is told again, and the Map-Server takes the new nonces", async () => {
  const text = (
    users: string,
  ): string => `c :: FMCCatalogue(access n1 rloc 192.0.2.1, access n2 rloc 192.0.2.2, ${users});
    feed :: Feed -> e :: LISPMapServer(a key secret-a eid 10.1.0.0/16 more, RLOC4 ${MS}, PUBSUB_KEY 3:shared)
      -> to :: IPClassifier(dst host 192.0.2.50, -) -> q :: Queue -> Unqueue -> t :: FMCMobilityTracker(c, RLOC 192.0.2.50,
      MAP_RESOLVER ${MS}, PUBSUB_KEY 3:shared, EIDS 10.1.0.0/16) -> q2 :: Queue -> Unqueue -> e; to [1] -> out :: Sink`;
  const b = await Bench.start(text("user u eid 10.1.0.7"));
  register(b, 1, [record("10.1.0.7/32", "192.0.2.2")], { wantNotify: false });
  b.router.runFor(2);
  await b.router.swap(text("user u eid 10.1.0.7, user w eid 10.1.0.8"));
  const lines = told(b);
  b.router.runFor(2);
  assert.equal([lines, tracker(b).user("u")?.where?.network?.name], [[], "n2"]);
  register(b, 2, [record("10.1.0.7/32", "192.0.2.1"), record("10.1.0.8/32", "192.0.2.1")], {
    wantNotify: false,
  });
  b.router.runFor(0.01);
  assert.equal(lines.sort(), ["u n2 n1", "w - n1"]);
  assert.is(b.read("e.replayed"), "0");
  b.close();
});

test("acknowledgements bear the address and nonce of what they acknowledge", async () => {
  const b = await alone();
  const nonce = asked(b).get("10.1.0.0/16")!;
  notify(b, nonce, [SUBNET]);
  const [{ message, destination }] = sentTo(b, "out");
  assert.ok(message.type === "map-notify-ack");
  assert.equal([message.nonce, destination.join(".")], [nonce, "192.0.2.9"]);
  b.close();
});

test.run();
