// HypervisorAgents that tell the tunnel routers of their sites at the switch of a migration (arms b and e).

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Announcement, MigrationOptions, Router } from "../../../src/index.js";
import { readUdpPacket, writeUdpPacket } from "../../../src/wire/udp-packet.js";
import { Hosted } from "../../elements/lisp/mobility/change-lab.js";
import { address, Net, type Told } from "../agent-net.js";

const DELAY = 0.005;
const A = "10.0.0.1";
const B = "10.0.0.2";
const ROUTER_A = "10.0.0.3";
const ROUTER_B = "10.0.0.4";
const C = "10.0.0.9";
const EID = "10.1.0.5";
const M = 2 ** 27;
const OPTIONS: MigrationOptions = { downtimeLimit: 0.1, bandwidth: 0, deadline: 20 };
const SPEC = { name: "web", memory: M, addresses: [address(EID)], mtu: 1500 };

class World {
  readonly net = new Net(DELAY);
  readonly told: Told[] = [];
  readonly agents: Router[] = [];
  #a: Awaited<ReturnType<Net["remote"]>>["hypervisor"] | null = null;
  #b: Awaited<ReturnType<Net["remote"]>>["hypervisor"] | null = null;

  static async of(more = "", trust = `key 1:cp eid ${EID}/32`): Promise<World> {
    const world = new World();
    const { net } = world;
    for (const [ip, router, guest] of [
      [A, ROUTER_A, `web memory 128M address ${EID} rate 8M,`],
      [B, ROUTER_B, ""],
    ]) {
      const config = `HypervisorAgent(simulated, ${guest} ADDR ${ip}, KEY 1:secret, ROUTER ${router}, TRUST ${trust}${more})`;
      world.agents.push(await net.start(ip, config));
      const change = `LISPChangePriority(cache, RLOC ${router}, MOBILITY m, SITE site, TELL false, TRUST key 1:cp eid 10.1.0.0/16 hypervisors)`;
      const text = `net :: Uplink -> element :: ${change} -> net; m :: Hosted;
        site :: LISPSite(10.1.0.0/16 ${router}); Idle -> cache :: LISPMapCache -> Discard`;
      const made = await net.startText(router, text, { classes: [Hosted] });
      if (guest !== "") (made.find("m") as Hosted).here.add(EID);
    }
    const { hypervisor, controller } = await net.remote(C, A);
    world.#a = hypervisor;
    const other = net.watch(controller, C, B, "secret", 1000n);
    world.#b = other.hypervisor;
    other.hypervisor.onEvent((event) => world.told.push({ ...event, came: net.now }));
    hypervisor.onEvent((event) => world.told.push({ ...event, came: net.now }));
    await net.run(1);
    return world;
  }

  /** Prepares and begins a migration with what its agents are to announce. */
  async begin(stop?: Announcement, resume?: Announcement): Promise<void> {
    const landing = await this.net.outcome(this.#b!.prepareIncoming("m1", SPEC, 30, resume), 0.5);
    if (typeof landing === "string") throw new Error(landing);
    const options = { ...OPTIONS, ...(stop && { announce: stop }) };
    await this.net.outcome(this.#a!.migrate("m1", "web", landing, options), 0.1);
  }

  /** Lets time pass until the controller hears that it has stopped. */
  async stopped(): Promise<void> {
    for (let i = 0; i < 500 && !this.told.some(({ kind }) => kind === "stopped"); i++)
      await this.net.run(0.01);
  }

  /** What a tunnel router was asked to do with the EID. */
  did(router: string): readonly string[] {
    return (this.net.router(router).find("m") as Hosted).did;
  }

  at(kind: Told["kind"]): number {
    return this.told.find((event) => event.kind === kind)!.at / 1e9;
  }

  /** When an agent's messages to a tunnel router left. */
  said(from: string, to: string): readonly number[] {
    return this.net.sent
      .filter(
        (one) => one.from === from && one.to === to && readUdpPacket(one.bytes).destinationPort === 4342,
      )
      .map(({ at }) => at);
  }
}

const locator = (rloc: string): Announcement => ({
  iid: 0,
  locators: [{ rloc: address(rloc), priority: 1, weight: 100 }],
});
const none: Announcement = { iid: 0, locators: [] };

test("asked to, the source's agent says at STOP that it has left, and the destination's at RESUME that it has come", async () => {
  const w = await World.of();
  await w.begin(locator(ROUTER_B), locator(ROUTER_A));
  await w.net.run(5);
  assert.equal(w.did(ROUTER_A), [`release ${EID} ${ROUTER_B}`]);
  assert.equal(w.did(ROUTER_B), [`claim ${EID}`]);
  assert.equal(w.said(A, ROUTER_A), [w.at("stopped")]);
  assert.equal(w.said(B, ROUTER_B), [w.at("resumed")]);
  const [a, b] = w.agents;
  assert.is(a.read("element.outcomes"), `${ROUTER_A} left ${EID}/32: done\n`);
  assert.is(b.read("element.outcomes"), `${ROUTER_B} arrived ${EID}/32: done\n`);
  assert.is(a.read("element.told"), "1");
  assert.is(a.read("element.told_done"), "1");
  w.net.close();
});

test("armed, the locators are left out", async () => {
  const w = await World.of();
  await w.net.router(ROUTER_B).write("element.send", `${ROUTER_A} hypervisor leaving ${EID} ${ROUTER_B}`);
  await w.begin(none, none);
  await w.net.run(5);
  assert.equal(w.did(ROUTER_A).slice(1), [`release ${EID} armed`]);
  assert.equal(w.did(ROUTER_B), [`claim ${EID}`]);
  w.net.close();
});

test("not asked to, agents tell nobody", async () => {
  const w = await World.of();
  await w.begin();
  await w.net.run(5);
  assert.equal([w.did(ROUTER_A), w.did(ROUTER_B)], [[], []]);
  w.net.close();
});

test("one that fails after its STOP is back where it was", async () => {
  const w = await World.of();
  await w.begin(locator(ROUTER_B), none);
  // All messages of the stream are lost while it stands still, and the destination gives it up.
  const { fate } = w.net;
  w.net.fate = (from, to, bytes) =>
    w.told.some(({ kind }) => kind === "stopped") &&
    from !== C &&
    to !== C &&
    readUdpPacket(bytes).sourcePort === 4344
      ? []
      : fate(from, to, bytes);
  await w.stopped();
  await w.net.run(8);
  w.net.fate = fate;
  await w.net.run(2);
  assert.is(w.told.at(-1)!.kind, "failed");
  assert.equal(w.did(ROUTER_A), [`release ${EID} ${ROUTER_B}`, `claim ${EID}`]);
  assert.equal(w.did(ROUTER_B), []);
  w.net.close();
});

test("a tunnel router that is silent is told three times; without a key for it nothing is sent", async () => {
  const w = await World.of();
  const { fate } = w.net;
  w.net.fate = (from, to, bytes) => (to === ROUTER_A ? [] : fate(from, to, bytes));
  await w.begin(none);
  await w.net.run(5);
  const [a] = w.agents;
  assert.is(a.read("element.outcomes"), `${ROUTER_A} left ${EID}/32: silent\n`);
  assert.is(a.read("element.told_again"), "2");
  assert.is(a.read("element.told_silent"), "1");
  w.net.close();

  const other = await World.of("", "key 1:cp eid 10.9.0.0/16");
  await other.begin(none);
  await other.net.run(5);
  assert.is(other.agents[0].read("element.outcomes"), `${ROUTER_A} left ${EID}/32: unsent: no-key\n`);
  assert.is(other.agents[0].read("element.untold"), "1");
  other.net.close();
});

test("a hot swap between what was said and the answer keeps both", async () => {
  const w = await World.of();
  const { fate } = w.net;
  w.net.fate = (from, to, bytes) => (from === ROUTER_A ? [] : fate(from, to, bytes));
  await w.begin(locator(ROUTER_B));
  await w.stopped();
  const [a] = w.agents;
  await a.swap(a.source);
  w.net.join(A, a);
  w.net.fate = fate;
  await w.net.run(1);
  assert.is(a.read("element.outcomes"), `${ROUTER_A} left ${EID}/32: done\n`);
  w.net.close();
});

test("acknowledgements of nothing, and messages that are none, are dropped", async () => {
  const w = await World.of();
  await w.begin(none);
  await w.net.run(5);
  const [a] = w.agents;
  const answers = w.net.sent.filter(({ from, to }) => from === ROUTER_A && to === A);
  const questions = w.net.sent.filter(({ from, to }) => from === A && to === ROUTER_A);
  for (const { bytes } of answers) w.net.deliver(A, bytes);
  await w.net.run(0.1);
  assert.is(a.read("element.late"), "1");
  // Between others: to us, but not for us.
  const [{ bytes }] = questions;
  const datagram = readUdpPacket(bytes);
  const back = { ...datagram, source: datagram.destination, destination: datagram.source };
  w.net.deliver(A, writeUdpPacket(back));
  w.net.deliver(A, writeUdpPacket({ ...back, payload: new Uint8Array(20) }));
  await w.net.run(0.1);
  assert.is(a.read("element.stray"), "1");
  assert.is(a.read("element.malformed"), "1");
  w.net.close();
});

test.run();
