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
    vm: null,
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

test("what devices lost counts as dropped, and stands below the function with its reasons", () => {
  const view = new TopView({ elements: 5 });
  const at = (seconds: number, lost: number): Look => {
    const { view: seen, stats } = look("");
    return {
      view: seen,
      stats: {
        ...stats!,
        at: seconds * 1e9,
        devices: { eth0: { rx_packets: 7, rx_no_slot: lost, tx_errors: 0 } },
      },
    };
  };
  view.lines([at(1, 0)]);
  const lines = view.lines([at(2, 12)]);
  assert.match(lines[1], / 12 +0 of 64/);
  assert.match(lines.at(-1)!, /^ {4}eth0 +\(device\) +rx_no_slot 12$/);
});

test.run();
