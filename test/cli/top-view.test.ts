// What `sluice top` makes of two looks at a service.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Look, TopView } from "../../src/cli/top-view.js";

const look = (problem: string): Look => ({
  view: {
    name: "xtr1",
    state: "started",
    isolation: "inline",
    uptime: 1,
    restarts: 0,
  } as Look["view"],
  stats: {
    at: 1e9,
    slotsUsed: 0,
    slots: 64,
    heapUsed: 0,
    elements: [
      { name: "registrar", className: "LISPRegistrar", counters: {}, drops: {}, problem, load: null },
      { name: "site", className: "LISPSite", counters: {}, drops: {}, problem: "", load: null },
    ],
    devices: {},
  },
});

test("what an element says is wrong stands below its function, a line each, as long as it is so", () => {
  const view = new TopView({ elements: 0 });
  assert.equal(view.lines([look("one thing\nanother")]).slice(2), [
    "    ! registrar: one thing",
    "    ! registrar: another",
  ]);
  assert.is(view.lines([look("")]).length, 2);
});

test.run();
