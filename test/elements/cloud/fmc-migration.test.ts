// FMCMigration: its messages, what it takes and drops, its handlers, and what is wrong with its configuration.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AgentMessage, writeAgentMessage } from "../../../src/cloud/agent/agent-message.js";
import { stateBody } from "../../../src/cloud/agent/requests.js";
import { ARM_NAMES, type ArmName } from "../../../src/cloud/migration/arms.js";
import { changePriority } from "../../../src/wire/lisp-control/change-priority.js";
import { mapReply } from "../../../src/wire/lisp-control/map-reply.js";
import { writeUdpPacket } from "../../../src/wire/udp-packet.js";
import { address } from "../../cloud/agent-net.js";
import {
  AGENT,
  C,
  controllerGraph,
  EID,
  type MigrationNet,
  MS,
  migrationNet,
  ROUTER,
} from "../../cloud/migration-net.js";
import { failure, packetOf, record } from "../lisp/control.js";
import { Bench } from "../lisp/harness.js";

const history = ({ controller }: MigrationNet, name = "1"): string =>
  controller.read("element/m.history", name);
/** State, from whom, name in the paper. */
const steps = (all: MigrationNet): string[] =>
  history(all)
    .trim()
    .split("\n")
    .map((line) => line.split(" ").slice(1, 4).join(" "));

/** What each side is told, in order. */
const TOLD: Readonly<Record<ArmName, readonly [a: readonly string[], b: readonly string[]]>> = {
  a: [[`left ${EID} ${ROUTER.b}`], [`arrived ${EID}`]],
  b: [[`left ${EID} ${ROUTER.b}`], [`arrived ${EID}`]],
  c1: [[`left ${EID} ${ROUTER.b}`], [`arrived ${EID}`]],
  c2: [[`left ${EID} ${ROUTER.b}`], [`arrived ${EID} ${ROUTER.a}`]],
  d: [[`left ${EID} ${ROUTER.b}`], [`arrived ${EID}`]],
  e: [
    [`leaving ${EID} ${ROUTER.b}`, `leaving ${EID} ${ROUTER.b}`, `left ${EID} ${ROUTER.b}`],
    [`expect ${EID}`, `expect ${EID}`, `arrived ${EID}`],
  ],
};

for (const arm of ARM_NAMES)
  test(`arm ${arm}: both sides are told in messages, until the mapping system says so`, async () => {
    const all = await migrationNet(`, ARM ${arm}, DOMAIN a ${EID}/32`);
    await all.controller.write("element/m.migrate", "web b the user is there");
    await all.net.run(5);
    assert.match(all.read("status"), new RegExp(`^1 web a b ${arm} settled 0 0 the user is there\n$`));
    assert.equal([all.routers.a.heard, all.routers.b.heard], TOLD[arm]);
    assert.match(all.controller.read("element/c.entries", "vm"), /dc b /);
    assert.equal(
      ["migrations", "settled", "failed", "cancelled"].map((name) => all.read(name)),
      ["1", "1", "0", "0"],
    );
    assert.equal(all.net.log, []);
    all.net.close();
  });

test("the sequence of Fig. 3 and Fig. 4 is in the history of a migration, step by step", async () => {
  const all = await migrationNet(`, ARM c1, DOMAIN a ${EID}/32`);
  await all.controller.write("element/m.migrate", "web b");
  await all.net.run(5);
  const named = steps(all).filter((step) => !step.endsWith(" -"));
  assert.equal(named, [
    "decided controller F13.4,F14.2",
    "decided mapping F14.3",
    "requested controller F13.5,F14.4,F15.1",
    "requested hypervisor:a F15.2",
    "running controller F15.2",
    "stopped hypervisor:b F13.6,F15.3",
    "resumed controller F13.6,F15.3",
    "resumed controller F14.5,F15.4",
    "resumed controller F14.5,F15.4",
    "resumed routers:a F15.6",
    "resumed mapping F13.8,F15.5",
    "settled controller F13.9,F15.8",
  ]);
  all.net.close();
});

test("target and source know after half of R and half of their round-trip times, as the closed forms say", async () => {
  const all = await migrationNet(", ARM c1");
  // One way, milliseconds: R/2 to the target's data centre, and to either tunnel router.
  const ways: Readonly<Record<string, number>> = {
    [AGENT.a]: 5,
    [AGENT.b]: 75,
    [ROUTER.a]: 50,
    [ROUTER.b]: 5,
    [MS]: 5,
  };
  all.net.fate = (from, to) => [(ways[from === C ? to : from === AGENT.a ? C : from] ?? 5) / 1000];
  await all.controller.write("element/m.migrate", "web b");
  await all.net.run(5);
  const switched = all.net.router(AGENT.b).read("element.migrations");
  const resumed = all.net.now - Number(/ resumed ([0-9.]+) /.exec(switched)![1]);
  const knows = (dc: "a" | "b"): number => all.routers[dc].times.at(-1)! / 1e9 - resumed;
  assert.ok(Math.abs(knows("b") - (0.075 + 0.005)) < 0.001, `target ${knows("b")}`);
  assert.ok(Math.abs(knows("a") - (0.075 + 0.05)) < 0.001, `source ${knows("a")}`);
  all.net.close();
});

test("what is refused is told nobody, and why is said", async () => {
  const all = await migrationNet("", { guest: `web memory 2M address ${EID}` });
  const write = (what: string, text: string): Promise<string> =>
    failure(() => all.controller.write(`element/m.${what}`, text));
  assert.match(await write("migrate", "web"), /expected 'VM DC \[ARM\] \[REASON\]'/);
  assert.match(await write("migrate", "other b"), /there is no virtual machine 'other'/);
  assert.match(await write("migrate", "web c"), /there is no data centre 'c'/);
  assert.match(await write("migrate", "web a"), /'web' is at a already/);
  await all.controller.write("element/c.pin", "web");
  assert.match(await write("migrate", "web b"), /'web' is pinned to a/);
  await all.controller.write("element/c.unpin", "web");
  await all.controller.write("element/c.drain", "b");
  assert.match(await write("migrate", "web b"), /b takes no more virtual machines/);
  assert.match(await write("cancel", "web"), /no migration 'web' goes on/);
  assert.throws(() => history(all, "7"), /there is no migration '7'/);
  assert.throws(() => all.controller.read("element/m.status", "x"), /the number of a migration/);
  assert.equal([all.routers.a.heard, all.routers.b.heard], [[], []]);
  all.net.close();
});

test("a migration is sent back by hand, and leaves nothing armed", async () => {
  const all = await migrationNet();
  await all.controller.write("element/m.migrate", "web b e");
  await all.net.run(0.3);
  assert.equal([all.read("running"), all.read("waiting"), all.read("acting")], ["1", "0", "true"]);
  assert.is(all.read("agents"), "a reachable\nb reachable\n");
  await all.controller.write("element/m.cancel", "1");
  await all.net.run(2);
  assert.match(all.read("status"), /^1 web a b e cancelled 0 0 CANCELLED controller: asked for by hand\n$/);
  assert.equal([all.routers.a.heard.at(-1), all.routers.b.heard.at(-1)], [`cancel ${EID}`, `cancel ${EID}`]);
  const shown = JSON.parse(all.read("status_json"));
  assert.equal([shown.state, shown.back.code, shown.eids], ["cancelled", "CANCELLED", [`${EID}/32`]]);
  all.net.close();
});

test("of hundreds of virtual machines only the one that migrates is asked for", async () => {
  const names = Array.from({ length: 900 }, (_, i) => `w${i}`);
  const others = names.map((name) => `${name} memory 4k address 10.9.9.9`).join(", ");
  const guest = `web memory 64M address ${EID}, web! memory 4k address 10.9.9.8, wea~ memory 4k address 10.9.9.7, ${others}`;
  const all = await migrationNet("", { guest, driver: "simulated:memory 1G guests 1000" });
  const before = all.net.sent.length;
  await all.controller.write("element/m.migrate", "web b");
  await all.net.run(5);
  assert.match(all.read("status"), / settled /);
  assert.ok(all.net.sent.length - before < 600, `${all.net.sent.length - before} messages`);
  all.net.close();
});

test("of several tunnel routers one that is gone holds nothing up but the end, and not for ever", async () => {
  const entries = `dc a rloc ${ROUTER.a} router ${ROUTER.a} router 192.0.2.3 agent ${AGENT.a} key 1:secret,
    dc b rloc ${ROUTER.b} router ${ROUTER.b} router 192.0.2.4 agent ${AGENT.b} key 1:secret,
    service web, vm web service web dc a memory 64M eid ${EID}`;
  const all = await migrationNet(", LOST 3, ARM c1", { entries });
  await all.controller.write("element/m.migrate", "web b");
  await all.net.run(3);
  // The one that has not answered could go on delivering to what has left.
  assert.match(all.read("status"), / redirected /);
  await all.net.run(5);
  assert.match(all.read("status"), / settled /);
  assert.match(
    history(all),
    / redirected controller - redirected for too long: no answer to tell source left\n/,
  );
  all.net.close();
});

test("what is decided is carried out, and the decision hears of it", async () => {
  const all = await migrationNet("", { decides: true });
  const { net, controller } = all;
  const outcome = (n: string): string =>
    /web from a to b: ([^\n]*)/.exec(controller.read("element/d.why", n))![1];
  await controller.write("element/d.migrate", "web b");
  await net.run(0.3);
  assert.is(outcome("1"), "decided");
  await net.run(5);
  assert.match(outcome("1"), /^done/);
  assert.match(all.read("status"), /^1 web a b e settled 0 0 decision 1: /);
  net.close();
});

test("a decision that cannot be carried out is told so", async () => {
  const all = await migrationNet("", { decides: true, guest: "other memory 64M address 10.9.9.9" });
  await all.controller.write("element/d.migrate", "web b");
  await all.net.run(1);
  assert.match(all.controller.read("element/d.why", "1"), /web from a to b: failed .*there is no 'web'/);
  assert.equal([all.routers.a.heard, all.routers.b.heard], [[], []]);
  all.net.close();
});

test("a migration goes on over a hot swap", async () => {
  const all = await migrationNet(", ARM c1");
  await all.controller.write("element/m.migrate", "web b");
  await all.net.run(0.3);
  const text = `net :: Uplink -> element :: ${controllerGraph(", ARM c2")} -> net`;
  await all.controller.swap(text);
  all.net.join(C, all.controller);
  await all.net.run(5);
  assert.match(all.read("status"), /^1 web a b c1 settled /);
  all.net.close();
});

/** A datagram of an agent. */
function agentSays(
  message: Partial<AgentMessage> = {},
  {
    from = AGENT.a,
    to = C,
    port = 4344,
    secret = "secret",
  }: {
    readonly from?: string;
    readonly to?: string;
    readonly port?: number;
    readonly secret?: string;
  } = {},
): Uint8Array {
  const ends = { source: address(from), destination: address(to), sourcePort: 4344, destinationPort: port };
  const whole = {
    kind: "answer",
    keyId: 1,
    session: 1n,
    nonce: 5n,
    body: stateBody("again"),
    ...message,
  } as const;
  return writeUdpPacket({ ...ends, payload: writeAgentMessage(whole, Buffer.from(secret), ends) });
}

test("what is none of its messages is dropped, and counted by reason", async () => {
  const all = await migrationNet();
  const { net } = all;
  await all.controller.write("element/m.migrate", "web b");
  await net.run(5);
  const counted = async (bytes: Uint8Array): Promise<string> => {
    const names = ["malformed", "elsewhere", "bad_auth", "stray", "late", "unusable"];
    const before = names.map((name) => Number(all.read(name)));
    net.deliver(C, bytes);
    await net.run(0.01);
    return names.filter((name, i) => Number(all.read(name)) > before[i]).join(" ");
  };
  const ends = { source: address(AGENT.a), destination: address(C), sourcePort: 4344, destinationPort: 4344 };
  assert.is(await counted(writeUdpPacket({ ...ends, payload: Uint8Array.of(1, 2, 3) })), "malformed");
  assert.is(await counted(agentSays({}, { port: 4345 })), "elsewhere");
  assert.is(await counted(agentSays({}, { secret: "other" })), "bad_auth");
  assert.is(await counted(agentSays()), "stray");
  assert.is(await counted(agentSays({}, { from: "192.0.2.77" })), "stray");
  const to = { from: ROUTER.a, to: C };
  const message = {
    role: "hypervisor",
    event: "left",
    nonce: 5n,
    records: [record(`${EID}/32`, ROUTER.b)],
  } as const;
  assert.is(await counted(packetOf(changePriority(message), to)), "stray");
  assert.is(
    await counted(packetOf(changePriority({ ...message, acknowledges: true, records: [] }), to)),
    "late",
  );
  assert.is(await counted(packetOf(mapReply({ nonce: 9n, records: [record(`${EID}/32`)] }), to)), "late");
  assert.is(await counted(packetOf(Uint8Array.of(0xf7, 0xde, 0, 0), to)), "malformed");
  all.net.close();
});

test("a forged acknowledgement, and a Map-Reply about something else, count for nothing", async () => {
  const all = await migrationNet(`, ARM e, DOMAIN a ${EID}/32`);
  const { net } = all;
  net.fate = (from, to, bytes) => {
    // Every answer of a tunnel router is changed in its last byte, and has no checksum.
    if (to === C && (from === ROUTER.a || from === ROUTER.b)) {
      bytes[bytes.length - 1] ^= 1;
      bytes.fill(0, 26, 28);
    }
    return [0.005];
  };
  all.server.other = "10.9.9.9";
  await all.controller.write("element/m.migrate", "web b");
  await net.run(1);
  assert.ok(Number(all.read("unusable")) > 0);
  assert.match(
    all.read("status"),
    / failed 0 0 TIMEOUT controller: decided for too long: inCharge source\n$/,
  );
  all.server.other = null;
  all.server.answers = false;
  await all.controller.write("element/m.migrate", "web b");
  await net.run(1);
  assert.ok(Number(all.read("unanswered")) > 0);
  all.server.answers = true;
  await all.controller.write("element/m.migrate", "web b");
  await net.run(40);
  assert.ok(Number(all.read("bad_auth")) > 0);
  assert.match(
    all.read("status"),
    /3 web a b e failed .*armed for too long: tell target expect, tell source leaving\n$/,
  );
  all.net.close();
});

test("where no packet is free for a message, that is counted, and it is sent again", async () => {
  const all = await migrationNet();
  const { kernels } = all.controller.memory;
  const held: number[] = [];
  for (let slot = kernels.poolTake(); slot !== 0; slot = kernels.poolTake()) held.push(slot);
  await all.controller.write("element/m.migrate", "web b");
  await all.net.run(0.05);
  assert.ok(Number(all.read("no_slot")) > 0);
  for (const slot of held) kernels.poolGive(slot);
  await all.net.run(5);
  assert.match(all.read("status"), / settled /);
  all.net.close();
});

test("what is configured wrongly is an error", async () => {
  const start = (args: string): Promise<string> =>
    failure(() =>
      Bench.start(
        `c :: FMCCatalogue; n :: Null; a, r :: Idle; a -> m :: FMCMigration(${args}) -> Discard; r -> [1] m; Idle -> n -> Discard`,
      ),
    );
  assert.match(await start("n, ADDR 192.0.2.50"), /CATALOGUE is not a FMCCatalogue/);
  assert.match(await start("c"), /no ADDR given/);
  assert.match(await start("c, ADDR 192.0.2.50, ADDR 192.0.2.51"), /more than one address of a family/);
  assert.match(await start("c, ADDR 192.0.2.50, TRACKER n"), /TRACKER is not a FMCMobilityTracker/);
  assert.match(await start("c, ADDR 192.0.2.50, STORE lmdb"), /STORE: the store should be/);
  assert.match(await start("c, ADDR 192.0.2.50, TRUST eid"), /TRUST: /);
  assert.match(await start("c, ADDR 192.0.2.50, DOMAIN a"), /DOMAIN: expected 'DC EID-PREFIX/);
  assert.match(await start("c, ADDR 192.0.2.50, STATE /dev/null/x"), /STATE: /);
  assert.match(await start("c, ADDR 192.0.2.50, STORE lmdb:/proc/nowhere"), /STORE: /);
});

test.run();
