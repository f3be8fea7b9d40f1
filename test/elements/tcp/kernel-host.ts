// A program for tests, run in a namespace: conf/host.click behind a link of ours, bridged to interface r0. So both
// directions of what it exchanges with the kernel behind r0 have the link's delay, loss and rate.
//
//   node kernel-host.js LINK VARIABLES    both JSON: options of makeLink, parameters of the graph
//
// Each line that it reads names a handler and gets a line with its value; "cut" and "mend" cut the link and mend it.
// It ends when its input does.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { makeLink } from "../../../src/device/link.js";
import { SystemProvider } from "../../../src/device/provider.js";
import { Router } from "../../../src/index.js";
import { libraryReader } from "../../../src/loader.js";
import type { PacketMemory } from "../../../src/packet/memory.js";
import type { AddressKind, Device, DeviceOptions } from "../../../src/router/device.js";

const [link, variables] = process.argv.slice(2).map((text) => JSON.parse(text));
const ends = makeLink({ ...link, names: ["host", "wire"] });

/** Interfaces of the kernel, and the link's ends. */
class Provider extends SystemProvider {
  override open(name: string, memory: PacketMemory, options?: DeviceOptions): Device {
    const end = ends.find((device) => device.name === name);
    if (end === undefined) return super.open(name, memory, options);
    end.bind(memory);
    return end;
  }
  override address(name: string, kind: AddressKind): Uint8Array | null {
    return name === "host" && kind === "ether" ? ends[0].mac : super.address(name, kind);
  }
}

const file = fileURLToPath(new URL("../../../../conf/host.click", import.meta.url));
const text = `${readFileSync(file, "utf8")}
FromDevice(r0, PROMISC true) -> ToDevice(wire);
FromDevice(wire) -> ToDevice(r0);`;
const router = await Router.fromText(text, {
  readLibrary: libraryReader(""),
  file,
  devices: new Provider(),
  variables: { DEVICE: "host", RATE: "0", PING: "1000", VERBOSE: "false", ...variables },
});
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  if (line === "cut" || line === "mend") for (const end of ends) end.impair(link, line === "cut");
  else console.log(router.read(line));
});
lines.on("close", () => router.stop());
console.log("ready");
await router.run();
router.close();
