// LISPRegistrar and LISPSite: what is registered, when again, and which Map-Notifys count.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { LISPRegistrar } from "../../../../elements/lisp/etr/lisp-registrar.js";
import {
  type AuthenticationKey,
  authenticate,
  verifyAuthentication,
} from "../../../../src/lisp/control/authentication.js";
import { nonceCounter } from "../../../../src/lisp/control/nonce-file.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { SimulatedClock } from "../../../../src/router/clock.js";
import { type MapRegister, mapNotify } from "../../../../src/wire/lisp-control/registration.js";
import { failure, packetOf, record, type Sent, sentOf, sentTo, takeAllSlots } from "../control.js";
import { Bench, hex } from "../harness.js";

const KEY = { id: 0, secret: new TextEncoder().encode("secret") };
const SITE = "192.168.1.0/24 192.0.2.1/1/100";

const bench = (
  args = "MAP_SERVER 192.0.2.9 key secret",
  site = SITE,
  log?: (l: string) => void,
): Promise<Bench> =>
  Bench.start(
    `site :: LISPSite(${site}); feed :: Feed -> e :: LISPRegistrar(site, RLOC 192.0.2.1, ${args}) -> out :: Sink;`,
    log,
  );

const registers = (b: Bench): Sent<MapRegister>[] => sentOf(b, "out", "map-register");

/** Pushes the Map-Notify to a Map-Register. */
function notify(
  b: Bench,
  to: { nonce: bigint; records: MapRegister["records"] },
  key: AuthenticationKey = KEY,
  algorithm = 2,
  from?: string,
): void {
  const { nonce, records } = to;
  const bytes = authenticate(mapNotify({ type: "map-notify", nonce, records }), key, algorithm);
  b.push("e", [packetOf(bytes, from === undefined ? {} : { from })]);
}

/** Seconds (in tenths) at which Map-Registers leave until `until`; `each` may answer. */
function times(b: Bench, until: number, each: (sent: Sent<MapRegister>) => void = () => {}): number[] {
  const found: number[] = [];
  for (let tenth = 0; tenth <= until * 10; tenth++) {
    b.router.runFor(tenth === 0 ? 0 : 0.1);
    for (const sent of registers(b)) {
      found.push(tenth / 10);
      each(sent);
    }
  }
  return found;
}

test("it registers at once, authenticated, with everything the mapping says", async () => {
  const b = await bench(
    "MAP_SERVER '192.0.2.9 key 7:secret proxy-reply merge'",
    `${SITE}/255/0 198.51.100.1/2/50 ttl 3600 version 5`,
  );
  b.router.runFor(0);
  const [sent, ...more] = registers(b);
  assert.is(more.length, 0);
  assert.equal([sent.source, sent.destination], [parseRloc("192.0.2.1"), parseRloc("192.0.2.9")]);
  assert.equal([sent.sourcePort, sent.destinationPort], [4342, 4342]);
  const m = sent.message;
  assert.equal([m.proxyReply, m.merge, m.wantNotify], [true, true, true]);
  assert.equal([m.authentication.keyId, m.authentication.algorithm], [7, 2]);
  assert.is(verifyAuthentication(sent.payload, m, [{ ...KEY, id: 7 }]).verdict, "valid");
  assert.is(verifyAuthentication(sent.payload, m, [{ id: 7, secret: hex("00") }]).verdict, "wrong-key");
  const [r] = m.records;
  assert.equal([r.ttl, r.maskLength, r.version, r.authoritative], [60, 24, 5, true]);
  assert.equal(
    r.locators.map((l) => [l.rloc, l.priority, l.weight, l.local, l.reachable, l.probed]),
    [
      [{ kind: "ip", address: parseRloc("192.0.2.1") }, 1, 100, true, true, false],
      [{ kind: "ip", address: parseRloc("198.51.100.1") }, 2, 50, false, true, false],
    ],
  );
  b.close();
});

for (const [name, algorithm] of [
  ["sha1", 1],
  ["sha256", 2],
  ["hkdf", 3],
] as const) {
  test(`algorithm ${name} both ways, with xTR-ID and Site-ID`, async () => {
    const ids = `XTR_ID ${"ab".repeat(16)}, SITE_ID 0000000000000005`;
    const b = await bench(`MAP_SERVER '192.0.2.9 key secret ${name}', ${ids}`);
    b.router.runFor(0);
    const [sent] = registers(b);
    assert.equal(sent.message.ids, { xtrId: hex("ab".repeat(16)), siteId: hex("0000000000000005") });
    const { verdict, scope } = verifyAuthentication(sent.payload, sent.message, [KEY]);
    assert.equal([verdict, scope], ["valid", "ids"]);
    notify(b, sent.message, KEY, algorithm);
    assert.equal([b.read("e.notifies"), b.read("e.registered")], ["1", "true"]);
    b.close();
  });
}

test("without XTR_ID the xTR-ID is the RLOCs' own, the same in every run; the authentication covers it unless it is not to", async () => {
  const idOf = async (rlocs: string, flags = ""): Promise<[string, string, string | null]> => {
    const b = await Bench.start(
      `site :: LISPSite(${SITE}); Feed -> e :: LISPRegistrar(site, ${rlocs}, MAP_SERVER 192.0.2.9 key secret ${flags}) -> out :: Sink;`,
    );
    b.router.runFor(0);
    const [{ message, payload }] = registers(b);
    b.close();
    const { xtrId, siteId } = message.ids!;
    const { scope } = verifyAuthentication(payload, message, [KEY]);
    return [Buffer.from(xtrId).toString("hex"), Buffer.from(siteId!).toString("hex"), scope];
  };
  const one = await idOf("RLOC 192.0.2.1, RLOC 2001:db8::1");
  assert.match(one[0], /^[0-9a-f]{32}$/);
  assert.equal(one.slice(1), ["0000000000000000", "ids"]);
  assert.equal(await idOf("RLOC 2001:db8::1, RLOC 192.0.2.1"), one);
  assert.is.not((await idOf("RLOC 192.0.2.1"))[0], one[0]);
  assert.is.not((await idOf("RLOC 192.0.2.2, RLOC 2001:db8::1"))[0], one[0]);
  assert.is((await idOf("RLOC 192.0.2.1", "sign-records"))[2], "records");
});

test("a Map-Server that misreads the I bit gets Map-Registers without it, and without an xTR-ID", async () => {
  const b = await bench("MAP_SERVER '192.0.2.9 key secret no-xtr-id', MAP_SERVER '192.0.2.10 key secret'");
  b.router.runFor(0);
  const [without, plain] = registers(b);
  assert.equal([without.message.ids, (without.payload[0] & 0x02) === 0], [null, true]);
  assert.is.not(plain.message.ids, null);
  assert.equal(verifyAuthentication(without.payload, without.message, [KEY]).scope, "records");
  b.close();
});

test("a key without an ID leaves with key ID 0, and is accepted with 0 and 1; one with an ID has that only", async () => {
  for (const [config, sent, taken] of [
    ["key secret", 0, [0, 1]],
    ["key 0:secret", 0, [0]],
    ["key 1:secret", 1, [1]],
  ] as const) {
    const b = await bench(`MAP_SERVER 192.0.2.9 ${config}`);
    b.router.runFor(0);
    const [{ message }] = registers(b);
    assert.is(message.authentication.keyId, sent);
    for (const id of [0, 1, 2]) {
      // An unsolicited one is acknowledged with the key ID that it came with.
      notify(b, { ...message, nonce: BigInt(id) + 5n }, { ...KEY, id });
      assert.equal(
        sentTo(b, "out").map(({ message: m }) =>
          m.type === "map-notify-ack" ? m.authentication.keyId : m.type,
        ),
        (taken as readonly number[]).includes(id) ? [id] : [],
      );
    }
    b.close();
  }
});

test("a Map-Notify that is refused is on the log at once, with its sender and why", async () => {
  const lines: string[] = [];
  const b = await bench("MAP_SERVER 192.0.2.9 key secret", SITE, (line) => lines.push(line));
  b.router.runFor(0);
  const [{ message }] = registers(b);
  notify(b, message, { ...KEY, id: 5 }, 2, "192.0.2.9");
  notify(b, message, { ...KEY, secret: hex("00") }, 2, "192.0.2.8");
  notify(b, message, KEY, 1, "192.0.2.7");
  const about = "e :: LISPRegistrar: Map-Notify from";
  assert.equal(lines, [
    `${about} 192.0.2.9 refused: key ID 5, where 0 or 1 is known`,
    `${about} 192.0.2.8 refused: key ID 0 (sha256) with another secret`,
    `${about} 192.0.2.7 refused: algorithm 1 (sha1) with key ID 0, where sha256 with key ID 0 or 1 is wanted`,
  ]);
  assert.is(b.read("e.bad_auth"), "3");
  b.close();
});

test("a Map-Server that does not confirm is on the log, and a problem until it does", async () => {
  const lines: string[] = [];
  const b = await bench("MAP_SERVER 192.0.2.9 key secret", SITE, (line) => lines.push(line));
  b.router.runFor(6.9);
  assert.equal([lines, b.read("e.problem")], [[], ""], "messages may be lost");
  b.router.runFor(0.2);
  const why = "it is not there, or refuses them (sent with key ID 0 sha256); its log says why";
  assert.equal(lines, [
    `e :: LISPRegistrar: Map-Server 192.0.2.9 has not confirmed 192.168.1.0/24 after 3 Map-Registers: ${why}`,
  ]);
  assert.is(
    b.read("e.problem"),
    `Map-Server 192.0.2.9 has not confirmed 1 of 1 EID-prefixes after 4 Map-Registers: ${why}`,
  );
  b.router.runFor(600);
  assert.is(lines.length, 1);
  notify(b, registers(b).at(-1)!.message);
  assert.is(b.read("e.problem"), "");
  b.close();
});

test("without a Map-Notify it sends again after 1, 2, 4 ... 60 seconds, each time with a greater nonce", async () => {
  // Never less often than with them: only these may get lost.
  for (const [args, seconds] of [
    ["", [0, 1, 3, 7, 15, 31, 51, 71, 91, 111]],
    ["QUICK 0", [0, 1, 3, 7, 15, 31, 63, 123]],
  ] as const) {
    const b = await bench(`MAP_SERVER 192.0.2.9 key secret, ${args}`);
    const nonces: bigint[] = [];
    assert.equal(
      times(b, 125, (sent) => nonces.push(sent.message.nonce)),
      seconds,
    );
    assert.ok(nonces.every((n, i) => i === 0 || n > nonces[i - 1]));
    assert.match(b.read("e.table"), /^192\.0\.2\.9 0 192\.168\.1\.0\/24 registering \d+ - \d+\.000$/);
    assert.is(b.read("e.registered"), "false");
    b.close();
  }
});

test("with them it registers every 20 seconds for 5 minutes, then every minute", async () => {
  const b = await bench();
  const found = times(b, 500, (sent) => notify(b, sent.message));
  assert.equal(found, [...Array.from({ length: 16 }, (_, i) => i * 20), 360, 420, 480]);
  assert.equal([b.read("e.notifies"), b.read("e.registered")], ["19", "true"]);
  assert.is(b.read("e.servers"), "192.0.2.9 sha256 1 1");
  b.close();
});

test("no-notify registers by the interval alone", async () => {
  const b = await bench("MAP_SERVER '192.0.2.9 key secret no-notify', QUICK 0, INTERVAL 30");
  assert.equal(
    times(b, 100, (sent) => assert.is(sent.message.wantNotify, false)),
    [0, 30, 60, 90],
  );
  b.close();
});

test("a Map-Notify of a wrong key, key ID, algorithm or unknown nonce acknowledges nothing", async () => {
  const b = await bench();
  b.router.runFor(0);
  const [{ message }] = registers(b);
  notify(b, message, { ...KEY, secret: hex("0102") });
  notify(b, message, { ...KEY, id: 2 });
  notify(b, message, KEY, 1);
  const { nonce, records } = message;
  b.push("e", [packetOf(mapNotify({ type: "map-notify", nonce, records }))]);
  assert.equal([b.read("e.bad_auth"), b.read("e.notifies"), b.read("e.registered")], ["4", "0", "false"]);
  b.push("e", [hex("45"), packetOf(hex("40000001")), packetOf(hex("9000000000000000"))]);
  assert.is(b.read("e.malformed"), "3");
  notify(b, message);
  notify(b, message);
  assert.equal([b.read("e.notifies"), b.read("e.late"), b.read("e.registered")], ["1", "1", "true"]);
  b.close();
});

test("what a Map-Notify does not name is not registered", async () => {
  const b = await bench("MAP_SERVER 192.0.2.9 key secret", `${SITE}, 192.168.2.0/24 192.0.2.1`);
  b.router.runFor(0);
  const [{ message }] = registers(b);
  assert.is(message.records.length, 2);
  notify(b, { nonce: message.nonce, records: message.records.slice(0, 1) });
  assert.is(b.read("e.servers"), "192.0.2.9 sha256 1 2");
  b.router.runFor(1);
  const [again] = registers(b);
  assert.equal(again.message.records, message.records.slice(1));
  b.close();
});

test("several Map-Servers, each with its key and its own state", async () => {
  const b = await bench("MAP_SERVER 192.0.2.9 key secret, MAP_SERVER 192.0.2.10 key 3:other sha1");
  b.router.runFor(0);
  const [one, two] = registers(b);
  assert.equal([one.destination[3], two.destination[3]], [9, 10]);
  const other = { id: 3, secret: new TextEncoder().encode("other") };
  assert.is(verifyAuthentication(two.payload, two.message, [other]).verdict, "valid");
  notify(b, two.message, other, 1, "192.0.2.10");
  assert.is(b.read("e.servers"), "192.0.2.9 sha256 0 1\n192.0.2.10 sha1 1 1");
  // The key of one Map-Server says nothing of what the other has.
  notify(b, one.message, other, 1);
  assert.equal([b.read("e.late"), b.read("e.servers").split("\n")[0]], ["1", "192.0.2.9 sha256 0 1"]);
  b.close();
});

test("a second key is accepted in Map-Notifys: one key takes over from another", async () => {
  const b = await bench("MAP_SERVER 192.0.2.9 key 1:secret key 2:next");
  b.router.runFor(0);
  const [{ message }] = registers(b);
  assert.is(message.authentication.keyId, 1);
  notify(b, message, { id: 2, secret: new TextEncoder().encode("next") });
  assert.is(b.read("e.notifies"), "1");
  b.close();
});

test("no more records and bytes in a message than may be", async () => {
  const site = Array.from({ length: 10 }, (_, i) => `10.${i}.0.0/16 192.0.2.1`).join(", ");
  for (const [args, sizes] of [
    ["RECORDS 4", [4, 4, 2]],
    ["BYTES 64", [2, 2, 2, 2, 2]],
  ] as const) {
    const b = await bench(`MAP_SERVER 192.0.2.9 key secret, ${args}`, site);
    b.router.runFor(0);
    assert.equal(
      registers(b).map((r) => r.message.records.length),
      sizes,
    );
    b.close();
  }
});

test("a change is registered at once; what goes is withdrawn with TTL 0, six times at most", async () => {
  const b = await bench();
  b.router.runFor(0);
  notify(b, registers(b)[0].message);
  b.router.runFor(5);
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/2/50");
  await b.router.write("site.add", "192.168.7.0/24 192.0.2.1");
  b.router.runFor(0);
  const [changed] = registers(b);
  assert.equal(
    changed.message.records.map((r) => [r.locators[0].priority, r.ttl]),
    [
      [2, 1440],
      [1, 1440],
    ],
  );
  notify(b, changed.message);
  await b.router.write("site.remove", "192.168.7.0/24");
  b.router.runFor(0);
  const [gone] = registers(b);
  assert.equal(
    gone.message.records.map((r) => [r.ttl, r.locators.length]),
    [[0, 1]],
  );
  notify(b, gone.message);
  assert.is(b.read("e.table").split("\n").length, 1);
  await b.router.write("site.remove", "192.168.1.0/24");
  assert.equal(times(b, 120), [0, 1, 3, 7, 15, 31]);
  assert.is(b.read("e.table"), "");
  b.close();
});

test("a Map-Notify for what was before a change does not acknowledge the change", async () => {
  const b = await bench();
  b.router.runFor(0);
  const [before] = registers(b);
  await b.router.write("site.add", "192.168.1.0/24 192.0.2.1/9/9");
  notify(b, before.message);
  assert.is(b.read("e.registered"), "false");
  b.close();
});

test("an unsolicited Map-Notify is acknowledged whenever it comes, and told once", async () => {
  const b = await bench();
  const told: string[] = [];
  (b.router.find("e") as LISPRegistrar).onNotify((records, server) =>
    told.push(`${records.length} ${server}`),
  );
  b.router.runFor(0);
  registers(b);
  const records = [record("10.7.0.1/32", "192.0.2.5")];
  notify(b, { nonce: 77n, records });
  notify(b, { nonce: 77n, records });
  const acks = sentTo(b, "out");
  assert.equal(
    acks.map((a) => [a.message.type, a.message.type === "map-notify-ack" && a.message.nonce]),
    [
      ["map-notify-ack", 77n],
      ["map-notify-ack", 77n],
    ],
  );
  const ack = acks[0].message;
  assert.ok(ack.type === "map-notify-ack" && ack.records.length === 1);
  assert.is(verifyAuthentication(acks[0].payload, ack, [KEY]).verdict, "valid");
  assert.equal(told, ["1 192,0,2,9"]);
  notify(b, { nonce: 78n, records });
  notify(b, { nonce: 77n, records });
  assert.equal([b.read("e.unsolicited"), b.read("e.replay")], ["3", "1"]);
  b.close();
});

test("nonces go on where those of the last run ended, though the clock went back", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-nonce-"));
  const file = join(folder, "nonces");
  try {
    const b = await bench(`MAP_SERVER 192.0.2.9 key secret, STATE ${file}`);
    b.router.runFor(40);
    const nonces = registers(b).map((r) => r.message.nonce);
    b.close();
    // The simulated clock begins anew.
    const c = await bench(`MAP_SERVER 192.0.2.9 key secret, STATE ${file}`);
    c.router.runFor(0);
    const [next] = registers(c);
    assert.is(next.message.nonce > nonces.at(-1)!, true);
    c.close();
    const earlier = nonceCounter(new SimulatedClock(5), file);
    assert.is(earlier.next() > next.message.nonce, true);
    assert.match(readFileSync(file, "latin1"), /^[0-9a-f]{16}\n$/);
    writeFileSync(file, "nonsense");
    assert.match(
      await failure(() => bench(`MAP_SERVER 192.0.2.9 key secret, STATE ${file}`)),
      /does not hold a nonce/,
    );
    assert.match(
      await failure(() => bench(`MAP_SERVER 192.0.2.9 key secret, STATE ${folder}/none/nonces`)),
      /ENOENT/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("without a free packet no Map-Register leaves; it is sent again as if it was lost", async () => {
  const b = await bench();
  const taken = takeAllSlots(b);
  b.router.runFor(0);
  assert.equal([b.read("e.no_slot"), b.take("out").length], ["1", 0]);
  for (const slot of taken) b.router.memory.kernels.poolGive(slot);
  b.router.runFor(1);
  assert.is(registers(b).length, 1);
  b.close();
});

test("when nonces can no longer be kept nothing is sent", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-nonce-"));
  const b = await bench(
    `MAP_SERVER 192.0.2.9 key secret no-notify, QUICK 0, INTERVAL 1, STATE ${folder}/nonces`,
  );
  rmSync(folder, { recursive: true });
  b.router.runFor(1100);
  assert.is(b.read("e.registers"), "1023", "what was reserved, short of the first");
  assert.is(b.read("e.no_nonce"), "78");
  b.close();
});

test("without a clock's help nonces increase over a restart with the seconds that passed", () => {
  const before = nonceCounter(new SimulatedClock(1000), null).next();
  assert.is(nonceCounter(new SimulatedClock(1001), null).next() > before + 1000000n, true);
});

test("what is wrong with its arguments is said", async () => {
  for (const [args, message] of [
    ["MAP_SERVER 192.0.2.9", /has no key/],
    ["MAP_SERVER 192.0.2.9 key", /there is no secret: a key is \[ID:\]SECRET/],
    ["MAP_SERVER 192.0.2.9 key 1:", /there is no secret/],
    ["MAP_SERVER 192.0.2.9 key 300:x", /key ID 300/],
    ["MAP_SERVER 192.0.2.9 key x md5", /word 4 is not 'key', 'no-key'.* or 'no-xtr-id'; a key is/],
    ["MAP_SERVER 192.0.2.9 key x toString", /word 4 is not/],
    ["MAP_SERVER 192.0.2.9 key x key 1:y", /key 1 sha256 is there twice/],
    ["MAP_SERVER 192.0.2.9 key x no-key", /has a key and 'no-key'/],
    ["MAP_SERVER x key y", /word 1 is no address of a Map-Server/],
    ["MAP_SERVER 2001:db8::1 key y", /no RLOC of the address family/],
    ["XTR_ID 12", /XTR_ID: '12' is not 32 hexadecimal digits/],
    [`XTR_ID ${"0".repeat(32)}, SITE_ID x`, /SITE_ID: 'x' is not 16/],
  ] as const) {
    const said: string[] = [];
    const error = await failure(() => bench(args, SITE, (line) => said.push(line)));
    assert.match(`${error} ${said.join(" ")}`, message);
  }
  assert.match(
    await failure(() => bench("", "192.168.1.0/24")),
    /mapping '192\.168\.1\.0\/24': expected an RLOC/,
  );
  assert.match(
    await failure(() => Bench.start("d :: Idle; e :: LISPRegistrar(d); Idle -> e -> Discard; d -> Discard")),
    /SITE is not a LISPSite/,
  );
});

test("a hot swap registers only what is another then, and goes on with its intervals", async () => {
  const b = await bench("MAP_SERVER 192.0.2.9 key secret", `${SITE}, 192.168.2.0/24 192.0.2.1/1/100`);
  const answer = (sent: Sent<MapRegister>): void => notify(b, sent.message);
  assert.equal(times(b, 5, answer), [0]);
  await b.router.swap(b.router.source);
  assert.is(b.read("e.registered"), "true");
  assert.equal(times(b, 20, answer), [15]);
  await b.router.swap(b.router.source.replace("192.168.2.0/24 192.0.2.1/1", "192.168.2.0/24 192.0.2.1/2"));
  assert.is(b.read("e.registered"), "false");
  b.router.runFor(0);
  const [sent] = registers(b);
  assert.equal(
    sent.message.records.map((r) => r.locators[0].priority),
    [2],
  );
  // What is out when the graph is changed is sent again: its Map-Notify would come to a nonce of before.
  await b.router.swap(b.router.source);
  assert.equal(times(b, 0.5, answer), [0]);
  assert.is(b.read("e.registered"), "true");
  // Another key proves nothing of what the first has registered.
  await b.router.swap(b.router.source.replace("key secret", "key other"));
  assert.is(b.read("e.registered"), "false");
  b.close();
});

test("no-key and an empty MAP_SERVER", async () => {
  const b = await bench("MAP_SERVER 192.0.2.9 no-key");
  b.router.runFor(0);
  const [sent] = registers(b);
  assert.equal(sent.message.authentication, { keyId: 0, algorithm: 0, data: new Uint8Array(0) });
  b.close();
  const none = await bench("MAP_SERVER ''", "''");
  none.router.runFor(100);
  assert.equal([none.read("e.registers"), none.read("site.size")], ["0", "0"]);
  none.close();
});

test("a site's table changes by its handlers, which say what is wrong", async () => {
  const b = await bench("", "192.168.1.0/24 192.0.2.1, CAPACITY 2");
  await b.router.write("site.add", "fd01::/64 192.0.2.1/1/50 iid 5");
  assert.is(b.read("site.table"), "192.168.1.0/24 192.0.2.1/1/100\nfd01::/64 192.0.2.1/1/50 iid 5");
  assert.match(await failure(() => b.router.write("site.add", "10.0.0.0/8 192.0.2.1")), /at most 2/);
  assert.match(await failure(() => b.router.write("site.add", "10.0.0.0/8 x")), /'x' is not an IP address/);
  assert.match(
    await failure(() => b.router.write("site.remove", "fd01::/64")),
    /no mapping for 'fd01::\/64'/,
  );
  assert.match(await failure(() => b.router.write("site.remove", "fd01::/64 5")), /expected 'EID-PREFIX/);
  await b.router.write("site.remove", "fd01::/64 iid 5");
  assert.is(b.read("site.size"), "1");
  b.close();
});

test.run();
