// What each isolation holds back: the function ends, its manager says why and starts it again, and others go on.

import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Isolation } from "../../../src/vnf/descriptor/model.js";
import { readDescriptor } from "../../../src/vnf/descriptor/read.js";
import { Service } from "../../../src/vnf/service/service.js";
import { RealWorld } from "../../../src/vnf/service/world.js";
import { namespacesRefused } from "../../net/namespaces.js";
import { skipUnless } from "../../skip.js";
import { FaultyService } from "../faulty.js";

const CONF = fileURLToPath(new URL("../../../../conf/", import.meta.url));
const faulty = new FaultyService();
test.after(() => faulty.remove());

async function until(condition: () => boolean | Promise<boolean>, what: string, seconds = 30): Promise<void> {
  for (const end = Date.now() + seconds * 1000; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`waited ${seconds} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Makes function `bad` go wrong by its handler, and expects it to end with `message` and to be started again. */
async function holdsBack(isolation: Isolation, handler: string, message: RegExp): Promise<void> {
  const service = await Service.instantiate(faulty.descriptor(isolation), { world: new RealWorld() });
  try {
    await service.start();
    const [bad, good] = [service.function("bad"), service.function("good")];
    const counted = async (): Promise<number> => Number(await good.request("read", { path: "n.count" }));
    await bad.request("write", { path: `f.${handler}`, value: "" });
    await until(() => bad.lastEnd !== null, "it ends");
    assert.match(bad.lastEnd!.message, message);
    await until(() => bad.restarts === 1 && bad.state === "started", "it starts again");
    assert.ok(service.events.latest(100, "bad").some((e) => /; starts again in 0\.\d s$/.test(e.message)));
    const before = await counted();
    await until(async () => (await counted()) > before, "the other function goes on");
    assert.is(good.restarts, 0);
  } finally {
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
  const service = await Service.instantiate(faulty.descriptor("process"), { world: new RealWorld() });
  try {
    await service.start();
    const bad = service.function("bad");
    process.kill(bad.instance!.pid, "SIGKILL");
    await until(() => bad.restarts === 1 && bad.state === "started", "it starts again");
    assert.match(bad.lastEnd!.message, KILLED);
    assert.is(service.function("good").restarts, 0);
  } finally {
    await service.terminate();
  }
});

/** Brings up a descriptor of conf/services with every function isolated so, and waits for answered pings. */
async function pings(file: string, isolation: Isolation): Promise<void> {
  const descriptor = readDescriptor(`${CONF}services/${file}`);
  const functions = [...descriptor.functions].map(([name, f]) => [name, { ...f, isolation }] as const);
  // Names of namespaces are the machine's: this test's own.
  const name = `t${process.pid}-${descriptor.name}`.slice(0, 40);
  const service = await Service.instantiate(
    { ...descriptor, name, functions: new Map(functions) },
    { world: new RealWorld() },
  );
  try {
    await service.start();
    const answers = async (): Promise<number> =>
      Number(await service.function("host1").request("read", { path: "answers.count" }));
    await until(async () => (await answers()) >= 3, "pings are answered", 60);
    // What links do changes wherever their ends are.
    service.inject({ kind: "link-down", link: "core" });
    await until(async () => {
      const before = await answers();
      await new Promise((resolve) => setTimeout(resolve, 1200));
      return (await answers()) === before;
    }, "no ping is answered while the core is down");
  } finally {
    await service.terminate();
  }
}

const refused = namespacesRefused();
const withNamespaces = skipUnless(refused === null, refused ?? "");
for (const file of readdirSync(`${CONF}services`).filter((f) => f.endsWith(".yaml"))) {
  test(`${file} inline: hosts ping each other`, () => pings(file, "inline"));
  test(`${file} in threads: hosts ping each other`, () => pings(file, "thread"));
  withNamespaces(`${file} in processes and namespaces: hosts ping each other`, async () => {
    await pings(file, "process");
    const left = execFileSync("ip", ["netns"], { encoding: "utf8" });
    assert.not.match(left, new RegExp(`sluice-t${process.pid}-`));
  });
}

test.run();
