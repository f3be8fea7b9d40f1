// Traffic between the hosts of a network: transfers that arrive intact (transfer.ts), and many flows (flows.ts).

import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import type { SteadyReport } from "./flows.js";
import { ended, type Network } from "./namespaces.js";

const TRANSFER = fileURLToPath(new URL("transfer.js", import.meta.url));
const FLOWS = fileURLToPath(new URL("flows.js", import.meta.url));

/** Ports that tshark expects no protocol at. */
let nextPort = 45100;

/** Moves `megabytes` from one namespace to another, at `address` there, and fails when what arrives is not what was sent. */
export async function transfer(
  network: Network,
  protocol: "tcp" | "udp",
  address: string,
  megabytes: number,
  datagram?: number,
  [from, to]: readonly [string, string] = ["host1", "host2"],
): Promise<void> {
  const port = String(nextPort++);
  const server = network.start(to, process.execPath, [TRANSFER, "serve", protocol, address, port]);
  const received = ended(server);
  await ready(server, received);
  const words = [TRANSFER, "send", protocol, address, port, String(megabytes * 1e6)];
  if (datagram !== undefined) words.push(String(datagram));
  const sent = await ended(network.start(from, process.execPath, words));
  assert.is(sent.code, 0, sent.err);
  assert.is((await received).out.replace("ready\n", ""), sent.out);
  assert.match(sent.out, new RegExp(`^${megabytes * 1e6} [0-9a-f]{64}\n$`));
}

/** Resolves when a program says something; rejects when it ends before. */
async function ready(child: ChildProcess, over: ReturnType<typeof ended>): Promise<void> {
  const said = new Promise<null>((resolve) => child.stdout!.once("data", () => resolve(null)));
  const result = await Promise.race([said, over]);
  assert.is(result, null, `it ended: ${result?.err}`);
}

/** Where host2 echoes the datagrams of flows. */
const ECHO_PORT = "7007";

/** host2 echoes flows to `address`; resolves when it does. */
export async function echoFlows(network: Network, address: string): Promise<void> {
  const server = network.start("host2", process.execPath, [FLOWS, "serve", address, ECHO_PORT]);
  await ready(server, ended(server));
}

/** host1 sends a datagram of each of `count` flows; returns how many were echoed. */
export async function flowsOnce(network: Network, address: string, count: number): Promise<number> {
  const words = [FLOWS, "once", address, ECHO_PORT, String(count)];
  const { code, out, err } = await ended(network.start("host1", process.execPath, words));
  assert.is(code, 0, err);
  return Number(out);
}

/**
 * host1 sends a datagram of each of `count` flows every `milliseconds`; resolves once each was echoed, to what ends that
 * and says what it came to.
 */
export async function flowsSteadily(
  network: Network,
  address: string,
  count: number,
  milliseconds: number,
): Promise<() => Promise<SteadyReport>> {
  const words = [FLOWS, "steady", address, ECHO_PORT, String(count), String(milliseconds)];
  const child = network.start("host1", process.execPath, words);
  const result = ended(child);
  await ready(child, result);
  return async () => {
    child.stdin!.end();
    const { code, out, err } = await result;
    assert.is(code, 0, err);
    return JSON.parse(out.replace("steady\n", ""));
  };
}
