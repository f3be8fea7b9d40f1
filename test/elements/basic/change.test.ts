// Elements that look at packets or change them: paint, data, time, counting, printing.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { LARGEST_BUFFER } from "../../../assembly/layout.js";
import { fixedPointText } from "../../../src/lang/args/fixed-point.js";
import { bench, complaints, run } from "../harness.js";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

test("Paint, CheckPaint, PaintSwitch and PaintTee agree on the annotation", async () => {
  const text = `Idle -> p :: Paint(1) -> t :: PaintTee(2) -> s :: PaintSwitch;
    t[1] -> copies :: Counter -> Discard;
    s[0] -> zero :: Counter -> Discard; s[1] -> one :: Counter -> Discard; s[2] -> c :: CheckPaint(2);
    c -> two :: Counter -> Discard; c[1] -> wrong :: Counter -> Discard`;
  await run(text, 0, async ({ router }) => {
    const push = async (color: number, times: number): Promise<void> => {
      await router.write("p.color", String(color));
      for (let i = 0; i < times; i++) router.inject("p", bytes(i));
    };
    const counts = (): string[] =>
      ["copies", "zero", "one", "two", "wrong"].map((n) => router.read(`${n}.count`));
    assert.is(router.read("p.color"), "1");
    await push(1, 1);
    await push(2, 2);
    await push(7, 3);
    assert.equal(counts(), ["2", "0", "1", "2", "0"]);
    assert.is(router.read("s.no_output"), "3");
    await push(255, 1);
    assert.equal(counts(), ["2", "1", "2", "2", "1"]);
    assert.is(router.read("c.wrong_paint"), "1");
    await router.write("p.color", "256").then(
      () => assert.unreachable(),
      (e) => assert.is(e.message, "out of range, bound 255"),
    );
  });
});

test("a batch of mixed paints is parted by paint, in order", async () => {
  const text = `Idle -> q :: Queue -> u :: Unqueue(BURST 8) -> s :: PaintSwitch(20) -> a :: Queue -> Idle;
    s[1] -> b :: Queue -> Idle; Idle -> p0 :: Paint(0, ANNO 20) -> q; Idle -> p1 :: Paint(1, ANNO 20) -> q`;
  await run(text, 0, ({ router }) => {
    for (let i = 0; i < 6; i++) router.inject(`p${i % 2}`, bytes(i));
    router.runFor(0.001);
    assert.equal(router.take("a"), [bytes(0), bytes(2), bytes(4)]);
    assert.equal(router.take("b"), [bytes(1), bytes(3), bytes(5)]);
  });
});

test("PaintTee and PaintSwitch count copies they have no slots for", async () => {
  const text = `Idle -> p :: Paint(2) -> t :: PaintTee(2) -> q :: Queue -> Idle; t[1] -> r :: Queue -> Idle;
    Idle -> a :: Paint(255) -> s :: PaintSwitch -> u :: Queue -> Idle; s[1] -> v :: Queue -> Idle`;
  for (const [into, copier, original, copies] of [
    ["p", "t", "q", "r"],
    ["a", "s", "v", "u"],
  ]) {
    const { router } = await bench(text, { memory: { slots: 3 } });
    router.inject(into, bytes(1));
    assert.is(router.read(`${copier}.no_slot`), "0");
    router.inject(into, bytes(2));
    assert.is(router.read(`${copier}.no_slot`), "1");
    assert.is(router.read(`${original}.length`), "2");
    assert.is(router.read(`${copies}.length`), "1");
    router.close();
  }
});

test("CheckPaint drops what has another paint, pushed or pulled", async () => {
  await run(
    "Idle -> q :: Queue -> c :: CheckPaint(3) -> u :: Unqueue -> d :: Discard; Idle -> p :: Paint(3) -> q",
    0,
    ({ router }) => {
      router.inject("q", bytes(1));
      router.inject("p", bytes(2));
      router.runFor(0.001);
      assert.is(router.read("c.wrong_paint"), "1");
      assert.is(router.read("d.count"), "1");
    },
  );
});

test("Strip and Unstrip undo each other; what is too long is dropped", async () => {
  await run(
    "Idle -> s :: Strip(3) -> q :: Queue -> Unstrip(2) -> Idle; Idle -> u :: Unstrip(2000) -> r :: Queue -> Idle",
    0,
    ({ router }) => {
      router.inject("s", bytes(1, 2, 3, 4, 5));
      router.inject("s", bytes(1));
      assert.equal(router.take("q"), [bytes(4, 5), bytes()]);
      router.inject("u", bytes(9));
      const [grown] = router.take("r");
      assert.is(grown.length, 2001);
      assert.is(grown[2000], 9);
      router.inject("u", new Uint8Array(LARGEST_BUFFER - 2000));
      assert.is(router.take("r")[0].length, LARGEST_BUFFER);
      router.inject("u", new Uint8Array(LARGEST_BUFFER - 1999));
      assert.is(router.read("u.no_room"), "1");
    },
  );
  await run(
    "Idle -> s :: Strip(3) -> Unstrip(2) -> Unstrip(200) -> Strip(200) -> q :: Queue -> Idle",
    0,
    ({ router }) => {
      router.inject("s", bytes(1, 2, 3, 4, 5));
      assert.equal(router.take("q"), [bytes(2, 3, 4, 5)]);
    },
  );
});

test("StoreData writes as far as the packet goes", async () => {
  await run("Idle -> s :: StoreData(2, \\<AABBCC>) -> q :: Queue -> Idle", 0, ({ router }) => {
    router.inject("s", bytes(1, 2, 3, 4, 5, 6));
    router.inject("s", bytes(1, 2, 3));
    router.inject("s", bytes(1, 2));
    assert.equal(router.take("q"), [bytes(1, 2, 0xaa, 0xbb, 0xcc, 6), bytes(1, 2, 0xaa), bytes(1, 2)]);
  });
});

test("SetTimestamp sets the present, or a time, or the first timestamp", async () => {
  const text = `InfiniteSource(LIMIT 1, DATA x, TIMESTAMP false) -> Print(a, TIMESTAMP true)
    -> SetTimestamp(5.25) -> Print(b, TIMESTAMP true) -> SetTimestamp -> Print(c, TIMESTAMP true)
    -> SetTimestamp(0.000000001, FIRST true) -> Print(d, TIMESTAMP true, PRINTANNO true) -> Discard`;
  await run(text, 0, ({ lines }) => {
    const annotations = `${"0".repeat(64)}01${"0".repeat(30)}`;
    assert.equal(lines, [
      "a: 0.000000:    1 | 78",
      "b: 5.250000:    1 | 78",
      "c: 1000000000.000000:    1 | 78",
      `d: 1000000000.000000:    1 | ${annotations} | 78`,
    ]);
  });
  assert.match((await complaints("Idle -> SetTimestamp(DELTA true) -> Discard"))[1], "is deprecated");
});

test("Counter counts, and calls handlers when a count is reached", async () => {
  const text = `Idle -> c :: Counter(COUNT_CALL 3 p.active false, BYTE_COUNT_CALL 100 s.switch 1)
    -> p :: Print(x, 0) -> s :: Switch -> Discard; s[1] -> late :: Counter -> Discard`;
  await run(text, 0, async ({ router, lines }) => {
    for (let i = 0; i < 5; i++) router.inject("c", new Uint8Array(30));
    assert.is(router.read("c.count"), "5");
    assert.is(router.read("c.byte_count"), "150");
    // The handler is written to before the packet that reaches the count goes on.
    assert.equal(lines, ["x:   30", "x:   30"]);
    assert.is(router.read("late.count"), "2");
    assert.is(router.read("c.count_call"), "3");
    await router.write("c.reset");
    await router.write("p.active", "true");
    assert.is(router.read("c.count"), "0");
    for (let i = 0; i < 3; i++) router.inject("c", new Uint8Array(30));
    assert.is(router.read("p.active"), "false");
    await router.write("c.count_call", "4 c.reset");
    router.inject("c", new Uint8Array(1));
    assert.is(router.read("c.count"), "0");
    await router.write("c.count_call", "x").then(
      () => assert.unreachable(),
      (e) => assert.is(e.message, "'count_call' first word should be unsigned (count)"),
    );
    await router.write("c.byte_count_call", "4 c.nothing").then(
      () => assert.unreachable(),
      (e) => assert.is(e.message, "no 'c.nothing' write handler"),
    );
  });
  assert.equal(
    (await complaints("Idle -> Counter(COUNT_CALL x) -> Discard"))[1],
    "  COUNT_CALL type mismatch",
  );
  assert.equal(
    (await complaints("Idle -> Counter(COUNT_CALL 1 a.b) -> Discard"))[1],
    "  no element named 'a'",
  );
});

test("Counter's rates approach the true ones, and fall when nothing comes", async () => {
  await run(
    "RatedSource(RATE 1000, LENGTH 100, LIMIT 1000) -> c :: Counter -> Discard",
    0.999,
    async ({ router }) => {
      const near = (handler: string, value: number): void => {
        const read = Number(router.read(`c.${handler}`));
        assert.ok(Math.abs(read - value) < value * 0.02, `${handler} reads ${read}`);
      };
      near("rate", 1000);
      near("byte_rate", 100_000);
      near("bit_rate", 800_000);
      router.runFor(1);
      assert.is(router.read("c.rate"), "0");
    },
  );
});

test("fixed-point numbers have as many digits as they need", () => {
  assert.is(fixedPointText(0, 10), "0");
  assert.is(fixedPointText(1024, 10), "1");
  assert.is(fixedPointText(1536, 10), "1.5");
  assert.is(fixedPointText(-512, 10), "-0.5");
  for (let value = 1; value < 4096; value += 7) {
    const text = fixedPointText(value, 10);
    assert.is(Math.round(Number(text) * 1024), value, text);
    assert.ok(text.length <= 6, text);
  }
});

test("Print writes Click's lines", async () => {
  const line = async (args: string, data = "abcdefghijklmnopqrstuvwxyz"): Promise<string> => {
    const { router, lines } = await bench(
      `InfiniteSource(DATA "${data}", LIMIT 1) -> Print(${args}) -> Discard`,
    );
    router.runFor(0);
    router.close();
    return lines[0];
  };
  assert.is(await line(""), "  26 | 61626364 65666768 696a6b6c 6d6e6f70 71727374 75767778");
  assert.is(await line("x, 5"), "x:   26 | 61626364 65");
  assert.is(
    await line("x, MAXLENGTH -1"),
    "x:   26 | 61626364 65666768 696a6b6c 6d6e6f70 71727374 75767778 797a",
  );
  assert.is(await line("x, CONTENTS ascii, MAXLENGTH 10"), "x:   26 |  abcdefgh ij");
  assert.is(await line("x, CONTENTS NONE"), "x:   26");
  assert.is(await line("x, CONTENTS false, NBYTES 4"), "x:   26");
  assert.is(await line("x, NBYTES 4, HEADROOM true"), "x:   26 (h128 t1894) | 61626364");
  assert.is(await line("x, 0"), "x:   26");
  assert.is(await line("x, CONTENTS ASCII", "\\<00>a\\<7f20>"), "x:    4 |  .a. ");
  assert.is(await line("TIMESTAMP true, MAXLENGTH 1"), "1000000000.000000:   26 | 61");
  assert.is(await line("ACTIVE false"), undefined);
  assert.equal(
    (await complaints("Idle -> Print(CONTENTS nonsense) -> Discard"))[1],
    "  bad contents value 'NONSENSE'; should be 'NONE', 'HEX', or 'ASCII'",
  );
  assert.equal(await complaints("Idle -> Print(MAXLENGTH abc, FOO 3) -> Discard"), [
    "While configuring 'Print@2 :: Print':",
    "  MAXLENGTH: invalid number",
    "  FOO: unknown argument",
  ]);
});

test.run();
