// Elements that wait for promises, in simulated time: what can settle does so before time passes.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Element, Loader, Router, SimulatedClock, Simulation } from "../../src/index.js";

/** Every second it notes, some promises later, what time it is then. */
class Waiter extends Element {
  static readonly spec = { ports: "0/0" } as const;
  readonly seen: number[] = [];

  override initialize(): void {
    this.router.useTurns();
    const timer = this.newTimer(() => {
      void this.#wait(timer.expiry);
      if (this.seen.length < 4) timer.rescheduleAfter(1e9);
      else this.router.stop();
    });
    timer.scheduleAfter(1e9);
  }

  async #wait(at: number): Promise<void> {
    for (let i = 0; i < 5; i++) await Promise.resolve();
    this.seen.push(this.router.clock.now() - at);
    // What is to be done at once is, too.
    this.newTimer(() => this.seen.push(this.router.clock.now() - at)).scheduleAfter(0);
  }
}

async function router(clock: SimulatedClock): Promise<Router> {
  const loader = new Loader();
  loader.add(Waiter, "Waiter");
  return Router.fromText("w :: Waiter", { loader, clock });
}

const seen = (made: Router): readonly number[] => (made.find("w") as Waiter).seen;

test("a simulation waits for them at every moment", async () => {
  const simulation = new Simulation();
  const made = await router(simulation.clock);
  simulation.add(made);
  await simulation.runFor(2.5);
  assert.equal(seen(made), [0, 0, 0, 0]);
  made.close();
});

test("so does a router that runs by itself in simulated time", async () => {
  const made = await router(new SimulatedClock());
  await made.run();
  assert.equal(seen(made).slice(0, 4), [0, 0, 0, 0]);
  made.close();
});

test.run();
