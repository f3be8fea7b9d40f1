// What an agent tells its site's tunnel routers, by the events of its hypervisor.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { Announcements, type SiteNews } from "../../../src/cloud/agent/announcements.js";
import type { Announcement, HypervisorEvent } from "../../../src/index.js";
import { addressText } from "../../../src/net/address.js";
import { address } from "../agent-net.js";

const EIDS = [address("10.1.0.5"), address("fd00:1::5")];
const THERE: Announcement = {
  iid: 7,
  locators: [{ rloc: address("192.0.2.1"), priority: 1, weight: 100 }],
};

/** Notes events of migrations, `kind` or `kind name`, and gives what was told. */
function told(announcements: Announcements, ...events: readonly string[]): readonly string[] {
  const said: string[] = [];
  const note =
    (what: string) =>
    (eids: readonly Uint8Array[], { iid, locators }: Announcement): void => {
      const to = locators.map(({ rloc }) => addressText(rloc)).join(" ");
      said.push(`${what} ${eids.map(addressText).join(" ")} iid ${iid}: ${to}`);
    };
  const news: SiteNews = { left: note("left"), arrived: note("arrived") };
  for (const text of events) {
    const [kind, migration = "m1"] = text.split(" ");
    const event = { kind, guest: "web", migration, at: 0, bytes: 0, rounds: 0, reason: "" };
    announcements.note(event as HypervisorEvent, news);
  }
  return said;
}

function one(): Announcements {
  const announcements = new Announcements();
  announcements.add("m1", EIDS, THERE);
  return announcements;
}

const LEFT = "left 10.1.0.5 fd00:1::5 iid 7: 192.0.2.1";

test("at the source, STOP is told once, and a failure behind it", () => {
  assert.equal(told(one(), "started", "progress", "stopped", "stopped", "completed"), [LEFT]);
  assert.equal(told(one(), "started", "stopped", "failed"), [LEFT, "arrived 10.1.0.5 fd00:1::5 iid 7: "]);
  assert.equal(told(one(), "started", "failed", "stopped"), []);
});

test("at the destination, RESUME is told, and nothing where it does not come to that", () => {
  assert.equal(told(one(), "incoming", "resumed", "resumed"), [
    "arrived 10.1.0.5 fd00:1::5 iid 7: 192.0.2.1",
  ]);
  assert.equal(told(one(), "incoming", "failed", "resumed"), []);
});

test("of other migrations, and of those that were refused, nothing is told", () => {
  assert.equal(told(one(), "stopped m2", "resumed m3"), []);
  const announcements = one();
  assert.is(announcements.add("m1", [], { iid: 0, locators: [] }), false);
  announcements.forget("m1");
  assert.equal(told(announcements, "stopped"), []);
});

test("of more than 256 the first are forgotten", () => {
  const announcements = one();
  for (let i = 0; i < 256; i++) announcements.add(`other${i}`, EIDS, THERE);
  assert.equal(told(announcements, "stopped m1", "stopped other0"), [LEFT]);
});

test.run();
