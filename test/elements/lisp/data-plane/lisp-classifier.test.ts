// LISPClassifier: what is LISP data, control, or neither.

import { test } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "../../../property.js";
import { Bench, hex, ipv4, ipv6, SIX_A, SIX_B, udp } from "../harness.js";

const BODY = new Uint8Array(8);
const six = (payload: Uint8Array, f = {}): Uint8Array =>
  ipv6(payload, { source: SIX_A, destination: SIX_B, ...f });

/** Which of the outputs each packet takes. */
function outputs(b: Bench, packets: readonly Uint8Array[]): (number | null)[] {
  return packets.map((p) => {
    b.push("e", [p]);
    const at = [0, 1, 2, 3].filter(
      (i) => b.router.find(`s${i}`) !== undefined && b.take(`s${i}`).length === 1,
    );
    return at.length === 1 ? at[0] : null;
  });
}

test("UDP ports decide, in both families", async () => {
  const b = await Bench.of("LISPClassifier", 4);
  for (const make of [ipv4, six]) {
    const cases: [number, number, number][] = [
      [50000, 4341, 0],
      [4341, 4341, 0],
      [50000, 4342, 1],
      [4342, 50000, 1],
      [4342, 4341, 0],
      [50000, 4790, 3],
      [4341, 50000, 2],
      [50000, 53, 2],
    ];
    const packets = cases.map(([source, destination]) => make(udp(source, destination, BODY)));
    assert.equal(
      outputs(b, packets),
      cases.map(([, , output]) => output),
    );
  }
  assert.equal(
    ["data", "control", "other", "gpe"].map((c) => b.read(`e.${c}`)),
    ["6", "4", "4", "2"],
  );
  b.close();
});

test("one batch is parted in order", async () => {
  const b = await Bench.of("LISPClassifier", 3);
  b.push(
    "e",
    [1, 2, 3, 4, 5, 6].map((n) => ipv4(udp(n, n % 2 === 0 ? 4341 : 4342, BODY))),
  );
  const ports = (name: string): number[] => b.take(name).map((s) => s.bytes[21]);
  assert.equal([ports("s0"), ports("s1"), ports("s2")], [[2, 4, 6], [1, 3, 5], []]);
  b.close();
});

test("without output 3, VXLAN-GPE leaves with the others", async () => {
  const b = await Bench.of("LISPClassifier", 3);
  assert.equal(outputs(b, [ipv4(udp(1, 4790, BODY))]), [2]);
  assert.is(b.read("e.gpe"), "1");
  b.close();
});

test("ports can be others", async () => {
  const b = await Bench.of("LISPClassifier(DATA 1000, CONTROL 2000, GPE 3000)", 4);
  assert.equal(
    outputs(
      b,
      [1000, 2000, 3000, 4341].map((p) => ipv4(udp(9, p, BODY))),
    ),
    [0, 1, 3, 2],
  );
  b.close();
});

test("fragments, other protocols, and headers that do not add up leave with the others", async () => {
  const b = await Bench.of("LISPClassifier", 4);
  const data = udp(50000, 4341, BODY);
  const good = ipv4(data);
  const changed = (packet: Uint8Array, i: number, value: number): Uint8Array => {
    const p = Uint8Array.from(packet);
    p[i] = value;
    return p;
  };
  const others = [
    ipv4(data, { fragment: 0x2000 }),
    ipv4(data, { fragment: 0x0001 }),
    ipv4(data, { protocol: 6 }),
    six(data, { protocol: 44 }),
    changed(good, 0, 0x44),
    changed(good, 0, 0x55),
    changed(good, 3, 27),
    changed(good, 3, good.length + 1),
    changed(six(data), 5, data.length + 1),
    changed(six(data), 5, 7),
    ipv4(udp(50000, 4341, BODY, 15)),
    ipv4(udp(50000, 4341, BODY, 17)),
    ipv4(udp(50000, 4342, new Uint8Array(7))),
  ];
  assert.equal(
    outputs(b, others),
    others.map(() => 2),
  );
  assert.equal(outputs(b, [ipv4(data, { fragment: 0x4000 }), Uint8Array.of(...good, 0, 0)]), [0, 0]);
  b.close();
});

test("cut at any length nothing is taken for LISP, and nothing is lost", async () => {
  const b = await Bench.of("LISPClassifier", 4);
  for (const whole of [ipv4(udp(1, 4341, BODY)), six(udp(4342, 1, BODY))])
    for (let n = 0; n < whole.length; n++)
      assert.equal(outputs(b, [whole.subarray(0, n)]), [2], `${n} bytes`);
  b.close();
});

test("whatever comes leaves on one output", async () => {
  const b = await Bench.of("LISPClassifier", 4);
  const start = fc.constantFrom("45", "60", "46", "");
  fc.assert(
    fc.property(fc.array(fc.tuple(start, fc.uint8Array({ maxLength: 80 })), { maxLength: 20 }), (list) => {
      b.push(
        "e",
        list.map(([s, rest]) => Uint8Array.of(...hex(s), ...rest)),
      );
      const seen = [0, 1, 2, 3].map((i) => b.take(`s${i}`).length);
      assert.is(
        seen.reduce((x, y) => x + y),
        list.length,
      );
    }),
  );
  b.close();
});

test.run();
