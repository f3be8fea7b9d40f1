// Hot swap: the new graph takes the old one's place, or leaves no trace.

import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  ConfigurationError,
  Element,
  type ElementSpec,
  type ErrorSink,
  Loader,
  Router,
  SimulatedClock,
} from "../../src/index.js";

/** Counts the rounds it runs, and keeps count over a swap. */
class Ticker extends Element {
  static readonly spec = { ports: "0/0", state: 64 } as const satisfies ElementSpec;
  count = 0;
  cleaned = 0;
  readonly #timer = this.newTimer(() => {
    this.count++;
    this.#timer.rescheduleAfter(1e9);
  });
  override initialize(): void {
    this.#timer.scheduleAfter(1e9);
  }
  override takeState(old: Element, errors: ErrorSink): void {
    if (old instanceof Ticker) this.count = old.count;
    if (old.name === "fails") errors.error("will not");
    if (old.name === "warns") errors.warning("unwilling");
    if (old.name === "throws") throw new Error("cannot");
  }
  override cleanup(): void {
    this.cleaned++;
  }
}

/** Initializes only after a while, and only when told to. */
class Slow extends Element {
  static readonly spec = {
    ports: "0/0",
    args: { FAIL: { type: "bool", default: "false", doc: "fail" } },
  } as const satisfies ElementSpec;
  #fail = false;
  ran = 0;
  readonly #task = this.newTask(() => {
    this.ran++;
    this.#task.reschedule();
    return true;
  });
  override configure(values: { FAIL: boolean }): void {
    this.#fail = values.FAIL;
  }
  override async initialize(errors: ErrorSink): Promise<void> {
    this.#task.reschedule();
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    if (this.#fail) errors.error("did not start");
  }
}

interface World {
  readonly router: Router;
  readonly log: string[];
}

async function start(text: string): Promise<World> {
  const log: string[] = [];
  const loader = new Loader();
  loader.add(Ticker);
  loader.add(Slow);
  const router = await Router.fromText(text, {
    loader,
    clock: new SimulatedClock(),
    log: (line) => log.push(line),
    print: () => {},
  });
  return { router, log };
}

test("a queue keeps its packets, in order, through swap after swap", async () => {
  const text = (n: number): string => `q :: Queue(${10 + n}) -> Idle; Idle -> q; x${n} :: Idle`;
  const { router } = await start(text(0));
  for (const byte of [1, 2, 3]) router.inject("q", Uint8Array.of(byte));
  for (let n = 1; n <= 5; n++) await router.swap(text(n));
  assert.is(router.read("q.capacity"), "15");
  assert.ok(router.find("x5"));
  assert.not(router.find("x4"));
  assert.equal(
    router.take("q").map((p) => p[0]),
    [1, 2, 3],
  );
  router.close();
});

test("a smaller queue says how many packets it could not keep", async () => {
  const { router, log } = await start("q :: Queue(10) -> Idle; Idle -> q");
  for (let i = 0; i < 4; i++) router.inject("q", Uint8Array.of(i));
  const slots = router.memory.slotsUsed;
  await router.swap("q :: Queue(2) -> Idle; Idle -> q");
  assert.equal(log, [
    "config:1: While hot-swapping state into 'q :: Queue':\n  warning: some packets lost (old length 4, new capacity 2)",
  ]);
  assert.is(router.read("q.length"), "2");
  assert.is(router.memory.slotsUsed, slots - 2);
  router.close();
});

test("swaps leave no memory behind, nor do those that fail at any stage", async () => {
  const text =
    "q :: Queue(100) -> d :: Discard; i :: Idle -> q; t :: Ticker; c :: Counter; j :: Idle -> c -> q";
  const { router } = await start(text);
  await router.swap(text);
  const used = router.memory.heapUsed;
  const slots = router.memory.slotsUsed;
  const bad = [
    "syntax error here !",
    `${text}; x :: Nonesuch`,
    `${text}; Queue -> Queue -> Discard`,
    `${text}; x :: Counter(1, 2, 3)`,
    `${text}; y :: Slow(FAIL true)`,
    `${text}; Idle -> Print(MAXLENGTH x) -> Discard`,
  ];
  for (let n = 0; n < 3; n++) {
    for (const wrong of bad) {
      try {
        await router.swap(wrong);
        assert.unreachable(wrong);
      } catch (e) {
        assert.instance(e, ConfigurationError);
      }
    }
    await router.swap(text);
  }
  assert.is(router.memory.heapUsed, used);
  assert.is(router.memory.slotsUsed, slots);
  router.close();
});

test("a failed swap leaves the old graph running, its state and names as they were", async () => {
  const { router } = await start("t :: Ticker");
  const old = router.find("t") as Ticker;
  router.runFor(2.5);
  try {
    await router.swap("t :: Ticker; s :: Slow(FAIL true)");
    assert.unreachable();
  } catch (e) {
    assert.match((e as Error).message, "did not start");
  }
  assert.is(router.find("t"), old);
  assert.is(old.cleaned, 0);
  router.runFor(2);
  assert.is(old.count, 4);
  assert.is(router.source, "t :: Ticker");
  router.close();
});

test("nothing of the new graph runs before it is in its place, and nothing of the old one after", async () => {
  const { router } = await start("t :: Ticker");
  const old = router.find("t") as Ticker;
  router.runFor(1.5);
  const swapped = router.swap("t :: Ticker; s :: Slow");
  for (let i = 0; i < 3; i++) {
    router.step(3);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.not(router.find("s"));
  await swapped;
  const slow = router.find("s") as Slow;
  assert.is(slow.ran, 0);
  router.step(1);
  assert.ok(slow.ran > 0);
  router.runFor(0.01);
  const now = router.find("t") as Ticker;
  assert.ok(now !== old);
  assert.is(now.count, 1);
  assert.equal([old.cleaned, old.count], [1, 1]);
  router.close();
});

test("swaps that are asked for together happen one after the other", async () => {
  const { router } = await start("a :: Ticker");
  const swaps = [
    router.swap("a :: Ticker; one :: Slow"),
    router.swap("a :: Ticker; bad :: Slow(FAIL true)").catch(() => "failed"),
    router.swap("a :: Ticker; two :: Slow"),
  ];
  assert.equal(await Promise.all(swaps), [0, "failed", 0]);
  assert.ok(router.find("two"));
  assert.not(router.find("one"));
  router.close();
});

test("only namesakes of the same class hand their state over, and what goes wrong is said", async () => {
  const { router, log } = await start("fails :: Ticker; warns :: Ticker; throws :: Ticker; other :: Ticker");
  await router.swap("fails :: Ticker; warns :: Ticker; throws :: Ticker; other :: Idle");
  assert.equal(log.join("\n").split("\n"), [
    "config:1: While hot-swapping state into 'fails :: Ticker':",
    "  will not",
    "config:1: While hot-swapping state into 'warns :: Ticker':",
    "  warning: unwilling",
    "config:1: While hot-swapping state into 'throws :: Ticker':",
    "  cannot",
  ]);
  router.close();
});

test("a router that is closed while a swap prepares stays closed", async () => {
  const { router } = await start("a :: Ticker");
  const swapped = router.swap("b :: Ticker; s :: Slow").catch((e: Error) => e.message);
  router.close();
  assert.is(await swapped, "swap: the router is closed; make another one");
});

test("hotconfig is a handler only where it is allowed", async () => {
  const { router } = await start("Idle");
  assert.throws(() => router.handler("hotconfig"), /no 'hotconfig' handler/);
  router.close();
});

test("a new DriverManager takes over from the old one", async () => {
  const { router } = await start("DriverManager(pause, stop)");
  await router.swap("DriverManager(pause, pause, stop)");
  router.stop();
  router.step(5);
  assert.not(router.driver.stopped);
  router.stop();
  router.step(5);
  assert.ok(router.driver.stopped);
  router.close();
});

test.run();
