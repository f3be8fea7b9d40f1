// EtherSwitch: where frames leave, what it learns, forgets and drops; and the same as a plain model in TypeScript.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { hex } from "../../packets.js";
import { complaints, type Lab, lab } from "../lab.js";

const station = (n: number): string => `0200000000${n.toString(16).padStart(2, "0")}`;
const frame = (to: number | string, from: number): Uint8Array =>
  hex(`${typeof to === "string" ? to : station(to)}${station(from)}0800`);
const ALL = "ffffffffffff";
const GROUP = "01005e000001";

function make(config = "", ports = 3, options = {}): Promise<Lab> {
  const lines = Array.from(
    { length: ports },
    (_, i) => `f${i} :: Feed -> [${i}] s; s[${i}] -> c${i} :: Catch;`,
  );
  return lab(`s :: EtherSwitch(${config}); ${lines.join("\n")}`, options);
}

/** Frames caught on each port. */
function out(l: Lab, ports = 3): number[] {
  return Array.from({ length: ports }, (_, i) => l.caught(`c${i}`).length);
}

test("a frame to an unknown station, to all or to a group leaves on every port but its own", async () => {
  const l = await make();
  l.feed([frame(9, 1)], "f0");
  assert.equal(out(l), [0, 1, 1]);
  l.feed([frame(ALL, 2), frame(GROUP, 2)], "f1");
  assert.equal(out(l), [2, 0, 2]);
  l.feed([frame(ALL, 3)], "f2");
  assert.equal(out(l), [1, 1, 0]);
  assert.is(l.read("s.flooded"), "4");
  l.close();
});

test("a frame to a station that was heard of leaves on its port only; one back to its own port is dropped", async () => {
  const l = await make();
  l.feed([frame(9, 1)], "f0");
  l.feed([frame(9, 2)], "f1");
  out(l);
  l.feed([frame(1, 2), frame(1, 4)], "f1");
  assert.equal(out(l), [2, 0, 0]);
  l.feed([frame(4, 2)], "f1");
  assert.equal(out(l), [0, 0, 0]);
  assert.is(l.read("s.same_port"), "1");
  l.close();
});

test("a batch of all kinds is parted", async () => {
  const l = await make();
  l.feed([frame(9, 1)], "f0");
  l.feed([frame(9, 2)], "f1");
  out(l);
  l.feed([frame(1, 3), frame(2, 3), frame(ALL, 3), frame(3, 4), frame(1, 3), hex("00")], "f2");
  assert.equal(out(l), [3, 2, 0]);
  assert.is(l.read("s.same_port"), "1");
  assert.is(l.read("s.short"), "1");
  l.close();
});

test("a station that moves is found at its new port", async () => {
  const l = await make();
  l.feed([frame(9, 1)], "f0");
  l.feed([frame(9, 1)], "f1");
  out(l);
  l.feed([frame(1, 2)], "f2");
  assert.equal(out(l), [0, 1, 0]);
  assert.is(l.read("s.table"), "02-00-00-00-00-01 1\n02-00-00-00-00-02 2\n");
  l.close();
});

test("a station not heard of is forgotten after TIMEOUT, and at once by clear; with TIMEOUT 0 nothing is learned", async () => {
  const l = await make("TIMEOUT 2");
  l.feed([frame(9, 1)], "f0");
  out(l);
  l.clock.advance(1.9e9);
  l.feed([frame(1, 2)], "f1");
  assert.equal(out(l), [1, 0, 0]);
  l.clock.advance(2.1e9);
  l.feed([frame(1, 2)], "f1");
  assert.equal(out(l), [1, 0, 1]);
  await l.router.write("s.timeout", "0");
  assert.is(l.read("s.timeout"), "0");
  l.feed([frame(9, 1)], "f0");
  l.feed([frame(1, 2)], "f1");
  assert.equal(out(l), [1, 1, 2]);
  await l.router.write("s.timeout", "10");
  l.feed([frame(9, 1)], "f0");
  await l.router.write("s.clear");
  assert.is(l.read("s.table"), "");
  l.close();
});

test("the table does not grow: what was not heard of for longest makes room", async () => {
  const l = await make("CAPACITY 4");
  for (let n = 1; n <= 5; n++) {
    l.clock.advance(n * 1e9);
    l.feed([frame(99, n)], "f0");
  }
  const table = l.read("s.table").trim().split("\n");
  assert.is(table.length, 4);
  assert.not.ok(table.some((line) => line.includes("02-00-00-00-00-01")));
  assert.is(l.read("s.replaced"), "1");
  l.close();
});

test("a copy that there is no slot for is dropped", async () => {
  const l = await make("", 3, { memory: { slots: 1 } });
  l.feed([frame(9, 1)], "f0");
  assert.equal(out(l), [0, 0, 1]);
  assert.is(l.read("s.no_slot"), "1");
  l.close();
});

test("stations stay over a hot swap that keeps the ports", async () => {
  const l = await make();
  l.feed([frame(9, 1)], "f0");
  out(l);
  await l.router.swap(l.router.source);
  l.feed([frame(1, 2)], "f1");
  assert.equal(out(l), [1, 0, 0]);
  await l.router.swap(`${l.router.source} Idle -> [3] s [3] -> Discard;`);
  assert.is(l.read("s.table"), "", "ports may be others now");
  l.close();
});

test("wrong arguments are refused with what is expected", async () => {
  assert.match(
    (await complaints("Idle -> [0] s :: EtherSwitch(CAPACITY 1); s -> Discard")).join(),
    /CAPACITY/,
  );
  assert.match((await complaints("Idle -> [0] s :: EtherSwitch; s -> Discard; s[1] -> Discard")).join(), /./);
});

test("it does what a plain model does, whatever comes", async () => {
  const ports = 5;
  const l = await make("TIMEOUT 3", ports);
  const known = new Map<number, { port: number; at: number }>();
  let seed = 7;
  const draw = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  for (let round = 0; round < 300; round++) {
    const now = round * 5e8;
    l.clock.advance(now);
    const port = draw(ports);
    const expected = new Array<number>(ports).fill(0);
    const batch = Array.from({ length: 1 + draw(20) }, () => {
      const [to, from] = [draw(40), 1 + draw(40)];
      known.set(from, { port, at: now });
      const found = known.get(to);
      const fresh = found !== undefined && now - found.at < 3e9;
      for (let i = 0; i < ports; i++) if (i !== port && (!fresh || found.port === i)) expected[i]++;
      return frame(to, from);
    });
    l.feed(batch, `f${port}`);
    assert.equal(out(l, ports), expected, `round ${round}`);
  }
  l.close();
});

test.run();
