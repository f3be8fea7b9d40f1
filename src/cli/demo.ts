// sluice demo: brings up two LISP sites in this process, shows what their functions do, and takes them down. Needs no rights.

import { accessSync, constants, mkdtempSync, readdirSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readDescriptor } from "../vnf/descriptor/read.js";
import { Manager } from "../vnf/manager/manager.js";
import type { Service } from "../vnf/service/service.js";
import { makeStateFolder, ServiceFolder, stateFolder } from "../vnf/state/folder.js";
import { RealWorld } from "../vnf/world.js";
import { type Command, CommandError, UsageError } from "./command.js";
import { type OptionSpec, optionHelp, parseOptions } from "./options.js";
import type { Output } from "./output.js";
import { shownWord } from "./own-words.js";
import { interruption } from "./running.js";
import { pause, positive } from "./top.js";
import { watch } from "./up.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "seconds", value: "yes", valueName: "N", doc: "how long to run (default 6)" },
  { long: "help", doc: "print this and exit" },
];

const HELP = `Usage: sluice demo [OPTION]...

Brings up conf/services/two-sites.yaml in this process: two LISP tunnel routers with a
host behind each, and a Map-Server, joined by links of their own; it needs no rights and
touches no interface. The tunnel routers register their EID-prefixes and resolve each
other's; once both are registered the hosts ping each other and exchange UDP packets,
which the tunnel routers encapsulate and decapsulate. Shows what the functions do, as
'sluice top' does, then a summary, and takes everything down.

Exit status 0; 1 when a ping was lost after the first second, or no UDP packet arrived.

Options:
${optionHelp(OPTIONS)}
`;

const FILE = fileURLToPath(new URL("../../../conf/services/two-sites.yaml", import.meta.url));

const PICTURE = `host1 (192.168.1.10) -- xtr1 (10.0.0.1) == LISP == xtr2 (10.0.0.2) -- host2 (192.168.2.10)
      (fd01::10)              (fd00::1)      |        (fd00::2)             (fd02::10)
                                             ms (10.0.0.100, fd00::100)
`;

const HOSTS = ["host1", "host2"];
const XTRS = ["xtr1", "xtr2"];
const PINGS = ["ping", "ping6"];
/** Seconds in which packets may be lost: mappings and hardware addresses are being asked for. */
const FIRST_SECONDS = 1;
/** Seconds in which the tunnel routers must be registered, and in which the last answers may come. */
const REGISTERED_SECONDS = 30;
const SETTLED_SECONDS = 3;
/** Milliseconds between two looks for that, and without a UDP packet after which none is on its way. */
const LOOK_MS = 20;
const QUIET_MS = 200;

async function run(words: readonly string[], output: Output): Promise<number> {
  let seconds = 6;
  for (const { name, value } of parseOptions(words, OPTIONS)) {
    if (name === "seconds") seconds = positive(value, "--seconds");
    else throw new UsageError(`‘${shownWord(value)}’ is one word too many`);
  }
  const descriptor = readDescriptor(FILE);
  // Several may run at the same time.
  const name = `${descriptor.name}-demo-${process.pid}`;
  const { signal: interrupted, release } = interruption();
  const signal = AbortSignal.any([interrupted, output.gone]);
  const { state, own } = writableState();
  const options = { world: new RealWorld(), folder: new ServiceFolder(name, state), port: 0 };
  let manager: Manager | null = null;
  try {
    manager = await Manager.instantiate({ ...descriptor, name }, options);
    process.stdout.write(`${PICTURE}\n`);
    await start(manager.service, signal);
    await pause(Math.min(seconds, FIRST_SECONDS) * 1000, signal);
    const first = await answered(manager.service);
    if (seconds > FIRST_SECONDS) {
      await switchOn(manager.service, PINGS, true);
      await watch(manager, seconds - FIRST_SECONDS, signal);
    }
    return await summary(manager.service, first);
  } finally {
    await manager?.terminate();
    release();
    if (own) removeIfEmpty(state);
  }
}

/** Where services are known; a folder of its own where that cannot be written, as by users without a home. */
function writableState(): { readonly state: string; readonly own: boolean } {
  const state = stateFolder();
  try {
    makeStateFolder(state);
    accessSync(state, constants.W_OK);
    return { state, own: false };
  } catch {
    return { state: mkdtempSync(join(tmpdir(), "sluice-demo-")), own: true };
  }
}

/** What could not be taken away is noted in it. */
function removeIfEmpty(folder: string): void {
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

/** Starts the hosts when the tunnel routers are registered: a host's first packet would be asked for too early else. */
async function start(service: Service, signal: AbortSignal): Promise<void> {
  for (const name of ["ms", ...XTRS]) await service.function(name).start();
  for (const name of XTRS) {
    const registered = async (): Promise<boolean> =>
      (await read(service, name, "registrar.registered")).trim() === "true";
    if (!(await comes(registered, REGISTERED_SECONDS, signal)) && !signal.aborted)
      throw new CommandError(`${name} was not registered within ${REGISTERED_SECONDS} s`);
  }
  await service.start();
}

/** Lets elements of both hosts send, or not. */
async function switchOn(service: Service, sources: readonly string[], active: boolean): Promise<void> {
  for (const host of HOSTS)
    for (const source of sources)
      await service.function(host).request("write", { path: `${source}.active`, value: String(active) });
}

/** Stops the pings, waits for the answers that still come, and returns how many do not: after Ctrl-C, too. */
async function answered(service: Service): Promise<number> {
  await switchOn(service, PINGS, false);
  const all = async (): Promise<boolean> => (await unanswered(service)).every((n) => n === 0);
  await comes(all, SETTLED_SECONDS);
  return (await unanswered(service)).reduce((a, b) => a + b);
}

/** Pings without an answer, over IPv4 and IPv6. */
async function unanswered(service: Service): Promise<readonly [number, number]> {
  return [await missing(service, "ping", "answers"), await missing(service, "ping6", "answers6")];
}

/** Stops the UDP packets, and waits for those on their way. */
async function arrived(service: Service): Promise<void> {
  await switchOn(service, ["udp_sent"], false);
  let received = -1;
  let since = 0;
  await comes(async () => {
    const now = await sum(service, HOSTS, "udp_received.count");
    if (now !== received) since = performance.now();
    received = now;
    return performance.now() - since >= QUIET_MS;
  }, SETTLED_SECONDS);
}

/** Whether `what` comes true within so many seconds, and before the `signal`. */
async function comes(
  what: () => Promise<boolean>,
  seconds: number,
  signal = new AbortController().signal,
): Promise<boolean> {
  const end = performance.now() + seconds * 1000;
  while (!(await what())) {
    if (signal.aborted || performance.now() >= end) return false;
    await pause(LOOK_MS, signal);
  }
  return true;
}

function read(service: Service, name: string, path: string): Promise<string> {
  return service.function(name).request("read", { path });
}

async function sum(service: Service, functions: readonly string[], path: string): Promise<number> {
  const values = await Promise.all(functions.map((name) => read(service, name, path)));
  return values.reduce((total, text) => total + Number(text), 0);
}

/** What the hosts' elements `sent` counted more than their elements `received`. */
async function missing(service: Service, sent: string, received: string): Promise<number> {
  return (await sum(service, HOSTS, `${sent}.count`)) - (await sum(service, HOSTS, `${received}.count`));
}

/** Packets that elements of a class, in all functions, dropped for one reason. */
async function dropped(service: Service, className: string, reason: string): Promise<number> {
  let total = 0;
  for (const f of service.functions.values()) {
    const { elements } = await f.request("stats", {});
    for (const e of elements) if (e.className === className) total += e.drops[reason] ?? 0;
  }
  return total;
}

/**
 * Ends the traffic and says what crossed, and what did not. `first` pings were lost in the first second; the exit status
 * is 1 when others were, or nothing crossed.
 */
async function summary(service: Service, first: number): Promise<number> {
  const lostPings = await answered(service);
  await arrived(service);
  const registered = await sum(service, ["ms"], "ms.registers");
  const resolved = await sum(service, XTRS, "resolver.requests");
  const encapsulated = await sum(service, XTRS, "encap.count");
  const decapsulated = await sum(service, XTRS, "decap.count");
  const [lost4, lost6] = await unanswered(service);
  const pings = await sum(service, HOSTS, "ping.count");
  const pings6 = await sum(service, HOSTS, "ping6.count");
  const sent = await sum(service, HOSTS, "sent.count");
  const lost = await missing(service, "sent", "udp_received");
  process.stdout.write(
    `register     ${registered} Map-Registers reached the Map-Server\n` +
      `resolve      ${resolved} Map-Requests were sent\n` +
      `encapsulate  ${encapsulated} packets, decapsulate ${decapsulated}\n` +
      `ping         ${pings - lost4} of ${pings} were answered over IPv4, ${pings6 - lost6} of ${pings6} over IPv6\n` +
      `udp          ${sent - lost} of ${sent} packets arrived\n`,
  );
  if (lost + lostPings > 0) {
    const mapping = await dropped(service, "LISPResolver", "queue_full");
    const neighbour = await dropped(service, "ARPQuerier", "waited");
    process.stdout.write(
      `lost         ${first} pings in the first second, ${Math.max(0, lostPings - first)} later; ` +
        `dropped ${mapping} packets while a mapping was asked for, ${neighbour} while a hardware address was\n`,
    );
  }
  return sent > lost && lostPings <= first ? 0 : 1;
}

export const command: Command = { help: HELP, serves: true, run };
