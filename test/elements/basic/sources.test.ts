import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench, complaints, run } from "../harness.js";

const LINE = "x:   69 | 52616e64 6f6d2062 756c6c73 68697420 696e2061 20706163";

test("InfiniteSource makes LIMIT packets of Click's data", async () => {
  await run("s :: InfiniteSource(LIMIT 5) -> Print(x) -> d :: Discard", 0.01, ({ router, lines }) => {
    assert.equal(lines, Array(5).fill(LINE));
    assert.is(router.read("d.count"), "5");
    assert.is(router.read("s.count"), "5");
  });
});

test("with BURST 1 every packet goes all the way before the next is made", async () => {
  const text = (burst: number): string =>
    `InfiniteSource(DATA ab, LIMIT 2, BURST ${burst}) -> Print(a, 0) -> Print(b, 0) -> Discard`;
  await run(text(1), 0.01, ({ lines }) => {
    assert.equal(
      lines.map((l) => l[0]),
      ["a", "b", "a", "b"],
    );
  });
  await run(text(2), 0.01, ({ lines }) => {
    assert.equal(
      lines.map((l) => l[0]),
      ["a", "a", "b", "b"],
    );
  });
});

test("InfiniteSource's bursts may be larger than a batch", async () => {
  await run("s :: InfiniteSource(LIMIT 1000, BURST 700) -> d :: Discard", 0.01, ({ router }) => {
    assert.is(router.read("d.count"), "1000");
    assert.is(router.read("s.no_slot"), "0");
  });
});

test("InfiniteSource cuts and repeats its data to LENGTH", async () => {
  const text = (length: number): string =>
    `InfiniteSource(DATA abc, LENGTH ${length}, LIMIT 1) -> Print(CONTENTS ASCII) -> Discard`;
  await run(text(2), 0, ({ lines }) => assert.equal(lines, ["   2 |  ab"]));
  await run(text(8), 0, ({ lines }) => assert.equal(lines, ["   8 |  abcabcab"]));
  await run(text(65535), 0, ({ lines }) => assert.match(lines[0], /^65535 \|/));
  assert.equal(await complaints(text(66561)), [
    "While configuring 'InfiniteSource@1 :: InfiniteSource':",
    "  66561 bytes of data do not fit into a packet, which holds 66560",
  ]);
});

test("InfiniteSource stops the router, or calls a handler, after LIMIT packets", async () => {
  const { router } = await bench("InfiniteSource(LIMIT 3, STOP true) -> d :: Discard");
  await router.run();
  assert.is(router.read("d.count"), "3");
  router.close();
  await run(
    "InfiniteSource(LIMIT 3, END_CALL s2.active true) -> Discard; s2 :: InfiniteSource(LIMIT 4, ACTIVE false) -> d :: Discard",
    0.01,
    ({ router }) => assert.is(router.read("d.count"), "4"),
  );
});

test("InfiniteSource's handlers change it while it runs", async () => {
  await run("s :: InfiniteSource(LIMIT 2) -> c :: Counter -> Discard", 0.01, async ({ router }) => {
    await router.write("s.data", "hello");
    await router.write("s.burst", "3");
    await router.write("s.reset");
    await router.write("s.limit", "6");
    router.runFor(0.01);
    assert.is(router.read("s.count"), "6");
    assert.is(router.read("c.byte_count"), String(2 * 69 + 6 * 5));
    await router.write("s.config", "DATA x, LIMIT 1");
    router.runFor(0.01);
    assert.is(router.read("s.count"), "1");
    assert.is(router.read("c.count"), "9");
    for (const [handler, value, message] of [
      ["limit", "x", "limit parameter must be integer"],
      ["burst", "0", "burstsize parameter must be integer >= 1"],
      ["active", "2", "active parameter must be boolean"],
      ["length", "", "length must be integer"],
    ]) {
      await router.write(`s.${handler}`, value).then(
        () => assert.unreachable(),
        (e) => assert.is(e.message, message),
      );
    }
  });
});

test("InfiniteSource refuses what makes no sense", async () => {
  assert.equal((await complaints("s :: InfiniteSource(BURST 0) -> Discard"))[1], "  burst size must be >= 1");
  assert.equal(
    (await complaints("s :: InfiniteSource(STOP true, END_CALL stop) -> Discard"))[1],
    "  END_CALL and STOP are mutually exclusive",
  );
  assert.equal(await complaints("s :: InfiniteSource(END_CALL nobody.reset) -> Discard"), [
    "While initializing 's :: InfiniteSource':",
    "  no element named 'nobody'",
  ]);
  assert.equal(
    (await complaints("s :: InfiniteSource(END_CALL s.nothing) -> Discard"))[1],
    "  no 's.nothing' write handler",
  );
  assert.equal(
    (await complaints("s :: InfiniteSource(END_CALL s.count) -> Discard"))[1],
    "  no 's.count' write handler",
  );
});

test("InfiniteSource counts packets it has no slots for", async () => {
  const { router } = await bench("s :: InfiniteSource(LIMIT 20, BURST 20) -> Queue -> Idle", {
    memory: { slots: 16 },
  });
  router.runFor(0);
  assert.is(router.read("s.count"), "16");
  assert.is(Number(router.read("s.no_slot")) > 0, true);
  router.close();
});

test("a pulled InfiniteSource gives LIMIT packets and then puts the puller to sleep", async () => {
  await run("s :: InfiniteSource(LIMIT 5) -> d :: Discard(BURST 2)", 0.01, ({ router }) => {
    assert.is(router.read("d.count"), "5");
  });
  const text = "s :: InfiniteSource(LIMIT 5) -> Shaper(1000000) -> u :: Unqueue(BURST 2) -> d :: Discard";
  await run(text, 0.01, async ({ router }) => {
    assert.is(router.read("d.count"), "5");
    assert.is(router.read("u.scheduled"), "false");
    await router.write("s.reset");
    router.runFor(0.01);
    assert.is(router.read("d.count"), "10");
  });
});

test("RatedSource keeps its rate", async () => {
  await run("s :: RatedSource(RATE 1000) -> d :: Discard", 1.0005, ({ router }) => {
    // One at the start, then one a millisecond.
    assert.is(router.read("d.count"), "1001");
  });
  await run("s :: RatedSource(RATE 3, BURST 8) -> d :: Discard", 10, ({ router }) => {
    assert.is(router.read("d.count"), "31");
  });
  await run("s :: RatedSource(RATE 0) -> d :: Discard", 10, ({ router }) => {
    // The bucket starts with one token, as Click's.
    assert.is(router.read("d.count"), "1");
  });
});

test("RatedSource makes the packets that a bandwidth holds", async () => {
  // 8 kbit/s is 1,000 bytes a second, ten packets of 100 bytes.
  await run("s :: RatedSource(LENGTH 100, BANDWIDTH 8kbps) -> d :: Discard", 10, ({ router }) => {
    assert.is(router.read("s.rate"), "10");
    assert.is(router.read("d.count"), "101");
  });
});

test("RatedSource ends at LIMIT, and its handlers start it again", async () => {
  await run("s :: RatedSource(RATE 100, LIMIT 5) -> d :: Discard", 1, async ({ router }) => {
    assert.is(router.read("d.count"), "5");
    await router.write("s.rate", "1000");
    await router.write("s.limit", "-1");
    await router.write("s.reset");
    router.runFor(0.1005);
    assert.is(router.read("s.rate"), "1000");
    assert.is(router.read("s.count"), "101");
    await router.write("s.active", "false");
    router.runFor(1);
    assert.is(router.read("s.count"), "101");
    await router.write("s.active", "true");
    router.runFor(0.0105);
    assert.is(router.read("s.count"), "112");
  });
});

test("a pulled RatedSource gives what is due", async () => {
  const text = "s :: RatedSource(RATE 100) -> t :: PullTee -> Idle; t[1] -> Discard";
  await run(text, 1, ({ router, clock }) => {
    assert.is(router.take("s").length, 2);
    assert.is(router.take("s").length, 0);
    clock.advance(clock.now() + 10_000_000);
    assert.is(router.take("s").length, 1);
  });
});

test("TimedSource makes a packet every INTERVAL, stamped with the time", async () => {
  const text = "s :: TimedSource(0.25, hi, LIMIT 3) -> Print(TIMESTAMP true) -> d :: Discard";
  await run(text, 2, async ({ router, lines }) => {
    assert.equal(lines, [
      "1000000000.250000:    2 | 6869",
      "1000000000.500000:    2 | 6869",
      "1000000000.750000:    2 | 6869",
    ]);
    assert.is(router.read("s.interval"), "250ms");
    await router.write("s.interval", "2s");
    assert.is(router.read("s.interval"), "2.000000s");
    await router.write("s.data", "x");
    await router.write("s.reset");
    router.runFor(1);
    assert.equal(lines[3], "1000000002.000000:    1 | 78");
    assert.is(router.read("s.count"), "1");
  });
});

test("TimedSource stops the router after LIMIT packets", async () => {
  const { router } = await bench("TimedSource(0.1, LIMIT 2, STOP true) -> d :: Discard");
  await router.run();
  assert.is(router.read("d.count"), "2");
  router.close();
});

test("TimedSource keeps to the headroom asked for, as far as a buffer has it", async () => {
  const text = (n: number): string =>
    `TimedSource(1ms, abcd, LIMIT 1, HEADROOM ${n}) -> Print(HEADROOM true, CONTENTS NONE) -> Discard`;
  await run(text(20), 0.1, ({ lines }) => assert.equal(lines, ["   4 (h20 t2024)"]));
  await run(text(4294967295), 0.1, ({ lines }) => assert.equal(lines, ["   4 (h66556 t0)"]));
});

test.run();
