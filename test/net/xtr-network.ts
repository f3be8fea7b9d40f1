// host1 -- xtr1 -- xtr2 -- host2 in network namespaces, the tunnel routers from a configuration in conf/.

import { fileURLToPath } from "node:url";
import { MAIN } from "../cli/sluice.js";
import type { Network } from "./namespaces.js";

/**
 * Makes the namespaces and links and starts both tunnel routers with configuration `file`. Hosts are 192.168.N.10 and
 * fd0N::10, RLOCs 10.0.0.N and fd00::N; the kernel has the RLOCs too when `shared`. IPv4 EIDs go over IPv6 RLOCs and
 * IPv6 EIDs over IPv4 ones: each inside the other.
 */
export function startXtrs(network: Network, file: string, shared: boolean): void {
  const config = fileURLToPath(new URL(`../../../conf/${file}`, import.meta.url));
  for (const name of ["host1", "xtr1", "xtr2", "host2"]) network.namespace(name);
  network.veth("host1", "eth0", "xtr1", "site");
  network.veth("host2", "eth0", "xtr2", "site");
  network.veth("xtr1", "core", "xtr2", "core");
  for (const n of [1, 2]) {
    // Where the graph owns the addresses, the kernel must not answer.
    for (const dev of shared ? ["site"] : ["site", "core"])
      network.run(`xtr${n}`, "sysctl", "-qw", `net.ipv6.conf.${dev}.disable_ipv6=1`);
    if (shared) {
      network.ip(`xtr${n}`, `addr add 10.0.0.${n}/24 dev core`);
      network.ip(`xtr${n}`, `addr add fd00::${n}/64 dev core nodad`);
    }
    network.ip(`host${n}`, `addr add 192.168.${n}.10/24 dev eth0`);
    network.ip(`host${n}`, `addr add fd0${n}::10/64 dev eth0 nodad`);
    network.ip(`host${n}`, `route add default via 192.168.${n}.1`);
    network.ip(`host${n}`, `-6 route add default via fd0${n}::1`);
  }
  for (const [n, peer] of [
    [1, 2],
    [2, 1],
  ]) {
    const xtr = network.start(`xtr${n}`, process.execPath, [
      MAIN,
      config,
      `EID4=192.168.${n}.1`,
      `EID4_NET=192.168.${n}.0/24`,
      `EID6=fd0${n}::1`,
      `EID6_NET=fd0${n}::/64`,
      `RLOC4=10.0.0.${n}`,
      `RLOC6=fd00::${n}`,
      `MAP=192.168.${peer}.0/24 fd00::${peer}, fd0${peer}::/64 10.0.0.${peer}`,
      "SITE=site",
      "CORE=core",
    ]);
    xtr.stderr?.on("data", (text) => process.stderr.write(`xtr${n}: ${text}`));
  }
}

/** Sends one ping after another until one is answered: the tunnel routers are up, and know their neighbours. */
export function waitForPing(network: Network, from: string, to: string): void {
  for (let i = 0; i < 50; i++) {
    try {
      network.run(from, "ping", "-c", "1", "-W", "1", to);
      return;
    } catch {
      // not yet
    }
  }
  throw new Error(`${to} does not answer ${from}`);
}
