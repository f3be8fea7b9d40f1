// Pacer: what comes too soon is done later, the last of it, and once.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Router, SimulatedClock } from "../../../src/index.js";
import { Pacer, type PacerOptions } from "../../../src/lisp/limits/pacer.js";
import { Loader } from "../../../src/loader.js";
import { TimerGroup } from "../../../src/router/timer-group.js";

interface Lab {
  readonly router: Router;
  readonly pacer: Pacer;
  /** What was done since it was asked last, each with its second. */
  done(): string[];
  /** Asks for it; `may`: whether it can be done now. */
  ask(name: string, what: string, may?: () => boolean): string;
}

async function lab(options: Partial<PacerOptions> = {}): Promise<Lab> {
  const clock = new SimulatedClock();
  const router = await Router.fromText("e :: Idle -> Discard", { loader: new Loader(), clock });
  const timers = new TimerGroup(router.find("e")!);
  const pacer = new Pacer({ clock, timers, interval: 3e9, capacity: 4, ...options });
  const start = clock.now();
  const done: string[] = [];
  return {
    router,
    pacer,
    done: () => done.splice(0),
    ask: (name, what, may = () => true) =>
      pacer.request(name, () => {
        if (!may()) return false;
        done.push(`${(clock.now() - start) / 1e9} ${what}`);
        return true;
      }),
  };
}

test("the first is done now, the last of what follows when the interval is over, other names at once", async () => {
  const { router, ask, done } = await lab();
  assert.equal([ask("a", "a1"), ask("a", "a2"), ask("b", "b1")], ["done", "waits", "done"]);
  router.runFor(1);
  ask("a", "a3");
  router.runFor(9);
  assert.equal(done(), ["0 a1", "0 b1", "3 a3"]);
  assert.is(ask("a", "a4"), "done");
  router.close();
});

test("the interval counts from what was done last, late as that was", async () => {
  const { router, ask, done } = await lab();
  for (let i = 0; i < 8; i++) {
    ask("a", `${i}`);
    router.runFor(1);
  }
  router.runFor(9);
  assert.equal(done(), ["0 0", "3 2", "6 5", "9 7"]);
  router.close();
});

test("what cannot be done now is tried each second, the latest of it", async () => {
  const { router, ask, done } = await lab();
  let may = false;
  assert.is(
    ask("a", "a1", () => may),
    "waits",
  );
  router.runFor(4.5);
  ask("a", "a2", () => may);
  may = true;
  router.runFor(3);
  assert.equal(done(), ["5 a2"]);
  router.close();
});

test("a rate lets them through in the order in which they came", async () => {
  const { router, ask, done } = await lab({ rate: 2 });
  for (const name of ["a", "b", "c", "d"]) ask(name, name);
  router.runFor(2);
  assert.equal(done(), ["0 a", "0 b", "0.5 c", "1 d"]);
  router.close();
});

test("as many names wait as may, and the oldest that rests is forgotten", async () => {
  const { router, pacer, ask, done } = await lab();
  for (const name of ["a", "b", "c", "d", "e"]) ask(name, name);
  assert.is(ask("a", "again"), "done", "forgotten");
  for (const name of ["c", "d", "e", "a"]) assert.is(ask(name, name), "waits");
  assert.equal([ask("f", "f"), ask("c", "c2"), pacer.waiting], ["full", "waits", 4]);
  router.runFor(3);
  assert.is(done().length, 10);
  router.close();
});

test.run();
