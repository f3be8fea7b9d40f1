// timeout: 600
// A host that moves between two sites while it pings, in network namespaces: conf/xtr.click and conf/map-server.click as
// processes, the host a kernel's own. How long it was not heard of, and how many pings that cost, is printed.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { startAllowance } from "../lag.js";
import { skipUnless } from "../skip.js";
import { until } from "../until.js";
import { ended, Network, namespacesRefused } from "./namespaces.js";
import { ping } from "./ping.js";
import { RouterProcess } from "./router-process.js";
import { waitForPing } from "./xtr-network.js";

const refused = namespacesRefused();
const tests = suite("a host that moves, in namespaces");
const test = skipUnless(refused === null, refused ?? "", tests);
/** Seconds between pings. */
const EVERY = 0.02;
const SITES = [1, 2] as const;
const RANGES = SITES.map((n) => `192.168.${n}.0/24 192.168.${n}.1, fd0${n}::/64 fd0${n}::1`).join(", ");

let network: Network;
const xtrs = new Map<number, RouterProcess>();
let mapServer: RouterProcess;

function join(name: string, site: number, host: number): void {
  network.namespace(name);
  network.plug(name, "eth0", `site${site}`);
  network.ip(name, `addr add 192.168.${site}.${host}/24 dev eth0`);
  network.ip(name, `addr add fd0${site}::${host}/64 dev eth0 nodad`);
  network.ip(name, `route add default via 192.168.${site}.1`);
  network.ip(name, `-6 route add default via fd0${site}::1`);
}

function device(name: string): void {
  network.namespace(name);
  for (const dev of ["core", ...(name === "ms" ? [] : ["site"])]) {
    network.plug(name, dev, dev === "core" ? "core" : `site${name.slice(3)}`);
    network.run(name, "sysctl", "-qw", `net.ipv6.conf.${dev}.disable_ipv6=1`);
  }
}

async function build(): Promise<void> {
  network = new Network("mobility");
  for (const name of ["core", "site1", "site2"]) network.switch(name);
  device("ms");
  const eids = SITES.map((n) => `eid 192.168.${n}.0/24 more eid fd0${n}::/64 more`).join(" ");
  mapServer = new RouterProcess(network, "ms", "map-server.click", {
    CORE: "core",
    SITES: `campus key labkey ${eids}`,
  });
  for (const n of SITES) {
    device(`xtr${n}`);
    xtrs.set(
      n,
      new RouterProcess(network, `xtr${n}`, "xtr.click", {
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
      }),
    );
  }
  // Its address, mask and default routers are those of site 1 wherever it goes.
  join("guest", 1, 10);
  join("home", 1, 11);
  join("host2", 2, 10);
  for (const xtr of xtrs.values()) {
    await xtr.running();
    await until(async () => (await xtr.read("registrar.registered")) === "true", "xTRs are registered");
  }
}

/** The switch port that the guest's cable ends in. */
function guestPort(site: number): string {
  const index = /eth0@if(\d+)/.exec(network.ip("guest", "-o link show eth0"))?.[1];
  const port = network
    .ip(`site${site}`, "-o link show")
    .split("\n")
    .find((line) => line.startsWith(`${index}: `));
  return /^\d+: (\w+)@/.exec(port ?? "")![1];
}

/** Pulls the guest's cable out of one site's switch, and plugs it into the other's. */
function move(from: number, to: number): void {
  const port = guestPort(from);
  network.ip(`site${from}`, `link set ${port} netns ${network.fullName(`site${to}`)}`);
  network.run(`site${to}`, "sysctl", "-qw", `net.ipv6.conf.${port}.disable_ipv6=1`);
  network.ip(`site${to}`, `link set ${port} master br0`);
  network.ip(`site${to}`, `link set ${port} up`);
}

interface Pings {
  readonly sent: number;
  readonly received: number;
  /** Longest time between two answers, milliseconds; and how long it may be. */
  readonly gap: number;
  readonly allowed: number;
}

/** How many pings are to be answered before the host moves, and how many more once it has. */
const GO_ON = 30;
/** Milliseconds that it may be unheard of: a kernel asks for its neighbours once in a second. */
const SILENCE = 4000;

/** Pings from one host for as long as `during` takes; they are answered before it begins, and again after it. */
async function pings(from: string, to: string, during: () => Promise<void>): Promise<Pings> {
  const child = network.start(from, "ping", ["-D", "-i", String(EVERY), "-W", "1", to]);
  const done = ended(child);
  let said = "";
  child.stdout!.on("data", (text) => (said += text));
  const answers = (): number[] =>
    [...said.matchAll(/^\[(\d+\.\d+)\] \d+ bytes from /gm)].map((m) => Number(m[1]) * 1000);
  const more = async (): Promise<void> => {
    const before = answers().length;
    await until(() => answers().length >= before + GO_ON, `pings from ${from} to ${to} are answered`);
  };
  await more();
  const allowance = startAllowance();
  await during();
  await more();
  const allowed = SILENCE + allowance();
  child.kill("SIGINT");
  const { out } = await done;
  const times = answers();
  const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(out)!;
  const gap = Math.max(...times.slice(1).map((t, i) => t - times[i]));
  return { sent: Number(sent), received: Number(received), gap, allowed };
}

if (refused === null) {
  tests.before(build);
  tests.after(() => network.close());
}

const FAMILIES = [
  ["IPv4", "192.168.1.10", "192.168.1.11", "192.168.2.10", "/32"],
  ["IPv6", "fd01::10", "fd01::11", "fd02::10", "/128"],
] as const;

for (const [family, guest, home, host2, length] of FAMILIES) {
  const table = (n: number): Promise<string> => xtrs.get(n)!.read("mobility.table");
  const says = (n: number, state: string) => (): Promise<boolean> =>
    table(n).then((text) => text.split("\n").some((line) => line.startsWith(`${guest} ${state} `)));
  const report = (what: string, { sent, received, gap }: Pings): void =>
    console.log(
      `${family} ${what}: ${sent - received} of ${sent} pings lost, no answer for ${gap.toFixed(0)} ms`,
    );

  test(`a host's pings go on when it is moved to another site, ${family}`, async () => {
    waitForPing(network, "guest", home);
    waitForPing(network, "guest", host2);
    const result = await pings("guest", host2, async () => {
      move(1, 2);
      await until(says(2, "here"), `${guest} is at site 2`);
      await until(says(1, "away"), `site 1 knows`);
    });
    report("goes visiting, pings a host of the site that it visits", result);
    assert.ok(result.gap < result.allowed, JSON.stringify(result));
    assert.match(
      await mapServer.read("ms.registrations", `${guest}${length}`),
      new RegExp(`^${guest}${length} 10\\.0\\.0\\.2/`),
    );
  });

  test(`away from home it is reached from there, and reaches it, ${family}`, async () => {
    waitForPing(network, "home", guest);
    waitForPing(network, "guest", home);
    for (const [from, to] of [
      ["home", guest],
      ["guest", home],
      ["host2", guest],
    ])
      ping(network, from, to, 20, { interval: 0.05 });
  });

  test(`its pings go on when it returns, ${family}`, async () => {
    const result = await pings("guest", home, async () => {
      move(2, 1);
      await until(says(1, "returned"), `${guest} is home`);
      await until(says(2, "away"), `site 2 knows`);
    });
    report("goes home, pings a host there", result);
    assert.ok(result.gap < result.allowed, JSON.stringify(result));
    // Registered by itself only until all know.
    await until(
      async () => !(await mapServer.read("ms.registrations")).includes(`${guest}${length}`),
      "only the site's prefix is registered",
    );
    assert.not.match(await table(1), new RegExp(`^${guest} `, "m"));
    waitForPing(network, "host2", guest);
  });
}

tests.run();
