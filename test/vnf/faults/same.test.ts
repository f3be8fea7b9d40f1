// timeout: 400
// Simulated time is the same every time: events and counters of an hour with faults, byte for byte.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { runHour } from "./hour.js";

test("an hour with faults gives the same events and counters twice", async () => {
  const first = await runHour(1);
  const second = await runHour(1);
  assert.is(second.digest, first.digest);
  assert.equal([...second.kinds], [...first.kinds]);
  assert.is(
    (await runHour(2, 300)).digest === (await runHour(3, 300)).digest,
    false,
    "and others for other seeds",
  );
});

test.run();
