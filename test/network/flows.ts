// A program for tests: many flows of UDP datagrams, each from a source port of its own, and who echoes them.
//
//   flows serve ADDRESS PORT                        echoes every datagram; prints "ready"
//   flows once ADDRESS PORT COUNT                   COUNT flows of one datagram each; prints how many were echoed
//   flows steady ADDRESS PORT COUNT MILLISECONDS    a datagram of each flow every MILLISECONDS until standard input
//                                                   ends; prints "steady" once each flow was echoed, and in the end
//                                                   a SteadyReport as JSON
//
// Flow I has source port 20000 + I in both.

import { createSocket, type Socket } from "node:dgram";

/** What `flows steady` prints. Times in milliseconds since 1970, when datagrams were sent. */
export interface SteadyReport {
  readonly sent: number;
  /** Of each flow that lost any, how many datagrams were not echoed, the first and the last of them. */
  readonly disturbed: readonly { flow: number; lost: number; first: number; last: number }[];
}

const FIRST_PORT = 20000;
/** Flows of `once` that wait for their echo at a time: no queue on the way overflows. */
const WINDOW = 64;
/** Milliseconds for an echo to come: only one that is lost takes so long. */
const PATIENCE = 20_000;

const [role, address, portText, countText, intervalText] = process.argv.slice(2);
const port = Number(portText);
const count = Number(countText);
const family = address.includes(":") ? "udp6" : "udp4";

function serve(): void {
  const socket = createSocket({ type: family, recvBufferSize: 4 << 20 });
  socket.on("message", (message, peer) => socket.send(message, peer.port, peer.address));
  socket.bind(port, address, () => process.stdout.write("ready\n"));
}

function bound(flow: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(family);
    socket.on("error", reject);
    socket.bind(FIRST_PORT + flow, () => resolve(socket));
  });
}

async function exchange(flow: number): Promise<boolean> {
  const socket = await bound(flow);
  const echoed = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), PATIENCE);
    socket.on("message", () => {
      clearTimeout(timer);
      resolve(true);
    });
    socket.send("flow", port, address);
  });
  socket.close();
  return echoed;
}

async function once(): Promise<void> {
  let next = 0;
  let echoed = 0;
  const worker = async (): Promise<void> => {
    while (next < count) if (await exchange(next++)) echoed++;
  };
  await Promise.all(Array.from({ length: WINDOW }, worker));
  process.stdout.write(`${echoed}\n`);
}

async function steady(interval: number): Promise<void> {
  const sockets: Socket[] = [];
  /** When each round was sent, and of each flow what rounds are not echoed. */
  const rounds: number[] = [];
  const missing = Array.from({ length: count }, () => new Set<number>());
  /** Flows that were not echoed yet. */
  const silent = new Set(missing.keys());
  for (let flow = 0; flow < count; flow++) {
    const socket = await bound(flow);
    socket.on("message", (message) => {
      missing[flow].delete(message.readUInt32BE(0));
      if (silent.delete(flow) && silent.size === 0) process.stdout.write("steady\n");
    });
    sockets.push(socket);
  }
  const timer = setInterval(() => {
    const round = rounds.push(Date.now()) - 1;
    const message = Buffer.alloc(4);
    message.writeUInt32BE(round);
    for (const [flow, socket] of sockets.entries()) {
      missing[flow].add(round);
      socket.send(message, port, address);
    }
  }, interval);
  await new Promise((resolve) => process.stdin.on("end", resolve).resume());
  clearInterval(timer);
  // What comes before the echo of the last round has come by then, or is lost.
  const last = rounds.length - 1;
  const end = performance.now() + PATIENCE;
  while (missing.some((lost) => lost.has(last)) && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 10));
  for (const socket of sockets) socket.close();
  const disturbed = missing.flatMap((lost, flow) => {
    const times = Array.from(lost, (round) => rounds[round]);
    if (times.length === 0) return [];
    return [{ flow, lost: times.length, first: Math.min(...times), last: Math.max(...times) }];
  });
  const report: SteadyReport = { sent: rounds.length * count, disturbed };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

if (role === "serve") serve();
else if (role === "once") await once();
else await steady(Number(intervalText));
