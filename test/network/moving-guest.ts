// Sites in network namespaces whose tunnel routers are conf/xtr.click, and a kernel's host that moves between them.

import { until } from "../until.js";
import { Network } from "./namespaces.js";
import { RouterProcess } from "./router-process.js";

const SITES = [1, 2] as const;
const RANGES = SITES.map((n) => `192.168.${n}.0/24 192.168.${n}.1, fd0${n}::/64 fd0${n}::1`).join(", ");

/** Hosts: the guest of site 1, its neighbour `home`, and `host2` at site 2. */
export class MovingGuest {
  readonly network: Network;
  readonly xtrs: ReadonlyMap<number, RouterProcess>;
  readonly mapServer: RouterProcess;

  /** Everything runs and is registered; `xtr` are further parameters of the tunnel routers, `each` of that of each site. */
  static async start(
    name: string,
    xtr: Readonly<Record<string, string>> = {},
    each: (n: number, folder: string) => Readonly<Record<string, string>> = () => ({}),
  ): Promise<MovingGuest> {
    const lab = new MovingGuest(name, (n, folder) => ({ ...xtr, ...each(n, folder) }));
    // Its address, mask and default routers are those of site 1 wherever it goes.
    lab.#join("guest", 1, 10);
    lab.#join("home", 1, 11);
    lab.#join("host2", 2, 10);
    for (const router of lab.xtrs.values()) {
      await router.running();
      await until(async () => (await router.read("registrar.registered")) === "true", "xTRs are registered");
    }
    return lab;
  }

  private constructor(name: string, xtr: (n: number, folder: string) => Readonly<Record<string, string>>) {
    this.network = new Network(name);
    for (const link of ["core", "site1", "site2"]) this.network.switch(link);
    this.#device("ms", ["core"]);
    const eids = SITES.map((n) => `eid 192.168.${n}.0/24 more eid fd0${n}::/64 more`).join(" ");
    this.mapServer = new RouterProcess(this.network, "ms", "map-server.click", {
      CORE: "core",
      SITES: `campus key labkey ${eids}`,
    });
    this.xtrs = new Map(SITES.map((n) => [n, this.#xtr(n, xtr(n, this.network.folder))]));
  }

  #xtr(n: number, more: Readonly<Record<string, string>>): RouterProcess {
    this.#device(`xtr${n}`, ["core", "site"]);
    return new RouterProcess(this.network, `xtr${n}`, "xtr.click", {
      SITE: "site",
      CORE: "core",
      EID4: `192.168.${n}.1`,
      EID4_NET: `192.168.${n}.0/24`,
      EID6: `fd0${n}::1`,
      EID6_NET: `fd0${n}::/64`,
      RLOC4: `10.0.0.${n}`,
      RLOC6: `fd00::${n}`,
      MAP_RESOLVER: "10.0.0.100",
      MAP_SERVER: "10.0.0.100 key labkey",
      DYNAMIC_EID: RANGES,
      ...more,
    });
  }

  #join(name: string, site: number, host: number): void {
    const { network } = this;
    network.namespace(name);
    network.plug(name, "eth0", `site${site}`);
    network.ip(name, `addr add 192.168.${site}.${host}/24 dev eth0`);
    network.ip(name, `addr add fd0${site}::${host}/64 dev eth0 nodad`);
    network.ip(name, `route add default via 192.168.${site}.1`);
    network.ip(name, `-6 route add default via fd0${site}::1`);
  }

  #device(name: string, devices: readonly string[]): void {
    this.network.namespace(name);
    for (const dev of devices) {
      this.network.plug(name, dev, dev === "core" ? "core" : `site${name.slice(3)}`);
      this.network.run(name, "sysctl", "-qw", `net.ipv6.conf.${dev}.disable_ipv6=1`);
    }
  }

  /** The switch port that the guest's cable ends in. */
  #port(site: number): string {
    const { network } = this;
    const index = /eth0@if(\d+)/.exec(network.ip("guest", "-o link show eth0"))?.[1];
    const port = network
      .ip(`site${site}`, "-o link show")
      .split("\n")
      .find((line) => line.startsWith(`${index}: `));
    return /^\d+: (\w+)@/.exec(port ?? "")![1];
  }

  /** Pulls the guest's cable out of one site's switch, and plugs it into the other's. */
  move(from: number, to: number): void {
    const { network } = this;
    const port = this.#port(from);
    network.ip(`site${from}`, `link set ${port} netns ${network.fullName(`site${to}`)}`);
    network.run(`site${to}`, "sysctl", "-qw", `net.ipv6.conf.${port}.disable_ipv6=1`);
    network.ip(`site${to}`, `link set ${port} master br0`);
    network.ip(`site${to}`, `link set ${port} up`);
  }

  /** Whether the tunnel router of site `n` has the address in this state. */
  async says(n: number, address: string, state: string): Promise<boolean> {
    const table = await this.xtrs.get(n)!.read("mobility.table");
    return table.split("\n").some((line) => line.startsWith(`${address} ${state} `));
  }

  close(): void {
    this.network.close();
  }
}
