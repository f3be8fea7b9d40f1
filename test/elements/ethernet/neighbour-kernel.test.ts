// timeout: 300
// ARP and Neighbor Discovery against the kernel of this machine, over a veth pair.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Lab } from "../../device/netns.js";
import { skipUnless } from "../../skip.js";

const program = fileURLToPath(new URL("neighbour-host.js", import.meta.url));
const namespaces = process.getuid?.() === 0 && spawnSync("ip", ["netns", "list"]).status === 0;
const labTest = skipUnless(namespaces, "needs root and network namespaces (iproute2)");

labTest("Linux and the router resolve each other, and pings are answered", async () => {
  const lab = new Lab();
  try {
    const [host, middle] = [lab.namespace(), lab.namespace()];
    lab.veth(host, "eth0", middle, "r0");
    lab.exec(host, "ip addr add 10.0.0.1/24 dev eth0");
    lab.exec(host, "ip addr add fd00::1/64 dev eth0 nodad");
    const mac = (ns: string, name: string): string =>
      /ether (\S+)/.exec(lab.exec(ns, `ip link show ${name}`))![1];
    const router = lab.node(middle, [program]);
    const lines = [await router.line(), await router.line()];
    assert.equal(lines.sort(), ['"echo reply 4"', '"echo reply 6"']);
    router.send("tables");
    const known = mac(host, "eth0").replaceAll(":", "-").toUpperCase();
    assert.is(await router.line(), `10.0.0.1 1 ${known}`);
    assert.match(await router.line(), new RegExp(`^fd00::1 REACHABLE ${known} `));
    // What the kernel learned of the router, asking for itself.
    for (const address of ["10.0.0.2", "fd00::2"]) {
      const entry = lab.exec(host, `ip neigh show ${address} dev eth0`);
      assert.match(entry, new RegExp(`lladdr ${mac(middle, "r0")}`), address);
    }
    router.child.stdin!.end();
    assert.is(await router.exit, 0);
  } finally {
    lab.close();
  }
});

test.run();
