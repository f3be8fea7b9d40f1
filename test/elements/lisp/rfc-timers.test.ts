// The timers, retransmissions and rate limits that rfc-timers.ts lists: each is tested; some of them here.

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AuthenticationKey, authenticate } from "../../../src/lisp/control/authentication.js";
import { ipAddress } from "../../../src/wire/lisp-control/address.js";
import { mapRequest } from "../../../src/wire/lisp-control/map-request.js";
import { mapNotify, mapRegister } from "../../../src/wire/lisp-control/registration.js";
import { packetOf, record, sentOf, sentTo } from "./control.js";
import { Bench, ip } from "./harness.js";
import { rows } from "./rfc-timers.js";

const folder = fileURLToPath(new URL("../../../../test/elements/lisp/", import.meta.url));
const tests = readdirSync(folder, { recursive: true }).map(String);

for (const { rfc, what, element, file, name } of rows)
  test(`RFC ${rfc}: ${what} (${element}, ${file})`, () => {
    const path = tests.find((t) => basename(t) === `${file}.test.ts`);
    assert.ok(path !== undefined, `there is no ${file}.test.ts, which rfc-timers.ts names`);
    const source = readFileSync(join(folder, path), "utf8");
    // As the first argument of `test`, so that this table itself does not count.
    const found = ['test("', "test(`"].some(
      (start) => source.includes(`${start}${name}`) || source.includes(`${start}\n  ${name}`),
    );
    assert.ok(found, `${file}.test.ts has no test '${name}', which rfc-timers.ts names`);
    assert.ok(source.includes(element), `${file}.test.ts does not test ${element}`);
  });

// ---- What is tested here ----------------------------------------------------------

const KEY: AuthenticationKey = { id: 1, secret: new TextEncoder().encode("secret") };
const SERVER = "192.0.2.100";

const server = (more = "", log?: (line: string) => void): Promise<Bench> =>
  Bench.start(
    `feed :: Feed -> e :: LISPMapServer(a key secret eid 10.1.0.0/16 more, RLOC4 ${SERVER} ${more}) -> out :: Sink`,
    log,
  );

function register(b: Bench, nonce: bigint): void {
  const records = [record("10.1.0.0/16", "192.0.2.1")];
  const message = mapRegister({ nonce, records, wantNotify: true, proxyReply: true });
  b.push("e", [packetOf(authenticate(message, KEY, 2), { from: "192.0.2.1", to: SERVER })]);
}

test("a Map-Server sends no more than REPLY_RATE Map-Replies a second to one RLOC", async () => {
  const b = await server(", REPLY_RATE 2");
  register(b, 1n);
  b.take("out");
  const ask = (rloc: string, eid: string): void => {
    const message = mapRequest({
      nonce: 1n,
      itrRlocs: [ipAddress(ip(rloc))],
      records: [{ eid: ipAddress(ip(eid)), maskLength: 32, subscribe: false }],
    });
    b.push("e", [packetOf(message, { from: rloc, to: SERVER })]);
  };
  // Positive and negative ones count alike; others' are their own.
  for (const eid of ["10.1.0.1", "10.9.0.1", "10.1.0.2", "10.9.0.2"]) ask("192.0.2.50", eid);
  ask("192.0.2.51", "10.1.0.1");
  assert.equal(
    sentOf(b, "out", "map-reply").map((s) => s.destination[3]),
    [50, 50, 51],
  );
  assert.is(b.read("e.reply_rate"), "2");
  let replies = 0;
  for (let i = 0; i < 100; i++) {
    b.router.runFor(0.1);
    ask("192.0.2.50", "10.1.0.1");
    replies += b.take("out").length;
  }
  assert.is(replies, 20);
  b.close();
});

test("a Map-Notify to a Map-Register is sent once", async () => {
  const b = await server();
  register(b, 1n);
  assert.is(b.take("out").length, 1);
  b.router.runFor(170);
  assert.equal([b.take("out").length, b.read("e.pending")], [0, "0"]);
  b.close();
});

test("replays are logged at once, then how many there were every ten seconds", async () => {
  const lines: string[] = [];
  const b = await server("", (line) => lines.push(line));
  register(b, 5n);
  for (let i = 0; i < 150; i++) {
    register(b, 5n);
    b.router.runFor(0.1);
  }
  b.router.runFor(60);
  const times = lines.map((line) => /\((\d+) times in 10 s\)$/.exec(line)?.[1] ?? "1");
  assert.equal([times, b.read("e.replayed")], [["1", "99", "50"], "150"]);
  b.close();
});

const registrar = (): Promise<Bench> =>
  Bench.start(`site :: LISPSite(192.168.1.0/24 192.0.2.1);
    feed :: Feed -> e :: LISPRegistrar(site, RLOC 192.0.2.1, MAP_SERVER 192.0.2.9 key secret) -> out :: Sink;`);

/** Answers every Map-Register until `until`; gives the seconds at which they came, from now on. */
function registers(b: Bench, until: number): number[] {
  const found: number[] = [];
  for (let second = 0; second <= until; second++) {
    b.router.runFor(second === 0 ? 0 : 1);
    for (const { message } of sentOf(b, "out", "map-register")) {
      found.push(second);
      const { nonce, records } = message;
      b.push("e", [packetOf(authenticate(mapNotify({ type: "map-notify", nonce, records }), KEY, 2))]);
    }
  }
  return found;
}

test("after a change it registers every 20 seconds again, for 5 minutes", async () => {
  const b = await registrar();
  assert.equal(registers(b, 1000).slice(-2), [900, 960]);
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/7/70");
  assert.equal(registers(b, 450), [...Array.from({ length: 16 }, (_, i) => i * 20), 360, 420]);
  b.close();
});

test("a Map-Notify-Ack is sent once for each Map-Notify", async () => {
  const b = await registrar();
  registers(b, 10);
  const notify = mapNotify({
    type: "map-notify",
    nonce: 77n,
    records: [record("192.168.1.7/32", "192.0.2.5")],
  });
  b.push("e", [packetOf(authenticate(notify, KEY, 2))]);
  const acks = (): number => sentTo(b, "out").filter((s) => s.message.type === "map-notify-ack").length;
  assert.is(acks(), 1);
  b.router.runFor(120);
  assert.is(acks(), 0);
  b.push("e", [packetOf(authenticate(notify, KEY, 2))]);
  assert.is(acks(), 1);
  b.close();
});

test.run();
