// conf/xtr.click measures: probes beside a core that is overloaded, and pings to the hosts of its site.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeLink } from "../../src/device/link.js";
import { addSite, Network } from "./network.js";

/** Two sites that have each other's mappings, joined by 100 kb/s, which is half of what their hosts send. */
async function sites(variables: Record<string, string>): Promise<Network> {
  const n = new Network();
  const { clock, schedule } = n.simulation;
  const [one, two] = makeLink({
    clock,
    schedule,
    names: ["core", "core"],
    delay: 0.02,
    rate: 100_000,
    queue: 2,
  });
  for (const [i, core] of [one, two].entries()) {
    const [host, site] = n.link("eth0", "site");
    const [here, there] = [i + 1, 2 - i];
    const map = `192.168.${there}.0/24 10.0.0.${there}, fd0${there}::/64 10.0.0.${there}`;
    await addSite(n, here, { host, site, core }, { MAP: map, PROBE: "5", ...variables });
  }
  return n;
}

const columns = (line: string): string[] => line.split(" ");

test("probes do not wait for data that overload the core, unless they are to", async () => {
  for (const [variables, least, most] of [
    // Some 40 ms for each packet that the link and ToDevice have already, each way.
    [{}, 40, 500],
    [{ CONTROL_WITH_DATA: "1" }, 1000, Number.POSITIVE_INFINITY],
  ] as const) {
    const n = await sites(variables);
    await n.simulation.runFor(30);
    assert.ok(Number(n.read("xtr1", "core/to/data.highwater_length")) > 100, "there was a queue of data");
    const [line] = n.read("xtr1", "prober.paths").split("\n");
    const [own, peer, , sent, , , last] = columns(line);
    assert.equal([own, peer], ["10.0.0.1", "10.0.0.2"]);
    assert.ok(Number(sent) >= 1, line);
    if (most < 1000) assert.ok(Number(last) >= least && Number(last) < most, line);
    // Behind data they take so long that no answer counts, or one of seconds.
    else assert.ok(last === "-" || Number(last) > least || columns(line)[2] === "down", line);
    n.close();
  }
});

test("the way to the site's hosts is measured by pings, IPv4 and IPv6", async () => {
  const n = await sites({ HOSTS: "192.168.1.10 fd01::10 192.168.1.77", HOST_PROBE: "2" });
  await n.simulation.runFor(20);
  const lines = n.read("xtr1", "hosts.paths").split("\n").map(columns);
  assert.equal(
    lines.map((line) => line.slice(0, 3)),
    [
      ["192.168.1.1", "192.168.1.10", "up"],
      ["fd01::1", "fd01::10", "up"],
      ["192.168.1.1", "192.168.1.77", "down"],
    ],
  );
  for (const line of lines.slice(0, 2))
    assert.ok(Number(line[6]) >= 4 && Number(line[6]) < 5, line.join(" "));
  n.close();
});

test.run();
