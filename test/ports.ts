// Ports of this machine that nobody else takes between being found free and being bound, nor while who has them restarts:
// below those that the system gives out by itself, and apart from those of other test processes.

import { type AddressInfo, createServer } from "node:net";

/** Those below Linux's own (net.ipv4.ip_local_port_range begins at 32768), a block of them for each process. */
const FIRST = 10240;
const LAST = 32767;
const BLOCK = 16;

let given = 0;

/** `count` TCP ports of loopback that are free, each given once. */
export async function freePorts(count: number): Promise<number[]> {
  const blocks = Math.floor((LAST + 1 - FIRST) / BLOCK);
  const ports: number[] = [];
  for (let tries = 0; ports.length < count; tries++) {
    if (tries > LAST - FIRST) throw new Error("no port is free");
    // Past its own block a process goes on far away from those of its neighbours.
    const block = process.pid + Math.floor(given / BLOCK) * Math.floor(blocks / 2 + 1);
    const port = FIRST + (block % blocks) * BLOCK + (given++ % BLOCK);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    // On all addresses: also nobody who has them on all.
    server.listen(port, () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => resolve(bound === port));
    });
  });
}
