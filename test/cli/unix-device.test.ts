// Two routers in processes of their own, joined by Unix sockets.

import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { launch } from "./sluice.js";

const HOST = fileURLToPath(new URL("../../../conf/host.click", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

function host(own: string, peer: string, address: number, other: number): ReturnType<typeof launch> {
  const ip = `192.168.1.${address}`;
  const far = `192.168.1.${other}`;
  const device = `unix:${join(folder, own)}:${join(folder, peer)}`;
  const rest = ["RATE=1", "PING=0.1", `ROUTER4=${far}`, `PEER4=${far}`, `IP4=${ip}`];
  return launch(["run", HOST, `DEVICE=${device}`, ...rest]);
}

test("two routers ping each other over Unix sockets, also when one was killed and comes again", async () => {
  const a = host("a", "b", 10, 11);
  let b = host("b", "a", 11, 10);
  try {
    const answers = (text: string): number =>
      text.match(/bytes from 192\.168\.1\.\d+: icmp_seq/g)?.length ?? 0;
    await b.until(() => answers(b.err() + b.out()) >= 3);
    await a.until(() => answers(a.err() + a.out()) >= 3);
    b.kill("SIGKILL");
    await b.ended;
    await a.until(() => /unix:\S+ is down: nobody has the socket \S+\/b$/m.test(a.err()));
    b = host("b", "a", 11, 10);
    await b.until(() => answers(b.err() + b.out()) >= 3);
    const before = answers(a.err() + a.out());
    await a.until(() => answers(a.err() + a.out()) >= before + 3);
  } finally {
    for (const program of [a, b]) program.kill("SIGINT");
    for (const program of [a, b]) assert.is((await program.ended).signal, null);
  }
  assert.equal(readdirSync(folder), []);
});

test.run();
