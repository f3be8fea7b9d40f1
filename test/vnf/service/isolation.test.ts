// timeout: 600
// What each isolation holds back: the function ends, its manager says why and starts it again, and others go on.

import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Isolation } from "../../../src/vnf/descriptor/model.js";
import { Service } from "../../../src/vnf/service/service.js";
import { RealWorld } from "../../../src/vnf/world.js";
import { atEnd, ledger } from "../../outside.js";
import { until } from "../../until.js";
import { FaultyService } from "../faulty.js";

const faulty = new FaultyService();
test.after(() => faulty.remove());

/** Seconds for what takes ten on a machine without other work. */
const PATIENCE = 120;

function instantiate(isolation: Isolation): Promise<Service> {
  return Service.instantiate(faulty.descriptor(isolation), { world: new RealWorld(), book: ledger });
}

/** Makes function `bad` go wrong by its handler, and expects it to end with `message` and to be started again. */
async function holdsBack(isolation: Isolation, handler: string, message: RegExp): Promise<void> {
  const service = await instantiate(isolation);
  const left = atEnd(() => service.terminate());
  try {
    await service.start();
    const [bad, good] = [service.function("bad"), service.function("good")];
    const counted = async (): Promise<number> => Number(await good.request("read", { path: "n.count" }));
    // It may go wrong before its answer is out.
    await bad.request("write", { path: `f.${handler}`, value: "" }).catch(() => {});
    await until(() => bad.lastEnd !== null, "it ends", PATIENCE);
    assert.match(bad.lastEnd!.message, message);
    await until(() => bad.restarts === 1 && bad.state === "started", "it starts again", PATIENCE);
    assert.ok(service.events.latest(100, "bad").some((e) => /; starts again in 0\.\d s$/.test(e.message)));
    const before = await counted();
    await until(async () => (await counted()) > before, "the other function goes on");
    assert.is(good.restarts, 0);
  } finally {
    left();
    await service.terminate();
  }
}

const THROWS = /^an element threw: a bug/;
const LOOPS = /^no sign of life in \d+ s: an endless loop\?$/;
const FILLS = /^its JavaScript heap of 48 MB is full$/;

const KILLED = /^its process was ended by SIG(SEGV|BUS|KILL|ABRT)$/;

test("inline holds back what an element throws", () => holdsBack("inline", "throws", THROWS));
test("thread holds back what an element throws", () => holdsBack("thread", "throws", THROWS));
test("thread holds back an endless loop", () => holdsBack("thread", "loops", LOOPS));
test("thread holds back a full heap", () => holdsBack("thread", "fills", FILLS));
test("process holds back what an element throws", () => holdsBack("process", "throws", THROWS));
test("process holds back an endless loop", () => holdsBack("process", "loops", LOOPS));
test("process holds back a full heap", () => holdsBack("process", "fills", FILLS));
test("process holds back a native crash", () => holdsBack("process", "dies", KILLED));

test("process holds back kill -9", async () => {
  const service = await instantiate("process");
  const left = atEnd(() => service.terminate());
  try {
    await service.start();
    const bad = service.function("bad");
    process.kill(bad.instance!.pid, "SIGKILL");
    await until(() => bad.restarts === 1 && bad.state === "started", "it starts again", PATIENCE);
    assert.match(bad.lastEnd!.message, KILLED);
    assert.is(service.function("good").restarts, 0);
  } finally {
    left();
    await service.terminate();
  }
});

test.run();
