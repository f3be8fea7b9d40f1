// One cell of the experiment that compares our TCP with the kernel's: a transfer over a link of given rate, round-trip
// time, queue and loss, for a given time. Here ours, in simulated time.

import { type LinkDevice, makeLink } from "../../device/link.js";
import { MapProvider } from "../../device/provider.js";
import { Loader } from "../../loader.js";
import { Router } from "../../router/router.js";
import { Simulation } from "../../router/simulation.js";

export interface TcpCell {
  /** Bits a second of Ethernet frames, in each direction. */
  readonly rate: number;
  /** Round-trip time of an empty path, seconds. */
  readonly rtt: number;
  /** Packets that wait for their transmission, in bandwidth-delay products of full frames. */
  readonly queue: number;
  /** Share of packets lost in each direction, 0 to 1. */
  readonly loss: number;
  /** Seconds of the transfer, from its first byte on. */
  readonly seconds: number;
  readonly congestion: "cubic" | "reno";
}

/** Bytes of a full Ethernet frame. */
const FRAME = 1514;
/** Packets that wait at least, so that a window can grow at all. */
const QUEUE_LEAST = 2;
/** Bytes that a connection has on their way at most: no limit in any cell. */
export const WINDOW = 32 * 2 ** 20;

/** Options of the link of `cell`. */
export function cellLink({ rate, rtt, queue, loss }: TcpCell): {
  readonly rate: number;
  readonly delay: number;
  readonly queue: number;
  readonly loss: number;
} {
  const packets = Math.round((rate * rtt * queue) / (8 * FRAME));
  return { rate, delay: rtt / 2, queue: Math.max(packets, QUEUE_LEAST), loss };
}

/** A host at one end of the link; its segments leave in frames, as the kernel's do, and are lost where the queue is full. */
function graph(host: string): string {
  return `FromDevice(end) -> Strip(14) -> host :: ${host}
    -> EtherEncap(0x0800, 02:00:00:00:00:01, 02:00:00:00:00:02) -> ToDevice(end);`;
}

/** Runs a cell with our TCP in simulated time and resolves with the bits of data a second that arrived; the same seed gives the same. */
export async function runTcpCell(cell: TcpCell, seed: number, signal: AbortSignal): Promise<number> {
  const simulation = new Simulation(seed);
  const { clock, schedule, random } = simulation;
  const link = makeLink({ ...cellLink(cell), clock, schedule, random: () => random.real() });
  const routers: Router[] = [];
  const start = async (text: string, end: LinkDevice): Promise<void> => {
    const devices = new MapProvider([["end", end]]);
    const router = new Router({ loader: new Loader(), clock, seed, devices, memory: { slots: 16384 } });
    routers.push(router);
    await router.start(text);
    simulation.add(router);
  };
  const options = `WINDOW ${WINDOW}, CONGESTION ${cell.congestion}`;
  try {
    await start(graph(`TCPSink(10.0.0.2, 5001, CHECK false, ${options})`), link[1]);
    await start(graph(`TCPSource(10.0.0.1, 40000, 10.0.0.2, 5001, ${options})`), link[0]);
    // The third segment of the handshake has data behind it.
    await simulation.runFor(cell.seconds + 1.5 * cell.rtt, signal);
    signal.throwIfAborted();
    return (Number(routers[0].read("host.bytes")) * 8) / cell.seconds;
  } finally {
    for (const router of routers) router.close();
  }
}
