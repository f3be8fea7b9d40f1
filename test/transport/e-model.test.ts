import { test } from "uvu";
import * as assert from "uvu/assert";
import { effectiveImpairment, mosOf, rate } from "../../src/transport/streams/e-model.js";

const PERFECT = { delay: 0, ie: 0, bpl: 4.3, loss: 0, burstRatio: 1 };
const near = (got: number, right: number, by: number): void =>
  assert.ok(Math.abs(got - right) <= by, `${got}, not ${right}`);

test("with all defaults R is 93.2 and MOS 4.41 (G.107 section 7.7)", () => {
  const { r, mos } = rate(PERFECT);
  near(r, 93.2, 0.05);
  near(mos, 4.41, 0.005);
});

test("MOS of R is that of G.107 annex B, between 1 and 4.5", () => {
  for (const [r, mos] of [
    [93.2, 4.41],
    [90, 4.34],
    [80, 4.03],
    [70, 3.6],
    [60, 3.1],
    [50, 2.58],
    [100, 4.5],
    [120, 4.5],
    [0, 1],
    [-5, 1],
  ])
    near(mosOf(r), mos, 0.01);
  for (let r = -10; r < 110; r += 0.5) assert.ok(mosOf(r) >= 1 && mosOf(r) <= 4.5);
});

test("loss counts by codec, robustness and burst ratio (G.107 equation 7-29)", () => {
  assert.is(effectiveImpairment(11, 19, 0, 1), 11);
  // 11 + 84 * 2 / (2 + 19), 95 * 4.3 / (4.3 + 4.3), 95 * 5 / (5 + 25.1), and runs twice as long as random ones.
  assert.is(effectiveImpairment(11, 19, 2, 1), 19);
  near(effectiveImpairment(0, 4.3, 4.3, 1), 47.5, 1e-9);
  near(effectiveImpairment(0, 25.1, 5, 1), 15.781, 0.001);
  near(effectiveImpairment(0, 25.1, 5, 2), 17.21, 0.005);
});

test("delay counts as in the simplification of Cole and Rosenbluth, to one point, where that holds", () => {
  for (const delay of [50, 100, 150, 177.3, 200, 250, 300]) {
    const simple = 0.024 * delay + (delay > 177.3 ? 0.11 * (delay - 177.3) : 0);
    near(93.2 - rate({ ...PERFECT, delay }).r, simple, 1);
  }
});

test("R falls as delay and loss grow, and rises with the advantage", () => {
  let last = 100;
  for (let delay = 0; delay < 1000; delay += 7) {
    const { r } = rate({ ...PERFECT, delay });
    assert.ok(r <= last, `at ${delay} ms`);
    last = r;
  }
  for (let loss = 0; loss < 100; loss++)
    assert.ok(rate({ ...PERFECT, loss }).r > rate({ ...PERFECT, loss: loss + 1 }).r);
  near(rate({ ...PERFECT, delay: 400, advantage: 10 }).r - rate({ ...PERFECT, delay: 400 }).r, 10, 1e-9);
});

test.run();
