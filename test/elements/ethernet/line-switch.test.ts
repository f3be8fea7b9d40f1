// LineSwitch: when frames arrive on the lines of each pair of ports, what is lost and why, and what stays over a swap.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { hex } from "../../packets.js";
import * as fc from "../../property.js";
import { complaints, type Lab, lab } from "../lab.js";

const MS = 1e6;
const station = (n: number): string => `0200000000${n.toString(16).padStart(2, "0")}`;
/** A frame with a number behind its header. */
const frame = (to: number | string, from: number, mark = 0): Uint8Array =>
  hex(
    `${typeof to === "string" ? to : station(to)}${station(from)}0800${mark.toString(16).padStart(8, "0")}`,
  );
const ALL = "ffffffffffff";

function text(config: string, names: readonly string[]): string {
  const lines = names.map((name, i) => `f_${name} :: Feed -> [${i}] s; s[${i}] -> c_${name} :: Catch;`);
  return `s :: LineSwitch(${[...names, config].filter(Boolean).join(", ")}); ${lines.join("\n")}`;
}

const make = (config = "", names: readonly string[] = ["a", "b", "c"], options = {}): Promise<Lab> =>
  lab(text(config, names), options);

/** Runs until steady millisecond `until`; the marks that arrive at each port, with the millisecond. */
function arrivals(l: Lab, until: number, names: readonly string[] = ["a", "b", "c"]): string[] {
  const got: string[] = [];
  const collect = (): void => {
    for (const name of names)
      for (const { bytes } of l.caught(`c_${name}`))
        got.push(`${name}${Buffer.from(bytes).readUInt32BE(14)}@${l.clock.now() / MS}`);
  };
  collect();
  for (;;) {
    const { next } = l.router.timers;
    if (next > until * MS) break;
    l.clock.advance(next);
    l.router.step();
    collect();
  }
  l.clock.advance(until * MS);
  return got;
}

test("each pair of ports has its own delay, in each direction; others have the common one", async () => {
  const l = await make("DELAY 10ms, LINE a b 3ms, LINE b a 4ms");
  // Stations 1, 2 and 3 are on ports a, b and c.
  l.feed([frame(ALL, 1, 1)], "f_a");
  l.feed([frame(ALL, 2, 2)], "f_b");
  l.feed([frame(ALL, 3, 3)], "f_c");
  assert.equal(arrivals(l, 100), ["b1@3", "a2@4", "a3@10", "b3@10", "c1@10", "c2@10"].sort(byTime));
  l.feed([frame(2, 1, 1), frame(3, 1, 2)], "f_a");
  l.feed([frame(1, 2, 3)], "f_b");
  assert.equal(arrivals(l, 200), ["b1@103", "a3@104", "c2@110"]);
  assert.is(l.read("s.flooded"), "3");
  l.close();
});

function byTime(a: string, b: string): number {
  const [x, y] = [a, b].map((s) => Number(s.split("@")[1]));
  return x - y || (a < b ? -1 : 1);
}

test("a way round may be shorter than the straight one", async () => {
  const l = await make("LINE a c 50ms, LINE a b 5ms, LINE b c 5ms");
  l.feed([frame(3, 1, 1), frame(2, 1, 2)], "f_a");
  l.feed([frame(ALL, 3, 9)], "f_c");
  assert.equal(arrivals(l, 4), ["a9@0", "b9@0"]);
  assert.equal(arrivals(l, 100), ["b1@5", "b2@5", "c1@50", "c2@50"].sort(byTime));
  l.close();
});

test("without a delay frames pass at once, and lines take no memory", async () => {
  const l = await make();
  l.feed([frame(ALL, 1, 0)], "f_a");
  arrivals(l, 0);
  const before = l.router.memory.heapUsed;
  l.feed([frame(ALL, 1, 1), frame(1, 1, 2), hex("00")], "f_a");
  l.feed([frame(1, 2, 3)], "f_b");
  assert.equal(arrivals(l, 1), ["a3@0", "b1@0", "c1@0"]);
  assert.is(l.router.memory.heapUsed, before);
  assert.is(l.read("s.same_port"), "1");
  assert.is(l.read("s.short"), "1");
  assert.is(l.read("s.lines"), "");
  l.close();
});

test("packets of a line keep their order under jitter, and stay within it", async () => {
  const l = await make("LINE a b 10ms 5ms", ["a", "b"]);
  const all: string[] = [];
  for (let i = 0; i < 200; i++) {
    all.push(...arrivals(l, i / 10, ["a", "b"]));
    l.feed([frame(2, 1, i)], "f_a");
  }
  const marks: number[] = [];
  let spread = 0;
  let last = 0;
  for (const got of [...all, ...arrivals(l, 1000, ["a", "b"])]) {
    const [, mark, at] = /^b(\d+)@([\d.]+)$/.exec(got)!;
    marks.push(Number(mark));
    const took = Number(at) - Number(mark) / 10;
    assert.ok(took >= 10 - 1e-6 || Number(at) >= last, got);
    assert.ok(took < 15, got);
    spread = Math.max(spread, took);
    last = Number(at);
  }
  assert.equal(marks, Array.from(marks.keys()));
  assert.is(marks.length, 200);
  assert.ok(spread > 13, `${spread}`);
  l.close();
});

test("a line loses its share, and counts it; a line that is down loses all", async () => {
  const l = await make("LINE a b 0 0 25%, LINE a c 0 0 1");
  l.feed([frame(ALL, 2, 0)], "f_b");
  l.feed([frame(ALL, 3, 0)], "f_c");
  for (let i = 0; i < 40; i++)
    l.feed(
      Array.from({ length: 100 }, () => frame(i % 2 === 0 ? 2 : 3, 1)),
      "f_a",
    );
  const [, packets, lost] = /^a b 0 0 0\.25 up own (\d+) (\d+) 0 0\n$/
    .exec(l.router.read("s.lines", "a b"))!
    .map(Number);
  assert.is(packets + lost, 2000);
  assert.ok(lost > 400 && lost < 600, `${lost}`);
  assert.is(l.router.read("s.lines", "a c"), "a c 0 0 1 up own 0 2000 0 0\n");
  assert.is(l.read("s.lost"), String(2000 + lost));
  await l.router.write("s.lines", "a b 1ms down\na c -");
  l.feed([frame(2, 1), frame(3, 1)], "f_a");
  assert.is(l.read("s.down"), "1");
  assert.is(l.router.read("s.lines", "a c").split(" ")[6], "common");
  assert.match(l.router.read("s.lines", "a"), /^a b 0\.001 0 0 down own \d+ \d+ 1 0\na c 0 0 0 up common/);
  arrivals(l, 10);
  l.close();
});

test("the random numbers of a line do not depend on what other lines carry, nor on the order of ports", async () => {
  const times = async (names: readonly string[], others: boolean): Promise<string[]> => {
    const l = await make(
      "DELAY 1ms, LINE a b 5ms 5ms 0.3, LINE a c 1ms 1ms 0.5, LINE c b 1ms 1ms 0.5",
      names,
      {
        seed: 7,
      },
    );
    l.feed([frame(ALL, 2, 99)], "f_b");
    if (others) l.feed([frame(ALL, 3, 98)], "f_c");
    arrivals(l, 100, names);
    const got: string[] = [];
    for (let i = 0; i < 50; i++) {
      if (others) l.feed([frame(9, 3, 98)], "f_c");
      l.feed([frame(2, 1, i)], "f_a");
      got.push(...arrivals(l, 110 + i * 10, names).filter((s) => /^b/.test(s) && !/^b98/.test(s)));
    }
    l.close();
    return got;
  };
  const alone = await times(["a", "b", "c"], false);
  assert.ok(alone.length > 20 && alone.length < 50);
  assert.equal(await times(["a", "b", "c"], true), alone);
  assert.equal(await times(["c", "b", "a"], true), alone);
});

test("a station that moves is believed at once", async () => {
  const l = await make("DELAY 2ms, LINE c b 7ms");
  l.feed([frame(ALL, 1, 1)], "f_a");
  l.feed([frame(ALL, 1, 2)], "f_b");
  arrivals(l, 50);
  l.feed([frame(1, 3, 3)], "f_c");
  assert.equal(arrivals(l, 100), ["b3@57"]);
  assert.is(l.read("s.table"), "02-00-00-00-00-01 b\n02-00-00-00-00-03 c\n");
  await l.router.write("s.timeout", "1");
  l.clock.advance(2e9);
  l.feed([frame(1, 3, 4)], "f_c");
  assert.equal(arrivals(l, 3000), ["a4@2002", "b4@2007"]);
  await l.router.write("s.clear");
  assert.is(l.read("s.table"), "");
  l.close();
});

test("a port that floods leaves half of the room to others; copies beyond it are dropped", async () => {
  const l = await make("DELAY 10ms", ["a", "b", "c"], { memory: { slots: 100 } });
  for (let i = 0; i < 100; i++) l.feed([frame(ALL, 1, i)], "f_a");
  const held = Number(l.read("s.held"));
  assert.ok(held >= 48 && held <= 52, `${held}`);
  assert.is(Number(l.read("s.no_room")), 200 - held);
  l.feed([frame(9, 2, 1)], "f_b");
  assert.is(Number(l.read("s.held")), held + 2);
  assert.is(arrivals(l, 20).length, held + 2);
  assert.is(l.read("s.held"), "0");
  l.close();
});

test("a copy that there is no slot for is dropped", async () => {
  const l = await make("", ["a", "b", "c"], { memory: { slots: 1 } });
  l.feed([frame(9, 1, 1)], "f_a");
  assert.is(arrivals(l, 1).length, 1);
  assert.is(l.read("s.no_slot"), "1");
  l.close();
});

test("where there is no memory for a line its packets are dropped", async () => {
  const names = Array.from({ length: 40 }, (_, i) => `p${i}`);
  // Lines of 40 ports that all talk to all take 1,560 x 96 bytes.
  const l = await make("DELAY 1ms, CAPACITY 4", names, { memory: { slots: 8, bytes: 2 ** 17 } });
  for (const name of names) {
    l.feed([frame(ALL, 1, 1)], `f_${name}`);
    arrivals(l, l.clock.now() / MS + 5, names);
  }
  assert.ok(Number(l.read("s.no_line")) > 0);
  l.close();
});

test("stations, lines, their counts and packets on their way stay over a swap; those of a port that goes are lost", async () => {
  const l = await make("DELAY 10ms, LINE c a 20ms");
  l.feed([frame(ALL, 1, 0)], "f_a");
  arrivals(l, 20);
  await l.router.write("s.lines", "a c 30ms 0 0\nb c 5ms");
  l.feed([frame(9, 1, 1)], "f_a");
  l.feed([frame(9, 3, 2)], "f_c");
  // Port b goes, d comes, and c stands before a.
  assert.is(await l.router.swap(text("", ["c", "a", "d"])), 2);
  l.feed([frame(1, 4, 3)], "f_d");
  assert.equal(arrivals(l, 100, ["a", "c", "d"]), ["a3@30", "a2@40", "c1@50"]);
  assert.is(l.router.read("s.lines", "a c"), "a c 0.03 0 0 up own 2 0 0 0\n");
  assert.is(l.read("s.others"), "0.01 0 0");
  assert.is(l.read("s.table"), "02-00-00-00-00-01 a\n02-00-00-00-00-03 c\n02-00-00-00-00-04 d\n");
  // What the new configuration says holds.
  await l.router.swap(text("DELAY 1ms, LINE a c 2ms", ["c", "a"]));
  l.feed([frame(3, 1, 4)], "f_a");
  l.feed([frame(1, 3, 5)], "f_c");
  assert.equal(arrivals(l, 200, ["a", "c"]), ["c4@102", "a5@120"]);
  assert.ok(l.lines.some((line) => /packets lost on lines of ports that are gone/.test(line)));
  l.close();
});

test("packets that were on their way when a line became shorter are not overtaken", async () => {
  const l = await make("LINE a b 50ms", ["a", "b"]);
  l.feed([frame(2, 1, 1)], "f_a");
  await l.router.write("s.lines", "a b 1ms");
  l.feed([frame(2, 1, 2)], "f_a");
  assert.equal(arrivals(l, 60, ["a", "b"]), ["b1@50", "b2@50"]);
  await l.router.write("s.others", "3ms 0 0");
  await l.router.write("s.lines", "a b -");
  l.feed([frame(2, 1, 3)], "f_a");
  assert.equal(arrivals(l, 70, ["a", "b"]), ["b3@63"]);
  l.close();
});

test("what is no line, and ports that are not there or stand twice, are refused with what is expected", async () => {
  const refused = async (config: string, names = ["a", "b"]): Promise<string> =>
    (await complaints(text(config, names))).join("\n");
  assert.match(await refused("LINE a x 5ms"), /there is no port 'x'/);
  assert.match(await refused("LINE alpha beta 5ms", ["alpha", "betas"]), /is it 'betas'\?/);
  assert.match(await refused("LINE a a 5ms"), /to another port/);
  assert.match(await refused("LINE a b 5ms, LINE a b 6ms"), /set twice/);
  assert.match(await refused("LINE a b 5"), /^$/);
  assert.match(await refused("LINE a b 2h"), /delay '2h': expected a time of at most 3600 s/);
  assert.match(await refused("LINE a b -5ms"), /delay '-5ms'/);
  assert.match(await refused("LINE a b 5ms 1ms 101%"), /loss '101%': expected a share/);
  assert.match(await refused("LINE a b"), /expected FROM TO/);
  assert.match(await refused("LINE a b 1 2 3 4"), /expected DELAY/);
  const twice = "Idle -> [0] s :: LineSwitch(a, a); s -> Discard; Idle -> [1] s [1] -> Discard";
  assert.match((await complaints(twice)).join(), /two ports have the name 'a'/);
  assert.match((await complaints("Idle -> s :: LineSwitch(a, b) -> Discard")).join(), /2 names for 1 ports/);
  const l = await make("", ["a", "b"]);
  for (const [handler, value, why] of [
    ["s.lines", "a b 5ms\na b 6ms", /set twice/],
    ["s.lines", "a q 5ms", /no port 'q'/],
    ["s.others", "fast", /delay 'fast'/],
  ] as const) {
    let said = "";
    await l.router.write(handler, value).catch((e) => {
      said = e.message;
    });
    assert.match(said, why);
  }
  assert.is(l.read("s.lines"), "", "nothing of what was refused is done");
  assert.throws(() => l.router.read("s.lines", "a b a"), /FROM \[TO\]/);
  l.close();
});

test("frames arrive as a plain model says, whatever comes", async () => {
  const names = ["a", "b", "c", "d"];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(60)), { maxLength: 12 }),
      fc.array(fc.tuple(fc.nat(3), fc.nat(4), fc.nat(20)), { maxLength: 60 }),
      async (set, sent) => {
        const delays = new Map(set.filter(([f, t]) => f !== t).map(([f, t, d]) => [`${f} ${t}`, d]));
        const lines = [...delays].map(([p, d]) => `LINE ${p.replace(/\d/g, (i) => names[Number(i)])} ${d}ms`);
        const l = await make(["DELAY 7ms", ...lines].join(", "), names);
        const where = new Map<number, number>();
        const expected: string[] = [];
        const got: string[] = [];
        let now = 0;
        for (const [mark, [from, to, wait]] of sent.entries()) {
          now += wait;
          got.push(...arrivals(l, now, names));
          where.set(from, from);
          l.feed([frame(to === 4 ? ALL : to, from, mark)], `f_${names[from]}`);
          const known = to < 4 ? where.get(to) : undefined;
          for (let out = 0; out < 4; out++)
            if (out !== from && (known === undefined || known === out))
              expected.push(`${names[out]}${mark}@${now + (delays.get(`${from} ${out}`) ?? 7)}`);
        }
        got.push(...arrivals(l, now + 100, names));
        assert.equal(got.sort(), expected.sort());
        l.close();
      },
    ),
    { numRuns: 60 },
  );
});

test.run();
