// timeout: 600
// Whatever goes wrong during migrations, and whenever: a machine is on the links of one hypervisor, or of none while it
// stands still, and afterwards it runs at exactly one of them.

import { test } from "uvu";
import * as assert from "uvu/assert";
import * as fc from "../../property.js";
import { Sites } from "./sites.js";

const sites = new Sites();
test.after(() => sites.remove());

const trial = fc.record({
  /** Seconds from the start of the migration to what goes wrong. */
  at: fc.double({ min: 0, max: 0.25, noNaN: true }),
  fault: fc.constantFrom(
    "none",
    "cancel source",
    "cancel target",
    "cut",
    "cut back",
    "agent1",
    "agent2",
    "vm",
  ),
  lasts: fc.double({ min: 0.01, max: 8, noNaN: true }),
  downtimeLimit: fc.constantFrom(0.001, 0.05, 1),
});

test("after any fault a machine runs at one hypervisor, and it never was at two", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(trial, { minLength: 6, maxLength: 6 }), async (trials) => {
      const s = await sites.simulated({ core: "delay: 5ms, rate: 20Mbps" });
      const { service } = s;
      let count = 0;
      const links = (): string[] =>
        ["lan1", "lan2"].filter((link) =>
          service.pairs(link).some((p) => p.from === "vm:eth0" || p.to === "vm:eth0"),
        );
      for (const { at, fault, lasts, downtimeLimit } of trials) {
        const name = `m${++count}`;
        s.events.length = 0;
        const away = service.guests.at("vm") === "dc2";
        const [from, to] = away ? [s.dc2, s.dc1] : [s.dc1, s.dc2];
        await s.migrate(name, { downtimeLimit, deadline: 10 }, [from, to]);
        await s.run(at);
        const pair = { from: "agent2:core", to: "agent1:core" };
        if (fault === "cut") service.inject({ kind: "link-down", link: "core" }, lasts);
        else if (fault === "cut back")
          service.inject({ kind: "link-down", link: "core", pairs: [pair] }, lasts);
        else if (fault === "cancel source") await s.refusal(from.cancel(name), 3);
        else if (fault === "cancel target") await s.refusal(to.cancel(name), 3);
        else if (fault !== "none") await service.function(fault).crash();
        // Where it is nowhere it stands still: the source has stopped it, and nobody has it yet.
        for (let t = 0; t < 60; t++) {
          await s.run(0.5);
          // Lines of a switch are those between ends that are there.
          assert.ok(links().length <= 1, `${fault}: on ${links()}`);
          if (service.guests.at("vm") !== null) continue;
          const states = (await Promise.all([from.guests(), to.guests()])).flat().map((g) => g.state);
          assert.not.ok(states.includes("running"), `${fault}: ${states}`);
        }
        const site = service.guests.at("vm");
        const [here, there] = site === "dc1" ? [s.dc1, s.dc2] : [s.dc2, s.dc1];
        const told = JSON.stringify([fault, at, s.kinds]);
        assert.equal(
          (await here.guests()).map((g) => [g.state, g.migration]),
          [["running", null]],
          told,
        );
        assert.equal(await there.guests(), [], told);
        assert.is(s.kinds.filter((k) => k.endsWith("resumed")).length, here === to ? 1 : 0, told);
        const sent = async (): Promise<number> =>
          (await service.function("vm").request("stats", {})).devices.eth0.tx_packets;
        const before = await sent();
        await s.run(1);
        assert.ok((await sent()) > before, told);
        assert.equal(links(), [site === "dc1" ? "lan1" : "lan2"], told);
        assert.match(await s.read("peer", "numbered.report"), / 0 doubled/, told);
      }
      await service.terminate();
    }),
    { numRuns: 4 },
  );
});

test.run();
