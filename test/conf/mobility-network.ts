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
define($IP4 192.168.1.10, $NET4 192.168.1.0/24, $ROUTER4 192.168.1.1, $IP6 fd01::10, $NET6 fd01::/64, $ROUTER6 fd01::1);
define($ANNOUNCE 0, $SILENT 0);
net :: EthernetInterface(eth0, $IP4, $IP6);
route4 :: RadixIPLookup($NET4 0, 0/0 $ROUTER4 0) -> [0] net;
route6 :: LookupIP6Route($NET6 :: 0, ::/0 $ROUTER6 0) -> [1] net;
Idle -> out4 :: GetIPAddress(16) -> route4;
Idle -> out6 :: GetIP6Address(24) -> route6;
numbered :: NumberedSink(5000);
net [0] -> CheckIPHeader
  -> r4 :: IPClassifier(dst host $IP4 and icmp type echo, dst host $IP4, -);
r4 [0] -> asked4 :: Counter -> mute4 :: Switch($SILENT) -> ICMPPingResponder -> route4;
mute4 [1] -> Discard;
r4 [1] -> answered4 :: Counter -> numbered;
r4 [2] -> Discard;
net [1] -> CheckIP6Header -> r6 :: LookupIP6Route($IP6/128 0, ::/0 1);
r6 [0] -> k6 :: Classifier(40/80, -);
r6 [1] -> Discard;
k6 [0] -> asked6 :: Counter -> mute6 :: Switch($SILENT) -> ICMP6PingResponder -> route6;
mute6 [1] -> Discard;
k6 [1] -> answered6 :: Counter -> numbered;
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
  /** Seconds that a link of a site takes, and one to the core; by default a millisecond. */
  readonly delay?: { readonly site: number; readonly core: number };
  /** What is added to the configurations of hosts, by name (host1 ..., mobile). */
  readonly more?: Readonly<Record<string, string>>;
  /** Text of the host with a cable, with interfaces eth0 and eth1, in place of what all hosts are. */
  readonly guestText?: string;
  /** It and the others are conf/host.click. */
  readonly streams?: boolean;
  /** A second set of sites, with the same EIDs in this instance, and a host of its own that moves: xtr1b, host1b, mobileb, ... */
  readonly twin?: number;
}

/** Which set of sites: the first one, or its twin in another instance. */
type Set = "" | "b";

export const RANGES = "192.168.1.0/24 192.168.1.1, fd01::/64 fd01::1";

export class MobilityNetwork {
  readonly simulation = new Simulation(11);
  readonly #options: Options;
  readonly #routers = new Map<string, Router>();
  /** Free ports of each site's hub, where the mobile host can be plugged in: each once, as a device is opened once. */
  readonly #sockets = new Map<string, ReturnType<typeof makeLink>[0][]>();

  private constructor(options: Options) {
    this.#options = options;
  }

  /** Sites 1 to 3 with host 10 in each of 2 and 3, host 11 in site 1, and places for host 10 of site 1 in all. */
  static async make(options: Options = {}): Promise<MobilityNetwork> {
    const n = new MobilityNetwork(options);
    const { controller, iid = 0 } = options;
    const ports = options.twin === undefined ? 5 : 8;
    const core = Array.from({ length: ports }, (_, i) => n.#link(101 + i, options.delay?.core));
    await n.#start(
      "core",
      hub(ports, CHANGE_PRIORITY),
      new Map(core.map(([, port], i) => [`p${i + 1}`, port])),
    );
    const eids = [1, 2, 3].map((i) => `eid 192.168.${i}.0/24 more eid fd0${i}::/64 more`).join(" ");
    const ms = readFileSync(`${CONF}map-server.click`, "latin1");
    const twin = options.twin === undefined ? "" : `, twin key 1:secret iid ${options.twin} ${eids}`;
    await n.#start("ms", ms, new Map([["core", core[3][0]]]), {
      SITES: `campus key 1:secret iid ${iid} ${eids}${twin}`,
      ...(options.pubsubKey === undefined ? {} : { PUBSUB_KEY: options.pubsubKey }),
    });
    if (controller !== undefined)
      await n.#start("controller", controller, new Map([["core", core[4][0]]]), {
        RLOC4: "10.0.0.50",
        RLOC6: "fd00::50",
      });
    for (const i of [1, 2, 3]) await n.#site(i, core[i - 1][0], options);
    if (options.guest !== undefined) await n.#cable();
    if (options.twin === undefined) return n;
    for (const i of [1, 2, 3]) await n.#site(i, core[i + 4][0], options, "b");
    await n.#cable("b");
    return n;
  }

  /** Starts the mobile host, with a cable that ends nowhere yet. */
  async #cable(set: Set = ""): Promise<void> {
    const { delay, guest, guestText } = this.#options;
    const sockets = [1, 2, 3].map((i) => [`p${i}`, this.#sockets.get(`${i}${set}`)!.shift()!] as const);
    const [eth0, m0] = this.#link(9, delay?.site);
    const [eth1, m1] = this.#link(8, delay?.site);
    await this.#start(`cable${set}`, CABLE, new Map([...sockets, ["m0", m0], ["m1", m1]]));
    const devices = new Map([
      ["eth0", eth0],
      ["eth1", eth1],
    ]);
    await this.#host(`mobile${set}`, devices, 1, 10, guest, guestText);
  }

  #host(
    name: string,
    devices: ReadonlyMap<string, ReturnType<typeof makeLink>[0]>,
    n: number,
    h: number,
    more: Readonly<Record<string, string>> = {},
    text?: string,
  ): Promise<void> {
    const { streams = false } = this.#options;
    const of = text ?? (streams ? readFileSync(`${CONF}host.click`, "latin1") : HOST);
    return this.#start(name, of + (this.#options.more?.[name] ?? ""), devices, {
      IP4: `192.168.${n}.${h}`,
      NET4: `192.168.${n}.0/24`,
      ROUTER4: `192.168.${n}.1`,
      IP6: `fd0${n}::${h}`,
      NET6: `fd0${n}::/64`,
      ROUTER6: `fd0${n}::1`,
      ...(streams ? { PEER4: "192.168.2.10", PING: "3600", RATE: "0", VERBOSE: "false" } : {}),
      ...more,
    });
  }

  async #site(
    i: number,
    core: ReturnType<typeof makeLink>[0],
    options: Options,
    set: Set = "",
  ): Promise<void> {
    // What is plugged in is one host, with one hardware address.
    const own = (set === "" ? 0 : 50) + 10 * i;
    const links = [own + 1, own + 2, 9, 9].map((mac) => this.#link(mac, options.delay?.site));
    const [xtr, fixed, ...mobile] = links.map(([end]) => end);
    const ports = links.map(([, port], k) => [`p${k + 1}`, port] as const);
    await this.#start(`lan${i}${set}`, options.guest === undefined ? hub(4) : lan(4), new Map(ports));
    const secret = i === 2 ? (options.secret2 ?? "secret") : "secret";
    const devices = new Map([
      ["site", xtr],
      ["core", core],
    ]);
    const id = set === "" ? i : 20 + i;
    await this.#start(`xtr${i}${set}`, readFileSync(`${CONF}xtr.click`, "latin1"), devices, {
      EID4: `192.168.${i}.1`,
      EID4_NET: `192.168.${i}.0/24`,
      EID6: `fd0${i}::1`,
      EID6_NET: `fd0${i}::/64`,
      RLOC4: `10.0.0.${id}`,
      RLOC6: `fd00::${id}`,
      MAP_RESOLVER: "10.0.0.100",
      MAP_SERVER: `10.0.0.100 key 1:${secret}${options.proxy ? " proxy-reply" : ""}`,
      LOCATORS: `10.0.0.${id}`,
      DYNAMIC_EID: options.ranges ?? RANGES,
      ...options.xtr,
      IID: String((set === "" ? options.iid : options.twin) ?? 0),
      ...options.site?.(i),
    });
    await this.#host(`host${i}${set}`, new Map([["eth0", fixed]]), i, i === 1 ? 11 : 10);
    this.#sockets.set(`${i}${set}`, mobile);
  }

  /** Takes the mobile host 192.168.1.10, fd01::10 from where it is, and plugs it in at site `i`; 0: nowhere, where it keeps its cable. */
  async plug(i: number, set: Set = ""): Promise<void> {
    if (this.#routers.has("cable")) {
      for (const k of [1, 2, 3]) await this.write(`cable${set}`, `from${k}.switch`, k === i ? "0" : "-1");
      await this.write(`cable${set}`, "to.switch", String(i - 1));
      return;
    }
    this.unplug();
    const device = this.#sockets.get(String(i))!.shift();
    if (device === undefined) throw new Error(`no free port at site ${i}`);
    await this.#host("mobile", new Map([["eth0", device]]), 1, 10);
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

  #link(i: number, delay = 0.001): ReturnType<typeof makeLink> {
    const { clock, schedule } = this.simulation;
    return makeLink({
      clock,
      schedule,
      macs: [Uint8Array.of(2, 0, 0, 0, i, 1), Uint8Array.of(2, 0, 0, 0, i, 2)],
      delay,
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

/** What the mobile host's interfaces are plugged into, at m0 and m1, and its cable, which ends in one of three sockets. */
const CABLE = `
FromDevice(m0) -> [0] v :: EtherSwitch [0] -> out0 :: Queue -> ToDevice(m0);
FromDevice(m1) -> [1] v [1] -> out1 :: Queue -> ToDevice(m1);
v [2] -> to :: Switch(-1);
in :: Null -> [2] v;
${[1, 2, 3]
  .map(
    (i) =>
      `to [${i - 1}] -> q${i} :: Queue -> ToDevice(p${i}); FromDevice(p${i}) -> from${i} :: Switch(-1) -> in;`,
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
