import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Batch, Element, type ElementSpec, Loader, Router } from "../../src/index.js";
import { clockCost, elementLoads } from "../../src/router/meter.js";

/** Holds the processor for some time. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    // nothing else
  }
}

class Slow extends Element {
  static readonly spec: ElementSpec = { ports: "1/1" };

  override process(_batch: Batch): void {
    work(4);
  }
}

class Ticker extends Element {
  static readonly spec: ElementSpec = { ports: "0/1", processing: "h" };

  override initialize(): void {
    let left = 5;
    const task = this.newTask(() => {
      work(2);
      const batch = this.router.batches.acquire();
      for (let i = 0; i < 3; i++) batch.add(this.memory.kernels.poolTake());
      this.outputs[0].push(batch);
      this.router.batches.release(batch);
      if (--left > 0) task.reschedule();
      return true;
    });
    task.reschedule();
  }
}

async function metered(metered: boolean): Promise<Router> {
  const loader = new Loader();
  loader.add(Slow);
  loader.add(Ticker);
  const text = "t :: Ticker -> a :: Slow -> b :: Slow -> d :: Discard";
  const router = await Router.fromText(text, { loader, metered });
  while (router.step()) {
    // until the ticker has done
  }
  return router;
}

test("pulls that give nothing are calls, and no batches", async () => {
  const text = "i :: InfiniteSource(LIMIT 8, BURST 8) -> q :: Queue -> u :: Unqueue(BURST 4) -> d :: Discard";
  const router = await Router.fromText(text, { metered: true });
  for (let round = 0; round < 1000 && router.step(); round++) {
    // until nothing is left
  }
  const [q, u] = ["q", "u"].map((n) => elementLoads(router.elements).find((l) => l.element.name === n)!);
  assert.equal([q.packets, q.batches, u.packets, u.batches], [8, 1, 8, 2]);
  assert.ok(u.calls > u.batches);
  router.close();
});

test("an element's time is its own: without what it called, with its task's", async () => {
  const router = await metered(true);
  const loads = new Map(elementLoads(router.elements).map((l) => [l.element.name, l]));
  const get = (name: string): number => loads.get(name)!.nanoseconds / 1e6;
  // Work that holds the processor for 10 and 20 ms takes no less; a busy machine can only add to it.
  assert.ok(get("t") >= 9.9, `${get("t")}`);
  assert.ok(get("a") >= 19.9 && get("b") >= 19.9, `${get("a")} ${get("b")}`);
  assert.equal(
    ["t", "a", "b", "d"].map((n) => [loads.get(n)!.calls, loads.get(n)!.packets]),
    [
      [5, 15],
      [5, 15],
      [5, 15],
      [5, 15],
    ],
  );
  router.close();
});

test("the times of all elements together are no more than the time that passed", async () => {
  const start = performance.now();
  const router = await metered(true);
  const passed = (performance.now() - start) * 1e6;
  const sum = elementLoads(router.elements, 0).reduce((n, l) => n + l.nanoseconds, 0);
  assert.ok(sum > 0 && sum <= passed, `${sum} of ${passed}`);
  router.close();
});

test("a router that is not metered has nothing to tell", async () => {
  const router = await metered(false);
  assert.ok(elementLoads(router.elements).every((l) => l.calls === 0 && l.nanoseconds === 0));
  router.close();
});

test("reading the clock costs something, and not much", () => {
  const cost = clockCost();
  assert.ok(cost > 0 && cost < 1e6, `${cost}`);
});

test.run();
