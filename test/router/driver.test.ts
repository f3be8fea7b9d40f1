// The driver: when it runs, waits and stops.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MapProvider, makeLink, RealClock, Router, SimulatedClock } from "../../src/index.js";

interface World {
  readonly router: Router;
  readonly out: string[];
}

async function start(text: string, clock: SimulatedClock | RealClock = new SimulatedClock()): Promise<World> {
  const out: string[] = [];
  const router = await Router.fromText(text, {
    clock,
    log: (line) => out.push(line),
    print: (t) => out.push(t),
  });
  return { router, out };
}

test("a request to stop is heeded after the round in which it is made", async () => {
  const { router, out } = await start('Script(stop); Script(print "same round")');
  router.runFor(1);
  assert.ok(router.driver.stopped);
  assert.equal(out, ["same round\n"]);
  router.close();
});

test("a router that stopped may be run again", async () => {
  const { router, out } = await start('s :: Script(label a, wait 1, print "tick", stop, goto a)');
  await router.run();
  assert.equal(out, ["tick\n"]);
  await router.write("s.run");
  await router.run();
  assert.equal(out, ["tick\n", "tick\n"]);
  router.close();
});

test("stop asked for while the router is made stops it before anything runs", async () => {
  const { router, out } = await start(
    'Script(init x $(s.run)); s :: Script(TYPE PASSIVE, stop); Script(print "no")',
  );
  await router.run();
  assert.equal(out, []);
  router.close();
});

test("run ends by signal, at once or while it waits", async () => {
  const { router } = await start("Idle -> Discard", new RealClock());
  const stop = new AbortController();
  const running = router.run(stop.signal);
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await running;
  await router.run(AbortSignal.abort());
  router.close();
});

test("a timer set from outside shortens a wait", async () => {
  const { router, out } = await start(
    's :: Script(TYPE PASSIVE, wait 1ms, print "done", stop)',
    new RealClock(),
  );
  const running = router.run();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await router.write("s.run");
  await running;
  assert.equal(out, ["done\n"]);
  router.close();
});

test("simulated time jumps to the next timer, and a busy task does not stop it", async () => {
  const { router, out } = await start("InfiniteSource -> Discard; Script(wait 5ms, print $(now), stop)");
  await router.run();
  assert.is(out.length, 1);
  const late = Number(out[0]) - 1_000_000_000.005;
  assert.ok(late >= -1e-6 && late < 1e-4, out[0]);
  router.close();
});

test("runFor runs what is due within its time and no more, and ends on time", async () => {
  const { router, out } = await start('Script(label a, wait 1, print "tick", goto a)');
  const at = (): number => router.clock.now();
  router.runFor(0.999);
  assert.equal([out.length, at()], [0, 999e6]);
  router.runFor(0.001);
  assert.equal([out.length, at()], [1, 1e9]);
  router.runFor(10);
  assert.equal([out.length, at()], [11, 11e9]);
  router.close();
});

test("runFor gets through work that is due now, and comes back from work without end", async () => {
  const { router } = await start(
    "InfiniteSource(LIMIT 50000) -> a :: Discard; InfiniteSource -> b :: Discard",
  );
  router.runFor(0);
  assert.is(router.read("a.count"), "50000");
  router.close();
});

test("runFor needs a simulated clock", async () => {
  const { router } = await start("Idle -> Discard", new RealClock());
  assert.throws(() => router.runFor(1), /simulated/);
  router.close();
});

test("step runs as many rounds as it is told, and says whether there was work", async () => {
  const { router } = await start("InfiniteSource(LIMIT 256) -> d :: Discard");
  assert.ok(router.step());
  assert.is(router.read("d.count"), "128");
  router.step(5);
  assert.is(router.read("d.count"), "256");
  assert.not(router.step());
  router.close();
});

test("an interrupt stops the router whatever its DriverManager would still do", async () => {
  const { router, out } = await start('DriverManager(pause, print "no", pause)', new RealClock());
  const running = router.run();
  await new Promise((resolve) => setImmediate(resolve));
  router.driver.interrupt();
  await running;
  assert.equal(out, []);
  router.close();
});

test("a faster clock shortens waits that have begun", async () => {
  const clock = new RealClock();
  const { router, out } = await start('Script(wait 1000, print "late", stop)', clock);
  const running = router.run();
  await new Promise((resolve) => setTimeout(resolve, 5));
  await router.write("timewarp", "1000000");
  await running;
  assert.equal(out, ["late\n"]);
  for (const bad of ["x", "0", "-1"])
    await router.write("timewarp", bad).then(
      () => assert.unreachable(),
      (e: Error) => assert.match(e.message, /double|> 0/),
    );
  router.close();
});

test("a router that is paused stands still, and what was due meanwhile is late", async () => {
  const clock = new SimulatedClock();
  const { router } = await start("TimedSource(0.1) -> n :: Counter -> Discard", clock);
  router.runFor(1.05);
  const before = Number(router.read("n.count"));
  router.driver.pause();
  router.runFor(2);
  assert.is(clock.now(), 3.05e9);
  assert.is(router.step(), false);
  assert.is(Number(router.read("n.count")), before);
  router.driver.resume();
  router.runFor(0.001);
  assert.is(Number(router.read("n.count")) > before, true);
  router.close();
});

test("in real time a paused router waits until it is resumed or stopped", async () => {
  const { router, out } = await start('Script(wait 1ms, print "on", stop)', new RealClock());
  router.driver.pause();
  const running = router.run();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(out, []);
  router.driver.resume();
  await running;
  assert.equal(out, ["on\n"]);
  router.driver.pause();
  const again = router.run();
  router.driver.interrupt();
  await again;
  router.close();
});

test("a push device takes nothing of a paused router", async () => {
  const clock = new SimulatedClock();
  const [a] = makeLink({ clock, schedule: () => {} });
  const router = await Router.fromText("Idle -> in :: Null -> out :: ToDevice(a)", {
    clock,
    devices: new MapProvider([["a", a]]),
  });
  router.driver.pause();
  assert.ok(router.inject("in", new Uint8Array(60)));
  assert.is(router.read("out.count"), "0");
  const out = router.find("out")!;
  assert.is(router.memory.get64(out.counterAddress("full")), 1);
  router.driver.resume();
  router.inject("in", new Uint8Array(60));
  assert.is(router.read("out.count"), "1");
  router.close();
});

test.run();
