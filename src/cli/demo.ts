// sluice demo: two LISP tunnel routers with a host behind each and a Map-Server between them, on links inside this
// process. Needs no rights.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type LinkDevice, makeLink } from "../device/link.js";
import { MapProvider } from "../device/provider.js";
import { Router, type Simulation } from "../index.js";
import { libraryReader } from "../loader.js";
import { type Command, UsageError } from "./command.js";
import { type OptionSpec, optionHelp, parseOptions } from "./options.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "seconds", value: "yes", valueName: "N", doc: "how long to run (default 6)" },
  {
    long: "rate",
    value: "yes",
    valueName: "N",
    doc: "UDP packets a second that each host sends (default 5000)",
  },
  { long: "help", doc: "print this and exit" },
];

const HELP = `Usage: sluice demo [OPTION]...

Runs two LISP tunnel routers (conf/xtr.click) with a host (conf/host.click)
behind each, and a Map-Server (conf/map-server.click), all in this process,
joined by links of their own: it needs no rights and touches no interface. The
tunnel routers register their EID-prefixes and resolve each other's; the hosts
ping each other and exchange UDP packets, which the tunnel routers encapsulate
and decapsulate. Shows what crosses, element by element, then a summary.

Options:
${optionHelp(OPTIONS)}
`;

const CONF = fileURLToPath(new URL("../../../conf/", import.meta.url));

/** What is shown: a label, and the handlers whose sum it is. */
const SHOWN: readonly (readonly [string, string, string])[] = [
  ["MS/MR", "registrations", "ms.registers"],
  ["MS/MR", "Map-Replies", "ms.replies"],
  ["host 1", "UDP packets sent", "sent.count"],
  ["xTR 1", "from its site", "site/from.count"],
  ["xTR 1", "map-cache hits", "cache.hits"],
  ["xTR 1", "Map-Requests", "resolver.requests"],
  ["xTR 1", "encapsulated", "encap.count"],
  ["xTR 2", "from the core", "core/from.count"],
  ["xTR 2", "decapsulated", "decap.count"],
  ["xTR 2", "to its site", "site/out.count"],
  ["host 2", "UDP packets received", "udp_received.count"],
  ["host 1", "pings answered", "answers.count"],
];

/** Longest wait for the registrations at the start. */
const REGISTRATION_MS = 5000;

/** The routers of the demonstration by name. */
export interface DemoNetwork {
  readonly routers: ReadonlyMap<string, Router>;
}

/**
 * Makes host 1, xTR 1, xTR 2 and host 2 and the links between them; each host sends `rate` UDP packets a second.
 * With `simulation` they run under its clock, else in real time.
 */
export async function makeNetwork(rate: number, simulation?: Simulation): Promise<DemoNetwork> {
  const mac = (n: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 0, n);
  const routers = new Map<string, Router>();
  const world = simulation === undefined ? {} : { clock: simulation.clock, schedule: simulation.schedule };
  const [h1, s1] = makeLink({ ...world, names: ["eth0", "site"], macs: [mac(1), mac(2)] });
  // Half of the way between the tunnel routers each; the Map-Server stands in the middle.
  const core = (name: string, port: string, n: number): readonly [LinkDevice, LinkDevice] =>
    makeLink({ ...world, names: [name, port], macs: [mac(n), mac(n + 1)], delay: 0.0025 });
  const [c1, p1] = core("core", "port1", 0x10);
  const [c2, p2] = core("core", "port2", 0x20);
  const [c3, p3] = core("core", "port3", 0x30);
  const [s2, h2] = makeLink({ ...world, names: ["site", "eth0"], macs: [mac(5), mac(6)] });
  const make = async (
    name: string,
    file: string,
    devices: ConstructorParameters<typeof MapProvider>[0],
    variables: Record<string, string>,
  ) => {
    const path = `${CONF}${file}`;
    const router = new Router({
      file: path,
      clock: simulation?.clock,
      devices: new MapProvider(devices),
      variables,
      readLibrary: libraryReader(""),
      log: () => {},
    });
    await router.start(readFileSync(path, "latin1"));
    simulation?.add(router);
    routers.set(name, router);
  };
  const host = (n: number, peer: number): Record<string, string> => ({
    IP4: `192.168.${n}.10`,
    NET4: `192.168.${n}.0/24`,
    ROUTER4: `192.168.${n}.1`,
    IP6: `fd0${n}::10`,
    NET6: `fd0${n}::/64`,
    ROUTER6: `fd0${n}::1`,
    PEER4: `192.168.${peer}.10`,
    RATE: String(rate),
  });
  const xtr = (n: number): Record<string, string> => ({
    EID4: `192.168.${n}.1`,
    EID4_NET: `192.168.${n}.0/24`,
    EID6: `fd0${n}::1`,
    EID6_NET: `fd0${n}::/64`,
    RLOC4: `10.0.0.${n}`,
    RLOC6: `fd00::${n}`,
    MAP_SERVER: `10.0.0.100 key secret${n} proxy-reply`,
    MAP_RESOLVER: "10.0.0.100",
  });
  const site = (n: number): string => `site${n} key secret${n} eid 192.168.${n}.0/24 eid fd0${n}::/64`;
  await make(
    "core",
    "hub.click",
    [
      ["port1", p1],
      ["port2", p2],
      ["port3", p3],
    ],
    {},
  );
  await make("MS/MR", "map-server.click", [["core", c3]], { SITES: `${site(1)}, ${site(2)}` });
  await make("host 1", "host.click", [["eth0", h1]], host(1, 2));
  await make(
    "xTR 1",
    "xtr.click",
    [
      ["site", s1],
      ["core", c1],
    ],
    xtr(1),
  );
  await make(
    "xTR 2",
    "xtr.click",
    [
      ["site", s2],
      ["core", c2],
    ],
    xtr(2),
  );
  await make("host 2", "host.click", [["eth0", h2]], host(2, 1));
  return { routers };
}

function number(text: string, option: string): number {
  const n = Number(text);
  if (!(n > 0)) throw new UsageError(`${option} needs a number above 0, not ‘${text}’`);
  return n;
}

/** The table of what is shown: totals, and packets a second since the last. */
class Table {
  readonly #network: DemoNetwork;
  #before: number[] = SHOWN.map(() => 0);
  #at = performance.now();

  constructor(network: DemoNetwork) {
    this.#network = network;
  }

  totals(): number[] {
    return SHOWN.map(([router, , handler]) => Number(this.#network.routers.get(router)!.read(handler)));
  }

  lines(): string[] {
    const now = performance.now();
    const seconds = (now - this.#at) / 1000;
    const totals = this.totals();
    const rows = SHOWN.map(([router, label], i) => {
      const rate = Math.round((totals[i] - this.#before[i]) / seconds);
      return `${router.padEnd(8)}${label.padEnd(24)}${String(totals[i]).padStart(10)}${String(rate).padStart(12)}`;
    });
    this.#before = totals;
    this.#at = now;
    return [
      `${"router".padEnd(8)}${"what".padEnd(24)}${"packets".padStart(10)}${"a second".padStart(12)}`,
      ...rows,
    ];
  }
}

async function run(words: readonly string[]): Promise<number> {
  let seconds = 6;
  let rate = 5000;
  for (const { name, value } of parseOptions(words, OPTIONS)) {
    if (name === "seconds") seconds = number(value, "--seconds");
    else if (name === "rate") rate = Math.round(number(value, "--rate"));
    else throw new UsageError(`‘${value}’ is one word too many`);
  }
  const network = await makeNetwork(rate);
  const { stdout } = process;
  stdout.write(
    "host 1 (192.168.1.10) -- xTR 1 (10.0.0.1) == LISP == xTR 2 (10.0.0.2) -- host 2 (192.168.2.10)\n" +
      "                                              MS/MR (10.0.0.100)\n\n",
  );
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  process.once("SIGTERM", interrupt);
  const table = new Table(network);
  let shown = 0;
  const show = (): void => {
    const lines = table.lines();
    if (shown > 0) stdout.write(stdout.isTTY ? `\x1b[${shown}A` : "\n");
    stdout.write(lines.map((l) => `${stdout.isTTY ? "\x1b[2K" : ""}${l}\n`).join(""));
    shown = lines.length;
  };
  const running = [...network.routers.keys()]
    .filter((name) => !name.startsWith("host"))
    .map((name) => network.routers.get(name)!.run(stop.signal));
  const waited = await registered(network, stop.signal);
  if (waited !== null)
    stdout.write(`both sites registered with the Map-Server after ${waited.toFixed(0)} ms\n\n`);
  const started = performance.now();
  const live = setInterval(show, stdout.isTTY ? 250 : 1000);
  const end = setTimeout(interrupt, seconds * 1000);
  for (const name of ["host 1", "host 2"]) running.push(network.routers.get(name)!.run(stop.signal));
  await Promise.all(running);
  clearInterval(live);
  clearTimeout(end);
  process.removeListener("SIGINT", interrupt);
  process.removeListener("SIGTERM", interrupt);
  const took = (performance.now() - started) / 1000;
  show();
  const status = summary(network, took);
  for (const router of network.routers.values()) router.close();
  return status;
}

/**
 * Waits until both tunnel routers have registered: hosts that talk sooner are told that nobody has their peer. Returns
 * the milliseconds it took, null when it was stopped or took too long.
 */
async function registered(network: DemoNetwork, signal: AbortSignal): Promise<number | null> {
  const started = performance.now();
  const pending = (): boolean =>
    ["xTR 1", "xTR 2"].some(
      (name) => network.routers.get(name)!.read("registrar.registered").trim() !== "true",
    );
  while (pending()) {
    if (signal.aborted || performance.now() - started > REGISTRATION_MS) return null;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - started;
}

/** Says what crossed; the exit status is 1 when nothing did. */
function summary(network: DemoNetwork, seconds: number): number {
  const read = (router: string, handler: string): number =>
    Number(network.routers.get(router)!.read(handler));
  const sent = read("host 1", "sent.count") + read("host 2", "sent.count");
  const received = read("host 1", "udp_received.count") + read("host 2", "udp_received.count");
  const pings = read("host 1", "ping.count") + read("host 2", "ping.count");
  const answers = read("host 1", "answers.count") + read("host 2", "answers.count");
  const tunnelled = read("xTR 1", "encap.count") + read("xTR 2", "encap.count");
  process.stdout.write(
    `\nIn ${seconds.toFixed(1)} s ${received} of ${sent} UDP packets arrived (those on their way when it ended are missing), ` +
      `${answers} of ${pings} pings were answered, ${tunnelled} packets crossed in LISP tunnels.\n`,
  );
  return received > 0 && answers > 0 ? 0 : 1;
}

export const command: Command = { help: HELP, run };
