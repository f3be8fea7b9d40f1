// What a router does when it is closed, and after that.

import { inspect } from "node:util";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  DeviceError,
  Element,
  type ElementSpec,
  type HandlerCode,
  Loader,
  MapProvider,
  makeLink,
  Router,
  RouterError,
  type RouterOptions,
  SimulatedClock,
  Simulation,
} from "../../src/index.js";

/** What the elements of a test share with it. */
interface Shared {
  cleaned: string[];
  /** Ends an `initialize` that waits. */
  ready: () => void;
  initializing: Promise<void> | null;
}

/** Closes its router when told to, from wherever. */
function makeCloser(shared: Shared): typeof Element {
  return class Closer extends Element {
    static readonly spec = {
      ports: "0-1/0-1",
      counters: { packets: "packets seen" },
      handlers: {
        close: { doc: "closes the router", write: true },
        read_close: { doc: "closes the router when read", read: true },
        wait: { doc: "never comes to an end", write: true },
        timer: { doc: "closes the router from a timer", write: true },
        task: { doc: "closes the router from a task that would run for ever", write: true },
      },
    } as const satisfies ElementSpec;

    override initialize(): Promise<void> | void {
      if (shared.initializing !== null) return shared.initializing;
    }

    override process(): void {
      this.router.close();
      // Whoever runs still has its state.
      assert.not.equal(this.state, 0);
      this.memory.add64(this.counterAddress("packets"), 1);
    }

    override handlers(): Record<string, HandlerCode> {
      const close = (): void => this.router.close();
      return {
        close: { write: close },
        read_close: {
          read: () => {
            close();
            return "closed";
          },
        },
        wait: { write: () => new Promise<void>(() => {}) },
        timer: { write: () => this.newTimer(close).scheduleAfter(0) },
        task: {
          write: () => {
            const task = this.newTask(() => {
              close();
              task.reschedule();
              return true;
            });
            task.reschedule();
          },
        },
      };
    }

    override cleanup(): void {
      shared.cleaned.push(this.name);
    }
  } as unknown as typeof Element;
}

function share(): Shared {
  return { cleaned: [], ready: () => {}, initializing: null };
}

async function start(text: string, shared: Shared, options: RouterOptions = {}): Promise<Router> {
  const loader = new Loader();
  loader.add(makeCloser(shared) as never, "Closer");
  return Router.fromText(text, { loader, log: () => {}, ...options });
}

/** The code of the error that `run` gives, now or later. */
async function codeOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (e) {
    return (e as { code?: unknown }).code;
  }
  return "no error";
}

test("run ends when the router is closed, whether it waits or is busy", async () => {
  for (const text of ["Idle -> Discard", "TimedSource(0.1) -> Discard", "InfiniteSource -> Discard"]) {
    const router = await start(text, share());
    const running = router.run();
    setTimeout(() => router.close(), 20);
    await running;
    assert.is(router.closed, true);
    router.close();
  }
});

test("every call of a closed router fails with code CLOSED", async () => {
  const router = await start("c :: Closer; Idle -> q :: Queue -> Unqueue -> Discard", share(), {
    clock: new SimulatedClock(),
  });
  const held = router.handler("q.length");
  const written = router.handler("c.timer");
  router.close();
  router.close();
  const calls: Record<string, () => unknown> = {
    start: () => router.start("Idle -> Discard"),
    swap: () => router.swap("Idle -> Discard"),
    run: () => router.run(),
    runFor: () => router.runFor(1),
    step: () => router.step(),
    stop: () => router.stop(),
    inject: () => router.inject("q", new Uint8Array(60)),
    take: () => router.take("q"),
    read: () => router.read("q.length"),
    write: () => router.write("q.reset"),
    find: () => router.find("q"),
    handler: () => router.handler("q.length"),
    handlers: () => router.handlers(null),
    handlerOf: () => router.handlerOf(null, "list"),
    meter: () => router.meter(true),
    observe: () => router.observe(null),
    graph: () => router.graph,
    elements: () => router.elements,
    tasks: () => router.tasks,
    timers: () => router.timers,
    "a handler that was found before, read": () => held.read?.(""),
    "a handler that was found before, written": () => written.write?.(""),
  };
  for (const [name, call] of Object.entries(calls)) assert.is(await codeOf(call), "CLOSED", name);
  assert.match(inspect(router), "closed");
});

test("a handler of an element that a hot swap took away fails", async () => {
  const router = await start("Idle -> q :: Queue -> Unqueue -> Discard", share());
  const held = router.handler("q.length");
  await router.swap("Idle -> Discard");
  assert.is(await codeOf(() => held.read?.("")), "NO_ELEMENT");
  router.close();
});

for (const how of ["close", "read_close", "timer", "task"]) {
  test(`a router that ${how} closes from inside releases everything, and its run ends`, async () => {
    const shared = share();
    const router = await start("c :: Closer; d :: Closer", shared);
    const running = router.run();
    if (how === "read_close") assert.is(router.read("c.read_close"), "closed");
    else await router.write(`c.${how}`);
    await running;
    assert.equal(shared.cleaned, ["d", "c"]);
    assert.is(await codeOf(() => router.read("c.packets")), "CLOSED");
  });
}

test("an element that closes its router in the middle of a push still has its state", async () => {
  const shared = share();
  const router = await start("Idle -> i :: Null -> c :: Closer -> Discard", shared);
  assert.is(router.inject("i", new Uint8Array(60)), true);
  assert.equal(shared.cleaned, ["c"]);
  assert.is(router.memory.slotsUsed, 0);
});

test("an asynchronous write is rejected when the router is closed", async () => {
  const router = await start("c :: Closer", share());
  const waiting = codeOf(() => router.write("c.wait"));
  router.close();
  assert.is(await waiting, "CLOSED");
});

test("a router that is closed while it starts opens nothing more, and cleans up what has started", async () => {
  const shared = share();
  shared.initializing = new Promise((resolve) => {
    shared.ready = resolve;
  });
  const loader = new Loader();
  loader.add(makeCloser(shared) as never, "Closer");
  const opened: string[] = [];
  const devices = {
    open(name: string): never {
      opened.push(name);
      throw new DeviceError("NO_SUCH_DEVICE", name);
    },
    close() {},
  };
  const router = new Router({ loader, devices, log: () => {} });
  const starting = codeOf(() => router.start("c :: Closer; FromDevice(eth0) -> Discard"));
  while (router.find("c") === undefined) await new Promise(setImmediate);
  router.close();
  assert.equal(shared.cleaned, []);
  shared.ready();
  assert.is(await starting, "CLOSED");
  assert.equal(shared.cleaned, ["c"]);
  assert.equal(opened, []);
});

test("closing ends a hot swap that prepares, and both graphs are cleaned up", async () => {
  const shared = share();
  const router = await start("a :: Closer", shared);
  shared.initializing = new Promise((resolve) => {
    shared.ready = resolve;
  });
  const swapping = codeOf(() => router.swap("b :: Closer"));
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
  router.close();
  assert.equal(shared.cleaned, ["a"]);
  shared.ready();
  assert.is(await swapping, "CLOSED");
  assert.equal(shared.cleaned, ["a", "b"]);
});

test("an element that fails to clean up is reported, and the others are cleaned up", async () => {
  const lines: string[] = [];
  class Broken extends Element {
    static readonly spec = { ports: "0/0" } as const satisfies ElementSpec;
    override cleanup(): void {
      throw new Error("cannot let go");
    }
  }
  const shared = share();
  const loader = new Loader();
  loader.add(makeCloser(shared) as never, "Closer");
  loader.add(Broken);
  const [end] = makeLink();
  const router = await Router.fromText("c :: Closer; b :: Broken", {
    loader,
    devices: new MapProvider([["link", end]]),
    log: (line) => lines.push(line),
  });
  router.close();
  assert.equal(lines, ["While cleaning up 'b :: Broken':\n  cannot let go"]);
  assert.equal(shared.cleaned, ["c"]);
  assert.is(end.closed, true);
});

test("a simulation goes on without a router that was closed", async () => {
  const simulation = new Simulation();
  const text = "TimedSource(0.1) -> c :: Counter -> Discard";
  const one = await Router.fromText(text, { clock: simulation.clock });
  const two = await Router.fromText(text, { clock: simulation.clock });
  let ended: unknown = "not told";
  simulation.add(one, (error) => {
    ended = error;
  });
  simulation.add(two);
  await simulation.runFor(1);
  one.close();
  await simulation.runFor(1);
  assert.is(ended, null);
  assert.is(Number(two.read("c.count")) >= 19, true);
  two.close();
});

test("a router is started once, and runs once at a time", async () => {
  const router = await start("Idle -> Discard", share());
  assert.is(await codeOf(() => router.start("Idle -> Discard")), "STARTED");
  const running = router.run();
  assert.is(await codeOf(() => router.run()), "RUNNING");
  router.stop();
  await running;
  assert.is(await codeOf(() => router.runFor(1)), "NO_CLOCK");
  assert.is(await codeOf(() => router.inject("Discard@1", new Uint8Array(60), 1)), "NO_ELEMENT");
  assert.is(await codeOf(() => router.inject("Discard@2", new Uint8Array(60), 1)), "NO_PORT");
  router.close();
  const fresh = new Router();
  assert.is(await codeOf(() => fresh.graph), "NOT_STARTED");
  assert.is(await codeOf(() => fresh.swap("Idle -> Discard")), "NOT_STARTED");
  fresh.close();
  assert.instance(RouterError.closed("x"), Error);
});

test.run();
