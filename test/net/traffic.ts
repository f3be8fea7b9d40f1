// Traffic between the hosts of a network: transfers that arrive intact (transfer.ts), and many flows (flows.ts).

import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { ended, type Network } from "./namespaces.js";

const TRANSFER = fileURLToPath(new URL("transfer.js", import.meta.url));

/** Ports that tshark expects no protocol at. */
let nextPort = 45100;

/** Moves `megabytes` from host1 to host2 at `address`, and fails when what arrives is not what was sent. */
export async function transfer(
  network: Network,
  protocol: "tcp" | "udp",
  address: string,
  megabytes: number,
  datagram?: number,
): Promise<void> {
  const port = String(nextPort++);
  const server = network.start("host2", process.execPath, [TRANSFER, "serve", protocol, address, port]);
  const received = ended(server);
  await new Promise((resolve) => server.stdout!.once("data", resolve));
  const words = [TRANSFER, "send", protocol, address, port, String(megabytes * 1e6)];
  if (datagram !== undefined) words.push(String(datagram));
  const sent = await ended(network.start("host1", process.execPath, words));
  assert.is(sent.code, 0, sent.err);
  assert.is((await received).out.replace("ready\n", ""), sent.out);
  assert.match(sent.out, new RegExp(`^${megabytes * 1e6} [0-9a-f]{64}\n$`));
}
