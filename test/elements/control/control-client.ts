// Routers with a ControlSocket, and clients of it.

import { connect, type NetConnectOpts, type Socket } from "node:net";
import * as assert from "uvu/assert";
import { Router } from "../../../src/index.js";

export const GREETING = "Click::ControlSocket/1.3\r\n";

export interface World {
  readonly router: Router;
  readonly log: string[];
  readonly running: Promise<void>;
  close(): Promise<void>;
}

export async function start(text: string, hotSwap = false): Promise<World> {
  const log: string[] = [];
  const router = await Router.fromText(text, { log: (line) => log.push(line), print: () => {}, hotSwap });
  const running = router.run();
  return {
    router,
    log,
    running,
    close: async () => {
      router.stop();
      router.driver.interrupt();
      await running;
      router.close();
    },
  };
}

export function client(options: NetConnectOpts): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => resolve(socket));
    socket.setEncoding("latin1");
    socket.on("error", reject);
  });
}

/** Everything that comes until the other side closes. */
export function everything(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.on("data", (t) => (text += String(t)));
    socket.on("close", () => resolve(text));
  });
}

/** Sends `text`, closes this side, and gives all that is answered, without the greeting. */
export async function talk(world: World, text: string, name = "cs"): Promise<string> {
  const socket = await client({ port: Number(world.router.read(`${name}.port`)), host: "127.0.0.1" });
  const all = everything(socket);
  socket.end(text, "latin1");
  const answer = await all;
  assert.ok(answer.startsWith(GREETING), answer);
  return answer.slice(GREETING.length);
}
