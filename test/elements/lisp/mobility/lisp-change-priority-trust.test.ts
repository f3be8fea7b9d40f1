// LISPChangePriority: whose messages count. What is forged, replayed, or said by who may not, changes nothing.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nonceAt } from "../../../../src/lisp/change-priority/clock-nonces.js";
import { authenticate } from "../../../../src/lisp/control/authentication.js";
import { parseRloc } from "../../../../src/lisp/mapping.js";
import { type ChangePriority, changePriority } from "../../../../src/wire/lisp-control/change-priority.js";
import type { LispControlMessage } from "../../../../src/wire/lisp-control/message.js";
import { failure, packetOf, record, takeAllSlots } from "../control.js";
import { ChangeNetwork } from "./change-lab.js";
import { complaints } from "./mobility-lab.js";

const EID = "192.168.1.10";

interface Signing {
  readonly secret?: string;
  readonly id?: number;
  readonly algorithm?: number;
  readonly from?: string;
  readonly to?: string;
}

/** A message as a sender with the key would send it; by default node 3 to node 1. */
function signed(message: ChangePriority, signing: Signing = {}): Uint8Array {
  const { secret = "secret", id = 1, algorithm = 2, from = "10.0.0.3", to = "10.0.0.1" } = signing;
  const key = { id, secret: new TextEncoder().encode(secret) };
  const ends = { source: parseRloc(from), destination: parseRloc(to) };
  return packetOf(authenticate(message, key, algorithm, "all", ends), { from, to });
}

/** Says that the EID is at an RLOC, `ago` seconds before now. */
function said(n: ChangeNetwork, fields: Partial<ChangePriority> = {}, ago = 0): ChangePriority {
  const nonce = nonceAt(n.bench.clock, ago);
  return changePriority({
    role: "cache",
    event: "left",
    nonce,
    records: [record(`${EID}/32`, "10.0.0.2")],
    ...fields,
  });
}

/** What node 1 counts, and what its map-cache has of the EID. */
function state(n: ChangeNetwork, ...names: string[]): string[] {
  return [...n.counts(1, ...names), n.cached(1).find((line) => line.startsWith(EID)) ?? "-"];
}

/** The statuses with which node 1 answers. */
function answers(n: ChangeNetwork): number[] {
  n.run(0.02);
  return n.seen.splice(0).flatMap(({ message }) => (message.acknowledges ? [message.status] : []));
}

test("a message is done, acknowledged; it comes again, and is acknowledged again, with the same status, and is not done", async () => {
  const n = await ChangeNetwork.make();
  const packet = signed(said(n));
  for (let i = 0; i < 3; i++) n.deliver(packet);
  assert.equal(answers(n), [0, 0, 0]);
  assert.equal(state(n, "heard", "repeated", "updates"), ["1", "2", "1", `${EID}/32 10.0.0.2/1/100`]);
  const bad = signed(said(n, { nonce: said(n).nonce + 1n, event: "expect" }));
  for (let i = 0; i < 2; i++) n.deliver(bad);
  assert.equal(answers(n), [2, 2]);
  assert.equal(n.counts(1, "refused", "repeated"), ["1", "3"]);
  n.close();
});

test("a message that is not authentic is dropped as bad_auth, told on the log, and not answered", async () => {
  const log: string[] = [];
  const n = await ChangeNetwork.make({ log: (line) => log.push(line) });
  const message = said(n);
  const forged: [Uint8Array, RegExp][] = [
    [signed(message, { secret: "other" }), /key ID 1 \(sha256\) with another secret/],
    [signed(message, { id: 9 }), /key ID 9, which nobody at this address has/],
    [signed(message, { algorithm: 1 }), /algorithm 1 \(sha1\) with key ID 1/],
    [packetOf(message, { from: "10.0.0.3", to: "10.0.0.1" }), /key ID 0, which nobody/],
    [
      packetOf(
        { ...message, authentication: { keyId: 1, algorithm: 2, data: new Uint8Array(5) } },
        { from: "10.0.0.3", to: "10.0.0.1" },
      ),
      /5 bytes of authentication data/,
    ],
  ];
  for (const [packet, why] of forged) {
    n.deliver(packet);
    n.run(10.1);
    assert.match(log.splice(0).join("\n"), why);
  }
  assert.equal(answers(n), []);
  assert.equal(state(n, "bad_auth", "updates"), ["5", "0", "-"]);
  n.close();
});

test("what one has heard counts at no other, and from no other address", async () => {
  const n = await ChangeNetwork.make();
  const message = said(n);
  const key = { id: 1, secret: new TextEncoder().encode("secret") };
  const ends = { source: parseRloc("10.0.0.3"), destination: parseRloc("10.0.0.2") };
  const payload = authenticate(message, key, 2, "all", ends);
  n.deliver(packetOf(payload, { from: "10.0.0.3", to: "10.0.0.1" }));
  n.deliver(packetOf(payload, { from: "10.0.0.4", to: "10.0.0.2" }));
  assert.equal(state(n, "bad_auth"), ["1", "-"]);
  assert.is(n.counts(2, "bad_auth")[0], "1");
  n.deliver(packetOf(payload, { from: "10.0.0.3", to: "10.0.0.2" }));
  assert.is(n.counts(2, "updates")[0], "1");
  n.close();
});

test("a nonce with other content, and one too old, are replays, and not answered", async () => {
  const n = await ChangeNetwork.make();
  n.run(100);
  const nonce = nonceAt(n.bench.clock);
  n.deliver(signed(said(n, { nonce })));
  assert.equal(answers(n), [0]);
  n.deliver(signed(said(n, { nonce, records: [record(`${EID}/32`, "10.0.0.9")] })));
  n.deliver(signed(said(n, { records: [record(`${EID}/32`, "10.0.0.9")] }, 31)));
  assert.equal(answers(n), []);
  assert.equal(state(n, "replay", "updates"), ["2", "1", `${EID}/32 10.0.0.2/1/100`]);
  n.deliver(signed(said(n, { records: [record("192.168.1.11/32", "10.0.0.9")] }, 29)));
  assert.equal(answers(n), [0], "one that was late on its way");
  n.close();
});

test("a captured message is not taken by one that has started since, nor one of a clock far ahead", async () => {
  const n = await ChangeNetwork.make();
  n.run(5);
  n.deliver(signed(said(n, {}, 6)));
  n.deliver(signed(said(n, {}, -31)));
  assert.equal(state(n, "replay"), ["2", "-"]);
  n.deliver(signed(said(n, {}, 5)));
  assert.is(state(n, "updates")[0], "1");
  n.close();
});

test("messages that overtake each other: what was said last about an EID stays", async () => {
  const n = await ChangeNetwork.make();
  n.run(5);
  const at = (rloc: string, ago: number, from: string, role: "cache" | "new" = "cache"): Uint8Array =>
    signed(said(n, { role, event: "arrived", records: [record(`${EID}/32`, rloc)] }, ago), { from });
  n.deliver(at("10.0.0.2", 1, "10.0.0.3"));
  n.deliver(at("10.0.0.4", 2, "10.0.0.3"));
  n.deliver(at("10.0.0.4", 3, "10.0.0.4"));
  n.deliver(at("10.0.0.4", 4, "10.0.0.4", "new"));
  assert.equal(answers(n), [0, 6, 6, 6]);
  assert.equal(state(n, "refused"), ["3", `${EID}/32 10.0.0.2/1/100`]);
  n.deliver(signed(said(n, { records: [record("192.168.1.11/32", "10.0.0.4")] }, 2.5)));
  assert.equal(answers(n), [0], "another EID");
  n.close();
});

test("a hypervisor's message that is overtaken by its own undoing has no effect", async () => {
  const n = await ChangeNetwork.make();
  n.run(5);
  const h = (event: "expect" | "cancel", ago: number, from = "10.0.0.3"): Uint8Array =>
    signed(said(n, { role: "hypervisor", event }, ago), { from });
  n.deliver(h("cancel", 1));
  n.deliver(h("expect", 2));
  assert.equal(answers(n), [0, 6]);
  n.deliver(h("expect", 2, "10.0.0.4"));
  assert.equal(answers(n), [0], "of another one it is, as their clocks need not agree");
  assert.equal(n.hosted(1).did, [`cancel ${EID}`, `expect ${EID} 3600`]);
  n.close();
});

test("a key that may not speak for an EID, in an instance, in a role, or from an address: unauthorized", async () => {
  const trust = [
    "TRUST key 1:secret eid 192.168.1.0/24 at 10.0.0.3",
    "TRUST key 2:agent eid 192.168.1.0/24 hypervisors",
    "TRUST key 3:router eid 192.168.1.0/24 routers",
    "TRUST key 4:any eid any",
  ].join(", ");
  const n = await ChangeNetwork.make({ args: () => `, ${trust}` });
  const other = record("192.168.2.10/32", "10.0.0.2");
  let nonce = nonceAt(n.bench.clock);
  const send = (fields: Partial<ChangePriority>, signing: Signing): number[] => {
    n.deliver(signed(said(n, { nonce: nonce++, ...fields }), signing));
    return answers(n);
  };
  assert.equal(send({ records: [other] }, {}), [1]);
  assert.equal(send({ records: [record(`${EID}/32`, "10.0.0.2"), other] }, {}), [1], "one of two");
  assert.equal(send({}, { id: 2, secret: "agent" }), [1]);
  assert.equal(send({ role: "hypervisor", event: "expect" }, { id: 3, secret: "router" }), [1]);
  assert.equal(send({}, { from: "10.0.0.4" }), [], "nobody there has this key");
  assert.equal(state(n, "unauthorized", "bad_auth", "updates"), ["4", "1", "0", "-"]);
  assert.equal(n.hosted(1).did, []);
  assert.equal(send({ role: "hypervisor", event: "expect" }, { id: 2, secret: "agent" }), [0]);
  assert.equal(send({}, { id: 3, secret: "router" }), [0]);
  assert.equal(send({ records: [other] }, { id: 4, secret: "any" }), [0]);
  assert.equal(send({ records: [] }, { id: 4, secret: "any" }), [8]);
  n.close();
});

test("one secret with two lists of EIDs may speak for both", async () => {
  const trust = "TRUST key 1:secret eid 192.168.2.0/24, TRUST key 1:secret eid 192.168.1.0/24";
  const n = await ChangeNetwork.make({ args: () => `, ${trust}` });
  n.deliver(signed(said(n)));
  assert.equal(answers(n), [0]);
  n.close();
});

test("keys roll over: of several the first one signs, all are taken", async () => {
  const keys = (n: number): string =>
    n === 4 ? ", TRUST key 2:new key 1:old eid any" : ", TRUST key 1:old key 2:new hkdf key 2:new eid any";
  const n = await ChangeNetwork.make({ args: keys });
  assert.is(await n.say("10.0.0.1", "hypervisor arrived", EID, "10.0.0.2"), "done");
  // Node 1 signs with the old one, which node 2 takes, too.
  assert.match(n.bench.read("c1.outcomes"), /^10\.0\.0\.2 new arrived 192\.168\.1\.10\/32: done$/);
  n.close();
});

test("an acknowledgement of nothing, of another one's, or forged: late or bad_auth, and the message is sent on", async () => {
  const n = await ChangeNetwork.make();
  n.lose = (m) => !m.message.acknowledges;
  await n.bench.router.write("c1.send", `10.0.0.3 cache left ${EID} 10.0.0.2`);
  n.run(0.02);
  const { message } = n.seen[0];
  const ack = { ...message, acknowledges: true, records: [] };
  n.deliver(signed({ ...ack, nonce: message.nonce + 1n }));
  n.deliver(signed(ack, { from: "10.0.0.4" }));
  n.deliver(signed({ ...ack, event: "arrived" }));
  assert.equal(n.counts(1, "late", "bad_auth", "acknowledged"), ["3", "0", "0"]);
  n.deliver(signed(ack, { secret: "other" }));
  n.deliver(signed({ ...ack, status: 77 }));
  n.deliver(signed(ack));
  assert.equal(n.counts(1, "late", "bad_auth", "acknowledged"), ["4", "1", "1"]);
  assert.match(n.bench.read("c1.outcomes"), /: status 77$/);
  n.run(2);
  assert.equal(n.counts(1, "sent", "resent", "silent"), ["1", "0", "0"]);
  n.close();
});

for (const key of ["1:secret", "2:other"])
  test(`a hot swap keeps what was heard, noted and not answered yet, ${key === "1:secret" ? "" : "but for keys that are gone"}`, async () => {
    const n = await ChangeNetwork.make();
    const packet = signed(said(n));
    n.deliver(packet);
    n.deliver(signed(said(n, { nonce: said(n).nonce + 1n, role: "hypervisor", event: "expect" })));
    assert.equal(answers(n), [0, 0]);
    let lost = true;
    n.lose = ({ message }) => lost && message.event === "arrived";
    await n.bench.router.write("c1.send", `10.0.0.3 cache arrived ${EID} 10.0.0.2`);
    n.run(0.05);
    const before = n.seen.splice(0)[0].message.nonce;
    await n.bench.router.swap(
      `${n.bench.router.source.replaceAll("key 1:secret", `key ${key}`)} Idle -> Discard;`,
    );
    lost = false;
    n.deliver(packet);
    n.run(1);
    assert.match(n.bench.read("c1.table"), /^192\.168\.1\.10\/32 expected 3\d{3}\.\d+$/);
    const sent = n.seen.filter(({ message }) => message.event === "arrived" && !message.acknowledges);
    if (key === "1:secret") {
      assert.equal(n.counts(1, "repeated", "updates"), ["1", "0"], "of what came since");
      assert.equal(
        sent.map(({ message }) => message.nonce),
        [before],
      );
      assert.match(n.bench.read("c1.outcomes"), /^10\.0\.0\.3 cache arrived 192\.168\.1\.10\/32: done$/);
    } else {
      assert.equal(n.counts(1, "bad_auth", "repeated"), ["1", "0"]);
      assert.match(n.bench.read("c1.outcomes"), /: done$/, "with the key that there is now");
    }
    await n.bench.router.write("c1.send", `10.0.0.3 cache left 192.168.1.12 10.0.0.2`);
    n.run(0.1);
    assert.ok(n.seen.at(-2)!.message.nonce > before);
    n.close();
  });

test("without TRUST it is off: nothing is read, answered or sent", async () => {
  const n = await ChangeNetwork.make({ args: () => ', TRUST ""' });
  n.deliver(signed(said(n)));
  assert.is(await n.say("10.0.0.1", "cache left", EID, "10.0.0.2"), "unsent: no-key");
  assert.equal(n.seen, []);
  assert.equal(state(n, "off"), ["1", "-"]);
  assert.is(n.counts(4, "unsent")[0], "1");
  n.close();
});

test("what is no Change-Priority message is malformed, whatever it is", async () => {
  const n = await ChangeNetwork.make();
  const ends = { from: "10.0.0.3", to: "10.0.0.1" };
  const other: LispControlMessage = { type: "shared-extension", subtype: 5, body: new Uint8Array(40) };
  for (const packet of [
    packetOf(other, ends),
    packetOf(Uint8Array.of(0xf7, 0xde, 0, 0), ends),
    new Uint8Array(9),
  ])
    n.bench.push("c1", [packet]);
  assert.equal(state(n, "malformed"), ["3", "-"]);
  n.close();
});

test("with no packet slot free a message is lost, counted as no_slot, and sent again", async () => {
  const n = await ChangeNetwork.make();
  await n.bench.router.write("c1.send", `10.0.0.3 cache left ${EID} 10.0.0.2`);
  const taken = takeAllSlots(n.bench);
  n.run(0.05);
  for (const slot of taken) n.bench.router.memory.kernels.poolGive(slot);
  assert.is(n.counts(1, "no_slot")[0], "1");
  n.run(1);
  assert.equal(n.counts(1, "resent", "acknowledged"), ["1", "1"]);
  n.close();
});

test("messages that wait are at most CAPACITY, of the others the caller hears at once", async () => {
  const n = await ChangeNetwork.make({ args: () => ", CAPACITY 2" });
  for (let i = 1; i <= 3; i++)
    await n.bench.router.write("c1.send", `10.0.0.3 cache left 192.168.1.${i} 10.0.0.2`);
  assert.equal(n.counts(1, "waiting", "unsent"), ["2", "1"]);
  assert.match(n.bench.read("c1.outcomes"), /unsent: full$/);
  n.run(1);
  assert.equal(n.counts(3, "updates"), ["2"]);
  n.close();
});

test("senders that are remembered are bounded: of too many the message is not taken", async () => {
  const n = await ChangeNetwork.make({ args: () => ", TRUST key 1:secret eid any" });
  for (let i = 0; i < 4097; i++)
    n.bench.push("c1", [
      signed(said(n, { role: "hypervisor", event: "cancel" }), { from: `10.1.${i >> 8}.${i & 255}` }),
    ]);
  assert.equal(n.counts(1, "heard", "senders"), ["4096", "1"]);
  for (const s of ["s1"]) n.bench.take(s);
  n.run(32);
  n.seen.splice(0);
  n.deliver(signed(said(n, { role: "hypervisor", event: "cancel" })));
  assert.equal(n.counts(1, "heard", "senders"), ["4097", "1"], "who cannot be replayed is forgotten");
  n.close();
});

test("nonces are kept over a restart in STATE, and ahead of a clock that was set back", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-change-"));
  const file = join(folder, "nonces");
  const args = (n: number): string => (n === 4 ? `, STATE ${file}` : "");
  const nonceOf = async (after: number): Promise<bigint> => {
    const n = await ChangeNetwork.make({ args });
    n.run(after);
    await n.say("10.0.0.1", "cache left", EID, "10.0.0.2");
    const { nonce } = n.seen[0].message;
    n.close();
    return nonce;
  };
  const first = await nonceOf(50);
  assert.ok(BigInt(`0x${readFileSync(file, "latin1").trim()}`) > first);
  assert.ok((await nonceOf(0)) > first, "the simulated clock begins anew");
  const bad = await failure(() => ChangeNetwork.make({ args: () => `, STATE ${folder}` }));
  assert.match(bad, /STATE: /);
  rmSync(folder, { recursive: true });
});

test("what is wrong with its configuration is said, and no secret", async () => {
  const given = async (args: string): Promise<string> =>
    (
      await complaints(
        `Idle -> c :: LISPMapCache -> Discard; Idle -> LISPChangePriority(c${args}) -> Discard`,
      )
    ).join();
  assert.match(await given(""), /no RLOC given/);
  const trust = (text: string): Promise<string> => given(`, RLOC 10.0.0.1, TRUST ${text}`);
  for (const [text, complaint] of [
    ["key hunter2", "there is no EID-prefix"],
    ["eid 10.0.0.0/8", "there is no key"],
    ["hunter2 eid any", "word 1 is not 'key'"],
    ["key 1:hunter2 eid hunter2", "word 4 is no EID-prefix"],
    ["key 1:hunter2 eid", "word 4 is no EID-prefix"],
    ["key 1:hunter2 eid any at hunter2", "word 6 is no prefix of addresses"],
    ["key 1:hunter2 iid hunter2 eid any", "word 4 is no instance ID"],
    ["key 1:hunter2 iid 16777216 eid any", "word 4 is no instance ID"],
    ["key 1:hunter2 key 1:hunter2 eid any", "there twice"],
    ["key 300:hunter2 eid any", "key ID 300 is not"],
    ["key file:/nonexistent/hunter eid any", "/nonexistent/hunter"],
  ] as const) {
    const told = await trust(text);
    assert.ok(told.includes(complaint), `${text}: ${told}`);
    assert.not.match(told, /hunter2/);
  }
  const many = Array.from({ length: 17 }, (_, i) => `TRUST key 1:s${i} eid any`).join(", ");
  assert.match(await given(`, RLOC 10.0.0.1, ${many}`), /17 keys with ID 1, at most 16/);
});

test("a handler sends by hand, and says what is wrong with what it is given", async () => {
  const n = await ChangeNetwork.make();
  const write = (text: string): Promise<string> => failure(async () => n.bench.router.write("c1.send", text));
  assert.match(await write("10.0.0.3 nobody left 10.0.0.1"), /expected 'ADDRESS ROLE EVENT EID/);
  assert.match(await write("10.0.0.3 cache gone 10.0.0.1"), /expected 'ADDRESS ROLE EVENT EID/);
  assert.match(await write("here cache left 10.0.0.1"), /'here' is not an IP address/);
  assert.match(await write("10.0.0.3 cache left nothing"), /'nothing' is not an EID-prefix/);
  assert.is(await write(`fd00::3 cache left ${EID} fd00::2/1/50`), "");
  n.run(1);
  assert.match(n.bench.read("c1.outcomes"), /^fd00::3 cache left 192\.168\.1\.10\/32: done$/);
  assert.ok(n.cached(3).includes(`${EID}/32 fd00::2/1/50`));
  n.close();
});

test.run();
