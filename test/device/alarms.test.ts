// Waits of less than a millisecond: in order, all of them, and without a processor for themselves.

import { execFileSync } from "node:child_process";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KernelAlarms } from "../../src/device/alarms.js";
import { RealClock } from "../../src/router/clock.js";
import { skipUnless } from "../skip.js";

const waited = (alarms: KernelAlarms, ns: number): Promise<void> =>
  new Promise((resolve) => alarms.after(ns, resolve));

test("alarms go off in the order of their times, whatever order they are set in", async () => {
  const alarms = new KernelAlarms();
  // The first one of all has to load what the others use.
  await waited(alarms, 100_000);
  /** When each is to go off, ns, at the earliest and at the latest: a busy machine stops between two lines. */
  const due = new Map<number, readonly [number, number]>();
  const gone: number[] = [];
  const all = [900_000, 100_000, 500_000, 300_000, 700_000].map((ns) => {
    const before = performance.now() * 1e6;
    const wait = waited(alarms, ns).then(() => gone.push(ns));
    due.set(ns, [before + ns, performance.now() * 1e6 + ns]);
    return wait;
  });
  await Promise.all(all);
  for (const [i, ns] of gone.entries())
    for (const later of gone.slice(i + 1))
      assert.ok(due.get(ns)![0] <= due.get(later)![1], `${ns} before ${later}: ${gone}`);
  assert.is(gone.length, all.length);
});

test("an alarm may be set by one that goes off, and one for now goes off after the call", async () => {
  const alarms = new KernelAlarms();
  const steps: string[] = [];
  await new Promise<void>((resolve) => {
    alarms.after(200_000, () => {
      alarms.after(0, () => {
        steps.push("at once");
        alarms.after(200_000, resolve);
      });
      steps.push("first");
    });
  });
  assert.equal(steps, ["first", "at once"]);
});

test("after a rest in which the timer was given back it works again", async () => {
  const alarms = new KernelAlarms();
  await waited(alarms, 100_000);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await waited(alarms, 100_000);
});

test("wakeNear is called before or at the time, for short waits and long ones", async () => {
  const clock = new RealClock(new KernelAlarms());
  for (const ns of [0, 50_000, 1_000_000, 3_000_000]) {
    const at = clock.now() + ns;
    let calls = 0;
    await new Promise<void>((resolve) => {
      const again = (): void => {
        calls++;
        if (clock.delay(at) > 0) clock.wakeNear(at, again);
        else resolve();
      };
      clock.wakeNear(at, again);
    });
    assert.ok(calls > 0 && clock.now() >= at);
  }
});

const linuxTest = skipUnless(process.platform === "linux", "the kernel's timers are Linux's");

linuxTest(
  "waiting takes a part of a processor, which going round the event loop does not leave to others",
  async () => {
    const share = async (clock: RealClock): Promise<number> => {
      const [began, before] = [performance.now(), process.cpuUsage()];
      for (let i = 0; i < 100; i++)
        await new Promise<void>((resolve) => clock.wakeNear(clock.now() + 1_000_000, resolve));
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000 / (performance.now() - began);
    };
    await share(new RealClock(new KernelAlarms()));
    assert.ok((await share(new RealClock(new KernelAlarms()))) < 0.5);
  },
);

test("a process ends when its alarms have gone off", () => {
  const url = new URL("../../src/device/alarms.js", import.meta.url).href;
  const program = `import { KernelAlarms } from "${url}"; new KernelAlarms().after(300000, () => console.log("gone off"));`;
  const options = { encoding: "utf8", timeout: 20_000 } as const;
  assert.is(execFileSync(process.execPath, ["--input-type=module", "-e", program], options), "gone off\n");
});

test.run();
