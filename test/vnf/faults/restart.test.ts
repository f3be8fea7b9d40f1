// What a tunnel router of four-sites.yaml that crashes has forgotten, and how it learns it again.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { FourSites, HOSTS, PING_INTERVAL } from "./four-sites.js";

const VM2 = 3;
const USER2 = 1;

/** Seconds in which each of the last pings of a host must have been answered. */
const PINGS = 10;

/** Pings of a host that are answered in some seconds, by IPv4 and IPv6. */
async function answers(sites: FourSites, host: number, seconds: number): Promise<[number, number]> {
  const read = async (handler: string): Promise<number> => Number(await sites.read(HOSTS[host], handler));
  const before = [await read("answers.count"), await read("answers6.count")];
  await sites.run(seconds);
  return [(await read("answers.count")) - before[0], (await read("answers6.count")) - before[1]];
}

async function crash(sites: FourSites, name: string): Promise<void> {
  sites.service.inject({ kind: "crash", function: name }, 0);
  await sites.run(1);
}

test("a guest that talks to nobody but a host of this site that has left is found after a crash", async () => {
  const sites = await FourSites.up(1);
  await sites.run(30);
  // user2 comes to the home of vm2, which is elsewhere: its packets are for an address of the site.
  await sites.move(VM2, 0);
  await sites.move(USER2, 3);
  await sites.run(60);
  await crash(sites, "xtr4");
  assert.match(String(await sites.read("xtr4", "mobility.table")), /^192\.168\.4\.10 away/m);
  await sites.run(2 * PING_INTERVAL);
  const table = String(await sites.read("xtr4", "mobility.table"));
  assert.match(table, /^192\.168\.2\.10 here/m);
  assert.match(table, /^fd02::10 here/m);
  const [four, six] = await answers(sites, USER2, PINGS * PING_INTERVAL);
  assert.ok(four >= PINGS - 1 && six >= PINGS - 1, `${four} and ${six} answers`);
  await sites.service.terminate();
});

test("a home that crashes knows within seconds where its host is, and where it moves while nobody tells", async () => {
  const sites = await FourSites.up(1);
  await sites.run(30);
  await sites.move(VM2, 0);
  await sites.run(30);
  await crash(sites, "xtr4");
  await sites.run(3);
  const away = async (): Promise<string[]> =>
    String(await sites.read("xtr4", "mobility.table"))
      .split("\n")
      .map((line) =>
        line
          .split(" ")
          .filter((_, i) => i !== 2 && i !== 3)
          .slice(0, 3)
          .join(" "),
      );
  assert.equal((await away()).sort(), ["192.168.4.10 away 192.168.4.10/32", "fd04::10 away fd04::10/128"]);
  assert.match(String(await sites.read("xtr4", "cache.table")), /^192\.168\.4\.10\/32 10\.0\.1\.1/m);
  // Cut off for longer than a Map-Server repeats its Map-Notifies: the host comes home, and leaves again.
  sites.service.inject({ kind: "link-down", link: "access4" }, 120);
  await sites.run(1);
  await sites.move(VM2, 1);
  await sites.run(119 + 61 + 5);
  assert.match(String(await sites.read("xtr4", "mobility.table")), /^192\.168\.4\.10 away .* 10\.0\.2\.1/m);
  await sites.service.terminate();
});

test.run();
