// sluice demo: brings up two LISP sites in this process, shows what their functions do, and takes them down. Needs no rights.

import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readDescriptor } from "../vnf/descriptor/read.js";
import { Manager } from "../vnf/manager/manager.js";
import type { Service } from "../vnf/service/service.js";
import { ServiceFolder, stateFolder } from "../vnf/state/folder.js";
import { RealWorld } from "../vnf/world.js";
import { type Command, UsageError } from "./command.js";
import { type OptionSpec, optionHelp, parseOptions } from "./options.js";
import { interruption } from "./running.js";
import { positive } from "./top.js";
import { watch } from "./up.js";

const OPTIONS: readonly OptionSpec[] = [
  { long: "seconds", value: "yes", valueName: "N", doc: "how long to run (default 6)" },
  { long: "help", doc: "print this and exit" },
];

const HELP = `Usage: sluice demo [OPTION]...

Brings up conf/services/two-sites.yaml in this process: two LISP tunnel routers with a
host behind each, and a Map-Server, joined by links of their own; it needs no rights and
touches no interface. The tunnel routers register their EID-prefixes and resolve each
other's; the hosts ping each other and exchange UDP packets, which the tunnel routers
encapsulate and decapsulate. Shows what the functions do, as 'sluice top' does, then a
summary, and takes everything down.

Options:
${optionHelp(OPTIONS)}
`;

const FILE = fileURLToPath(new URL("../../../conf/services/two-sites.yaml", import.meta.url));

const PICTURE = `host1 (192.168.1.10) -- xtr1 (10.0.0.1) == LISP == xtr2 (10.0.0.2) -- host2 (192.168.2.10)
      (fd01::10)              (fd00::1)      |        (fd00::2)             (fd02::10)
                                             ms (10.0.0.100, fd00::100)
`;

async function run(words: readonly string[]): Promise<number> {
  let seconds = 6;
  for (const { name, value } of parseOptions(words, OPTIONS)) {
    if (name === "seconds") seconds = positive(value, "--seconds");
    else throw new UsageError(`‘${value}’ is one word too many`);
  }
  const descriptor = readDescriptor(FILE);
  // Several may run at the same time.
  const name = `${descriptor.name}-demo-${process.pid}`;
  const { signal, release } = interruption();
  const state = writableState();
  const options = { world: new RealWorld(), folder: new ServiceFolder(name, state), port: 0 };
  let manager: Manager | null = null;
  try {
    manager = await Manager.instantiate({ ...descriptor, name }, options);
    process.stdout.write(`${PICTURE}\n`);
    await manager.service.start();
    await watch(manager, seconds, signal);
    return await summary(manager.service);
  } finally {
    await manager?.terminate();
    if (state !== stateFolder()) rmSync(state, { recursive: true, force: true });
    release();
  }
}

/** Where services are known; a folder of its own where that cannot be written, as by users without a home. */
function writableState(): string {
  const folder = stateFolder();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
    return folder;
  } catch {
    return mkdtempSync(join(tmpdir(), "sluice-demo-"));
  }
}

/** Says what crossed; the exit status is 1 when nothing did. */
async function summary(service: Service): Promise<number> {
  const sum = async (functions: readonly string[], path: string): Promise<number> => {
    const values = await Promise.all(functions.map((f) => service.function(f).request("read", { path })));
    return values.reduce((total, text) => total + Number(text), 0);
  };
  const [hosts, xtrs] = [
    ["host1", "host2"],
    ["xtr1", "xtr2"],
  ];
  const registered = await sum(["ms"], "ms.registers");
  const resolved = await sum(xtrs, "resolver.requests");
  const [sent, received] = [await sum(hosts, "sent.count"), await sum(hosts, "udp_received.count")];
  const [pings, answers] = [await sum(hosts, "ping.count"), await sum(hosts, "answers.count")];
  const [pings6, answers6] = [await sum(hosts, "ping6.count"), await sum(hosts, "answers6.count")];
  const [encapsulated, decapsulated] = [await sum(xtrs, "encap.count"), await sum(xtrs, "decap.count")];
  process.stdout.write(
    `register     ${registered} Map-Registers reached the Map-Server\n` +
      `resolve      ${resolved} Map-Requests were sent\n` +
      `encapsulate  ${encapsulated} packets, decapsulate ${decapsulated}\n` +
      `ping         ${answers} of ${pings} were answered over IPv4, ${answers6} of ${pings6} over IPv6\n` +
      `udp          ${received} of ${sent} packets arrived\n` +
      `What waited too long for the first answers, or was on its way at the end, is missing.\n`,
  );
  return received > 0 && answers > 0 && answers6 > 0 ? 0 : 1;
}

export const command: Command = { help: HELP, run };
