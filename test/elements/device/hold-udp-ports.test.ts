// HoldUDPPorts: ports nobody else can have while the router runs.

import { createSocket } from "node:dgram";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Router, SimulatedClock, SystemProvider } from "../../../src/index.js";
import { freePorts } from "../../ports.js";

/** Whether a program can bind UDP `port`. */
function free(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.on("error", () => resolve(false));
    socket.bind(port, () => socket.close(() => resolve(true)));
  });
}

/** A port that is free, and that no other test takes meanwhile. */
async function freePort(): Promise<number> {
  for (;;) {
    const [port] = await freePorts(1);
    if (await free(port)) return port;
  }
}

test("a held port is taken while the router runs, also after a hot swap, and free again after it", async () => {
  const port = await freePort();
  const router = await Router.fromText(`h :: HoldUDPPorts(${port})`, { devices: new SystemProvider() });
  assert.not(await free(port));
  await router.swap(`h :: HoldUDPPorts(${port}); Idle -> Discard`);
  assert.not(await free(port));
  await router.swap("Idle -> Discard");
  assert.ok(await free(port));
  await router.swap(`HoldUDPPorts(${port})`);
  router.close();
  assert.ok(await free(port));
});

test("a port that another program has is an error that names it, and holds none of the others", async () => {
  const other = await freePort();
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, resolve));
  const { port } = socket.address();
  try {
    await Router.fromText(`HoldUDPPorts(${other}, ${port})`, { devices: new SystemProvider() });
    assert.unreachable();
  } catch (e) {
    assert.match((e as Error).message, new RegExp(`cannot hold UDP port ${port}: another program has it`));
  }
  assert.ok(await free(other));
  socket.close();
});

test("without a host there is nothing to hold; without ports it is an error", async () => {
  (await Router.fromText("HoldUDPPorts(4341)", { clock: new SimulatedClock() })).close();
  try {
    await Router.fromText("HoldUDPPorts()", { clock: new SimulatedClock() });
    assert.unreachable();
  } catch (e) {
    assert.match((e as Error).message, /PORT: required argument missing/);
  }
});

test.run();
