// Elements that move packets along: Unqueue, DelayUnqueue, Shaper, Tee, Switch, Discard, Idle, Null.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { complaints, run } from "../harness.js";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

test("Unqueue moves LIMIT packets, and another LIMIT after a reset", async () => {
  const text = "InfiniteSource(LIMIT 20) -> q :: Queue -> u :: Unqueue(BURST 4, LIMIT 6) -> d :: Discard";
  await run(text, 0.01, async ({ router }) => {
    assert.is(router.read("d.count"), "6");
    await router.write("u.reset");
    router.runFor(0.01);
    assert.is(router.read("d.count"), "12");
    await router.write("u.limit", "-1");
    await router.write("u.burst", "-1");
    router.runFor(0.01);
    assert.is(router.read("d.count"), "20");
    assert.is(router.read("u.burst"), "2147483647");
    assert.is(router.read("u.count"), "14");
  });
});

test("Unqueue with BURST 0 warns and moves nothing", async () => {
  await run(
    "InfiniteSource(LIMIT 2) -> Queue -> u :: Unqueue(0) -> d :: Discard",
    0.01,
    ({ router, lines }) => {
      assert.match(lines.join("\n"), "warning: BURST size 0, no packets will be pulled");
      assert.is(router.read("d.count"), "0");
    },
  );
});

test("DelayUnqueue lets packets go when their time has come, in order", async () => {
  const text = `
    TimedSource(10ms, a, LIMIT 3) -> q :: Queue -> dq :: DelayUnqueue(25ms)
      -> Print(TIMESTAMP true) -> SetTimestamp -> Print(TIMESTAMP true) -> d :: Discard`;
  await run(text, 1, async ({ router, lines }) => {
    // Simulated time moves on a microsecond while tasks are busy.
    const times = ["035", "045", "055"];
    assert.equal(
      lines,
      times.flatMap((t) => [`1000000000.${t}000:    1 | 61`, `1000000000.${t}001:    1 | 61`]),
    );
    assert.is(router.read("dq.delay"), "25ms");
    await router.write("dq.delay", "1.5");
    assert.is(router.read("dq.delay"), "1.500000s");
    // A packet without a timestamp arrives when it is pulled.
    router.inject("q", bytes(1));
    router.runFor(1);
    assert.is(router.read("d.count"), "3");
    router.runFor(1);
    assert.is(router.read("d.count"), "4");
    assert.match(lines[6], "1000000002.500000");
    router.inject("q", bytes(1));
    router.runFor(1);
  });
});

test("DelayUnqueue with BURST sends what is due together", async () => {
  const text = (burst: number): string =>
    `InfiniteSource(LIMIT 6, BURST 6) -> Queue -> DelayUnqueue(1ms, BURST ${burst}) -> Print(a, 0) -> Print(b, 0) -> Discard`;
  await run(text(3), 0.01, ({ lines }) => assert.is(lines.map((l) => l[0]).join(""), "aaabbbaaabbb"));
  await run(text(1), 0.01, ({ lines }) => assert.is(lines.map((l) => l[0]).join(""), "abababababab"));
});

test("Shaper spaces packets evenly and wakes who pulls", async () => {
  const text = `InfiniteSource(LIMIT 5, BURST 5) -> Queue -> s :: Shaper(4) -> u :: Unqueue -> SetTimestamp
      -> Print(x, 0, TIMESTAMP true) -> d :: Discard`;
  await run(text, 3, async ({ router, lines }) => {
    assert.equal(
      lines.map((l) => l.slice(3, 20)),
      [
        "1000000000.000000",
        "1000000000.250001",
        "1000000000.500001",
        "1000000000.750001",
        "1000000001.000001",
      ],
    );
    assert.is(router.read("u.scheduled"), "false");
    await router.write("s.rate", "100");
    assert.is(router.read("s.rate"), "100");
    assert.is(router.read("s.config"), "100");
  });
});

test("Shaper keeps its rate over time, whatever the burst", async () => {
  for (const [rate, burst] of [
    [7, 1],
    [999, 8],
    [30000, 64],
  ]) {
    const text = `InfiniteSource -> Queue -> Shaper(${rate}) -> Unqueue(BURST ${burst}) -> d :: Discard`;
    await run(text, 3, ({ router }) => {
      const count = Number(router.read("d.count"));
      assert.ok(Math.abs(count - 3 * rate) <= rate * 0.001 + 2, `${count} packets at ${rate}/s`);
    });
  }
});

test("Tee copies to every output, the last one gets the packets", async () => {
  const text = "Idle -> t :: Tee -> a :: Queue -> Idle; t[1] -> StoreData(0, X) -> b :: Queue -> Idle";
  await run(text, 0, ({ router }) => {
    router.inject("t", bytes(1, 2, 3));
    assert.equal(router.take("a"), [bytes(1, 2, 3)]);
    assert.equal(router.take("b"), [bytes(0x58, 2, 3)]);
  });
  assert.equal((await complaints("Idle -> Tee(2) -> Discard"))[1], "  1 outputs implies 1 arms");
});

test("PullTee copies what is pulled", async () => {
  const text = "Idle -> q :: Queue -> t :: PullTee -> Idle; t[1] -> b :: Queue -> Idle";
  await run(text, 0, ({ router }) => {
    router.inject("q", bytes(1));
    router.inject("q", bytes(2));
    assert.equal(router.take("t", 1), [bytes(1)]);
    assert.equal(router.take("b"), [bytes(1)]);
  });
});

test("Tee counts copies it has no slots for", async () => {
  const { bench } = await import("../harness.js");
  const { router } = await bench("Idle -> t :: Tee -> q :: Queue -> Idle; t[1] -> r :: Queue -> Idle", {
    memory: { slots: 3 },
  });
  router.inject("t", bytes(1));
  router.inject("t", bytes(2));
  assert.is(router.read("q.length"), "1");
  assert.is(router.read("r.length"), "2");
  assert.is(router.read("t.no_slot"), "1");
  router.close();
});

test("Switch sends packets to the output chosen, or drops them", async () => {
  const text = "Idle -> s :: Switch -> a :: Counter -> Discard; s[1] -> b :: Counter -> Discard";
  await run(text, 0, async ({ router }) => {
    router.inject("s", bytes(1));
    await router.write("s.switch", "1");
    router.inject("s", bytes(1));
    router.inject("s", bytes(1));
    await router.write("s.switch", "2");
    assert.is(router.read("s.switch"), "-1");
    assert.is(router.read("s.config"), "-1");
    router.inject("s", bytes(1));
    assert.equal(
      [router.read("a.count"), router.read("b.count"), router.read("s.switched_off")],
      ["1", "2", "1"],
    );
    await router.write("s.switch", "one").then(
      () => assert.unreachable(),
      (e) => assert.is(e.message, "Switch output must be integer"),
    );
  });
  assert.equal((await complaints("Idle -> Switch(1) -> Discard"))[1], "  output must be < 1");
});

test("Discard pulls BURST packets a time, all of them with 0, none while inactive", async () => {
  const text = (args: string): string => `InfiniteSource(LIMIT 300) -> Queue -> d :: Discard(${args})`;
  for (const args of ["", "BURST 7", "BURST 0", "BURST 1000"])
    await run(text(args), 0.01, ({ router }) => assert.is(router.read("d.count"), "300"));
  await run(text("ACTIVE false"), 0.01, async ({ router }) => {
    assert.is(router.read("d.count"), "0");
    await router.write("d.active", "true");
    router.runFor(0.01);
    assert.is(router.read("d.count"), "300");
    await router.write("d.reset_counts");
    assert.is(router.read("d.count"), "0");
  });
  assert.equal(
    (
      await complaints("Idle -> Null -> Discard(ACTIVE false); InfiniteSource -> Discard(ACTIVE false)")
    ).slice(-1),
    ["  ACTIVE is meaningless in push context"],
  );
});

test("Discard has an active handler only where it pulls", async () => {
  await run("InfiniteSource(LIMIT 1) -> a :: Discard; Idle -> Queue -> b :: Discard", 0, ({ router }) => {
    assert.not.match(router.read("a.handlers"), "active");
    assert.match(router.read("b.handlers"), "active\trwc\n");
  });
});

test("Idle throws packets away and gives none; whoever pulls from it sleeps", async () => {
  await run(
    "i :: Idle; InfiniteSource(LIMIT 2) -> i; i -> d :: Discard; i[1] -> u :: Unqueue -> Discard",
    0.1,
    ({ router }) => {
      assert.is(router.read("d.count"), "0");
      assert.is(router.read("u.scheduled"), "false");
    },
  );
});

test("Null passes packets on, pushed or pulled", async () => {
  await run("InfiniteSource(LIMIT 4) -> Null -> Queue -> Null -> d :: Discard", 0.1, ({ router }) => {
    assert.is(router.read("d.count"), "4");
  });
});

test("ScheduleInfo scales the tickets of elements and compounds", async () => {
  const text = `ScheduleInfo(u 2, c 0.5, c/v 4); Idle -> u :: Unqueue -> Discard;
    c :: { Idle -> v :: Unqueue -> Discard; Idle -> w :: Unqueue -> Discard; ScheduleInfo(w 0.25) }`;
  await run(text, 0, ({ router }) => {
    assert.is(router.read("u.tickets"), "2048");
    assert.is(router.read("c/v.tickets"), "2048");
    assert.is(router.read("c/w.tickets"), "128");
  });
  assert.equal((await complaints("ScheduleInfo(a); Idle -> Discard")).slice(1), [
    "  expected 'ELEMENTNAME PARAM'",
  ]);
});

test.run();
