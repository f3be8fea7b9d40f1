// Nonces by the clock: greater each time, over restarts too, and no further ahead than what is reserved at once.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { SimulatedClock } from "../../../src/index.js";
import { ClockNonces, nonceAt } from "../../../src/lisp/change-priority/clock-nonces.js";

const folder = mkdtempSync(join(tmpdir(), "sluice-nonces-"));
test.after(() => rmSync(folder, { recursive: true }));

test("a nonce is not behind the clock, and one more than the last where that stands still", () => {
  const clock = new SimulatedClock();
  const nonces = new ClockNonces(clock, null);
  const [first, second] = [nonces.next(), nonces.next()];
  assert.equal([first, second], [1_000_000_000n << 32n, (1_000_000_000n << 32n) + 1n]);
  clock.advance(2.5e9);
  assert.is(nonces.next(), (1_000_000_002n << 32n) + 2_000_000_000n);
  assert.is(nonceAt(clock, 2), (1_000_000_000n << 32n) + 2_000_000_000n);
});

test("after a restart they go on, though the clock was set back, and less than 10 s ahead of what was used", () => {
  const file = join(folder, "nonces");
  const clock = new SimulatedClock(2000);
  clock.advance(30e9);
  const last = new ClockNonces(clock, file).next();
  const next = new ClockNonces(new SimulatedClock(100), file).next();
  assert.ok(next > last && next < last + (10n << 32n));
});

test.run();
