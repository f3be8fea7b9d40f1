// timeout: 480
// Every kernel that takes packets, on hostile ones: nothing is written outside a slot, nothing is read outside a
// packet's data, every packet is accounted for.

import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PacketMemory } from "../../src/index.js";
import { CASES, MAKERS, THROUGH_ELEMENTS, WITHOUT_PACKETS } from "./kernel-cases.js";
import { runKernel } from "./kernel-run.js";

/** Packets in all of this file's runs. */
const TOTAL = 600_000;

function exported(): string[] {
  const { kernels } = new PacketMemory({ bytes: 2 ** 20, slots: 16 });
  return Object.keys(kernels).filter(
    (name) =>
      !name.startsWith("__") &&
      typeof kernels[name as keyof typeof kernels] === "function" &&
      name !== "memory" &&
      name !== "table",
  );
}

test("every kernel stands in one of the tables, and every name in them is a kernel", () => {
  // A new kernel that takes packets: give it a driver in kernel-cases.ts or a file beside it.
  const tables = [...Object.keys(CASES), ...Object.keys(THROUGH_ELEMENTS), ...WITHOUT_PACKETS, ...MAKERS];
  const kernels = exported();
  const without = (list: readonly string[], of: readonly string[]): string[] =>
    list.filter((n) => !of.includes(n));
  assert.equal(without(kernels, tables), [], "kernels in no table of kernel-cases.ts");
  assert.equal(without(tables, kernels), [], "names that are no kernels");
  assert.is(new Set(tables).size, tables.length, "a kernel stands in one table only");
});

test("a kernel whose parameters speak of packets is not among those without", () => {
  const text = readFileSync(new URL("../../../src/packet/kernels.generated.ts", import.meta.url), "utf8");
  for (const name of WITHOUT_PACKETS) {
    const parameters = new RegExp(`^ {2}${name}\\(([^)]*)\\)`, "m").exec(text)?.[1];
    assert.ok(parameters !== undefined, `${name} among the kernels' types`);
    assert.not.match(parameters, /\b(batch|slot|frame|from|rx|tx|seg)\b/, name);
  }
});

const share = Math.ceil(TOTAL / Object.keys(CASES).length);
let packets = 0;

for (const name of Object.keys(CASES)) {
  test(`${name} keeps to its packets, whatever they hold`, () => {
    packets += runKernel(name, 1, share);
  });
}

test("that were hundreds of thousands of packets", () => {
  assert.ok(packets >= TOTAL, `${packets} packets`);
});

test.run();
