// VNF instances in worker threads, as src/vnf makes them: links are rings in shared memory.

import { Worker } from "node:worker_threads";
import { makeSharedLink, SharedLinkDevice } from "../src/device/shared-link.js";
import { MAY_ASK_NOTHING } from "../src/vnf/instance/remote.js";
import { ThreadInstance } from "../src/vnf/instance/thread.js";
import {
  type Booted,
  Ends,
  EVENTS,
  GATEWAY_MAC,
  type Hand,
  HOST_MAC,
  macOf,
  type Subject,
  specOf,
} from "./instance-lab.js";

/** Small: rings in shared memory have their full size from the start. */
const FLIGHT = { packets: 256, bytes: 262144 };
const NOT_IMPAIRED = { delay: 0, jitter: 0, loss: 0, rate: 0, queue: 0 };

/** Lays an instance's links, starts it in a thread, and waits for its first packet. */
export async function bootThread(hand: Hand, subject: Subject, number: number): Promise<Booted> {
  const begin = performance.now();
  const link = (name: string, near: Uint8Array, far: Uint8Array) =>
    makeSharedLink({ mtu: 1500, flight: FLIGHT, names: [name, `${name} far`], macs: [near, far] });
  const mac = macOf(number, 1);
  const [site, farSite] = link("site", mac, HOST_MAC);
  const [core, farCore] = link("core", macOf(number, 2), GATEWAY_MAC);
  const attached = [
    { name: "site", shared: site, impairments: NOT_IMPAIRED, cut: false },
    { name: "core", shared: core, impairments: NOT_IMPAIRED, cut: false },
  ];
  const instance = new ThreadInstance(specOf(subject, number), attached, EVENTS, MAY_ASK_NOTHING, () => {});
  const [host, gateway] = [farSite, farCore].map((end) => new SharedLinkDevice(end, NOT_IMPAIRED));
  const ends = new Ends(hand, subject, mac, host, gateway);
  await instance.start();
  await ends.first();
  const ms = performance.now() - begin;
  const close = async (): Promise<void> => {
    await instance.stop();
    host.close();
    gateway.close();
  };
  return { instance, ends, ms, close };
}

/** A thread that runs and does nothing. */
export async function emptyWorker(): Promise<{ readonly ms: number; close(): Promise<void> }> {
  const begin = performance.now();
  const worker = new Worker(new URL("empty-worker.js", import.meta.url));
  await new Promise((resolve) => worker.once("message", resolve));
  const ms = performance.now() - begin;
  return { ms, close: async () => void (await worker.terminate()) };
}
