// A network in simulated time: three sites with tunnel routers from conf/xtr.click, a Map-Server, and a host that moves.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makeLink } from "../../src/device/link.js";
import { MapProvider } from "../../src/device/provider.js";
import { Loader, Router, Simulation } from "../../src/index.js";
import { parseRloc } from "../../src/lisp/mapping.js";
import { libraryReader } from "../../src/loader.js";
import { ICMP6_ECHO, writeIcmp6 } from "../../src/wire/icmp6.js";
import { writeIpv6 } from "../../src/wire/ipv6.js";
import { hex, ip, ipv4 } from "../elements/lisp/harness.js";

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));

/**
 * A host that answers pings of both families (unless $SILENT is 1), counts them and their answers, and sends what it is
 * given; nothing else.
 */
const HOST = `
require(library ethernet-interface.click);
define($N 1, $M 1, $H 10, $ANNOUNCE 0, $SILENT 0);
net :: EthernetInterface(eth0, 192.168.$N.$H, fd0$N::$H);
route4 :: RadixIPLookup(192.168.$N.0/24 0, 0/0 192.168.$N.1 0) -> [0] net;
route6 :: LookupIP6Route(fd0$N::/64 :: 0, ::/0 fd0$N::1 0) -> [1] net;
Idle -> out4 :: GetIPAddress(16) -> route4;
Idle -> out6 :: GetIP6Address(24) -> route6;
net [0] -> CheckIPHeader
  -> r4 :: IPClassifier(dst host 192.168.$N.$H and icmp type echo, dst host 192.168.$N.$H, -);
r4 [0] -> asked4 :: Counter -> mute4 :: Switch($SILENT) -> ICMPPingResponder -> route4;
mute4 [1] -> Discard;
r4 [1] -> answered4 :: Counter -> Discard;
r4 [2] -> Discard;
net [1] -> CheckIP6Header -> r6 :: LookupIP6Route(fd0$N::$H/128 0, ::/0 1);
r6 [0] -> k6 :: Classifier(40/80, -);
r6 [1] -> Discard;
k6 [0] -> asked6 :: Counter -> mute6 :: Switch($SILENT) -> ICMP6PingResponder -> route6;
mute6 [1] -> Discard;
k6 [1] -> answered6 :: Counter -> Discard;
`;

type Family = 4 | 6;

export interface Options {
  /** Dynamic-EID ranges of all sites. */
  readonly ranges?: string;
  /** The secret that xTR 2 signs with. */
  readonly secret2?: string;
  readonly proxy?: boolean;
  /** Text of one more router at the core, 10.0.0.50 and fd00::50: `controller`. */
  readonly controller?: string;
  /** Shared with subscribers. */
  readonly pubsubKey?: string;
  /** Further parameters of all xTRs. */
  readonly xtr?: Readonly<Record<string, string>>;
  /**
   * The mobile host is one router that runs on while its cable is pulled and plugged in elsewhere: it keeps what it knows
   * of its neighbours. Its parameters. The sites then have switches, which learn, instead of hubs.
   */
  readonly guest?: Readonly<Record<string, string>>;
  /** And of each. */
  readonly site?: (site: number) => Readonly<Record<string, string>>;
  /** Instance ID of all EIDs. */
  readonly iid?: number;
}

export const RANGES = "192.168.1.0/24 192.168.1.1, fd01::/64 fd01::1";

export class MobilityNetwork {
  readonly simulation = new Simulation(11);
  readonly #routers = new Map<string, Router>();
  /** Free ports of each site's hub, where the mobile host can be plugged in: each once, as a device is opened once. */
  readonly #sockets = new Map<number, ReturnType<typeof makeLink>[0][]>();

  /** Sites 1 to 3 with host 10 in each of 2 and 3, host 11 in site 1, and places for host 10 of site 1 in all. */
  static async make(options: Options = {}): Promise<MobilityNetwork> {
    const n = new MobilityNetwork();
    const { controller, iid = 0 } = options;
    const core = [1, 2, 3, 4, 5].map((i) => n.#link(100 + i));
    await n.#start("core", hub(5, CHANGE_PRIORITY), new Map(core.map(([, port], i) => [`p${i + 1}`, port])));
    const eids = [1, 2, 3].map((i) => `eid 192.168.${i}.0/24 more eid fd0${i}::/64 more`).join(" ");
    const ms = readFileSync(`${CONF}map-server.click`, "latin1");
    await n.#start("ms", ms, new Map([["core", core[3][0]]]), {
      SITES: `campus key 1:secret iid ${iid} ${eids}`,
      ...(options.pubsubKey === undefined ? {} : { PUBSUB_KEY: options.pubsubKey }),
    });
    if (controller !== undefined)
      await n.#start("controller", controller, new Map([["core", core[4][0]]]), {
        RLOC4: "10.0.0.50",
        RLOC6: "fd00::50",
      });
    for (const i of [1, 2, 3]) await n.#site(i, core[i - 1][0], options);
    if (options.guest !== undefined) await n.#cable(options.guest);
    return n;
  }

  /** Starts the mobile host, with a cable that ends nowhere yet. */
  async #cable(guest: Readonly<Record<string, string>>): Promise<void> {
    const [end, port] = this.#link(9);
    const devices = new Map([1, 2, 3].map((i) => [`p${i}`, this.#sockets.get(i)!.shift()!] as const));
    await this.#start("cable", CABLE, new Map([...devices, ["m", port]]));
    await this.#start("mobile", HOST, new Map([["eth0", end]]), { N: "1", H: "10", ...guest });
  }

  async #site(i: number, core: ReturnType<typeof makeLink>[0], options: Options): Promise<void> {
    // What is plugged in is one host, with one hardware address.
    const links = [10 * i + 1, 10 * i + 2, 9, 9].map((mac) => this.#link(mac));
    const [xtr, fixed, ...mobile] = links.map(([end]) => end);
    const ports = links.map(([, port], k) => [`p${k + 1}`, port] as const);
    await this.#start(`lan${i}`, options.guest === undefined ? hub(4) : lan(4), new Map(ports));
    const secret = i === 2 ? (options.secret2 ?? "secret") : "secret";
    const devices = new Map([
      ["site", xtr],
      ["core", core],
    ]);
    await this.#start(`xtr${i}`, readFileSync(`${CONF}xtr.click`, "latin1"), devices, {
      EID4: `192.168.${i}.1`,
      EID4_NET: `192.168.${i}.0/24`,
      EID6: `fd0${i}::1`,
      EID6_NET: `fd0${i}::/64`,
      RLOC4: `10.0.0.${i}`,
      RLOC6: `fd00::${i}`,
      MAP_RESOLVER: "10.0.0.100",
      MAP_SERVER: `10.0.0.100 key 1:${secret}${options.proxy ? " proxy-reply" : ""}`,
      LOCATORS: `10.0.0.${i}`,
      DYNAMIC_EID: options.ranges ?? RANGES,
      ...options.xtr,
      IID: String(options.iid ?? 0),
      ...options.site?.(i),
    });
    const host = i === 1 ? 11 : 10;
    await this.#start(`host${i}`, HOST, new Map([["eth0", fixed]]), { N: String(i), H: String(host) });
    this.#sockets.set(i, mobile);
  }

  /** Takes the mobile host 192.168.1.10, fd01::10 from where it is, and plugs it in at site `i`. */
  async plug(i: number): Promise<void> {
    if (this.#routers.has("cable")) {
      for (const k of [1, 2, 3]) await this.write("cable", `from${k}.switch`, k === i ? "0" : "-1");
      await this.write("cable", "to.switch", String(i - 1));
      return;
    }
    this.unplug();
    const device = this.#sockets.get(i)!.shift();
    if (device === undefined) throw new Error(`no free port at site ${i}`);
    await this.#start("mobile", HOST, new Map([["eth0", device]]), { N: "1", H: "10" });
  }

  unplug(): void {
    this.#routers.get("mobile")?.close();
    this.#routers.delete("mobile");
  }

  /** The Map-Server is as after a restart: it has neither registrations nor subscriptions. */
  async restartMapServer(): Promise<void> {
    // An element of another name takes over nothing.
    const text = readFileSync(`${CONF}map-server.click`, "latin1").replaceAll(/\bms\b/g, "restarted");
    await this.router("ms").swap(text, `${CONF}map-server.click`);
  }

  router(name: string): Router {
    return this.#routers.get(name)!;
  }

  read(router: string, handler: string, parameters = ""): string {
    return this.router(router).read(handler, parameters).trim();
  }

  number(router: string, handler: string): number {
    return Number(this.read(router, handler));
  }

  write(router: string, handler: string, value: string): Promise<unknown> {
    return Promise.resolve(this.router(router).write(handler, value));
  }

  run(seconds: number): void {
    this.simulation.run(seconds);
  }

  /** Sends an echo request from one host; `source` may be forged. */
  send(host: string, source: string, destination: string): void {
    const four = !source.includes(":");
    this.router(host).inject(
      four ? "out4" : "out6",
      four ? echo4(source, destination) : echo6(source, destination),
    );
  }

  /** Pings every 20 ms for some seconds; how many were sent and answered. */
  ping(
    host: string,
    source: string,
    destination: string,
    seconds: number,
  ): { sent: number; answered: number } {
    const family: Family = source.includes(":") ? 6 : 4;
    const before = this.number(host, `answered${family}.count`);
    const sent = Math.round(seconds * 50);
    for (let i = 0; i < sent; i++) {
      this.send(host, source, destination);
      this.run(0.02);
    }
    this.run(0.1);
    return { sent, answered: this.number(host, `answered${family}.count`) - before };
  }

  close(): void {
    for (const router of this.#routers.values()) router.close();
  }

  #link(i: number): ReturnType<typeof makeLink> {
    const { clock, schedule } = this.simulation;
    return makeLink({
      clock,
      schedule,
      macs: [Uint8Array.of(2, 0, 0, 0, i, 1), Uint8Array.of(2, 0, 0, 0, i, 2)],
      delay: 0.001,
    });
  }

  async #start(
    name: string,
    text: string,
    devices: ReadonlyMap<string, ReturnType<typeof makeLink>[0]>,
    variables: Record<string, string> = {},
  ): Promise<void> {
    const router = new Router({
      file: `${CONF}${name}.click`,
      loader: new Loader(),
      clock: this.simulation.clock,
      devices: new MapProvider([...devices]),
      variables,
      readLibrary: libraryReader(""),
      log: () => {},
    });
    await router.start(text);
    this.simulation.add(router);
    this.#routers.set(name, router);
  }
}

/** A cable of the mobile host, at m, that ends in one of three sockets, or none. */
const CABLE = `
FromDevice(m) -> to :: Switch(-1);
out :: Queue -> ToDevice(m);
${[1, 2, 3]
  .map(
    (i) =>
      `to [${i - 1}] -> q${i} :: Queue -> ToDevice(p${i}); FromDevice(p${i}) -> from${i} :: Switch(-1) -> out;`,
  )
  .join("\n")}
`;

/** An Ethernet switch with ports p1, p2, ... */
function lan(ports: number): string {
  const all = Array.from({ length: ports }, (_, i) => i + 1);
  const wires = all.map(
    (i) => `FromDevice(p${i}) -> [${i - 1}] s [${i - 1}] -> q${i} :: Queue -> ToDevice(p${i});`,
  );
  return ["s :: EtherSwitch;", ...wires].join("\n");
}

/** Change-Priority messages over IPv4, in Ethernet frames. */
const CHANGE_PRIORITY = "12/0800 42/f7de";

/**
 * An Ethernet hub with ports p1, p2, ... What comes from port N and `pattern` matches is lost while `lossN.switch` is 1, and
 * counted by `passedN` else.
 */
function hub(ports: number, pattern?: string): string {
  const all = Array.from({ length: ports }, (_, i) => i + 1);
  const inputs = all.map(
    (i) => `FromDevice(p${i}) -> t${i} :: Tee(${ports - 1}); q${i} :: Queue -> ToDevice(p${i});`,
  );
  const losses = all.map(
    (i) =>
      `FromDevice(p${i}) -> k${i} :: Classifier(${pattern}, -); k${i} [1] -> t${i} :: Tee(${ports - 1});
       k${i} [0] -> loss${i} :: Switch(0) -> passed${i} :: Counter -> t${i}; loss${i} [1] -> Discard;
       q${i} :: Queue -> ToDevice(p${i});`,
  );
  const wires = all.flatMap((i) => all.filter((k) => k !== i).map((k, n) => `t${i} [${n}] -> q${k};`));
  return [...(pattern === undefined ? inputs : losses), ...wires].join("\n");
}

function echo4(source: string, destination: string): Uint8Array {
  return ipv4(hex("0800 f7fd 0001 0001"), { source: ip(source), destination: ip(destination), protocol: 1 });
}

function echo6(from: string, to: string): Uint8Array {
  const [source, destination] = [parseRloc(from), parseRloc(to)];
  const payload = writeIcmp6(
    { type: ICMP6_ECHO, code: 0, rest: 0x10001, payload: new Uint8Array(8) },
    { source, destination },
  );
  return writeIpv6({
    trafficClass: 0,
    flowLabel: 0,
    nextHeader: 58,
    hopLimit: 64,
    source,
    destination,
    payload,
  });
}
