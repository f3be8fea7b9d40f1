// Tasks run in proportion to their tickets; timers fire in order of time, then of scheduling.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { SimulatedClock, wallTime } from "../../src/router/clock.js";
import { SeededRandom } from "../../src/router/random.js";
import { Task, Tasks } from "../../src/router/task.js";
import { Timer, Timers } from "../../src/router/timer.js";
import * as fc from "../property.js";

function busyTask(tasks: Tasks, work = true): Task {
  const task: Task = new Task(tasks, () => {
    task.reschedule();
    return work;
  });
  return task;
}

test("a task with twice the tickets runs twice as often", () => {
  const tasks = new Tasks();
  const [a, b] = [busyTask(tasks), busyTask(tasks)];
  a.tickets = 2048;
  a.reschedule();
  b.reschedule();
  for (let i = 0; i < 30; i++) tasks.run(100);
  assert.ok(Math.abs(a.runs / b.runs - 2) < 0.01, `${a.runs} against ${b.runs}`);
});

test("equal tasks take turns in the order in which they were scheduled", () => {
  const tasks = new Tasks();
  const order: string[] = [];
  const make = (name: string): Task => {
    const task: Task = new Task(tasks, () => {
      order.push(name);
      task.reschedule();
      return true;
    });
    task.reschedule();
    return task;
  };
  for (const name of ["a", "b", "c"]) make(name);
  tasks.run(6);
  assert.equal(order.join(""), "abcabc");
});

test("a task without work goes behind the next one, however many tickets it has", () => {
  const tasks = new Tasks();
  const [idle, busy] = [busyTask(tasks, false), busyTask(tasks)];
  idle.tickets = 32768;
  busy.tickets = 1;
  idle.reschedule();
  busy.reschedule();
  tasks.run(200);
  assert.is(busy.runs, 100);
});

test("a task that slept does not run often to make up for it", () => {
  const tasks = new Tasks();
  const [a, b] = [busyTask(tasks), busyTask(tasks)];
  a.reschedule();
  tasks.run(100);
  b.reschedule();
  tasks.run(100);
  assert.ok(b.runs <= 51, `${b.runs} runs`);
});

test("tickets stay between 1 and 32768", () => {
  const task = busyTask(new Tasks());
  task.tickets = 0;
  assert.is(task.tickets, 1);
  task.tickets = 1e6;
  assert.is(task.tickets, 32768);
});

test("an unscheduled task does not run", () => {
  const tasks = new Tasks();
  const task = busyTask(tasks);
  task.reschedule();
  task.unschedule();
  assert.not(tasks.run(10));
  assert.is(tasks.size, 0);
});

test("timers fire in order of expiry, equal ones in order of scheduling, whatever is removed between", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 200 }), (plan) => {
      const clock = new SimulatedClock();
      const timers = new Timers(clock);
      const fired: number[] = [];
      const all = plan.map(([at], i) => {
        const timer = new Timer(timers, () => fired.push(i));
        timer.scheduleAt(at);
        return timer;
      });
      plan.forEach(([, keep], i) => {
        if (!keep) all[i].unschedule();
      });
      clock.advance(100);
      while (timers.run(7) > 0);
      const expected = plan
        .map(([at, keep], i) => ({ at, keep, i }))
        .filter((p) => p.keep)
        .sort((a, b) => a.at - b.at || a.i - b.i)
        .map((p) => p.i);
      assert.equal(fired, expected);
      assert.is(timers.next, Number.POSITIVE_INFINITY);
    }),
  );
});

test("a timer rescheduled after its last expiry does not drift", () => {
  const clock = new SimulatedClock();
  const timers = new Timers(clock);
  const times: number[] = [];
  const timer: Timer = new Timer(timers, () => {
    times.push(timer.expiry);
    timer.rescheduleAfter(100);
  });
  timer.scheduleAt(100);
  for (const at of [130, 210, 399]) {
    clock.advance(at);
    while (timers.run(64) > 0);
  }
  assert.equal(times, [100, 200, 300]);
});

test("wall time is exact for all steady time", () => {
  const clock = new SimulatedClock(1_000_000_000.25);
  assert.equal(wallTime(clock, 1_750_000_001), { seconds: 1_000_000_002, nanoseconds: 1 });
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), fc.nat(999_999_999), (s, ns) => {
      const at = s * 1e9 + ns;
      if (at > Number.MAX_SAFE_INTEGER) return;
      const { seconds, nanoseconds } = wallTime(clock, at);
      assert.is((seconds - 1_000_000_000) * 1e9 + (nanoseconds - 250_000_000), at);
    }),
  );
});

test("a seed gives the same random numbers, another seed others, and all are spread evenly", () => {
  const draw = (seed: number): number[] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 60000 }, () => random.below(6));
  };
  const first = draw(7);
  assert.equal(first, draw(7));
  assert.not.equal(first, draw(8));
  // Chi-square with 5 degrees of freedom: above 20.5 once in a thousand seeds.
  const counts = [0, 1, 2, 3, 4, 5].map((face) => first.filter((x) => x === face).length);
  const chi2 = counts.reduce((sum, n) => sum + (n - 10000) ** 2 / 10000, 0);
  assert.ok(chi2 < 20.5, `chi-square ${chi2} of ${counts}`);
});

test.run();
