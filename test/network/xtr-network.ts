// LISP sites in network namespaces, their tunnel routers from a configuration in conf/: two sites that know each other
// from the start, or sites of one or several tunnel routers that register with a Map-Server.

import { until } from "../until.js";
import type { Network } from "./namespaces.js";
import { RouterProcess } from "./router-process.js";

/** A tunnel router: its RLOCs are 10.0.0.ID and fd00::ID, its addresses in site N 192.168.N.GATEWAY and fd0N::GATEWAY. */
interface Xtr {
  readonly name: string;
  readonly site: number;
  readonly id: number;
  readonly gateway: number;
}

/** Gives host N its addresses 192.168.N.10 and fd0N::10 on eth0, and tunnel router GATEWAY as its default router. */
function addressHost(network: Network, n: number, gateway: number): void {
  network.ip(`host${n}`, `addr add 192.168.${n}.10/24 dev eth0`);
  network.ip(`host${n}`, `addr add fd0${n}::10/64 dev eth0 nodad`);
  network.ip(`host${n}`, `route add default via 192.168.${n}.${gateway}`);
  network.ip(`host${n}`, `-6 route add default via fd0${n}::${gateway}`);
}

/** Where the graph owns the addresses, the kernel must not answer. */
function withoutKernel(network: Network, name: string, devices: readonly string[]): void {
  for (const dev of devices) network.run(name, "sysctl", "-qw", `net.ipv6.conf.${dev}.disable_ipv6=1`);
}

function startXtr(
  network: Network,
  file: string,
  { name, site, id, gateway }: Xtr,
  variables: Readonly<Record<string, string>>,
): RouterProcess {
  return new RouterProcess(network, name, file, {
    EID4: `192.168.${site}.${gateway}`,
    EID4_NET: `192.168.${site}.0/24`,
    EID6: `fd0${site}::${gateway}`,
    EID6_NET: `fd0${site}::/64`,
    RLOC4: `10.0.0.${id}`,
    RLOC6: `fd00::${id}`,
    SITE: "site",
    CORE: "core",
    ...variables,
  });
}

/**
 * host1 -- xtr1 -- xtr2 -- host2: makes the namespaces and links and starts both tunnel routers with configuration
 * `file`. Hosts are 192.168.N.10 and fd0N::10, RLOCs 10.0.0.N and fd00::N; the kernel has the RLOCs too when `shared`.
 * IPv4 EIDs go over IPv6 RLOCs and IPv6 EIDs over IPv4 ones: each inside the other.
 */
export function startXtrs(network: Network, file: string, shared: boolean): void {
  for (const name of ["host1", "xtr1", "xtr2", "host2"]) network.namespace(name);
  network.veth("host1", "eth0", "xtr1", "site");
  network.veth("host2", "eth0", "xtr2", "site");
  network.veth("xtr1", "core", "xtr2", "core");
  for (const n of [1, 2]) {
    withoutKernel(network, `xtr${n}`, shared ? ["site"] : ["site", "core"]);
    if (shared) {
      network.ip(`xtr${n}`, `addr add 10.0.0.${n}/24 dev core`);
      network.ip(`xtr${n}`, `addr add fd00::${n}/64 dev core nodad`);
    }
    addressHost(network, n, 1);
  }
  for (const [n, peer] of [
    [1, 2],
    [2, 1],
  ])
    startXtr(
      network,
      file,
      { name: `xtr${n}`, site: n, id: n, gateway: 1 },
      { MAP: `192.168.${peer}.0/24 fd00::${peer}, fd0${peer}::/64 10.0.0.${peer}` },
    );
}

/** Over which RLOCs a network of sites works, for data and control. */
export type RlocFamily = "IPv4" | "IPv6";

/** The RLOC of host ID of the core. */
export function rloc(family: RlocFamily, id: number): string {
  return family === "IPv4" ? `10.0.0.${id}` : `fd00::${id}`;
}

/** A site: a locator (priority/weight) for each of its tunnel routers. Of several, the last is its host's default router. */
export interface SitePlan {
  readonly locators: readonly string[];
  /** Further parameters of its tunnel routers. */
  readonly variables?: Readonly<Record<string, string>>;
}

const MAP_SERVER = 100;

/** Sites 1, 2, ... with a host each, a Map-Server with Map-Resolver, and a switch between: nobody knows a mapping. */
export class SiteNetwork {
  readonly network: Network;
  readonly mapServer: RouterProcess;
  /** By name: xtrN, or xtrNa, xtrNb, ... of a site with several. */
  readonly xtrs: ReadonlyMap<string, RouterProcess>;

  constructor(network: Network, family: RlocFamily, sites: readonly SitePlan[]) {
    this.network = network;
    network.switch("core");
    this.mapServer = startMapServer(network, sites.length);
    const xtrs = new Map<string, RouterProcess>();
    let id = 1;
    for (const [i, plan] of sites.entries()) {
      const several = plan.locators.length > 1;
      const site = plan.locators.map((_, k) => ({
        name: `xtr${i + 1}${several ? "abcdefgh"[k] : ""}`,
        site: i + 1,
        id: id++,
        gateway: k + 1,
      }));
      joinSite(network, i + 1, site);
      const variables = {
        MAP_RESOLVER: rloc(family, MAP_SERVER),
        // Those that register one EID-prefix together say so; else each would take the other's place.
        MAP_SERVER: `${rloc(family, MAP_SERVER)} key 1:labkey${i + 1}${several ? " merge" : ""}`,
        LOCATORS: plan.locators.map((l, k) => `${rloc(family, site[k].id)}/${l}`).join(" "),
        ...plan.variables,
      };
      for (const xtr of site) xtrs.set(xtr.name, startXtr(network, "xtr.click", xtr, variables));
    }
    this.xtrs = xtrs;
  }

  xtr(name: string): RouterProcess {
    const found = this.xtrs.get(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** Waits until every tunnel router's registrations are acknowledged. */
  async registered(): Promise<void> {
    for (const xtr of this.xtrs.values()) {
      await xtr.running();
      await until(
        async () => (await xtr.read("registrar.registered")) === "true",
        `${xtr.name} is registered`,
      );
    }
  }
}

function startMapServer(network: Network, sites: number): RouterProcess {
  network.namespace("ms");
  network.plug("ms", "core", "core");
  withoutKernel(network, "ms", ["core"]);
  const texts = Array.from(
    { length: sites },
    (_, i) => `s${i + 1} key 1:labkey${i + 1} eid 192.168.${i + 1}.0/24 eid fd0${i + 1}::/64`,
  );
  return new RouterProcess(network, "ms", "map-server.click", {
    CORE: "core",
    RLOC4: rloc("IPv4", MAP_SERVER),
    RLOC6: rloc("IPv6", MAP_SERVER),
    SITES: texts.join(", "),
  });
}

/** Connects the site's host and tunnel routers to each other, and these to the core. */
function joinSite(network: Network, n: number, xtrs: readonly Xtr[]): void {
  network.switch(`site${n}`);
  network.namespace(`host${n}`);
  network.plug(`host${n}`, "eth0", `site${n}`);
  addressHost(network, n, xtrs.length);
  for (const { name } of xtrs) {
    network.namespace(name);
    network.plug(name, "site", `site${n}`);
    network.plug(name, "core", "core");
    withoutKernel(network, name, ["site", "core"]);
  }
}

/** Where a proxy stands: its RLOCs are 10.0.0.9 and fd00::9. */
export const PROXY = 9;

/** Joins a host without LISP, `legacy` at 198.51.100.10 and 2001:db8:1::10, to the sites by a proxy (conf/pxtr.click). */
export function joinProxy({ network }: SiteNetwork, family: RlocFamily): RouterProcess {
  for (const name of ["pxtr", "legacy"]) network.namespace(name);
  network.veth("legacy", "eth0", "pxtr", "legacy");
  network.plug("pxtr", "core", "core");
  withoutKernel(network, "pxtr", ["legacy", "core"]);
  network.ip("legacy", "addr add 198.51.100.10/24 dev eth0");
  network.ip("legacy", "addr add 2001:db8:1::10/64 dev eth0 nodad");
  network.ip("legacy", "route add default via 198.51.100.1");
  network.ip("legacy", "-6 route add default via 2001:db8:1::1");
  return new RouterProcess(network, "pxtr", "pxtr.click", {
    LEGACY: "legacy",
    CORE: "core",
    RLOC4: rloc("IPv4", PROXY),
    RLOC6: rloc("IPv6", PROXY),
    MAP_RESOLVER: rloc(family, MAP_SERVER),
  });
}

/** Sends one ping after another until one is answered: the tunnel routers are up, and know their neighbours. */
export function waitForPing(network: Network, from: string, to: string): void {
  for (const end = performance.now() + 120_000; performance.now() < end; ) {
    try {
      network.run(from, "ping", "-c", "1", "-W", "1", to);
      return;
    } catch {
      // not yet
    }
  }
  throw new Error(`${to} does not answer ${from}`);
}
