// ControlSocket and clients that mean harm, or know no better.

import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAX_DATA, MAX_LINE } from "../../../src/control/input.js";
import * as fc from "../../property.js";
import { until as eventually } from "../../until.js";
import { client, start, talk } from "./control-client.js";

const CONFIG = "cs :: ControlSocket(TCP, 0, LOCALHOST true); s :: Script(TYPE PASSIVE, error oops)";

test("a line without end and data without end are refused, and the connection closed", async () => {
  const world = await start(CONFIG);
  assert.is(await talk(world, "x".repeat(MAX_LINE + 1)), "500 Line too long\r\n");
  assert.is(await talk(world, `readdata list ${MAX_DATA + 1}\nabc`), "521 Data too large\r\n");
  await world.close();
});

test("a client that does not read its answers stops being answered", async () => {
  const world = await start(
    `cs :: ControlSocket(TCP, 0, LOCALHOST true); s :: Script(TYPE PASSIVE, set n $(add $n 1), init n 0, returnq "${"x".repeat(60_000)}")`,
  );
  const socket = await client({ port: Number(world.router.read("cs.port")), host: "127.0.0.1" });
  socket.pause();
  const requests = 4000;
  socket.write("read s.run\n".repeat(requests));
  let [before, now] = [-1, 0];
  while (now === 0 || before !== now) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    [before, now] = [now, Number(world.router.read("s.get", "n"))];
  }
  assert.ok(now > 0 && now < requests / 2, `${now} answers were made`);
  assert.match(await talk(world, "read driver\n"), /userlevel$/);
  socket.destroy();
  await world.close();
});

test("many connections at a time: those past the limit are turned away, the others served", async () => {
  const world = await start(CONFIG);
  const port = Number(world.router.read("cs.port"));
  const sockets = await Promise.all(Array.from({ length: 300 }, () => client({ port, host: "127.0.0.1" })));
  const closed = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<boolean>((resolve) => {
          if (socket.closed) resolve(true);
          socket.on("data", () => resolve(false));
          socket.on("close", () => resolve(true));
        }),
    ),
  );
  assert.is(closed.filter(Boolean).length, 300 - 256);
  for (const socket of sockets) socket.destroy();
  await eventually(
    async () => (await talk(world, "read driver\n").catch(() => "")) !== "",
    "there is room again",
  );
  await world.close();
});

test("random bytes do no harm", async () => {
  const world = await start(CONFIG);
  const words = fc.constantFrom(
    "read",
    "WRITE",
    "readdata",
    "writeuntil",
    "s.run",
    "s.set",
    "list",
    "9",
    "\n",
    "\r",
    " ",
  );
  const line = fc.array(fc.oneof(words, fc.string({ unit: "binary", maxLength: 5 })), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(line, async (pieces) => {
      const text = pieces.join(" ").replace(/[^\0-\xff]/g, "?");
      const answer = await talk(world, text);
      assert.ok(
        /^(\d{3}[ -][^\r\n]*\r\n|DATA \d+\r\n[\s\S]*)*$/.test(answer),
        JSON.stringify([text, answer]),
      );
    }),
    { numRuns: 100 },
  );
  assert.match(await talk(world, "read driver\n"), /userlevel$/);
  await world.close();
});

test.run();
