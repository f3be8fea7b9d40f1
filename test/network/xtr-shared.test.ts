// conf/xtr-shared.click: tunnel routers whose RLOCs are the kernel's own addresses at the same time.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skipUnless } from "../skip.js";
import { Network, namespacesRefused } from "./namespaces.js";
import { ping } from "./ping.js";
import { startXtrs, waitForPing } from "./xtr-network.js";

const refused = namespacesRefused();
const tests = suite("xTRs that share their addresses");
const test = skipUnless(refused === null, refused ?? "", tests);
let network: Network;

if (refused === null) {
  tests.before(() => {
    network = new Network("shared");
    startXtrs(network, "xtr-shared.click", true);
  });
  tests.after(() => network.close());
}

/** ICMP and ICMPv6 errors that the kernel of `name` has sent. */
function errorsSent(name: string): number {
  const read = (file: string, pattern: RegExp): number =>
    Number(pattern.exec(network.run(name, "cat", `/proc/net/${file}`))?.[1] ?? 0);
  const snmp = network
    .run(name, "cat", "/proc/net/snmp")
    .split("\n")
    .filter((l) => l.startsWith("Icmp: "));
  const [names, values] = snmp.map((l) => l.split(" "));
  return Number(values[names.indexOf("OutDestUnreachs")]) + read("snmp6", /^Icmp6OutDestUnreachs\s+(\d+)/m);
}

for (const [family, host, rloc] of [
  ["IPv4", "192.168.2.10", "10.0.0.2"],
  ["IPv6", "fd02::10", "fd00::2"],
]) {
  test(`hosts reach each other, and the kernel does not answer their tunnel's packets, ${family}`, () => {
    waitForPing(network, "host1", host);
    const before = [1, 2].map((n) => errorsSent(`xtr${n}`));
    ping(network, "host1", host, 30, { interval: 0.05 });
    assert.equal(
      [1, 2].map((n) => errorsSent(`xtr${n}`)),
      before,
    );
  });

  test(`the kernel's own traffic between the same addresses goes on, each answered once, ${family}`, () => {
    const out = ping(network, "xtr1", rloc, 5, { interval: 0.1 });
    assert.not.match(out, /DUP|duplicates/);
  });
}

tests.run();
