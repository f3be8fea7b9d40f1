// Whole networks in simulated time: routers from conf/, or from a text, joined by links.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type LinkDevice, makeLink } from "../../src/device/link.js";
import { MapProvider } from "../../src/device/provider.js";
import { Loader, Router, Simulation } from "../../src/index.js";
import { libraryReader } from "../../src/loader.js";

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));

type Devices = ConstructorParameters<typeof MapProvider>[0];

export class Network {
  readonly simulation = new Simulation(7);
  readonly routers = new Map<string, Router>();
  #links = 0;

  /** The two ends of a link of 2 ms that loses a part of its packets, by the names that their routers have for them. */
  link(a: string, b: string, loss = 0): readonly [LinkDevice, LinkDevice] {
    const { clock, schedule } = this.simulation;
    const i = ++this.#links;
    const random = mulberry(i);
    return makeLink({
      clock,
      schedule,
      loss,
      random,
      names: [a, b],
      macs: [Uint8Array.of(2, 0, 0, 0, 0, 2 * i), Uint8Array.of(2, 0, 0, 0, 0, 2 * i + 1)],
      delay: 0.002,
    });
  }

  /** Starts a hub (conf/hub.click), and gives the ends of three links to it, each `device` for its router. */
  async hub(device: string, loss = 0): Promise<readonly [LinkDevice, LinkDevice, LinkDevice]> {
    const links = [1, 2, 3].map((i) => this.link(device, `port${i}`, loss));
    await this.make(
      "hub",
      "hub.click",
      links.map(([, port], i) => [`port${i + 1}`, port] as const),
    );
    const [a, b, c] = links.map(([end]) => end);
    return [a, b, c];
  }

  /** Starts a router. `configuration`: a file of conf/, or the text itself. */
  async make(
    name: string,
    configuration: string,
    devices: Devices,
    variables: Record<string, string> = {},
  ): Promise<Router> {
    const isFile = configuration.endsWith(".click");
    const path = `${CONF}${isFile ? configuration : "text.click"}`;
    const router = new Router({
      file: path,
      loader: new Loader(),
      clock: this.simulation.clock,
      devices: new MapProvider(devices),
      variables,
      readLibrary: libraryReader(""),
      log: () => {},
    });
    await router.start(isFile ? readFileSync(path, "latin1") : configuration);
    this.simulation.add(router);
    this.routers.set(name, router);
    return router;
  }

  read(router: string, handler: string): string {
    return this.routers.get(router)!.read(handler).trim();
  }

  close(): void {
    for (const router of this.routers.values()) router.close();
  }
}

/** Numbers in [0, 1) that are the same in each run. */
function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * A site `i` (1 or 2) in `n`: a tunnel router `xtr<i>`, 10.0.0.<i> and fd00::<i>, and a host `host<i>` that talks to the
 * other site's, where there is a device for it. `ports`: the host's device, and the tunnel router's two.
 */
export async function addSite(
  n: Network,
  i: number,
  ports: { readonly host?: LinkDevice; readonly site: LinkDevice; readonly core: LinkDevice },
  variables: Record<string, string>,
): Promise<void> {
  await n.make(
    `xtr${i}`,
    "xtr.click",
    [
      ["site", ports.site],
      ["core", ports.core],
    ],
    {
      EID4: `192.168.${i}.1`,
      EID4_NET: `192.168.${i}.0/24`,
      EID6: `fd0${i}::1`,
      EID6_NET: `fd0${i}::/64`,
      RLOC4: `10.0.0.${i}`,
      RLOC6: `fd00::${i}`,
      LOCATORS: `10.0.0.${i}`,
      ...variables,
    },
  );
  if (ports.host === undefined) return;
  await n.make(`host${i}`, "host.click", [["eth0", ports.host]], {
    IP4: `192.168.${i}.10`,
    NET4: `192.168.${i}.0/24`,
    ROUTER4: `192.168.${i}.1`,
    IP6: `fd0${i}::10`,
    NET6: `fd0${i}::/64`,
    ROUTER6: `fd0${i}::1`,
    PEER4: `192.168.${3 - i}.10`,
    RATE: "50",
  });
}
