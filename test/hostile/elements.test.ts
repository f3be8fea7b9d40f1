// timeout: 480
// Every element that sees headers, on hostile packets inside a router: nothing is written outside a slot, nothing
// read outside a packet's data, every packet is accounted for.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { hostileClasses, runElement, settings } from "./element-run.js";
import { TRIALS } from "./element-table.js";
import { THROUGH_ELEMENTS } from "./kernel-cases.js";

/** Packets in all of this file's runs. */
const TOTAL = 450_000;

const classes = hostileClasses();
const called = new Map<string, Set<string>>();
let packets = 0;

test("the table names no class that is not there", () => {
  assert.equal(
    Object.keys(TRIALS).filter((name) => !classes.includes(name)),
    [],
  );
});

for (const name of classes) {
  test(`${name} takes whatever comes`, async () => {
    const all = settings(name);
    const share = Math.ceil(TOTAL / classes.length / all.length);
    const kernels = new Set<string>();
    called.set(name, kernels);
    for (const [i, setting] of all.entries()) packets += await runElement(setting, 100 + i, share, kernels);
  });
}

for (const [kernel, name] of Object.entries(THROUGH_ELEMENTS)) {
  test(`${name} runs the kernel ${kernel}`, () => {
    assert.ok(called.get(name)?.has(kernel));
  });
}

test("that were hundreds of thousands of packets", () => {
  assert.ok(packets >= TOTAL * 0.9, `${packets} packets`);
});

test.run();
