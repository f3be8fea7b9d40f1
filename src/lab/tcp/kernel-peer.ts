// The programs of a cell with the kernel's TCP, each in a namespace of its own:
//
//   link OPTIONS                    joins interfaces r0 and r1 by a link of ours (JSON: options of makeLink); prints "ready"
//   serve ADDRESS PORT SECONDS      prints "ready", and the bytes that came SECONDS after a connection was opened
//   send ADDRESS PORT               sends for ever

import { connect, createServer } from "node:net";
import { constants, setPriority } from "node:os";
import { KernelAlarms } from "../../device/alarms.js";
import { type LinkDevice, makeLink } from "../../device/link.js";
import { SystemProvider } from "../../device/provider.js";
import { Loader } from "../../loader.js";
import type { PacketMemory } from "../../packet/memory.js";
import { RealClock } from "../../router/clock.js";
import type { Device, DeviceOptions } from "../../router/device.js";
import { Router } from "../../router/router.js";

const [role, ...args] = process.argv.slice(2);

// Without whoever started it it has no business here.
process.stdin.on("end", () => process.exit()).resume();

/** Interfaces of the kernel, and the ends of a link. */
class Provider extends SystemProvider {
  readonly #ends: readonly LinkDevice[];

  constructor(ends: readonly LinkDevice[]) {
    super();
    this.#ends = ends;
  }

  override open(name: string, memory: PacketMemory, options?: DeviceOptions): Device {
    const end = this.#ends.find((device) => device.name === name);
    if (end === undefined) return super.open(name, memory, options);
    end.bind(memory);
    return end;
  }
}

/** What comes late at the link is a burst when it leaves it: other programs are to wait, where we may ask for that. */
function hurry(): void {
  try {
    setPriority(constants.priority.PRIORITY_HIGHEST);
  } catch {
    // It measures as well as it can.
  }
}

async function join(options: object): Promise<void> {
  hurry();
  const clock = new RealClock(new KernelAlarms());
  const ends = makeLink({ ...options, clock, names: ["left", "right"] });
  const router = new Router({ loader: new Loader(), clock, devices: new Provider(ends) });
  await router.start(`
    FromDevice(r0, PROMISC true) -> ToDevice(left);  FromDevice(left) -> ToDevice(r0);
    FromDevice(r1, PROMISC true) -> ToDevice(right); FromDevice(right) -> ToDevice(r1);`);
  console.log("ready");
  await router.run();
}

function serve(address: string, port: number, seconds: number): void {
  createServer((socket) => {
    let bytes = 0;
    socket.on("data", (data) => {
      bytes += data.length;
    });
    socket.on("error", () => {});
    setTimeout(() => console.log(bytes), seconds * 1000);
  }).listen(port, address, () => console.log("ready"));
}

function send(address: string, port: number): void {
  const socket = connect(port, address);
  const block = Buffer.alloc(65536);
  const more = (): void => {
    while (socket.write(block));
    socket.once("drain", more);
  };
  socket.on("connect", more);
  socket.on("error", () => process.exit());
}

if (role === "link") await join(JSON.parse(args[0]));
else if (role === "serve") serve(args[0], Number(args[1]), Number(args[2]));
else send(args[0], Number(args[1]));
